"""The incident that one system user chose for commands that name none; the choice belongs to the user, not to a home.

Each home has its own choice, in a file of the user's state folder. A choice counts while its incident is open. A choice
of an incident that was closed already counts while no other is open. So closing ends a choice, whoever closes, and a
closed incident never comes before an open one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json

if TYPE_CHECKING:
    from runner.app.core.repository import IncidentRow

OPEN = ("open", "paused")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What ``tocsin use`` and ``tocsin open`` choose."""

    incident: str
    over: bool = False
    """The incident was closed when it was chosen."""


def choice_file(state: Path, home: Path) -> Path:
    """Return the file of a user's choice in one home."""
    return state / f"incident-{hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:24]}.json"


def read_choice(file: Path) -> Choice | None:
    """Return the choice; None if there is none, or it cannot be read."""
    try:
        return from_json(file.read_bytes(), Choice)
    except (OSError, msgspec.DecodeError):
        return None


def keep_choice(file: Path, choice: Choice | None) -> None:
    """Store a choice, or remove it; raises OSError."""
    if choice is None:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_bytes(msgspec.json.encode(choice))


def counts(choice: Choice | None, rows: Iterable[IncidentRow]) -> str:
    """Return the id of the chosen incident, empty if the choice does not count."""
    if choice is None:
        return ""
    states = {row.id: row.state in OPEN for row in rows}
    stands = states.get(choice.incident, False) or (
        choice.over and choice.incident in states and not any(states.values())
    )
    return choice.incident if stands else ""
