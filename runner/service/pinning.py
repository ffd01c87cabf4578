"""Pin the law and the notice templates: one content-addressed blob for everything that is in force now.

Compiling the law takes longer than reading it, so the compiled form is kept in the home, which is trusted as its key
and its store are; a cache outside of the home is never pinned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.loading.catalog import Catalog
from runner.loading.compiled import compiled
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


def kept_catalogue(cache: Path, catalog: Catalog) -> tuple[Catalogue, bytes]:
    """Return the catalogue and its bytes, from a cache that knows every file they come from, or made and kept there."""
    files = {f"regime {name}": file for name, file in catalog.regime_files.items()}
    files |= {f"notice {name}": file for name, file in catalog.notice_files.items()}
    files |= {f"part {name}": file for name, file in catalog.part_files.items()}
    files |= {f"form {name}": file for name, file in catalog.form_files.items()}
    return compiled(cache, "law", files, Catalogue, lambda: read_catalogue(catalog))


def pin_catalogue(desk: Desk, catalog: Catalog) -> str:
    """Keep the catalogue and return its SHA-256."""
    found, content = kept_catalogue(desk.folder / "cache", catalog)
    digest = desk.store.put_blob(None, content)
    desk.remember_catalogue(digest, found)
    return digest
