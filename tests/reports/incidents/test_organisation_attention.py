"""What waits for a person between incidents, in words."""

from __future__ import annotations

from datetime import date, timedelta

from runner.incident.exercises.improvements import Item, Plan, Source
from runner.incident.exercises.schedules import (
    AnyScheduleEvent,
    DrillScheduled,
    DrillUnscheduled,
    FiringEnded,
    Rule,
    fold_schedules,
)
from runner.reports.core.action_text import typed
from runner.reports.core.page import Page, plain
from runner.reports.incidents.organisation_attention import between_blocks, late_items, missed_drills
from tests.scenario import T0

DUE = date(2026, 11, 30)
DAY = timedelta(days=1)


def item(number: int) -> Item:
    return Item(id=f"I-{number}", plan=Plan(text="slow", due=DUE), source=Source(), history=())


def test_late_items_are_one_entry_that_names_the_first_few() -> None:
    items = [item(number) for number in range(1, 7)]
    assert list(late_items(items, DUE)) == []
    (one,) = late_items(items, DUE + DAY)
    assert (one.text, one.severity) == ("6 action items are overdue: I-1, I-2, I-3, I-4, …", "low")
    (two,) = late_items(items[:4], DUE + DAY)
    assert two.text == "4 action items are overdue: I-1, I-2, I-3, I-4"


def test_a_failed_exercise_needs_action_until_it_is_unscheduled() -> None:
    born = DrillScheduled(schedule="s", by="maria", rule=Rule(exercise="x", every=DAY, unattended=True))
    failed = FiringEnded(
        schedule="s", by="tocsin", fire_at=T0, outcome="failed", detail="1: block was not done"
    )
    events: list[AnyScheduleEvent] = [born, failed]
    (one,) = missed_drills(fold_schedules((n, T0, each) for n, each in enumerate(events, 1)))
    assert one.text.startswith("Exercise s, Tue 24 Nov 2026, 09:00 UTC, failed: 1: block was not done")
    events.append(DrillUnscheduled(schedule="s", by="maria"))
    assert list(missed_drills(fold_schedules((n, T0, each) for n, each in enumerate(events, 1)))) == []


def test_organisation_items_take_one_line_beside_an_incident() -> None:
    assert list(between_blocks(())) == []
    page = plain(typed(Page(tuple(between_blocks(tuple(late_items([item(1)], DUE + DAY)))))), 100)
    assert page == "OUTSIDE THIS INCIDENT\n  1 action item is overdue: I-1 → tocsin improvement list\n"
