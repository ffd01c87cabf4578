"""Effect of a provider's receipt on the attempt that it is about. Pure.

A receipt may arrive twice, late, in another order, and before the outcome of the attempt itself.
So only its new information counts: evidence only rises, and an unanswered attempt with evidence was accepted. A late
failure changes only its own attempt, and does not change that if the same attempt is proved to have arrived.
If a message has several named parts, its evidence is that of the part with the least evidence.
"""

from __future__ import annotations

import msgspec

from runner.base.states import AttemptState, Proof, ReceiptKind
from runner.errors import NotFound
from runner.incident.messages.failover import is_current as key_is_current
from runner.incident.state import events as e
from runner.incident.state.incident import Attempt, Delivery, Incident
from runner.incident.state.messages import GAVE_UP, failure_reason
from runner.routing.messaging import EVIDENCE, SendResult

ARRIVED: frozenset[ReceiptKind] = frozenset({"delivered", "read"})
PROVES: frozenset[ReceiptKind] = frozenset({"accepted", "relayed", *ARRIVED})
"""The other receipts are not a level of evidence: a failure, a delay, a complaint."""


def apply_receipt(incident: Incident, receipt: e.ReceiptTaken) -> tuple[e.AnyEvent, ...]:
    """Return the event of a receipt with its evidence, or nothing if it is not new."""
    delivery = incident.deliveries.get(receipt.delivery)
    attempts = delivery.attempts if delivery else ()
    attempt = next((attempt for attempt in attempts if attempt.n == receipt.n), None)
    if delivery is None or attempt is None:
        raise NotFound(
            f'Attempt {receipt.n} of delivery "{receipt.delivery}" does not exist in incident "{incident.codename}".',
            code="unknown_attempt",
        )
    if any((known.kind, known.part) == (receipt.kind, receipt.part) for known in attempt.receipts):
        return ()
    if any(known.event == receipt.event for known in attempt.receipts):
        return ()
    evidence = _proof(attempt, receipt) if is_current(incident, delivery, attempt) else "none"
    state = _state(attempt, receipt.kind)
    return (msgspec.structs.replace(receipt, evidence=evidence, state=state),)


def is_current(incident: Incident, delivery: Delivery, attempt: Attempt) -> bool:
    """Tell whether an attempt's success counts as evidence: not if a person had the message sent again since."""
    return key_is_current(delivery, attempt, incident.messages[delivery.message].body)


def _proof(attempt: Attempt, new: e.ReceiptTaken) -> Proof:
    """Return the evidence after this receipt; of several parts the one with the least evidence counts."""
    if new.kind not in PROVES:
        return "none"
    reached = _rank(new.kind)
    parts = attempt.provider_id.split()
    if len(parts) < 2 or new.part not in parts:
        return EVIDENCE[reached]
    floor = _rank("accepted")
    furthest = dict.fromkeys(parts, floor)
    for receipt in attempt.receipts:
        if receipt.part in furthest and receipt.kind in PROVES:
            furthest[receipt.part] = max(furthest[receipt.part], _rank(receipt.kind))
    furthest[new.part] = max(furthest[new.part], reached)
    return EVIDENCE[min(furthest.values())]


def _rank(kind: str) -> int:
    return [*EVIDENCE].index(kind)  # type: ignore[arg-type]  # every kind that proves something is a rung


def _state(attempt: Attempt, kind: ReceiptKind) -> AttemptState | None:
    """Return the state of an attempt after a receipt; an attempt in progress still gets its own outcome."""
    if attempt.state == "sending":
        return None
    if kind in GAVE_UP:
        return None if _arrived(attempt) or attempt.state == "rejected" else "rejected"
    if kind not in PROVES:
        return None
    doubtful = attempt.state == "unknown" or bool(attempt.resolved_by)
    return "accepted" if doubtful and attempt.state != "accepted" else None


def _arrived(attempt: Attempt) -> bool:
    """Tell whether a whole attempt is proved to have arrived: every part of a message in parts, or all as one."""
    arrived = {receipt.part for receipt in attempt.receipts if receipt.kind in ARRIVED}
    parts = set(attempt.provider_id.split())
    return bool(arrived) and (len(parts) < 2 or bool(arrived - parts) or arrived >= parts)


def state_after_receipts(attempt: Attempt, result: SendResult) -> SendResult:
    """Return an outcome, corrected by the receipts that came before it."""
    kinds = {receipt.kind for receipt in attempt.receipts}
    if result.state == "unknown" and kinds & PROVES:
        result = msgspec.structs.replace(result, state="accepted", reason="")
    gave_up = bool(kinds & GAVE_UP) and not kinds & ARRIVED
    if gave_up and result.state in ("accepted", "unknown"):
        return msgspec.structs.replace(
            result, state="rejected", reason=failure_reason(attempt), permanent=True
        )
    return result
