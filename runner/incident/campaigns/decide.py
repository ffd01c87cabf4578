"""Decisions on campaigns: plan, start, pause, resume. Sent messages are recorded in every state of the incident.

When the law of a place permits substitute notice: counted live, reported once, decided by a person (R24).

Three grounds: letters would cost too much, too many people are affected, or some people have no usable contact. HIPAA sets its
limit at ten such people (45 CFR 164.404(d)(2)); nearly every State sets one at a cost and at a number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from runner.actions import Action, Slot
from runner.errors import Refused, reason_given
from runner.incident.campaigns.campaign import Campaign, Ground, Tally
from runner.incident.campaigns.transitions import sendable
from runner.incident.state import campaigns as b
from runner.incident.state import events as e
from runner.incident.state.incident import Incident


def decide_campaign(incident: Incident, event: b.AnyCampaignEvent) -> tuple[e.AnyEvent, ...]:
    """Return the event, or raise Refused with the reason."""
    match event:
        case b.CampaignPlanned():
            sendable(incident)
            return (event,)
        case b.CampaignMoved():
            return _moved(incident, event)
        case b.SubstituteDue(campaign=name, place=place, ground=ground):
            known = incident.campaigns.get(name)
            asked = known is not None and any(
                (ask.place, ask.ground) == (place, ground) for ask in known.asks
            )
            return () if asked else (event,)
        case b.SubstituteGiven(reason=reason):
            reason_given(reason, hint="Add --reason WHY: what was done, and where.")
            return (event,)
        case b.CampaignStretch() | b.CampaignResolved():
            return (event,)


def _moved(incident: Incident, event: b.CampaignMoved) -> tuple[e.AnyEvent, ...]:
    known = incident.campaigns.get(event.campaign)
    if known is None:
        raise Refused(
            f'Campaign "{event.campaign}" does not exist.',
            hint=Action("bulk.plan", Slot("NOTICE"), {"people": Slot("FILE", "file")}),
            code="unknown_campaign",
        )
    if event.state == "sending":
        sendable(incident)
    if known.state == event.state:
        return ()
    if event.by and (event.state == "paused" or known.state == "paused"):
        reason_given(event.reason)
    return (event,)


HIPAA = "us-hipaa-164-400"
HIPAA_MANY = 10


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The people of one place, as substitute notice counts them."""

    place: str
    owed: int = 0
    to_post: int = 0
    unreachable: int = 0
    cost: float = 0
    forms: tuple[str, ...] = ()


def counted(campaign: Campaign, tallies: Sequence[Tally]) -> Mapping[str, Counted]:
    """Return the counts of each place."""
    places: dict[str, Counter[str]] = {}
    forms: dict[str, tuple[str, ...]] = {}
    for tally in tallies:
        if tally.state not in ("exempt", "duplicate"):
            ground = campaign.grounds[tally.group]
            places.setdefault(ground.place, Counter())[tally.state] += tally.people
            forms[ground.place] = forms.get(ground.place) or ground.substitute
    return {
        place: Counted(
            place=place,
            owed=people.total(),
            to_post=people["post"],
            unreachable=people["unreachable"],
            cost=round(people["post"] * campaign.letter_cost, 2),
            forms=forms[place],
        )
        for place, people in places.items()
    }


def crossed(campaign: Campaign, tallies: Sequence[Tally]) -> Iterator[b.SubstituteDue]:
    """Yield every limit of substitute notice that the counts of a place have crossed."""
    grounds = {ground.place: ground for ground in campaign.grounds}
    for place, counts in sorted(counted(campaign, tallies).items()):
        for line, why in _crossed(grounds[place], counts):
            yield b.SubstituteDue(campaign=campaign.id, place=place, ground=line, why=why)


def _crossed(ground: Ground, counts: Counted) -> Iterator[tuple[str, str]]:
    forms = ", ".join(form.replace("_", " ") for form in ground.substitute)
    if not forms:
        return
    if ground.cost_over is not None and counts.cost > ground.cost_over:
        cost = f"{counts.to_post:,} letters cost {counts.cost:,.0f} {ground.currency}"
        yield "cost", f"{cost}, more than {ground.cost_over:,}: {forms}"
    if ground.class_over is not None and counts.owed > ground.class_over:
        yield "class", f"{counts.owed:,} people are affected, more than {ground.class_over:,}: {forms}"
    if not counts.unreachable:
        return
    people = f"{counts.unreachable:,} {'person' if counts.unreachable == 1 else 'people'} cannot be reached"
    if ground.regime != HIPAA:
        yield "unreachable", f"{people}: {forms}"
    elif counts.unreachable < HIPAA_MANY:
        yield "unreachable", f"{people}, fewer than {HIPAA_MANY}: another written form, or a phone call"
    else:
        yield (
            "unreachable-many",
            f"{people}: the home page for 90 days or major media, and a toll-free number",
        )
