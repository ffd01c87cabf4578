"""Changes by receipts and campaigns: the evidence of a delivery, the state of one attempt, and of a notice to many people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from runner.incident.apply.attempts import set_ringing
from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.incident import Attempt, CampaignView, Delivery, Received, RoomTask, SubstituteAsk
from runner.incident.state.messages import failure_reason
from runner.incident.state.work import opening_of
from runner.routing.messaging import stronger


def _taken(draft: IncidentBuilder, event: e.ReceiptTaken, at: datetime, seq: int) -> None:
    before: Delivery = draft.read("deliveries")[event.delivery]
    evidence = stronger(before.evidence, event.evidence)
    fields: dict[str, Any] = {
        "attempts": tuple(
            _with(attempt, event, at) if attempt.n == event.n else attempt for attempt in before.attempts
        ),
        "evidence": evidence,
    }
    if event.state is not None:
        fields["stuck"] = ""
    if before.state == "exhausted" and evidence != before.evidence:
        fields["state"] = "active"
        draft.index("moving").add(event.delivery)
    set_ringing(draft, draft.change_delivery(event.delivery, **fields))


def _with(attempt: Attempt, event: e.ReceiptTaken, at: datetime) -> Attempt:
    received = Received(kind=event.kind, event=event.event, part=event.part, at=at, code=event.code)
    changed = msgspec.structs.replace(attempt, receipts=(*attempt.receipts, received))
    if not changed.provider_id and event.part:
        changed = msgspec.structs.replace(changed, provider_id=event.part)
    if event.state is None:
        return changed
    return msgspec.structs.replace(
        changed,
        state=event.state,
        ended_at=changed.ended_at or at,
        reason=failure_reason(changed) if event.state == "rejected" else "",
        resolved_by="",
    )


RECEIPTS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.ReceiptTaken: _taken
}


def _chosen(draft: IncidentBuilder, event: e.RoomChosen, at: datetime, seq: int) -> None:
    """Add a request to open a room."""
    room = event.room
    draft.put(war_room=room)
    if room.channel and opening_of(room.name) not in draft.read("errands"):
        task = RoomTask(id=opening_of(room.name), room=room.name, channel=room.channel)
        draft.table("errands")[task.id] = task


def _listed(draft: IncidentBuilder, event: e.GuestsListed, at: datetime, seq: int) -> None:
    table = draft.table("errands")
    channel = table[opening_of(event.room)].channel
    for guest in event.guests:
        before = table.get(guest.errand) or RoomTask(
            id=guest.errand, room=event.room, channel=channel, person=guest.person
        )
        table[guest.errand] = msgspec.structs.replace(before, left_out=guest.left_out)


def _retried(draft: IncidentBuilder, event: e.RoomRetried, at: datetime, seq: int) -> None:
    table = draft.table("errands")
    for name in event.errands:
        table[name] = msgspec.structs.replace(table[name], given_up=len(table[name].attempts))


ROOMS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.RoomChosen: _chosen,
    e.GuestsListed: _listed,
    e.RoomRetried: _retried,
}


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
