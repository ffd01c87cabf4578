"""Worker lock of the operating system: the worker is alive while the lock is held.

The lock ends with the process, in any case (a kill, a crash, a power cut). Each worker has a file of its
own and an id that is never used again. The file has the worker's current work: it survives the
process, and a turn begins and ends without a commit. The file of a killed worker is removed when the next
worker registers, or, if it has work, once that work is counted.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from runner.errors import StoreError, StoreLocked

_ATTEMPTS = 8
_LOOK = 0.25
"""Seconds between two comparisons of the file with its name; in between only the name is looked up."""


class FileLock:
    """The held lock of one worker."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Acquire the lock; raises StoreLocked if a worker of this id is alive."""
        self.path = _path(folder, worker)
        self._name = os.fspath(self.path)
        self._size, self._looked = 0, -_LOOK
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            self._descriptor: int | None = _take(self.path)
        except OSError as error:
            raise StoreError(
                f'The lock file "{self.path}" of the worker cannot be created: {error.strerror}.',
                hint="Check that the folder can be written.",
                code="worker_lock",
            ) from error
        if self._descriptor is None:
            raise StoreLocked(
                f'Worker "{worker}" runs already.', hint="Stop that worker first.", code="worker_runs"
            )

    def held(self) -> bool:
        """Whether this worker still has the lock: not after its release, nor without its file, because others find a lock by its file."""
        if self._descriptor is None:
            return False
        # a stat of a file makes Linux stamp its next write exactly: a change of metadata for which each commit would wait
        if (now := time.monotonic()) - self._looked < _LOOK and os.access(self._name, os.F_OK):
            return True
        try:
            held = _bears_name(self.path, self._descriptor)
            self._looked = now if held else -_LOOK
            return held
        except OSError:
            return False

    def hold(self, body: bytes) -> None:
        """See WorkerHandle.hold. Blanks overwrite the rest of a longer text: the file changes by one write."""
        if self._descriptor is not None:
            self._size = max(self._size, len(body))
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            if os.write(self._descriptor, body.ljust(self._size)) < self._size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # a text cut short names no work

    def renew(self) -> None:
        """See WorkerHandle.renew."""
        if not self.held():
            self.release()
            self.__init__(self.path.parent, self.path.stem)  # type: ignore[misc]  # a new file of the same name

    def release(self) -> None:
        """Release the lock and remove the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _drop(self.path, descriptor)


class Left:
    """The work of a dead worker; its file is locked against other processes meanwhile."""

    def __init__(self, folder: Path, worker: str) -> None:
        """Lock the file; ``body`` is empty if the worker is alive, another process has the file, or there was no work."""
        self._path = _path(folder, worker)
        self._descriptor = _take_dead(self._path)
        self.body = _body(self._descriptor) if self._descriptor is not None else b""

    def close(self, *, drop: bool) -> None:
        """Release the file, and remove it on request."""
        if self._descriptor is not None:
            _drop(self._path, self._descriptor) if drop else os.close(self._descriptor)


def in_hand(folder: Path) -> dict[str, bytes]:
    """Return the current work of workers, alive or dead."""
    found: dict[str, bytes] = {}
    for name in os.listdir(folder) if folder.is_dir() else ():  # noqa: PTH208  # asked whenever marks are read
        if name.endswith(".lock"):
            with suppress(OSError):
                found[name.removesuffix(".lock")] = (folder / name).read_bytes().strip()
    return {worker: body for worker, body in found.items() if body}


def worker_lock_held(folder: Path, worker: str) -> bool:
    """Whether a process has the lock of ``worker``. False without such a file."""
    path = _path(folder, worker)
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError as error:
        # On a read-only medium no worker can run, so an old file there shows nothing.
        return error.errno != errno.EROFS  # else another user's worker: perhaps alive, so it counts as alive
    try:
        return not _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def _path(folder: Path, worker: str) -> Path:
    return folder / f"{worker}.lock"


def _take(path: Path) -> int | None:
    """Return the descriptor of a locked file that still has its name, or None if another process has the lock."""
    for _ in range(_ATTEMPTS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(descriptor, shared=False):
            os.close(descriptor)
            return None
        if _bears_name(path, descriptor):
            return descriptor
        os.close(descriptor)  # a sweep removed the file between opening and locking
    return None


def _bears_name(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116  # asked before each commit
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    """Remove the files of dead workers. The lock during the removal protects the file of a new worker."""
    for path in folder.glob("*.lock"):
        descriptor = _take_dead(path)
        if descriptor is None:
            continue
        if _body(descriptor):
            os.close(descriptor)
        else:
            _drop(path, descriptor)


def _take_dead(path: Path) -> int | None:
    """Return the descriptor of a file, locked now, whose worker is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    # Another process may have counted and removed the file between opening and locking: its work must not count twice.
    if _lock(descriptor, shared=False) and _bears_name(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _body(descriptor: int) -> bytes:
    return os.read(descriptor, os.fstat(descriptor).st_size).strip()


def _drop(path: Path, descriptor: int) -> None:
    if sys.platform == "win32":
        # Windows cannot remove an open file: if the name is in use again before the removal, the removal fails.
        os.close(descriptor)
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return
    else:
        if _bears_name(path, descriptor):
            path.unlink(missing_ok=True)
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool) -> bool:
        """Lock the first byte without waiting; Windows has no shared lock here, so in doubt a worker counts as alive."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool) -> bool:
        """Lock the open file without waiting; probes use a shared lock, so that a probe does not look like a worker."""
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
