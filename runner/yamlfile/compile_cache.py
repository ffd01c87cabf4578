"""Cache of compiled files, named by the digest of their sources.

The name of a cached file is a digest of the texts, of the program's version and of its code. Other contents give another
name, so a cached file is never updated. It begins with the SHA-256 of the rest and is decoded into the wanted type: a
file that was cut short, edited or written by another program is compiled again. There are two such folders: the one
that ships with the program is only read; the cache of a home is also written. A folder that cannot be read or
written is not an error. The cached files only save time: the law of an incident is read from the store of
the incident, by the digest of its bytes.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from runner import __version__
from runner.decoding import from_json

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

COARSE = 2_000_000_000
"""Resolution of modification times on the coarsest file systems, in nanoseconds."""


class _Seen(msgspec.Struct, frozen=True):
    """Contents of the cache file."""

    state: str
    fingerprint: str


def fingerprint_of(
    cache: Path,
    kind: str,
    files: Mapping[str, Path | Traversable],
    code: bytes,
    read: Callable[[], str],
) -> str:
    """Return the fingerprint of files from the cache, or compute it from their contents with ``read`` and cache it.

    ``code`` is the other input. A folder that cannot be read or written is not an error.
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
            _write(place, msgspec.json.encode(_Seen(state, fingerprint)))
    return fingerprint


def _state(files: Mapping[str, Path | Traversable], code: bytes) -> tuple[str, int] | None:
    """Return the state of all files and the newest modification time; None without file times, as in an archive."""
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


T = TypeVar("T")
NEWEST = 4
"""Number of files of a kind that are kept in the folder: each home can have its own law."""
CODE = ("base", "yamlfile", "facts", "law", "routing", "documents", "playbook", "files", "incident")
"""The folders whose code determines the compiled law and notices."""


def compiled(
    cache: Path | None,
    kind: str,
    files: Mapping[str, Path | Traversable],
    wanted: type[T],
    make: Callable[[], T],
    *,
    shipped: Path | None = None,
    code: Sequence[str] = CODE,
    newest: int = NEWEST,
    few: bool = False,
) -> tuple[T, bytes]:
    """Return the compiled value of ``files`` and its JSON: from a folder, or by ``make``, which may raise.

    ``kind`` begins the name of the cached file. ``shipped`` is a folder that is only read, and read first. A new value is
    written to ``cache`` if its JSON decodes to the same value; only the ``newest`` of its kind remain. None disables the cache.
    ``code`` names the folders that determine the value. With ``few``, the small files are read each time, without cached states.
    """
    folders = [folder for folder in (shipped, cache) if folder is not None]
    name = _name(None if few else cache, kind, files, code) if folders else ""
    for folder in folders:
        with contextlib.suppress(OSError, msgspec.MsgspecError, _Damaged):
            body = _body((folder / name).read_bytes())
            return _decoded(body, wanted), body  # type: ignore[arg-type]  # a type can be hashed
    value = make()
    # The order of entries in the settings has a meaning: the first usable war room is chosen.
    body = msgspec.json.encode(value, order=None if few else "sorted")
    if cache is not None:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            unchanged = _name(None, kind, files, code) == name  # unchanged since before the read
            if unchanged and from_json(body, wanted) == value:
                _write(cache / name, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                kept = sorted(cache.glob(f"{kind}-*.json"), key=lambda file: -file.stat().st_mtime_ns)
                for old in kept[newest:]:
                    old.unlink(missing_ok=True)
    return value, body


def kept_digest(
    cache: Path, kind: str, files: Mapping[str, Path | Traversable], *, shipped: Path | None = None
) -> str:
    """Return the SHA-256 of the cached JSON of ``files``, from the file's header; the empty string without a cached file."""
    name = _name(cache, kind, files)
    for folder in filter(None, (shipped, cache)):
        with contextlib.suppress(OSError), (folder / name).open("rb") as file:
            return file.readline(65).decode("ascii", "replace").rstrip("\n")
    return ""


def _name(
    cache: Path | None, kind: str, files: Mapping[str, Path | Traversable], code: Sequence[str] = CODE
) -> str:
    if cache is None:
        return f"{kind}-{fingerprint(files, code)}.json"
    found = fingerprint_of(cache, kind, files, b"".join(_code_state(code)), lambda: fingerprint(files, code))
    return f"{kind}-{found}.json"


def fingerprint(files: Mapping[str, Path | Traversable], code: Sequence[str] = CODE) -> str:
    """Return the cache key of these texts and this code: the same on every machine."""
    total = _code_digest(tuple(code)).copy()
    for name, file in sorted(files.items()):
        _add(total, name, file.read_bytes())
    return total.hexdigest()[:40]


@functools.cache
def _code_digest(code: tuple[str, ...]) -> hashlib._Hash:
    """Return the digest of the version and the source files; those of a running process do not change."""
    total = hashlib.sha256(f"{__version__}\n".encode())
    for entry in sources(code):
        _add(total, entry.name, Path(entry.path).read_bytes())
    return total


def _add(total: hashlib._Hash, name: str, content: bytes) -> None:
    total.update(f"{name} {len(content)}\n".encode())
    total.update(content)


@functools.lru_cache(maxsize=8)
def _decoded(body: bytes, wanted: type[T]) -> T:
    """Return the value of a cached file. A server reads the same law for each person; nothing changes what is compiled."""
    return from_json(body, wanted)


class _Damaged(Exception):
    """The cache file is damaged."""


def _body(content: bytes) -> bytes:
    digest, _, body = content.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise _Damaged
    return body


def _code_state(code: Sequence[str]) -> Iterator[bytes]:
    """Yield the version of the program and the state of its code, which can change within a version."""
    yield f"{__version__}\n".encode()
    for entry in sources(code):
        state = entry.stat()
        yield f"{entry.name} {state.st_mtime_ns} {state.st_size}\n".encode()


def sources(code: Sequence[str] = CODE) -> Iterator[os.DirEntry[str]]:
    """Yield the source files that determine the compiled value, in order."""
    here = Path(__file__).parent.parent
    for folder in code:
        yield from _modules(here / folder)


def _modules(folder: Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as there:
        for entry in sorted(there, key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _modules(Path(entry.path))
            elif entry.name.endswith(".py"):
                yield entry


def _write(place: Path, content: bytes) -> None:
    """Write to a temporary file and rename it, so that no reader sees an incomplete file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".{os.getpid()}")
    part.write_bytes(content)
    part.replace(place)
