"""The steps of an incident as numbered rows, and the name of each in commands.

A row's number is the place of the first invocation of its step. Invocations are never removed
and always made in the order of the journal, so a number means the same step for the whole incident: a command
with a number cannot change another step because the list changed after it was shown. A step
that is reopened, asked again or repeated in a loop has the same number, for its newest invocation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from runner.base.states import TaskState
from runner.errors import TocsinError
from runner.incident.state.expression_view import item_of, open_before, outwards, title_of
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPeople
from runner.incident.steps.approvals import approvers, authors, counted, subject
from runner.incident.steps.forms import FieldState, field_states
from runner.playbook.format import AnyStep, Approve, Ask, Call, Form, Group, Horizon, Repeat, Task
from runner.reports.core.formatting import person_names
from runner.reports.core.page import Paragraph, line
from runner.reports.core.report import filled

STATE_WORDS: Mapping[str, str] = {
    "waiting": "waiting",
    "ready": "to do",
    "active": "in progress",
    "done": "done",
    "done_late": "done late",
    "skipped": "skipped",
    "not_applicable": "not needed",
    "failed": "failed",
    "expired": "expired",
    "outcome_unknown": "unknown outcome",
    "cancelled": "cancelled",
}
"""States of a task, for people."""
CONTAINED = "RS.MI-01"
"""NIST CSF 2.0: incidents are contained."""


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    """One invocation in a list. A step inside a container that has not started has no invocation and no row yet."""

    step: str
    invocation: str
    kind: str
    title: str
    state: TaskState
    assignee: str
    due: datetime | None
    row: int
    """Its number for commands; 0 without one, or if a newer invocation of the step has it."""
    command_name: str = ""
    """Its shortest name in commands."""
    role: str = ""
    roles: tuple[str, ...] = ()
    """All roles that may do it, if there are several, as in an approval."""
    deputies: tuple[str, ...] = ()
    """The deputies who may give an overdue approval."""
    approvers: tuple[str, ...] = ()
    """Who can still give an approval: not the authors of the text, nor those who gave it."""
    lacking: tuple[str, ...] = ()
    """The roles that need one more person, because those are not enough."""
    awaits: int = 0
    """The entry that a second person confirms: then its questions are answered."""
    overdue: bool = False
    stuck: str = ""
    who: str = ""
    """The names of the people who do it."""
    progress: str = ""
    """Its progress: ``1 of 2 approvals``, ``2 of 3 items done``."""
    unticked: int = 0
    """Checklist items to do before it can be done."""
    missing: tuple[str, ...] = ()
    """Missing facts of its condition, or of the conditions of a form's fields that nobody is asked for there."""
    waits_for: tuple[str, ...] = ()
    """Steps before it that have not ended."""
    item: str = ""
    """The item of its lane of a ``for_each``."""
    about: str = ""
    """The same for people: the article of a duty."""
    duty: str = ""
    """The duty that a notice, its approval or a filing is for."""
    sets: str = ""
    """The fact that a question sets."""
    open_fields: tuple[str, ...] = ()
    """The facts that a form asks for and that are not answered; all of them before it starts."""
    containment: bool = False
    """It contains the incident, or is a question that such a step waits for: it is first while it is open."""
    over: bool = False
    superseded: bool = False
    """A newer invocation of the same step supersedes it."""
    ended_at: datetime | None = None
    reason: str = ""
    horizon: Horizon | None = None
    """The horizon of its step, if the playbook names one."""


def asking(path: str, rows: Iterable[TaskRow]) -> TaskRow | None:
    """Return the step that asks for a fact, one that has started before one that waits."""
    open_ = ("ready", "active", "waiting")
    asked = (row for row in rows if path in (row.sets, *row.open_fields) and row.state in open_)
    return min(asked, key=lambda row: row.state == "waiting", default=None)


def state_words(row: TaskRow) -> str:
    """Return the state of a task in words, with "blocked"."""
    return "blocked" if row.stuck else STATE_WORDS[row.state]


def numbered(incident: Incident) -> tuple[str, ...]:
    """Return the invocation of each number: number ``n`` is at place ``n - 1``. A free place means the step that had it."""
    newest = {place_of(name): name for name in incident.invocations}
    return tuple(newest[place_of(name)] for name in incident.invocations)


def place_of(invocation: str) -> str:
    """Return the shared key of all invocations of one step: its place in the playbook and in its lanes, not its round."""
    return invocation.rpartition("#")[0]


