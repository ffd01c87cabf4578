"""Periodic task on its own thread, beside the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from runner.errors import TocsinError, warning

GRACE = timedelta(seconds=30)
"""How long to wait for the running round."""


class PeriodicTask:
    """A context: while it lasts, ``act`` is done, then after each pause again; a failed round does not end it."""

    def __init__(self, act: Callable[[], None], pause: timedelta, say: Callable[[str], None]) -> None:
        """Take the action; ``say`` gets a problem when it begins, not every time."""
        self._act = act
        self._pause = pause
        self._say = say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)

    def _go(self) -> None:
        trouble = ""
        while True:
            before, trouble = trouble, self._round()
            if trouble and trouble != before:
                self._say(warning("round_failed", trouble))
            if self._stopping.wait(self._pause.total_seconds()):
                return

    def _round(self) -> str:
        try:
            self._act()
        except TocsinError as error:
            return error.message
        except Exception as error:  # noqa: BLE001  # the next round may go well, and the work must go on
            return f"internal error ({type(error).__name__})"
        return ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait a limited time for the running round, and start no other."""
        self._stopping.set()
        self._thread.join(GRACE.total_seconds())
