"""Messages inside an incident: reached people, remaining attempts, and handover to a person."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from runner.errors import NotFound, Refused
from runner.incident.messages.deliveries import next_delivery_look
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.work import Compose, Deliver, Replan
from runner.routing.messaging import MessageClass, SendResult
from tests.refusals import refused
from tests.scenario import HOUR, MINUTE, REJECTED, UNKNOWN, World, message, task

ONE = {"lead": "ann"}
TWO = {"lead": "ann bob"}
MUST_ARRIVE = MessageClass(
    name="urgent", goal="acked", first_wave=2, fail_over_after=5 * MINUTE, stale_after=12 * HOUR
)
ASKING = MessageClass(name="ask", on_unknown="ask", duplicate_tolerance="harmful")


def channels_used(world: World) -> list[str]:
    return [work.channel for work in world.performed if isinstance(work, Deliver)]


def reached(text: str) -> list[str]:
    """Return the numbers of a sentence: how many were reached, of how many."""
    return re.findall(r"\d+", text)


def test_a_message_is_composed_then_sent_and_its_step_is_done_when_enough_are_reached() -> None:
    world = World(message("m"), task("z", after="m"), roles=TWO)
    assert [type(work) for work in world.work()] == [Compose, Deliver, Deliver]
    assert world.states("m", "z") == ["done", "ready"]
    assert (reached(world.at("m").reason), "accepted" in world.at("m").reason) == (["1", "2"], True)
    assert {d.state for d in world.incident.deliveries.values()} == {"satisfied"}


@pytest.mark.parametrize(
    ("rule", "state"), [("any", "done"), ("all", "active"), (1, "done"), (2, "active"), (9, "active")]
)
def test_how_many_must_be_reached_is_the_classes_word(rule: object, state: str) -> None:
    kind = MessageClass(name="q", goal="acked", ack_quorum=rule)
    world = World(message("m"), roles=TWO, message_class=kind)
    world.work()
    world.give(c.ReportCall(delivery="d1-ann", reached=True), by="cid")
    assert world.state("m") == state
    world.give(c.ReportCall(delivery="d1-bob", reached=True), by="cid")
    assert world.state("m") == "done"


def test_a_first_wave_uses_several_channels_at_once() -> None:
    world = World(message("m"), roles=ONE, message_class=MUST_ARRIVE, channels=("mail", "sms", "voice"))
    world.work()
    assert channels_used(world) == ["mail", "sms"]
    look = world.next_look()
    assert look is not None
    world.advance(look - world.now)
    world.work()
    assert channels_used(world) == ["mail", "sms", "voice"]


def test_a_channel_that_is_cut_hands_over_to_the_next_one_at_once() -> None:
    world = World(message("m"), roles=ONE)
    world.cut("mail")
    world.work()
    assert channels_used(world) == ["mail", "sms"]
    assert world.state("m") == "done"


def test_a_channel_that_is_restored_is_used_when_no_other_is_left() -> None:
    world = World(message("m"), roles=ONE, channels=("mail",))
    world.cut("mail")
    world.work()
    world.restore("mail")
    look = world.next_look()
    assert look is not None
    world.advance(look - world.now)
    world.work()
    assert channels_used(world) == ["mail", "mail"]
    assert world.state("m") == "done"


def test_when_nothing_is_left_to_try_the_step_is_stuck_and_says_so() -> None:
    world = World(message("m"), task("z", after="m"), roles=ONE)
    world.outcomes.update(mail=[REJECTED], sms=[REJECTED])
    world.work()
    assert world.delivery("ann").state == "exhausted"
    assert reached(world.at("m").stuck) == ["0", "1"]
    assert world.states("m", "z") == ["active", "waiting"]
    assert world.claim() == []


def test_a_message_without_a_reached_recipient_fails_and_the_playbook_continues() -> None:
    world = World(message("m", on_failure="continue"), task("z", after="m"), roles=ONE)
    world.outcomes.update(mail=[REJECTED], sms=[REJECTED])
    world.work()
    assert world.states("m", "z") == ["failed", "ready"]


def test_a_successful_phone_call_ends_a_blocked_message() -> None:
    world = World(message("m"), roles=ONE)
    world.outcomes.update(mail=[REJECTED], sms=[REJECTED])
    world.work()
    world.give(c.ReportCall(delivery="d1-ann", reached=False, note="no answer"), by="bob")
    assert world.at("m").stuck != ""
    assert world.delivery("ann").state == "exhausted"
    world.give(c.ReportCall(delivery="d1-ann", reached=True), by="bob")
    assert world.state("m") == "done"
    assert world.delivery("ann").state == "satisfied"


def test_a_message_without_recipients_is_blocked() -> None:
    world = World(message("m"), roles={"other": "ann"})
    world.work()
    assert reached(world.at("m").stuck) == ["0", "1"]


def test_a_retried_message_without_recipients_is_composed_again() -> None:
    world = World(message("m"), roles={"other": "ann"})
    world.work()
    world.give(c.AssignRole(role="lead", persons=("ann",)))
    world.retry("m")
    world.work()
    assert world.state("m") == "done"


def test_a_retried_message_is_sent_only_to_unreached_recipients() -> None:
    kind = MessageClass(name="all", ack_quorum="all")
    world = World(message("m"), roles=TWO, channels=("mail",), message_class=kind)
    world.outcomes["mail"] = [SendResult(state="accepted", evidence="accepted"), REJECTED]
    world.work()
    assert reached(world.at("m").stuck) == ["1", "2"]
    world.retry("m")
    assert [event.delivery for event in world.said(e.DeliveryResent)] == ["d1-bob"]
    world.work()
    assert world.state("m") == "done"
    assert len(world.attempts("d1-ann")) == 1
    assert len({attempt.key for attempt in world.attempts("d1-bob")}) == 2


def test_a_message_that_could_not_be_composed_is_stuck_until_it_is_retried() -> None:
    world = World(message("m"), roles=ONE)
    world.give(c.EffectFailed(step="main:m#1", why="no recipient"))
    assert world.claim() == []
    world.retry("m")
    world.work()
    assert world.state("m") == "done"


def test_a_failure_to_compose_a_step_that_has_ended_changes_nothing() -> None:
    world = World(message("m"), roles=ONE)
    world.skip("m")
    assert world.give(c.EffectFailed(step="main:m#1", why="no recipient")) == []


def test_two_workers_that_compose_one_message_leave_one() -> None:
    world = World(message("m"), roles=ONE)
    work = world.claim()[0]
    world.perform(work)
    assert world.perform(work) == []
    assert len(world.incident.messages) == 1


@pytest.mark.parametrize("how", ["skip", "cancel"])
def test_a_message_that_is_left_out_is_sent_no_further(how: str) -> None:
    world = World(message("m"), roles=TWO)
    world.perform(world.claim()[0])
    getattr(world, how)("m")
    assert {d.state for d in world.incident.deliveries.values()} == {"cancelled"}
    assert world.claim() == []
    with refused("called_off", Refused):
        world.give(c.Resend(delivery="d1-ann", reason="please"), by="cid")


def test_unreached_recipients_still_get_the_message_after_the_step_is_done() -> None:
    world = World(message("m"), roles=TWO, channels=("mail",))
    world.perform(world.claim()[0])
    first, second = world.claim()
    world.perform(first)
    assert world.state("m") == "done"
    world.perform(second)
    assert world.delivery("bob").state == "satisfied"


def test_an_unanswered_attempt_causes_failover() -> None:
    world = World(message("m"), roles=ONE)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    assert channels_used(world) == ["mail", "sms"]
    assert world.state("m") == "done"


def test_an_unanswered_attempt_of_a_message_that_must_not_double_asks_a_person() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    assert {"1", "mail"} <= set(re.findall(r"\w+", world.delivery("ann").stuck))
    assert world.claim() == []
    assert world.next_look() == world.incident.opened_at + ASKING.stale_after  # then it is dropped
    assert world.advance() == []


def test_a_person_says_that_an_unanswered_attempt_arrived() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    world.give(c.ResolveAttempt(effect="d1-ann", happened=True, reason="she answered"), by="bob")
    assert world.attempts("d1-ann")[0].resolved_by == "bob"
    assert world.states("m") == ["done"]
    assert world.delivery("ann").stuck == ""


def test_a_person_says_that_an_unanswered_attempt_did_not_arrive() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    world.give(c.ResolveAttempt(effect="d1-ann", happened=False, reason="not in the log"))
    assert world.attempts("d1-ann")[0].state == "not_sent"
    assert world.attempts("d1-ann")[0].resolved_by == "unnamed"
    world.work()
    assert channels_used(world) == ["mail", "sms"]


def test_only_an_unknown_outcome_can_be_resolved() -> None:
    world = World(message("m"), roles=ONE)
    world.work()
    with refused("nothing_to_resolve", Refused) as found:
        world.give(c.ResolveAttempt(effect="d1-ann", happened=True, reason="x"))
    assert "d1-ann" in found.value.message
    with refused("unknown_delivery", NotFound):
        world.give(c.ResolveAttempt(effect="nobody", happened=True, reason="x"))


def test_resolving_an_attempt_needs_a_reason() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    with refused("reason_missing", Refused):
        world.give(c.ResolveAttempt(effect="d1-ann", happened=True, reason=" "))


def test_a_lost_worker_leaves_its_attempt_unknown_and_a_late_outcome_settles_it() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.perform(world.claim()[0])
    work = world.claim()[0]
    world.crash()
    world.recover()
    assert world.attempts("d1-ann")[0].state == "unknown"
    assert world.give(c.AttemptLost(effect="d1-ann", n=1)) == []
    world.perform(work)
    assert world.attempts("d1-ann")[0].state == "accepted"
    assert world.state("m") == "done"


def test_an_outcome_is_not_made_unknown_again() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    assert world.give(c.AttemptDone(effect="d1-ann", n=1, result=UNKNOWN)) == []
    world.give(c.AttemptDone(effect="d1-ann", n=1, result=REJECTED))
    assert world.give(c.AttemptDone(effect="d1-ann", n=1, result=UNKNOWN)) == []
    assert world.attempts("d1-ann")[0].state == "rejected"


def test_a_provider_answer_overrides_a_resolution_by_a_person() -> None:
    world = World(message("m"), roles=ONE, message_class=ASKING)
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    world.give(c.ResolveAttempt(effect="d1-ann", happened=False, reason="not in the log"), by="bob")
    answer = SendResult(state="accepted", evidence="relayed", provider_id="p7")
    world.give(c.AttemptDone(effect="d1-ann", n=1, result=answer))
    attempt = world.attempts("d1-ann")[0]
    assert (attempt.state, attempt.resolved_by, attempt.provider_id) == ("accepted", "", "p7")


def test_evidence_only_rises_and_a_receipt_ends_a_delivery_that_was_given_up() -> None:
    kind = MessageClass(name="d", goal="delivered", fail_over_after=MINUTE)
    world = World(message("m"), roles=ONE, channels=("mail",), message_class=kind)
    world.work()
    world.advance(HOUR)
    assert world.delivery("ann").state == "exhausted"
    late = SendResult(state="accepted", evidence="delivered")
    world.give(c.AttemptDone(effect="d1-ann", n=1, result=late))
    assert world.delivery("ann").evidence == "accepted"
    world.give(c.ReportCall(delivery="d1-ann", reached=True))
    assert world.delivery("ann").state == "satisfied"
    assert world.state("m") == "done"


def test_a_late_outcome_ends_a_delivery_that_was_given_up() -> None:
    world = World(message("m"), roles=ONE, channels=("mail",))
    world.outcomes["mail"] = [UNKNOWN]
    world.work()
    world.advance(HOUR)
    assert world.delivery("ann").state == "exhausted"
    certain = World(message("m"), roles=ONE, channels=("mail",))
    certain.outcomes["mail"] = [REJECTED]
    certain.work()
    assert reached(world.at("m").stuck) == reached(certain.at("m").stuck) == ["0", "1"]
    assert world.at("m").stuck != certain.at("m").stuck, "that some may have arrived is said"
    world.give(c.AttemptDone(effect="d1-ann", n=1, result=SendResult(state="accepted", evidence="accepted")))
    assert world.delivery("ann").state == "satisfied"
    assert world.state("m") == "done"


def test_sending_again_uses_a_new_key_and_its_time_counts_from_then() -> None:
    world = World(message("m"), roles=ONE, channels=("mail",))
    world.outcomes["mail"] = [REJECTED]
    world.work()
    world.advance(timedelta(days=3))
    world.give(c.Resend(delivery="d1-ann", reason="address corrected"), by="bob")
    world.work()
    assert len({attempt.key for attempt in world.attempts("d1-ann")}) == 2
    assert world.delivery("ann").state == "satisfied"
    assert world.state("m") == "done"


def test_a_reached_person_can_be_sent_the_message_again() -> None:
    world = World(message("m"), roles=ONE)
    world.work()
    world.give(c.Resend(delivery="d1-ann", reason="she deleted it"), by="bob")
    assert [type(work) for work in world.work()] == [Replan, Deliver]
    assert len(world.attempts("d1-ann")) == 2


def test_sending_again_needs_a_reason_and_a_delivery() -> None:
    world = World(message("m"), roles=ONE)
    world.work()
    with refused("reason_missing", Refused):
        world.give(c.Resend(delivery="d1-ann", reason=""))
    with refused("unknown_delivery", NotFound):
        world.give(c.ReportCall(delivery="nobody", reached=True))


def test_a_message_older_than_its_class_allows_is_dropped() -> None:
    world = World(message("m"), roles=ONE, channels=("mail",))
    world.cut("mail")
    world.perform(world.claim()[0])
    world.advance(timedelta(days=2))
    assert world.delivery("ann").state == "exhausted"
    spent = World(message("m"), roles=ONE, channels=("mail",))
    spent.outcomes["mail"] = [REJECTED]
    spent.work()
    assert world.said(e.DeliveryEnded)[0].why not in ("", spent.said(e.DeliveryEnded)[0].why)


def test_a_compromised_channel_is_planned_around_before_anything_more_is_sent() -> None:
    world = World(message("m"), roles=ONE)
    world.perform(world.claim()[0])
    world.give(c.DeclareDomain(domain="mail", state="compromised", since=world.now), by="bob")
    world.work()
    assert channels_used(world) == ["sms"]
    assert world.delivery("ann").channels == ("sms",)
    assert not world.incident.replan


def test_a_new_plan_does_not_reopen_an_ended_delivery() -> None:
    world = World(message("m"), roles=TWO)
    world.work()
    plans = tuple(
        e.PlannedDelivery(delivery=name, person="x", channels=("fax",), goal="accepted")
        for name in ("d1-ann", "d9")
    )
    assert world.give(c.Replanned(plans=plans, reason="late")) == []
    world.give(c.DeclareDomain(domain="mail", state="down", since=world.now), by="bob")
    world.give(c.Replanned(plans=plans, reason="late"))
    assert world.delivery("ann").channels == ("mail", "sms")
    assert world.claim() == []


def test_a_paused_incident_sends_nothing_and_looks_at_no_delivery() -> None:
    world = World(message("m"), roles=ONE)
    world.perform(world.claim()[0])
    world.give(c.Pause(reason="wait"))
    assert world.claim() == []
    assert world.next_look() is None


def test_a_delivery_that_can_be_sent_is_looked_at_now() -> None:
    world = World(message("m"), roles=ONE)
    world.perform(world.claim()[0])
    assert next_delivery_look(world.incident, world.now) == world.now


def test_an_attempt_that_has_outlived_its_limit_is_looked_at_every_minute_and_not_without_pause() -> None:
    world = World(message("m"), roles=ONE)
    world.perform(world.claim()[0])
    world.claim()
    world.advance(10 * MINUTE)
    assert world.next_look() == world.now + MINUTE


def test_an_unrecorded_send_of_a_dead_process_is_not_repeated() -> None:
    world = World(message("m"), roles=ONE)
    world.perform(world.claim()[0])
    world.claim()
    world.crash()
    assert world.claim() == []
    assert len(world.incident.sending) == 1
