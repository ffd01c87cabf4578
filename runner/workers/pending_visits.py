"""Pending visits of incidents: waiting callers, work in progress, and the result of the last turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.app.core.transaction import Transaction
from runner.workers.visit_results import Visit, VisitResult, answer

if TYPE_CHECKING:
    from concurrent.futures import Future


class PendingVisits:
    """The visits of one worker's loop; a visit lasts until nothing of its incident is in progress."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Future[VisitResult]]] = {}
        self._flying: Counter[str] = Counter()
        self._last: dict[str, Transaction] = {}

    def came(self, visit: Visit) -> bool:
        """Take a visit, or a check; tell whether a caller waits for its incident."""
        if visit.done is not None:
            self._waiting.setdefault(visit.incident, []).append(visit.done)
        return visit.incident in self._waiting

    def began(self, incident: str) -> None:
        """Record the start of an effect of an incident."""
        self._flying[incident] += 1

    def landed(self, incident: str) -> None:
        """Record the end of an effect of an incident."""
        self._flying[incident] -= 1

    def flying(self, incident: str) -> int:
        """Count the running effects of an incident."""
        return self._flying[incident]

    def turned(self, incident: str, turn: Transaction) -> None:
        """Record the state of an incident after a turn, if a caller waits for it."""
        if incident in self._waiting:
            self._last[incident] = turn

    def leave(self, incident: str, left: Callable[[Transaction | None], VisitResult]) -> None:
        """Answer the waiting callers, unless an effect of the incident is in progress."""
        if self._flying[incident]:
            return
        del self._flying[incident]
        if incident in self._waiting:
            self._tell(incident, left(self._last.get(incident)))

    def end(self, ending: VisitResult | BaseException) -> None:
        """Answer all callers."""
        for incident in [*self._waiting]:
            self._tell(incident, ending)

    def _tell(self, incident: str, result: VisitResult | BaseException) -> None:
        self._last.pop(incident, None)
        for done in self._waiting.pop(incident, ()):
            answer(done, result)
