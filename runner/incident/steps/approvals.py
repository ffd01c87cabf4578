"""Approvals: M distinct persons on one digest, never the author, void as soon as the bytes change."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote

import msgspec

from runner.actions import Action, assign_role
from runner.base.actor import Principal, named_person
from runner.errors import Refused, reason_given
from runner.incident.notices.staleness import passed
from runner.incident.notices.verification import refuse_unverified
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.action_items import action_run
from runner.incident.state.documents import answerable
from runner.incident.state.expression_view import find_step, open_before
from runner.incident.state.incident import Approval, Document, Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.steps import completion_state
from runner.playbook import format as p
from runner.playbook.format import AnyStep, Approve

EXECUTIVE = "executive"
"""The role that can approve a notice in place of a role whose persons all wrote it."""


def subject(incident: Incident, invocation: Invocation, step: p.Approve) -> Invocation | None:
    """Return the invocation whose product is approved: the newest one of the named step."""
    return _as_it_stands(incident, find_step(incident, incident.scopes[invocation.scope], step.approve))


def _as_it_stands(incident: Incident, bound: Invocation | None) -> Invocation | None:
    """An answer is the value of its fact: a corrected value has another digest, an unknown one has none."""
    if bound is not None and bound.kind == "form" and bound.digest:
        return _form_as_it_stands(incident, bound)
    if bound is None or bound.kind != "ask" or not bound.digest or bound.sets not in incident.facts:
        return bound
    fact = incident.facts[bound.sets]
    now = value_digest(msgspec.json.encode(fact.value)) if fact.value is not None else ""
    if now == bound.digest:
        return bound
    return msgspec.structs.replace(bound, digest=now, ended_by=fact.by, ended_for="")


def _form_as_it_stands(incident: Incident, bound: Invocation) -> Invocation:
    """A form is the values of all its fields; who recorded one of them elsewhere is an author too."""
    recorded = (incident.facts[path].by for path in bound.fields if path in incident.facts)
    return msgspec.structs.replace(
        bound,
        digest=values_digest(incident, bound.fields),
        answered_by=(*bound.answered_by, *recorded),
    )


def values_digest(incident: Incident, paths: Sequence[str]) -> str:
    """Return the digest of the values of a form's fields; null is the value of an unknown one."""
    facts = incident.facts
    values = [(path, facts[path].value if path in facts else None) for path in paths]
    return value_digest(msgspec.json.encode(values))


def value_digest(value: bytes) -> str:
    """Return the digest of an answer from the JSON of its value."""
    return f"sha256:{hashlib.sha256(value).hexdigest()}"


def authors(incident: Incident, bound: Invocation) -> frozenset[str]:
    """Return the authors of the subject of an approval, and the persons on whose behalf they acted; none for the program.

    The authors of earlier generations of the same bytes count, too.
    """
    written = [d for d in incident.documents.values() if d.step == bound.id and d.digest == bound.digest]
    whos = [who for document in written for who in (document.by, document.on_behalf_of)]
    return frozenset(whos or (bound.ended_by, bound.ended_for, *bound.answered_by)) - {""}


def counted(invocation: Invocation, digest: str, made_by: frozenset[str]) -> tuple[Approval, ...]:
    """Return the approvals for exactly these bytes, without those of their authors and without unconfirmed ones."""
    return tuple(
        a
        for a in invocation.approvals
        if a.approved and not a.void and not a.provisional and a.digest == digest and a.by not in made_by
    )


