"""Periodic task on its own thread, beside the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from runner.errors import TocsinError, warning

GRACE = timedelta(seconds=30)
"""How long the round that is under way is waited for."""


class PeriodicTask:
    """A context: while it lasts, ``act`` is done, then after each pause again; a round that fails is not the last."""

    def __init__(self, act: Callable[[], None], pause: timedelta, say: Callable[[str], None]) -> None:
        """Take what to do; ``say`` is told of a trouble when it begins, not every time."""
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
        """Let the round that is under way end, for a while, and do no other."""
        self._stopping.set()
        self._thread.join(GRACE.total_seconds())
