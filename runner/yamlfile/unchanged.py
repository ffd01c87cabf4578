"""The fingerprint of files that did not change since they were last read, without reading them again.

As git's index does: beside the fingerprint stands the state of every file (place, size, times, inode), and while each is
as it was, so is the fingerprint. Times can be coarse, so a file that changed when the state was written, or hardly
before, is not trusted and read again. A file whose state differs is read: dates never say that a law has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

COARSE = 2_000_000_000
"""Nanoseconds within which a file may change twice under one time, on the coarsest file systems."""


class _Seen(msgspec.Struct, frozen=True):
    """What stands in the kept file."""

    state: str
    fingerprint: str


def fingerprint_of(
    cache: Path,
    kind: str,
    files: Mapping[str, Path | Traversable],
    code: bytes,
    read: Callable[[], str],
) -> str:
    """Return the fingerprint of files: the kept one, or what ``read`` makes of their contents, which is then kept.

    ``code`` is what else it hangs on. A folder that cannot be read or written is no error.
    """
    found = _state(files, code)
    if found is None:
        return read()
    state, newest = found
    place = cache / f"{kind}.state"
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        seen = from_json(place.read_bytes(), _Seen)
        if seen.state == state and newest + COARSE < place.stat().st_mtime_ns:
            return seen.fingerprint
    fingerprint = read()
    if _state(files, code) == found:
        with contextlib.suppress(OSError):
            _keep(place, msgspec.json.encode(_Seen(state, fingerprint)))
    return fingerprint


def _state(files: Mapping[str, Path | Traversable], code: bytes) -> tuple[str, int] | None:
    """Return the state of all files, and when the newest of them changed; None where they have none, as in an archive."""
    total, newest = hashlib.sha256(code), 0
    for name, file in sorted(files.items()):
        if not isinstance(file, Path):
            return None
        try:
            one = os.stat(file)  # noqa: PTH116 - it takes half as long as the method
        except OSError:
            return None
        newest = max(newest, one.st_mtime_ns, one.st_ctime_ns)
        times = f"{one.st_size} {one.st_mtime_ns} {one.st_ctime_ns}"
        total.update(f"{name}\n{file}\n{one.st_dev} {one.st_ino} {times}\n".encode())
    return total.hexdigest(), newest


def _keep(place: Path, body: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".{os.getpid()}")
    part.write_bytes(body)
    part.replace(place)
