"""Pin the law and the notice templates that are in force now, by content.

An incident names its contents: the outline of the law, by which most is decided, and the digests of the laws and of the
notices, which few commands need. What is pinned can so be checked from the one digest that stands in its journal.

Compiling the law takes longer than reading it, so the compiled form is kept in the home, which is trusted as its key
and its store are; a cache outside of the home is never pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.playbook.catalogue import Catalog
from runner.playbook.pinned import Catalogue, CatalogueText, Contents, PinnedNotice
from runner.yamlfile.compile_cache import compiled, kept_digest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from runner.app.core.incident_service import IncidentService
    from runner.law.regime import Regime
    from runner.law.screening_index import Outline


def read_catalogue(catalog: Catalog) -> Catalogue:
    """Return every regime and template, the home's own before the built-in ones."""
    notices = {
        name: PinnedNotice(notice=notice, body=body)
        for name, (notice, body) in sorted(catalog.notices().items())
    }
    regimes = catalog.regimes()
    return Catalogue(regimes=regimes, notices=notices, outline=_outline(regimes))


def _outline(regimes: tuple[Regime, ...]) -> Outline:
    from runner.law.screening_index import outline

    return outline(regimes)


def kept_catalogue(cache: Path, catalog: Catalog) -> tuple[CatalogueText, bytes]:
    """Return the catalogue and its bytes, from a cache that knows every file they come from, or made and kept there."""
    return compiled(
        cache, "law", _files(catalog), CatalogueText, lambda: _text(read_catalogue(catalog.kept_in(cache)))
    )


def _files(catalog: Catalog) -> dict[str, Path | Traversable]:
    files = {f"regime {name}": file for name, file in catalog.regime_files.items()}
    files |= {f"notice {name}": file for name, file in catalog.notice_files.items()}
    files |= {f"part {name}": file for name, file in catalog.part_files.items()}
    files |= {f"form {name}": file for name, file in catalog.form_files.items()}
    return files


def _text(made: Catalogue) -> CatalogueText:
    """Return a catalogue as it is read again from what is kept."""
    return from_json(msgspec.json.encode(made, order="sorted"), CatalogueText)


def pin_catalogue(service: IncidentService, catalog: Catalog) -> str:
    """Keep the catalogue in the store and return its SHA-256; where it is there already, only its name is looked up."""
    cache, files = service.folder / "cache", _files(catalog)
    known = kept_digest(cache, "pin", files)
    if known and service.store.has_blob(known):
        return known
    found, _ = kept_catalogue(cache, catalog)
    contents = Contents(
        outline=found.outline,
        laws_at=service.keep_document(service.principal, None, msgspec.json.encode(found.regimes)),
        notices_at=service.keep_document(service.principal, None, bytes(found.notices)),
    )
    _, body = compiled(cache, "pin", files, Contents, lambda: contents)
    return service.keep_document(service.principal, None, body)
