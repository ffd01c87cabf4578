"""Exercises and tests send only to consenting people, over allow-listed channels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from runner.base.states import MARKS, Kind
from runner.effects.gateway.gateway import Gateway, call
from runner.effects.simulated import ExerciseSender
from runner.incident.exercises.exercise_plan import TYPES
from runner.incident.state.exercise import LIVE, Drill, ExerciseClock
from runner.incident.state.incident import Delivery, Incident
from runner.routing.messaging import Audience, Channel, ChannelConfig, Dispatch, HttpCall
from tests.servers.stand_ins.scripted import ScriptedChannel

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
PEOPLE = ("ada", "jonas", "maria")
OUTSIDE = frozenset({"regulator", "affected", "public"})


@st.composite
def exercises(draw: st.DrawFn) -> Incident:
    drill = Drill(
        clock=ExerciseClock(wall=AT, at=AT),
        exercise_type=draw(st.sampled_from(("", *TYPES))),
        stage=draw(st.sampled_from(("planned", "running", "paused", "frozen", "ended"))),
        live=frozenset(draw(st.lists(st.sampled_from(PEOPLE)))),
    )
    to = draw(st.sampled_from((*PEOPLE, "")))
    delivery = Delivery(
        id="d1", message="m1", step="s", person=to, channels=("c",), refusals=(), goal="accepted"
    )
    return Incident(
        id="i-1",
        codename="amber-falcon",
        title="",
        kind=draw(st.sampled_from(("exercise", "test"))),
        opened_at=AT,
        drill=drill,
        deliveries={"d1": delivery},
    )


def channel_of(gateway: Gateway, *, safe: bool) -> Channel:
    return gateway.channel("c", ChannelConfig(adapter="scripted", exercise=safe))


def dispatch(kind: Kind, audience: Audience, delivery: str, **more: str) -> Dispatch:
    return Dispatch(
        delivery=delivery,
        attempt=1,
        idempotency_key="K" * 32,
        kind=kind,
        audience=audience,
        address="handle",
        text="text",
        subject="subject",
        at=AT,
        **more,
    )


@given(
    incident=exercises(),
    audience=st.sampled_from(get_args(Audience)),
    safe=st.booleans(),
    delivery=st.sampled_from(("d1", "unknown")),
    html=st.booleans(),
)
def test_an_exercise_sends_only_marked_messages_to_consenting_people(
    incident: Incident, audience: Audience, safe: bool, delivery: str, html: bool
) -> None:
    transport = ScriptedChannel()
    gateway = Gateway(lambda name: transport)
    channel = channel_of(gateway, safe=safe)
    more = {"html": "<p>text</p>"} if html else {}
    ExerciseSender(gateway, incident, AT).send(
        channel, dispatch(incident.kind, audience, delivery, **more), {}
    )
    assert incident.drill is not None
    agreed = (
        incident.kind == "exercise"
        and incident.drill.exercise_type == LIVE
        and safe
        and audience not in OUTSIDE
        and delivery == "d1"
        and incident.deliveries["d1"].person in incident.drill.live
    )
    assert len(transport.sent) == agreed
    mark = f"[{MARKS[incident.kind]}] "
    for one in transport.sent:
        parts = (one.subject, one.text, *((one.html,) if one.html is not None else ()))
        assert all(part.startswith(mark) for part in parts)


@given(
    kind=st.sampled_from(("exercise", "test")),
    audience=st.sampled_from(get_args(Audience)),
    safe=st.booleans(),
)
def test_the_gateway_blocks_outsiders_and_other_channels(kind: Kind, audience: Audience, safe: bool) -> None:
    transport = ScriptedChannel()
    gateway = Gateway(lambda name: transport)
    channel = channel_of(gateway, safe=safe)
    gateway.send(channel, dispatch(kind, audience, "d1"), {})
    line = gateway.open_line(channel, {})
    try:
        line.send([dispatch(kind, audience, "d1")])
    finally:
        line.close()
    assert len(transport.sent) == (2 if safe and audience not in OUTSIDE else 0)


@given(kind=st.sampled_from(("exercise", "test")), host=st.sampled_from(("ticket.example", "127.0.0.1")))
def test_no_call_to_another_system_is_made(kind: Kind, host: str) -> None:
    request = HttpCall(
        kind=kind,
        method="POST",
        url=f"https://{host}/tickets",
        at=AT,
        idempotency_key="K" * 32,
        allowed_hosts=frozenset({host}),
    )
    result = call(request)
    assert (result.outcome.state, result.outcome.code, result.status) == ("rejected", "R36", 0)
