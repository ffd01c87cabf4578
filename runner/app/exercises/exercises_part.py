"""The exercises that can be run, as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.errors import TocsinError
from runner.files.exercise_file import exercise_files, load_exercise

if TYPE_CHECKING:
    from runner.playbook.catalogue import Catalog


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One exercise; ``problem`` says why it cannot be run."""

    name: str
    title: str
    exercise_type: str
    playbook: str
    file: str
    problem: str = ""


def listed(catalog: Catalog) -> tuple[Listed, ...]:
    """Return all exercises, each as far as it can be read."""
    return tuple(_listed(name, str(file), catalog) for name, file in sorted(exercise_files(catalog).items()))


def _listed(name: str, file: str, catalog: Catalog) -> Listed:
    try:
        loaded = load_exercise(file, catalog)
    except TocsinError as error:
        return Listed(name=name, title="", exercise_type="", playbook="", file=file, problem=error.message)
    found = loaded.exercise
    return Listed(
        name=found.name,
        title=found.title,
        exercise_type=found.type,
        playbook=f"{loaded.bundle.playbook.name}@{loaded.bundle.playbook.version}",
        file=file,
    )
