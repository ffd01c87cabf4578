"""On-call rotas, from the command line: who is told is whoever is on call at that moment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

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


def holder(desk: AtDesk) -> tuple[list[str], bool]:
    [row] = [
        one for one in desk("role", "list", "--format", "json").json["roles"] if one["role"] == "commander"
    ]
    return row["persons"], row["on_call"]


def told(desk: AtDesk) -> list[tuple[str, int]]:
    rows = desk("message", "list", "--format", "json").json["deliveries"]
    return [(one["recipient"], len(one["attempts"])) for one in rows]


def test_a_role_is_held_by_whoever_is_on_call_and_a_gap_falls_to_the_named_person(watch: AtDesk) -> None:
    assert holder(watch) == (["jonas"], True)
    assert "commander jonas on call until Wed 25 Nov 2026 07:00 UTC (rota.ics)" in " ".join(
        watch.done("role", "list").split()
    )
    watch.clock.advance(timedelta(hours=22))
    assert holder(watch) == (["ada"], True)
    assert "commander" in next(one for one in watch.done("person", "list").splitlines() if "Ada Adler" in one)
    watch.clock.advance(timedelta(days=1))
    assert holder(watch) == (["maria"], False)
    assert "no one is on call by rota.ics" in watch.done("role", "list")


def test_whoever_is_on_call_at_the_moment_of_telling_is_told_and_holds_the_role(
    watch: AtDesk, tmp_path: Path
) -> None:
    watch.done("open", str(tmp_path / "watch.yaml"), "--yes")
    assert told(watch) == [("jonas", 1)]
    watch.clock.advance(timedelta(hours=25))
    watch("worker", "--once")
    assert told(watch) == [("jonas", 1), ("ada", 1)]
    assert "Role commander: ada (on call)" in watch.done("timeline")


def test_who_was_named_in_an_incident_keeps_the_role_until_it_is_given_back(
    watch: AtDesk, tmp_path: Path
) -> None:
    watch.done("open", str(tmp_path / "watch.yaml"), "--yes")
    watch.done("role", "assign", "commander", "maria")
    watch.clock.advance(timedelta(hours=25))
    watch("worker", "--once")
    assert told(watch) == [("jonas", 1), ("maria", 1)]
    assert "goes to whoever is on call: now ada" in watch.done("role", "assign", "commander", "--on-call")
    assert watch("role", "assign", "counsel", "--on-call").code == 1
    assert watch("role", "assign", "commander", "ada", "--on-call").code == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("BEGIN:NOTHING", "is no iCalendar file"),
        (calendar("SUMMARY:ada\nDTSTART:junk"), "entry 1 cannot be read"),
        (calendar("SUMMARY:ada\nDTSTART:20261101T000000Z\nDTEND:20291101T000000Z"), "more than 62 days"),
        (calendar(f"{RULES[0]}\nRRULE:FREQ=DAILY"), "more than one rule"),
        (calendar(RULES[1].replace("FREQ=WEEKLY", "FREQ=SECONDLY")), "by the hour or oftener"),
        (
            calendar(RULES[1].replace("WEEKLY", "YEARLY;BYYEARDAY=1")),
            "says BYYEARDAY, which rotas do not know",
        ),
        (
            calendar(
                *(RULES[0].replace("BYDAY", "COUNT=9999999;BYDAY").replace("2026", "1971") for _ in range(9))
            ),
            "looked",
        ),
        ("x" * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_a_rota_that_cannot_be_used_keeps_no_message_and_says_what_is_wrong(
    watch: AtDesk, tmp_path: Path, content: str, words: str
) -> None:
    (watch.home / "rota.ics").write_text(content, encoding="utf-8")
    assert holder(watch) == (["maria"], False)
    assert words in " ".join(watch.done("role", "list").split())
    assert words in " ".join(watch.done("doctor").split())
    watch.done("open", str(tmp_path / "watch.yaml"), "--yes")
    assert told(watch) == [("maria", 1)]


def test_an_entry_that_names_nobody_of_ours_is_said_and_the_others_hold(watch: AtDesk) -> None:
    stranger = RULES[0].replace("Jonas Jansen", "Jonas").replace("MO,TU", "SA")
    (watch.home / "rota.ics").write_text(calendar(*RULES, stranger), encoding="utf-8")
    assert holder(watch) == (["jonas"], True)
    assert "of 1 entries it cannot be told whose they are" in watch.done("role", "list")


def test_a_rota_wants_somebody_for_its_gaps(watch: AtDesk) -> None:
    watch.settings(oncall={"scribe": "rota.ics"})
    assert "nobody holds scribe where the rota has a gap" in watch("role", "list").err
