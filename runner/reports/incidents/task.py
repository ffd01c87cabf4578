"""One step in full: instructions, people, times, numbered checklist, approvals and attempts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from runner.actions import Action, Slot
from runner.base.states import Kind
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import value_words
from runner.incident.state.events import StepCommented
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.steps.approvals import subject
from runner.incident.steps.forms import FieldWord, field_states
from runner.playbook.format import PEOPLE, AnyStep, Approve, Ask, Form, Task
from runner.reports.core import suggested_actions
from runner.reports.core.event_row import EventRow, decode_event
from runner.reports.core.formatting import moment, remaining, when
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Cells,
    Page,
    Tone,
    do,
    fields,
    line,
    paged,
    section,
    table,
)
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import STATE_WORDS, TaskRow, definition, named, state_words, task_rows
from runner.reports.incidents.action_requests import RequestRow, request_cells, request_rows, undone_by
from runner.reports.incidents.status import PlaybookRef
from runner.reports.law.duty_rows import deadline_words
from runner.reports.messages.messages import (
    AttemptView,
    DeliveryRow,
    attempt_blocks,
    attempt_view,
    delivery_cells,
    delivery_row,
)
from runner.reports.notices.notices import (
    ApprovalRow,
    NoticeRow,
    approval_blocks,
    approval_rows,
    notice_rows,
    override_blocks,
    verification_blocks,
)


class CheckRow(msgspec.Struct, frozen=True, kw_only=True):
    """One checklist item; ``row`` counts from 1, as in commands."""

    row: int
    text: str
    done: bool
    must: bool = False
    """Safety or evidence depends on it: it is checked separately."""
    at_once: bool = False
    """Marked done with all others in one command."""


class FieldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a form."""

    fact: str
    ask: str
    state: FieldWord
    type: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()
    value: Any = None
    missing: tuple[str, ...] = ()
    """The unknown facts of its condition."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """Another invocation of the same step: a retry, a reopening, an earlier round."""

    invocation: str
    state: str
    ended_at: datetime | None
    reason: str


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment on the step."""

    event: int
    at: datetime
    by: str
    text: str


class TaskReport(Report, frozen=True, kw_only=True, tag="tocsin/task/v1"):
    """One invocation."""

    heading: Heading
    kind: Kind
    playbook: PlaybookRef
    """Empty for a task that was added to the incident."""
    task: TaskRow
    instructions: str
    checklist: tuple[CheckRow, ...]
    choices: tuple[str, ...]
    """The possible answers to a question; empty for free answers."""
    answer_type: str
    phase: str
    csf: tuple[str, ...]
    condition: str
    ready_at: datetime | None
    started_by: str
    ended_by: str
    outside_role: str
    """Person who ended or started it without its role or assignment: this is allowed and shown."""
    digest: str
    """The result of the step."""
    subject_digest: str
    """The digest to approve now."""
    subject_text: str = ""
    """What the person wrote who did the task to approve, or the answer to approve: the digest binds it."""
    quorum: str
    approvals: tuple[ApprovalRow, ...]
    attempts: tuple[AttemptView, ...]
    deliveries: tuple[DeliveryRow, ...]
    others: tuple[Earlier, ...]
    comments: tuple[Comment, ...] = ()
    fields: tuple[FieldRow, ...] = ()
    """The fields of a form, also of the form to approve."""
    notice: NoticeRow | None = None
    """The notice to approve; null for other subjects."""
    requests: tuple[RequestRow, ...] = ()
    """The requests of an action, or of the action to approve: what is sent, without secrets."""
    undo: str = ""
    """The action that undoes it."""
    waits_for: tuple[str, ...] = ()
    """The titles of the steps before it that have not ended."""
    legal_deadline: datetime | None = None
    """The deadline of the duty that the step is about, in the zone of the recipient."""


