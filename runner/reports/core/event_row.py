"""A journal event for views: actor, time, and content, or that the content is withheld."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from runner.base.actor import Actor
from runner.incident.state.events import AnyEvent, Stream, decode


class EventRow(Protocol):
    """An event as stored."""

    @property
    def seq(self) -> int:
        """Its number, from 1."""

    @property
    def type(self) -> str:
        """The name of its type."""

    @property
    def stream(self) -> Stream:
        """Its access class."""

    @property
    def at(self) -> datetime:
        """The time that it is about."""

    @property
    def recorded(self) -> datetime:
        """When it was recorded."""

    @property
    def exercise_at(self) -> datetime | None:
        """The exercise time."""

    @property
    def actor(self) -> Actor:
        """The actor."""

    @property
    def payload(self) -> bytes | None:
        """The content; None if it is erased or withheld."""


def decode_event(row: EventRow) -> AnyEvent | None:
    """Return the event; None without its content."""
    return None if row.payload is None else decode(row.payload)
