"""What is proved of a delivery: read from the journal itself, with the hash of every entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import Sealed
from runner.incident.state.events import decode
from runner.reports.messages.delivery_evidence import ProofReport, Written, proof

if TYPE_CHECKING:
    from runner.app.core.incident_service import Desk

ABOUT = frozenset({"AttemptEnded", "ReceiptTaken", "EvidenceRaised", "DeliveryResent"})
"""The types of events that prove something of a delivery."""


def prove(desk: Desk, incident: str, delivery: str) -> ProofReport:
    """Return what is proved of a delivery; raises NotFound for one that is not there."""
    found = desk.load(incident)
    written = []
    last = ""
    for one in desk.store.read(incident):
        last = f"{one.seq}:sha256:{one.hash}"
        if one.type in ABOUT:
            if one.payload is None:
                raise Sealed("this incident was shredded: what it proved cannot be read", code="shredded")
            written.append(Written(one.seq, one.at, one.hash, decode(one.payload)))
    return proof(found, delivery, written, last)
