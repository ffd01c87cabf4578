"""Simulated effects: the messages and calls of a test or an exercise are recorded and answered by script.

No integration is loaded and no socket opened: this stands where the gateway stands, so nothing that a playbook, a
template or a setting says leads out of it.
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
    """One message as it would have left."""

    channel: str
    dispatch: Dispatch
    state: Effect


class Simulation:
    """Answers attempts by channel and actions by step: the scripted outcomes in order, the last one for the rest."""

    def __init__(
        self, channels: Mapping[str, Sequence[Effect]] = {}, acts: Mapping[str, Sequence[Effect]] = {}
    ) -> None:
        """Take the scripts; what has none is accepted."""
        self._channels, self._acts = channels, acts
        self._count: defaultdict[str, int] = defaultdict(int)
        self.outbox: list[Sent] = []

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> SendResult:
        """Write down one attempt and answer it."""
        state = self._next(f"channel {channel.id}", self._channels.get(channel.id, ()))
        self.outbox.append(Sent(channel=channel.id, dispatch=dispatch, state=state))
        return _result(state, f"simulated-{len(self.outbox)}")

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /
    ) -> SendResult | None:
        """Nobody can be asked what became of an attempt that was played."""
        return None

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str], /) -> SendResult:
        """Answer an attempt for a room as one to send over its channel; nothing is opened, and nobody let in."""
        state = self._next(f"channel {channel.id}", self._channels.get(channel.id, ()))
        return _result(state, order.room or f"simulated-{order.name}")

    def act(self, work: StepAttempt, path: str) -> AttemptDone:
        """Answer one attempt of an action; ``path`` is its step's."""
        state = self._next(f"act {path}", self._acts.get(path, ()))
        return AttemptDone(effect=work.step, n=work.n, result=_result(state, "simulated"))

    def _next(self, name: str, script: Sequence[Effect]) -> Effect:
        n = self._count[name]
        self._count[name] += 1
        return script[min(n, len(script) - 1)] if script else "accepted"


class ExerciseSender:
    """The door of an exercise: nothing passes it but what goes to people who agreed, over allow-listed channels.

    It stands before the gateway, whose own guard holds besides. A channel that the scenario has down fails.
    """

    def __init__(
        self, gateway: Sender, incident: Incident, now: datetime, played: Simulation | None = None
    ) -> None:
        """Take the real sender for what may really leave, and what answers the rest."""
        self._gateway, self._incident, self._now = gateway, incident, now
        self._played = played or Simulation()

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> SendResult:
        """Play one attempt, or make it where it may be made."""
        if down := self._down(channel):
            return down
        if is_really_sent(self._incident, channel, dispatch.delivery):
            return self._gateway.send(channel, dispatch, secrets)
        return self._played.send(channel, dispatch, {})

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /
    ) -> SendResult | None:
        """Ask what became of an attempt that really left; of one that was played nobody can be asked."""
        if is_really_sent(self._incident, channel, dispatch.delivery):
            return self._gateway.reconcile(channel, dispatch, secrets)
        return None

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str], /) -> SendResult:
        """Play an attempt for a room: no exercise opens a real one, whatever leaves of its messages."""
        return self._down(channel) or self._played.host(channel, order, {})

    def _down(self, channel: Channel) -> SendResult | None:
        drill = self._incident.drill
        for fault in drill.faults if drill is not None else ():
            if fault.kind == "channel" and fault.ref == channel.id and fault.holds(self._now):
                reason = f"channel {channel.id} is down in the exercise"
                return SendResult(state="not_sent", code=PLAYED, reason=reason)
        return None


def is_really_sent(incident: Incident, channel: Channel, delivery: str) -> bool:
    """Tell whether a message of this incident really leaves over this channel."""
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
    """Refuse every HTTP call: actions are answered before one is made."""
    return CallResult(outcome=refused(NEVER_LEFT))


def _result(state: Effect, name: str) -> SendResult:
    return SendResult(
        state=state,
        code=PLAYED,
        provider_id=name if state == "accepted" else "",
        evidence="accepted" if state == "accepted" else "none",
        reason=NEVER_LEFT if state != "accepted" else "",
        retry_after=timedelta(minutes=1) if state == "throttled" else None,
        permanent=state == "rejected",
    )
