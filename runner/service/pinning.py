"""Pin the law and the notice templates: one content-addressed blob for everything that is in force now.

Compiling the law takes longer than reading it, so the compiled form is kept in the home, which is trusted as its key
and its store are; a cache outside of the home is never pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.loading.catalog import Catalog
from runner.loading.compiled import compiled
from runner.model.catalogue import Catalogue, CatalogueText, PinnedNotice

if TYPE_CHECKING:
    from pathlib import Path

    from runner.model.outline import Outline
    from runner.model.regime import Regime
    from runner.service.desk import Desk


def read_catalogue(catalog: Catalog) -> Catalogue:
    """Return every regime and template, the home's own before the built-in ones."""
    notices = {
        name: PinnedNotice(notice=notice, body=body)
        for name, (notice, body) in sorted(catalog.notices().items())
    }
    regimes = catalog.regimes()
    return Catalogue(regimes=regimes, notices=notices, outline=_outline(regimes))


def _outline(regimes: tuple[Regime, ...]) -> Outline:
    from runner.engine.outlining import outline

    return outline(regimes)


def kept_catalogue(cache: Path, catalog: Catalog) -> tuple[CatalogueText, bytes]:
    """Return the catalogue and its bytes, from a cache that knows every file they come from, or made and kept there."""
    files = {f"regime {name}": file for name, file in catalog.regime_files.items()}
    files |= {f"notice {name}": file for name, file in catalog.notice_files.items()}
    files |= {f"part {name}": file for name, file in catalog.part_files.items()}
    files |= {f"form {name}": file for name, file in catalog.form_files.items()}
    return compiled(cache, "law", files, CatalogueText, lambda: _text(read_catalogue(catalog)))


def _text(made: Catalogue) -> CatalogueText:
    """Return a catalogue as it is read again from what is kept."""
    return msgspec.json.decode(msgspec.json.encode(made, order="sorted"), type=CatalogueText)


def pin_catalogue(desk: Desk, catalog: Catalog) -> str:
    """Keep the catalogue and return its SHA-256."""
    found, content = kept_catalogue(desk.folder / "cache", catalog)
    digest = desk.store.put_blob(None, content)
    desk.remember_catalogue(digest, found)
    return digest
