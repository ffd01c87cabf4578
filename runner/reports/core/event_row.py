"""A journal's event as views read it: who, when, and what happened, or that it is withheld."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from runner.base.actor import Actor
from runner.incident.state.events import AnyEvent, Stream, decode


class EventRow(Protocol):
    """What the store keeps of an event."""

    @property
    def seq(self) -> int:
        """Its place, from 1."""

    @property
    def type(self) -> str:
        """The name of its type."""

    @property
    def stream(self) -> Stream:
        """Who may read it."""

    @property
    def at(self) -> datetime:
        """The time that it stands for."""

    @property
    def recorded(self) -> datetime:
        """When it was written."""

    @property
    def exercise_at(self) -> datetime | None:
        """The exercise's own time."""

    @property
    def actor(self) -> Actor:
        """Who caused it."""

    @property
    def payload(self) -> bytes | None:
        """What happened; None where it is shredded or withheld."""


def decode_event(row: EventRow) -> AnyEvent | None:
    """Return what happened; None where the payload is not here."""
    return None if row.payload is None else decode(row.payload)
