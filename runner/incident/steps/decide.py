"""Decisions on steps: who may do what to an invocation in which state."""

from __future__ import annotations

import hashlib
from datetime import datetime
from shlex import quote

import msgspec

from runner.errors import NotFound, Refused
from runner.incident.law.moved_deadlines import moves, require_grounds
from runner.incident.notices.staleness import passed
from runner.incident.people.second_person import guarded, with_second
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.due_times import PEOPLE
from runner.incident.state.expression_view import find_step, item_of, open_before
from runner.incident.state.future_timestamps import refuse_facts_ahead
from runner.incident.state.incident import Document, Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPersonAct
from runner.incident.state.steps import completion_state
from runner.incident.steps.approvals import authors, eligible, subject, value_digest
from runner.incident.steps.containers import superseded
from runner.playbook.format import AnyStep, Approve, Ask, File, Task

StepCommand = (
    c.StartTask
    | c.CompleteTask
    | c.CheckRow
    | c.SkipStep
    | c.CancelStep
    | c.FailStep
    | c.ReopenStep
    | c.RetryStep
    | c.AssignStep
    | c.CommentStep
    | c.Answer
    | c.AnswerUnknown
    | c.Decide
)


def decide_step(
    incident: Incident, command: StepCommand, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Return the events of a command on one step."""
    invocation = incident.invocations.get(command.step)
    if invocation is None:
        raise NotFound(
            f"no step '{command.step}' in {incident.codename}",
            hint="see: tocsin task list",
            code="unknown_step",
        )
    if isinstance(command, c.CommentStep):
        return (e.StepCommented(step=invocation.id, by=command.by, text=command.text),)
    step = library.step(incident, invocation.id)
    match command:
        case c.Decide():
            return _decide(incident, invocation, step, command, now)
        case c.Answer() | c.AnswerUnknown():
            return _answer(incident, invocation, step, command, now, library)
        case c.ReopenStep():
            return _reopen(incident, invocation, command, library)
        case _:
            return _work(incident, invocation, step, command, now)


WorkCommand = (
    c.StartTask
    | c.CompleteTask
    | c.CheckRow
    | c.SkipStep
    | c.CancelStep
    | c.FailStep
    | c.RetryStep
    | c.AssignStep
)


def _work(
    incident: Incident, invocation: Invocation, step: AnyStep, command: WorkCommand, now: datetime
) -> tuple[e.AnyEvent, ...]:
    name = invocation.id
    if invocation.over:
        raise Refused(
            f"{name} has ended as {invocation.state}",
            hint=f"to do it again: tocsin task reopen {quote(name)} --reason WHY",
            code="already_ended",
        )
    match command:
        case c.SkipStep(reason=reason):
            return (_ended(invocation, "skipped", command.by, _because(reason, "skip")),)
        case c.CancelStep(reason=reason):
            return (_ended(invocation, "cancelled", command.by, _because(reason, "cancel")),)
        case c.AssignStep(to=to, reason=reason):
            return (e.StepAssigned(step=name, to=to, reason=_because(reason, "reassign")),)
        case _:
            return _begun_work(incident, invocation, step, command, now)


def _begun_work(
    incident: Incident,
    invocation: Invocation,
    step: AnyStep,
    command: c.StartTask | c.CompleteTask | c.CheckRow | c.FailStep | c.RetryStep,
    now: datetime,
) -> tuple[e.AnyEvent, ...]:
    refuse_waiting(incident, invocation, step)
    match command:
        case c.RetryStep(reason=reason):
            return _retry(incident, invocation, command.by, reason, now)
        case c.FailStep(reason=reason):
            return (_ended(invocation, "failed", command.by, _because(reason, "fail")),)
        case c.StartTask():
            return _start(invocation, command.by)
        case c.CheckRow():
            return _check(invocation, step, command)
        case c.CompleteTask(comment=comment):
            return _complete(incident, invocation, step, command.by, comment, now)


def _start(invocation: Invocation, by: str) -> tuple[e.AnyEvent, ...]:
    """What failed or expired is not begun again by beginning it: that would hide the failure."""
    if invocation.kind not in PEOPLE:
        raise Refused(
            f"{invocation.id} is a {invocation.kind}: the program itself does it", code="automatic_step"
        )
    if invocation.state not in ("ready", "active"):
        raise Refused(
            f"{invocation.id} is {invocation.state}",
            hint=f"tocsin task retry {quote(invocation.id)}",
            code="retry_needed",
        )
    return (e.StepStarted(step=invocation.id, by=by),)


def refuse_waiting(incident: Incident, invocation: Invocation, step: AnyStep) -> None:
    """Raise Refused where a step is not open yet, with what it waits for."""
    if invocation.state != "waiting":
        return
    before = open_before(incident, invocation, step)
    first = incident.latest.get(f"{invocation.scope}|{before[0]}", "") if before else ""
    if invocation.missing:
        why = f"waits for what is not known yet: {', '.join(invocation.missing)}"
    else:
        why = f"is not open yet: it waits for {', '.join(before) or 'earlier steps'}"
    raise Refused(
        f"{invocation.id} {why}",
        hint=f"see: tocsin task show {quote(first or invocation.id)}",
        code="task_not_open",
    )


def _because(reason: str, deed: str) -> str:
    if not reason.strip():
        raise Refused(f"to {deed} a step needs a reason", hint="add --reason '…'", code="reason_missing")
    return reason.strip()


def _ended(invocation: Invocation, state: str, by: str, reason: str = "", digest: str = "") -> e.StepEnded:
    return e.StepEnded(step=invocation.id, state=state, by=by, reason=reason, digest=digest)  # type: ignore[arg-type]


def _complete(
    incident: Incident, invocation: Invocation, step: AnyStep, by: str, comment: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    match step:
        case Task(rows=rows):
            open_rows = [row for n, row in enumerate(rows) if n not in invocation.checked]
            if open_rows:
                raise Refused(
                    f"{len(open_rows)} of {len(rows)} checklist rows are open: {open_rows[0]}",
                    hint=f"tocsin task check {quote(invocation.id)} ROW, or --all",
                    code="open_rows",
                )
        case File() if not _on_record(incident, invocation, step):
            raise Refused(
                "a filing is done when its proof is recorded",
                hint="tocsin duty record-filed DUTY --reference REFERENCE --receipt FILE",
                code="proof_missing",
            )
        case Ask() | Approve():
            raise Refused(
                f"{invocation.id} is a {invocation.kind}",
                hint=f"tocsin {_verb(step)} {invocation.step}",
                code="not_a_task",
            )
        case File():
            pass
        case _:
            if invocation.state not in ("outcome_unknown", "failed") and not invocation.stuck:
                raise Refused(
                    f"{invocation.id} is done by the program itself, not by a person", code="automatic_step"
                )
    digest = hashlib.sha256(f"{invocation.id}|{comment}".encode()).hexdigest()
    ended = _ended(invocation, completion_state(invocation, now), by, comment, f"sha256:{digest}")
    return (msgspec.structs.replace(ended, at_once=len(invocation.at_once)),)


def _on_record(incident: Incident, invocation: Invocation, step: File) -> bool:
    """Tell whether the filing that a step waits for was recorded before the step could end with it."""
    scope = incident.scopes[invocation.scope]
    made = find_step(incident, scope, step.file)
    named = [item_of(incident, scope, step.duty)] if step.duty else []
    named += [d.duty for d in incident.documents.values() if made is not None and d.step == made.id]
    records = [incident.duties[name].record for name in named if name in incident.duties]
    return any(record is not None and record.kind == "filed" for record in records)


def _verb(step: AnyStep) -> str:
    return "answer" if isinstance(step, Ask) else "approve"


def _check(invocation: Invocation, step: AnyStep, command: c.CheckRow) -> tuple[e.AnyEvent, ...]:
    rows, row = step.rows if isinstance(step, Task) else (), command.row
    if not 0 <= row < len(rows):
        raise Refused(
            f"{invocation.id} has {len(rows)} checklist rows; there is no row {row + 1}", code="unknown_row"
        )
    if (row in invocation.checked) is command.done:
        return ()
    if not command.done:
        return (e.StepUnchecked(step=invocation.id, row=row, by=command.by),)
    if command.at_once and isinstance(step, Task) and step.must(row):
        raise Refused(
            f"row {row + 1} of {invocation.id} must be checked by itself: {rows[row]}",
            hint=f"tocsin task check {quote(invocation.id)} {row + 1}",
            code="must_row",
        )
    return (e.StepChecked(step=invocation.id, row=row, by=command.by, at_once=command.at_once),)


def _retry(
    incident: Incident, invocation: Invocation, by: str, reason: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    if not invocation.stuck and invocation.state not in ("failed", "expired", "outcome_unknown"):
        raise Refused(
            f"{invocation.id} is {invocation.state}: there is nothing to try again", code="nothing_to_retry"
        )
    if any(a.state == "sending" for a in invocation.attempts):
        raise Refused(
            f"an attempt of {invocation.id} is still on its way",
            hint="wait for its outcome",
            code="attempt_sending",
        )
    if invocation.kind == "message" and invocation.message:
        return _send_again(incident, invocation, by, reason or "tried again", now)
    if invocation.kind in ("act", "message", "notice"):
        generation = invocation.generation + _refused_for_good(invocation)
        return (e.StepRetried(step=invocation.id, by=by, wake_at=now, reason=reason, generation=generation),)
    return (e.StepReopened(step=invocation.id, by=by, reason=reason or "tried again"),)


def _refused_for_good(invocation: Invocation) -> bool:
    """Tell whether an action certainly did not happen, by the last answer: it begins anew, under another key.

    A service that honours keys would only repeat its refusal. Where one try may have happened the key is kept.
    """
    if not invocation.attempts or invocation.attempts[-1].state != "rejected":
        return False
    key = invocation.attempts[-1].key
    return all(a.state != "unknown" for a in invocation.attempts if a.key == key)


def _send_again(
    incident: Incident, invocation: Invocation, by: str, reason: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    """To those who were not reached; where nobody was to be reached at all, the message is composed anew."""
    deliveries = [incident.deliveries[name] for name in incident.messages[invocation.message].deliveries]
    missed = [d.id for d in deliveries if d.state != "satisfied"]
    return (
        e.StepRetried(step=invocation.id, by=by, wake_at=None if missed else now, reason=reason),
        *(e.DeliveryResent(delivery=name, by=by, reason=reason) for name in missed),
    )


def _reopen(
    incident: Incident, invocation: Invocation, command: c.ReopenStep, library: Library
) -> tuple[e.AnyEvent, ...]:
    if not invocation.over:
        raise Refused(
            f"{invocation.id} is still {invocation.state}",
            hint="only ended steps are reopened",
            code="not_ended",
        )
    if superseded(incident, invocation):
        raise Refused(
            f"{invocation.id} has been done again since", hint="reopen the newest one", code="superseded"
        )
    parent = incident.scopes[invocation.scope].parent
    if parent and not library.stands(incident.runs, incident.scopes, incident.invocations, parent):
        raise Refused(f"{parent}, in which it stood, is no longer part of the playbook", code="step_removed")
    reason = _because(command.reason, "reopen")
    return (e.StepReopened(step=invocation.id, by=command.by, reason=reason, keeps=command.keeps),)


def _answer(
    incident: Incident,
    invocation: Invocation,
    step: AnyStep,
    command: c.Answer | c.AnswerUnknown,
    now: datetime,
    library: Library,
) -> tuple[e.AnyEvent, ...]:
    if not isinstance(step, Ask):
        raise Refused(f"{invocation.id} is a {invocation.kind}, not a question", code="not_a_question")
    if invocation.over:
        raise Refused(
            f"{invocation.id} is answered",
            hint=f"correct the fact: tocsin fact set {step.sets}=VALUE --source SOURCE",
            code="already_answered",
        )
    refuse_waiting(incident, invocation, step)
    if isinstance(command, c.AnswerUnknown):
        return (
            e.StepRescheduled(
                step=invocation.id, due=invocation.due, wake_at=command.ask_again, reason="not known yet"
            ),
        )
    if bytes(command.change.value).strip() == b"null":
        raise Refused(
            f"'unknown' does not answer {invocation.id}: it stays open",
            hint=f"say that nobody knows yet: tocsin answer {quote(invocation.id)} --unknown",
            code="no_answer",
        )
    refuse_facts_ahead((command.change,), now)
    moved = moves(incident, (command.change,), now, library) if guarded(incident) else ()
    require_grounds(incident, moved, command.grounds)
    events = (
        e.FactsRecorded(facts=(command.change,), by=command.by, step=invocation.id, grounds=command.grounds),
        _ended(
            invocation,
            completion_state(invocation, now),
            command.by,
            "",
            value_digest(bytes(command.change.value)),
        ),
    )
    if not any(move.later for move in moved):
        return events
    act = TwoPersonAct(
        kind="move_clock", by=command.by, reason=command.grounds, facts=(command.change,), moves=moved
    )
    return with_second(incident, act, events, library.alone, "")


def _decide(
    incident: Incident, invocation: Invocation, step: AnyStep, command: c.Decide, now: datetime
) -> tuple[e.AnyEvent, ...]:
    if not isinstance(step, Approve):
        raise Refused(f"{invocation.id} is a {invocation.kind}, not an approval", code="not_an_approval")
    _still_asked(incident, invocation, step, now)
    bound = subject(incident, invocation, step)
    if bound is None or not bound.digest:
        raise Refused(
            f"{step.approve} has produced nothing yet that could be approved", code="nothing_to_approve"
        )
    if command.digest != bound.digest:
        raise Refused(
            f"these are not the bytes to approve: {step.approve} is now {bound.digest}",
            hint="look at it again, then approve that digest",
            code="digest_changed",
        )
    if not command.approved:
        _because(command.reason, "reject")
    documents = [d for d in incident.documents.values() if d.step == bound.id and d.digest == bound.digest]
    if command.approved and documents:
        _no_draft(documents[-1], bound)
    roles = _roles_for(incident, invocation, step, command.by)
    if command.approved and command.by in authors(incident, bound):
        raise Refused(
            f"{command.by} made what is to be approved", hint="somebody else has to approve it", code="author"
        )
    _not_said_already(invocation, command)
    word = (
        passed(incident, documents[-1], command.by, command.as_it_was)
        if command.approved and documents
        else ()
    )
    return (
        *word,
        e.ApprovalGiven(
            step=invocation.id,
            recorded_by=command.recorded_by,
            by=command.by,
            role=_shown_role(invocation, roles),
            roles=roles,
            digest=command.digest,
            approved=command.approved,
            reason=command.reason,
            os_user=command.os_user,
            proven_by=command.proven_by,
        ),
    )


def _not_said_already(invocation: Invocation, command: c.Decide) -> None:
    """What somebody said themselves is not replaced by what another writes down for them."""
    own = [a for a in invocation.approvals if a.by == command.by and not a.void and not a.provisional]
    if command.recorded_by and own:
        said = "approved" if own[-1].approved else "rejected"
        raise Refused(f"{command.by} {said} it already, in person", code="already_decided")


def _still_asked(incident: Incident, invocation: Invocation, step: AnyStep, now: datetime) -> None:
    """An approval fails closed: what has ended, or has expired whether or not anybody looked, is not approved."""
    if invocation.over:
        raise Refused(f"{invocation.id} has ended as {invocation.state}", code="already_ended")
    refuse_waiting(incident, invocation, step)
    expired = invocation.wake_at is not None and invocation.wake_at <= now
    if expired or invocation.state not in ("ready", "active"):
        state = "expired" if expired else invocation.state
        raise Refused(
            f"{invocation.id} has {state}: it cannot be approved any more",
            hint=f"ask again: tocsin task retry {quote(invocation.id)}",
            code="retry_needed",
        )


def _no_draft(made: Document, bound: Invocation) -> None:
    """A notice that lacks what the law wants at once, or says what it forbids, cannot be approved."""
    if made.status != "draft":
        return
    gaps = [gap.partition(": ") for gap in made.gaps]
    missing = [path for kind, _, path in gaps if kind == "missing"]
    wrong = [item for kind, _, item in gaps if kind == "uncovered"]
    why = [f"{', '.join(missing)} must be known first"] if missing else []
    why += [f"what the law wants is not as it should be: {'; '.join(wrong)}"] if wrong else []
    first = f"tocsin fact set {missing[0]}=VALUE --source SOURCE, then " if missing else ""
    raise Refused(
        f"{made.notice} is a draft: {'; '.join(why) or 'it was rendered as one'}",
        hint=f"{first}tocsin notice render {quote(bound.id)}; counsel may let each gap pass: --gap NAME=REASON",
        code="draft",
    )


def _roles_for(incident: Incident, invocation: Invocation, step: Approve, person: str) -> tuple[str, ...]:
    """Return the roles in which a person may decide; raises Refused where there is none."""
    held = eligible(incident, invocation, step, person)
    if not held:
        raise Refused(
            f"{person or 'nobody'} holds none of the roles {', '.join(step.by.roles)}",
            hint="tocsin role assign ROLE PERSON",
            code="role",
        )
    return held


def _shown_role(invocation: Invocation, roles: tuple[str, ...]) -> str:
    """Return the role to show: one in which nobody has approved yet. Which one counts is for the quorum to find."""
    used = {a.role for a in invocation.approvals if a.approved and not a.void}
    return next((role for role in roles if role not in used), roles[0])
