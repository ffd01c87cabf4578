"""Output of writing commands: the change, and the tasks that are ready or blocked after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from runner.app.home.workers import living
from runner.app.incidents.outcome import Done, Step, awaiting, outcome
from runner.cli.framework.session import Session
from runner.incident.law.moved_deadlines import move_words
from runner.incident.state.events import FactsRecorded
from runner.reports.core import suggested_actions
from runner.reports.core.action_text import command_text
from runner.reports.core.formatting import aside_words, here
from runner.reports.core.page import Cell, Page, Paragraph, Table, Tone, arrow, flow, line

if TYPE_CHECKING:
    from runner.app.core.repository import Turn
    from runner.incident.state.commands import AnyCommand
    from runner.incident.state.second_person import ClockMove
    from runner.incident.steps.approvals import Tally


def submit(session: Session, name: str, command: AnyCommand, done: str) -> None:
    """Run one command in an incident, perform due work, and show the result."""
    tell(session, session.service.act(session.principal, name, [command]), done)


def tell(
    session: Session,
    turn: Turn,
    done: str,
    moved: tuple[ClockMove, ...] = (),
    approvals: tuple[Tally, ...] = (),
) -> None:
    """Perform due work after a command, and show the result."""
    if awaiting(turn):
        at_once = [one.event for one in turn.events if isinstance(one.event, FactsRecorded)]
        keys = ", ".join(change.key for event in at_once for change in event.facts)
        done = f"Recorded: {keys}. The rest" if keys else "Not done yet. It"
        done += " counts after a second person confirms it."
    done = done if turn.events else f"{done}: no change"
    answer(session, turn, done, moved=moved, approvals=approvals)


def answer(
    session: Session,
    turn: Turn,
    *done: str,
    moved: tuple[ClockMove, ...] = (),
    approvals: tuple[Tally, ...] = (),
) -> None:
    """Perform due work, and show the result and the tasks that are newly to do or blocked."""
    work(session, turn.after.id)
    service = session.service
    report = outcome(service, service.since(turn), *done)
    report = msgspec.structs.replace(report, deadlines=moved, approvals=approvals)
    session.show(report, lambda: page(report))


def work(session: Session, own: str = "") -> None:
    """Perform due work, unless ``--no-work`` is set or a worker runs; wait for the incident ``own``."""
    from runner.app.core.suspended_incidents import set_aside

    service = session.service
    if own and (failed := set_aside(service).get(own)) is not None:
        go_on = command_text(suggested_actions.resume(own))
        session.warn("set_aside", f"{aside_words(failed)}. → {go_on}")
    if session.options.no_work or living(service):
        return
    if not service.is_work_due():
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


def page(report: Done) -> Page:
    """Draw the result in short form: the next command shows the rest."""
    tone: Tone = "warn" if report.second_person else "good"
    blocks: list[Paragraph | Table] = [line(words, tone) for words in report.done]
    for given in report.approvals:
        roles = (", " if given.each else " or ").join(given.still_needs)
        needs = f"; {roles} must still approve" if roles else ""
        blocks.append(line(f"{given.step}: {given.have} of {given.wanted}{needs}", tone))
    blocks += [
        line(f"{_label(report, move)}: {move_words(move, here())}", "warn", hang=2)
        for move in report.deadlines
    ]
    blocks += [flow("The other person runs", arrow(action)) for action in report.confirm]
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


def _label(report: Done, move: ClockMove) -> str:
    """Return what a move is: of a deadline, or the end of a duty; one that a second person confirms does not count yet."""
    what = "end of a duty" if move.ends else "deadline"
    return f"proposed {what}, not valid before confirmation" if report.second_person and move.later else what


def _title(one: Step) -> str:
    return f"{one.title} [{one.item}]" if one.item else one.title


def reach(session: Session, person: str) -> None:
    """Replan the open messages to a person with new contacts, and name the messages that failed permanently before."""
    from runner.app.messages.messages import plan_anew

    asked, given_up = plan_anew(session.machine, person)
    if asked:
        work(session)
        session.say(f"Messages to {person} use the new contacts in {', '.join(asked)}")
    for delivery in given_up:
        session.say(f"failed permanently: tocsin message retry {delivery} --reason 'new contact'")


def warn_of_backups(session: Session) -> None:
    """List an erasure beside the backups, and warn of those that still have the data, and of an unfinished erasure."""
    from runner.app.core.repository import UNFINISHED
    from runner.app.home.backups import after_erasure
    from runner.app.home.erased_data import UNERASED

    if session.service.setting(UNFINISHED) is not None:
        session.warn("erasure_unfinished", f"{UNERASED}. A worker finishes it, or: tocsin doctor --repair")
    places, missing = after_erasure(session.service)
    for place in places:
        session.warn(
            "backup_keeps_data",
            f"Backups in {place} still have the erased data until they are removed. A restore erases it again.",
        )
    for place in missing:
        session.warn(
            "backup_unreachable",
            f"The folder {place} cannot be reached: a restore from it brings the data back. Then run: tocsin backup",
        )
