"""Reports that several viewers share, kept for a short time: 500 viewers of an incident need its status once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, TypeVar

from runner.app.core.incident_service import IncidentService

LASTS = 15
"""Seconds of the incident's time. What no journal tells, such as a stopped worker, is shown that much later."""
MOST = 64
"""Reports that are kept; the one that was not used for longest goes."""

Report = TypeVar("Report")


class SharedReports:
    """Reports by what they are about, the versions of all journals, and the time. Safe for several threads."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._reports: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def find(
        self,
        about: Hashable,
        service: IncidentService,
        now: datetime,
        make: Callable[[], Report],
        *,
        any_entry: bool = True,
    ) -> Report:
        """Return a report that was made from the same journals less than ``LASTS`` ago, otherwise a new one.

        Without ``any_entry``, ``about`` names all that the report depends on, besides the time.
        """
        versions = service.versions() if any_entry else 0
        key = (about, versions, int(now.timestamp()) // LASTS)
        with self._lock:
            if key in self._reports:
                self._reports.move_to_end(key)
                found: Report = self._reports[key]
                return found
        made = make()  # two threads may make the same
        with self._lock:
            self._reports[key] = made
            while len(self._reports) > MOST:
                self._reports.popitem(last=False)
        return made
