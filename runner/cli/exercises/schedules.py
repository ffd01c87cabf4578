"""Commands of scheduled exercises, and the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from runner.cli.framework.environment import stopped_by_signals
from runner.cli.framework.home_catalogue import ensure_home
from runner.cli.framework.options import (
    NEEDS_A_PERSON,
    Argument,
    Commands,
    Option,
    Scope,
    check_times,
    command,
    one_of,
    show,
    span,
)
from runner.cli.framework.session import Session
from runner.incident.exercises.schedules import OnMissed, Rule

if TYPE_CHECKING:
    from runner.incident.exercises.schedules import AnyScheduleEvent
    from runner.workers.schedule_runner import ScheduleRunner

MISSED: tuple[OnMissed, ...] = get_args(OnMissed)
AHEAD = timedelta(days=400)
EVENTS = 60
"""The maximum number of calendar entries for one schedule."""


def add(app: Commands) -> None:
    """Add ``scheduler``."""
    command(app, "scheduler", Scope.ANYWHERE)(scheduler)


def schedule(
    session: Session,
    exercise: Annotated[str, Argument("EXERCISE", "Name of an exercise, or a file.")],
    cron: Annotated[str, Option("--cron LINE", "Minute hour day month weekday, in local time.")] = "",
    every: Annotated[str, Option("--every SPAN", "Interval, as 90d.")] = "",
    zone: Annotated[
        str, Option("--zone ZONE", "Time zone of --cron. Default: the organisation's, then UTC.")
    ] = "",
    no_notice: Annotated[
        str, Option("--no-notice WINDOW", "Length of a window with an unannounced random start.")
    ] = "",
    on_missed: Annotated[
        str, Option("--on-missed HOW", "Missed-run policy: skip, latest or all.")
    ] = "latest",
    unattended: Annotated[
        bool, Option("--unattended", "Test run without people. Stores the result.")
    ] = False,
    despite: Annotated[
        str, Option("--despite WHY", "Reason to run the exercise during a real incident.")
    ] = "",
) -> None:
    """Schedule an exercise.

    \b
    Examples:
      tocsin drill schedule lost-laptop --cron "0 9 1 */3 *" --zone Europe/Berlin
      tocsin drill schedule lost-laptop --every 90d --no-notice 5d
      tocsin drill schedule lost-laptop --cron "30 6 * * 1" --unattended
    """
    from runner.app.exercises.fire_times import next_fire
    from runner.app.exercises.schedules import keep, written

    check_times(cron, every)
    policy = one_of(on_missed, MISSED, "Missed-run policy", "unknown_on_missed", option="--on-missed")
    ensure_home(session)
    rule = Rule(
        exercise=written(exercise, session.world.cwd),
        cron=cron,
        every=span("--every", every),
        zone=zone or str(session.service.home.organisation.get("zone", "UTC")),
        no_notice=span("--no-notice", no_notice),
        on_missed=policy,
        unattended=unattended,
        despite=despite,
    )
    kept = keep(session.service, rule)
    first = next_fire(kept.rule, kept.since, kept.since)
    session.say(f"{kept.id}: first run on {first:%A, %Y-%m-%d at %H:%M %Z}")
    session.say("Required: a running scheduler (tocsin scheduler), or cron with: tocsin drill run --due")
    show(session)


def unschedule(
    session: Session,
    name: Annotated[str, Argument("SCHEDULE", "Id, as in tocsin drill schedules.")],
) -> None:
    """Remove an exercise from the schedule. Keeps all entries."""
    from runner.app.exercises.schedules import drop

    drop(session.service, name)
    session.say(f"{name} is removed from the schedule")
    show(session)


def acknowledge(
    session: Session,
    name: Annotated[str, Argument("SCHEDULE", "Id, as in tocsin drill schedules.")],
    reason: Annotated[str, Option("--reason WHY", "Reason to accept the missed or failed run.")] = "",
) -> None:
    """Acknowledge a missed or failed run of a schedule.

    Needs --reason. To run the exercise now: tocsin drill run EXERCISE.

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
    ics: Annotated[Path | None, Option("--ics FILE", "Calendar file for the announced exercises.")] = None,
    check: Annotated[
        bool, Option("--check", "Exit code 4 if a missed or failed run is not acknowledged.")
    ] = False,
) -> int:
    """List the scheduled exercises with their times and results."""
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
    session.say(f"{file}: {len(comings)} future exercises")
    if hidden:
        session.say(f"Not included, because unannounced: {', '.join(hidden)}")


def run_due(session: Session) -> int:
    """Run all due exercises and jobs. Return 4 after a miss or a failure."""
    from runner.cli.framework.outcome import work

    with _firing(session) as firer:
        events = firer.look()
    work(session)
    show(session)
    return NEEDS_A_PERSON if any(_is_bad(event) for event in events) else 0


def scheduler(session: Session) -> None:
    """Run scheduled jobs and exercises.

    Runs until SIGTERM or Ctrl-C. Several schedulers can use one database: each run starts once. An exercise with people
    opens and waits for the controller: tocsin drill run --go-on.

    \b
    Example:
      tocsin scheduler
    """
    from runner.workers.scheduler import Scheduler

    session.watched(session.world.err.isatty())
    with _firing(session) as firer:
        running = Scheduler(session.apart(), firer, session.say)
        with stopped_by_signals(running.stop):
            session.say(f"The scheduler runs for {session.folder}. Stop with Ctrl-C or SIGTERM.")
            running.run()
    session.say("The scheduler stopped")


@contextmanager
def _firing(session: Session) -> Iterator[ScheduleRunner]:
    """Register as a scheduler and yield a schedule runner."""
    from runner.app.core.identifiers import fraction
    from runner.settings import cache_folder
    from runner.workers.schedule_runner import ScheduleRunner

    service = session.apart()
    name = service.chance.name("scheduler")
    alive = service.register_worker(name)
    try:
        cache = cache_folder(session.world.environ)
        yield ScheduleRunner(service, name, fraction, cache, lambda event: _say(session, event), alive)
    finally:
        alive.release()


def _is_bad(event: AnyScheduleEvent) -> bool:
    from runner.incident.exercises.schedules import FiringEnded, FiringMissed

    return isinstance(event, FiringMissed) or (isinstance(event, FiringEnded) and event.outcome == "failed")


def _say(session: Session, event: AnyScheduleEvent) -> None:
    """Print the message of an entry; never reveal an unannounced exercise before it opens."""
    from runner.reports.exercises.schedules import told

    words = told(event)
    if words:
        session.say(words)
