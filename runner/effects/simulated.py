"""Effects that touch nothing: what a test or an exercise sends and calls is written down, and answered by script.

No integration is loaded and no socket opened: this stands where the gateway stands, so nothing that a playbook, a
template or a setting says leads out of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from runner.model.commands import AttemptDone
from runner.model.messaging import CallResult, Channel, Dispatch, HttpCall, SendResult
from runner.model.rehearsal import Effect
from runner.model.work import DoAct

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

    def reconcile(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> None:
        """Nobody can be asked: what is scripted as unknown stays so."""
        return

    def act(self, work: DoAct, path: str) -> AttemptDone:
        """Answer one attempt of an action; ``path`` is its step's."""
        state = self._next(f"act {path}", self._acts.get(path, ()))
        return AttemptDone(effect=work.step, n=work.n, result=_result(state, "simulated"))

    def _next(self, name: str, script: Sequence[Effect]) -> Effect:
        n = self._count[name]
        self._count[name] += 1
        return script[min(n, len(script) - 1)] if script else "accepted"


def no_call(request: HttpCall) -> CallResult:
    """Refuse every HTTP call: actions are answered before one is made."""
    return CallResult(outcome=SendResult(state="rejected", reason=NEVER_LEFT, permanent=True))


def _result(state: Effect, name: str) -> SendResult:
    return SendResult(
        state=state,
        provider_id=name if state == "accepted" else "",
        evidence="accepted" if state == "accepted" else "none",
        reason=NEVER_LEFT if state != "accepted" else "",
        retry_after=timedelta(minutes=1) if state == "throttled" else None,
        permanent=state == "rejected",
    )
