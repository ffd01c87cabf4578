"""Sending of campaigns beside the answers to requests: a thread for each campaign, until the server stops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING

from runner.app.campaigns.doubts import Reasons
from runner.app.campaigns.record import known, move
from runner.app.campaigns.send import WaitPolicy, ready, send
from runner.errors import TocsinError

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident

LONGEST_STOP = 30.0
"""Seconds for the batches in progress when the server stops."""


class Senders:
    """The campaigns that this process sends. What it did not send stays in the store, and a person continues it."""

    def __init__(self, apart: Callable[[], IncidentService], say: Callable[[str], None]) -> None:
        """Take what makes a service for another thread, and what receives lines without content."""
        self._apart, self._say = apart, say
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(
        self, service: IncidentService, incident: Incident, notice: str, people: PurePath, reasons: Reasons
    ) -> None:
        """Begin to send in the name of the service's principal; raises Refused if a campaign may not be sent now."""
        ready(service, incident, notice, people, reasons)
        about = (service, incident.id, notice, people, reasons)
        thread = threading.Thread(target=self._run, args=about, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def stop(self) -> None:
        """End each run after its present batch; the campaigns can be continued later."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(LONGEST_STOP)

    def _run(
        self, asking: IncidentService, incident: str, notice: str, people: PurePath, reasons: Reasons
    ) -> None:
        service = self._apart().of(asking.principal)
        patience = WaitPolicy(self._wait, self._stopping.is_set)
        try:
            send(service, service.load(incident), notice, people, patience, lambda done, total: None, reasons)
        except Exception as error:  # noqa: BLE001
            self._failed(service, incident, (notice, people), error)

    def _wait(self, span: timedelta) -> None:
        self._stopping.wait(span.total_seconds())

    def _failed(
        self, service: IncidentService, incident: str, about: tuple[str, PurePath], error: Exception
    ) -> None:
        """Pause a campaign whose run failed, with the reason: nobody sees the thread."""
        if isinstance(error, TocsinError) and error.code == "already_sending":
            return
        why = error.message if isinstance(error, TocsinError) else f"internal error ({type(error).__name__})"
        self._say(f"A campaign stopped: {type(error).__name__}. See its page.")
        try:
            found = known(service, service.load(incident), *about)
            move(service, found.campaign, "pause", f"the sender stopped: {why}")
        except TocsinError:
            self._say("The campaign could not be paused. Its page says that no process sends it.")
