"""Changes by the events of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.incident import CampaignView, SubstituteAsk


def _planned(draft: IncidentBuilder, event: e.CampaignPlanned, at: datetime, seq: int) -> None:
    table = draft.table("campaigns")
    table.pop(event.replaces, None)
    table[event.campaign] = CampaignView(
        id=event.campaign,
        notice=event.notice,
        list_name=event.list_name,
        owed=event.owed,
        at=at,
        counts=tuple(((part.jurisdiction, part.population), part.people) for part in event.parts),
    )


def _changed(draft: IncidentBuilder, event: Any, at: datetime, seq: int) -> None:
    table = draft.table("campaigns")
    table[event.campaign] = _after(table[event.campaign], event, at)


def _after(
    known: CampaignView,
    event: e.CampaignMoved | e.CampaignStretch | e.CampaignResolved | e.SubstituteDue | e.SubstituteGiven,
    at: datetime,
) -> CampaignView:
    match event:
        case e.CampaignMoved(state=state, by=by, reason=reason):
            return replace(known, state=state, by=by, reason=reason, at=at)
        case e.CampaignStretch(first=first, last=last, root=root, outcomes=outcomes):
            return replace(
                known,
                chunks=max(known.chunks, last),
                unknown=known.unknown + outcomes.get("unknown", 0),
                roots=(*known.roots, (first, last, root)),
            )
        case e.CampaignResolved(people=people):
            return replace(known, unknown=max(0, known.unknown - people))
        case e.SubstituteDue(place=place, ground=ground, why=why):
            return replace(
                known, asks=(*known.asks, SubstituteAsk(place=place, ground=ground, why=why, at=at))
            )
        case e.SubstituteGiven(place=place):
            left = (replace(ask, why="") if ask.place == place else ask for ask in known.asks)
            return replace(known, asks=tuple(left))


CAMPAIGNS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.CampaignPlanned: _planned,
    e.CampaignMoved: _changed,
    e.CampaignStretch: _changed,
    e.CampaignResolved: _changed,
    e.SubstituteDue: _changed,
    e.SubstituteGiven: _changed,
}
