"""How a campaign stands: every owed person is in exactly one place, and the places add up to the list (R35)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from runner.incident.campaigns.campaign import OPEN, Campaign, CampaignState, Counters, Reached, Tally
from runner.incident.campaigns.campaign import Refused as Kept
from runner.incident.campaigns.pacing import Feasibility
from runner.incident.campaigns.substitute_notice import Counted, counted
from runner.incident.state.incident import CampaignView


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared with the journal."""

    chunks: int
    attempts: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Some people in exactly one of notified, substituted, exempt, open; ``owed`` is their sum."""

    owed: int
    notified: int
    substituted: int
    exempt: int
    open: int
    evidence: dict[str, int]
    """Of the notified: what is proved."""
    still_open: dict[str, int]
    """Of the open: ready, deferred, sending, unknown, post, unreachable."""


class PlaceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """The people of one place."""

    place: str
    duties: tuple[str, ...]
    due: datetime | None
    held: bool
    standing: Standing
    substitute: Counted
    asked: tuple[str, ...]
    """Lines of substitute notice that were crossed and wait for a person."""


class BulkStatus(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/bulk-status/v1"):
    """A campaign as of now."""

    campaign: str
    incident: str
    notice: str
    list: str
    state: CampaignState
    reason: str
    as_of: datetime
    rows: int
    duplicates: int
    rejected: int
    standing: Standing
    places: tuple[PlaceStanding, ...]
    why: dict[str, int]
    """Why people are open or exempt, by reason."""
    refusals: tuple[Kept, ...]
    counters: Counters
    chunks: dict[str, int]
    suppressed: dict[str, int]
    canary: int
    canary_until: datetime | None
    left: Feasibility
    """The arithmetic for those who are still to be sent to."""
    proof: Proof | None = None
    """With ``--verify``: what was compared with the journal."""


def standing(tallies: Iterable[Tally]) -> Standing:
    """Put people where they belong, each in one place."""
    evidence: Counter[Reached] = Counter()
    still: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for tally in tallies:
        if tally.state == "notified":
            evidence[tally.evidence] += tally.people
        elif tally.state in OPEN:
            still["deferred" if tally.state == "ready" and tally.deferred else tally.state] += tally.people
        else:
            others[tally.state] += tally.people
    told, left = sum(evidence.values()), sum(still.values())
    return Standing(
        owed=told + left + others["substituted"] + others["exempt"],
        notified=told,
        substituted=others["substituted"],
        exempt=others["exempt"],
        open=left,
        evidence={str(name): count for name, count in evidence.items()},
        still_open=dict(still),
    )


def reasons(tallies: Iterable[Tally]) -> dict[str, int]:
    """Return why people are open or exempt, and how many for each reason."""
    counter: Counter[str] = Counter()
    for tally in tallies:
        if tally.state in (*OPEN, "exempt") and tally.why:
            counter[tally.why] += tally.people
    return dict(sorted(counter.items()))


def places(
    campaign: Campaign, view: CampaignView | None, tallies: Sequence[Tally]
) -> Iterator[PlaceStanding]:
    """Yield how the people of each place stand."""
    numbers: dict[str, list[int]] = {}
    for number, ground in enumerate(campaign.grounds):
        numbers.setdefault(ground.place, []).append(number)
    counts = counted(campaign, tallies)
    for place, groups in sorted(numbers.items()):
        grounds = [campaign.grounds[number] for number in groups]
        dues = [ground.due for ground in grounds if ground.due is not None]
        yield PlaceStanding(
            place=place,
            duties=tuple(dict.fromkeys(ground.group.duty for ground in grounds)),
            due=min(dues, default=None),
            held=any(ground.held for ground in grounds),
            standing=standing(tally for tally in tallies if tally.group in groups),
            substitute=counts.get(place) or Counted(place=place),
            asked=tuple(
                ask.why for ask in (view.asks if view is not None else ()) if ask.place == place and ask.why
            ),
        )
