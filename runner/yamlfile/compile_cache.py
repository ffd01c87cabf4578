"""Cache of compiled files, named by the digest of their sources.

The name of a kept file is a digest of the texts, of the program's version and of its code. Other contents give another
name, so a kept file is never updated. It begins with the SHA-256 of the rest and is decoded into the wanted type: a
file that was cut short, edited or written by another program is compiled again. There are two such folders: the one
that ships with the program is only read, the cache of a home is written as well. A folder that cannot be read or
written is not an error. The kept files save time and prove nothing: the law of an incident is read from the store of
the incident, by the digest of its bytes.
"""

from __future__ import annotations

import contextlib
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
"""Nanoseconds within which a file may change twice under one time, on the coarsest file systems."""


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
    """Return the fingerprint of files: the kept one, or what ``read`` makes of their contents, which is then kept.

    ``code`` is the other input it depends on. A folder that cannot be read or written is no error.
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


T = TypeVar("T")
NEWEST = 4
"""How many of a kind are left in the folder: different homes may have law of their own."""
CODE = ("base", "yamlfile", "facts", "law", "routing", "documents", "playbook", "files", "incident")
"""The folders whose code decides what law and notices are compiled to."""


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
    """Return what ``files`` compile to, and its JSON: from a folder, or by ``make``, which may raise.

    ``kind`` begins the name of the kept file. ``shipped`` is a folder that is only read, and read first. What is made is
    kept in ``cache`` if its JSON says the same, with the ``newest`` of its kind; None for the cache keeps nothing.
    ``code`` names the folders that decide what is made. A ``few`` small files are read each time, and their states are not kept.
    """
    folders = [folder for folder in (shipped, cache) if folder is not None]
    name = _name(None if few else cache, kind, files, code) if folders else ""
    for folder in folders:
        with contextlib.suppress(OSError, msgspec.MsgspecError, _Damaged):
            body = _body((folder / name).read_bytes())
            return from_json(body, wanted), body
    value = make()
    # The order of entries in the settings has a meaning: of war rooms the first usable one is chosen.
    body = msgspec.json.encode(value, order=None if few else "sorted")
    if cache is not None:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            unchanged = _name(None, kind, files, code) == name  # since before they were read
            if unchanged and from_json(body, wanted) == value:
                _write(cache / name, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                kept = sorted(cache.glob(f"{kind}-*.json"), key=lambda file: -file.stat().st_mtime_ns)
                for old in kept[newest:]:
                    old.unlink(missing_ok=True)
    return value, body


def kept_digest(
    cache: Path, kind: str, files: Mapping[str, Path | Traversable], *, shipped: Path | None = None
) -> str:
    """Return the SHA-256 of the JSON that is kept for ``files``, as its file says; the empty string without one."""
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
    """Return what tells these texts, compiled by this code, from any others: on every machine the same."""
    total = hashlib.sha256(f"{__version__}\n".encode())
    for entry in sources(code):
        _add(total, entry.name, Path(entry.path).read_bytes())
    for name, file in sorted(files.items()):
        _add(total, name, file.read_bytes())
    return total.hexdigest()[:40]


def _add(total: hashlib._Hash, name: str, content: bytes) -> None:
    total.update(f"{name} {len(content)}\n".encode())
    total.update(content)


class _Damaged(Exception):
    """The cache file is damaged."""


def _body(content: bytes) -> bytes:
    digest, _, body = content.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise _Damaged
    return body


def _code_state(code: Sequence[str]) -> Iterator[bytes]:
    """Yield the version of the program and the state of its code, which changes while its version does not."""
    yield f"{__version__}\n".encode()
    for entry in sources(code):
        state = entry.stat()
        yield f"{entry.name} {state.st_mtime_ns} {state.st_size}\n".encode()


def sources(code: Sequence[str] = CODE) -> Iterator[os.DirEntry[str]]:
    """Yield the files of all code that decides what a file is compiled to, in order."""
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
    """Write to a temporary file and rename, so that no reader sees half of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(f".{os.getpid()}")
    part.write_bytes(content)
    part.replace(place)
