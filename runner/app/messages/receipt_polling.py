"""Polling of receipts and answers from providers without callbacks.

Only a channel over which something was sent in an incident that goes on is asked. What is fetched is confirmed to its
provider when it is kept, and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from runner.app.core.incident_service import IncidentService
from runner.app.messages.callbacks import secrets_of
from runner.app.messages.inbound import Inbox
from runner.app.messages.reconciliation import Reconciler
from runner.effects.gateway.gateway import Gateway
from runner.errors import TocsinError, warning
from runner.routing.inbound import Heard
from runner.routing.messaging import Channel


class Collector:
    """Goes round the channels; what is wrong with one holds up no other."""

    def __init__(self, service: IncidentService, say: Callable[[str], None], patience: timedelta) -> None:
        """Take a desk that nobody else works at; ``patience`` is how long a silent provider is waited for."""
        self._service = service
        self._say = say
        self._patience = patience
        self._gateway = Gateway(base=service.folder)
        self._troubles: dict[str, str] = {}
        self._reconciler = Reconciler(service)
        self.inbox = Inbox(service)

    def round(self) -> None:
        """Try again what came too early, ask about what nobody knows, then every channel that may have something."""
        self.inbox.again()
        self._reconciler.round()
        for name in sorted(self.inbox.used()):
            channel = self._service.directory.channels.get(name)
            if channel is not None:
                self._tell(name, self._collect(channel))

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
        """Say a trouble when it begins, and when it is over."""
        before = self._troubles.pop(name, "")
        if trouble:
            self._troubles[name] = trouble
        if trouble and trouble != before:
            self._say(warning("nothing_fetched", f"Receipts of channel {name} cannot be fetched: {trouble}"))
        elif before and not trouble:
            self._say(f"Receipts of channel {name} can be fetched again")
