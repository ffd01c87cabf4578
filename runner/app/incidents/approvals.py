"""Approvals: which of them are void, and a person's decision on exact versions, also on behalf of another person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from runner.actions import Action
from runner.errors import Refused
from runner.incident.state.commands import Decide
from runner.incident.steps.approvals import Tally, eligible, tally
from runner.playbook.format import Approve
from runner.reports.incidents.task import TaskReport, task
from runner.reports.notices.redline import approved_before

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.base.actor import Principal
    from runner.incident.state.incident import Incident
    from runner.incident.state.library import Library


def void_approvals(service: IncidentService, principal: Principal, incident: Incident) -> list[str]:
    """Return the open approvals that were given for an earlier version, and that this person may give."""
    own = _open_approvals(service, principal, incident)
    return [name for name in own if approved_before(incident, incident.invocations[name])]


def same_text(
    service: IncidentService, principal: Principal, incident: Incident, names: Sequence[str]
) -> list[str]:
    """Return the person's other open approvals that bind the same text as the named ones, for other duties."""
    library = service.library(incident)
    digests = {approval(incident, name, library).subject_digest for name in names} - {""}
    own = [name for name in _open_approvals(service, principal, incident) if name not in names]
    return [name for name in own if approval(incident, name, library).subject_digest in digests]


def _open_approvals(service: IncidentService, principal: Principal, incident: Incident) -> list[str]:
    """Return the open approvals that this person may give."""
    library, person = service.library(incident), principal.on_behalf_of or principal.person
    found = []
    for name, invocation in incident.invocations.items():
        waits = invocation.state in ("ready", "active") and not invocation.over
        definition = library.step(incident, name) if waits and invocation.kind == "approve" else None
        if isinstance(definition, Approve) and eligible(incident, invocation, definition, person):
            found.append(name)
    return found


def approval(incident: Incident, name: str, library: Library) -> TaskReport:
    """Return an approval with the version that it binds now; raises Refused for another kind of task."""
    report = task(incident, library, name)
    if report.task.kind != "approve":
        raise Refused(
            f'Task "{name}" is not an approval. Its kind is {report.task.kind}.',
            hint=Action("task.list"),
            code="not_an_approval",
        )
    return report


def others_of_user(principal: Principal, incident: Incident, name: str) -> list[str]:
    """Return other people in whose name the same system user decided in an approval; every report will say so."""
    own, given = (principal.person, principal.on_behalf_of), incident.invocations[name].approvals
    same = {a.by for a in given if a.os_user == principal.os_user and a.by not in own}
    return sorted(same) if principal.os_user else []


def refuse_rejection(principal: Principal) -> None:
    """Raise Refused if somebody would reject on behalf of another person."""
    if principal.on_behalf_of:
        raise Refused(
            "You cannot reject on behalf of another person.",
            hint="Record the statement of that person: tocsin task comment STEP TEXT",
            code="on_behalf",
        )


def decide_on(
    service: IncidentService,
    principal: Principal,
    incident: str,
    digests: Sequence[tuple[str, str]],
    *,
    approved: bool,
    reason: str = "",
    as_it_was: str = "",
) -> tuple[Turn, tuple[Tally, ...]]:
    """Approve or reject steps, each with the digest of the version that was read; return the progress of the approvals."""
    if not approved:
        refuse_rejection(principal)
    made = [
        Decide(
            step=name,
            digest=digest if ":" in digest else f"sha256:{digest}",
            approved=approved,
            reason=reason,
            as_it_was=as_it_was,
        )
        for name, digest in digests
    ]
    turn = service.act(principal, incident, made)
    library, after = service.library(turn.after), turn.after
    given = ((after.invocations[name], library.step(after, name)) for name, _ in digests if approved)
    return turn, tuple(tally(after, invocation, cast("Approve", step)) for invocation, step in given)