def task_rows(incident: Incident, library: Library) -> tuple[TaskRow, ...]:
    """Return every step of the incident, started or not, in the order of the playbook."""
    found: list[TaskRow] = []
    meant = numbered(incident)
    rows = {name: row for row, name in reversed(list(enumerate(meant, start=1)))}
    clear = _clear(incident)
    for invocation in incident.invocations.values():
        step = definition(incident, library, invocation.id)
        row = rows.get(invocation.id, 0)
        found.append(
            _row(incident, invocation, step, row, library, clear=bool(row) and invocation.step in clear)
        )
        if step is not None and not invocation.scopes and not invocation.over:
            found.extend(to_come(step, library, incident, invocation))
    gates = {
        (incident.invocations[row.invocation].scope, step)
        for row in found
        if row.containment and row.invocation
        for step in row.waits_for
    }
    return tuple(
        msgspec.structs.replace(row, containment=True)
        if row.kind in ("ask", "form")
        and row.invocation
        and (incident.invocations[row.invocation].scope, row.step) in gates
        else row
        for row in found
    )


def definition(incident: Incident, library: Library, name: str) -> AnyStep | None:
    """Return the step of an invocation; None if a newer version of the playbook does not have it."""
    return library.meant(incident, incident.invocations[name])


def titles(incident: Incident, library: Library) -> dict[str, str]:
    """Return the title of every invocation, by its id."""
    return {row.invocation: named(row) for row in task_rows(incident, library) if row.invocation}


def named(row: TaskRow) -> str:
    """Return a step's title, with the item of its lane."""
    return f"{row.title} [{row.about or row.item}]" if row.item else row.title


def handle(incident: Incident, name: str) -> str:
    """Return the shortest name of an invocation in commands: its step's id, if that is unique, else its number."""
    rows = numbered(incident)
    if name not in rows:
        return name
    step = incident.invocations[name].step
    return step if step in _clear(incident) else str(rows.index(name) + 1)


def name_tasks(error: TocsinError, incident: Incident) -> None:
    """Name tasks in an error as a person types them: by the id of the step, or by row number."""
    for name in sorted(incident.invocations, key=len, reverse=True):
        if name in error.message or name in error.hint:
            short = handle(incident, name)
            error.message = error.message.replace(name, short)
            error.hint = error.hint.replace(f"'{name}'", short).replace(name, short)
        elif error.action is not None and error.action.ref == name:
            error.action = msgspec.structs.replace(error.action, ref=handle(incident, name))


def _clear(incident: Incident) -> frozenset[str]:
    """Return the step ids that only one step of the incident ever had."""
    places: dict[str, set[str]] = defaultdict(set)
    for invocation in incident.invocations.values():
        places[invocation.step].add(place_of(invocation.id))
    return frozenset(step for step, found in places.items() if len(found) == 1)


def _row(
    incident: Incident,
    invocation: Invocation,
    step: AnyStep | None,
    row: int,
    library: Library,
    *,
    clear: bool,
) -> TaskRow:
    scope = incident.scopes[invocation.scope]
    superseded = incident.latest.get(f"{scope.id}|{invocation.step}") != invocation.id
    roles = roles_of(step)
    fields = open_fields(incident, invocation, step, library)
    to_ask = step.asks if isinstance(step, Form) and invocation.state == "waiting" else ()
    open_step = None if invocation.over or invocation.assignee else step
    can, lacking = approvers(incident, invocation, open_step) if isinstance(open_step, Approve) else ((), ())
    nobody = f"nobody left with the role {' or '.join(lacking)}" if lacking else ""
    open_ = tuple(one.field.fact for one in fields if one.state == "open") or tuple(
        one.fact for one in to_ask
    )
    asked = (step.sets,) if isinstance(step, Ask) and not invocation.over else open_
    awaited = _awaited(incident, asked) if invocation.state != "waiting" else None
    waiting = (path for field in fields for path in field.missing if path not in invocation.fields)
    return filled(
        TaskRow,
        invocation,
        invocation=invocation.id,
        title=invocation.step if step is None else title_of(step),
        assignee=invocation.assignee or invocation.started_by,
        row=row,
        command_name=invocation.step if clear else str(row or invocation.id),
        role=(escalated_to(invocation) or roles or ("",))[0],
        roles=roles,
        deputies=acting(invocation),
        approvers=can,
        lacking=lacking,
        awaits=awaited.entry if awaited is not None else 0,
        who="; ".join(filter(None, (person_names(can), nobody))) or _who(incident, invocation, roles),
        progress=f"answered; entry {awaited.entry} awaits a second person"
        if awaited is not None
        else _progress(incident, invocation, step, library),
        open_fields=open_,
        missing=tuple(dict.fromkeys((*invocation.missing, *waiting))),
        unticked=len(step.checklist) - len(invocation.checked) if isinstance(step, Task) else 0,
        waits_for=open_before(incident, invocation, step),
        item=next((s.item for s in outwards(incident, scope) if s.item is not None), ""),
        duty=item_of(incident, scope, _duty(incident, invocation, step, library)),
        containment=(step is not None and (step.phase == "containment" or CONTAINED in step.csf)),
        superseded=superseded,
        horizon=step.horizon if step is not None else None,
    )


