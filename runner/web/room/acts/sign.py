"""What a person can do on the page of an approval: approve or reject the exact version that the page shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from runner.acts.asked import Asked
from runner.app.core.incident_service import IncidentService
from runner.app.core.step_reference import begun_step
from runner.app.incidents.approvals import approval, decide_on, refuse_early, same_text
from runner.app.notices.signing import to_sign
from runner.incident.state.incident import Incident
from runner.reports.incidents.signing import part_words
from runner.web.room.acts.forms import REASON, Act, Acting, Field, Form, Given


def _seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    library = service.library(incident)
    report = approval(incident, begun_step(incident, ref, library), library)
    notice = report.notice
    return (
        report.task.state,
        report.subject_digest,
        notice and (notice.status, notice.changed, notice.open_items),
    )


def _forms(asked: Asked) -> Sequence[Form]:
    step = begun_step(asked.incident, asked.ref, asked.service.library(asked.incident))
    found = to_sign(asked.service, asked.reader, asked.principal, asked.incident, step)
    waits = found.report.task.state in ("ready", "active") and asked.incident.state == "open"
    if not waits:
        return ()
    if found.part in ("role", "author", "nothing"):
        return (Form("approve", APPROVE, note=part_words(found.part), off=True),)
    bound = (("digest", found.report.subject_digest),)
    stale = found.report.notice is not None and found.report.notice.stale
    reject = Form("reject", "Reject this exact version", (REASON,), bound, folded=True)
    if found.part in ("items", "draft"):
        return Form("approve", APPROVE, note=part_words(found.part), off=True), reject
    return Form("approve", APPROVE, tuple(_fields(found.same, stale=stale)), bound), reject


APPROVE = "Approve this exact version"


def _fields(same: Sequence[str], *, stale: bool) -> Iterator[Field]:
    if same:
        every = (("", "only this one"), ("1", f"the same text in {', '.join(same)} too"))
        yield Field("same", "Approvals", "choice", every)
    if stale:
        yield Field("as_it_was", "Reason to approve although facts changed", help="Only counsel can do this.")
    yield Field("reason", "Comment")


def _decide(asked: Asked, given: Given, *, approved: bool) -> None:
    """Decide on the digest of the form: another present digest is refused, and the refusal names both."""
    service, incident = asked.service, asked.incident
    step = begun_step(incident, asked.ref, service.library(incident))
    same = same_text(service, asked.principal, incident, [step]) if approved and given["same"] else ()
    decide_on(
        service,
        asked.principal,
        incident.id,
        [(name, given["digest"]) for name in (step, *same)],
        approved=approved,
        reason=given["reason"],
        as_it_was=given["as_it_was"],
    )


def _ready(asked: Asked, given: Given) -> None:
    """Refuse what this person cannot approve now before the factors are asked for; nothing is shown first."""
    step = begun_step(asked.incident, asked.ref, asked.service.library(asked.incident))
    refuse_early(asked.service, asked.incident, [step], asked.principal.person, approved=True)


# The digest guards these forms: another signature in the meantime is no reason to refuse one.
SIGN = Acting(
    _forms,
    {
        "approve": Act("sign", partial(_decide, approved=True), _ready, adds=True, bound=True),
        "reject": Act("sign", partial(_decide, approved=False), adds=True, bound=True),
    },
    _seen,
)
