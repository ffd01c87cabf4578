"""What was filed is on record, also where nobody had signed it; and then everybody sees that nobody had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk
from tests.cli.noticed import DUTY, noticed, rendered

UNSIGNED = "UNSIGNED: it still waited for noticed:sign#1"
FILED = ("duty", "record-filed", DUTY, "--reference", "4711")


def waits(desk: AtDesk) -> list[dict[str, Any]]:
    found = desk("status", "--format", "json").json["needs_attention"]
    return [one for one in found if one["kind"] == "filed_unsigned"]


def told(desk: AtDesk, *words: str) -> str:
    """Return what a command shows, its lines put together."""
    return " ".join(desk.done(*words).split())


def test_a_filing_before_the_signature_is_recorded_and_said_until_it_is_given(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    said = desk(*FILED)
    assert (said.code, f"{DUTY} is filed" in said.out) == (0, True)
    assert "warning: the notice is not signed: noticed:sign#1 is still open" in said.err
    [attention] = waits(desk)
    assert (attention["severity"], attention["command"]) == ("high", "tocsin approve sign")
    assert "filed while its notice still waited for" in attention["text"]
    assert UNSIGNED in told(desk, "timeline")
    assert UNSIGNED in told(desk, "duties", "--all")
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert waits(desk) == []
    assert UNSIGNED in told(desk, "timeline")


def test_a_filing_before_anything_was_rendered_is_unsigned_too(tocsin: AtDesk, tmp_path: Path) -> None:
    said = noticed(tocsin, tmp_path)(*FILED)
    assert (said.code, "the notice is not signed" in said.err) == (0, True)


def test_what_was_signed_is_filed_without_a_word_although_a_newer_text_waits(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    assert "warning" not in desk(*FILED).err
    assert waits(desk) == []