def reached(step: p.Approve, given: tuple[Approval, ...]) -> bool:
    """Tell whether distinct persons meet the quorum; if every role is required, each by another person."""
    held = {a.by: frozenset((*a.roles, a.role)) for a in given}
    if len(held) < step.by.distinct:
        return False
    return not step.by.every_role or _each_role_filled(step.by.roles, held)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of an approval: given, required, and the roles that are still needed."""

    step: str
    have: int
    wanted: int
    still_needs: tuple[str, ...]
    each: bool
    """One person of each of these roles is needed; otherwise one person of any of them."""


def tally(incident: Incident, invocation: Invocation, step: p.Approve) -> Tally:
    """Return the progress of the approval of the present product."""
    bound, every, roles = (
        subject(incident, invocation, step),
        step.by.every_role,
        dict.fromkeys(step.by.roles),
    )
    approvals = counted(invocation, bound.digest, authors(incident, bound)) if bound is not None else ()
    wanted = max(step.by.distinct, len(roles) if every else 1)
    held = {a.by: frozenset((*a.roles, a.role)) for a in approvals}
    filled = _filled(roles, held) if every else 0
    more = (role for role in roles if not every or _filled(roles, {**held, "": frozenset({role})}) > filled)
    still = () if reached(step, approvals) else tuple(more)
    have = filled if every and still else min(len(held), wanted)
    each = every and len(still) <= wanted - have
    return Tally(step=invocation.id, have=have, wanted=wanted, still_needs=still, each=each)


def _filled(roles: Iterable[str], held: Mapping[str, frozenset[str]]) -> int:
    filled: tuple[str, ...] = ()
    for role in roles:
        filled = (*filled, role) if _each_role_filled((*filled, role), held) else filled
    return len(filled)


Holders = Mapping[str, Sequence[str]]
"""The people of each role."""


def able(step: p.Approve, roles: Holders, made_by: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return who can give the approval of each role if ``made_by`` wrote the notice: an executive where all of a role did."""
    found: dict[str, tuple[str, ...]] = {}
    for role in step.by.roles:
        held = roles.get(role, ())
        given = roles.get(EXECUTIVE, ()) if held and set(held) <= set(made_by) else held
        found[role] = tuple(person for person in given if person not in made_by)
    return found


def ways_out(step: p.Approve, roles: Holders, made_by: Collection[str]) -> tuple[str, ...]:
    """Return the roles of which one more person would be enough for an approval that cannot be given."""
    more = {role: {**roles, role: (*roles.get(role, ()), "")} for role in (*step.by.roles, EXECUTIVE)}
    return tuple(role for role, held in more.items() if reachable(step.by, able(step, held, made_by)))


