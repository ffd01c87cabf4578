"""Approvals: which of them are void, and a person's decision on exact versions, also on behalf of another person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from runner.actions import Action
from runner.errors import Refused
from runner.incident.notices.decide import own_approval
from runner.incident.notices.staleness import blocking
from runner.incident.notices.verification import open_items
from runner.incident.state.commands import Decide
from runner.incident.steps.approvals import (
    Tally,
    able,
    authors,
    eligible,
    reachable,
    refuse_closed,
    refuse_person,
    refuse_unready,
    subject,
    tally,
    ways_out,
)
from runner.playbook.format import Approve
from runner.reports.core.formatting import person_name
from runner.reports.core.second_person import act_words, awaited_words, confirmers, who_words
from runner.reports.core.task_rows import task_rows
from runner.reports.incidents.signing import MINE, Part, SigningQueue, WaitingApproval, WaitingConfirmation
from runner.reports.incidents.task import TaskReport, legal_deadline, task
from runner.reports.notices.redline import approved_before
from runner.reports.people.unassigned_roles import roles_words, ways_words

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.app.core.repository import Turn
    from runner.base.actor import Principal
    from runner.incident.state.incident import Incident, Invocation
    from runner.incident.state.library import Library


LATEST = datetime.max.replace(tzinfo=UTC)


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
    person = principal.on_behalf_of or principal.person
    waiting = _waiting(incident, service.library(incident))
    return [one.id for one, step in waiting if eligible(incident, one, step, person)]


def _waiting(incident: Incident, library: Library) -> Iterator[tuple[Invocation, Approve]]:
    for name, invocation in incident.invocations.items():
        waits = invocation.state in ("ready", "active") and not invocation.over
        definition = library.step(incident, name) if waits and invocation.kind == "approve" else None
        if isinstance(definition, Approve):
            yield invocation, definition


def part_of(incident: Incident, invocation: Invocation, step: Approve, person: str) -> Part:
    """Return why a person cannot decide in an approval; empty if the person can."""
    bound = subject(incident, invocation, step)
    if not eligible(incident, invocation, step, person):
        return "role"
    if bound is not None and person in authors(incident, bound):
        return "author"
    given = (a for a in invocation.approvals if not a.void and not a.provisional)
    if bound is None or not bound.digest:
        return "nothing"
    if any((a.by, a.digest) == (person, bound.digest) for a in given):
        return "decided"
    texts = [d for d in incident.documents.values() if (d.step, d.digest) == (bound.id, bound.digest)]
    if texts and texts[-1].status == "draft":
        return "draft"
    return "items" if texts and open_items(incident, texts[-1]) else ""


def if_written(service: IncidentService, incident: Incident, step: str, person: str) -> str:
    """Return who can approve a version of a notice that this person writes; empty for one who approves nothing there.

    ``step`` is its task; without one, it is the notice that a person begins from a duty.
    """
    library, about, held = service.library(incident), incident.invocations.get(step), incident.roles
    approvals = [own_approval(incident, library)]
    if about is not None:
        steps = library.body(incident.runs, incident.scopes[about.scope]).steps.values()
        approvals = [one for one in steps if isinstance(one, Approve) and one.approve == about.step]
    asked = (one for one in approvals if any(person in held.get(role, ()) for role in one.by.roles))
    if (one := next(asked, None)) is None:
        return ""
    given, words = able(one, held, (person,)), "If you generate this version, you cannot approve it."
    if reachable(one.by, given):
        return f"{words} {' or '.join(dict.fromkeys(person_name(name) for names in given.values() for name in names))} can."
    few = f"Then too few people can approve it ({roles_words(one.by)}). Let somebody else generate it, or:"
    return f"{words} {few} {ways_words([ways_out(one, held, (person,))])}"


def queue(service: IncidentService, reader: Reader, principal: Principal) -> SigningQueue:
    """Return the approvals that wait in all open incidents of a reader who may approve there."""
    found: list[WaitingApproval] = []
    acts: list[WaitingConfirmation] = []
    for listed in reader.incidents():
        incident = reader.incident(listed.id) if listed.state in ("open", "paused") else None
        if incident is None:
            continue
        acts += _confirmations(incident, principal.person)
        if not reader.may("sign", incident):
            continue
        library = service.library(incident)
        tasks = {row.invocation: row for row in task_rows(incident, library)}
        for one, step in _waiting(incident, library):
            bound = subject(incident, one, step)
            text = next((d for d in incident.documents.values() if bound and bound.digest == d.digest), None)
            found.append(
                WaitingApproval(
                    incident=incident.id,
                    codename=incident.codename,
                    kind=incident.kind,
                    as_of=service.now_in(incident),
                    step=one.id,
                    title=tasks[one.id].title,
                    tally=tally(incident, one, step),
                    part=part_of(incident, one, step, principal.person),
                    due=tasks[one.id].due,
                    deadline=legal_deadline(incident, library, text.duty) if text is not None else None,
                    notice=text.notice if text is not None else "",
                    document=text.id if text is not None else "",
                    stale=text is not None and bool(blocking(incident, text)),
                )
            )
    found.sort(
        key=lambda one: (one.part not in MINE, min(filter(None, (one.deadline, one.due)), default=LATEST))
    )
    return SigningQueue(as_of=service.clock.now(), approvals=tuple(found), confirmations=tuple(acts))


def _confirmations(incident: Incident, person: str) -> Iterator[WaitingConfirmation]:
    """Yield the acts of two people that a person can confirm, or has requested."""
    for one in incident.second_person.values():
        mine = person in confirmers(incident, one)
        if one.state == "awaiting" and (mine or one.act.by == person):
            own = f"You want to {act_words(one.act)}: waits for {who_words(incident, one)}"
            yield WaitingConfirmation(
                codename=incident.codename,
                kind=incident.kind,
                entry=one.entry,
                since=one.at,
                mine=mine,
                text=awaited_words(incident, one) if mine else own,
            )


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


def refuse_early(
    service: IncidentService, incident: Incident, names: Sequence[str], person: str, *, approved: bool
) -> None:
    """Raise Refused for a decision that this person cannot make now, before a text is shown or a factor asked for.

    That is: the approval is not open, the person has none of its roles or wrote the text, or it is a draft or has items
    to verify.
    """
    library, now = service.library(incident), service.now_in(incident)
    for name in names:
        step, invocation = library.step(incident, name), incident.invocations[name]
        if isinstance(step, Approve):
            refuse_closed(incident, invocation, step, now)
            refuse_person(incident, invocation, step, person, approved=approved)
            bound = subject(incident, invocation, step)
            if bound is not None and approved:
                refuse_unready(incident, bound)


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
