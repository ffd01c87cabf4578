"""Where responders talk to one another: a room or a bridge that exists already, what it falls with, and what may be said there."""

from __future__ import annotations

import msgspec

from runner.model.event import Personal
from runner.model.messaging import Confidentiality


class RoomConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One room as ``tocsin.yaml`` writes it; with ``channel`` it falls with that channel, and may hear what that carries."""

    address: str
    """An address that people can open or dial; it stands in messages."""
    channel: str = ""
    domains: frozenset[str] = frozenset()
    """All else that it falls with."""
    confidentiality: Confidentiality | None = None


class WarRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A room as the planner sees it. Without a name it is none: no room can be used."""

    name: str
    address: str
    domains: tuple[str, ...] = ()


class RoomChosen(Personal, frozen=True, kw_only=True):
    """The room of the incident from now on, and why: the first one, or because another cannot be relied on any more (R5)."""

    room: WarRoom
    left: str = ""
    trigger: str = ""
