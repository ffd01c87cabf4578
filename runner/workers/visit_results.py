"""Results between the loop of a worker, its pool and waiting callers: outcomes, visits and failures."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from runner.app.core.channel_state import Probe
from runner.base.states import AttemptState
from runner.errors import StoreBusy, StoreError, StoreFull, StoreLocked, StoreReadOnly, TocsinError
from runner.incident.state.commands import (
    AnyCommand,
    AttemptDone,
    AttemptLost,
    EffectFailed,
    NotAnnounced,
    Replanned,
    TakeReceipt,
)
from runner.incident.state.incident import Incident
from runner.incident.state.messages import ReceiptTaken
from runner.incident.state.work import (
    Announce,
    AnyWork,
    Compose,
    Deliver,
    Host,
    Recall,
    Render,
    Replan,
    StepAttempt,
)
from runner.incident.turn.after_closing import is_still_sent
from runner.routing.messaging import SendResult

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runner.app.core.incident_service import IncidentService

Performer = Callable[[AnyWork, Incident, str], AnyCommand]
COMPUTED = (Compose, Render, Announce, Replan)
"""Work without external effects."""
PASSING = (StoreBusy, StoreFull, StoreLocked, StoreReadOnly)
"""Errors of a store that a running worker survives."""


def may_pass(error: StoreError) -> bool:
    """Tell whether the store may answer again without a person: not a damaged one, or one of a later version."""
    return isinstance(error, PASSING) or error.code in ("store_unreachable", "worker_lost")


class Outcome(msgspec.Struct, frozen=True):
    """A result from the pool."""

    work: AnyWork
    command: AnyCommand | StoreError
    """The error of a store that was away, if the work has no external effects: it was not done, and stays due."""
    slow: bool = False
    """It took longer than the limit."""


class Probed(msgspec.Struct, frozen=True):
    """The result of a probe whether a domain works again."""

    probe: Probe
    result: SendResult


def probe_token(probe: Probe) -> str:
    """Return the token of a probe, which no other work in the pool has."""
    return f"probe|{probe.channel.id}"


class VisitResult(msgspec.Struct, frozen=True):
    """The state of an incident after a visit: the next check, and whether it has work that this worker did not start."""

    due: datetime | None = None
    work: bool = False


class Visit(msgspec.Struct, frozen=True, eq=False):
    """An incident to check; ``done`` is set when nothing of it is in progress here any more."""

    incident: str
    done: Any = None
    """A ``Future[Left]``, if a caller waits for it."""


def answer(done: Future[VisitResult], result: VisitResult | BaseException) -> None:
    """Answer the waiting caller, unless there is none or it has an answer."""
    from concurrent.futures import InvalidStateError

    with contextlib.suppress(InvalidStateError):
        if isinstance(result, VisitResult):
            done.set_result(result)
        else:
            done.set_exception(result)


def failed(work: AnyWork, why: str, state: AttemptState = "unknown") -> AnyCommand:
    """Return the command for failed work: unknown if an external effect is possible, otherwise ``not_sent``."""
    match work:
        case Deliver(delivery=effect, n=n) | StepAttempt(step=effect, n=n) | Host(errand=effect, n=n):
            return AttemptDone(effect=effect, n=n, result=SendResult(state=state, reason=why))
        case Compose(step=step) | Render(step=step):
            return EffectFailed(step=step, why=why)
        case Announce(message=message):
            return NotAnnounced(message=message, why=why)
        case Recall(delivery=delivery, n=n):
            return TakeReceipt(
                event=ReceiptTaken(delivery=delivery, n=n, kind="not_recalled", event=f"recall {n}", code=why)
            )
        case Replan():
            return Replanned(plans=(), reason=why)


def not_started(work: AnyWork) -> Outcome:
    """Return the outcome of work that was claimed before the database was away."""
    why = "the database was away before the start"
    if isinstance(work, COMPUTED):
        return Outcome(work, StoreError(why, code="store_unreachable"))
    return Outcome(work, failed(work, why, "not_sent"))


def words(error: Exception) -> str:
    """Describe an error; of a programming error only the kind."""
    return error.message if isinstance(error, TocsinError) else f"internal error ({type(error).__name__})"


def performed(perform: Performer, work: AnyWork, incident: Incident, head: str) -> AnyCommand | StoreError:
    """Perform one piece of work; any failure is returned as a command, or as the error if the work stays due."""
    try:
        if incident.state == "open" or is_still_sent(incident, work):
            return perform(work, incident, head)
        return failed(work, "the incident was paused or ended before the start", "not_sent")
    except Exception as error:  # noqa: BLE001  # the effect may have happened: that is all that is known
        if isinstance(work, COMPUTED) and isinstance(error, StoreError) and may_pass(error):
            return error
        return failed(work, words(error))


def lease_lost() -> StoreError:
    """Return the end of a worker that may be presumed stopped."""
    return StoreError(
        "The lease of this worker ended. Other workers can continue its work.",
        hint="Start the worker again.",
        code="worker_lost",
    )


def lost_claims(incident: Incident, held: Callable[[str, str], bool]) -> Iterator[AttemptLost]:
    """Return the claims that no worker continues: their outcome is unknown from now on.

    ``held`` tells whether a worker continues a piece of work, named as ``token`` names it.
    """
    for claim in sorted(incident.sending):
        effect, _, n = claim.rpartition("|")
        holder = incident.holder(effect)
        attempt = next(a for a in (holder.attempts if holder is not None else ()) if a.n == int(n))
        if not held(attempt.worker, f"{incident.id}|{claim}"):
            yield AttemptLost(effect=effect, n=attempt.n)


def with_tools(service: IncidentService, work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Perform work with the resources of the service."""
    from runner.effects.perform import perform

    try:
        library, tools = service.library(incident), service.tools(incident)
        anchor = head + service.checkpoints.footer()
    except TocsinError as error:
        if isinstance(work, COMPUTED):
            raise
        return failed(work, error.message, "not_sent")
    return perform(work, incident, anchor, library, tools)


Arrival = Outcome | Probed | Visit | None
"""The possible arrivals; None is a wake-up."""


class Inbox:
    """A queue that many threads fill and one loop empties."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Arrival] = queue.SimpleQueue()

    def put(self, one: Arrival) -> None:
        """Add an arrival for the loop; safe to call from a signal handler."""
        self._queue.put(one)

    def first(self, patience: timedelta | None = None) -> list[Arrival]:
        """Wait for the next arrival, for ever without ``patience``; return nothing if there is none."""
        try:
            return [self._queue.get(timeout=None if patience is None else patience.total_seconds())]
        except queue.Empty:
            return []

    def visits(self) -> list[Visit]:
        """Return the visits that have arrived, and leave the rest."""
        arrived = self.rest()
        for one in arrived:
            if not isinstance(one, Visit):
                self.put(one)
        return [one for one in arrived if isinstance(one, Visit)]

    def rest(self) -> list[Arrival]:
        """Return what has arrived, without waiting."""
        arrivals: list[Arrival] = []
        while not self._queue.empty():  # this loop is the only reader
            arrivals.append(self._queue.get_nowait())
        return arrivals
