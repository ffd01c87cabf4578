"""Standard streams of the process, protected against closed readers, full disks and missing streams.

Output to standard error must never stop the work: a command whose plan is written to a pipe without a reader
still opens the incident. The result may be unread as well; any other failure to write it is reported.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from runner.errors import TocsinError


def cleaned(text: str) -> str:
    """Return lines without characters that control a terminal or reverse the text: other people wrote parts of them."""
    from runner.reports.core.page import visible

    return "\n".join(visible(line) for line in text.split("\n"))


class Unwritten(TocsinError):
    """The result could not be written; the effect of the command remains."""


class _TolerantWriter(io.RawIOBase):
    """The raw output under a stream, also for a Windows console; output that it does not accept is dropped.

    It references the stream, which would otherwise close a descriptor that a later file can have.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__()
        self._kept = stream
        self._raw: Any = getattr(stream.buffer, "raw", stream.buffer)
        self._heard = True

    def writable(self) -> bool:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        return True

    def fileno(self) -> int:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        return int(self._raw.fileno())

    def isatty(self) -> bool:  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        return bool(self._raw.isatty())

    def write(self, data: Any, /) -> int:  # type: ignore[explicit-override]
        rest = memoryview(data).cast("B")
        size = len(rest)
        while self._heard and rest:
            try:
                taken = self._raw.write(rest)
            except OSError:
                taken = None
            self._heard = taken is not None
            rest = rest[taken or 0 :]
        return size


def standard() -> tuple[TextIO, TextIO, TextIO]:
    """Return standard input, output and error; a closed stream is replaced by an empty one."""
    given = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  # as long as the process
    return given, _tolerant(sys.stdout), unstoppable(_tolerant(sys.stderr))


def _tolerant(stream: TextIO | None) -> TextIO:
    """Make a stream accept every character: UTF-8 for a program, a replacement for a terminal that cannot show it."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  # as long as the process
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    with suppress(
        OSError
    ):  # what it still holds cannot be written: that is reported where the answer is written
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="replace")
    return stream


def unstoppable(stream: TextIO) -> TextIO:
    """Return the same stream, whose failures are ignored."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_TolerantWriter(stream)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=True,
        write_through=True,
    )


def broken_pipe(stream: TextIO, error: OSError) -> None:
    """Accept that a stream has no reader for the result; raises Unwritten for other failures."""
    silence(stream)
    if not isinstance(error, BrokenPipeError):
        raise Unwritten(
            f"The output cannot be written: {error.strerror}.",
            code="output",
            hint="Check the effect of the command: tocsin status",
        ) from None


def silence(stream: TextIO) -> None:
    """Stop all writes to a failed stream, also at the end of the process."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def let_go(stream: TextIO | None) -> None:
    """Drop what a failed stream still holds: Python tries to write it at the end, and then has an exit code of its own."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        silence(stream)
