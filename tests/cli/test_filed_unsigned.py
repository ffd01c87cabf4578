"""What was filed is on record, also where nobody had signed it; and then everybody sees that nobody had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk
from tests.cli.noticed import DUTY, noticed, rendered

SIGNATURE = "noticed:sign#1"
FILED = ("duty", "record-filed", DUTY, "--reference", "4711")


def waits(desk: AtDesk) -> list[dict[str, Any]]:
    found = desk("status", "--format", "json").json["needs_attention"]
    return [one for one in found if one["kind"] == "filed_unsigned"]


def record(desk: AtDesk) -> Any:
    """Return what is on record about the duty."""
    duties = desk("duties", "--all", "--format", "json").json["duties"]
    return next(one["record"] for one in duties if one["id"] == DUTY)


def entry(desk: AtDesk) -> str:
    """Return what the timeline says about the filing."""
    entries = desk("timeline", "--format", "json").json["entries"]
    (found,) = (one["text"] for one in entries if one["type"] == "DutyRecorded")
    return str(found)


def test_a_filing_before_the_signature_is_recorded_and_said_until_it_is_given(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    said = desk(*FILED)
    assert (said.code, said.warnings, SIGNATURE in said.err) == (0, ["unsigned"], True)
    assert (record(desk)["kind"], record(desk)["reference"]) == ("filed", "4711")
    [attention] = waits(desk)
    assert (attention["severity"], attention["command"]) == ("high", "tocsin approve sign")
    assert attention["ref"] == DUTY
    assert record(desk)["unsigned"] == [SIGNATURE]
    assert SIGNATURE in entry(desk)
    assert SIGNATURE in desk.done("duties", "--all")
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert waits(desk) == []
    assert SIGNATURE in entry(desk)


def test_a_filing_before_anything_was_rendered_is_unsigned_too(tocsin: AtDesk, tmp_path: Path) -> None:
    said = noticed(tocsin, tmp_path)(*FILED)
    assert (said.code, said.warnings) == (0, ["unsigned"])


def test_what_was_signed_is_filed_without_a_word_although_a_newer_text_waits(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    said = desk(*FILED)
    assert (said.code, said.warnings) == (0, [])
    assert (record(desk)["unsigned"], SIGNATURE in entry(desk)) == ([], False)
    assert waits(desk) == []
