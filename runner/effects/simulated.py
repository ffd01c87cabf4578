"""Simulated effects: messages and calls of a test or an exercise are recorded and get scripted answers.

No integration is loaded and no socket opened: this module replaces the gateway, so no playbook,
template or setting can cause an external call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.effects.context import Sender
from runner.incident.state.commands import AttemptDone
from runner.incident.state.exercise import LIVE
from runner.incident.state.incident import Incident
from runner.incident.state.work import StepAttempt
from runner.playbook.playbook_test import Effect
from runner.routing.messaging import CallResult, Channel, Dispatch, HttpCall, RoomRequest, SendResult, refused
from runner.routing.traffic import PLAYED

NEVER_LEFT = "simulated: nothing left this machine"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated message."""

    channel: str
    dispatch: Dispatch
    state: Effect


class Simulation:
    """Answers attempts by channel and actions by step with scripted outcomes in order; the last outcome repeats."""

    def __init__(
        self, channels: Mapping[str, Sequence[Effect]] = {}, acts: Mapping[str, Sequence[Effect]] = {}
    ) -> None:
        """Take the scripts; without a script the outcome is ``accepted``."""
        self._channels, self._acts = channels, acts
        self._count: defaultdict[str, int] = defaultdict(int)
        self.outbox: list[Sent] = []

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> SendResult:
        """Record one attempt and answer it."""
        state = self._next(f"channel {channel.id}", self._channels.get(channel.id, ()))
        self.outbox.append(Sent(channel=channel.id, dispatch=dispatch, state=state))
        return simulated_result(state, f"simulated-{len(self.outbox)}")

    def seal(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> bytes | SendResult:
        """Return no bytes: a simulated message is not encrypted."""
        return b""

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /
    ) -> SendResult | None:
        """Return None: the outcome of a simulated attempt cannot be queried."""
        return None

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str], /) -> SendResult:
        """Answer a room request as a send over its channel; no room is opened and no person invited."""
        state = self._next(f"channel {channel.id}", self._channels.get(channel.id, ()))
        return simulated_result(state, order.room or f"simulated-{order.name}")

    def act(self, work: StepAttempt, path: str) -> AttemptDone:
        """Answer one attempt of an action; ``path`` is the path of its step."""
        state = self._next(f"act {path}", self._acts.get(path, ()))
        return AttemptDone(effect=work.step, n=work.n, result=simulated_result(state, "simulated"))

    def _next(self, name: str, script: Sequence[Effect]) -> Effect:
        n = self._count[name]
        self._count[name] += 1
        return script[min(n, len(script) - 1)] if script else "accepted"


class ExerciseSender:
    """The sender of an exercise: real messages only to people who agreed, over allow-listed channels.

    It wraps the gateway, which has its own guard. A send over a channel that is down in the scenario fails.
    """

    def __init__(
        self, gateway: Sender, incident: Incident, now: datetime, played: Simulation | None = None
    ) -> None:
        """Take the real sender, and the simulation for all other attempts."""
        self._gateway, self._incident, self._now = gateway, incident, now
        self._played = played or Simulation()

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> SendResult:
        """Make one attempt for real if allowed, else simulate it."""
        if down := self._down(channel):
            return down
        if is_really_sent(self._incident, channel, dispatch.delivery):
            return self._gateway.send(channel, dispatch, secrets)
        return self._played.send(channel, dispatch, {})

    def seal(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> bytes | SendResult:
        """Encrypt a message that is really sent."""
        real = not self._down(channel) and is_really_sent(self._incident, channel, dispatch.delivery)
        return self._gateway.seal(channel, dispatch, secrets) if real else b""

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /
    ) -> SendResult | None:
        """Query the outcome of a real attempt; None for a simulated attempt."""
        if is_really_sent(self._incident, channel, dispatch.delivery):
            return self._gateway.reconcile(channel, dispatch, secrets)
        return None

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str], /) -> SendResult:
        """Simulate a room request: an exercise never opens a real room."""
        return self._down(channel) or self._played.host(channel, order, {})

    def _down(self, channel: Channel) -> SendResult | None:
        drill = self._incident.drill
        for fault in drill.faults if drill is not None else ():
            if fault.kind == "channel" and fault.ref == channel.id and fault.holds(self._now):
                reason = f"channel {channel.id} is down in the exercise"
                return SendResult(state="not_sent", code=PLAYED, reason=reason)
        return None


def is_really_sent(incident: Incident, channel: Channel, delivery: str) -> bool:
    """Tell whether a message of this incident is really sent over this channel."""
    if incident.drill is None:
        return True
    found = incident.deliveries.get(delivery)
    return (
        incident.kind == "exercise"
        and incident.drill.exercise_type == LIVE
        and channel.exercise_safe
        and found is not None
        and found.person in incident.drill.live
    )


def no_call(request: HttpCall) -> CallResult:
    """Refuse every HTTP call: actions are answered without calls."""
    return CallResult(outcome=refused(NEVER_LEFT))


def simulated_result(effect: Effect, name: str) -> SendResult:
    """Return the outcome of a scripted word; ``name`` is that of an accepted attempt."""
    match effect:
        case "403":
            return refused("403: the service refuses it (simulated)", PLAYED)
        case "timeout":
            return SendResult(state="unknown", code=PLAYED, reason="no answer in time (simulated)")
        case state:
            pass
    return SendResult(
        state=state,
        code=PLAYED,
        provider_id=name if state == "accepted" else "",
        evidence="accepted" if state == "accepted" else "none",
        reason=NEVER_LEFT if state != "accepted" else "",
        retry_after=timedelta(minutes=1) if state == "throttled" else None,
        permanent=state == "rejected",
    )
