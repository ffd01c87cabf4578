"""Output of writing commands: the change, and the tasks that are ready or blocked after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.app.home.workers import living
from runner.cli.framework.session import Session
from runner.incident.law.moved_deadlines import move_words
from runner.incident.state.second_person import ClockMove
from runner.incident.steps.approvals import Tally
from runner.incident.turn.implicit_answers import HOW, OVER
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import aside_words, here
from runner.reports.core.page import Cell, Page, Paragraph, Table, Tone, line
from runner.reports.core.second_person import awaited_words
from runner.reports.core.task_rows import TaskRow, task_rows

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.base.actor import Actor
    from runner.incident.state.commands import AnyCommand
    from runner.incident.state.incident import Incident


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step that waits for somebody now."""

    step: str
    invocation: str
    row: int
    """The number that commands take."""
    kind: str
    title: str
    state: str
    item: str = ""
    """What its lane is about."""
    why: str = ""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/done/v1"):
    """The answer to a command that changed an incident; ``version`` is the journal's length afterwards."""

    incident: str
    codename: str
    version: int
    done: tuple[str, ...]
    ready: tuple[Step, ...]
    stuck: tuple[Step, ...]
    second_person: tuple[int, ...] = ()
    """Entries that wait for a second person since then: what they ask for does not count yet."""
    approvals: tuple[Tally, ...] = ()
    """How far the approvals are that were given."""
    deadlines: tuple[ClockMove, ...] = ()
    """Statutory deadlines that facts have moved, or would move once a second person confirms it."""


def submit(session: Session, name: str, command: AnyCommand, done: str, actor: Actor | None = None) -> None:
    """Do one command in an incident, work what is due, and say what came of it."""
    before = session.service.load(name)
    tell(session, before, session.service.submit(name, command, actor=actor), done)


def tell(
    session: Session,
    before: Incident,
    after: Incident,
    done: str,
    moved: tuple[ClockMove, ...] = (),
    approvals: tuple[Tally, ...] = (),
) -> None:
    """Work what is due after a command, and say what came of it, if anything did."""
    unchanged = after.version == before.version
    if _awaiting(before, after):
        done = "Not done yet. A second person must confirm."
    done = f"{done}: no change" if unchanged else done
    answer(session, before, done, moved=moved, approvals=approvals)


def answer(
    session: Session,
    before: Incident,
    *done: str,
    moved: tuple[ClockMove, ...] = (),
    approvals: tuple[Tally, ...] = (),
) -> None:
    """Work what is due and say what was done, and what is ready or stuck that was not before."""
    work(session, before.id)
    after = session.service.load(before.id)
    wanted = _awaiting(before, after)
    asks = tuple(f"entry {entry}: {awaited_words(after, after.second_person[entry])}" for entry in wanted)
    report = outcome(session, before, after, (*done, *asks, *_answered(before, after), *_over(before, after)))
    report = msgspec.structs.replace(report, second_person=wanted, deadlines=moved, approvals=approvals)
    session.show(report, lambda: page(report))


def _awaiting(before: Incident, after: Incident) -> tuple[int, ...]:
    """Return the entries that a second person has to confirm since then."""
    fresh = (people for people in after.second_person.values() if people.state == "awaiting")
    return tuple(people.entry for people in fresh if people.entry > before.version)


def _answered(before: Incident, after: Incident) -> tuple[str, ...]:
    """Say which open questions a recorded fact has answered."""
    return tuple(
        f"{name} is answered"
        for name in sorted(before.active)
        if after.invocations[name].over and after.invocations[name].reason == HOW
    )


def _over(before: Incident, after: Incident) -> tuple[str, ...]:
    """Say that an incident is over although its record grew, and what the law asks for since."""
    if before.state not in OVER or after.version == before.version:
        return ()
    found = (f"{after.codename} is {after.state}. You can still add notes and facts. Tasks are closed.",)
    duties = sorted(name for name in after.duties if _open(after, name) and not _open(before, name))
    if not duties:
        return found
    few = ", ".join(duties[:5]) + (f" and {len(duties) - 5} more" if len(duties) > 5 else "")
    return (
        *found,
        f"Duties that are new or open again since then: {few}. To act on them: tocsin open PLAYBOOK",
    )


def _open(incident: Incident, name: str) -> bool:
    duty = incident.duties.get(name)
    return duty is not None and duty.in_sight and duty.verdict == "applies" and duty.record is None


