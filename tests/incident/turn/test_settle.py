"""What follows by itself: which steps become ready, fall away, wait for a fact, or are held again."""

from __future__ import annotations

import pytest

from runner.errors import Bug
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.steps.readiness import check_readiness
from runner.law.duty import DutyRecord
from runner.playbook.format import Due
from tests.refusals import refused
from tests.scenario import (
    GDPR,
    HOUR,
    MINUTE,
    World,
    act,
    after_any,
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

AWARE = {"organisation.role": ["controller"], "organisation.country": "DE", "data.involved": True}
INITIAL = f"{GDPR}/initial"


def test_a_step_without_after_is_ready_at_once() -> None:
    world = World(task("a"))
    assert world.at("a").ready_at == world.now
    assert world.state("a") == "ready"


def test_a_step_is_ready_when_every_step_before_it_has_ended() -> None:
    world = World(task("a"), task("b"), task("c", after="a b"))
    world.done("a")
    assert world.state("c") == "waiting"
    world.done("b")
    assert world.state("c") == "ready"


def test_after_any_is_ready_when_one_step_before_it_has_ended() -> None:
    world = World(task("a"), task("b"), task("c", after=after_any("a", "b")))
    assert world.state("c") == "waiting"
    world.done("b")
    assert world.state("c") == "ready"


@pytest.mark.parametrize("how", ["not_applicable", "cancelled"])
def test_after_any_ignores_branches_that_were_skipped_or_cancelled(how: str) -> None:
    world = World(task("a", when="data.encrypted"), task("b"), task("c", after=after_any("a", "b")))
    world.fact("data.encrypted", how == "cancelled")
    if how == "cancelled":
        world.cancel("a")
    assert world.states("a", "c") == [how, "waiting"]
    world.done("b")
    assert world.state("c") == "ready"


def test_a_second_step_before_it_that_ends_does_not_have_a_blocked_one_looked_at_twice() -> None:
    world = World(task("a"), task("b"), task("c", after=after_any("a", "b"), when="data.encrypted"))
    world.done("a", "b")
    assert world.incident.blocked == {"main:c#1"}
    assert world.incident.agenda == frozenset()


def test_a_skipped_step_counts_as_ended() -> None:
    world = World(task("a"), task("b", after="a"))
    world.skip("a")
    assert world.states("a", "b") == ["skipped", "ready"]


def test_a_false_condition_skips_the_whole_branch() -> None:
    world = World(
        task("a", when="data.encrypted"), task("b", after="a"), task("c", after="b"), task("d", after="c")
    )
    world.fact("data.encrypted", False)
    assert world.states("a", "b", "c", "d") == ["not_applicable"] * 4
    told, followed = world.at("a").reason, world.at("b").reason
    assert ("data.encrypted" in told, followed != "", followed == told) == (True, True, False)


def test_a_step_with_one_completed_branch_is_still_needed() -> None:
    world = World(task("a", when="data.encrypted"), task("b"), task("c", after="a b"))
    world.fact("data.encrypted", False)
    world.done("b")
    assert world.state("c") == "ready"


def test_a_step_that_depends_only_on_a_cancelled_step_is_not_needed() -> None:
    world = World(task("a"), task("b", after="a"))
    world.cancel("a")
    assert world.states("a", "b") == ["cancelled", "not_applicable"]


def test_an_unknown_condition_keeps_the_step_waiting_and_names_the_fact() -> None:
    world = World(task("a", when="data.encrypted and people.total > 500"))
    assert world.state("a") == "waiting"
    assert world.at("a").missing == ("data.encrypted", "people.total")
    assert world.incident.blocked == {"main:a#1"}
    world.fact("people.total", 600)
    assert world.at("a").missing == ("data.encrypted",)
    world.fact("data.encrypted", True)
    assert world.state("a") == "ready"
    assert world.incident.blocked == frozenset()


def test_the_same_missing_facts_are_not_said_twice() -> None:
    world = World(task("a", when="data.encrypted"))
    world.fact("people.total", 3)
    assert len(world.said(e.StepBlocked)) == 1


def test_a_condition_that_cannot_be_answered_names_its_problem_instead_of_going_round_for_ever() -> None:
    world = World(task("a", when="step('b').answer == 'yes'"), ask("b", "people.total"))
    world.answer("b", 5)
    assert world.state("a") == "waiting"
    (problem,) = world.at("a").missing
    assert len(problem.split()) > 1, "a sentence, where the name of a fact stands otherwise"


def test_a_condition_reads_the_steps_and_the_answer_before_it() -> None:
    world = World(
        ask("q", "data.encrypted"),
        task("yes", after="q", when="step('q').answer"),
        task("no", after="q", when="not step('q').answer"),
        task("done", when="step('q').done"),
    )
    assert world.state("done") == "not_applicable"
    world.answer("q", True)
    assert world.states("yes", "no") == ["ready", "not_applicable"]


def test_a_question_with_a_known_fact_is_skipped_if_allowed() -> None:
    known = {"data.encrypted": True}
    world = World(ask("q", "data.encrypted", skip_if_known=True), ask("r", "data.encrypted"), facts=known)
    assert world.states("q", "r") == ["done", "ready"]


def test_a_question_that_was_reopened_is_put_even_when_its_fact_is_known() -> None:
    world = World(ask("q", "data.encrypted", skip_if_known=True), facts={"data.encrypted": True})
    world.reopen("q")
    assert world.states("main:q#1", "q") == ["done", "ready"]


def test_a_failed_step_fails_closed_and_its_followers_wait_for_a_person() -> None:
    world = World(task("a"), task("b", after="a"))
    world.fail("a")
    assert world.states("a", "b") == ["failed", "waiting"]
    assert world.at("a").stuck == "did not work"
    assert not world.at("a").over


def test_a_failed_step_with_continue_does_not_stop_its_followers() -> None:
    world = World(
        task("a", on_failure="continue"),
        task("b", after="a", when="step('a').state == 'failed'"),
        task("c", after="a", when="step('a').done"),
    )
    world.fail("a")
    assert world.at("a").over
    assert world.states("b", "c") == ["ready", "not_applicable"]


def test_reopening_makes_a_new_invocation_and_holds_the_followers_that_have_not_begun() -> None:
    world = World(task("a"), task("b", after="a", when="data.encrypted"), task("c", after="a"))
    world.done("a")
    assert world.incident.blocked == {"main:b#1"}
    world.reopen("a")
    assert world.at("a").id == "main:a#2"
    assert world.at("main:a#1").state == "done"
    assert world.states("b", "c") == ["waiting", "ready"]
    assert world.incident.blocked == frozenset()
    assert world.at("b").missing == ()
    world.fact("data.encrypted", True)
    assert world.state("b") == "waiting"
    world.done("a")
    assert world.state("b") == "ready"


def test_a_reopened_step_waits_while_a_step_before_it_is_open_again() -> None:
    world = World(task("a"), task("b", after="a"))
    world.done("a", "b")
    world.reopen("a")
    world.reopen("b")
    assert world.states("a", "b") == ["ready", "waiting"]
    world.done("a")
    assert world.state("b") == "ready"


def test_a_wait_ends_after_its_duration() -> None:
    world = World(wait("w", duration=HOUR), task("a", after="w"))
    assert world.next_look() == world.now + HOUR
    world.advance(59 * MINUTE)
    assert world.state("w") == "active"
    world.advance(MINUTE)
    assert world.states("w", "a") == ["done", "ready"]


def test_a_wait_ends_at_its_instant() -> None:
    world = World(wait("w", until="2026-11-24T10:00:00Z"))
    world.advance(HOUR)
    assert world.state("w") == "done"


def test_a_wait_ends_when_its_fact_is_known() -> None:
    world = World(wait("w", fact="incident.contained_at"))
    assert world.next_look() is None
    world.fact("incident.contained_at", "2026-11-24T08:00:00Z")
    assert world.state("w") == "done"


def test_a_wait_for_a_fact_ends_after_its_time() -> None:
    world = World(wait("w", fact="incident.contained_at", duration=4 * HOUR))
    world.advance(4 * HOUR - MINUTE)
    assert world.state("w") != "done"
    world.advance(MINUTE)
    assert world.state("w") == "done"


def test_a_wait_ends_when_its_duty_is_filed_or_has_the_state() -> None:
    world = World(
        wait("w", duty=INITIAL), wait("v", duty=INITIAL, state="applies"), regimes=law(GDPR), facts=AWARE
    )
    assert world.states("w", "v") == ["active", "done"]
    record = DutyRecord(kind="filed", by="ann", at=world.now, reference="REF-1")
    world.give(c.RecordDuty(duty=INITIAL, record=record), by="ann")
    assert world.state("w") == "done"


def test_a_step_that_waits_for_an_unknown_duty_keeps_waiting() -> None:
    world = World(wait("w", duty="nobody/knows"))
    assert world.state("w") == "active"


def test_a_duties_step_ends_once_the_law_was_looked_at() -> None:
    world = World(duties("d"), task("a", after="d"), regimes=law(GDPR))
    assert world.states("d", "a") == ["done", "ready"]
    assert len(world.said(e.DutiesAssessed)) == 1


def test_a_duties_step_without_any_law_is_stuck_rather_than_done() -> None:
    world = World(duties("d"))
    assert (world.state("d"), world.at("d").stuck != "") == ("active", True)


def test_a_new_fact_has_the_law_looked_at_again_and_says_why() -> None:
    world = World(duties("d"), regimes=law(GDPR), facts=AWARE)
    world.fact("risk.to_people", "high")
    world.fact("incident.aware_at", "2026-11-24T08:00:00Z")
    assert world.incident.duties[INITIAL].verdict == "applies"
    assert world.said(e.DutiesAssessed)[-1].because == ("incident.aware_at",)
    assert world.incident.duties[INITIAL].due is not None


def test_a_look_at_the_law_after_a_record_does_not_name_older_facts_as_its_cause() -> None:
    world = World(duties("d"), regimes=law(GDPR), facts=AWARE)
    world.fact("risk.to_people", "high")
    before = len(world.said(e.DutiesAssessed))
    record = DutyRecord(kind="filed", by="ann", at=world.now, reference="REF-1")
    world.give(c.RecordDuty(duty=INITIAL, record=record), by="ann")
    assert [one.because for one in world.said(e.DutiesAssessed)[before:]] == [()]


def test_a_condition_on_a_duty_is_unknown_until_the_verdict_is_known() -> None:
    facts = {key: value for key, value in AWARE.items() if key != "data.involved"}
    world = World(task("a", when=f"duty('{INITIAL}').applies"), regimes=law(GDPR), facts=facts)
    assert world.at("a").missing == ("data.involved",)
    world.fact("data.involved", True)
    assert world.state("a") == "ready"
    none = World(task("a", when="duty('x/y').applies"))
    assert none.at("a").missing == ("duty('x/y')",)


def test_a_paused_incident_starts_no_automatic_work_and_catches_up() -> None:
    world = World(task("a"), task("b", after="a"), act("x", after="a"), wait("w", duration=HOUR))
    world.give(c.Pause(reason="police are here"))
    world.done("a")
    world.advance(2 * HOUR)
    assert world.states("b", "x", "w") == ["waiting", "waiting", "active"]
    assert world.work() == []
    assert world.next_look() is None
    world.give(c.Resume())
    assert world.states("b", "w") == ["ready", "done"]
    assert [type(work).__name__ for work in world.work()] == ["DoAct"]


def test_a_cancelled_incident_stops_everything_and_keeps_done_steps() -> None:
    world = World(
        task("a"),
        task("b"),
        group("g", task("c")),
        act("x", after="b"),
        message("m"),
        task("u", when="data.encrypted"),
        wait("w", duration=HOUR),
    )
    world.done("a")
    world.claim()
    world.give(c.CancelIncident(reason="a false alarm"))
    assert world.states("a", "b", "g", "g.c", "x", "m", "u", "w") == ["done", *["cancelled"] * 7]
    assert world.work() == []
    assert world.next_look() is None
    assert world.advance(HOUR) == []
    one = world.incident
    assert frozenset() == one.agenda | one.active | one.blocked | one.live | one.moving


def test_a_cancelled_incident_sends_no_message_that_was_planned() -> None:
    world = World(message("m"))
    world.perform(world.claim()[0])
    world.give(c.CancelIncident(reason="a false alarm"))
    assert {d.state for d in world.incident.deliveries.values()} == {"cancelled"}
    assert world.claim() == []


def test_settling_twice_gives_nothing_the_second_time() -> None:
    world = World(task("a"), group("g", task("b")), message("m"), act("x"), notice("n"))
    assert world.advance() == []


def test_an_act_is_ready_only_in_its_first_attempt_unless_it_has_a_due_time() -> None:
    world = World(act("x"), act("y", due=Due(offset=HOUR)))
    assert [event.step for event in world.said(e.StepReady)] == ["main:y#1"]
    world.work()
    assert world.states("x", "y") == ["done", "done"]
    assert world.at("x").ready_at == world.now


def test_a_person_assigned_before_a_step_is_ready_keeps_it() -> None:
    world = World(task("a"), task("b", after="a", assignee="bob"), approve("c", "a", "lead", after="a"))
    for step in ("b", "c"):
        world.give(c.AssignStep(step=world.id(step), to="eve", reason="bob is away"), by="ann")
    world.done("a")
    assert world.at("b").assignee == "eve"
    assert world.at("c").assignee == "eve"


def test_the_readiness_check_says_why_a_step_is_not_needed() -> None:
    world = World(task("a", when="data.encrypted"))
    assert check_readiness(world.incident, "main:a#1", world.library).verdict == "unknown"
    world.fact("data.encrypted", False)
    fallen = check_readiness(world.incident, "main:a#1", world.library)
    assert (fallen.verdict, "data.encrypted" in fallen.why) == ("no", True)


def test_events_must_follow_one_another() -> None:
    world = World(task("a"))
    world.journal.append(e.Recorded(99, world.now, e.IncidentResumed()))
    with refused("bug", Bug) as broken:
        world.replayed()
    assert "99" in broken.value.message


def test_a_journal_must_begin_with_the_opening() -> None:
    world = World(task("a"))
    world.journal.pop(0)
    with refused("bug", Bug) as broken:
        world.replayed()
    assert "IncidentOpened" in broken.value.message


def test_replaying_the_journal_gives_the_same_incident() -> None:
    world = World(task("a"), file("f", "a", after="a"), notice("n"), message("m"), act("x"))
    world.done("a")
    world.work()
    assert world.replayed() == world.incident
