"""Fields that several acts take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.acts.asked import Asked

TIME = "As 2026-11-24 10:00 in your organisation's zone, 2026-11-24T10:00+01:00, now, or 2h ago."
"""Help of a field for a time."""


def people(asked: Asked) -> list[tuple[str, str]]:
    """Return the people of the home as choices: id and name, by id."""
    return sorted((name, person.name) for name, person in asked.service.directory.people.items())