def work(session: Session, own: str = "") -> None:
    """Perform what is due, unless that was not wanted or a worker that goes on does it; ``own`` is waited for."""
    from runner.app.core.suspended_incidents import set_aside

    service = session.service
    if own and (failed := set_aside(service.store).get(own)) is not None:
        session.warn(
            "set_aside", f"Automatic work stopped: {aside_words(failed)}; {suggested_actions.resume(own)}"
        )
    if session.options.no_work or living(service.store):
        return
    if not service.store.due(service.clock.now()) and not _probes(service):
        return
    from runner.cli.framework.progress_line import print_progress
    from runner.workers.embedded import Worker

    worker = Worker(session.machine, perform=print_progress(session) if session.world.err.isatty() else None)
    try:
        worker.drain(own)
    finally:
        worker.close()
    if worker.fairness.left:
        session.warn("work_left", f"Other incidents have work that is due: {suggested_actions.WORK}")
    for incident, why in worker.troubles.items():
        session.warn("work_failed", f"The work of incident {incident} failed: {why}")


def _probes(service: IncidentService) -> bool:
    """Tell whether a domain that is down is to be looked at again."""
    service.traffic.refresh()
    return service.traffic.probe_due(service.clock.now())


def outcome(session: Session, before: Incident | None, after: Incident, done: tuple[str, ...]) -> Done:
    """Compare an incident with itself before, or with nothing."""
    rows = [
        row for row in task_rows(after, session.service.library(after)) if row.invocation and not row.over
    ]
    return Done(
        incident=after.id,
        codename=after.codename,
        version=after.version,
        done=done,
        ready=tuple(_step(row) for row in rows if _is_ready(row) and not _was_ready(before, row)),
        stuck=tuple(_step(row, row.stuck) for row in rows if row.stuck and not _was_stuck(before, row)),
    )


PEOPLE = frozenset({"task", "ask", "approve", "file"})


def _is_ready(row: TaskRow) -> bool:
    return row.state in ("ready", "active") and row.kind in PEOPLE


def _was_ready(before: Incident | None, row: TaskRow) -> bool:
    invocation = before.invocations.get(row.invocation) if before is not None else None
    return invocation is not None and invocation.state in ("ready", "active")


def _was_stuck(before: Incident | None, row: TaskRow) -> bool:
    invocation = before.invocations.get(row.invocation) if before is not None else None
    return invocation is not None and bool(invocation.stuck)


def _step(row: TaskRow, why: str = "") -> Step:
    return Step(
        step=row.step,
        invocation=row.invocation,
        row=row.row,
        kind=row.kind,
        title=row.title,
        state=row.state,
        item=row.item,
        why=why,
    )


def page(report: Done) -> Page:
    """Draw the answer: short, since the next command shows the rest."""
    tone: Tone = "warn" if report.second_person else "good"
    blocks: list[Paragraph | Table] = [line(words, tone) for words in report.done]
    for given in report.approvals:
        roles = (", " if given.each else " or ").join(given.still_needs)
        needs = f"; {roles} must still approve" if roles else ""
        blocks.append(line(f"{given.step}: {given.have} of {given.wanted}{needs}", tone))
    blocks += [
        line(f"deadline: {move_words(deadline, here())}", "warn", hang=2) for deadline in report.deadlines
    ]
    if report.ready:
        blocks.append(line("To do now:", "title"))
        rows = tuple(
            (Cell(str(step.row), "dim"), Cell(step.step, "command"), Cell(_title(step)))
            for step in report.ready
        )
        blocks.append(Table(rows=rows, elastic=2))
    for step in report.stuck:
        blocks.append(line(f"{step.row} {_title(step)}: action required: {step.why}", "alarm", hang=2))
    return Page(tuple(blocks))


def _title(one: Step) -> str:
    return f"{one.title} [{one.item}]" if one.item else one.title


def reach(session: Session, person: str) -> None:
    """Have what is under way to somebody use their new contacts, and say what was given up before they had them."""
    from runner.app.messages.messages import plan_anew

    asked, given_up = plan_anew(session.machine, person)
    if asked:
        work(session)
        session.say(f"Messages to {person} use the new contacts in {', '.join(asked)}")
    for delivery in given_up:
        session.say(f"failed permanently: tocsin message retry {delivery} --reason 'new contact'")
