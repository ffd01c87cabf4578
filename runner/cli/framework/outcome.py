"""Output of writing commands: the change, and the tasks that are ready or blocked after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.app.home.workers import living
from runner.cli.framework.action_text import command_text
from runner.cli.framework.session import Session
from runner.incident.law.moved_deadlines import move_words
from runner.incident.state import events as e
from runner.incident.state.second_person import ClockMove
from runner.incident.steps.approvals import Tally
from runner.incident.turn.implicit_answers import HOW, OVER
from runner.playbook.format import PEOPLE
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import aside_words, here
from runner.reports.core.page import Cell, Page, Paragraph, Table, Tone, line
from runner.reports.core.second_person import awaited_words
from runner.reports.core.task_rows import TaskRow, task_rows

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
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


def submit(session: Session, name: str, command: AnyCommand, done: str) -> None:
    """Do one command in an incident, work what is due, and say what came of it."""
    tell(session, session.service.act(session.principal, name, [command]), done)


def tell(
    session: Session,
    turn: Turn,
    done: str,
    moved: tuple[ClockMove, ...] = (),
    approvals: tuple[Tally, ...] = (),
) -> None:
    """Work what is due after a command, and say what came of it, if anything did."""
    if _awaiting(turn):
        done = "Not done yet. A second person must confirm."
    done = done if turn.events else f"{done}: no change"
    answer(session, turn, done, moved=moved, approvals=approvals)


def answer(
    session: Session,
    turn: Turn,
    *done: str,
    moved: tuple[ClockMove, ...] = (),
    approvals: tuple[Tally, ...] = (),
) -> None:
    """Work what is due and say what was done, and what is ready or stuck that was not before."""
    work(session, turn.after.id)
    turn = session.service.since(turn)
    wanted = _awaiting(turn)
    asks = (f"entry {one}: {awaited_words(turn.after, turn.after.second_person[one])}" for one in wanted)
    report = outcome(session, turn, (*done, *asks, *_answered(turn), *_over(turn)))
    report = msgspec.structs.replace(report, second_person=wanted, deadlines=moved, approvals=approvals)
    session.show(report, lambda: page(report))


def _awaiting(turn: Turn) -> tuple[int, ...]:
    """Return the entries that a second person has to confirm since then."""
    asked = (one.seq for one in turn.events if isinstance(one.event, e.SecondPersonAsked))
    return tuple(seq for seq in asked if turn.after.second_person[seq].state == "awaiting")


def _answered(turn: Turn) -> tuple[str, ...]:
    """Say which open questions a recorded fact has answered."""
    ended = (one.event for one in turn.events if isinstance(one.event, e.StepEnded))
    return tuple(f"{name} is answered" for name in sorted(end.step for end in ended if end.reason == HOW))


def _over(turn: Turn) -> tuple[str, ...]:
    """Say that an incident is over although its record grew, and what the law asks for since."""
    before, after = turn.before, turn.after
    if before.state not in OVER or not turn.events:
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
        go_on = command_text(suggested_actions.resume(own))
        session.warn("set_aside", f"Automatic work stopped: {aside_words(failed)}; {go_on}")
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
        session.warn("work_left", "Other incidents have work that is due: tocsin worker --once")
    for incident, why in worker.troubles.items():
        session.warn("work_failed", f"The work of incident {incident} failed: {why}")


def _probes(service: IncidentService) -> bool:
    """Tell whether a domain that is down is to be looked at again."""
    service.traffic.refresh()
    return service.traffic.probe_due(service.clock.now())


def outcome(session: Session, turn: Turn, done: tuple[str, ...]) -> Done:
    """Return what became ready or stuck in a turn, and is so at its end."""
    after, ready, stuck = turn.after, _steps(turn, _READY), _steps(turn, _STUCK)
    rows = [
        row for row in task_rows(after, session.service.library(after)) if row.invocation and not row.over
    ]
    return Done(
        incident=after.id,
        codename=after.codename,
        version=after.version,
        done=done,
        ready=tuple(_step(row) for row in rows if row.invocation in ready and _is_ready(row)),
        stuck=tuple(_step(row, row.stuck) for row in rows if row.invocation in stuck and row.stuck),
    )


def _is_ready(row: TaskRow) -> bool:
    return row.state in ("ready", "active") and row.kind in PEOPLE


_READY = (e.StepReady, e.StepRetried)
_STUCK = (e.StepStuck, e.StepEnded, e.StepSettled, e.AttemptEnded)


def _steps(turn: Turn, kinds: tuple[type[e.AnyEvent], ...]) -> frozenset[str]:
    """Return the steps of which events of some kinds speak."""
    found = [one.event for one in turn.events if isinstance(one.event, kinds)]
    return frozenset(getattr(event, "effect", "") or getattr(event, "step", "") for event in found)


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
