"""Attempts whose outcome nobody knows are asked about, where the provider can be asked: soon, and then ever more seldom.

What is found out is an outcome like any other. What is not found out stays unknown, and leaves no trace: a question
changes nothing. A process that begins anew asks anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.app.core.incident_service import IncidentService
from runner.effects.messages.deliver import ask_again
from runner.errors import UNREADABLE, TocsinError
from runner.incident.state.commands import AttemptDone
from runner.incident.state.incident import Attempt, Delivery, Incident
from runner.incident.state.work import Deliver

AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1200))
"""How long after its end an attempt is asked about: once for each."""


class Reconciler:
    """Asks; remembers how often it has asked about which attempt."""

    def __init__(self, service: IncidentService) -> None:
        """Take a desk that nobody else works at."""
        self._service = service
        self._asked: dict[tuple[str, str, int], int] = {}

    def round(self) -> None:
        """Ask about every attempt whose time for it has come."""
        for row in self._service.store.rows("open"):
            try:
                incident = self._service.load(row.id)
            except UNREADABLE:
                continue
            for delivery, attempt in list(_doubtful(incident)):
                self._ask(incident, delivery, attempt, self._service.now_in(incident))

    def _ask(self, incident: Incident, delivery: Delivery, attempt: Attempt, now: datetime) -> None:
        name = (incident.id, delivery.id, attempt.n)
        ended = attempt.ended_at or attempt.started_at
        due = sum(now - ended >= after for after in AFTER)
        if due <= self._asked.get(name, 0):
            return
        self._asked[name] = due
        work = Deliver(
            incident=incident.id,
            delivery=delivery.id,
            n=attempt.n,
            channel=attempt.channel,
            key=attempt.key,
        )
        result = ask_again(work, attempt.started_at, incident, self._service.tools(incident))
        if result is None:
            return
        try:
            self._service.submit(incident.id, AttemptDone(effect=delivery.id, n=attempt.n, result=result))
        except TocsinError:
            del self._asked[name]  # what was found out is not kept: it is asked again in the next round
            raise


def _doubtful(incident: Incident) -> Iterator[tuple[Delivery, Attempt]]:
    """Yield the attempts that may have arrived, for all that anybody knows."""
    for delivery in incident.deliveries.values():
        for attempt in delivery.attempts:
            if attempt.state == "unknown" and not attempt.resolved_by:
                yield delivery, attempt