def task(
    incident: Incident, library: Library, invocation: str, journal: Iterable[EventRow] = ()
) -> TaskReport:
    """Return one invocation in full; ``invocation`` is a full id, as ``runner.app.core.step_reference`` finds it.

    Comments are only in the journal: without it there are none.
    """
    rows = task_rows(incident, library)
    row = next(row for row in rows if row.invocation == invocation)
    titles = {one.invocation: named(one) for one in rows}
    found = incident.invocations[invocation]
    step = definition(incident, library, invocation)
    scope = incident.scopes[found.scope]
    run = incident.runs[scope.run]
    bound = subject(incident, found, step) if isinstance(step, Approve) else None
    digest = bound.digest if bound else ""
    rendered = notice_rows(incident) if bound else ()
    notices = [row for row in rendered if bound and (row.step, row.digest) == (bound.id, bound.digest)]
    message = incident.messages.get(found.message)
    sent = message.deliveries if message else ()
    kind = fact_type(found.sets) if found.sets else None
    return filled(
        TaskReport,
        found,
        heading=heading_of(incident),
        kind=incident.kind,
        playbook=PlaybookRef(name="", version="", digest="")
        if scope.added
        else PlaybookRef(name=run.playbook, version=run.version, digest=run.digest, profile=run.profile),
        task=row,
        instructions=step.instructions if step else "",
        checklist=_checklist(found, step),
        choices=(isinstance(step, Ask) and step.choices) or (kind.choices if kind else ()),
        answer_type=_type(found.sets),
        phase=(step.phase or "") if step else "",
        csf=step.csf if step else (),
        condition=step.when.source if step and step.when else "",
        outside_role=_outsider(incident, found, row),
        subject_digest=digest,
        subject_text=_proposed(incident, bound),
        quorum=_quorum(step),
        approvals=approval_rows(incident, found, found.digest if found.over else digest),
        attempts=tuple(attempt_view(attempt, found.items) for attempt in found.attempts),
        requests=request_rows(incident, bound or found, library),
        undo=undone_by(incident, found, library),
        deliveries=tuple(delivery_row(incident, incident.deliveries[name]) for name in sent),
        others=tuple(
            filled(Earlier, one, invocation=one.id)
            for one in incident.invocations.values()
            if (one.scope, one.step) == (found.scope, found.step) and one.id != found.id
        ),
        fields=field_rows(incident, library, bound.id if bound is not None else invocation),
        comments=tuple(_comments(invocation, journal)),
        notice=notices[-1] if notices else None,
        waits_for=tuple(
            titles.get(incident.latest.get(f"{found.scope}|{name}", ""), name) for name in row.waits_for
        ),
        legal_deadline=legal_deadline(incident, library, row.item),
    )


def _proposed(incident: Incident, bound: Invocation | None) -> str:
    if bound is None or not bound.digest or bound.kind not in ("task", "ask"):
        return ""
    value = incident.facts[bound.sets].value if bound.sets in incident.facts else None
    return bound.reason or (value_words(value) if value is not None else "(nothing was written)")


def legal_deadline(incident: Incident, library: Library, item: str) -> datetime | None:
    """Return the deadline of the duty that an item names; None for another item."""
    duty = incident.duties.get(item)
    name, _, slug = item.partition("/")
    regime = library.regime(name) if duty is not None and duty.due is not None else None
    if duty is None or duty.due is None or regime is None:
        return None
    clocks = [rule.clock for version in regime.versions for rule in version.duties if rule.slug == slug]
    named = next((cut.zone for clock in clocks if (cut := clock.cut_off) is not None), "") or regime.zone
    return duty.due.astimezone(ZoneInfo(named)) if named else duty.due


def field_rows(incident: Incident, library: Library, invocation: str) -> tuple[FieldRow, ...]:
    """Return the fields of a form with their answers."""
    step, form = definition(incident, library, invocation), incident.invocations[invocation]
    states = field_states(incident, form, step, library) if isinstance(step, Form) else ()
    facts = incident.facts
    return tuple(
        filled(
            FieldRow,
            one.field,
            state=one.state,
            type=_type(one.field.fact),
            choices=one.field.choices or (kind.choices if (kind := fact_type(one.field.fact)) else ()),
            value=facts[one.field.fact].value if one.field.fact in facts else None,
            missing=one.missing,
        )
        for one in states
    )


def _type(path: str) -> str:
    kind = fact_type(path) if path else None
    return f"{'several of ' if kind.many else ''}{kind.kind}" if kind else ""


_TYPE_WORDS = {"bool": "yes or no", "instant": "time", "prose": "text", "int": "number", "jurisdiction": "place"}  # fmt: skip


def type_words(kind: str) -> str:
    """Return the type of an answer for people."""
    head, _, last = kind.rpartition(" ")
    return f"{head} {_TYPE_WORDS.get(last, last)}".strip()


def _outsider(incident: Incident, invocation: Invocation, row: TaskRow) -> str:
    doer = invocation.ended_by or invocation.started_by
    roles = tuple(role for role in (*row.roles, invocation.escalated_to) if role)
    if not doer or not roles or invocation.kind == "approve" or doer == invocation.assignee:
        return ""
    return "" if any(doer in incident.roles.get(role, ()) for role in roles) else doer


