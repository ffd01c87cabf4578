"""What the events of a campaign say, as sentences for people."""

from __future__ import annotations

from collections.abc import Mapping

from runner.incident.state import campaigns as b
from runner.reports.core.formatting import count, short

_MOVED = {"sending": "is being sent", "paused": "is paused", "done": "has come to its end"}


def campaign_sentence(event: b.AnyCampaignEvent) -> str:
    """Return what happened to a campaign."""
    match event:
        case b.CampaignPlanned(notice=notice, list_name=name, owed=owed, ways=ways, sum=arithmetic):
            anew = ", in place of the plan before" if event.replaces else ""
            return f"{notice} planned for {count(owed, 'person', 'people')} of {name} ({_ways(ways)}){anew}: {arithmetic}"
        case b.CampaignMoved(campaign=name, state=state, reason=reason, by=by):
            words = _MOVED.get(state, "")
            alone = " by itself" if state == "paused" and not by else ""
            return f"Campaign {name} {words}{alone}{f': {reason}' if reason else ''}"
        case b.CampaignStretch(campaign=name, first=first, last=last, root=root, outcomes=outcomes):
            return f"Campaign {name}, chunks {first} to {last}: {_outcomes(outcomes)} (root {short(root)})"
        case b.CampaignResolved(campaign=name, people=people, reason=reason):
            because = f": {reason}" if reason else ""
            return f"Campaign {name}: {count(people, 'unknown outcome')} resolved{because}"
        case b.SubstituteDue(campaign=name, place=place, why=why):
            return f"Campaign {name}, {place}: substitute notice is a question now: {why}"
        case b.SubstituteGiven(campaign=name, place=place, people=people, reason=reason):
            whom = count(people, "person", "people")
            return f"Campaign {name}, {place}: substitute notice for {whom}: {reason}"


def _ways(ways: Mapping[str, int]) -> str:
    return ", ".join(f"{people:,} by {way}" for way, people in ways.items() if people) or "no way to anybody"


def _outcomes(outcomes: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{people:,} {state.replace('_', ' ')}" for state, people in sorted(outcomes.items()))
        or "none"
    )
