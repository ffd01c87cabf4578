"""Exercises that come by themselves: schedule, unschedule, see; and the scheduler, or one look of it for cron."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

from runner.cli.framework.environment import stopped_by_signals
from runner.cli.framework.options import (
    NEEDS_A_PERSON,
    Argument,
    Commands,
    Option,
    Scope,
    check_times,
    command,
    show,
    span,
)
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.incident.exercises.schedules import OnMissed, Rule

if TYPE_CHECKING:
    from runner.incident.exercises.schedules import AnyScheduleEvent
    from runner.workers.schedule_runner import ScheduleRunner


MISSED: tuple[str, ...] = get_args(OnMissed)
AHEAD = timedelta(days=400)
EVENTS = 60
"""A calendar holds at most so many times of one schedule, over a good year."""


def add(app: Commands) -> None:
    """Add ``scheduler``; what belongs to ``drill`` is added with that."""
    command(app, "scheduler", Scope.ANYWHERE)(scheduler)


def schedule(
    session: Session,
    exercise: Annotated[str, Argument(metavar="EXERCISE", help="A name, or a file.")],
    cron: Annotated[
        str, Option("--cron", metavar="LINE", help="Minute hour day month weekday, by the local clock.")
    ] = "",
    every: Annotated[str, Option("--every", metavar="SPAN", help="So much time apart, as 90d.")] = "",
    zone: Annotated[
        str, Option("--zone", metavar="ZONE", help="Of --cron; else the organisation's, else UTC.")
    ] = "",
    no_notice: Annotated[
        str, Option("--no-notice", metavar="WINDOW", help="At some moment of so long a window, unannounced.")
    ] = "",
    on_missed: Annotated[
        str, Option("--on-missed", metavar="HOW", help="What is made up for: skip, latest or all.")
    ] = "latest",
    unattended: Annotated[
        bool, Option("--unattended", help="Play it without people, and keep whether it passed.")
    ] = False,
    despite: Annotated[
        str, Option("--despite", metavar="WHY", help="Why it comes although a real incident is open.")
    ] = "",
) -> None:
    """Have an exercise come by itself; a scheduler, or cron, has it happen.

    \b
    Examples:
      tocsin drill schedule lost-laptop --cron "0 9 1 */3 *" --zone Europe/Berlin
      tocsin drill schedule lost-laptop --every 90d --no-notice 5d
      tocsin drill schedule lost-laptop --cron "30 6 * * 1" --unattended
    """
    from runner.app.exercises.fire_times import next_fire
    from runner.app.exercises.schedules import keep, written

    check_times(cron, every)
    if on_missed not in MISSED:
        raise Usage(
            f"there is no --on-missed {on_missed}",
            hint=f"one of: {', '.join(MISSED)}",
            code="unknown_on_missed",
        )
    session.ensure_home()
    rule = Rule(
        exercise=written(exercise, session.world.cwd),
        cron=cron,
        every=span("--every", every),
        zone=zone or str(session.service.home.organisation.get("zone", "UTC")),
        no_notice=span("--no-notice", no_notice),
        on_missed=cast(OnMissed, on_missed),
        unattended=unattended,
        despite=despite,
    )
    kept = keep(session.service, rule)
    first = next_fire(kept.rule, kept.since, kept.since)
    session.say(f"{kept.id} comes first on {first:%A, %Y-%m-%d at %H:%M %Z}")
    session.say(
        "it happens while a scheduler runs (tocsin scheduler), or whenever cron types: tocsin drill run --due"
    )
    show(session)


def unschedule(
    session: Session, name: Annotated[str, Argument(metavar="SCHEDULE", help="As in drill schedules.")]
) -> None:
    """Have an exercise come no more; what happened stays on record."""
    from runner.app.exercises.schedules import drop

    drop(session.service, name)
    session.say(f"{name} comes no more")
    show(session)


def acknowledge(
    session: Session,
    name: Annotated[str, Argument(metavar="SCHEDULE", help="As in drill schedules.")],
    reason: Annotated[str, Option("--reason", metavar="WHY", help="Why it may stay so.")] = "",
) -> None:
    """Say that you know of the last time of a schedule that was missed or failed, and why that may stay so.

    To make up for it, play it: tocsin drill run EXERCISE. Needs --reason.

    \b
    Example:
      tocsin drill acknowledge lost-laptop --reason "the office moved; played on Thursday instead"
    """
    from runner.app.exercises.schedules import acknowledge as acknowledge_

    acknowledge_(session.service, name, reason)
    session.say(f"{name}: acknowledged")
    show(session)


def schedules(
    session: Session,
    ics: Annotated[
        Path | None, Option("--ics", metavar="FILE", help="Write the announced ones to come as a calendar.")
    ] = None,
    check: Annotated[
        bool, Option("--check", help="Exit with 4 while one was missed or failed and nobody acknowledged it.")
    ] = False,
) -> int:
    """Show which exercises come by themselves, when, and what became of each time that came."""
    report = show(session)
    if ics is not None:
        _calendar(session, ics)
    return NEEDS_A_PERSON if check and any(schedule.needs_attention for schedule in report.schedules) else 0


def _calendar(session: Session, file: Path) -> None:
    from runner.app.exercises.fire_times import coming
    from runner.app.exercises.schedules import read, standing_of
    from runner.cli.framework.output_files import write_out
    from runner.reports.exercises.schedules import Coming, ics

    now = session.now()
    standing = standing_of(read(session.service), routine=False)
    hidden = [schedule.id for schedule in standing if schedule.rule.no_notice is not None]
    comings = [
        Coming(schedule=schedule.id, at=at)
        for schedule in standing
        if schedule.rule.no_notice is None
        for at in coming(schedule, now, now + AHEAD, EVENTS)
    ]
    write_out(file, ics(comings, now))
    session.say(f"{file}: {len(comings)} exercises to come")
    if hidden:
        session.say(f"left out, as they come without notice: {', '.join(hidden)}")


def run_due(session: Session) -> int:
    """Take what is due now and have it happen; 4 if something was missed or failed."""
    from runner.cli.framework.outcome import work

    with _firing(session) as firer:
        events = firer.look()
    work(session)
    show(session)
    return NEEDS_A_PERSON if any(_is_bad(event) for event in events) else 0


def scheduler(session: Session) -> None:
    """Have scheduled exercises happen at their times, until SIGTERM or Ctrl-C.

    Several may run on one store: each time comes once. An exercise with people is opened, and waits for whoever
    conducts it with tocsin drill run --go-on.

    \b
    Example:
      tocsin scheduler
    """
    from runner.workers.scheduler import Scheduler

    with _firing(session) as firer:
        running = Scheduler(session.apart(), firer, session.say)
        with stopped_by_signals(running.stop):
            session.say(f"exercises of {session.folder} come at their times; stop with Ctrl-C or SIGTERM")
            running.run()
    session.say("the scheduler has stopped")


@contextmanager
def _firing(session: Session) -> Iterator[ScheduleRunner]:
    """Be one scheduler of the store for a while."""
    from runner.app.core.identifiers import fraction
    from runner.settings import cache_folder
    from runner.workers.schedule_runner import ScheduleRunner

    service = session.apart()
    name = service.chance.name("scheduler")
    alive = service.store.register_worker(name)
    try:
        cache = cache_folder(session.world.environ)
        yield ScheduleRunner(service, name, fraction, cache, lambda event: _say(session, event))
    finally:
        alive.release()


def _is_bad(event: AnyScheduleEvent) -> bool:
    from runner.incident.exercises.schedules import FiringEnded, FiringMissed

    return isinstance(event, FiringMissed) or (isinstance(event, FiringEnded) and event.outcome == "failed")


def _say(session: Session, event: AnyScheduleEvent) -> None:
    """Say what was recorded, as it is recorded; a no-notice exercise is not given away before it opens."""
    from runner.reports.exercises.schedules import told

    words = told(event)
    if words:
        session.say(words)
