"""On-call rotas, from the command line: the person on call at send time is alerted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.incident.state.events import RoleAssigned, decode
from tests.cli.at_desk import AtDesk, compare

RULES = (
    "SUMMARY:On call: Jonas Jansen\nDTSTART;TZID=Europe/Berlin:20261102T080000\n"
    "DTEND;TZID=Europe/Berlin:20261103T080000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU",
    "SUMMARY:Ada\nATTENDEE;CN=Whoever:mailto:ADA@example.org\nDTSTART;TZID=Europe/Berlin:20261104T080000\n"
    "DTEND;TZID=Europe/Berlin:20261105T080000\nRRULE:FREQ=WEEKLY",
)
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: watch
version: 1.0.0
title: Watch
roles: {commander: {title: Incident commander}}
messages:
  one: {class: task-notice, text: "the first"}
  two: {class: task-notice, text: "the second"}
steps:
  - {id: first, message: one, to: [role:commander]}
  - {id: pause, wait: 24h, after: [first]}
  - {id: second, message: two, to: [role:commander], after: [pause]}
  - {id: over, task: End it, role: commander, after: [second]}
"""


def calendar(*events: str) -> str:
    inner = "".join(f"BEGIN:VEVENT\nUID:{n}\n{one}\nEND:VEVENT\n" for n, one in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{inner}END:VCALENDAR\n".replace("\n", "\r\n")


@pytest.fixture
def watch(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A home in which Jonas is on call on Mondays and Tuesdays, Ada on Wednesdays; the rest falls to Maria."""
    people = {
        name: {"name": full, "contacts": [{"channel": "screen", "address": name}, *mail]}
        for name, full, mail in (
            ("maria", "Maria Muster", []),
            ("jonas", "Jonas Jansen", []),
            ("ada", "Ada Adler", [{"channel": "email", "address": "ada@example.org"}]),
        )
    }
    (tocsin.home / "rota.ics").write_text(calendar(*RULES), encoding="utf-8")
    tocsin.settings(people=people, oncall={"commander": "rota.ics"})
    (tmp_path / "watch.yaml").write_text(PLAYBOOK, encoding="utf-8")
    return tocsin


def row(desk: AtDesk) -> dict[str, Any]:
    """Return what is listed of the role that has the rota."""
    rows = desk("role", "list", "--format", "json").json["roles"]
    [found] = [row for row in rows if row["role"] == "commander"]
    return dict(found)


def holder(desk: AtDesk) -> tuple[list[str], bool]:
    found = row(desk)
    return found["persons"], found["on_call"]


def told(desk: AtDesk) -> list[tuple[str, int]]:
    rows = desk("message", "list", "--format", "json").json["deliveries"]
    return [(row["recipient"], len(row["attempts"])) for row in rows]


def test_the_on_call_person_holds_a_role_and_a_named_person_fills_gaps(watch: AtDesk) -> None:
    assert holder(watch) == (["jonas"], True)
    assert (row(watch)["until"], row(watch)["rota"]) == ("2026-11-25T07:00:00Z", "rota.ics")
    pages = watch.done("role", "list")
    watch.clock.advance(timedelta(hours=22))
    assert holder(watch) == (["ada"], True)
    people = watch("person", "list", "--format", "json").json["people"]
    assert {person["person"]: person["roles"] for person in people}["ada"] == ["commander", "counsel"]
    watch.clock.advance(timedelta(days=1))
    assert holder(watch) == (["maria"], False)
    compare("oncall-roles", pages + watch.done("role", "list"), watch.home)


def test_the_on_call_person_at_send_time_gets_alert_and_role(watch: AtDesk, tmp_path: Path) -> None:
    watch.done("open", str(tmp_path / "watch.yaml"), "--yes")
    assert told(watch) == [("jonas", 1)]
    watch.clock.advance(timedelta(hours=25))
    watch("worker", "--once")
    assert told(watch) == [("jonas", 1), ("ada", 1)]
    store = watch.office().store
    [opened] = store.rows()
    events = [decode(event.payload) for event in store.read(opened.id) if event.payload is not None]
    assigned = [event for event in events if isinstance(event, RoleAssigned) and event.role == "commander"]
    assert [(event.persons, event.on_call) for event in assigned] == [(("jonas",), True), (("ada",), True)]


def test_a_person_assigned_in_an_incident_keeps_the_role_until_released(
    watch: AtDesk, tmp_path: Path
) -> None:
    watch.done("open", str(tmp_path / "watch.yaml"), "--yes")
    watch.done("role", "assign", "commander", "maria")
    watch.clock.advance(timedelta(hours=25))
    watch("worker", "--once")
    assert told(watch) == [("jonas", 1), ("maria", 1)]
    assert (row(watch)["incident_persons"], row(watch)["follows"]) == (["maria"], False)
    watch.done("role", "assign", "commander", "--on-call")
    assert (row(watch)["incident_persons"], row(watch)["follows"]) == (["ada"], True)
    said = watch("role", "assign", "counsel", "--on-call")
    assert (said.code, said.error) == (1, "no_rota")
    said = watch("role", "assign", "commander", "ada", "--on-call")
    assert (said.code, said.error) == (2, "options_conflict")


NEVER_ENDS = RULES[0].replace("BYDAY", "COUNT=9999999;BYDAY").replace("2026", "1971")
UNUSABLE = {
    "no calendar": "BEGIN:NOTHING",
    "unreadable": calendar("SUMMARY:ada\nDTSTART:junk"),
    "too long": calendar("SUMMARY:ada\nDTSTART:20261101T000000Z\nDTEND:20291101T000000Z"),
    "two rules": calendar(f"{RULES[0]}\nRRULE:FREQ=DAILY"),
    "too often": calendar(RULES[1].replace("FREQ=WEEKLY", "FREQ=SECONDLY")),
    "unknown part": calendar(RULES[1].replace("WEEKLY", "YEARLY;BYYEARDAY=1")),
    "too much to look through": calendar(*[NEVER_ENDS] * 9),
    "too many bytes": "x" * 1_000_001,
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_rota_blocks_no_message_and_is_reported(watch: AtDesk, tmp_path: Path, case: str) -> None:
    (watch.home / "rota.ics").write_text(UNUSABLE[case], encoding="utf-8")
    assert holder(watch) == (["maria"], False)
    problem = row(watch)["problem"]
    assert problem
    assert problem in " ".join(watch.done("role", "list").split())
    findings = watch("doctor", "--format", "json").json["findings"]
    [found] = [finding for finding in findings if finding["area"] == "rota"]
    assert (found["severity"], problem in found["what"]) == ("warning", True)
    watch.done("open", str(tmp_path / "watch.yaml"), "--yes")
    assert told(watch) == [("maria", 1)]


def test_each_thing_that_can_be_wrong_with_a_rota_is_said_in_a_sentence_of_its_own(watch: AtDesk) -> None:
    said = {}
    for case, content in UNUSABLE.items():
        (watch.home / "rota.ics").write_text(content, encoding="utf-8")
        said[case] = row(watch)["problem"]
    assert len(set(said.values())) == len(UNUSABLE)
    compare("oncall-problems", "".join(f"{case}: {one}\n" for case, one in said.items()), watch.home)


def test_a_rota_entry_with_an_unknown_person_is_reported_and_others_apply(watch: AtDesk) -> None:
    assert row(watch)["problem"] == ""
    stranger = RULES[0].replace("Jonas Jansen", "Jonas").replace("MO,TU", "SA")
    (watch.home / "rota.ics").write_text(calendar(*RULES, stranger), encoding="utf-8")
    assert holder(watch) == (["jonas"], True)
    problem = row(watch)["problem"]
    assert "1" in problem.split()
    assert problem in " ".join(watch.done("role", "list").split())


def test_a_rota_requires_a_person_for_its_gaps(watch: AtDesk) -> None:
    watch.settings(oncall={"scribe": "rota.ics"})
    said = watch("role", "list", "--format", "json")
    assert (said.code, said.error) == (1, "bad_settings")
    [problem] = said.json["problems"]
    assert (problem["code"], "scribe" in problem["message"]) == ("oncall", True)