def reachable(quorum: p.Quorum, roles: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether the persons with the roles are enough for a quorum."""
    held: dict[str, frozenset[str]] = {}
    for role in quorum.roles:
        for person in roles.get(role, ()):
            held[person] = held.get(person, frozenset()) | {role}
    return len(held) >= quorum.distinct and (not quorum.every_role or _each_role_filled(quorum.roles, held))


def _each_role_filled(roles: tuple[str, ...], held: Mapping[str, frozenset[str]]) -> bool:
    """Match roles and persons: a person with several roles fills the one that no other person can fill."""
    filled: dict[str, str] = {}

    def fill(role: str, asked: set[str]) -> bool:
        for person in sorted(person for person in held if role in held[person] and person not in asked):
            asked.add(person)
            if person not in filled or fill(filled[person], asked):
                filled[person] = role
                return True
        return False

    return all(fill(role, set()) for role in dict.fromkeys(roles))


def eligible(incident: Incident, invocation: Invocation, step: p.Approve, person: str) -> tuple[str, ...]:
    """Return the roles in which a person can decide.

    The person has the role, or is a named deputy while it is overdue, or is an executive and everybody with the role wrote the
    notice: with one counsel who edits a text, nobody else could approve it.
    """
    deputies = invocation.deputies if invocation.overdue else ()
    acting = {role for deputy in deputies if deputy.person == person for role in deputy.roles}
    acting.update(
        written_out(incident, invocation, step) if person in incident.roles.get(EXECUTIVE, ()) else ()
    )
    return tuple(
        role
        for role in dict.fromkeys(step.by.roles)
        if role in acting or person in incident.roles.get(role, ())
    )


def approvers(
    incident: Incident, invocation: Invocation, step: p.Approve
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who can still approve, and the roles that need one more person because these people are not enough."""
    bound = subject(incident, invocation, step)
    wrote = authors(incident, bound) if bound is not None else frozenset()
    given = {a.by for a in counted(invocation, bound.digest if bound is not None else "", wrote)}
    people = dict.fromkeys(name for held in incident.roles.values() for name in held if name not in wrote)
    people.update(dict.fromkeys(one.person for one in invocation.deputies if one.person not in wrote))
    able_as = {name: eligible(incident, invocation, step, name) for name in people}
    held = {role: tuple(name for name, roles in able_as.items() if role in roles) for role in step.by.roles}
    needed = tally(incident, invocation, step).still_needs
    left = tuple(
        name for name, roles in able_as.items() if name not in given and not set(roles).isdisjoint(needed)
    )
    if reachable(step.by, held):
        return left, ()
    more = (role for role in step.by.roles if reachable(step.by, {**held, role: (*held[role], "")}))
    return left, tuple(more) or step.by.roles


def written_out(incident: Incident, invocation: Invocation, step: p.Approve) -> tuple[str, ...]:
    """Return the roles of an approval whose persons all wrote the notice: an executive can approve in their place."""
    bound = subject(incident, invocation, step)
    if bound is None or bound.kind != "notice":
        return ()
    made_by = authors(incident, bound)
    return tuple(
        role for role in step.by.roles if (held := incident.roles.get(role)) and made_by.issuperset(held)
    )


def in_time(invocation: Invocation, approvals: tuple[Approval, ...]) -> tuple[Approval, ...]:
    """Return the approvals that were given before the approval expired."""
    expiry = invocation.wake_at
    return approvals if expiry is None else tuple(a for a in approvals if a.at < expiry)


def quorum_events(
    incident: Incident, invocation: Invocation, step: p.Approve, now: datetime
) -> Iterator[e.AnyEvent]:
    """Yield the end of an approval: reached in time, expired, or refused (a person then decides)."""
    bound = subject(incident, invocation, step)
    digest = bound.digest if bound is not None else ""
    old = [a.digest for a in invocation.approvals if not a.void and a.digest != digest]
    if digest and old:
        yield e.ApprovalVoided(step=invocation.id, old=old[0], new=digest)
        return
    refused = [a for a in invocation.approvals if not a.void and not a.approved]
    approvals = in_time(
        invocation,
        counted(invocation, digest, authors(incident, bound) if bound is not None else frozenset()),
    )
    if digest and not refused and reached(step, approvals):
        why = f"approved by {', '.join(sorted(a.by for a in approvals))}"
        yield e.StepSettled(
            step=invocation.id, state=completion_state(invocation, now), why=why, digest=digest
        )
    elif invocation.wake_at is not None and invocation.wake_at <= now:
        yield e.StepSettled(step=invocation.id, state="expired", why="expired without a quorum")
    elif refused and not invocation.stuck:
        yield e.StepStuck(step=invocation.id, why=f"rejected by {refused[-1].by}")


def void_approvals(incident: Incident, library: Library) -> Iterator[e.AnyEvent]:
    """Yield the reopening of every approval whose subject has changed bytes, or is open again.

    A filing used the approved bytes: later bytes need an approval of their own and void none. While the subject
    is open nothing is void, but nothing can use the approval either: its decisions wait for the same bytes.
    """
    for name in sorted(incident.signed):
        invocation = incident.invocations[name]
        subject_step = find_step(incident, incident.scopes[invocation.scope], invocation.subject)
        run = action_run(incident, subject_step, library)
        if run is not None and (new := run.refill()):
            yield new
            continue
        bound = _as_it_stands(incident, subject_step)
        if subject_step is None or bound is None or bound.digest == invocation.digest:
            continue
        if filed(incident, subject_step, library):
            continue
        if subject_step.digest:
            yield e.ApprovalVoided(step=name, old=invocation.digest, new=bound.digest)
        elif not subject_step.over:
            yield e.StepReopened(step=name, reason="the approved step was reopened", keeps=True)


def standing(incident: Incident, duty: str, notice: str, version: str) -> tuple[str, tuple[str, ...]]:
    """Return the approved digest of a duty's notice, and the approvers; empty if there is no valid approval.

    Any document from the same template and version counts: the pattern of the sent text is approved.
    """
    meant = (duty, notice, version)
    rendered = [d for d in incident.documents.values() if (d.duty, d.notice, d.version) == meant]
    for document in reversed(rendered):
        for name in sorted(incident.signed):
            invocation = incident.invocations[name]
            bound = incident.invocations.get(document.step)
            approvals = counted(
                invocation, document.digest, authors(incident, bound) if bound else frozenset()
            )
            if invocation.digest == document.digest and approvals:
                return document.digest, tuple(sorted(a.by for a in approvals))
    return "", ()


def approvals_of(incident: Incident, document: Document) -> dict[str, bool]:
    """Return the tasks that approve a step's text, each with whether it approved exactly this one."""
    step = incident.invocations[document.step]
    return {
        one.id: one.state in ("done", "done_late") and one.digest == document.digest
        for one in incident.invocations.values()
        if one.kind == "approve" and (one.subject, one.scope) == (step.step, step.scope)
    }


def filed(incident: Incident, bound: Invocation, library: Library) -> bool:
    """Tell whether a ``file`` step has filed a step's product."""
    for other in incident.invocations.values():
        if other.kind != "file" or other.state not in ("done", "done_late"):
            continue
        scope = incident.scopes[other.scope]
        step = library.body(incident.runs, scope).steps.get(other.step)
        if isinstance(step, p.File) and find_step(incident, scope, step.file) == bound:
            return True
    return False


def decide_approval(
    incident: Incident,
    invocation: Invocation,
    step: AnyStep,
    command: c.Decide,
    principal: Principal,
    now: datetime,
) -> tuple[e.AnyEvent, ...]:
    """Return the events of an approval or a rejection; raises Refused."""
    if not isinstance(step, Approve):
        raise Refused(
            f'Task "{invocation.id}" is of kind {invocation.kind}, not an approval.', code="not_an_approval"
        )
    refuse_closed(incident, invocation, step, now)
    bound = subject(incident, invocation, step)
    if bound is None or not bound.digest:
        raise Refused(
            f'Task "{step.approve}" has produced no document to approve.', code="nothing_to_approve"
        )
    if command.digest != bound.digest:
        raise Refused(
            f'{command.digest} is not the current version of the document of task "{step.approve}". That is {bound.digest}.',
            hint="Read the current version, then approve its digest.",
            code="digest_changed",
        )
    if not command.approved:
        reason_given(command.reason, "The reason to reject the task")
    documents = [d for d in incident.documents.values() if d.step == bound.id and d.digest == bound.digest]
    by = principal.on_behalf_of or principal.person
    roles = refuse_person(incident, invocation, step, by, approved=command.approved)
    if command.approved:
        refuse_unready(incident, bound)
    behalf = principal.on_behalf_of
    if behalf:
        _not_said_already(invocation, by)
    word = passed(incident, documents[-1], by, command.as_it_was) if command.approved and documents else ()
    return (
        *word,
        e.event_of(
            e.ApprovalGiven,
            command,
            recorded_by=principal.person if behalf else "",
            by=by,
            role=_shown_role(incident, invocation, roles, by),
            roles=roles,
            os_user=principal.os_user,
            proven_by="" if behalf else principal.proven_by or "",
        ),
    )


def _not_said_already(invocation: Invocation, by: str) -> None:
    """Raise Refused if a record by another person would replace a person's own decision."""
    own = [a for a in invocation.approvals if a.by == by and not a.void and not a.provisional]
    if own:
        decision = "approved" if own[-1].approved else "rejected"
        raise Refused(f'Person "{by}" {decision} this version already, in person.', code="already_decided")


def refuse_closed(incident: Incident, invocation: Invocation, step: AnyStep, now: datetime) -> None:
    """Raise Refused for an approval that has ended or expired, also if nobody has checked since."""
    if invocation.over:
        raise Refused(
            f'Approval "{invocation.id}" has ended. State: {invocation.state}.', code="already_ended"
        )
    refuse_waiting(incident, invocation, step)
    expired = invocation.wake_at is not None and invocation.wake_at <= now
    if expired or invocation.state not in ("ready", "active"):
        state = "expired" if expired else invocation.state
        raise Refused(
            f'Approval "{invocation.id}" has {state}.',
            hint=Action("task.retry", invocation.id),
            code="retry_needed",
        )


def refuse_unready(incident: Incident, bound: Invocation) -> None:
    """Raise Refused for the document of a step that is a draft, or that has items to verify."""
    documents = [d for d in incident.documents.values() if d.step == bound.id and d.digest == bound.digest]
    if documents:
        _no_draft(documents[-1], bound)
        refuse_unverified(incident, documents[-1])


def _no_draft(made: Document, bound: Invocation) -> None:
    """Raise Refused for a notice with missing required information, or with forbidden content."""
    if made.status != "draft":
        return
    gaps = [gap.partition(": ") for gap in made.gaps]
    missing = [path for kind, _, path in gaps if kind == "missing"]
    wrong = [item for kind, _, item in gaps if kind == "uncovered"]
    why = [f"Missing information: {', '.join(missing)}."] if missing else []
    why += [f"Required by law: {'; '.join(wrong)}."] if wrong else []
    name = next(iter(answerable(made.gaps)), "")
    first = f"tocsin fact set {name}=VALUE --source SOURCE. Then: " if name else ""
    raise Refused(
        f'Notice "{made.notice}" is a draft. {" ".join(why)}'.strip(),
        hint=f"{first}tocsin notice render {quote(bound.id)}. Counsel can accept missing information: --gap NAME=REASON",
        code="draft",
    )


def refuse_person(
    incident: Incident, invocation: Invocation, step: Approve, person: str, *, approved: bool
) -> tuple[str, ...]:
    """Return the roles in which a person may decide; raises Refused without one, and for an author who approves."""
    roles, bound = eligible(incident, invocation, step, person), subject(incident, invocation, step)
    made_by = authors(incident, bound) if bound is not None else frozenset()
    names, lacking = approvers(incident, invocation, step)
    ask: str | Action = assign_role(lacking[0], also=True) if lacking else f"Ask {' or '.join(names)}"
    if not roles:
        raise Refused(
            f"{named_person(person)} does not have the role {' or '.join(step.by.roles)}.",
            hint=ask,
            code="role",
        )
    if approved and person in made_by:
        raise Refused(f'Person "{person}" wrote this version.', hint=ask, code="author")
    return roles


def _shown_role(incident: Incident, invocation: Invocation, roles: tuple[str, ...], by: str) -> str:
    """Return the role to show: one without an approval yet. The quorum decides which one counts."""
    if by in incident.roles.get(EXECUTIVE, ()) and not any(
        by in incident.roles.get(role, ()) for role in roles
    ):
        return EXECUTIVE
    used = {a.role for a in invocation.approvals if a.approved and not a.void}
    return next((role for role in roles if role not in used), roles[0])


def refuse_waiting(incident: Incident, invocation: Invocation, step: AnyStep) -> None:
    """Raise Refused if a step is not open yet, with the steps or facts that it waits for."""
    if invocation.state != "waiting":
        return
    before = open_before(incident, invocation, step)
    first = incident.latest.get(f"{invocation.scope}|{before[0]}", "") if before else ""
    if invocation.missing:
        why = f"is not open. Missing facts: {', '.join(invocation.missing)}."
    else:
        why = f"is not open. It starts after {', '.join(before) or 'earlier tasks'}."
    raise Refused(
        f'Task "{invocation.id}" {why}',
        hint=Action("task.show", first or invocation.id),
        code="task_not_open",
    )
