"""A lane over a duty ends with the decision not to notify."""

from __future__ import annotations

import pytest

from runner.incident.state import commands as c
from runner.law.duty import DutyRecord
from tests import scenario as s

DUTY = f"{s.GDPR}/initial"
APPLIES = {
    "organisation.role": ["controller"],
    "organisation.country": "DE",
    "data.involved": True,
    "risk.to_people": "risk",
}


def world() -> s.World:
    lane = s.group(
        "notify",
        s.notice("draft", duty="item"),
        s.task("complete", after="draft"),
        s.approve("sign", "draft", "lead", after="complete"),
        s.file("file", "draft", duty="item", after="sign"),
        for_each="duties('applies')",
        after="duties",
    )
    found = s.World(
        s.duties("duties"),
        lane,
        s.task("last", after="notify"),
        regimes=s.waivable(s.law(s.GDPR)),
        facts=APPLIES,
    )
    found.work()
    return found


def filed(found: s.World) -> None:
    """The first report is in: what follows in phases has its clock, and its lane."""
    found.fact(f"incident.stage_submitted_at.{DUTY}", "2026-11-24T09:00:00Z")
    found.work()


def decided(found: s.World, kind: str, duty: str = DUTY) -> None:
    ground = "none" if kind == "decided_not_to_notify" else ""
    record = DutyRecord(kind=kind, by="ann", at=found.now, reason="nobody is at risk", ground=ground)
    found.give(c.RecordDuty(duty=duty, record=record), by="ann")


@pytest.mark.parametrize(
    ("kind", "words"),
    [("decided_not_to_notify", "decided not to notify"), ("waived", "waived")],
)
def test_a_decision_not_to_notify_cancels_the_preparation(kind: str, words: str) -> None:
    found = world()
    assert found.state(f"notify[{DUTY}].complete") == "ready"
    decided(found, kind)
    lane = [i for i in found.incident.invocations.values() if f"[{DUTY}]" in i.id]
    assert {i.step: i.state for i in lane} == {
        "draft": "done",
        "complete": "cancelled",
        "sign": "cancelled",
        "file": "cancelled",
    }
    assert {(i.ended_by, i.reason) for i in lane if i.step != "draft"} == {
        ("ann", f"{words}: nobody is at risk")
    }


def test_lanes_of_other_duties_continue() -> None:
    found = world()
    filed(found)
    decided(found, "decided_not_to_notify")
    assert found.state(f"notify[{s.GDPR}/phases].complete") == "ready"
    assert found.state("last") == "waiting"
    decided(found, "waived", f"{s.GDPR}/phases")
    assert found.states("notify", "last") == ["done", "ready"]


def test_a_duty_that_waits_for_an_event_has_no_lane_before_it() -> None:
    found = world()
    lane = f"[{s.GDPR}/phases]"
    assert not [name for name in found.incident.invocations if lane in name]
    filed(found)
    assert [name for name in found.incident.invocations if lane in name]


def test_a_cancelled_step_resumes_when_the_decision_changes() -> None:
    found = world()
    filed(found)
    decided(found, "decided_not_to_notify")
    found.reopen(f"notify[{DUTY}].complete")
    found.done(f"notify[{DUTY}].complete")
    assert found.state(f"notify[{DUTY}].complete") == "done"
    assert found.state("last") == "waiting"


def test_a_filing_calls_nothing_off() -> None:
    found = world()
    record = DutyRecord(kind="filed", by="ann", at=found.now, reference="4711")
    found.give(c.RecordDuty(duty=DUTY, record=record), by="ann")
    assert found.state(f"notify[{DUTY}].complete") == "ready"
