"""Reader of external zip archives with limits: judged by their directory, before a byte is unpacked, and never unpacked to disk."""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from typing import Final

ENTRIES: Final = 1000
LARGEST: Final = 16 * 1024 * 1024
TOTAL: Final = 48 * 1024 * 1024
RATIO: Final = 150
"""How often larger a part may be than its compressed bytes; Word's own XML stays below 40."""
_NAME = re.compile(r"[A-Za-z0-9_\-. \[\]/]+")


class UnsafeArchive(ValueError):
    """The archive is damaged, too large or unsafe; the message says why."""


def read_archive(content: bytes) -> dict[str, bytes]:
    """Return the parts of a zip archive by their names, without folders; raises UnsafeArchive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _measure(entries)
            return {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
    except UnsafeArchive:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error):
        raise UnsafeArchive("the file is not a complete zip archive") from None


def _measure(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename.casefold() for entry in entries]
    if len(entries) > ENTRIES:
        raise UnsafeArchive(f"the file has {len(entries)} parts; the limit is {ENTRIES}")
    if len(set(names)) != len(names):
        raise UnsafeArchive("two parts of the file have the same name")
    for entry in entries:
        bad = not _NAME.fullmatch(entry.filename) or ".." in entry.filename or entry.filename.startswith("/")
        if bad or stat.S_ISLNK(entry.external_attr >> 16):
            raise UnsafeArchive("a part of the file has an unsafe path")
        if entry.flag_bits & 0x1:
            raise UnsafeArchive("the file is encrypted")
        if entry.file_size > LARGEST or entry.file_size > RATIO * max(entry.compress_size, 1024):
            raise UnsafeArchive(f"{entry.filename} unpacks to {entry.file_size} bytes")
    if sum(entry.file_size for entry in entries) > TOTAL:
        raise UnsafeArchive(f"the file unpacks to more than {TOTAL} bytes")
