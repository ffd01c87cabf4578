"""BagIt 1.0 folders (RFC 8493): files with their SHA-256, which many programs can check without Tocsin.

A bag has its files in ``data`` and, beside it, ``bagit.txt``, ``bag-info.txt`` and two manifests. The digest of a bag
is that of its tag manifest, which binds everything else. A bag that is read is hostile until it is checked: nothing outside
its folder is opened, and no link is followed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

DATA = "data"
DECLARATION, INFO = "bagit.txt", "bag-info.txt"
MANIFEST, TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
DECLARED = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MAC = "tagmanifest-sha256.mac"
"""A code over the digest of the bag, beside the manifests: no manifest can list it."""
LONGEST_TAG_FILE = 64 * 1024 * 1024
"""Bytes of the largest manifest that is read."""
_LINE = re.compile(r"([0-9A-Fa-f]{64})[ \t]+\*?(\S.*)")
_VERSION = re.compile(r"BagIt-Version: (?:1\.0|0\.9[3-7])\r?\nTag-File-Character-Encoding: UTF-8\r?\n?")
_CHUNK = 1024 * 1024

FaultKind = Literal["declaration", "unreadable", "missing", "changed", "extra", "unsafe"]


class BagFault(msgspec.Struct, frozen=True):
    """One way in which a folder differs from the bag that was written."""

    kind: FaultKind
    path: str
    """Relative to the bag, with ``/``."""


Seen = Callable[[int], None]


def digest_of(path: Path, seen: Seen = lambda count: None) -> str:
    """Return the SHA-256 of a file, as 64 hexadecimal digits; ``seen`` receives the bytes read."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            seen(len(chunk))
    return found.hexdigest()


def write_bag(folder: Path, info: Sequence[tuple[str, str]]) -> tuple[str, int]:
    """Make a bag of a folder whose ``data`` is complete, durable on return; return its digest and the bytes in ``data``."""
    files = list(_inside(folder, folder / DATA))
    size = sum((folder / name).stat().st_size for name in files)
    manifest = {name: digest_of(folder / name) for name in files}
    _write(folder / DECLARATION, DECLARED)
    _write(folder / INFO, info_text(info, size, len(files)))
    _write(folder / MANIFEST, manifest_text(manifest))
    tags = {name: digest_of(folder / name) for name in (DECLARATION, INFO, MANIFEST)}
    _write(folder / TAG_MANIFEST, manifest_text(tags))
    for name in files:
        with (folder / name).open("rb+") as file:
            os.fsync(file.fileno())
    return digest_of(folder / TAG_MANIFEST), size


def bag_digest(folder: Path) -> str:
    """Return the digest that ``write_bag`` returned, from the files as they are now."""
    return digest_of(folder / TAG_MANIFEST)


def is_digest(found: str, given: str) -> bool:
    """Tell whether 32 digits or more of a digest were given, and they are right."""
    digits = given.removeprefix("sha256:")
    return len(digits) >= 32 and found.removeprefix("sha256:").startswith(digits)


def bag_info(folder: Path) -> dict[str, str]:
    """Return ``bag-info.txt``: label → value; of a repeated label the values, one a line."""
    found: dict[str, str] = {}
    for line in _text(folder / INFO).splitlines():
        label, colon, value = line.partition(":")
        if colon and not line[:1].isspace():
            name = label.strip()
            found[name] = f"{found[name]}\n{value.strip()}" if name in found else value.strip()
    return found


def check_bag(folder: Path, seen: Seen = lambda count: None) -> tuple[BagFault, ...]:
    """Return every difference between a folder and its manifests; none means complete and unchanged.

    ``seen`` receives the bytes read. Raises no error for a hostile folder.
    """
    try:
        if not _VERSION.fullmatch(_text(folder / DECLARATION)):
            return (BagFault("declaration", DECLARATION),)
    except (OSError, ValueError):
        return (BagFault("declaration", DECLARATION),)
    return tuple(_faults(folder, seen))


def _faults(folder: Path, seen: Seen) -> Iterator[BagFault]:
    listed: set[str] = set()
    for manifest, beside in ((TAG_MANIFEST, True), (MANIFEST, False)):
        try:
            lines = _text(folder / manifest).splitlines()
        except (OSError, ValueError):
            yield BagFault("unreadable", manifest)
            continue
        for line in filter(None, lines):
            match = _LINE.fullmatch(line)
            name = _decoded(match[2]) if match else line[:200]
            if match is None or not _is_safe(name, beside=beside) or name in listed:
                yield BagFault("unsafe", name)
                continue
            listed.add(name)
            yield from _compared(folder, name, match[1].lower(), seen)
    for name in (DECLARATION, INFO, MANIFEST):
        if name not in listed:
            yield BagFault("missing", name)
    for name in _inside(folder, folder):
        if name not in listed and name not in (TAG_MANIFEST, MAC):
            yield BagFault("extra", name)


def _compared(folder: Path, name: str, digest: str, seen: Seen) -> Iterator[BagFault]:
    path = folder / name
    steps = (path, *list(path.parents)[: len(PurePosixPath(name).parts) - 1])
    try:  # a name can be longer than the system allows
        if any(step.is_symlink() for step in steps):
            yield BagFault("unsafe", name)
        elif not path.is_file():
            yield BagFault("missing", name)
        elif digest_of(path, seen) != digest:
            yield BagFault("changed", name)
    except OSError:
        yield BagFault("unreadable", name)


def _is_safe(name: str, *, beside: bool) -> bool:
    """Whether a name in a manifest is inside the bag: of ``data``, or a file beside it."""
    path = PurePosixPath(name)
    inside = len(path.parts) > 1 and path.parts[0] == DATA
    plain = "\\" not in name and ":" not in name and str(path) == name and ".." not in path.parts
    return plain and not path.is_absolute() and (not inside if beside else inside)


def _inside(folder: Path, start: Path) -> Iterator[str]:
    """Yield everything below ``start`` that is not a folder, in a fixed order, relative to ``folder``."""
    for place, folders, files in os.walk(start):
        folders.sort()
        linked = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted((*files, *linked)):
            yield (Path(place) / name).relative_to(folder).as_posix()


def info_text(info: Sequence[tuple[str, str]], size: int, files: int) -> str:
    """Return ``bag-info.txt`` for a payload of ``size`` bytes in so many files."""
    lines = (*info, ("Payload-Oxum", f"{size}.{files}"))
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in lines)


def manifest_text(digests: Mapping[str, str]) -> str:
    """Return a manifest of files: name → digest."""
    return "".join(f"{digest}  {_encoded(name)}\n" for name, digest in digests.items())


def _encoded(name: str) -> str:
    """Return a name as RFC 8493, 2.1.3 wants it: line breaks and percent signs are encoded."""
    return name.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _decoded(name: str) -> str:
    return re.sub("%(0[AaDd]|25)", lambda found: chr(int(found[1], 16)), name)


def _text(path: Path) -> str:
    """Return a small file of text; raises OSError or ValueError for anything else."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LONGEST_TAG_FILE:
        raise ValueError(path.name)
    return path.read_bytes().decode("utf-8-sig", errors="surrogateescape")


def _write(path: Path, text: str) -> None:
    with path.open("wb") as file:
        file.write(text.encode(errors="surrogateescape"))
        file.flush()
        os.fsync(file.fileno())
