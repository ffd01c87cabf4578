"""Pin the law and the notice templates: one content-addressed blob for everything that is in force now.

Compiling the law takes longer than reading it, so the compiled form is kept in the home under the digest of the files
that it was made from; another file, another digest.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING

import msgspec

from runner import __version__
from runner.loading.catalog import Catalog
from runner.model.catalogue import Catalogue, PinnedNotice

if TYPE_CHECKING:
    from pathlib import Path

    from runner.service.desk import Desk


def read_catalogue(catalog: Catalog) -> Catalogue:
    """Return every regime and template, the home's own before the built-in ones."""
    notices = {
        name: PinnedNotice(notice=notice, body=body)
        for name, (notice, body) in sorted(catalog.notices().items())
    }
    return Catalogue(regimes=catalog.regimes(), notices=notices)


def pin_catalogue(desk: Desk, catalog: Catalog) -> str:
    """Keep the catalogue and return its SHA-256."""
    kept = desk.folder / "cache" / f"law-{__version__}-{law_digest(catalog)[:32]}.json"
    content = _kept(kept)
    if content is None:
        content = msgspec.json.encode(read_catalogue(catalog), order="sorted")
        _keep(kept, content)
    return desk.store.put_blob(None, content)


def law_digest(catalog: Catalog) -> str:
    """Return the SHA-256 over the bytes of all regimes and templates: compiled law is kept under it."""
    total = hashlib.sha256()
    for files in (catalog.regime_files, catalog.notice_files):
        for name, file in sorted(files.items()):
            content = file.read_bytes()
            total.update(f"{name} {len(content)}\n".encode())
            total.update(content)
    return total.hexdigest()


def _kept(path: Path) -> bytes | None:
    """Return what is kept, if it still is a catalogue."""
    try:
        content = path.read_bytes()
        msgspec.json.decode(content, type=Catalogue)
    except (OSError, msgspec.MsgspecError):
        return None
    return content


def _keep(path: Path, content: bytes) -> None:
    """Write beside and rename; a cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(path)
