"""Changes by receipts: the evidence of a delivery, and the state of one attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from runner.incident.apply.attempts import set_ringing
from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.attempts import failure_reason
from runner.incident.state.incident import Attempt, Delivery, Received
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
