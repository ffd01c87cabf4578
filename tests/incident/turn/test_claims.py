"""Which effects start now: an intent for each that touches the world, never two at once for the same."""

from __future__ import annotations

import pytest

from runner.errors import NotFound, Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.work import DoAct, Render
from runner.incident.steps.kinds import ACT_LIMIT
from runner.incident.turn.claims import claims
from runner.playbook.format import Due, HttpCall, Retry
from runner.routing.messaging import SendResult
from tests.refusals import refused
from tests.scenario import (
    ACCEPTED,
    HOUR,
    MINUTE,
    NOT_SENT,
    REJECTED,
    THROTTLED,
    UNKNOWN,
    World,
    act,
    group,
    message,
    notice,
    task,
)


def test_an_act_is_claimed_before_it_is_done_and_ends_with_its_outcome() -> None:
    world = World(act("x"), task("z", after="x"))
    (work,) = world.claim()
    assert isinstance(work, DoAct)
    assert world.incident.sending == {"main:x#1|1"}
    assert world.state("x") == "active"
    assert world.claim() == []
    world.perform(work)
    assert world.states("x", "z") == ["done", "ready"]
    assert world.incident.sending == frozenset()


def test_the_key_of_an_act_is_the_same_for_every_try_and_another_for_every_invocation() -> None:
    world = World(act("x", retry=Retry(times=1, wait=MINUTE)))
    world.outcomes["x"] = [THROTTLED]
    world.work()
    world.advance(MINUTE)
    world.work()
    world.reopen("x")
    world.work()
    keys = [event.key for event in world.said(e.AttemptStarted)]
    assert keys[0] == keys[1] != keys[2]


def test_an_act_has_a_time_limit() -> None:
    world = World(act("x"), act("y", timeout=MINUTE))
    limits = [work.time_limit for work in world.claim() if isinstance(work, DoAct)]
    assert limits == [ACT_LIMIT, MINUTE]


def test_an_act_with_an_unknown_condition_is_not_claimed() -> None:
    world = World(act("x", when="data.encrypted"))
    assert world.claim() == []
    world.fact("data.encrypted", True)
    assert len(world.claim()) == 1


def test_an_act_that_is_rejected_fails_closed() -> None:
    world = World(act("x"), task("z", after="x"))
    world.outcomes["x"] = [REJECTED]
    world.work()
    assert world.states("x", "z") == ["failed", "waiting"]
    assert world.at("x").stuck == "no"


def test_an_act_without_retries_fails_when_it_was_not_sent() -> None:
    world = World(act("x"))
    world.outcomes["x"] = [NOT_SENT]
    world.work()
    assert world.state("x") == "failed"


def test_a_throttled_act_waits_the_requested_time() -> None:
    world = World(act("x", retry=Retry(times=1, wait=MINUTE)))
    world.outcomes["x"] = [SendResult(state="throttled", retry_after=HOUR)]
    world.work()
    assert world.next_look() == world.now + HOUR
    world.advance(59 * MINUTE)
    assert world.work() == []
    world.advance(MINUTE)
    world.work()
    assert world.state("x") == "done"


def test_a_person_retries_a_failed_act() -> None:
    world = World(act("x"))
    world.outcomes["x"] = [REJECTED]
    world.work()
    world.retry("x")
    assert len(world.work()) == 1
    assert world.state("x") == "done"
    assert [attempt.state for attempt in world.attempts("x")] == ["rejected", "accepted"]


def test_an_unanswered_act_waits_for_a_person() -> None:
    world = World(act("x", retry=Retry(times=3)), task("z", after="x"))
    world.outcomes["x"] = [UNKNOWN]
    world.work()
    assert world.states("x", "z") == ["outcome_unknown", "waiting"]
    assert world.next_look() is None


@pytest.mark.parametrize(
    "step",
    [
        act("x", retry=Retry(times=1, wait=MINUTE), on_unknown="retry"),
        act(
            "x",
            retry=Retry(times=1, wait=MINUTE),
            http=HttpCall(url="https://fw.example/block", idempotent=True),
        ),
    ],
    ids=["said so", "honours keys"],
)
def test_an_unanswered_act_that_may_be_repeated_is_until_its_tries_are_used_up(step: object) -> None:
    world = World(step)
    world.outcomes["x"] = [UNKNOWN, UNKNOWN]
    world.work()
    assert world.state("x") == "active"
    world.advance(MINUTE)
    world.work()
    assert world.state("x") == "outcome_unknown"


def test_a_person_says_that_an_unanswered_act_happened_or_that_it_did_not() -> None:
    world = World(act("x"), act("y", due=Due(offset=HOUR)), act("v"))
    for step in "xyv":
        world.outcomes[step] = [UNKNOWN]
    world.work()
    world.advance(2 * HOUR)
    world.give(c.ResolveAttempt(effect="main:x#1", happened=True, reason="seen in the log"), by="ann")
    world.give(c.ResolveAttempt(effect="main:y#1", happened=True, reason="seen in the log"), by="ann")
    world.give(c.ResolveAttempt(effect="main:v#1", happened=False, reason="not in the log"), by="ann")
    assert world.states("x", "y", "v") == ["done", "done_late", "active"]
    world.work()
    assert world.state("v") == "done"


def test_a_person_may_call_an_unanswered_act_done_or_skip_it() -> None:
    world = World(act("x"), act("y"))
    world.outcomes.update(x=[UNKNOWN], y=[UNKNOWN])
    world.work()
    world.done("x")
    world.skip("y")
    assert world.states("x", "y") == ["done", "skipped"]
    world.give(c.ResolveAttempt(effect="main:y#1", happened=True, reason="it was"), by="ann")
    assert world.state("y") == "skipped"
    assert world.attempts("y")[0].state == "accepted"


