"""Clock synchronisation, as the operating system reports it."""

from __future__ import annotations

import time
from datetime import timedelta

_UNSYNCHRONISED = 5
"""What ``adjtimex`` answers when nothing keeps the clock."""


def monotonic() -> timedelta:
    """Return a clock that nobody can set; on Linux it counts on while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    return timedelta(seconds=time.monotonic())


def is_ntp_synchronised() -> bool:
    """Ask the kernel whether something keeps its clock; elsewhere than on Linux nobody can be asked."""
    import ctypes

    try:
        # With all its modes zero the call changes nothing; its answer says whether the clock is kept.
        answer = int(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)))
    except (OSError, AttributeError, TypeError):
        return False
    return answer not in (-1, _UNSYNCHRONISED)
