"""Escalation: deputies, levels, reminders, expired acknowledgements, and the final call."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
import pytest

from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.messages import ReceiptTaken
from runner.incident.state.work import Announce, Deliver
from runner.routing.messaging import MessageClass, SendResult
from tests.refusals import refused
from tests.scenario import HOUR, MINUTE, REJECTED, T0, World, message, task

CALLING = MessageClass(
    name="calling",
    goal="acked",
    fail_over_after=5 * MINUTE,
    escalate_after=15 * MINUTE,
    remind_after=30 * MINUTE,
    reminders=2,
    stale_after=12 * HOUR,
)
ROLES = {"lead": "ann bob"}


def kind(**more) -> MessageClass:
    return msgspec.structs.replace(CALLING, **more)


def calling(message_class: MessageClass = CALLING, roles: dict[str, str] | None = None, **more) -> World:
    """Return a world in which the message was sent to those for whom it is meant, and nobody has answered."""
    world = World(
        message("m"),
        roles=roles or ROLES,
        message_class=message_class,
        **{"stand_ins": {"ann": "cid", "bob": "dee"}, "above": "eve", **more},
    )
    world.work()
    return world


def told(world: World) -> list[str]:
    """Return the people to whom something was sent, in order, each once."""
    persons = (
        world.incident.deliveries[work.delivery].person
        for work in world.performed
        if isinstance(work, Deliver)
    )
    return list(dict.fromkeys(persons))


def go_on(world: World, until: timedelta) -> None:
    """Let time pass to an instant counted from the start, stopping wherever the program wants to look."""
    for _ in range(200):
        look = world.next_look()
        if look is None or look > T0 + until:
            break
        world.advance(max(look - world.now, timedelta()))
        world.work()
    world.advance(T0 + until - world.now)
    world.work()


# ---------------------------------------------------------------------------------------------------------- levels


def test_the_times_of_the_levels_are_fixed_when_the_message_is_composed():
    world = calling()
    starts = {d.person: d.starts_at for d in world.incident.deliveries.values()}
    assert starts == {
        "ann": None,
        "bob": None,
        "cid": T0 + 15 * MINUTE,
        "dee": T0 + 15 * MINUTE,
        "eve": T0 + 30 * MINUTE,
    }
    assert told(world) == ["ann", "bob"]


def test_each_level_is_alerted_once_in_order():
    world = calling()
    go_on(world, 14 * MINUTE)
    assert told(world) == ["ann", "bob"]
    go_on(world, 15 * MINUTE)
    assert told(world) == ["ann", "bob", "cid", "dee"]
    go_on(world, 31 * MINUTE)
    assert told(world)[-1] == "eve"
    go_on(world, 10 * HOUR)
    assert [event.level for event in world.said(e.LevelFired)] == [1, 2]
    assert {event.late_by for event in world.said(e.LevelFired)} == {timedelta()}


def test_after_a_standstill_only_the_current_level_is_alerted_with_its_delay():
    world = calling()
    world.advance(40 * MINUTE)
    world.work()
    [fired] = world.said(e.LevelFired)
    assert (fired.level, fired.late_by, fired.passed_over) == (2, 10 * MINUTE, (1,))
    assert "cid" not in told(world)
    assert "dee" not in told(world)
    assert world.delivery("cid").state == "cancelled"
    why = world.said(e.DeliveryEnded)[0].why
    assert re.findall(r"\d+", why) == ["2"], "the level that is told in its stead"


def test_a_level_that_was_passed_over_stays_so_when_an_acknowledgement_is_taken_back():
    world = calling()
    world.advance(40 * MINUTE)
    world.work()
    acknowledged = world.delivery("ann").id
    world.give(c.ReportCall(delivery=acknowledged, reached=True), by="ann")
    assert world.delivery("eve").state == "cancelled"
    world.give(c.Resend(delivery=acknowledged, reason="it was her machine"), by="ann")
    world.work()
    assert world.delivery("eve").state == "active", "the acknowledgement had ended it"
    assert world.delivery("cid").state == "cancelled"
    assert [event.level for event in world.said(e.LevelFired)] == [2]


def test_a_level_is_alerted_early_when_all_lower_ones_failed():
    world = World(message("m"), roles=ROLES, message_class=CALLING, stand_ins={"ann": "cid"}, above="eve")
    world.outcomes.update(mail=[REJECTED] * 2, sms=[REJECTED] * 2)
    world.work()
    assert told(world) == ["ann", "bob", "cid"]
    assert world.now == T0
    assert world.said(e.LevelFired)[0].late_by == timedelta()


def test_a_recipient_is_not_alerted_again_at_an_escalation_level():
    world = calling(stand_ins={"ann": "bob"}, above="ann eve")
    assert [d.person for d in world.incident.deliveries.values()] == ["ann", "bob", "eve"]


def test_a_class_without_levels_alerts_no_further_people():
    world = calling(kind(escalate_after=None))
    go_on(world, 11 * HOUR)
    assert told(world) == ["ann", "bob"]


def test_a_level_waits_while_the_incident_is_paused_and_is_late_then():
    world = calling()
    world.give(c.Pause(reason="wait"))
    world.advance(20 * MINUTE)
    assert world.said(e.LevelFired) == []
    world.give(c.Resume())
    assert [(f.level, f.late_by) for f in world.said(e.LevelFired)] == [(1, 5 * MINUTE)]


def test_a_level_resent_by_a_person_is_alerted_at_once():
    world = calling()
    world.give(c.Resend(delivery=world.delivery("eve").id, reason="she should know"), by="ann")
    world.work()
    assert "eve" in told(world)
    go_on(world, 20 * MINUTE)
    assert [f.level for f in world.said(e.LevelFired)] == [1]


# -------------------------------------------------------------------------------------------------------- answers


def test_one_acknowledgement_stops_the_escalation_for_all_in_the_same_turn():
    world = calling()
    events = world.ack("bob")
    ended = {event.delivery: event.state for event in events if isinstance(event, e.DeliveryEnded)}
    assert ended == {
        "d1-bob": "satisfied",
        "d1-ann": "cancelled",
        "d1-cid": "cancelled",
        "d1-dee": "cancelled",
        "d1-eve": "cancelled",
    }
    assert world.state("m") == "done"
    assert world.claim() == []
    go_on(world, 11 * HOUR)
    assert told(world) == ["ann", "bob"]


def test_with_quorum_all_one_acknowledgement_stops_only_that_persons_escalation():
    world = calling(kind(ack_quorum="all"))
    world.ack("ann")
    states = {d.person: d.state for d in world.incident.deliveries.values()}
    assert states == {
        "ann": "satisfied",
        "bob": "active",
        "cid": "cancelled",
        "dee": "active",
        "eve": "active",
    }
    world.ack("bob")
    assert world.state("m") == "done"


def test_a_deputy_acknowledges_only_for_the_person_they_replace():
    world = calling(kind(ack_quorum="all"))
    go_on(world, 16 * MINUTE)
    world.ack("cid")
    assert world.delivery("ann").state == "cancelled"
    assert world.state("m") == "active"
    world.ack("bob")
    reason = world.at("m").reason
    assert (re.findall(r"\d+", reason), "acked" in reason) == (["2", "2"], True)


def test_a_person_and_their_deputy_count_once():
    world = calling(kind(ack_quorum=2))
    go_on(world, 16 * MINUTE)
    world.ack("cid")
    assert world.state("m") == "active"
    world.give(c.Acknowledge(delivery="d1-ann", person="ann", via="button"))
    assert world.state("m") == "active"
    world.ack("dee")
    assert world.state("m") == "done"


def test_an_escalation_contact_cannot_acknowledge_for_all():
    world = calling(kind(ack_quorum="all"))
    go_on(world, 31 * MINUTE)
    world.ack("eve")
    assert world.state("m") == "active"


def test_an_information_message_still_goes_to_all_recipients():
    world = World(
        message("m"), roles=ROLES, message_class=MessageClass(name="info"), channels=("mail", "sms")
    )
    world.outcomes["mail"] = [SendResult(state="accepted", evidence="accepted"), REJECTED]
    world.work()
    assert world.state("m") == "done"
    assert world.delivery("bob").state == "satisfied"


@pytest.mark.parametrize(
    ("way", "proof"),
    [
        ({}, "acked"),
        ({"sim_swappable": True}, "read"),
        ({"sim_swappable": True, "authorises": True}, "read"),
        ({"domains": frozenset({"chat"})}, "read"),
        ({"domains": frozenset({"chat"}), "authorises": True}, "read"),
        ({"domains": frozenset({"mail"})}, "acked"),
        ({"authorises": True}, "acked"),
    ],
)
def test_evidence_of_an_acknowledgement_depends_on_its_channel(way, proof):
    world = calling()
    world.give(c.DeclareDomain(domain="chat", state="compromised", since=world.now), by="ann")
    world.work()
    world.ack("bob", **way)
    assert world.delivery("bob").evidence == proof
    assert world.state("m") == ("done" if proof == "acked" else "active")


def test_an_answer_that_only_proves_reading_does_not_stop_the_escalation():
    world = calling()
    world.ack("bob", sim_swappable=True)
    go_on(world, 16 * MINUTE)
    assert "cid" in told(world)


def test_a_decision_needs_an_authorising_channel_and_another_person():
    world = calling(kind(goal="authorised", escalate_after=None))
    world.ack("ann", authorises=True)
    assert world.delivery("ann").evidence == "acked"
    world.ack("bob")
    assert (world.delivery("bob").evidence, world.state("m")) == ("acked", "active")
    world.ack("bob", authorises=True)
    assert (world.delivery("bob").evidence, world.state("m")) == ("authorised", "done")


def test_a_person_cannot_acknowledge_for_another():
    world = calling()
    before = world.incident
    with refused("ack_of_another") as found:
        world.give(c.Acknowledge(delivery="d1-bob", person="ann", via="button"))
    assert "bob" in found.value.message
    with refused("unknown_delivery"):
        world.give(c.Acknowledge(delivery="d9", person="ann", via="button"))
    assert world.incident is before


def test_a_spent_link_and_a_second_answer_change_nothing():
    world = calling(kind(ack_quorum="all"))
    assert world.ack("bob", token="t1")
    assert world.ack("bob", token="t1") == []
    assert world.ack("bob", token="t2") == []
    assert world.ack("bob") == []


def test_an_acknowledgement_is_recorded_after_the_incident_ended():
    world = calling()
    world.give(c.Close(reason="the message is still open"), by="ann")
    world.ack("bob")
    assert world.delivery("bob").evidence == "acked"


def test_an_answer_before_the_outcome_of_its_attempt_is_known_ends_it_all_the_same():
    world = World(message("m"), roles={"lead": "ann"}, message_class=CALLING)
    world.perform(world.claim()[0])
    [sending] = world.claim()
    world.ack("ann")
    assert world.state("m") == "done"
    world.perform(sending)
    assert world.delivery("ann").state == "satisfied"
    assert world.claim() == []


# --------------------------------------------------------------------------------------- reminders, and their end


def test_reminders_come_at_doubling_intervals_under_new_keys_then_stop():
    world = calling(kind(escalate_after=None), roles={"lead": "ann"}, channels=("mail",))
    go_on(world, 11 * HOUR)
    attempts = world.attempts("d1-ann")
    assert [a.started_at - T0 for a in attempts] == [timedelta(), 30 * MINUTE, 90 * MINUTE]
    assert len({a.key for a in attempts}) == 3
    assert world.delivery("ann").state == "exhausted"


def test_a_receipt_of_the_first_sending_still_counts_after_a_reminder():
    world = calling(kind(escalate_after=None, goal="delivered"), roles={"lead": "ann"}, channels=("mail",))
    go_on(world, 31 * MINUTE)
    assert world.delivery("ann").reminders == 1
    world.give(c.TakeReceipt(event=ReceiptTaken(delivery="d1-ann", n=1, kind="delivered", event="r1")))
    assert world.delivery("ann").evidence == "delivered"
    assert world.state("m") == "done"


def test_an_exhausted_alert_requires_a_call_until_it_is_made():
    world = calling(roles={"lead": "ann"}, stand_ins={}, above="")
    go_on(world, 11 * HOUR)
    [owed] = world.said(e.CallOwed)
    assert (owed.persons, bool(owed.why)) == (("ann",), True)
    assert world.incident.messages["m1"].owed is not None
    assert re.findall(r"\d+", world.at("m").stuck) == ["0", "1"], "so many were reached of so many"
    assert world.next_look() is None
    world.give(c.ReportCall(delivery="d1-ann", reached=False), by="bob")
    assert world.incident.messages["m1"].owed is not None
    world.give(c.ReportCall(delivery="d1-ann", reached=True), by="bob")
    assert world.incident.messages["m1"].owed is None
    assert world.state("m") == "done"


def test_a_call_is_required_at_the_first_failed_reminder_after_all_levels():
    alone = calling(roles={"lead": "ann"}, stand_ins={}, above="", channels=("mail",))
    go_on(alone, 29 * MINUTE)
    assert alone.said(e.CallOwed) == []
    go_on(alone, 30 * MINUTE)
    assert len(alone.said(e.CallOwed)) == 1
    assert re.findall(r"\d+", alone.at("m").stuck) == ["0", "1"]
    assert alone.delivery("ann").state == "active"
    alone.ack("ann")
    assert (alone.state("m"), alone.incident.messages["m1"].owed) == ("done", None)
    higher = calling(channels=("mail",))
    go_on(higher, 59 * MINUTE)
    assert higher.said(e.CallOwed) == []
    go_on(higher, 60 * MINUTE)
    assert higher.said(e.CallOwed)[0].persons == ("ann", "bob")


def test_a_call_is_required_only_once():
    world = calling(roles={"lead": "ann"}, stand_ins={}, above="")
    go_on(world, 11 * HOUR)
    world.give(c.TakeReceipt(event=ReceiptTaken(delivery="d1-ann", n=1, kind="read", event="r1")))
    assert world.delivery("ann").state == "exhausted"
    assert len(world.said(e.CallOwed)) == 1


def test_sent_again_by_a_person_it_may_end_in_another_call():
    world = calling(roles={"lead": "ann"}, stand_ins={}, above="")
    go_on(world, 11 * HOUR)
    world.give(c.Resend(delivery="d1-ann", reason="she is back"), by="bob")
    assert world.incident.messages["m1"].owed is None
    world.work()
    go_on(world, 30 * HOUR)
    assert len(world.said(e.CallOwed)) == 2


def test_a_cancelled_alert_requires_no_call():
    world = calling()
    world.skip("m")
    assert {d.state for d in world.incident.deliveries.values()} == {"cancelled"}
    assert world.said(e.CallOwed) == []
    go_on(world, 11 * HOUR)
    assert world.said(e.LevelFired) == []


# ------------------------------------------------------------------------------------- answers that grow too old


def test_an_expired_acknowledgement_is_requested_again_and_never_withdrawn():
    world = calling(kind(re_remind_after=HOUR, reminders=1), roles={"lead": "ann"})
    world.ack("ann")
    go_on(world, HOUR - MINUTE)
    assert len(world.attempts("d1-ann")) == 1
    go_on(world, HOUR)
    assert world.delivery("ann").evidence == "acked"
    assert (world.delivery("ann").state, world.delivery("ann").lapsed) == ("active", True)
    assert len(world.attempts("d1-ann")) == 2
    assert world.state("m") == "done"
    world.ack("ann")
    assert (world.delivery("ann").state, world.delivery("ann").lapsed) == ("satisfied", False)
    assert world.next_look() is None


def test_an_answer_that_is_not_renewed_ends_in_a_call():
    world = calling(kind(re_remind_after=HOUR, reminders=1), roles={"lead": "ann"}, stand_ins={}, above="")
    world.ack("ann")
    go_on(world, 11 * HOUR)
    [owed] = world.said(e.CallOwed)
    assert (owed.persons, world.delivery("ann").lapsed) == (("ann",), True)
    [never] = never_answered().said(e.CallOwed)
    assert owed.why != never.why, "it is said that there was an answer"
    world.give(c.ReportCall(delivery="d1-ann", reached=True), by="bob")
    assert world.incident.messages["m1"].owed is None


def never_answered() -> World:
    """Return a world in which nobody answered until a call was owed."""
    world = calling(roles={"lead": "ann"}, stand_ins={}, above="")
    go_on(world, 11 * HOUR)
    return world


def test_an_expired_acknowledgement_alerts_no_cancelled_recipients():
    world = calling(kind(re_remind_after=HOUR))
    world.ack("ann")
    go_on(world, 11 * HOUR)
    assert told(world) == ["ann", "bob"]


def test_answers_hold_for_ever_where_the_class_says_nothing():
    world = calling(roles={"lead": "ann"})
    world.ack("ann")
    assert world.next_look() is None


# ------------------------------------------------------------------------------------------ telling of the answer


def test_only_reached_people_are_told_who_acknowledged():
    world = calling(kind(tell_acknowledged=True))
    world.ack("bob")
    done = world.work()
    assert [type(work) for work in done] == [Announce, Deliver]
    [announcement] = [m for m in world.incident.messages.values() if m.about]
    assert announcement.to == ("ann",)
    assert announcement.about == "m1"
    assert world.work() == []
    go_on(world, 11 * HOUR)
    assert len([m for m in world.incident.messages.values() if m.about]) == 1


def test_without_other_recipients_an_acknowledgement_is_not_announced():
    world = calling(kind(tell_acknowledged=True), roles={"lead": "ann"})
    world.ack("ann")
    assert world.work() == []


def test_an_announcement_that_cannot_be_made_is_dropped_with_a_word():
    world = calling(kind(tell_acknowledged=True))
    world.ack("bob")
    world.give(c.NotAnnounced(message="m1", why="the store is full"))
    world.give(c.NotAnnounced(message="m1", why="the store is full"))
    assert [one.why for one in world.said(e.AnnouncementDropped)] == ["the store is full"]
    assert world.work() == []


def test_an_announcement_that_reaches_no_person_requires_no_call():
    world = calling(kind(tell_acknowledged=True))
    world.outcomes.update(mail=[REJECTED], sms=[REJECTED])
    world.ack("bob")
    world.work()
    go_on(world, 3 * HOUR)
    assert world.said(e.CallOwed) == []


def test_two_workers_announce_an_acknowledgement_once():
    world = calling(kind(tell_acknowledged=True))
    world.ack("bob")
    [work] = world.claim()
    told_of = world.outcome(work)
    world.give(told_of)
    assert world.give(told_of) == []


def test_a_task_can_follow_a_message_that_was_answered():
    world = World(message("m"), task("z", after="m"), roles=ROLES, message_class=CALLING)
    world.work()
    world.ack("ann")
    assert world.states("m", "z") == ["done", "ready"]
