"""A text whose facts changed is stale: every view shows this, and signing or filing it is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.incident.notices.staleness import ChangedFact, change_words
from tests.cli.at_desk import AtDesk
from tests.cli.incidents.test_second_person import asked
from tests.cli.notices.noticed import DUTY, noticed, rendered

BODY = """\
# Notice of a breach

{{ incident.summary }} How: {{ incident.vector|label }}. People: {{ people.total|number }}.

{% if risk.consequences is known %}Consequences: {{ risk.consequences }}{% endif %}

{% for place in people.by_jurisdiction %}{{ place }} {% endfor %}
"""
FILE = ("duty", "record-filed", DUTY, "--reference", "4711", "--as", "maria")


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A final notice that two people may sign, and that nobody has signed yet."""
    made = noticed(tocsin, tmp_path, body=BODY)
    told(made, "incident.vector=phishing", "people.total=12000", "people.by_jurisdiction.DE=11000")
    made.done("notice", "render", "draft")
    return made


def told(desk: AtDesk, *facts: str) -> None:
    desk.done("fact", "set", *facts, "--source", "recount")


def sign(desk: AtDesk, *more: str, by: str = "ada") -> Any:
    return desk("approve", "sign", "--as", by, "--digest", rendered(desk)["digest"], *more)


def record(desk: AtDesk) -> Any:
    duties = desk("duties", "--all", "--format", "json").json["duties"]
    return next(duty.get("record") for duty in duties if duty["id"] == DUTY)


def waits(desk: AtDesk) -> list[Any]:
    found = desk("status", "--format", "json").json["needs_attention"]
    return [one for one in found if one["kind"] == "notice_stale"]


def entries(desk: AtDesk, kind: str) -> list[Any]:
    return [entry for entry in desk("timeline", "--format", "json").json["entries"] if entry["type"] == kind]


CHANGE = [{"fact": "people.total", "before": 12000, "after": 12400}]


def test_a_stale_text_of_a_duty_that_no_longer_applies_needs_no_action(desk: AtDesk) -> None:
    told(desk, "people.total=12400")
    assert [wait["ref"] for wait in waits(desk)]
    told(desk, "organisation.role=processor", "--grounds", "the contract of 2024")
    desk.done("confirm", asked(desk), "--as", "ada")
    assert waits(desk) == []


