"""The files of a bundle: a ZIP file that is byte for byte as Tocsin writes it, or an unpacked folder. For ``verify.py`` in each bundle:
it needs only Python 3.8 or newer.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import zlib
from typing import Iterator  # noqa: UP035  # Python 3.8

from runner.proof.formats import (
    central_directory,
    local_header,
)  # fmt: skip

MOST_FILES, LONGEST_NAME = 20000, 160
LARGEST, LARGEST_TEXT = (1 << 32) - 1, 1 << 28
"""Bytes of a bundle, and of one of its files that is read as text."""
CHUNK = 1 << 20
_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class Wrong(Exception):
    """A fault that leaves nothing to check in its layer."""


class Files:
    """The files of a bundle by name: places in one ZIP file, or paths of a folder."""

    def __init__(self, places: dict[str, tuple[str, int, int]], faults: list[str]) -> None:
        """Take from name to path, offset and size; ``faults`` are of the container."""
        self.places, self.faults = places, faults

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of one file."""
        path, offset, left = self.places[name]
        with open(path, "rb") as file:  # noqa: PTH123  # Python 3.8, and paths as they were given
            file.seek(offset)
            while left:
                found = file.read(min(CHUNK, left))
                if not found:
                    raise Wrong(f"{name} is shorter than it was")
                left -= len(found)
                yield found

    def read(self, name: str) -> bytes:
        """Return a file that is read as a whole."""
        if name not in self.places:
            raise Wrong(f"{name} is missing")
        if self.places[name][2] > LARGEST_TEXT:
            raise Wrong(f"{name} is too large")
        return b"".join(self.chunks(name))

    def text(self, name: str) -> str:
        """Return a file of UTF-8."""
        try:
            return self.read(name).decode()
        except UnicodeDecodeError:
            raise Wrong(f"{name} is not UTF-8") from None

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a file."""
        found = hashlib.sha256()
        for chunk in self.chunks(name):
            found.update(chunk)
        return found.hexdigest()


def check_name(name: str, seen: set[str]) -> None:
    """Raise Wrong for a name that could leave a folder, or that some system takes for another name."""
    parts = name.split("/")
    plain = all(_PART.fullmatch(part) and part[-1] != "." and not _DEVICE.fullmatch(part) for part in parts)
    if not plain or len(name) > LONGEST_NAME:
        raise Wrong(f"the name {name[:200]!r} is not safe")
    if name.lower() in seen:
        raise Wrong(f"the name {name} is there twice")
    seen.add(name.lower())
    if len(seen) > MOST_FILES:
        raise Wrong(f"more than {MOST_FILES} files")


def open_zip(path: str) -> Files:
    """Read a ZIP file that is byte for byte as Tocsin writes it; raises Wrong for any other."""
    about = os.stat(path)  # noqa: PTH116
    if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
        raise Wrong("not a file, or too large")
    found = Files({}, [])
    entries: list[tuple[bytes, int, int, int]] = []
    seen: set[str] = set()
    with open(path, "rb") as file:  # noqa: PTH123
        header = file.read(30)
        while header[:4] == b"PK\3\4" and len(header) == 30:
            offset = file.tell() - 30
            crc, size, length = struct.unpack("<14xI4xIH2x", header)
            name = file.read(min(length, LONGEST_NAME * 2))
            if header + name != local_header(name, crc, size) or file.tell() + size > about.st_size:
                raise Wrong(f"the entry at byte {offset} is not as Tocsin writes it")
            text = name.decode("ascii", "backslashreplace")
            check_name(text, seen)
            if entries and name <= entries[-1][0]:
                raise Wrong("the names are not in order")
            entries.append((name, crc, size, offset))
            inside = text.partition("/")[2]
            found.places[inside] = (path, file.tell(), size)
            sum_ = 0
            for chunk in found.chunks(inside):
                sum_ = zlib.crc32(chunk, sum_)
            if sum_ != crc:
                found.faults.append(f"{text} differs from its checksum")
            file.seek(size, os.SEEK_CUR)
            header = file.read(30)
        start = file.tell() - len(header)
        rest = header + file.read((LONGEST_NAME + 46) * len(entries))
    if rest != central_directory(entries, start):
        raise Wrong("the directory at its end is not as Tocsin writes it")
    if len({name.partition(b"/")[0] for name, _, _, _ in entries}) != 1 or "" in found.places:
        raise Wrong("it does not have one folder at its top")
    return found


def open_folder(path: str) -> Files:
    """List an unpacked bundle; no link is followed."""
    places: dict[str, tuple[str, int, int]] = {}
    seen: set[str] = set()
    seen_folders: set[str] = set()
    total = 0
    for where, folders, files in os.walk(path):
        for name in (*folders, *files):
            whole = os.path.join(where, name)  # noqa: PTH118
            mode = os.lstat(whole)
            inside = os.path.relpath(whole, path).replace(os.sep, "/")
            if stat.S_ISDIR(mode.st_mode):
                check_name(inside, seen_folders)
                continue
            check_name(inside, seen)
            total += mode.st_size
            if total > LARGEST:
                raise Wrong("too large")
            if not stat.S_ISREG(mode.st_mode):
                raise Wrong(f"{inside} is not a file")
            places[inside] = (whole, 0, mode.st_size)
    return Files(places, [])
