"""A decision not to notify is valid until later facts remove its ground; then the duty is open again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.facts.expressions.parser import parse_condition
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.law.duty import DutyRecord
from tests import scenario as s

DUTY = f"{s.GDPR}/initial"
SAFE = {
    "organisation.role": ["controller"],
    "organisation.country": "DE",
    "data.involved": True,
    "incident.aware_at": "2026-11-24T08:00:00Z",
    "risk.to_people": "unlikely",
    "risk.harm_assessment.by": "eve",
    "risk.harm_assessment.at": "2026-11-24T08:30:00Z",
    "risk.harm_assessment.grounds": "encrypted",
}


def decided(watch: str = "", kind: str = "decided_not_to_notify", **facts: object) -> s.World:
    found = s.World(s.duties("duties"), regimes=s.waivable(s.law(s.GDPR)), facts={**SAFE, **facts})
    found.work()
    record = DutyRecord(
        kind=kind,
        by="ann",
        at=found.now,
        reason="nobody is at risk",
        ground="risk_unlikely",
        watch=parse_condition(watch) if watch else None,
    )
    found.give(c.RecordDuty(duty=DUTY, record=record), by="ann")
    found.work()
    return found


def test_a_decision_stays_valid_while_the_verdict_is_unchanged() -> None:
    world = decided()
    world.fact("incident.vector", "loss")
    assert world.incident.duties[DUTY].record is not None
    assert world.incident.duties[DUTY].reopened is None


def test_a_decision_is_reopened_when_the_duty_applies() -> None:
    world = decided()
    world.fact("risk.to_people", "high")
    duty = world.incident.duties[DUTY]
    assert duty.record is None
    assert duty.reopened is not None
    assert duty.reopened.reason == "nobody is at risk"
    assert duty.reopened_why.endswith("risk_unlikely")
    assert world.replayed() == world.incident


def test_a_decision_is_reopened_when_the_verdict_becomes_unknown() -> None:
    world = decided()
    world.fact("risk.to_people", None)
    assert world.incident.duties[DUTY].reopened_why.endswith("risk_unlikely")


def test_a_decision_is_reopened_when_its_watch_condition_is_met() -> None:
    world = decided("people.total > 500")
    world.fact("people.total", 500)
    assert world.incident.duties[DUTY].record is not None
    world.fact("people.total", 501)
    assert world.incident.duties[DUTY].reopened_why.endswith(": people.total > 500")


def test_a_duty_that_is_open_again_becomes_late_as_any_other() -> None:
    world = decided()
    world.advance(timedelta(hours=100))
    world.fact("risk.to_people", "high")
    world.work()
    assert world.incident.duties[DUTY].overdue


def test_a_new_decision_ends_the_matter() -> None:
    world = decided()
    world.fact("risk.to_people", "high")
    record = DutyRecord(
        kind="decided_not_to_notify",
        by="bob",
        at=world.now,
        reason="told by the processor already",
        ground="none",
    )
    world.give(c.RecordDuty(duty=DUTY, record=record), by="bob")
    world.work()
    duty = world.incident.duties[DUTY]
    assert duty.record is not None
    assert (duty.record.by, duty.reopened, duty.reopened_why) == ("bob", None, "")


@pytest.mark.parametrize("kind", ["waived"])
def test_a_waiver_is_not_watched(kind: str) -> None:
    world = decided(kind=kind)
    world.fact("risk.to_people", "high")
    assert world.incident.duties[DUTY].record is not None


def test_the_journal_records_why_a_decision_was_reopened() -> None:
    world = decided()
    world.fact("risk.to_people", "high")
    fallen = [change for event in world.said(e.DutiesAssessed) for change in event.changes if change.reopened]
    assert [change.duty for change in fallen] == [DUTY]
