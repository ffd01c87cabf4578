"""The page behind a link in a message: what it shows, and the acknowledgement that only a pressed button makes."""

from __future__ import annotations

import threading
from datetime import datetime

from runner.app.core.incident_service import Desk
from runner.app.messages.acknowledgement import (
    Acknowledged,
    Shown,
    acknowledge,
    look_at,
)
from runner.errors import Refused, Sealed


class Links:
    """Answers for links, one at a time; safe for several threads."""

    def __init__(self, desk: Desk) -> None:
        """Take a desk that nobody else works at."""
        self._desk = desk
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the present instant."""
        return self._desk.clock.now()

    def shown(self, link: str) -> Shown | None:
        """Return what a link's page shows, changing nothing; None for whatever does not hold."""
        with self._lock:
            try:
                return look_at(self._desk, link)
            except (Refused, Sealed):
                return None

    def acknowledged(self, link: str) -> Acknowledged | None:
        """Acknowledge by a link; None for whatever does not hold."""
        with self._lock:
            self._desk.forget_directory()
            try:
                return acknowledge(self._desk, token=link)
            except (Refused, Sealed):
                return None
