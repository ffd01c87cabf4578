"""Single keys of a terminal, for a screen that scrolls: without a line break, and with a timeout."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TextIO

Key = Literal["", "up", "down", "page-up", "page-down", "top", "end", "leave"]
"""A key of a screen; empty for every other key, and without a key."""
Wait = Callable[[float], Key]
"""Waits at most this many seconds for a key."""

_PRESSED: Mapping[str, Key] = {
    "\x1b[A": "up",
    "\x1bOA": "up",
    "k": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "j": "down",
    "\r": "down",
    "\n": "down",
    "\x1b[5~": "page-up",
    "b": "page-up",
    "\x1b[6~": "page-down",
    " ": "page-down",
    "\x1b[H": "top",
    "\x1b[1~": "top",
    "\x1bOH": "top",
    "g": "top",
    "\x1b[F": "end",
    "\x1b[4~": "end",
    "\x1bOF": "end",
    "G": "end",
    "q": "leave",
    "\x03": "leave",
}
_WINDOWS: Mapping[str, Key] = {
    "H": "up",
    "P": "down",
    "I": "page-up",
    "Q": "page-down",
    "G": "top",
    "O": "end",
}
_LONGEST = 8
_POLL = 0.05
_NEVER = threading.Event()


def key_of(pressed: str) -> Key:
    """Return the key for the characters that a terminal sent."""
    return _PRESSED.get(pressed, "")


@contextmanager
def keys(stream: TextIO) -> Iterator[Wait | None]:
    """Read single keys of a terminal in this context; None without a terminal."""
    if not stream.isatty():
        yield None
    elif sys.platform == "win32":
        yield _windows_key
    else:
        with _posix_keys(stream.fileno()) as wait:
            yield wait


if sys.platform == "win32":
    import msvcrt

    def _windows_key(seconds: float) -> Key:
        until = time.monotonic() + seconds
        while not msvcrt.kbhit():
            if time.monotonic() >= until:
                return ""
            _NEVER.wait(_POLL)
        first = msvcrt.getwch()
        if first in ("\x00", "\xe0"):
            return _WINDOWS.get(msvcrt.getwch(), "")
        return key_of(first)

else:
    import select
    import termios
    import tty

    @contextmanager
    def _posix_keys(fileno: int) -> Iterator[Wait]:
        """Set the terminal to send each key at once; Ctrl-C still interrupts. Restore the mode afterwards."""

        def wait(seconds: float) -> Key:
            ready, _, _ = select.select([fileno], [], [], seconds)
            return key_of(os.read(fileno, _LONGEST).decode(errors="replace")) if ready else ""

        before = termios.tcgetattr(fileno)
        try:
            tty.setcbreak(fileno)
            yield wait
        finally:
            termios.tcsetattr(fileno, termios.TCSADRAIN, before)
