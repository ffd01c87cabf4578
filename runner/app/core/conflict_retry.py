"""Retry of a change after a conflict with another writer.

A program tries a few times at once: its work is repeated anyway. A person's command waits for up to 30 seconds.
The first try needs no lock. For the others a command needs the gate, a lock of one waiting command at a time: without
it the decisions of a hundred commands would conflict with one another, most of all on a busy machine. Programs do not
need the gate, so a worker never waits for a command. The pauses before the gate are random and double while it is taken;
they shrink with the time waited, so that the oldest command waits least. PostgreSQL has a queue for it, without pauses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from runner.errors import Stale, StoreBusy, StoreLocked

if TYPE_CHECKING:
    from runner.app.core.repository import Store

TRIES = 20
"""How many times a program that does not wait retries a change at once."""
LIMIT = timedelta(seconds=30)
SHORTEST = timedelta(milliseconds=20)
"""The first pause is up to this long."""
LONGEST = timedelta(seconds=2)
_Made = TypeVar("_Made")


class Backoff(NamedTuple):
    """The way in which a person's command waits."""

    pause: Callable[[timedelta], object]
    fraction: Callable[[], float]
    """A random number from 0 up to 1."""
    limit: timedelta = LIMIT
    """The greatest sum of its pauses."""


def this_backoff() -> Backoff:
    """Return how a command of this process waits."""
    from threading import Event

    from runner.app.core.identifiers import fraction

    return Backoff(lambda span: Event().wait(span.total_seconds()), fraction)


class Waiting(Protocol):
    """The part of an opened home that a change needs."""

    @property
    def store(self) -> Store:
        """The journals."""

    backoff: Backoff | None


def retry(service: Waiting, journal: str, attempt: Callable[[], _Made | None]) -> _Made:
    """Return the result of an attempt; one that returns None conflicted with another change to this journal.

    Raises Stale if others were faster each time, StoreLocked if another process locked the store all the time.
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
    """Open a store; wait while it accepts no more connections, and raise StoreBusy at the end of the wait."""
    wait = None if backoff is None else _Wait(backoff)
    while True:
        try:
            return open_()
        except StoreBusy:
            if wait is None or not wait.more():
                raise


def _gated(store: Store, backoff: Backoff, journal: str, attempt: Callable[[], _Made | None]) -> _Made | None:
    """Attempt once without the gate, since a conflict is rare, and from then on with it."""
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
        """Pause; return False without a pause after the longest wait."""
        pause, fraction, limit = self._backoff
        if self.waited >= limit:
            return False
        span = max(self.window * (1 - self.waited / limit), SHORTEST) * fraction()
        pause(span)
        self.waited += span
        self.window = min(2 * self.window, LONGEST)
        return True
