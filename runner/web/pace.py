"""How much of what is believed may reach the store: as much as one disk takes, and no more."""

from __future__ import annotations

import threading
from datetime import datetime


class Pace:
    """A bucket of ``burst`` that fills with ``rate`` a second. Safe for several threads."""

    def __init__(self, rate: float, burst: int) -> None:
        """Begin full."""
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._at: datetime | None = None
        self._lock = threading.Lock()

    def allows(self, now: datetime) -> bool:
        """Take one out if there is one; a clock that jumps back fills nothing and takes nothing away."""
        with self._lock:
            if self._at is not None:
                gone = max((now - self._at).total_seconds(), 0.0)
                self._left = min(self._left + gone * self._rate, float(self._burst))
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
