"""Retry of a change after a conflict with another writer.

A program tries a few times at once: its work comes again by itself. A person's command waits for up to 30 seconds.
The first try is free. For the others a command needs the gate, a lock that one waiting command has at a time: without
it the decisions of a hundred commands would spoil one another, most of all on a busy machine. Programs do not need
the gate, so a worker never waits for a command. The pauses before the gate are random and double while it is taken;
they shrink with the time waited, so that the oldest waits least. PostgreSQL has a queue for it, and needs no pauses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from runner.errors import Stale, StoreBusy, StoreLocked

if TYPE_CHECKING:
    from runner.app.core.repository import Store

TRIES = 20
"""How often a change is made again at once by who does not wait."""
LIMIT = timedelta(seconds=30)
SHORTEST = timedelta(milliseconds=20)
"""The first pause is up to this long."""
LONGEST = timedelta(seconds=2)
_Made = TypeVar("_Made")


class Backoff(NamedTuple):
    """How a person's command waits."""

    pause: Callable[[timedelta], object]
    fraction: Callable[[], float]
    """Chance: a number from 0 up to 1."""
    limit: timedelta = LIMIT
    """The most that its pauses may come to."""


def this_backoff() -> Backoff:
    """Return how a command of this process waits."""
    from threading import Event

    from runner.app.core.identifiers import fraction

    return Backoff(lambda span: Event().wait(span.total_seconds()), fraction)


class Waiting(Protocol):
    """As much of an opened home as a change needs."""

    @property
    def store(self) -> Store:
        """The journals."""

    backoff: Backoff | None


def retry(service: Waiting, journal: str, attempt: Callable[[], _Made | None]) -> _Made:
    """Return what an attempt makes; one that returns None met another's change to this journal.

    Raises Stale when others were first to the end, StoreLocked when another process held the store to the end.
    """
    if service.backoff is None:
        made = next((made for made in (attempt() for _ in range(TRIES)) if made is not None), None)
    else:
        made = _gated(service.store, service.backoff, journal, attempt)
    if made is None:
        raise Stale(
            "Another person changed the same record first. Nothing was saved.",
            hint="Check the current state, then run the command again.",
        )
    return made


def opened(backoff: Backoff | None, open_: Callable[[], _Made]) -> _Made:
    """Open a store; wait while it takes no more connections, and raise StoreBusy when it takes none to the end."""
    wait = None if backoff is None else _Wait(backoff)
    while True:
        try:
            return open_()
        except StoreBusy:
            if wait is None or not wait.more():
                raise


def _gated(store: Store, backoff: Backoff, journal: str, attempt: Callable[[], _Made | None]) -> _Made | None:
    """Attempt once without the gate, since mostly nobody else is there, and from then on with it."""
    from runner.app.core.repository import PATIENCE

    wait, gate, met = _Wait(backoff), None, False
    try:
        while True:
            locked = None
            try:
                if met and gate is None:
                    gate = store.gate(journal)
                    wait.window = SHORTEST
                if (made := attempt()) is not None:
                    return made
            except (StoreBusy, StoreLocked) as error:
                locked = error if gate is not None or not met else None
                if error.code == StoreLocked.default_code:
                    wait.waited += PATIENCE  # the store has waited itself
            met = True
            if not wait.more():
                if locked is not None:
                    raise locked
                return None
    finally:
        if gate is not None:
            gate.release()


class _Wait:
    """The pauses of one command."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.waited = timedelta()
        self.window = SHORTEST

    def more(self) -> bool:
        """Pause; without a pause return False when it has waited long enough."""
        pause, fraction, limit = self._backoff
        if self.waited >= limit:
            return False
        span = max(self.window * (1 - self.waited / limit), SHORTEST) * fraction()
        pause(span)
        self.waited += span
        self.window = min(2 * self.window, LONGEST)
        return True
