"""War room: a room or a bridge, its provider, its members, its failure domains and its confidentiality limit."""

from __future__ import annotations

import msgspec

from runner.base.actor import Personal
from runner.routing.messaging import Confidentiality


class RoomConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One room as ``tocsin.yaml`` writes it; with ``channel`` it depends on that channel, and has its confidentiality limit."""

    address: str = ""
    """An address that people can open or dial, of an existing room; it is part of messages."""
    open: bool = False
    """Each incident has a room of its own, which the provider of ``channel`` opens."""
    channel: str = ""
    domains: frozenset[str] = frozenset()
    """Further failure domains that it depends on."""
    confidentiality: Confidentiality | None = None


class WarRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A room as the planner sees it. Without a name it is none: no room can be used."""

    name: str
    address: str
    """Empty while it is being opened."""
    domains: tuple[str, ...] = ()
    channel: str = ""
    """Whose provider opens it; empty where it is there already."""
    agreed_by: str = ""
    """Who said that people agreed on it; empty where the settings name it."""


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """Member of an opened room; ``left_out`` is the reason for no invitation."""

    person: str
    errand: str = ""
    """Names the invitation in the journal, where attempts are unencrypted: it contains nothing of the person."""
    left_out: str = ""


class RoomChosen(Personal, frozen=True, kw_only=True):
    """The room of the incident from now on, and why: the first one, or because another cannot be relied on any more (R5)."""

    room: WarRoom
    left: str = ""
    trigger: str = ""


class GuestsListed(Personal, frozen=True, kw_only=True):
    """Who is to be let into a room, and who is not, with the reason; an earlier word on the same person is replaced."""

    room: str
    guests: tuple[Guest, ...]


class RoomRetried(Personal, frozen=True, kw_only=True):
    """A person retried the failed requests of rooms."""

    by: str
    errands: tuple[str, ...]
