"""Duties as pages for people, and as the contract's JSON document for scripts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from runner.incident.law.duties import duty_statuses
from runner.incident.state import commands as c
from runner.law.duty import DutiesReport, DutyRecord, DutyStatus
from runner.reports.core.action_text import typed
from runner.reports.core.formatting import read_in
from runner.reports.core.header import heading_of
from runner.reports.core.page import Cell, plain
from runner.reports.law.duties import duties, duties_page, running
from runner.reports.law.duty_rows import deadline_line, doubt_words, due_words, start_words, time_left
from runner.reports.law.next_act import with_next
from runner.reports.notices.notices import papers
from tests import scenario as s
from tests.reports import scenes

KEYS = [
    "id",
    "regime",
    "jurisdiction",
    "law_version",
    "stage",
    "recipient",
    "populations",
    "verdict",
    "unless",
    "state",
    "due",
    "due_local",
    "due_date",
    "due_kind",
    "provisional",
    "not_before",
    "latest_legal",
    "latest_safe_start",
    "standard",
    "clock",
    "missing_facts",
    "because",
    "citation",
    "confidence",
    "notes",
]


def report(world: s.World) -> DutiesReport:
    found = duty_statuses(world.incident, world.now, world.library)
    return duties(with_next(world.incident, world.library, found, world.now), world.now)


def test_the_json_is_the_contract_with_two_additional_fields() -> None:
    document = scenes.document(report(scenes.opened()))
    assert list(document) == ["schema", "as_of", "duties"]
    assert document["schema"] == "tocsin/duties/v1"
    assert document["as_of"] == "2026-11-24T09:00:00Z"
    first = document["duties"][0]
    assert list(first) == [*KEYS, "in_sight", "title", "authority", "law", "next"]
    assert set(first["authority"]) == {"name", "zone", "place"}
    assert set(document["duties"][0]["clock"]) == {"start_fact", "start", "rule"}


def test_duties_show_clock_reasons_and_missing_facts() -> None:
    world = scenes.opened(kind="exercise")
    heading = heading_of(world.incident)
    scenes.compare("duties.open", duties_page(report(world), heading, papers=papers(world.incident)))
    scenes.compare("duties.why", duties_page(report(world), heading, why=True), 100)


def test_duties_of_facts_alone_need_no_incident() -> None:
    assert plain(typed(duties_page(report(scenes.opened())))).startswith("Legal duties  ")


def test_a_provisional_clock_says_so_and_a_fixed_one_does_not() -> None:
    world = scenes.signing()
    first = report(world).duties[0]
    assert time_left(first, world.now).text == "2 d 22 h left"
    assert doubt_words(first)
    world.fact("incident.aware_at", "2026-11-24T09:00:00Z")
    fixed = report(world).duties[0]
    assert time_left(fixed, world.now).text == "2 d 22 h left"
    assert not doubt_words(fixed)


def test_a_filed_duty_has_no_running_clock() -> None:
    world = scenes.signing()
    record = DutyRecord(kind="filed", by="eve", at=world.now, reference="REF-1")
    world.give(c.RecordDuty(duty=scenes.DUTY, record=record), by="eve")
    found = {duty.id: duty for duty in report(world).duties}[scenes.DUTY]
    assert time_left(found, world.now) == Cell("filed", "good")
    assert scenes.DUTY not in {status.id for status in running(report(world).duties, world.now)}


def test_lateness_is_a_length_of_time() -> None:
    world = scenes.signing()
    world.advance(timedelta(hours=72))
    left = time_left({duty.id: duty for duty in report(world).duties}[scenes.DUTY], world.now)
    assert left == Cell("OVERDUE by 2 h", "alarm")


def test_a_date_ends_in_the_zone_that_counts() -> None:
    first = report(scenes.opened()).duties[0]
    end = datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)
    dated = msgspec.structs.replace(first, due=end, due_local=end, due_kind="date", due_date=end.date())
    assert due_words(dated, s.T0) == "Fri 27 Nov, 23:59 UTC"


BERLIN, NEW_YORK, TOKYO = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Asia/Tokyo"))


@pytest.mark.parametrize(
    ("kind", "zone", "words"),
    [
        ("instant", ZoneInfo("Europe/Paris"), "Fri 27 Nov, 16:30 CET"),
        ("instant", NEW_YORK, "Fri 27 Nov, 16:30 CET (10:30 EST at the authority)"),
        ("instant", TOKYO, "Fri 27 Nov, 16:30 CET (Sat 28 Nov, 00:30 JST at the authority)"),
        ("date", NEW_YORK, "Fri 27 Nov, 16:30 CET (10:30 EST at the authority)"),
    ],
)
def test_a_deadline_is_in_the_reader_zone_with_the_authority_zone(
    kind: Literal["instant", "date"], zone: ZoneInfo, words: str
) -> None:
    first = report(scenes.opened()).duties[0]
    due = datetime(2026, 11, 27, 15, 30, tzinfo=UTC)
    duty = msgspec.structs.replace(
        first, due=due, due_kind=kind, due_local=due.astimezone(zone), due_date=date(2026, 11, 27)
    )
    with read_in(BERLIN):
        assert due_words(duty, s.T0) == words


def test_the_start_by_time_is_in_the_reader_zone_and_marked_when_passed() -> None:
    first = report(scenes.opened()).duties[0]
    start, there = s.T0 + timedelta(hours=4), first.due.astimezone(NEW_YORK)
    duty = msgspec.structs.replace(first, due_local=there, latest_safe_start=start)
    with read_in(BERLIN):
        assert start_words(duty, s.T0) == "by 14:00"
        assert start_words(duty, start, s.T0) == "by 14:00 (passed)"
    assert start_words(msgspec.structs.replace(duty, state="filed"), start) == ""


def test_a_moment_to_begin_that_lies_before_the_incident_reads_at_once() -> None:
    world = scenes.opened()
    first = report(world).duties[0]
    duty = msgspec.structs.replace(first, latest_safe_start=s.T0 - timedelta(hours=1))
    assert start_words(duty, world.now, s.T0) == "at once"
    assert deadline_line(duty, world.now, s.T0).endswith("start at once")


def test_duties_that_do_not_apply_are_folded() -> None:
    world = scenes.opened(facts={**scenes.FACTS, "data.involved": False, "data.elements": []})
    text = plain(typed(duties_page(report(world))))
    assert "DOES NOT APPLY (2)" in text
    assert "GDPR" not in text
    assert "GDPR" in plain(typed(duties_page(report(world), everything=True)))


def test_a_duty_that_may_apply_is_as_urgent_as_its_clock() -> None:
    world = scenes.opened()
    now, [one, *_] = world.now, report(world).duties

    def made(id_: str, verdict: str, due: timedelta | None, kind: str = "instant") -> DutyStatus:
        at = now + due if due is not None else None
        fields = {"verdict": verdict, "due": at, "latest_safe_start": at, "due_kind": kind}
        return msgspec.structs.replace(one, id=id_, state="open", **fields)

    found = [
        made("a-month", "applies", timedelta(days=30)),
        made("waits", "applies", None, "waits_for_event"),
        made("promptly", "applies", None, "no_number"),
        made("perhaps-promptly", "unknown", None, "no_number"),
        made("offered", "advisory", timedelta(hours=1)),
        made("perhaps-three-days", "unknown", timedelta(hours=72)),
    ]
    assert [duty.id for duty in duties(found, now).duties] == [
        "perhaps-three-days",
        "a-month",
        "promptly",
        "waits",
        "perhaps-promptly",
        "offered",
    ]
