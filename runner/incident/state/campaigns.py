"""Events of a campaign in the journal: its plan, its states, and a digest for each batch that was sent.

The people are in tables of their own. A stretch is a number of batches in a row; its root is over their digests. So one entry
proves the results of thousands, and does not match a table that somebody changed afterwards.
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
    """The plan that this one replaces; nothing of that was sent."""


class CampaignMoved(Personal, frozen=True, kw_only=True):
    """Sending started, paused, resumed or ended."""

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
    """The number of people whose unknown outcome was resolved, by receipts, or who are sent to again at a person's request."""

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
    """A person gave substitute notice to the people of a place without a usable contact, or gives the reason why not."""

    campaign: str
    place: str
    people: int
    by: str
    reason: str


AnyCampaignEvent = (
    CampaignPlanned | CampaignMoved | CampaignStretch | CampaignResolved | SubstituteDue | SubstituteGiven
)


class SubstituteAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The law permits substitute notice for people of a place whose letters are not delivered: a person has to decide."""

    place: str
    ground: str
    why: str
    at: datetime


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one notice to many people in the incident; the state of each person is in separate tables."""

    id: str
    notice: str
    list_name: str
    owed: int
    at: datetime
    """When it entered its state."""
    state: Literal["planned", "sending", "paused", "done"] = "planned"
    by: str = ""
    """The person who paused it; empty if it paused automatically."""
    reason: str = ""
    chunks: int = 0
    unknown: int = 0
    """People whose notice has an unknown outcome."""
    roots: tuple[tuple[int, int, str], ...] = ()
    """First and last batch of each stretch, and its root."""
    asks: tuple[SubstituteAsk, ...] = ()
    counts: tuple[tuple[tuple[str, str], int], ...] = ()
    """The people of the list by place and affected group."""
