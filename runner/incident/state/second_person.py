"""Act that needs two people, as data, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.actor import Personal
from runner.facts.vocabulary.register import FactChange
from runner.law.duty import DutyRecord


class Deputy(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may approve in place of the holders of ``roles``."""

    person: str
    roles: tuple[str, ...]


class ClockMove(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of a fact on the deadline of one duty; an instant that is None is no deadline."""

    duty: str
    citation: str
    old: datetime | None
    new: datetime | None
    later: bool
    ends: bool = False
    """The duty itself does not apply any more; ``later`` is true then."""


class TwoPersonAct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A requested act that needs two people, as data: it is decided again when the other person confirms it."""

    kind: Literal["close", "cancel", "decide", "move_clock"]
    by: str
    roles: tuple[str, ...] = ()
    """The second person needs one of these roles."""
    reason: str = ""
    left_open: Mapping[str, str] = {}
    doubts: Mapping[str, str] = {}
    """Of a close: what may be owed too, and why nobody knows."""
    duty: str = ""
    record: DutyRecord | None = None
    facts: tuple[FactChange, ...] = ()
    step: str = ""
    """The form that the facts answer."""
    moves: tuple[ClockMove, ...] = ()
    os_user: str = ""
    proven_by: str = ""
    alone: str = ""
    """Why there is no second person, by the settings: then the act counted at once."""


class TwoPeople(msgspec.Struct, frozen=True, kw_only=True):
    """An act that needs two people, and its progress."""

    entry: int
    at: datetime
    act: TwoPersonAct
    second: str = ""
    second_os_user: str = ""
    confirmed_at: datetime | None = None

    @property
    def state(self) -> Literal["awaiting", "confirmed", "alone"]:
        """Tell whether the act counts, and by how many people."""
        return "confirmed" if self.second else "alone" if self.act.alone else "awaiting"

    @property
    def doubted(self) -> tuple[FactChange, ...]:
        """The facts whose new values await confirmation: until then no value of them is sure."""
        return self.act.facts if self.state == "awaiting" and self.act.kind == "move_clock" else ()

    @property
    def one_user(self) -> bool:
        """Tell whether one operating-system user acted for both."""
        return bool(self.second and self.act.os_user and self.act.os_user == self.second_os_user)


class SecondPersonAsked(Personal, frozen=True, kw_only=True):
    """A person requested an act that needs two people: nothing changes before another person confirms it, unless none exists."""

    act: TwoPersonAct


class SecondPersonConfirmed(Personal, frozen=True, kw_only=True):
    """The second person confirms the request of entry ``entry``; its events follow."""

    entry: int
    by: str
    os_user: str = ""
    proven_by: str = ""
