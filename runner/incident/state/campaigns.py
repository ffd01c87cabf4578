"""Events of a campaign in the journal: its plan, its states, and a digest for each batch that was sent.

The people stand in tables of their own. A stretch is some chunks in a row; its root is over their digests, so that one entry
proves the results of thousands, and a table that somebody changed afterwards no longer fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.actor import Event, Personal


class CampaignPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Some people of a list, under one law, with one text."""

    jurisdiction: str
    population: str
    duty: str
    notice: str
    version: str
    text: str
    people: int
    approved_by: tuple[str, ...] = ()


class CampaignPlanned(Event, frozen=True, kw_only=True):
    """A campaign was planned: each person of the list has a channel. Nothing was sent."""

    campaign: str
    notice: str
    list_name: str
    list_sha256: str
    owed: int
    duplicates: int
    rejected: int
    ways: Mapping[str, int]
    parts: tuple[CampaignPart, ...]
    sum: str
    by: str
    replaces: str = ""
    """The plan that it takes the place of; nothing of that had been sent."""


class CampaignMoved(Personal, frozen=True, kw_only=True):
    """Sending began, was stopped, went on, or came to its end."""

    campaign: str
    state: Literal["sending", "paused", "done"]
    reason: str = ""
    by: str = ""
    """Empty if it paused automatically."""


class CampaignStretch(Event, frozen=True, kw_only=True):
    """Results of the batches from ``first`` to ``last``; ``root`` is the Merkle root over their digests."""

    campaign: str
    first: int
    last: int
    root: str
    outcomes: Mapping[str, int]


class CampaignResolved(Personal, frozen=True, kw_only=True):
    """So many of those whose outcome was unknown are known now, by receipts, or are sent to again by a person's word."""

    campaign: str
    people: int
    by: str
    reason: str = ""


class SubstituteDue(Personal, frozen=True, kw_only=True):
    """The law of a place permits or requires substitute notice: a person decides, nothing is automatic."""

    campaign: str
    place: str
    ground: str
    why: str


class SubstituteGiven(Personal, frozen=True, kw_only=True):
    """A person gave substitute notice to those of a place who could not be reached, or says why none is given."""

    campaign: str
    place: str
    people: int
    by: str
    reason: str


AnyCampaignEvent = (
    CampaignPlanned | CampaignMoved | CampaignStretch | CampaignResolved | SubstituteDue | SubstituteGiven
)


class SubstituteAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The law permits substitute notice for people of a place whom letters do not reach: a person has to decide."""

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
    """The person who paused it; empty if it paused automatically."""
    reason: str = ""
    chunks: int = 0
    unknown: int = 0
    """People whose notice has an unknown outcome."""
    roots: tuple[tuple[int, int, str], ...] = ()
    """First and last chunk of each stretch, and its root."""
    asks: tuple[SubstituteAsk, ...] = ()
