"""On which days a shift begins, compared with an independent reading of the same rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.errors import Invalid
from runner.files.rota_file import read_rota
from runner.routing.organisation import Person
from runner.routing.rota import Again, Budget, Rota, Shift, begins_on, covering, on_call
from tests.refusals import refused

PEOPLE = {"ada": Person(name="Ada Adler"), "jonas": Person(name="Jonas Jansen")}
RULES: Any = import_module("dateutil.rrule")
BERLIN = ZoneInfo("Europe/Berlin")


def rota(*events: str, zone: str = "") -> Rota:
    inner = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\n{inner}END:VCALENDAR\n".replace("\n", "\r\n")
    return read_rota(text.encode(), "rota.ics", PEOPLE, zone)


def persons(found: Rota, at: datetime) -> tuple[str, ...]:
    return on_call(found, "rota.ics", at).persons


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3;BYDAY=MO,WE",
        "FREQ=DAILY;BYMONTH=2,12",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO",
        "FREQ=WEEKLY;INTERVAL=3;COUNT=7",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR",
        "FREQ=MONTHLY;BYMONTHDAY=13,-1",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "FREQ=MONTHLY;INTERVAL=2",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=1,6;BYDAY=2TU",
        "FREQ=DAILY;UNTIL=20250301T000000Z",
    ],
)
def test_a_rule_has_the_days_that_another_library_finds(rule: str) -> None:
    start = datetime(2025, 1, 6, 8, tzinfo=UTC)
    event = f"SUMMARY:ada\nDTSTART:{start:%Y%m%dT%H%M%S}\nDURATION:PT1H\nRRULE:{rule}"
    [shift] = rota(event).shifts
    budget = Budget()
    days = [start + timedelta(days=n) for n in range(700)]
    expected = set(takewhile(lambda one: one <= days[-1], RULES.rrulestr(rule, dtstart=start)))
    found = {day for day in days if covering(shift, day, budget)}
    assert found - {start} == expected - {start}


def test_a_shift_lasts_by_the_clock_on_the_wall_when_clocks_change() -> None:
    event = (
        "SUMMARY:ada\nDTSTART;TZID=Europe/Berlin:20261017T080000\nDTEND;TZID=Europe/Berlin:20261018T080000\n"
        "RRULE:FREQ=WEEKLY"
    )
    watch = on_call(rota(event), "rota.ics", datetime(2026, 10, 25, 6, 30, tzinfo=UTC))
    assert (watch.persons, watch.until) == (("ada",), datetime(2026, 10, 25, 7, tzinfo=UTC))


def test_swapped_and_cancelled_shifts_follow_the_calendar() -> None:
    found = rota(
        "UID:1\nSUMMARY:ada\nDTSTART:20261123T080000Z\nDTEND:20261124T080000Z\nRRULE:FREQ=DAILY\n"
        "EXDATE:20261126T080000Z",
        "UID:1\nRECURRENCE-ID:20261124T080000Z\nSUMMARY:jonas\nDTSTART:20261124T080000Z\nDTEND:20261125T080000Z",
        "UID:1\nRECURRENCE-ID:20261127T080000Z\nSTATUS:CANCELLED\nSUMMARY:ada\nDTSTART:20261127T080000Z\n"
        "DTEND:20261128T080000Z",
    )
    days = [persons(found, datetime(2026, 11, day, 9, tzinfo=UTC)) for day in range(22, 30)]
    assert days == [(), ("ada",), ("jonas",), ("ada",), (), (), ("ada",), ("ada",)]


def test_whole_days_use_the_zone_of_the_organisation_and_may_overlap() -> None:
    found = rota(
        "SUMMARY:Ada Adler and Jonas Jansen\nDTSTART;VALUE=DATE:20261124\nDTEND;VALUE=DATE:20261125",
        "SUMMARY:jonas\nDTSTART:20261124T070000Z\nDTEND:20261124T080000Z",
        zone="Europe/Berlin",
    )
    assert persons(found, datetime(2026, 11, 23, 23, 30, tzinfo=UTC)) == ("ada", "jonas")
    assert persons(found, datetime(2026, 11, 24, 7, 30, tzinfo=UTC)) == ("jonas", "ada")
    assert persons(found, datetime(2026, 11, 24, 23, tzinfo=UTC)) == ()


def test_a_rule_that_never_occurs_costs_no_more_than_its_budget() -> None:
    never = Again(frequency="DAILY", month_days=(30,), months=(2,), count=1)
    first = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    shift = Shift(persons=("ada",), begins=first, lasts=timedelta(1), zone=UTC, again=never)
    assert not begins_on(never, shift.begins.date(), date(2026, 2, 28))
    with refused("rota", Invalid):
        on_call(Rota(shifts=(shift,) * 20), "rota.ics", datetime(2030, 1, 1, tzinfo=BERLIN))
