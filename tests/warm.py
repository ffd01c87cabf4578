"""All law, compiled once for a run of the tests: each home of a test begins with it in its cache, as a used home does."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

from runner.app.incidents.catalogue_pinning import kept_catalogue
from runner.playbook.catalogue import Catalog


@functools.cache
def cache() -> Path:
    """Return a cache folder that holds the built-in law, both alone and with the notices that are pinned with it."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-law-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    catalog = Catalog(cache=folder)
    catalog.regimes()
    catalog.playbooks()
    kept_catalogue(folder, catalog)
    return folder


def warm(home: Path) -> None:
    """Put the compiled law into a home's cache."""
    (home / "cache").mkdir(exist_ok=True)
    for kept in cache().iterdir():
        os.link(kept, home / "cache" / kept.name)
