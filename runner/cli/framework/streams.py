"""Standard streams of the process, protected against closed readers, full disks and missing streams.

What is said beside the answer must never stop the work: an incident whose plan goes into a pipe that nobody reads is
opened all the same. The answer itself may go unread as well; that it could not be written for another reason is told.
"""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import suppress
from typing import Any, TextIO

from runner.cli.framework.action_text import encoded
from runner.errors import TocsinError

_HIDDEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What JSON lets stand as it is, though a terminal may act on it."""


def cleaned(text: str) -> str:
    """Return lines in which nothing can steer a terminal or turn the text round: what others wrote stands in them."""
    from runner.reports.core.page import visible

    return "\n".join(visible(line) for line in text.split("\n"))


def as_json(report: Any) -> str:
    """Return one JSON document in one line; what could steer a terminal is escaped, which says the same."""
    text = encoded(report).decode()
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


class Unwritten(TocsinError):
    """The answer could not be written; what the command did stands."""


class _TolerantWriter(io.RawIOBase):
    """What lies under a stream, by its own way of writing (a console of Windows has one); what it does not take is given up.

    It keeps the stream, which would otherwise close a descriptor that a file of ours is given next.
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
    """Return input, answer and remarks; one that is closed is as one that nobody uses."""
    given = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  # as long as the process
    return given, _tolerant(sys.stdout), unstoppable(_tolerant(sys.stderr))


def _tolerant(stream: TextIO | None) -> TextIO:
    """Have a stream take every character: UTF-8 where a program reads it, a mark where a terminal cannot show it."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  # as long as the process
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if stream.isatty():
        stream.reconfigure(errors="replace")
    else:
        stream.reconfigure(encoding="utf-8", errors="replace")
    return stream


def unstoppable(stream: TextIO) -> TextIO:
    """Return the same stream, whose failures stop nothing."""
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
    """Take it that a stream does not take the answer: nobody reads it any more, or raises Unwritten."""
    silence(stream)
    if not isinstance(error, BrokenPipeError):
        raise Unwritten(
            f"The output cannot be written: {error.strerror}.",
            code="output",
            hint="Check the effect of the command: tocsin status",
        ) from None


def silence(stream: TextIO) -> None:
    """Let nothing more be written to a stream that takes nothing, not even when the process ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
