"""Times of a delivery are computed only for deliveries with a new event."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.incident.messages.deliveries import LOOK_AGAIN, next_delivery_look, pop_due
from runner.incident.state import commands as c
from runner.incident.state.work import Deliver
from runner.routing.messaging import MessageClass
from runner.routing.rate_limit import Quota, Quotas
from tests.scenario import MINUTE, REJECTED, UNKNOWN, World, message

MANY = {"lead": " ".join(f"p{n:03}" for n in range(200))}
ONE = {"lead": "ann"}
TWO = {"lead": "ann bob"}
ANSWERED = MessageClass(name="answered", goal="acked", ack_quorum="all", fail_over_after=10 * MINUTE)


def composed(**more: object) -> World:
    """Return a world in which a message was composed and nothing of it is sent."""
    world = World(message("m"), **more)
    world.perform(world.claim()[0])
    return world


def times(world: World, name: str) -> tuple[object, object]:
    return world.incident.looks.get(name), world.incident.sends.get(name)


def full(world: World, longer: timedelta, *channels: str) -> Quotas:
    """Return rooms in which the one account of these channels has no place for so much longer."""
    room = Quota(free=0, opens_at=world.now + longer)
    return Quotas(accounts=dict.fromkeys(channels, "one"), rooms={"one": room})


def test_many_that_wait_to_be_sent_are_not_looked_at() -> None:
    world = composed(roles=MANY)
    assert list(pop_due(world.incident.looks, world.now)) == []
    assert list(pop_due(world.incident.sends, world.now)) == sorted(world.incident.deliveries)


def test_the_outcome_of_one_delivery_changes_the_times_of_no_other() -> None:
    world = composed(roles=MANY, message_class=ANSWERED)
    first, *_ = world.claim()
    before = {name: times(world, name) for name in world.incident.moving}
    world.outcomes["mail"] = [REJECTED]
    world.perform(first)
    assert isinstance(first, Deliver)
    assert [name for name in before if times(world, name) != before[name]] == [first.delivery]


def test_an_ended_delivery_has_no_times() -> None:
    world = composed(roles=TWO)
    world.work()
    assert (world.incident.looks, world.incident.sends) == ({}, {})


def test_a_channel_that_opens_later_is_named_ahead() -> None:
    world = composed(roles=ONE, message_class=ANSWERED)
    start = world.now
    world.perform(world.claim()[0])
    assert times(world, "d1-ann") == (start + ANSWERED.stale_after, start + ANSWERED.fail_over_after)
    assert world.next_look() == start + ANSWERED.fail_over_after


def test_an_open_attempt_is_looked_at_after_its_limit_and_each_minute() -> None:
    world = composed(roles=ONE, channels=("mail",))
    world.claim()
    limit = world.now + 3 * MINUTE
    assert next_delivery_look(world.incident, world.now) == limit
    world.advance(3 * MINUTE)
    assert next_delivery_look(world.incident, world.now) == limit + LOOK_AGAIN


def test_an_open_second_attempt_determines_the_next_look() -> None:
    world = composed(roles=ONE, channels=("mail",), message_class=MessageClass(name="r", on_unknown="retry"))
    world.outcomes["mail"] = [UNKNOWN]
    world.perform(world.claim()[0])
    again = world.next_look()
    assert again is not None
    world.advance(again - world.now)
    world.claim()
    assert world.next_look() == again + 3 * MINUTE


def test_with_full_channels_the_next_look_is_when_one_is_free() -> None:
    world = composed(roles=TWO)
    rooms = full(world, 5 * MINUTE, "mail", "sms")
    assert next_delivery_look(world.incident, world.now, rooms) == world.now + 5 * MINUTE


def test_another_free_channel_is_used_now() -> None:
    world = composed(roles=ONE, message_class=MessageClass(name="wide", first_wave=2))
    assert next_delivery_look(world.incident, world.now, full(world, MINUTE, "mail")) == world.now


def test_a_channel_that_opens_later_is_waited_for_whether_or_not_it_is_full_now() -> None:
    world = composed(roles=ONE, message_class=ANSWERED)
    start = world.now
    world.perform(world.claim()[0])
    rooms = full(world, MINUTE, "sms")
    assert next_delivery_look(world.incident, world.now, rooms) == start + ANSWERED.fail_over_after


def test_an_answer_of_enough_people_takes_the_others_up_at_once() -> None:
    world = composed(roles=TWO, message_class=MessageClass(name="any", goal="acked", ack_quorum="any"))
    for work in world.claim():
        world.perform(work)
    world.give(c.ReportCall(delivery="d1-ann", reached=True), by="cid")
    assert world.delivery("bob").state == "cancelled"


@pytest.mark.parametrize("how", ["skip", "cancel"])
def test_a_step_that_is_left_out_while_the_incident_is_paused_lets_its_messages_go_afterwards(
    how: str,
) -> None:
    world = composed(roles=TWO)
    first, _ = world.claim()
    world.give(c.Pause(reason="wait"))
    getattr(world, how)("m")
    world.perform(first)
    world.give(c.Resume(reason="go on"))
    assert {delivery.state for delivery in world.incident.deliveries.values()} <= {"cancelled", "satisfied"}
    assert world.incident.moving == frozenset()
