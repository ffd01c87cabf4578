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
"""Work that waits for nobody outside."""
PASSING = (StoreBusy, StoreFull, StoreLocked, StoreReadOnly)
"""What a store may recover from while a worker goes on."""


class Outcome(msgspec.Struct, frozen=True):
    """What came back from the pool."""

    work: AnyWork
    command: AnyCommand
    slow: bool = False
    """It computed for longer than anything may."""


class Probed(msgspec.Struct, frozen=True):
    """What came of a look whether a domain works again."""

    probe: Probe
    result: SendResult


def probe_token(probe: Probe) -> str:
    """Return what tells a probe from any other work in the pool."""
    return f"probe|{probe.channel.id}"


class VisitResult(msgspec.Struct, frozen=True):
    """How a visit left its incident: when to look again, and whether there is work that this worker did not begin."""

    due: datetime | None = None
    work: bool = False


class Visit(msgspec.Struct, frozen=True, eq=False):
    """An incident to look at; ``done`` is told when nothing of it is in flight here any more."""

    incident: str
    done: Any = None
    """A ``Future[Left]``, if somebody waits for it."""


def answer(done: Future[VisitResult], result: VisitResult | BaseException) -> None:
    """Tell who waits, unless nobody does any more or has been told."""
    from concurrent.futures import InvalidStateError

    with contextlib.suppress(InvalidStateError):
        if isinstance(result, VisitResult):
            done.set_result(result)
        else:
            done.set_exception(result)


def cancelled_before_start(work: AnyWork) -> AnyCommand:
    """Return the command for an effect whose incident was paused or has ended before it began."""
    return not_begun(work, "the incident was paused or ended before the start")


def not_begun(work: AnyWork, why: str) -> AnyCommand:
    """Return the command for work that certainly did not touch the world."""
    return failed(work, why, "not_sent")


def failed(work: AnyWork, why: str, state: AttemptState = "unknown") -> AnyCommand:
    """Return the command for work that broke: unknown where the world may have been touched."""
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


def words(error: Exception) -> str:
    """Say what went wrong; of a mistake of ours no more than its kind."""
    return error.message if isinstance(error, TocsinError) else f"internal error ({type(error).__name__})"


def performed(perform: Performer, work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Perform one piece of work; whatever goes wrong comes back as a command."""
    try:
        goes_on = incident.state == "open" or is_still_sent(incident, work)
        return perform(work, incident, head) if goes_on else cancelled_before_start(work)
    except Exception as error:  # noqa: BLE001  # the effect may have happened: that is all that is known
        return failed(work, words(error))


def lease_lost() -> StoreError:
    """Return the end of a worker that may be taken for dead."""
    return StoreError(
        "The lease of this worker ended. Other workers can continue its work.",
        hint="Start the worker again.",
        code="worker_lost",
    )


def lost_claims(incident: Incident, held: Callable[[str, str], bool]) -> Iterator[AttemptLost]:
    """Name the claims that nobody goes on with: their outcome is unknown from now on.

    ``held`` tells of a worker and of a piece of work, named as ``token`` names it, whether it goes on.
    """
    for claim in sorted(incident.sending):
        effect, _, n = claim.rpartition("|")
        holder = incident.holder(effect)
        attempt = next(a for a in (holder.attempts if holder is not None else ()) if a.n == int(n))
        if not held(attempt.worker, f"{incident.id}|{claim}"):
            yield AttemptLost(effect=effect, n=attempt.n)


def with_tools(service: IncidentService, work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Perform work with what the desk has for it."""
    from runner.effects.perform import perform

    library = service.library(incident)
    try:
        tools = service.tools(incident)
    except TocsinError as error:
        return not_begun(work, error.message)
    return perform(work, incident, head, library, tools)


Arrival = Outcome | Probed | Visit | None
"""What can lie in it; None is a poke."""


class Inbox:
    """A queue that many threads fill and one loop empties."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Arrival] = queue.SimpleQueue()

    def put(self, one: Arrival) -> None:
        """Have the loop look at something; safe to call from a signal handler."""
        self._queue.put(one)

    def first(self, patience: timedelta | None = None) -> list[Arrival]:
        """Wait for what arrives next, for ever without ``patience``; return nothing when nothing does."""
        try:
            return [self._queue.get(timeout=None if patience is None else patience.total_seconds())]
        except queue.Empty:
            return []

    def rest(self) -> list[Arrival]:
        """Return what has arrived, without waiting."""
        arrivals: list[Arrival] = []
        while not self._queue.empty():  # nobody else takes from it
            arrivals.append(self._queue.get_nowait())
        return arrivals
