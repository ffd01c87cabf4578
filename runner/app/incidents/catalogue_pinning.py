"""Pin the law and the notice templates that are in force now, by content.

An incident names the digests of its contents: the outline of the law, which decides most questions, the laws, and the
notices, which few commands need. So all pinned content can be checked from the one digest in its journal.

Compiling the law takes longer than reading it. The law that ships with the program is compiled when the program is built, and
trusted as the code beside it is. A home's changes are compiled once and cached in the home, which is trusted as its key
and its store are. A cache anywhere else is never pinned.
"""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.playbook.catalogue import Catalog
from runner.playbook.law_pack import about
from runner.playbook.pinned import Catalogue, CatalogueText, Contents, PinnedNotice
from runner.yamlfile.compile_cache import compiled, kept_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from runner.app.core.incident_service import IncidentService


def read_catalogue(catalog: Catalog) -> Catalogue:
    """Return every regime and template, the home's own before the built-in ones."""
    from runner.law.screening_index import outline

    notices = {
        name: PinnedNotice(notice=notice, body=body)
        for name, (notice, body) in sorted(catalog.notices().items())
    }
    regimes = catalog.regimes()
    return Catalogue(regimes=regimes, notices=notices, outline=outline(regimes), pack=about(catalog.law))


def kept_catalogue(cache: Path, catalog: Catalog) -> tuple[CatalogueText, bytes]:
    """Return the catalogue and its bytes, from a folder that knows all their source files, or compiled and stored in a cache."""
    return compiled(
        cache,
        "law",
        _files(catalog),
        CatalogueText,
        lambda: from_json(
            msgspec.json.encode(read_catalogue(catalog.kept_in(cache)), order="sorted"), CatalogueText
        ),
        shipped=catalog.compiled_folder,
    )


def _files(catalog: Catalog) -> dict[str, Path | Traversable]:
    files = dict(catalog.law_files)
    files |= {f"notice {name}": file for name, file in catalog.notice_files.items()}
    files |= {f"part {name}": file for name, file in catalog.part_files.items()}
    files |= {f"form {name}": file for name, file in catalog.form_files.items()}
    return files


def pin_catalogue(service: IncidentService, catalog: Catalog) -> str:
    """Store the catalogue and return its SHA-256; if it is stored already, only its name is looked up."""
    cache, files = service.folder / "cache", _files(catalog)
    known = kept_digest(cache, "pin", files, shipped=catalog.compiled_folder)
    if known and service.store.has_blob(known):
        return known

    def keep(body: bytes) -> str:
        return service.keep_document(service.principal, None, body)

    return keep(_contents(cache, catalog, keep))


def _contents(cache: Path, catalog: Catalog, put: Callable[[bytes], str]) -> bytes:
    """Return the contents of a catalogue, with its laws and its notices stored under their SHA-256."""
    found, _ = kept_catalogue(cache, catalog)
    laws_at = put(msgspec.json.encode(found.regimes))
    notices_at = put(bytes(found.notices))
    contents = Contents(outline=found.outline, pack=found.pack, laws_at=laws_at, notices_at=notices_at)
    shipped = catalog.compiled_folder
    return compiled(cache, "pin", _files(catalog), Contents, lambda: contents, shipped=shipped)[1]


def compile_shipped(folder: Path, built_in: Path | None = None) -> None:
    """Compile the law that ships with the program into a separate folder; a folder that is up to date does not change.

    The build does this for the wheel and for a checkout. ``Catalog`` reads the folder before it compiles.
    """
    catalog = Catalog(built_in=built_in, anew=True)
    kept = (
        ("shipped-playbooks", catalog.playbook_files),
        ("pin", _files(catalog)),
    )  # the pin is written last
    if not all(kept_digest(folder, kind, files) for kind, files in kept):
        shutil.rmtree(folder, ignore_errors=True)
    catalog.kept_in(folder).playbooks()
    _contents(folder, catalog, lambda body: hashlib.sha256(body).hexdigest())
    for state in folder.glob("*.state"):  # of files on this machine
        state.unlink()
