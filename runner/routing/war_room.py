"""War room: a room or a bridge, its provider, its members, its failure domains and its confidentiality limit."""

from __future__ import annotations

import msgspec

from runner.base.actor import Personal
from runner.routing.messaging import Confidentiality


class RoomConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One room of ``tocsin.yaml``; with ``channel`` it depends on that channel, and has its confidentiality limit."""

    address: str = ""
    """The address of an existing room, to open or dial; messages contain it."""
    open: bool = False
    """Each incident has a room of its own, which the provider of ``channel`` opens."""
    channel: str = ""
    domains: frozenset[str] = frozenset()
    """Further failure domains that it depends on."""
    confidentiality: Confidentiality | None = None


class WarRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A room for the planner. Without a name, no room can be used."""

    name: str
    address: str
    """Empty while it is being opened."""
    domains: tuple[str, ...] = ()
    channel: str = ""
    """The channel whose provider opens it; empty for an existing room."""
    agreed_by: str = ""
    """The person who recorded the choice; empty if the settings name it."""


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """Member of an opened room; ``left_out`` is the reason for no invitation."""

    person: str
    errand: str = ""
    """Name of the invitation in the journal, where attempts are unencrypted; it has no personal data."""
    left_out: str = ""


class RoomChosen(Personal, frozen=True, kw_only=True):
    """The room of the incident from now on, and why: the first one, or because another room is no longer safe (R5)."""

    room: WarRoom
    left: str = ""
    trigger: str = ""


class GuestsListed(Personal, frozen=True, kw_only=True):
    """People to invite to a room, and people not invited with the reason; replaces earlier entries of the same person."""

    room: str
    guests: tuple[Guest, ...]


class RoomRetried(Personal, frozen=True, kw_only=True):
    """A person retried the failed requests of rooms."""

    by: str
    errands: tuple[str, ...]
