"""Where playbooks, regimes and notices come from: the home's own folder first, then those built in.

A home may hold ``playbooks/*.yaml``, ``regimes/*.yaml`` and ``notices/*.md``. A file there stands in for the built-in one
of the same name, so that counsel can correct a law without touching the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import NotFound, Refused
from runner.model.vocabulary import nearest

if TYPE_CHECKING:
    from runner.model.notice import Notice
    from runner.model.regime import Regime

_FOLDERS = {"playbooks": (".", ".yaml"), "regimes": ("regimes", ".yaml"), "notices": ("notices", ".md")}
"""Kind → the folder among the built-in data, and the files' ending."""


class File:
    """One file of the catalogue: its name without ending, how messages call it, and its bytes when asked for."""

    __slots__ = ("content", "name", "shown")

    def __init__(self, name: str, shown: str, content: bytes) -> None:
        """Keep all three."""
        self.name = name
        self.shown = shown
        self.content = content


class Catalog:
    """The files of a home over the built-in ones. Reading is lazy and happens once for each kind."""

    def __init__(self, folder: Path | None = None) -> None:
        """Look into ``folder`` (a home) first; None means the built-in files alone."""
        self._folder = folder

    @cached_property
    def playbook_files(self) -> Mapping[str, File]:
        """Return the playbooks' files by name."""
        return self._files("playbooks")

    @cached_property
    def regime_files(self) -> Mapping[str, File]:
        """Return the regimes' files by name."""
        return self._files("regimes")

    @cached_property
    def notice_files(self) -> Mapping[str, File]:
        """Return the notice templates' files by name."""
        return self._files("notices")

    def playbook_file(self, reference: str) -> File:
        """Return the file behind a path, a name, or ``name@version``; raises NotFound with the nearest name."""
        path = Path(reference)
        if path.suffix in (".yaml", ".yml"):
            if path.is_file():
                return File(path.stem, reference, path.read_bytes())
            raise NotFound(
                f"there is no file {reference}", hint="check the path, or see: tocsin playbook list"
            )
        name = reference.partition("@")[0]
        found = self.playbook_files.get(name)
        if found is None:
            near = nearest(name, self.playbook_files)
            hint = f"did you mean {near}?" if near else "see: tocsin playbook list"
            raise NotFound(f"there is no playbook '{name}'", hint=hint)
        return found

    def regimes(self) -> tuple[Regime, ...]:
        """Return every regime, compiled, by id; raises Invalid when a file of the home is wrong."""
        from runner.loading.regimes import load_regime

        return tuple(load_regime(file.content, file.shown) for _, file in sorted(self.regime_files.items()))

    def notices(self) -> dict[str, tuple[Notice, str]]:
        """Return every template's front matter and text by id; raises Invalid when a file of the home is wrong."""
        from runner.loading.notices import load_notice

        read = [load_notice(file.content, file.shown) for _, file in sorted(self.notice_files.items())]
        return {notice.id: (notice, body) for notice, body in read}

    def law_digest(self) -> str:
        """Return the SHA-256 over all regimes' and notices' bytes: compiled law is kept under it."""
        total = hashlib.sha256()
        for files in (self.regime_files, self.notice_files):
            for name, file in sorted(files.items()):
                total.update(f"{name} {len(file.content)}\n".encode())
                total.update(file.content)
        return total.hexdigest()

    def _files(self, kind: str) -> dict[str, File]:
        place, ending = _FOLDERS[kind]
        found = dict(_built_in(place, ending))
        own = self._folder / kind if self._folder is not None else None
        if own is not None and own.is_dir():
            found.update(
                {
                    path.stem: File(path.stem, str(path), path.read_bytes())
                    for path in sorted(own.glob(f"*{ending}"))
                }
            )
        return found


def check_version(reference: str, version: str) -> None:
    """Raise Refused when ``name@version`` asks for another version than there is."""
    wanted = reference.partition("@")[2]
    if wanted and wanted != version:
        raise Refused(f"{reference.partition('@')[0]} is here as version {version}, not {wanted}")


def _built_in(place: str, ending: str) -> Iterator[tuple[str, File]]:
    root = resources.files("playbooks")
    folder = root if place == "." else root.joinpath(place)
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name.endswith(ending):
            name = entry.name.removesuffix(ending)
            yield name, File(name, f"built-in {entry.name}", entry.read_bytes())
