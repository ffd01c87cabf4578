"""What a provider is asked for the war room: once each, again within bounds, and never longer than people can wait."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.base.states import Kind
from runner.errors import Refused
from runner.incident.messages.room_provisioning import AWAITED, LATER_TRIES, PAUSE, TRIES, failure, room_name
from runner.incident.messages.war_room import NOWHERE, choice, guests, usable
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.exercise import Drill, ExerciseClock
from runner.incident.state.incident import Incident, RoomTask
from runner.incident.state.work import Deliver, Host
from runner.routing.messaging import Channel, SendResult
from runner.routing.war_room import Guest, RoomConfig, WarRoom
from tests.refusals import refused
from tests.scenario import NOT_SENT, REJECTED, T0, THROTTLED, UNKNOWN, World, message, task

MATRIX = WarRoom(name="own", address="", domains=("host:matrix",), channel="matrix")
MADE = SendResult(state="accepted", provider_id="!room")
REFUSED = SendResult(state="rejected", reason="no", permanent=True)


def wanted(*steps: object, outcomes: tuple[SendResult, ...] = (MADE,)) -> World:
    """Return a world whose room is to be opened."""
    world = World(*(steps or (task("x"),)), roles={"lead": "ann bob"})
    world.outcomes["matrix"] = list(outcomes)
    world.give(c.ChooseRoom(room=MATRIX))
    return world


def opening(world: World) -> RoomTask:
    return world.incident.errands["room:own"]


def with_address(world: World) -> None:
    world.give(c.ChooseRoom(room=WarRoom(name="own", address="https://room", channel="matrix")))


def test_the_intent_to_open_a_room_is_committed_before_anybody_is_asked_and_its_key_stays() -> None:
    world = wanted(outcomes=(UNKNOWN, MADE))
    (work,) = world.claim()
    assert isinstance(work, Host)
    assert world.incident.sending == {"room:own|1"}
    assert world.claim() == []
    world.perform(work)
    world.advance(PAUSE)
    world.work()
    keys = {one.key for one in world.said(e.AttemptStarted)}
    assert keys == {room_name(world.incident, "own")}
    assert [attempt.state for attempt in opening(world).attempts] == ["unknown", "accepted"]
    assert world.claim() == []


def test_the_name_of_a_room_says_nothing_and_is_another_for_every_incident_and_room() -> None:
    incident = wanted().incident
    name = room_name(incident, "own")
    assert name.removeprefix("tocsin-").isalnum()
    assert name == name.lower()
    assert len(name) <= 40
    assert not any(part in name for part in (*incident.codename.split(), "own", "test"))
    assert name != room_name(incident, "other")


def test_a_worker_that_dies_between_asking_and_the_answer_leaves_an_unknown_that_is_asked_again() -> None:
    world = wanted()
    world.claim()
    world.crash()
    world.recover()
    assert opening(world).attempts[0].state == "unknown"
    world.advance(PAUSE)
    world.work()
    assert [attempt.state for attempt in opening(world).attempts] == ["unknown", "accepted"]


@pytest.mark.parametrize("result", [NOT_SENT, UNKNOWN, REJECTED])
def test_an_unclear_failure_is_retried_a_few_times_then_final(result: SendResult) -> None:
    world = wanted(outcomes=(result,) * 9)
    for _ in range(9):
        world.work()
        world.advance(timedelta(minutes=2))
    assert len(opening(world).attempts) == TRIES
    assert failure(opening(world)) == result.reason


def test_a_plain_no_is_believed_at_once() -> None:
    world = wanted(outcomes=(REFUSED,))
    world.work()
    world.advance(timedelta(hours=1))
    assert world.claim() == []
    assert failure(opening(world)) == "no"


def test_a_provider_that_says_later_is_waited_for_as_it_says() -> None:
    later = SendResult(state="throttled", reason="slow down", retry_after=timedelta(minutes=3))
    world = wanted(outcomes=(later, *(THROTTLED,) * 30))
    world.work()
    assert opening(world).attempts[0].retry_at == T0 + timedelta(minutes=3)
    assert world.next_look() == T0 + timedelta(minutes=3)
    for _ in range(40):
        world.advance(timedelta(minutes=3))
        world.work()
    assert len(opening(world).attempts) == LATER_TRIES + 1


def test_messages_wait_for_the_first_attempt_and_no_longer() -> None:
    world = wanted(message("tell"), outcomes=(UNKNOWN,))
    composed = [work for work in world.claim() if not isinstance(work, Host)]
    for work in composed:
        world.perform(work)
    assert world.claim() == []
    assert world.next_look() == T0 + AWAITED
    world.advance(AWAITED)
    sent = world.claim()
    assert sent
    assert all(isinstance(work, Deliver) for work in sent)


def test_messages_leave_as_soon_as_the_first_attempt_has_ended_however() -> None:
    world = wanted(message("tell"), outcomes=(UNKNOWN,))
    world.work()
    assert any(isinstance(one, Deliver) for one in world.performed)


def test_a_replaced_room_is_not_opened() -> None:
    world = wanted(outcomes=(UNKNOWN, MADE))
    world.work()
    world.give(c.ChooseRoom(room=WarRoom(name="bridge", address="+15005550006")))
    world.advance(timedelta(minutes=5))
    assert world.claim() == []
    assert world.next_look() is None


def test_each_person_is_let_in_once_under_a_name_that_is_not_theirs() -> None:
    world = wanted()
    world.work()
    with_address(world)
    found = guests(world.incident, lambda person: "no contact there" if person == "bob" else "")
    assert found is not None
    world.give(found)
    assert guests(world.incident, lambda person: "no contact there" if person == "bob" else "") is None
    (work,) = world.work()
    assert isinstance(work, Host)
    assert work.errand == "room:own/1"
    assert world.incident.errands["room:own/2"].left_out == "no contact there"
    assert world.replayed() == world.incident


def test_people_with_a_later_role_or_contact_are_invited_later() -> None:
    world = wanted()
    world.work()
    with_address(world)
    found = guests(world.incident, lambda person: "" if person == "ann" else "no contact there")
    assert found is not None
    world.give(found)
    world.work()
    world.give(c.AssignRole(role="counsel", persons=("cid", "ann")))
    later = guests(world.incident, lambda person: "")
    assert later is not None
    assert later.guests == (Guest(person="bob"), Guest(person="cid"))
    world.give(later)
    assert [work.errand for work in world.work() if isinstance(work, Host)] == ["room:own/2", "room:own/3"]


def test_guests_are_listed_only_for_an_open_provisioned_room() -> None:
    world = wanted()
    assert guests(world.incident, lambda person: "") is None
    world.give(c.ChooseRoom(room=WarRoom(name="bridge", address="+15005550006")))
    assert guests(world.incident, lambda person: "") is None


def test_a_person_retries_only_failed_errands() -> None:
    world = wanted(outcomes=(REFUSED, MADE))
    with refused("nothing_to_retry", Refused):
        world.give(c.RetryRoom(), by="ann")
    world.work()
    world.give(c.RetryRoom(), by="ann")
    assert failure(opening(world)) == ""
    world.work()
    assert [attempt.state for attempt in opening(world).attempts] == ["rejected", "accepted"]


# --- which room -------------------------------------------------------------------------------------------


def channel(name: str, **more: object) -> Channel:
    given = {"confidentiality": "internal", "personal_data": "none", "domains": frozenset({name}), **more}
    return Channel(id=name, adapter="scripted", address_kind="handle", **given)


CHANNELS = {
    "matrix": channel("matrix", rooms="restricted"),
    "leaky": channel("leaky", rooms="internal"),
    "teams": channel("teams", confidentiality="confidential"),
}


def offered(config: RoomConfig, incident: Incident | None = None) -> WarRoom | None:
    return usable(
        incident or wanted().incident, {"own": config}, CHANNELS, "own", lambda one, room: f"https://{room}"
    )


def test_a_provisioned_room_has_the_confidentiality_of_its_provider() -> None:
    room = offered(RoomConfig(open=True, channel="matrix", domains=frozenset({"vpn"})))
    assert room == WarRoom(name="own", address="", domains=("matrix", "vpn"), channel="matrix")
    assert offered(RoomConfig(open=True, channel="leaky")) is None
    assert offered(RoomConfig(open=True, channel="leaky", confidentiality="confidential")) is not None


def test_a_provider_that_opens_no_rooms_is_passed_over_whatever_its_room_may_hear() -> None:
    assert offered(RoomConfig(open=True, channel="teams", confidentiality="restricted")) is None
    assert offered(RoomConfig(open=True, channel="gone")) is None


def test_a_room_that_is_open_has_the_address_of_its_provider_s_name_and_one_that_failed_is_none() -> None:
    config = RoomConfig(open=True, channel="matrix")
    world = wanted()
    world.work()
    found = offered(config, world.incident)
    assert found is not None
    assert found.address == "https://!room"
    failed = wanted(outcomes=(REFUSED,))
    failed.work()
    assert offered(config, failed.incident) is None
    room = choice(failed.incident, [])
    assert room is not None
    assert (room.room, room.trigger.split()[-1]) == (NOWHERE, "no"), "with the provider's reason"


@pytest.mark.parametrize("kind", ["exercise", "test"])
def test_an_exercise_uses_no_real_room(kind: Kind) -> None:
    drill = Drill(clock=ExerciseClock(wall=T0, at=T0), stage="running")
    world = World(task("x"), kind=kind)
    played = Incident(id="i", codename="c", title="", kind=kind, opened_at=T0, drill=drill)
    room = offered(
        RoomConfig(address="https://real", domains=frozenset(), confidentiality="confidential"), played
    )
    assert room is not None
    assert "https" not in room.address
    assert "own" in room.address
    assert offered(RoomConfig(open=True, channel="matrix"), world.incident) is None


def test_an_agreed_room_stays_until_its_domain_fails() -> None:
    world = World(task("x"))
    agreed = WarRoom(name="agreed", address="+15005550006", domains=("carrier",), agreed_by="ann")
    other = WarRoom(name="bridge", address="+15005550001")
    world.give(c.ChooseRoom(room=agreed))
    assert choice(world.incident, [other]) is None
    world.give(c.DeclareDomain(domain="carrier", state="down", since=T0))
    room = choice(world.incident, [other])
    assert room is not None
    assert (room.room, {"carrier", "down"} <= set(room.trigger.split())) == (other, True)