def _duty(incident: Incident, invocation: Invocation, step: AnyStep | None, library: Library) -> str:
    """Return the duty that a step names; an approval has that of its notice."""
    if isinstance(step, Approve) and (bound := incident.latest.get(f"{invocation.scope}|{step.approve}")):
        step = definition(incident, library, bound)
    return str(getattr(step, "duty", ""))


def open_fields(
    incident: Incident, invocation: Invocation, step: AnyStep | None, library: Library
) -> tuple[FieldState, ...]:
    """Return the fields of a started form that are not closed."""
    if not isinstance(step, Form) or invocation.over or invocation.state == "waiting":
        return ()
    return tuple(one for one in field_states(incident, invocation, step, library) if not one.closed)


def _who(incident: Incident, invocation: Invocation, roles: tuple[str, ...]) -> str:
    """Return the people who do a task, else the role that nobody has."""
    person = invocation.assignee or invocation.started_by
    roles = escalated_to(invocation) or roles
    holders = (person,) if person else [who for role in roles for who in incident.roles.get(role, ())]
    persons = tuple(dict.fromkeys((*holders, *acting(invocation))))
    if persons:
        return person_names(persons)
    return f"nobody has the role {' or '.join(roles)}" if roles else ""


def escalated_to(invocation: Invocation) -> tuple[str, ...]:
    """Return the role that can complete an overdue task; an approval escalates to deputies of its own roles."""
    return (invocation.escalated_to,) if invocation.escalated_to and invocation.kind != "approve" else ()


def acting(invocation: Invocation) -> tuple[str, ...]:
    """Return the deputies who may approve an overdue approval."""
    return tuple(deputy.person for deputy in invocation.deputies if invocation.overdue)


def _awaited(incident: Incident, facts: tuple[str, ...]) -> TwoPeople | None:
    """Return the act that gives all these facts once a second person confirms it."""
    awaiting = [one for one in incident.second_person.values() if one.state == "awaiting" and facts]
    return next((one for one in awaiting if {*facts} <= {change.key for change in one.act.facts}), None)


def _progress(incident: Incident, invocation: Invocation, step: AnyStep | None, library: Library) -> str:
    if invocation.over or invocation.state == "waiting":
        return ""
    match step:
        case Approve(by=quorum):
            bound = subject(incident, invocation, step)
            approvals = (
                counted(invocation, bound.digest, authors(incident, bound)) if bound is not None else ()
            )
            return f"{len({one.by for one in approvals})} of {quorum.distinct} approvals"
        case Form(fields=fields):
            left = len(open_fields(incident, invocation, step, library))
            return f"{len(fields) - left} of {len(fields)} fields answered"
        case Task(rows=rows) if rows:
            return f"{len(invocation.checked)} of {len(rows)} items done"
        case _:
            return ""


def roles_of(step: AnyStep | None) -> tuple[str, ...]:
    """Return the roles that may do a step, the preferred role first."""
    if step is None:
        return ()
    quorum = getattr(step, "by", None)
    if quorum is not None:
        return tuple(quorum.roles)
    role = getattr(step, "role", "")
    return (role,) if role else ()


def to_come(step: AnyStep, library: Library, incident: Incident, parent: Invocation) -> Iterator[TaskRow]:
    """Yield the steps inside a container that has not started, so that a list shows all remaining steps."""
    inside: tuple[AnyStep, ...] = ()
    match step:
        case Group(steps=steps) | Repeat(steps=steps):
            inside = steps
        case Call(name=name):
            run = incident.runs[incident.scopes[parent.scope].run]
            inside = library.plans[run.plan].playbook(name).steps
        case _:
            return
    for one in inside:
        roles = roles_of(one)
        yield TaskRow(
            step=one.id,
            invocation="",
            kind=str(one.__struct_config__.tag),
            title=title_of(one),
            state="waiting",
            assignee=str(getattr(one, "assignee", "")),
            due=None,
            row=0,
            role=roles[0] if roles else "",
            roles=roles,
            waits_for=one.after.steps or (parent.step,),
        )
        if isinstance(one, Group | Repeat):
            yield from to_come(one, library, incident, parent)


class NotWritten(msgspec.Struct, frozen=True, kw_only=True):
    """A step whose message could not be composed. No message was sent."""

    step: str
    why: str


def not_written(incident: Incident) -> tuple[NotWritten, ...]:
    """Return the steps whose message could not be composed."""
    return tuple(
        NotWritten(step=one.id, why=one.stuck)
        for name in sorted(incident.active)
        if (one := incident.invocations[name]).kind == "message" and one.stuck and not one.message
    )


def not_written_lines(steps: Iterable[NotWritten]) -> Iterator[Paragraph]:
    """Yield one line for each, with the reason."""
    for step in steps:
        yield line(f"{step.step}: no message was sent, {step.why}", "alarm", hang=2)