def _comments(invocation: str, journal: Iterable[EventRow]) -> Iterator[Comment]:
    for row in journal:
        event = decode_event(row) if row.type == StepCommented.__name__ else None
        if isinstance(event, StepCommented) and event.step == invocation:
            yield Comment(event=row.seq, at=row.at, by=event.by, text=event.text)


def _checklist(invocation: Invocation, step: AnyStep | None) -> tuple[CheckRow, ...]:
    if not isinstance(step, Task):
        return ()
    done, at_once = invocation.checked, invocation.at_once
    return tuple(
        CheckRow(row=n + 1, text=text, done=n in done, must=step.must(n), at_once=n in at_once)
        for n, text in enumerate(step.rows)
    )


def _quorum(step: AnyStep | None) -> str:
    if not isinstance(step, Approve):
        return ""
    every = ", at least one of each role" if step.by.every_role else ""
    people = "1 person" if step.by.distinct == 1 else f"{step.by.distinct} different people"
    return f"{people} with the role {' or '.join(step.by.roles)}{every}"


@paged
def task_page(report: TaskReport, now: datetime, *, form: bool = False) -> Iterator[Block]:
    """Draw one step in full, with its command last; with ``form``, a form below has the open items and the act."""
    row, of = report.task, report.playbook
    where = f"{of.name} {of.version}" if of.name else "added to this incident"
    yield from render_header(report.heading, f"Task {row.row} · {where}" if row.row else f"Task · {where}")
    yield line(row.title, "title")
    yield fields(_facts(report, now))
    if report.instructions:
        yield Blank()
        for text in report.instructions.strip().splitlines():
            yield line(text, indent=2) if text.strip() else Blank()
    items = (one for one in report.checklist if one.done or not form)
    yield from section("DONE" if form else "CHECKLIST", map(_item, items), 2)
    yield from section(f"REQUESTS ({len(report.requests)})", request_cells(report.requests), 2)
    yield from section("FIELDS", map(_field, report.fields), 1)
    if report.notice:
        yield from override_blocks(report.notice)
        yield from verification_blocks(report.notice)
    yield from approval_blocks(report.approvals)
    yield from section("DELIVERIES", (delivery_cells(delivery, now) for delivery in report.deliveries), 2)
    yield from attempt_blocks(report.attempts, now)
    yield from section("COMMENTS", (_remark(comment, now) for comment in report.comments), 2)
    yield from section("OTHER ATTEMPTS AT THIS TASK", map(_other, report.others), 1)
    if not form:
        yield from _commands(report)


def _facts(report: TaskReport, now: datetime) -> Iterator[tuple[str, str]]:
    row = report.task
    yield "State", f"{state_words(row)}{f': {row.reason}' if row.reason and row.over else ''}"
    yield "Blocked", row.stuck
    yield "About", row.item
    yield "Legal deadline", deadline_words(report.legal_deadline, report.legal_deadline, now, "recipient")
    yield "To approve", report.subject_text
    yield "Assigned to", row.assignee or report.started_by
    yield "Role", " or ".join(row.roles)
    if row.due:
        clock = "" if row.over else f" ({remaining(row.due, now)})"
        yield "Due", f"{when(row.due, now)}{clock}"
    yield "To do since", when(report.ready_at, now) if report.ready_at else ""
    if row.ended_at:
        yield "Ended", f"{when(row.ended_at, now)}{f' by {report.ended_by}' if report.ended_by else ''}"
    if report.outside_role:
        yield "Note", f"{report.outside_role} does not have the role {' or '.join(row.roles)}"
    yield "Waits for", ", ".join((*report.waits_for, *row.missing))
    yield "Only if", report.condition
    yield "Sets", f"{row.sets} ({type_words(report.answer_type)})" if row.sets else ""
    yield "Choices", ", ".join(report.choices)
    yield "Approval by", report.quorum
    yield "Exact version", report.subject_digest
    yield "Result", report.digest
    yield "Phase", ", ".join(part for part in (report.phase, *report.csf) if part)
    yield "Id", row.invocation


def _item(one: CheckRow) -> Cells:
    text = Cell(f"{'MUST: ' if one.must else ''}{one.text}", "dim" if one.done else "plain")
    at_once = Cell("all at once" if one.at_once else "", "warn")
    return str(one.row), "[x]" if one.done else "[ ]", text, at_once