def test_every_view_says_which_facts_changed(desk: AtDesk, tmp_path: Path) -> None:
    assert (rendered(desk)["stale"], rendered(desk)["changed"], waits(desk)) == (False, [], [])
    told(desk, "people.total=12400")
    for found in (
        rendered(desk),
        desk("notice", "show", "short-notice", "--format", "json").json["notice"],
        desk("status", "--format", "json").json["notices"][-1],
        desk("task", "show", "sign", "--format", "json").json["notice"],
    ):
        assert (found["stale"], found["changed"], found["as_it_was"]) == (True, CHANGE, None)
    [attention] = waits(desk)
    assert attention["command"] == "tocsin notice render draft"
    pulled = desk("notice", "pull", "--out", str(tmp_path / "out"), "--format", "json").json["files"]
    assert [file["stale"] for file in pulled if file["path"].endswith(".html")] == [True, False], (
        "the redline is not"
    )
    manifest = json.loads((tmp_path / "out" / "privileged" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["documents"][-1]["changed"] == CHANGE
    day = ChangedFact(fact="incident.aware_at", before=None, after="2026-11-24T08:00:00Z")
    zone = ZoneInfo("Europe/Berlin")
    assert [change_words(ChangedFact(**one), zone) for one in CHANGE] == [
        "How many people are affected (people.total): 12,000 → 12,400"
    ]
    assert "09:00" in change_words(day, zone)


def test_changed_facts_that_the_text_does_not_use_keep_it_current(desk: AtDesk) -> None:
    told(desk, "data.encrypted=false", "people.by_jurisdiction.DE=10000", "people.total=12000")
    assert (rendered(desk)["stale"], waits(desk)) == (False, [])


def test_a_reversed_change_does_not_make_a_text_stale(desk: AtDesk) -> None:
    told(desk, "people.total=12400")
    told(desk, "people.total=12000")
    assert rendered(desk)["changed"] == []


@pytest.mark.parametrize(
    ("fact", "before", "after"),
    [
        ("risk.consequences", None, "Spam."),
        ("people.by_jurisdiction.FR", None, 3),
        ("people.total", 12000, None),
    ],
)
def test_facts_that_become_known_and_new_list_values_make_it_stale(
    desk: AtDesk, fact: str, before: Any, after: Any
) -> None:
    told(desk, f"{fact}={'?' if after is None else after}")
    assert rendered(desk)["changed"] == [{"fact": fact, "before": before, "after": after}]
    assert sign(desk).error == "notice_stale"


def test_a_stale_text_is_not_approved_before_it_is_rendered_again(desk: AtDesk) -> None:
    told(desk, "people.total=12400")
    said = sign(desk)
    assert (said.code, said.error) == (1, "notice_stale")
    assert desk("task", "show", "sign", "--format", "json").json["approvals"] == []
    desk.done("notice", "render", "draft")
    assert (rendered(desk)["stale"], waits(desk), sign(desk).code) == (False, [], 0)


def test_the_same_words_from_newer_facts_are_current_and_void_nothing(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "{{ incident.summary }} {{ incident.vector|label }} {% if people.total > 100 %}Many.{% endif %}"
    desk = noticed(tocsin, tmp_path, body=body)
    told(desk, "incident.vector=phishing", "people.total=12000")
    desk.done("notice", "render", "draft")
    sign(desk)
    told(desk, "people.total=12400")
    before = rendered(desk)
    assert before["stale"]
    desk.done("notice", "render", "draft")
    after = rendered(desk)
    assert (after["digest"] == before["digest"], after["stale"]) == (True, False)
    assert [approval["binds"] for approval in after["approvals"]] == [True]


def test_a_rejection_of_a_stale_text_is_heard(desk: AtDesk) -> None:
    told(desk, "people.total=12400")
    digest = rendered(desk)["digest"]
    desk.done("reject", "sign", "--as", "ada", "--digest", digest, "--reason", "the number is wrong")


def test_counsel_lets_a_text_be_signed_as_it_was_with_a_reason(desk: AtDesk) -> None:
    told(desk, "people.total=12400")
    told(desk, "people.total=12500")
    said = sign(desk, "--as-it-was", "the deadline ends at noon")
    assert said.code == 0, said.err
    found = rendered(desk)
    assert (found["stale"], found["changed"][0]["after"]) == (True, 12500)
    assert (found["as_it_was"]["by"], found["as_it_was"]["reason"]) == ("ada", "the deadline ends at noon")
    [entry] = entries(desk, "NoticeKept")
    assert "the deadline ends at noon" in entry["text"]
    assert waits(desk) == []
    assert desk(*FILE).code == 0
    assert record(desk)["as_it_was"] == "the deadline ends at noon"


def test_a_later_change_asks_again(desk: AtDesk) -> None:
    told(desk, "people.total=12400")
    sign(desk, "--as-it-was", "the deadline ends at noon")
    told(desk, "people.total=12600")
    assert (rendered(desk)["as_it_was"], desk(*FILE).error) == (None, "which_text")
    assert desk(*FILE, "--digest", rendered(desk)["digest"]).error == "notice_stale"


def test_only_counsel_lets_a_text_pass_and_only_where_it_is_needed(desk: AtDesk) -> None:
    assert sign(desk, "--as-it-was", "so be it").error == "nothing_stale"
    told(desk, "people.total=12400")
    sign(desk, "--as-it-was", "the deadline ends at noon")
    told(desk, "people.total=12600")
    assert desk(*FILE, "--as-it-was", "late").error == "role"
    assert sign(desk, "--as-it-was", " ").error == "already_ended"
    asked = ("--on-behalf-of", "jonas", "--via", "phone", "--as-it-was", "late")
    assert desk("duty", "record-filed", DUTY, "--reference", "1", *asked).error == "on_behalf"
    assert record(desk) is None


def test_a_signed_text_with_changed_facts_is_not_recorded_as_filed(desk: AtDesk) -> None:
    sign(desk)
    told(desk, "people.total=12400")
    digest = rendered(desk)["digest"]
    said = desk(*FILE, "--digest", digest)
    assert (said.code, said.error, record(desk)) == (1, "notice_stale", None)
    said = desk(*FILE[:-1], "jonas", "--digest", digest, "--as-it-was", "the portal closes")
    assert said.code == 0, said.err
    assert (record(desk)["digest"], record(desk)["as_it_was"]) == (digest, "the portal closes")
    [entry] = entries(desk, "DutyRecorded")
    assert "the portal closes" in entry["text"]


def test_facts_that_change_after_the_filing_do_not_make_it_stale(desk: AtDesk) -> None:
    sign(desk)
    filed = desk.clock.now() + timedelta(minutes=5)
    desk.clock.advance(timedelta(minutes=20))
    told(desk, "people.total=12400")
    said = desk(*FILE, "--digest", rendered(desk)["digest"], "--at", filed.isoformat())
    assert said.code == 0, said.err
    assert record(desk)["as_it_was"] == ""
