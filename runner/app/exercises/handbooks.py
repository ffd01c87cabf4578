"""The books of an exercise, written into a folder before it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.app.notices.notices import Pulled, save
from runner.documents.notice import Format
from runner.documents.tree import Document, Stationery
from runner.reports.core.zones import exercise_zone, named_zone
from runner.reports.exercises.controller_handbook import controllers_book
from runner.reports.exercises.feedback_form import feedback_form
from runner.reports.exercises.handbook import Book
from runner.reports.exercises.player_handbook import players_book

if TYPE_CHECKING:
    from runner.app.core.incident_service import Desk
    from runner.files.exercise_file import Loaded

Reader = Literal["players", "controllers", "feedback"]
MADE: Mapping[Reader, Callable[[Book], Document]] = {
    "players": players_book,
    "controllers": controllers_book,
    "feedback": feedback_form,
}


def write_handbook(
    loaded: Loaded, reader: Reader, desk: Desk | None, now: datetime, formats: Sequence[Format], folder: Path
) -> tuple[Pulled, ...]:
    """Write a book of an exercise; without a desk on plain paper, and people by the names that the plan gives them."""
    tree = MADE[reader](book_of(loaded, desk, now))
    return save(tree, formats, folder, desk.letterhead() if desk is not None and "docx" in formats else b"")


def book_of(loaded: Loaded, desk: Desk | None, now: datetime) -> Book:
    """Gather what a book is made from."""
    plan = loaded.exercise
    organisation = desk.home.organisation if desk is not None else {}
    people = desk.directory.people if desk is not None else {}
    zone = named_zone(organisation.get("zone") or plan.organisation.get("zone"))
    return Book(
        plan=plan,
        playbook=loaded.bundle.playbook,
        made_at=now,
        zone=exercise_zone(plan.clock.start, zone),
        stationery=Stationery(
            name=str(organisation.get("name", "")), logo=desk.logo() if desk is not None else None
        ),
        names={name: one.name for name, one in people.items() if one.name},
    )