def _field(one: FieldRow) -> Cells:
    choices = f"one of: {', '.join(one.choices)}" if one.choices else ""
    missing = f"waits for {', '.join(one.missing)}" if one.missing else ""
    said = value_words(one.value) if one.state in ("answered", "known") else missing
    is_open = one.state in ("open", "waiting")
    words = " ".join(filter(None, (one.ask, one.help, choices))) if is_open else one.ask
    return (
        Cell("[ ]" if is_open else "[x]"),
        Cell(words, "plain" if one.state == "open" else "dim"),
        Cell(f"{one.fact} ({type_words(one.type)})", "dim"),
        Cell(said or one.state.replace("_", " "), "dim"),
    )


def _remark(one: Comment, now: datetime) -> Cells:
    return Cell(when(one.at, now), "dim"), one.by or "an unnamed person", one.text


def _other(one: Earlier) -> Cells:
    state = f"{STATE_WORDS.get(one.state, one.state)}{f': {one.reason}' if one.reason else ''}"
    return one.invocation, state, Cell(moment(one.ended_at) if one.ended_at else "", "dim")


def _commands(report: TaskReport) -> Iterator[Block]:
    row = report.task
    if report.undo and report.requests and any(one.state == "done" for one in report.requests):
        names = ", ".join(one.item for one in report.requests if one.state == "done")
        yield Blank()
        doer = {"role": row.role} if row.role else {"to": Slot("PERSON", "person")}
        yield do(Action("task.add", f"Undo: {names} ({report.undo})", {**doer}))
    if row.over or report.heading.state in ("closed", "cancelled"):
        return
    actions: list[Action] = []
    if row.kind == "file" and row.duty:
        actions.append(Action("duty.show", row.duty))
    if row.stuck or row.state in ("outcome_unknown", "failed", "expired"):
        exhausted = [delivery.delivery for delivery in report.deliveries if delivery.state == "exhausted"]
        actions += [
            *map(suggested_actions.call, exhausted),
            suggested_actions.retry_step(row.state, row.command_name),
            Action("task.skip", row.command_name, {"reason": suggested_actions.WHY}),
        ]
    elif row.state != "waiting" and row.kind in (*PEOPLE, "wait"):
        actions.append(_next(report))
    if actions:
        yield Blank()
    yield from (do(each) for one in actions for each in suggested_actions.each(one))


def _next(report: TaskReport) -> Action:
    """Return what a person does in an open task: an approval waits for the items and gaps of its text."""
    row, text = report.task, report.notice
    if row.unticked:
        return Action("task.check", row.command_name, {"row": Slot("ROW")})
    if row.kind != "approve" or (row.lacking and not row.approvers):
        return suggested_actions.row_step(row)
    if text is not None and (text.open_items or text.status == "draft"):
        return Action("notice.show" if text.status == "draft" else "notice.tick", text.notice)
    bound = {"digest": report.subject_digest} if report.subject_digest else {}
    return suggested_actions.extended(suggested_actions.row_step(row), **bound)


_STATE_TONES: Mapping[str, Tone] = {
    "ready": "title",
    "active": "title",
    "done": "good",
    "done_late": "warn",
    "failed": "alarm",
    "expired": "alarm",
    "outcome_unknown": "alarm",
}


class TasksReport(Report, frozen=True, kw_only=True, tag="tocsin/tasks/v1"):
    """The tasks of an incident; ``incident`` is its id."""

    incident: str
    tasks: tuple[TaskRow, ...]


def task_list_page(rows: Sequence[TaskRow], incident: Incident, now: datetime) -> Page:
    """Draw steps as numbered rows."""
    cells = tuple(
        (
            Cell(str(row.row) if row.row else "", "dim"),
            Cell(state_words(row), _STATE_TONES.get(row.state, "dim")),
            Cell(
                row.title,
                "dim" if row.over else "plain",
                about=f"task/{row.invocation}" if row.invocation else "",
            ),
            Cell(row.assignee or row.role, "dim"),
            Cell(
                f"due {when(row.due, now)}" if row.due and not row.over else "",
                "warn" if row.overdue else "dim",
            ),
            Cell(row.command_name or row.step, "dim"),
        )
        for row in rows
    )
    if not cells:
        return Page((line(f"{incident.codename}: no tasks", "dim"),))
    return Page((*render_header(heading_of(incident), "Tasks"), table(cells, 2, indent=0)))
