"""Where a worker's loop finds all that comes in: outcomes of effects, probes, visits, and pokes that say nothing else."""

from __future__ import annotations

import queue
from datetime import timedelta

from runner.workers.visit_results import Outcome, Probed, Visit

Arrival = Outcome | Probed | Visit | None
"""What can lie in it; None is a poke."""


class Inbox:
    """A queue that many threads fill and one loop empties."""

    def __init__(self) -> None:
        """Begin empty."""
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
        found: list[Arrival] = []
        while True:
            try:
                found.append(self._queue.get_nowait())
            except queue.Empty:
                return found
