"""Polling of receipts and answers from providers without callbacks.

Only channels with sends in an open incident are polled. Fetched data is confirmed to the
provider after it is stored.

The provider is asked about attempts with an unknown outcome, if it supports that: at growing intervals.

An answer is recorded as the outcome. Without an answer the outcome stays unknown, and nothing is recorded. After a
restart the process asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from runner.app.core.incident_service import IncidentService
from runner.app.messages.callbacks import secrets_of
from runner.app.messages.inbound import Inbox
from runner.effects.gateway.gateway import Gateway
from runner.effects.messages.deliver import ask_again
from runner.errors import UNREADABLE, TocsinError, warning
from runner.incident.state.commands import AttemptDone
from runner.incident.state.incident import Attempt, Delivery, Incident
from runner.incident.state.work import Deliver
from runner.routing.inbound import Heard
from runner.routing.messaging import Channel

AFTER = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1200))
"""The times of the questions after the end of an attempt."""


class Reconciler:
    """Asks providers about unknown outcomes, and counts the questions about each attempt."""

    def __init__(self, service: IncidentService) -> None:
        self._service = service
        self._asked: dict[tuple[str, str, int], int] = {}

    def round(self) -> None:
        """Ask about every attempt that is due."""
        for row in self._service.incidents("open"):
            try:
                incident = self._service.load(row.id)
            except UNREADABLE:
                continue
            held = [(one, attempt) for one in incident.deliveries.values() for attempt in one.attempts]
            for delivery, attempt in held:
                if attempt.state == "unknown" and not attempt.resolved_by:
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
            done = AttemptDone(effect=delivery.id, n=attempt.n, result=result)
            self._service.act(self._service.principal, incident.id, [done])
        except TocsinError:
            del self._asked[name]  # the answer was not stored: ask again in the next round
            raise


class Collector:
    """Polls the channels; a fault of a channel does not block the others."""

    def __init__(self, service: IncidentService, say: Callable[[str], None], patience: timedelta) -> None:
        """Take an unshared service; ``patience`` is the timeout for a silent provider."""
        self._service = service
        self._say = say
        self._patience = patience
        self._gateway = Gateway(base=service.folder)
        self._troubles: dict[str, str] = {}
        self._reconciler = Reconciler(service)
        self.inbox = Inbox(service)

    def round(self) -> None:
        """Retry early receipts, ask about unknown outcomes, then poll the used channels."""
        self.inbox.again()
        self._reconciler.round()
        for name in sorted(self.inbox.used()):
            channel = self._service.directory.channels.get(name)
            if channel is not None:
                self._tell(name, self._collect(channel))
        self.inbox.replies.send()

    def _collect(self, channel: Channel) -> str:
        def took(one: Heard) -> bool:
            return self.inbox.take(channel, (one,)) != "later"

        try:
            if not self._gateway.collects(channel):
                return ""
            secrets = secrets_of(self._service, channel)
            return self._gateway.collect(channel, took, self._service.clock.now(), secrets, self._patience)
        except TocsinError as error:
            return error.message

    def _tell(self, name: str, trouble: str) -> None:
        """Report a fault once, and its end."""
        before = self._troubles.pop(name, "")
        if trouble:
            self._troubles[name] = trouble
        if trouble and trouble != before:
            self._say(warning("nothing_fetched", f"Receipts of channel {name} cannot be fetched: {trouble}"))
        elif before and not trouble:
            self._say(f"Receipts of channel {name} can be fetched again")
