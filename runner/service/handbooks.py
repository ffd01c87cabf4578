"""The books of an exercise, written into a folder before it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runner.documents.tree import Document, Stationery
from runner.model.notice import Format
from runner.service.notices import Pulled, save
from runner.views.handbook import Book
from runner.views.handbook_controllers import controllers_book
from runner.views.handbook_feedback import feedback_form
from runner.views.handbook_players import players_book
from runner.views.zones import exercise_zone, named_zone

if TYPE_CHECKING:
    from runner.loading.exercises import Loaded
    from runner.service.desk import Desk

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
