"""What an incident knows of notices to many people: where each stands, and what somebody has to decide."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class SubstituteAsk(msgspec.Struct, frozen=True, kw_only=True):
    """Substitute notice may stand in for those of a place whom letters do not reach: somebody has to decide."""

    place: str
    ground: str
    why: str
    at: datetime


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """What an incident knows of one notice to many people; who stands how is in the store's own tables."""

    id: str
    notice: str
    list_name: str
    owed: int
    at: datetime
    """When it came into its state."""
    state: Literal["planned", "sending", "paused", "done"] = "planned"
    by: str = ""
    """Who had it paused; empty where it stopped by itself."""
    reason: str = ""
    chunks: int = 0
    unknown: int = 0
    """People of whom nobody knows whether the notice left."""
    roots: tuple[tuple[int, int, str], ...] = ()
    """First and last chunk of each stretch, and its root."""
    asks: tuple[SubstituteAsk, ...] = ()
