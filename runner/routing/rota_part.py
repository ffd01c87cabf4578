"""Words of an on-call rota: shifts that come once or again, each somebody's, and who is on call at an instant."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

import msgspec

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """On which days a shift begins again; the part of RFC 5545's recurrence rules that rotas are made of."""

    frequency: Frequency
    interval: int = 1
    until: datetime | date | None = None
    """The last instant, or the last day, at which it may begin."""
    count: int | None = None
    weekdays: tuple[tuple[int, int], ...] = ()
    """Which one of the month (0 for each, negative from its end), and the weekday (Monday is 0)."""
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    week_begins: int = 0


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a rota: whose it is, when it begins first, and how long it lasts by the clock on the wall."""

    persons: tuple[str, ...]
    begins: datetime
    """Without a zone: what a clock there shows."""
    lasts: timedelta
    zone: tzinfo
    again: Again | None = None
    also: tuple[datetime, ...] = ()
    """More beginnings, without a zone."""
    never: frozenset[datetime] = frozenset()
    """Beginnings that do not take place, without a zone."""


class Rota(msgspec.Struct, frozen=True, kw_only=True):
    """A whole rota; ``unnamed`` counts the entries of which nobody could tell whose they are."""

    shifts: tuple[Shift, ...] = ()
    unnamed: int = 0


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call for a role at an instant; nobody in a gap, or where the rota cannot be read."""

    rota: str
    """The file, as the settings name it."""
    persons: tuple[str, ...] = ()
    until: datetime | None = None
    problem: str = ""
    """Why the rota cannot be used as it is; empty where it can."""
