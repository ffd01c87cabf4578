"""Times: due by an anchor, overdue, reminders that double and end, escalation, retries; legal clocks never pause."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from runner.incident.law.duties import duty_statuses
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.due_times import backoff
from runner.incident.state.work import Compose
from runner.incident.turn.settle import next_wakeup
from runner.law.duty import DutyRecord
from runner.playbook.format import AnyStep, Due, OnOverdue, Retry
from tests.scenario import (
    GDPR,
    HOUR,
    MINUTE,
    T0,
    THROTTLED,
    World,
    act,
    approve,
    ask,
    duties,
    file,
    group,
    law,
    message,
    notice,
    task,
    wait,
)

INITIAL = f"{GDPR}/initial"
BREACH = {
    "organisation.role": ["controller"],
    "organisation.country": "DE",
    "data.involved": True,
    "risk.to_people": "high",
    "incident.aware_at": "2026-11-24T08:00:00Z",
}


def test_a_due_time_counts_from_the_moment_the_step_is_ready() -> None:
    world = World(task("a"), task("b", after="a", due=Due(offset=HOUR)))
    world.advance(HOUR)
    world.done("a")
    assert world.at("b").due == T0 + 2 * HOUR


def test_a_due_time_counts_from_the_opening() -> None:
    world = World(task("a"), task("b", after="a", due=Due(offset=3 * HOUR, anchor="opened")))
    world.advance(HOUR)
    world.done("a")
    assert world.at("b").due == T0 + 3 * HOUR


def test_a_due_time_counts_from_a_fact_and_moves_with_it() -> None:
    world = World(task("a", due=Due(offset=HOUR, anchor="fact", ref="incident.aware_at")))
    assert world.at("a").due is None
    world.fact("incident.aware_at", "2026-11-24T08:30:00Z")
    assert world.at("a").due == T0 + 30 * MINUTE
    world.fact("incident.aware_at", "2026-11-24T08:45:00Z")
    assert world.at("a").due == T0 + 45 * MINUTE
    assert world.said(e.StepRescheduled)[-1].reason == "fact moved"


def test_a_due_time_counts_from_the_end_of_a_step() -> None:
    due = Due(offset=HOUR, anchor="step", ref="a")
    world = World(task("a"), task("b", due=due), task("c", due=Due(offset=HOUR, anchor="step", ref="nobody")))
    assert world.at("b").due is None
    world.done("a")
    assert world.at("b").due == T0 + HOUR
    assert world.at("c").due is None


def test_a_due_time_counts_back_from_a_duty_and_moves_with_the_law() -> None:
    due = Due(offset=-4 * HOUR, anchor="duty", ref=INITIAL)
    world = World(task("a", due=due), regimes=law(GDPR), facts=BREACH)
    assert world.at("a").due == T0 + 71 * HOUR - 4 * HOUR
    world.fact("incident.aware_at", "2026-11-24T07:00:00Z")
    assert world.at("a").due == T0 + 70 * HOUR - 4 * HOUR
    none = World(task("a", due=due))
    assert none.at("a").due is None


def test_a_step_that_starts_late_gets_half_of_the_remaining_time() -> None:
    due = Due(offset=-80 * HOUR, anchor="duty", ref=INITIAL)
    world = World(task("a", due=due, on_overdue=OnOverdue(escalate="lead")), regimes=law(GDPR), facts=BREACH)
    assert world.at("a").due == T0 + 35 * HOUR + 30 * MINUTE
    world.advance(35 * HOUR)
    assert world.said(e.StepOverdue) == []
    assert world.said(e.StepRescheduled) == []
    world.fact("incident.aware_at", "2026-11-24T07:00:00Z")
    assert world.at("a").due == T0 + 35 * HOUR
    assert [one.escalate_to for one in world.said(e.StepOverdue)] == ["lead"]


def test_after_the_duty_itself_is_overdue_nothing_is_left_to_halve() -> None:
    due = Due(offset=-HOUR, anchor="duty", ref=INITIAL)
    world = World(task("a"), task("b", after="a", due=due), regimes=law(GDPR), facts=BREACH)
    world.advance(80 * HOUR)
    world.done("a")
    assert world.at("b").due == T0 + 70 * HOUR
    assert world.at("b").overdue


def test_a_due_time_inside_a_lane_counts_from_the_lanes_own_duty() -> None:
    lane = group(
        "g", task("a", due=Due(offset=-HOUR, anchor="duty", ref="item")), for_each="duties('applies')"
    )
    world = World(duties("d"), lane, regimes=law(GDPR), facts=BREACH)
    assert world.at(f"g[{INITIAL}].a").due == T0 + 70 * HOUR


def test_the_latest_safe_start_leaves_time_for_the_lane_that_files_whether_it_is_open_or_not() -> None:
    lane = group(
        "g",
        approve("s", "d", "lead", expires=10 * HOUR),
        file("f", "d", duty="item", after="s", due=Due(offset=2 * HOUR)),
        for_each="duties('applies')",
        when="data.encrypted",
    )
    world = World(duties("d"), lane, file("h", "d", duty="x/y"), regimes=law(GDPR), facts=BREACH)

    def slack() -> timedelta:
        found = {status.id: status for status in duty_statuses(world.incident, world.now, world.library)}[
            INITIAL
        ]
        assert found.due is not None
        assert found.latest_safe_start is not None
        return found.due - found.latest_safe_start

    assert slack() == 12 * HOUR
    world.fact("data.encrypted", True)
    assert slack() == 12 * HOUR
    world.skip(f"g[{INITIAL}].s")
    assert slack() == 2 * HOUR


def test_a_step_done_after_its_due_time_is_done_late_and_on_the_instant_is_not() -> None:
    world = World(task("a", due=Due(offset=HOUR)), task("b", due=Due(offset=HOUR)))
    world.advance(HOUR)
    world.done("a")
    world.advance(timedelta(microseconds=1))
    world.done("b")
    assert world.states("a", "b") == ["done", "done_late"]


LATE = Due(offset=HOUR)


@pytest.mark.parametrize(
    "step",
    [
        wait("w", duration=2 * HOUR, due=LATE),
        group("w", wait("v", duration=2 * HOUR), due=LATE),
        notice("w", due=LATE),
        act("w", due=LATE),
        message("w", due=LATE),
    ],
    ids=lambda step: type(step).__name__,
)
def test_an_automatic_step_can_be_late(step: AnyStep) -> None:
    world = World(step)
    world.advance(2 * HOUR)
    world.work()
    assert world.state("w") == "done_late"


def test_a_passed_due_time_marks_the_step_overdue_once() -> None:
    world = World(task("a", due=Due(offset=HOUR)))
    assert world.next_look() == T0 + HOUR
    world.advance(HOUR)
    world.advance(HOUR)
    assert world.at("a").overdue
    assert len(world.said(e.StepOverdue)) == 1
    assert world.next_look() is None


def test_reminders_double_and_end() -> None:
    rule = OnOverdue(remind=HOUR, times=3)
    world = World(task("a", due=Due(offset=HOUR), on_overdue=rule))
    told: list[datetime] = []
    for _ in range(8):
        look = world.next_look()
        if look is None:
            break
        world.advance(look - world.now)
        reminders = [work for work in world.work() if isinstance(work, Compose) and work.reminder]
        told.extend(world.now for _ in reminders)
    assert [(at - T0) // HOUR for at in told if (at - T0) % HOUR == timedelta()] == [1, 2, 4, 8]
    assert world.at("a").reminders == world.at("a").told == 4


def test_a_step_without_a_rule_is_overdue_in_silence() -> None:
    world = World(task("a", due=Due(offset=HOUR)))
    world.advance(HOUR)
    assert world.work() == []


def test_the_program_itself_is_not_reminded() -> None:
    rule = OnOverdue(remind=HOUR, escalate="lead")
    world = World(wait("w", fact="incident.contained_at", due=Due(offset=HOUR), on_overdue=rule))
    world.advance(HOUR)
    assert world.at("w").escalated_to == "lead"
    assert world.work() == []
    assert world.next_look() is None


def test_a_passed_due_time_escalates_to_a_role() -> None:
    world = World(task("a", due=Due(offset=HOUR), on_overdue=OnOverdue(escalate="board")))
    world.advance(HOUR)
    assert world.said(e.StepOverdue)[0].escalate_to == "board"
    assert world.at("a").escalated_to == "board"


def test_a_later_due_time_clears_overdue_and_reminds_again() -> None:
    due = Due(offset=HOUR, anchor="fact", ref="incident.aware_at")
    world = World(
        task("a", due=due, on_overdue=OnOverdue()), facts={"incident.aware_at": "2026-11-24T08:00:00Z"}
    )
    assert world.at("a").overdue
    assert len(world.work()) > 0
    world.fact("incident.aware_at", "2026-11-24T09:00:00Z")
    assert not world.at("a").overdue
    world.advance(HOUR)
    assert any(isinstance(work, Compose) for work in world.work())


def test_an_unanswered_question_is_asked_again_at_its_time() -> None:
    world = World(ask("q", "data.encrypted"))
    world.give(c.AnswerUnknown(step="main:q#1", ask_again=world.now + 2 * HOUR), by="bob")
    assert world.state("q") == "ready"
    assert world.next_look() == world.now + 2 * HOUR
    world.advance(2 * HOUR)
    assert isinstance(world.work()[0], Compose)
    assert world.at("q").wake_at is None


def test_not_knowing_an_answer_does_not_take_away_that_it_is_late() -> None:
    world = World(ask("q", "data.encrypted", due=Due(offset=HOUR)))
    world.advance(HOUR)
    world.give(c.AnswerUnknown(step="main:q#1"), by="bob")
    assert world.at("q").overdue
    assert len(world.said(e.StepOverdue)) == 1


def test_a_failed_task_is_not_reminded() -> None:
    world = World(task("t", due=Due(offset=HOUR), on_overdue=OnOverdue()))
    world.fail("t")
    world.advance(HOUR)
    assert world.work() == []


def test_an_undeliverable_reminder_is_reported_once_and_changes_no_step() -> None:
    world = World(task("t", due=Due(offset=HOUR), on_overdue=OnOverdue()))
    world.advance(HOUR)
    failed = c.EffectFailed(step="main:t#1", why="nobody holds the role")
    assert world.give(failed) == [e.ReminderFailed(step="main:t#1", count=1, why="nobody holds the role")]
    assert world.give(failed) == []
    assert (world.state("t"), world.at("t").stuck) == ("ready", "")
    assert world.claim() == []


def test_a_reminder_for_an_ended_step_is_not_sent() -> None:
    world = World(task("t", due=Due(offset=HOUR), on_overdue=OnOverdue()))
    world.advance(HOUR)
    compose = world.claim()[0]
    world.perform(compose)
    world.done("t")
    assert {d.state for d in world.incident.deliveries.values()} == {"cancelled"}
    assert world.perform(compose) == []


def test_two_workers_that_compose_one_reminder_leave_one() -> None:
    world = World(task("t", due=Due(offset=HOUR), on_overdue=OnOverdue()))
    world.advance(HOUR)
    compose = world.claim()[0]
    assert world.perform(compose) != []
    assert world.perform(compose) == []


def test_pausing_does_not_stop_due_times_reminders_or_the_law() -> None:
    rule = OnOverdue(remind=HOUR, times=1)
    world = World(
        task("a", due=Due(offset=HOUR), on_overdue=rule),
        act("x", retry=Retry(times=3)),
        approve("s", "a", "lead", expires=HOUR),
        message("m"),
        regimes=law(GDPR),
        facts=BREACH,
    )
    world.give(c.Pause(reason="police are here"))
    assert world.next_look() == T0 + HOUR
    world.advance(HOUR)
    assert world.at("a").overdue
    assert world.state("s") == "ready"
    world.advance(HOUR)
    assert world.at("a").reminders == 2
    due = world.incident.duties[INITIAL].due
    assert due is not None
    assert world.next_look() == due + timedelta(microseconds=1)
    world.advance(due - world.now)
    assert not world.incident.duties[INITIAL].overdue
    world.advance(timedelta(microseconds=1))
    assert world.incident.duties[INITIAL].overdue
    assert world.next_look() is None


def test_a_filed_duty_is_no_longer_watched() -> None:
    world = World(duties("d"), regimes=law(GDPR), facts=BREACH)
    record = DutyRecord(kind="filed", by="ann", at=world.now, reference="REF")
    world.give(c.RecordDuty(duty=INITIAL, record=record), by="ann")
    assert INITIAL not in {duty.id for duty in world.incident.duties.values() if duty.record is None}
    world.advance(100 * HOUR)
    assert not world.incident.duties[INITIAL].overdue


def test_a_duty_filed_by_a_fact_does_not_have_the_law_go_round_for_ever() -> None:
    world = World(duties("d"), regimes=law(GDPR), facts=BREACH)
    world.fact(f"incident.stage_submitted_at.{INITIAL}", "2026-11-24T08:30:00Z")
    assessed = len(world.said(e.DutiesAssessed))
    world.advance(100 * HOUR)
    assert world.advance() == []
    assert len(world.said(e.DutiesAssessed)) <= assessed + 1


def test_an_act_is_tried_again_after_waits_that_grow() -> None:
    world = World(act("x", retry=Retry(times=3, wait=MINUTE, factor=2.0)))
    world.outcomes["x"] = [THROTTLED] * 4
    waits = []
    for _ in range(3):
        world.work()
        look = world.next_look()
        assert look is not None
        waits.append((look - world.now) // MINUTE)
        world.advance(look - world.now)
    world.work()
    assert waits == [1, 2, 4]
    assert world.state("x") == "failed"


def test_waits_grow_to_their_bound_and_no_further() -> None:
    rule = Retry(times=9, wait=MINUTE, factor=3.0, at_most=5 * MINUTE)
    assert [backoff(rule, n) // MINUTE for n in range(5)] == [1, 1, 3, 5, 5]


def test_an_ended_incident_has_no_next_look() -> None:
    world = World(task("a", due=Due(offset=HOUR)))
    world.give(c.Close(reason="nothing to do"), by="ann")
    assert next_wakeup(world.incident, world.now, world.library) is None


def test_a_message_that_is_moving_is_looked_at_when_its_channel_has_had_its_time() -> None:
    world = World(message("m"), channels=("mail",), roles={"lead": "ann"})
    assert world.next_look() == world.now
    world.work()
    assert world.state("m") == "done"
    assert world.next_look() is None


NOTICE = "organisation.insurance.notice_hours"


def test_a_due_time_in_hours_of_a_fact_moves_with_the_fact() -> None:
    world = World(task("a", due=Due(offset=4 * HOUR, hours=NOTICE)))
    assert world.at("a").due == T0 + 4 * HOUR
    world.advance(HOUR)
    world.fact(NOTICE, 24)
    assert world.at("a").due == T0 + 24 * HOUR
    world.fact(NOTICE, 1.5)
    assert world.at("a").due == T0 + 90 * MINUTE
    assert world.said(e.StepRescheduled)[-1].reason == "fact moved"


@pytest.mark.parametrize("hours", [0, -1, 721])
def test_hours_out_of_bounds_are_not_used(hours: int) -> None:
    world = World(task("a", due=Due(offset=4 * HOUR, hours=NOTICE)), facts={NOTICE: hours})
    assert world.at("a").due == T0 + 4 * HOUR


def test_hours_of_a_policy_count_from_an_earlier_discovery() -> None:
    world = World(task("a", due=Due(offset=4 * HOUR, hours=NOTICE)), facts={NOTICE: 72})
    world.fact("incident.discovered_at", T0 - 48 * HOUR)
    assert world.at("a").due == T0 + 24 * HOUR
