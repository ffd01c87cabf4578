"""Reader of files that a person names: only regular files, and only up to a limit.

A pipe blocks, a device has no end, and a file may grow while it is read. A problem is an
``OSError`` whose ``strerror`` is a sentence for people.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TextIO

LONGEST_LINE = 1_000_000
"""Characters of one line in a file that is read line by line."""


class NotRegular(OSError):
    """The path is a device, a pipe or a socket."""


class TooLarge(OSError):
    """The file is larger than the limit."""


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading, without waiting."""
    # Checked before opening, because opening can wait or rewind a tape; and afterwards, because names change.
    _refuse_others(path.stat().st_mode, path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_others(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_others(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "the path is a folder, not a file", str(path))
    if not stat.S_ISREG(mode):
        raise NotRegular(errno.EINVAL, "the path is a device, a pipe or a socket, not a file", str(path))


def read_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file; raises ``TooLarge`` above ``limit`` bytes."""
    with open_file(path) as file:
        content = file.read(min(os.fstat(file.fileno()).st_size, limit) + 1)
        content += file.read(limit + 1 - len(content))
    if len(content) > limit:
        raise TooLarge(errno.EFBIG, f"the file has more than {limit:,} bytes", str(path))
    return content


def lines_of(file: TextIO) -> Iterator[str]:
    """Yield lines as a file object does; raises ``TooLarge`` at a line over the limit."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise TooLarge(
                errno.EFBIG, f"the file has a line of more than {LONGEST_LINE:,} characters", file.name
            )
        yield line
