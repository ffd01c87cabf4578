"""Decisions on steps: the permitted actions of a person in each state of an invocation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from runner.actions import REASON, Action, Slot, set_fact
from runner.base.actor import Principal
from runner.base.states import TaskState
from runner.base.text import near_hint
from runner.errors import NotFound, Refused, reason_given
from runner.incident.law.moved_deadlines import facts_that_wait, moves, require_grounds, with_facts
from runner.incident.people.second_person import guarded, with_second
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.action_items import left_items
from runner.incident.state.expression_view import find_step, item_of
from runner.incident.state.future_timestamps import refuse_facts_ahead
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPersonAct
from runner.incident.state.steps import completion_state
from runner.incident.steps.approvals import decide_approval, refuse_waiting
from runner.incident.steps.containers import superseded
from runner.incident.steps.forms import closing_digest
from runner.playbook.format import EFFECTS, PEOPLE, AnyStep, Approve, Ask, File, Form, Task


def decide_step(
    incident: Incident, command: c.StepCommand, principal: Principal, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Return the events of a command on one step."""
    by = principal.person
    invocation = incident.invocations.get(command.step)
    if invocation is None:
        raise NotFound(
            f'Task "{command.step}" does not exist in incident "{incident.codename}".',
            hint=Action("task.list"),
            code="unknown_step",
        )
    if isinstance(command, c.CommentStep):
        if not command.text.strip():
            raise Refused("The comment has no text.", hint="Write the comment.", code="words_missing")
        return (e.event_of(e.StepCommented, command, by=by),)
    step = library.step(incident, invocation.id)
    match command:
        case c.Decide():
            return decide_approval(incident, invocation, step, command, principal, now)
        case c.AnswerUnknown() if isinstance(step, Ask) and step.unknown_as:
            at_once = _at_once(invocation, step, command)
            return _answer(incident, invocation, step, at_once, by, now, library)
        case c.Answer() | c.AnswerForm() | c.AnswerUnknown():
            return _answer(incident, invocation, step, command, by, now, library)
        case c.ReopenStep():
            return _reopen(incident, invocation, command, by, library)
        case _:
            if isinstance(command, c.CompleteTask):
                command = _done_otherwise(incident, invocation, command, library)
            return _work(incident, invocation, step, command, by, now)


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


_ENDS: Mapping[type[c.Command], tuple[TaskState, str]] = {
    c.SkipStep: ("skipped", "skip"),
    c.CancelStep: ("cancelled", "cancel"),
    c.FailStep: ("failed", "fail"),
}
"""For each command that ends a step with a reason: the state after it, and the action in words."""