def test_a_lost_attempt_of_an_act_is_unknown_and_its_late_outcome_ends_the_step() -> None:
    world = World(act("x"))
    (work,) = world.claim()
    world.crash()
    world.recover()
    assert world.state("x") == "outcome_unknown"
    world.perform(work)
    assert world.state("x") == "done"


def test_an_outcome_after_the_step_was_skipped_is_recorded_and_undoes_nothing() -> None:
    world = World(act("x", retry=Retry(times=3)))
    (work,) = world.claim()
    world.skip("x")
    world.outcomes["x"] = [THROTTLED]
    world.perform(work)
    assert world.state("x") == "skipped"
    assert world.attempts("x")[0].state == "throttled"
    assert world.work() == []


def test_an_open_act_is_not_claimed_again_when_a_person_fails_it() -> None:
    world = World(act("x"))
    (work,) = world.claim()
    world.fail("x")
    with refused("attempt_sending", Refused):
        world.retry("x")
    assert world.claim() == []
    world.perform(work)
    assert world.state("x") == "done"


def test_a_late_outcome_does_not_start_a_third_try_beside_the_second() -> None:
    world = World(act("x", retry=Retry(times=5, wait=MINUTE), on_unknown="retry"))
    world.claim()
    world.recover()
    world.advance(MINUTE)
    (second,) = world.claim()
    world.give(c.AttemptDone(effect="main:x#1", n=1, result=THROTTLED))
    world.advance(HOUR)
    assert world.claim() == []
    assert world.next_look() is None
    world.perform(second)
    assert world.state("x") == "done"


def test_a_late_rejection_does_not_fail_a_step_with_an_open_retry() -> None:
    world = World(act("x", retry=Retry(times=5, wait=MINUTE), on_unknown="retry"))
    world.claim()
    world.recover()
    world.advance(MINUTE)
    (second,) = world.claim()
    world.give(c.AttemptDone(effect="main:x#1", n=1, result=REJECTED))
    assert world.state("x") == "active"
    world.perform(second)
    assert [attempt.state for attempt in world.attempts("x")] == ["rejected", "accepted"]


def test_resolving_the_first_attempt_starts_no_third_beside_the_second() -> None:
    world = World(act("x", retry=Retry(times=5, wait=MINUTE), on_unknown="retry"))
    world.claim()
    world.recover()
    world.advance(MINUTE)
    (second,) = world.claim()
    world.give(c.ResolveAttempt(effect="main:x#1", happened=False, reason="not in the log"), by="ann")
    assert world.claim() == []
    world.give(c.AttemptDone(effect="main:x#1", n=1, result=ACCEPTED))
    assert world.state("x") == "done"
    world.perform(second)
    assert [attempt.state for attempt in world.attempts("x")] == ["accepted", "accepted"]


def test_an_outcome_of_no_attempt_is_our_fault_and_says_which() -> None:
    world = World(act("x"))
    with refused("unknown_attempt", NotFound) as found:
        world.give(c.AttemptDone(effect="main:x#1", n=7, result=ACCEPTED))
    assert ("7" in found.value.message, "main:x#1" in found.value.message) == (True, True)
    with refused("unknown_attempt", NotFound) as found:
        world.give(c.AttemptDone(effect="nobody", n=1, result=ACCEPTED))
    assert ("1" in found.value.message, "nobody" in found.value.message) == (True, True)


def test_an_outcome_that_comes_twice_changes_nothing_the_second_time() -> None:
    world = World(act("x"))
    (work,) = world.claim()
    world.perform(work)
    assert world.perform(work) == []


@pytest.mark.parametrize(
    "command", [c.Pause(reason="wait"), c.CancelIncident(reason="over"), c.Close(reason="over")]
)
def test_an_incident_that_is_not_open_starts_no_effects(command: c.AnyCommand) -> None:
    world = World(act("x"), message("m"), notice("n"))
    world.give(command)
    assert list(claims(world.incident, world.now, world.library, "w")) == []


def test_outcomes_are_recorded_after_the_incident_ended() -> None:
    world = World(act("x"))
    (work,) = world.claim()
    world.give(c.CancelIncident(reason="over"))
    world.perform(work)
    assert world.state("x") == "cancelled"
    assert world.attempts("x")[0].state == "accepted"
    assert world.incident.sending == frozenset()


def test_a_notice_is_rendered_for_the_lanes_own_duty() -> None:
    world = World(
        group("g", notice("n", notice="auto", duty="item"), for_each="data.elements"),
        notice("o", duty="x/y", formats=("pdf",)),
        facts={"data.elements": ["a/b"]},
    )
    found = {work.duty: work for work in world.claim() if isinstance(work, Render)}
    assert found["a/b"].notice == "auto"
    assert found["x/y"].formats == ("pdf",)


def test_a_notice_that_could_not_be_rendered_is_stuck_until_it_is_retried() -> None:
    world = World(notice("n"))
    world.give(c.EffectFailed(step="main:n#1", why="no template fulfils it"))
    assert world.claim() == []
    world.retry("n")
    world.work()
    assert world.state("n") == "done"


def test_a_notice_generated_early_does_not_complete_its_step() -> None:
    world = World(task("a"), notice("n", after="a"))
    render = Render(incident="i1", step="main:n#1", notice="gdpr-33-initial", duty="", formats=("txt",))
    world.perform(render)
    assert world.state("n") == "waiting"
    assert len(world.incident.documents) == 1
    world.done("a")
    world.work()
    assert world.state("n") == "done"


def test_a_worker_that_dies_between_intent_and_effect_does_nothing_twice() -> None:
    world = World(act("x"), act("y"))
    world.claim()
    world.crash()
    assert world.claim() == []
    assert world.incident.sending == {"main:x#1|1", "main:y#1|1"}
