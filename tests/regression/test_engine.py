"""What was once wrong in the engine and must stay right: expiry, late outcomes, plans made on an old state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from runner.errors import Refused
from runner.incident.law.duties import duty_passed
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.work import Compose, Deliver, Replan
from runner.law.duty import DutyRecord
from runner.playbook import format as p
from tests.scenario import (
    GDPR,
    HOUR,
    MINUTE,
    REJECTED,
    UNKNOWN,
    World,
    act,
    approve,
    ask,
    law,
    message,
    notice,
    task,
)


def test_an_approval_that_has_expired_is_not_reached_by_a_late_yes() -> None:
    world = World(task("a"), approve("s", "a", "lead", after="a", expires=HOUR), task("f", after="s"))
    world.done("a", by="zoe")
    world.now += 2 * HOUR  # no worker looked in between
    with pytest.raises(Refused):
        world.sign("s", "ann")


def test_a_message_without_a_channel_is_sent_when_retried_with_one() -> None:
    world = World(message("m"), channels=(), roles={"lead": "ann"})
    world.work()
    world.channels = ("mail",)  # a contact was added, a channel is configured
    world.retry("m")
    world.work()
    assert world.attempts(world.delivery("ann").id)


def test_a_domain_compromised_during_replanning_is_also_avoided() -> None:
    world = World(message("m"), channels=("mail", "sms", "push"), roles={"lead": "ann"})
    world.message_class = msgspec.structs.replace(world.message_class, goal="acked")
    world.work()
    world.give(c.DeclareDomain(domain="mail", state="compromised", since=world.now))
    (planning,) = (work for work in world.claim() if isinstance(work, Replan))
    planned = world.outcome(planning)
    world.give(c.DeclareDomain(domain="sms", state="compromised", since=world.now))
    world.give(planned)
    world.work()
    assert "sms" not in world.delivery("ann").channels


def test_a_rendering_of_older_facts_that_comes_late_does_not_replace_a_newer_one() -> None:
    world = World(notice("n"), approve("s", "n", "lead", after="n"))
    (work,) = world.claim()
    older = _rendered(world, work, "sha256:old", {"incident.summary": 3})
    newer = _rendered(world, work, "sha256:new", {"incident.summary": 9})
    world.give(newer)
    world.sign("s", "ann")
    world.give(older)
    assert (world.state("s"), world.at("n").digest) == ("done", "sha256:new")


def _rendered(world: World, work: Any, digest: str, facts: dict[str, int]) -> c.Rendered:
    world.digests["n"] = digest
    command = world.outcome(work)
    assert isinstance(command, c.Rendered)
    return c.Rendered(event=msgspec.structs.replace(command.event, facts=facts))


def test_a_reminder_that_could_not_be_composed_leaves_the_task_itself_alone() -> None:
    overdue = p.OnOverdue(remind=HOUR, times=3)
    world = World(
        task("a", due=p.Due(offset=HOUR), on_overdue=overdue, role="other"), roles={"lead": "ann bob"}
    )
    world.advance(2 * HOUR)
    (first,) = world.claim()
    assert isinstance(first, Compose)
    world.give(c.EffectFailed(step=world.id("a"), why="no recipient (role:other)"))
    world.give(c.AssignRole(role="other", persons=("ann",)))
    world.advance(3 * HOUR)
    assert world.claim(), "the next reminder goes out now that somebody holds the role"


def test_a_question_answered_with_unknown_stays_open() -> None:
    world = World(ask("q", "data.encrypted"), task("t", after="q", when="data.encrypted"))
    with pytest.raises(Refused):
        world.answer("q", None)
    assert world.state("q") != "done"


def test_a_recorded_filing_is_not_replaced_by_a_waiver() -> None:
    world = World(task("a"), regimes=law(GDPR))
    duty = f"{GDPR}/initial"
    filed = DutyRecord(kind="filed", by="ann", at=world.now, reference="LfDI 17")
    world.give(c.RecordDuty(duty=duty, record=filed), by="ann")
    waived = DutyRecord(kind="waived", by="bob", at=world.now, reason="wrong duty typed")
    with pytest.raises(Refused):
        world.give(c.RecordDuty(duty=duty, record=waived), by="bob")


def test_an_acceptance_before_a_resend_does_not_count_for_the_new_attempt() -> None:
    world = World(message("m"), channels=("mail",), roles={"lead": "ann"})
    world.message_class = msgspec.structs.replace(world.message_class, goal="accepted")
    for work in world.claim():
        world.perform(work)
    (first,) = world.claim()
    world.give(c.Resend(delivery=world.delivery("ann").id, reason="the wrong number"), by="ann")
    world.perform(first)
    again = [work for work in world.work() if isinstance(work, Deliver)]
    assert [work.key == first.key for work in again] == [False]


def test_the_reason_of_a_resolved_attempt_is_encrypted_and_stays_visible() -> None:
    world = World(act("x"))
    world.outcomes["x"] = [UNKNOWN]
    world.work()
    world.give(c.ResolveAttempt(effect=world.id("x"), happened=True, reason="Eva saw it off"), by="ann")
    assert [attempt.reason for attempt in world.attempts("x")] == ["Eva saw it off"]
    assert all("Eva" not in repr(one) for one in world.said(e.AttemptEnded))
    assert [one.reason for one in world.said(e.AttemptResolved)] == ["Eva saw it off"]
    assert world.replayed() == world.incident


def test_a_retry_without_a_channel_is_reported_again() -> None:
    world = World(message("m"), channels=(), roles={"lead": "ann"})
    world.work()
    world.retry("m")
    world.work()
    assert (world.delivery("ann").state, bool(world.at("m").stuck)) == ("exhausted", True)


def test_a_plan_that_cannot_be_made_is_tried_again_after_a_pause_and_nothing_is_sent_meanwhile() -> None:
    world = World(message("m"), channels=("mail", "sms"), roles={"lead": "ann"})
    world.message_class = msgspec.structs.replace(world.message_class, goal="acked")
    world.work()
    world.give(c.DeclareDomain(domain="mail", state="compromised", since=world.now))
    world.give(c.Replanned(plans=(), reason="the key is not there"))
    assert (world.claim(), world.next_look()) == ([], world.now + MINUTE)
    world.advance(MINUTE)
    assert [type(work) for work in world.claim()] == [Replan]
    world.work()
    assert (world.incident.replan, world.delivery("ann").channels) == (False, ("sms",))


def test_a_retried_rejected_action_gets_a_new_key() -> None:
    world = World(act("x", retry=p.Retry(times=2, wait=MINUTE)))
    world.outcomes["x"] = [REJECTED]
    world.work()
    world.retry("x")
    world.work()
    first, second = world.attempts("x")
    assert first.key != second.key
    assert world.replayed() == world.incident


def test_a_retried_unanswered_action_keeps_its_key() -> None:
    world = World(act("x"))
    world.outcomes["x"] = [UNKNOWN, REJECTED]
    world.work()
    world.retry("x")
    world.work()
    world.retry("x")
    world.work()
    assert len({attempt.key for attempt in world.attempts("x")}) == 1


def test_a_duty_that_facts_say_was_filed_is_not_assessed_again_for_its_due_time() -> None:
    facts = {
        "organisation.role": ["controller"],
        "organisation.country": "DE",
        "data.involved": True,
        "risk.to_people": "high",
        "incident.aware_at": "2026-11-24T08:00:00Z",
        f"incident.stage_submitted_at.{GDPR}/initial": "2026-11-24T08:30:00Z",
    }
    world = World(task("a"), regimes=law(GDPR), facts=facts)
    world.advance(timedelta(days=5))
    duty = world.incident.duties[f"{GDPR}/initial"]
    assert (duty.settled, duty.overdue) == (True, False)
    assert not duty_passed(world.incident, world.now)