def _work(
    incident: Incident, invocation: Invocation, step: AnyStep, command: WorkCommand, by: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    if invocation.over:
        raise Refused(
            f'Task "{invocation.id}" has ended. State: {invocation.state}.',
            hint=Action("task.reopen", invocation.id, {"reason": REASON}),
            code="already_ended",
        )
    if not isinstance(command, c.SkipStep | c.CancelStep | c.AssignStep):
        refuse_waiting(incident, invocation, step)
    match command:
        case c.SkipStep(reason=reason) | c.CancelStep(reason=reason) | c.FailStep(reason=reason):
            state, deed = _ENDS[type(command)]
            return (_ended(invocation, state, by, reason_given(reason, f"The reason to {deed} the task")),)
        case c.AssignStep(reason=reason):
            why = reason_given(reason, "The reason to reassign the task")
            return (e.event_of(e.StepAssigned, command, reason=why),)
        case c.RetryStep(reason=reason):
            return _retry(incident, invocation, by, reason, now)
        case c.StartTask():
            return _start(invocation, by)
        case c.CheckRow():
            return _check(invocation, step, command, by)
        case c.CompleteTask(comment=comment):
            return _complete(incident, invocation, step, by, comment, now)


def _start(invocation: Invocation, by: str) -> tuple[e.AnyEvent, ...]:
    """Return the start of a task; raises Refused for a failed or expired step: a new start would hide the failure."""
    if invocation.kind not in PEOPLE:
        raise Refused(f'Task "{invocation.id}" is automatic (kind {invocation.kind}).', code="automatic_step")
    if invocation.state not in ("ready", "active"):
        raise Refused(
            f"{invocation.id} is {invocation.state}",
            hint=Action("task.retry", invocation.id),
            code="retry_needed",
        )
    return (e.StepStarted(step=invocation.id, by=by),)


def _ended(invocation: Invocation, state: str, by: str, reason: str = "", digest: str = "") -> e.StepEnded:
    return e.StepEnded(step=invocation.id, state=state, by=by, reason=reason, digest=digest)  # type: ignore[arg-type]


def _done_otherwise(
    incident: Incident, invocation: Invocation, command: c.CompleteTask, library: Library
) -> c.CompleteTask:
    """Put how each item was done that the action did not do into the comment; raises Refused without it."""
    left = left_items(incident, invocation, library)
    if wrong := sorted(command.instead.keys() - left.keys()):
        raise Refused(
            f'"{wrong[0]}" is no item that the action did not do.',
            hint=near_hint(wrong[0], [*left], f"Items: {', '.join(left) or 'none'}"),
            code="unknown_item",
        )
    said = {name: command.instead.get(name, "").strip() for name in left}
    if not all(said.values()):
        listed = "; ".join(f"{name}: {why}" for name, why in left.items() if not said[name])
        raise Refused(
            f"Not done: {listed}. Say for each how it was done instead.",
            hint=Action("task.done", invocation.id, {"instead": Slot("ITEM=HOW")}),
            code="items_not_done",
        )
    texts = (command.comment, *(f"{name}: {how}" for name, how in said.items()))
    return msgspec.structs.replace(command, comment="; ".join(filter(None, texts)))


def _complete(
    incident: Incident, invocation: Invocation, step: AnyStep, by: str, comment: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    match step:
        case Task(rows=rows):
            open_rows = [row for n, row in enumerate(rows) if n not in invocation.checked]
            if open_rows:
                raise Refused(
                    f"{len(open_rows)} of {len(rows)} checklist items are not done. Next item: {open_rows[0]}",
                    hint=Action("task.check", invocation.id, {"all": True}),
                    code="open_rows",
                )
        case File() if not _on_record(incident, invocation, step):
            raise Refused(
                "The filing has no reference number and no receipt.",
                hint=Action("duty.record_filed", Slot("DUTY"), {"reference": Slot("NUMBER")}),
                code="proof_missing",
            )
        case Ask() | Form() | Approve():
            answer = Action("step.answer", invocation.step)
            raise Refused(
                f"{invocation.id} is a {invocation.kind}",
                hint=Action("step.approve", invocation.step) if isinstance(step, Approve) else answer,
                code="not_a_task",
            )
        case File():
            pass
        case _:
            if invocation.state not in ("outcome_unknown", "failed") and not invocation.stuck:
                raise Refused(
                    f'Task "{invocation.id}" is automatic. A person cannot complete it.',
                    code="automatic_step",
                )
    # Approvals of an action are for its requests: who does it by hand does what they approved.
    digest = invocation.digest if invocation.items else ""
    digest = digest or f"sha256:{hashlib.sha256(f'{invocation.id}|{comment}'.encode()).hexdigest()}"
    ended = _ended(invocation, completion_state(invocation, now), by, comment, digest)
    return (msgspec.structs.replace(ended, at_once=len(invocation.at_once)),)


def _on_record(incident: Incident, invocation: Invocation, step: File) -> bool:
    """Tell whether the filing that a step waits for was recorded before the step could end with it."""
    scope = incident.scopes[invocation.scope]
    subject = find_step(incident, scope, step.file)
    named = [item_of(incident, scope, step.duty)] if step.duty else []
    named += [d.duty for d in incident.documents.values() if subject is not None and d.step == subject.id]
    records = [incident.duties[name].record for name in named if name in incident.duties]
    return any(record is not None and record.kind == "filed" for record in records)


def _check(invocation: Invocation, step: AnyStep, command: c.CheckRow, by: str) -> tuple[e.AnyEvent, ...]:
    rows, row = step.rows if isinstance(step, Task) else (), command.row
    if not 0 <= row < len(rows):
        raise Refused(
            f'Task "{invocation.id}" has {len(rows)} checklist items. Item {row + 1} does not exist.',
            code="unknown_row",
        )
    if (row in invocation.checked) is command.done:
        return ()
    if not command.done:
        return (e.StepUnchecked(step=invocation.id, row=row, by=by),)
    if command.at_once and isinstance(step, Task) and step.must(row):
        raise Refused(
            f'Item {row + 1} of task "{invocation.id}" must be marked done alone: {rows[row]}',
            hint=Action("task.check", invocation.id, {"row": str(row + 1)}),
            code="must_row",
        )
    return (e.event_of(e.StepChecked, command, by=by),)


def _retry(
    incident: Incident, invocation: Invocation, by: str, reason: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    if not invocation.stuck and invocation.state not in ("failed", "expired", "outcome_unknown"):
        raise Refused(
            f'Task "{invocation.id}" is {invocation.state}. Only a failed task can be retried.',
            code="nothing_to_retry",
        )
    if any(a.state == "sending" for a in invocation.attempts):
        raise Refused(
            f'An attempt of task "{invocation.id}" is in progress.',
            hint="Wait for the outcome.",
            code="attempt_sending",
        )
    if invocation.kind == "message" and invocation.message:
        return _send_again(incident, invocation, by, reason or "tried again", now)
    if invocation.kind in EFFECTS:
        generation = invocation.generation + _refused_for_good(invocation)
        return (e.StepRetried(step=invocation.id, by=by, wake_at=now, reason=reason, generation=generation),)
    return (e.StepReopened(step=invocation.id, by=by, reason=reason or "tried again"),)


def _refused_for_good(invocation: Invocation) -> bool:
    """Tell whether the last attempt of an action certainly failed: it starts again under another key.

    A service that honours keys would only repeat its refusal. If one try may have had an effect, the key does not change.
    """
    if not invocation.attempts or invocation.attempts[-1].state != "rejected":
        return False
    key = invocation.attempts[-1].key
    return all(a.state != "unknown" for a in invocation.attempts if a.key == key)


def _send_again(
    incident: Incident, invocation: Invocation, by: str, reason: str, now: datetime
) -> tuple[e.AnyEvent, ...]:
    """Resend to recipients who were not reached; compose the message again if there were none."""
    deliveries = [incident.deliveries[name] for name in incident.messages[invocation.message].deliveries]
    missed = [d.id for d in deliveries if d.state != "satisfied"]
    return (
        e.StepRetried(step=invocation.id, by=by, wake_at=None if missed else now, reason=reason),
        *(e.DeliveryResent(delivery=name, by=by, reason=reason) for name in missed),
    )


def _reopen(
    incident: Incident, invocation: Invocation, command: c.ReopenStep, by: str, library: Library
) -> tuple[e.AnyEvent, ...]:
    if not invocation.over:
        raise Refused(
            f'Task "{invocation.id}" is still {invocation.state}.',
            hint="Reopen the task after it has ended.",
            code="not_ended",
        )
    if superseded(incident, invocation):
        raise Refused(
            f'Task "{invocation.id}" was reopened since.',
            hint="Reopen the newest invocation of the task.",
            code="superseded",
        )
    parent = incident.scopes[invocation.scope].parent
    if parent and not library.stands(incident.runs, incident.scopes, incident.invocations, parent):
        raise Refused(
            f'Task "{parent}", which contained this task, is not in the playbook any more.',
            code="step_removed",
        )
    reason = reason_given(command.reason, "The reason to reopen the task")
    return (e.event_of(e.StepReopened, command, by=by, reason=reason),)


def _answer(
    incident: Incident,
    invocation: Invocation,
    step: AnyStep,
    command: c.Answer | c.AnswerForm | c.AnswerUnknown,
    by: str,
    now: datetime,
    library: Library,
) -> tuple[e.AnyEvent, ...]:
    if not isinstance(step, Form if isinstance(command, c.AnswerForm) else Ask | Form):
        raise Refused(
            f'Task "{invocation.id}" is of kind {invocation.kind}, not a question.', code="not_a_question"
        )
    if invocation.over:
        raise Refused(
            f'Question "{invocation.id}" is answered already.',
            hint=set_fact(step.asks[0].fact, incident.facts.get(step.asks[0].fact)),
            code="already_answered",
        )
    refuse_waiting(incident, invocation, step)
    if isinstance(command, c.AnswerUnknown):
        return (
            e.StepRescheduled(
                step=invocation.id, due=invocation.due, wake_at=command.ask_again, reason="not known yet"
            ),
        )
    changes = command.changes if isinstance(command, c.AnswerForm) else (command.change,)
    changes = tuple(_assumed(step, change) for change in changes)
    _refuse_answers(invocation, step, changes)
    refuse_facts_ahead(changes, now)
    moved = moves(incident, changes, now, library) if guarded(incident) else ()
    require_grounds(incident, moved, command.grounds)
    waiting = () if library.alone else facts_that_wait(incident, changes, moved, now, library)
    rest = tuple(change for change in changes if change not in waiting)
    digest = closing_digest(incident, invocation, step, rest, now, library) if rest else None
    state = completion_state(invocation, now)
    ended = () if digest is None else (_ended(invocation, state, by, "", digest),)
    recorded = e.FactsRecorded(facts=rest, by=by, step=invocation.id, grounds=command.grounds)
    done = (recorded, *ended) if rest else ()
    if not any(move.later for move in moved):
        return done
    if waiting:
        moved = moves(with_facts(incident, rest, now), waiting, now, library)
    act = TwoPersonAct(
        kind="move_clock",
        by=by,
        reason=command.grounds,
        facts=waiting or changes,
        step=invocation.id if isinstance(step, Form) else "",
        moves=moved,
    )
    asked = with_second(incident, act, () if waiting else done, library.alone, "")
    return (*done, *asked) if waiting else asked


def _at_once(invocation: Invocation, step: Ask, command: c.AnswerUnknown) -> c.Answer:
    """Return the answer for which "unknown" counts; raises Refused for a wait for a better one."""
    if command.ask_again is not None:
        raise Refused(
            f'Question "{invocation.id}" is not asked again: "unknown" counts as {step.unknown_as} at once.',
            hint=Action("step.answer", invocation.id, {"unknown": True}),
            code="not_asked_again",
        )
    return c.Answer(step=command.step, change=e.FactChange(key=step.sets))


def _assumed(step: Ask | Form, change: e.FactChange) -> e.FactChange:
    """Return an answer, for "unknown" the one as which it counts."""
    said = next((field.unknown_as for field in step.asks if field.fact == change.key), "")
    if not said or bytes(change.value).strip() != b"null":
        return change
    value = msgspec.Raw(b"true" if said == "yes" else b"false")
    return e.FactChange(key=change.key, value=value, source=f"unknown counts as {said}", confidence="assumed")


def _refuse_answers(invocation: Invocation, step: Ask | Form, changes: tuple[e.FactChange, ...]) -> None:
    """Raise Refused for a fact that is no field of a form, and for the answer "unknown" to a question."""
    if isinstance(step, Ask) and bytes(changes[0].value).strip() == b"null":
        raise Refused(
            f'The answer "unknown" does not close question "{invocation.id}".',
            hint=Action("step.answer", invocation.id, {"unknown": True}),
            code="no_answer",
        )
    paths = [field.fact for field in step.asks]
    for change in changes if isinstance(step, Form) else ():
        if change.key not in paths:
            raise Refused(
                f'Fact "{change.key}" is not a field of form "{invocation.id}".',
                hint=near_hint(change.key, paths, f"Fields: {', '.join(paths)}"),
                code="unknown_field",
            )
