"""Outages and rate limits outside an incident change its deliveries."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from runner.base.states import Refusal
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.work import AnyWork, Deliver, Replan
from runner.incident.turn.claims import claims
from runner.incident.turn.settle import next_wakeup
from runner.routing.messaging import MessageClass, SendResult
from runner.routing.rate_limit import Quota, Quotas
from runner.routing.traffic import GONE
from tests.scenario import HOUR, MINUTE, THROTTLED, World, message

ONE = {"lead": "ann"}
TWO = {"lead": "ann bob"}
QUICK = MessageClass(name="quick", fail_over_after=5 * MINUTE, stale_after=HOUR)
SECOND = timedelta(seconds=1)


def down(world: World, domain: str = "mail", **more: bool) -> c.ReportDomain:
    return c.ReportDomain(domain=domain, state="down", since=world.now, reason="5 attempts failed", **more)


def up(world: World, domain: str = "mail", **more: bool) -> c.ReportDomain:
    return c.ReportDomain(domain=domain, state="up", since=world.now, **more)


class Outside(World):
    """A world whose planner says, as the real one does, why a channel is left out."""

    def _replanned(self) -> c.Replanned:
        replanned = super()._replanned()
        fallen = [d.name for d in self.incident.domains.values() if d.state != "up"]
        refused = tuple(Refusal(channel=one, rule="outage", why="down") for one in fallen)
        plans = tuple(msgspec.structs.replace(plan, refusals=refused) for plan in replanned.plans)
        return msgspec.structs.replace(replanned, plans=plans)


def held(until: datetime, *channels: str, free: int = 0) -> Quotas:
    return Quotas(
        accounts=dict.fromkeys(channels, "account"), rooms={"account": Quota(free=free, opens_at=until)}
    )


def starts(world: World, rooms: Quotas) -> list[tuple[str, str]]:
    """Return what would be sent now: to whom, over what."""
    works: list[AnyWork] = [work for _, work in claims(world.incident, world.now, world.library, "w1", rooms)]
    return [(work.delivery, work.channel) for work in works if isinstance(work, Deliver)]


def composed(**more: object) -> World:
    world = World(message("m"), roles=TWO, message_class=QUICK, **more)
    world.perform(world.claim()[0])
    return world


# --- domains -------------------------------------------------------------------------------------------------


def test_an_outage_report_replans_open_deliveries_before_the_next_send() -> None:
    world = World(message("m"), roles=ONE, message_class=QUICK)
    world.perform(world.claim()[0])
    world.give(down(world))
    assert [type(work) for work in world.claim()] == [Replan]
    world.work()
    assert [attempt.channel for attempt in world.attempts("d1-ann")] == ["sms"]
    assert world.incident.domains["mail"].automatic
    (said,) = world.said(e.DomainDeclared)
    assert (said.state, said.reason, said.automatic, said.by) == ("down", "5 attempts failed", True, "")


def test_a_repeated_report_creates_no_event() -> None:
    world = World(message("m"), roles=ONE)
    world.give(down(world))
    assert world.give(down(world)) == []
    world.give(up(world))
    assert world.give(up(world)) == []
    assert world.give(up(world, "never heard of")) == []


def test_a_compromised_domain_stays_compromised_whether_it_answers_or_not() -> None:
    world = World(message("m"), roles=ONE)
    world.give(c.DeclareDomain(domain="mail", state="compromised", since=world.now), by="bob")
    assert world.give(down(world), up(world)) == []


def test_a_declaration_by_a_person_overrides_automatic_reports() -> None:
    world = World(message("m"), roles=ONE)
    world.give(c.DeclareDomain(domain="mail", state="down", since=world.now), by="bob")
    assert world.give(up(world)) == []
    assert world.give(up(world, declared=True)) != []
    fell = down(world)
    world.advance(MINUTE)
    world.give(c.DeclareDomain(domain="mail", state="up", since=world.now), by="bob")
    assert world.give(fell) == [], "it was open when the person said that it works"
    world.advance(MINUTE)
    assert world.give(down(world)) != []


def test_a_delivery_without_another_channel_waits_for_one_to_come_back() -> None:
    world = Outside(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.perform(world.claim()[0])
    world.give(down(world))
    world.work()
    assert world.delivery("ann").state == "active"
    assert world.next_look() == world.now + QUICK.fail_over_after
    world.advance(4 * MINUTE)
    world.give(up(world))
    world.work()
    assert world.delivery("ann").state == "satisfied"


def test_when_none_comes_back_in_time_a_person_takes_over() -> None:
    world = Outside(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.perform(world.claim()[0])
    world.give(down(world))
    world.work()
    world.advance(QUICK.fail_over_after)
    assert world.delivery("ann").state == "exhausted"
    assert world.at("m").stuck


def test_a_domain_declared_down_is_not_waited_for() -> None:
    world = Outside(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.perform(world.claim()[0])
    world.give(c.DeclareDomain(domain="mail", state="down", since=world.now), by="bob")
    world.work()
    assert world.delivery("ann").state == "exhausted"


# --- rooms ---------------------------------------------------------------------------------------------------


def test_no_more_attempts_are_claimed_than_the_rate_limit_allows() -> None:
    world = composed()
    soon = world.now + SECOND
    assert starts(world, held(soon, "mail", free=1)) == [("d1-ann", "mail")]
    assert starts(world, held(soon, "mail", free=2)) == [("d1-ann", "mail"), ("d1-bob", "mail")]
    assert starts(world, held(soon, "mail")) == []


def test_the_next_look_is_when_the_account_has_room_again() -> None:
    world = composed()
    until = world.now + 7 * SECOND
    assert next_wakeup(world.incident, world.now, world.library, held(until, "mail")) == until


def test_a_rate_limit_beyond_the_channel_time_causes_failover() -> None:
    world = composed()
    late = world.now + QUICK.fail_over_after + SECOND
    assert starts(world, held(late, "mail")) == [("d1-ann", "sms"), ("d1-bob", "sms")]


def test_a_slow_queue_causes_failover_after_the_channel_time() -> None:
    world = composed()
    world.advance(QUICK.fail_over_after)
    assert starts(world, held(world.now + SECOND, "mail")) == [("d1-ann", "sms"), ("d1-bob", "sms")]


def test_channels_of_one_account_wait_together() -> None:
    world = composed()
    assert starts(world, held(world.now + HOUR, "mail", "sms")) == []


@pytest.mark.parametrize("said", [timedelta(0), -HOUR, None])
def test_a_deferral_into_the_past_gets_the_usual_pause(said: timedelta | None) -> None:
    world = World(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.outcomes["mail"] = [SendResult(state="throttled", retry_after=said)] * 3
    world.work()
    assert len(world.attempts("d1-ann")) == 1, "never again in the same breath"
    look = world.next_look()
    assert look is not None
    assert SECOND <= look - world.now <= 2 * SECOND


def test_a_later_is_kept_to_the_second_and_nothing_is_sent_before() -> None:
    world = World(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.outcomes["mail"] = [msgspec.structs.replace(THROTTLED, retry_after=17 * SECOND)]
    world.work()
    world.advance(17 * SECOND - timedelta(microseconds=1))
    assert world.claim() == []
    world.advance(timedelta(microseconds=1))
    world.work()
    assert world.delivery("ann").state == "satisfied"


def test_a_delivery_over_a_removed_channel_is_planned_again_before_it_fails() -> None:
    world = World(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.outcomes["mail"] = [SendResult(state="rejected", code=GONE, reason="no longer configured")]
    world.perform(world.claim()[0])
    world.channels = ("sms",)
    world.work()
    delivery = world.delivery("ann")
    assert [(attempt.channel, attempt.state) for attempt in delivery.attempts] == [
        ("mail", "rejected"),
        ("sms", "accepted"),
    ]
    assert (delivery.state, len(world.said(e.ReplanAsked))) == ("satisfied", 1)
    assert [(one.left, one.taken) for one in world.said(e.ChannelsSwitched)] == [(("mail",), ("sms",))]


def test_without_another_planned_channel_the_delivery_fails() -> None:
    world = World(message("m"), roles=ONE, message_class=QUICK, channels=("mail",))
    world.outcomes["mail"] = [SendResult(state="rejected", code=GONE, reason="no longer configured")]
    world.work()
    assert world.delivery("ann").state == "exhausted"
