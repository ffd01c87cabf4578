"""Findings of ``doctor`` about files: permissions, and the laws of the home folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.app.home.doctor_reachability import Finding
from runner.app.law.regimes import without_key
from runner.playbook.catalogue import Catalog
from runner.routing.organisation import Home
from runner.settings import CONFIG, open_to_others


def exposed_files(folder: Path, home: Home, *, repair: bool) -> Iterator[Finding]:
    """Yield the home, its settings, its database and each file of a secret that group or others can read or write.

    Repair closes files. A folder may hold what others need, so that is left to a person.
    """
    for path in dict.fromkeys(_files(folder, home)):
        if not open_to_others(path):
            continue
        closed = repair and path.is_file() and _close(path)
        kind = "folder" if path.is_dir() else "file"
        yield Finding(
            area="files",
            code=f"{kind}_open",
            severity="mended" if closed else "error",
            what=f"Other users can read or write the {kind} {path}",
            hint="" if closed else f"chmod go= '{path}'",
        )


def _files(folder: Path, home: Home) -> Iterator[Path]:
    yield folder
    yield folder / CONFIG
    for reference in (*home.private_references, *home.act.secrets.values()):
        if reference.startswith("file:"):
            yield folder / Path(reference.removeprefix("file:")).expanduser()
    if home.store.startswith("sqlite:"):
        database = folder / Path(home.store.removeprefix("sqlite:").removeprefix("//")).expanduser()
        yield from (database.with_name(database.name + ending) for ending in ("", "-wal", "-shm"))


def _close(path: Path) -> bool:
    try:
        path.chmod(path.stat().st_mode & 0o700)
    except OSError:  # somebody else's
        return False
    return True


def own_laws(folder: Path) -> Iterator[Finding]:
    """Name the home's own laws by which encryption would help whatever became of the key."""
    catalog = Catalog(folder)
    for name in (file for file in catalog.regime_files if catalog.is_own("regimes", file)):
        if codes := without_key(catalog.regime(name)):
            what = f"{name}: the exemption {', '.join(codes)} does not name the key, so it never applies"
            hint = f"when: data.encrypted and not data.key_compromised; then: tocsin regime check {name}"
            yield Finding(
                area="laws", code="encryption_without_key", severity="warning", what=what, hint=hint
            )
