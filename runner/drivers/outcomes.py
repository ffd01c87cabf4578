"""What passes between a worker's loop, its pool and those who wait: outcomes, visits, and words for work that broke."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from runner.model.commands import AnyCommand, AttemptDone, EffectFailed, Replanned
from runner.model.messaging import SendResult
from runner.model.states import AttemptState
from runner.model.work import AnyWork, Compose, Deliver, DoAct, Render, Replan
from runner.service.traffic import Probe

if TYPE_CHECKING:
    from concurrent.futures import Future


class Outcome(msgspec.Struct, frozen=True):
    """What came back from the pool."""

    work: AnyWork
    command: AnyCommand


class Probed(msgspec.Struct, frozen=True):
    """What came of a look whether a domain works again."""

    probe: Probe
    result: SendResult


def probe_token(probe: Probe) -> str:
    """Return what tells a probe from any other work in the pool."""
    return f"probe|{probe.channel.id}"


class Left(msgspec.Struct, frozen=True):
    """How a visit left its incident: when to look again, and whether there is work that this worker did not begin."""

    due: datetime | None = None
    work: bool = False


class Visit(msgspec.Struct, frozen=True, eq=False):
    """An incident to look at; ``done`` is told when nothing of it is in flight here any more."""

    incident: str
    done: Any = None
    """A ``Future[Left]``, if somebody waits for it."""


def answer(done: Future[Left], result: Left | BaseException) -> None:
    """Tell who waits, unless nobody does any more or has been told."""
    from concurrent.futures import InvalidStateError

    with contextlib.suppress(InvalidStateError):
        if isinstance(result, Left):
            done.set_result(result)
        else:
            done.set_exception(result)


def called_off(work: AnyWork) -> AnyCommand:
    """Return the command for an effect whose incident was paused or has ended before it began."""
    return not_begun(work, "the incident was paused or ended before it began")


def not_begun(work: AnyWork, why: str) -> AnyCommand:
    """Return the command for work that certainly did not touch the world."""
    return failed(work, why, "not_sent")


def failed(work: AnyWork, why: str, state: AttemptState = "unknown") -> AnyCommand:
    """Return the command for work that broke: unknown where the world may have been touched."""
    match work:
        case Deliver(delivery=effect, n=n) | DoAct(step=effect, n=n):
            return AttemptDone(effect=effect, n=n, result=SendResult(state=state, reason=why))
        case Compose(step=step) | Render(step=step):
            return EffectFailed(step=step, why=why)
        case Replan():
            return Replanned(plans=(), reason=why)
