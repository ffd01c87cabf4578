"""Pin the law and the notice templates: one content-addressed blob for everything that is in force now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.loading.catalog import Catalog
from runner.model.catalogue import Catalogue, PinnedNotice

if TYPE_CHECKING:
    from runner.service.desk import Desk


def read_catalogue(catalog: Catalog) -> Catalogue:
    """Return every regime and template, the home's own before the built-in ones."""
    notices = {
        name: PinnedNotice(notice=notice, body=body)
        for name, (notice, body) in sorted(catalog.notices().items())
    }
    return Catalogue(regimes=tuple(catalog.regimes()), notices=notices)


def pin_catalogue(desk: Desk, catalog: Catalog) -> str:
    """Keep the catalogue and return its SHA-256."""
    return desk.store.put_blob(None, msgspec.json.encode(read_catalogue(catalog)))
