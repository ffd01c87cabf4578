"""Reading of files that a person names: only regular files, and only up to a limit.

A pipe would be waited for, a device read without end, and a file may grow while it is read. What is wrong is an
``OSError`` whose ``strerror`` says it in words.
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
    """It is a device, a pipe or a socket."""


class TooLarge(OSError):
    """It has more than is read of it."""


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading, at once."""
    # Looked at before it is opened, since that alone can wait or rewind a tape; and after, since names change.
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
    """Return the bytes of a regular file; raises ``TooLarge`` where there are more than ``limit``."""
    with open_file(path) as file:
        content = file.read(min(os.fstat(file.fileno()).st_size, limit) + 1)
        content += file.read(limit + 1 - len(content))
    if len(content) > limit:
        raise TooLarge(errno.EFBIG, f"the file has more than {limit:,} bytes", str(path))
    return content


def lines_of(file: TextIO) -> Iterator[str]:
    """Yield lines as reading a file does; raises ``TooLarge`` at one that does not end."""
    while line := file.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise TooLarge(
                errno.EFBIG, f"the file has a line of more than {LONGEST_LINE:,} characters", file.name
            )
        yield line
