"""Custody of exhibits: what each one is, and who gave it to whom, with the receiver's own receipt (ISO/IEC 27037)."""

from __future__ import annotations

import re
from datetime import datetime

from msgspec.structs import replace

from runner.actions import Action
from runner.base.actor import Principal
from runner.errors import NotFound, Refused, reason_given
from runner.incident.state.future_timestamps import is_ahead, refuse_record_ahead, said
from runner.incident.state.incident import Evidence, Incident
from runner.incident.state.record import (
    CustodyAct,
    CustodyEvent,
    EvidenceAttached,
    ExhibitDescribed,
    ExhibitDiffered,
    ExhibitHandedOver,
    ExhibitReceived,
)


def custody(incident: Incident, act: CustodyAct, principal: Principal, now: datetime) -> CustodyEvent:
    """Return the event of an act of custody; raises NotFound for an unknown exhibit, and Refused with the reason."""
    if isinstance(act, EvidenceAttached):
        return replace(act, by=principal.person)
    known = exhibit(incident, act.evidence)
    act = replace(act, evidence=known.id, by=principal.person)
    match act:
        case ExhibitDescribed():
            refuse_record_ahead("the collection", act.collected_at or now, now, "--collected-at")
            return act
        case ExhibitHandedOver():
            return _handed_over(known, replace(act, giver=principal.on_behalf_of or act.by), now)
        case ExhibitReceived():
            return _received(known, act, principal)


def exhibit(incident: Incident, ref: str) -> Evidence:
    """Return an exhibit by its id or its number; raises NotFound."""
    for one in incident.evidence.values():
        if ref in (one.id, str(one.number)):
            return one
    raise NotFound(
        f'Incident "{incident.codename}" has no evidence file "{ref}".',
        hint="Use a name from the list of evidence",
        code="unknown_evidence",
    )


def _handed_over(known: Evidence, act: ExhibitHandedOver, now: datetime) -> ExhibitHandedOver:
    reason_given(act.purpose, "The purpose of the handover", "Add --purpose WHY")
    if act.receiver == act.giver:
        raise Refused(
            "A person cannot hand over to the same person.", hint="Name another person", code="same_person"
        )
    if any(one.receiver == act.receiver and not one.receipt for one in known.handovers):
        raise Refused(
            f'The receipt of exhibit {known.number} by "{act.receiver}" is still open.',
            hint=Action("evidence.receive", str(known.number), {"as": act.receiver}),
            code="receipt_open",
        )
    refuse_record_ahead("the handover", act.given_at or now, now)
    if is_ahead(known.at, act.given_at or now):
        raise Refused(
            f"The time of the handover is before the file was stored: {said(known.at)}.",
            hint=f"Describe an earlier custody: tocsin evidence describe {known.number} --method TEXT",
            code="before_stored",
        )
    return replace(act, purpose=act.purpose.strip())


def _received(
    known: Evidence, act: ExhibitReceived, principal: Principal
) -> ExhibitReceived | ExhibitDiffered:
    if principal.on_behalf_of:
        raise Refused(
            "A receipt is given by the receiver alone, not on behalf of another person.",
            hint=f"{principal.on_behalf_of} confirms it, at the command line or in the browser",
            code="on_behalf",
        )
    open_ = [one for one in known.handovers if one.receiver == act.by and not one.receipt]
    if not open_:
        raise Refused(
            f'No handover of exhibit {known.number} to "{act.by}" is open.',
            hint=Action("evidence.list"),
            code="not_handed_over",
        )
    digest = act.sha256.strip().lower().removeprefix("sha256:")
    if digest and not re.fullmatch("[0-9a-f]{64}", digest):
        raise Refused(
            "The digest of your copy must have 64 hexadecimal digits.",
            hint="Calculate its SHA-256, such as with sha256sum",
            code="bad_digest",
        )
    entry = open_[0].entry
    if digest not in ("", known.sha256.removeprefix("sha256:")):
        return ExhibitDiffered(evidence=known.id, by=act.by, entry=entry, sha256=digest)
    return replace(act, entry=entry, sha256=digest)
