"""Events of a handover: the brief that was given, and its read-back."""

from __future__ import annotations

from datetime import datetime

import msgspec

from runner.base.actor import Personal


class BriefGiven(Personal, frozen=True, kw_only=True):
    """A handover brief was given to the next commander; ``version`` is its last entry."""

    to: str
    by: str
    role: str = ""
    """The role that is handed over; empty in old journals: the commander's."""
    version: int
    digest: str
    """SHA-256 of the brief as a program reads it."""


class CommandTaken(Personal, frozen=True, kw_only=True):
    """The next commander read the brief back, and has the role from now on."""

    by: str
    role: str
    brief: int
    """The entry of the brief that was given."""
    read_back: str
    before: tuple[str, ...] = ()


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """The newest brief, and whether the next commander read it back."""

    entry: int
    to: str
    by: str
    at: datetime
    version: int
    digest: str
    role: str = "commander"
    """The role that is handed over."""
    taken_at: datetime | None = None
    read_back: str = ""
