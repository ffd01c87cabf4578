"""Changes by the events of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.incident import CampaignView, SubstituteAsk


def _planned(draft: IncidentBuilder, event: e.CampaignPlanned, at: datetime, seq: int) -> None:
    table = draft.table("campaigns")
    table.pop(event.replaces, None)
    table[event.campaign] = CampaignView(
        id=event.campaign, notice=event.notice, list_name=event.list_name, owed=event.owed, at=at
    )


def _moved(draft: IncidentBuilder, event: e.CampaignMoved, at: datetime, seq: int) -> None:
    _change(draft, event.campaign, state=event.state, by=event.by, reason=event.reason, at=at)


def _stretch(draft: IncidentBuilder, event: e.CampaignStretch, at: datetime, seq: int) -> None:
    known = _known(draft, event.campaign)
    _change(
        draft,
        event.campaign,
        chunks=max(known.chunks, event.last),
        unknown=known.unknown + event.outcomes.get("unknown", 0),
        roots=(*known.roots, (event.first, event.last, event.root)),
    )


def _resolved(draft: IncidentBuilder, event: e.CampaignResolved, at: datetime, seq: int) -> None:
    known = _known(draft, event.campaign)
    _change(draft, event.campaign, unknown=max(0, known.unknown - event.people))


def _asked(draft: IncidentBuilder, event: e.SubstituteDue, at: datetime, seq: int) -> None:
    known = _known(draft, event.campaign)
    ask = SubstituteAsk(place=event.place, ground=event.ground, why=event.why, at=at)
    _change(draft, event.campaign, asks=(*known.asks, ask))


def _given(draft: IncidentBuilder, event: e.SubstituteGiven, at: datetime, seq: int) -> None:
    known = _known(draft, event.campaign)
    left = tuple(
        msgspec.structs.replace(ask, why="") if ask.place == event.place else ask for ask in known.asks
    )
    _change(draft, event.campaign, asks=left)


def _known(draft: IncidentBuilder, name: str) -> CampaignView:
    found: CampaignView = draft.table("campaigns")[name]
    return found


def _change(draft: IncidentBuilder, name: str, **changes: Any) -> None:
    table = draft.table("campaigns")
    table[name] = msgspec.structs.replace(table[name], **changes)


CAMPAIGNS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.CampaignPlanned: _planned,
    e.CampaignMoved: _moved,
    e.CampaignStretch: _stretch,
    e.CampaignResolved: _resolved,
    e.SubstituteDue: _asked,
    e.SubstituteGiven: _given,
}
