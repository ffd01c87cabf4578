"""Options of schedules, and the list of schedules, for exercises and for scheduled jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from runner.base.instants import parse_duration
from runner.cli.framework.session import Session
from runner.errors import Usage

if TYPE_CHECKING:
    from runner.reports.exercises.schedules import SchedulesReport


def check_times(cron: str, every: str) -> None:
    """Raise Usage unless exactly one of the two says when."""
    if bool(cron) == bool(every):
        raise Usage(
            "Exactly one of --cron and --every is needed.",
            hint="Add --every 90d",
            code="options_conflict" if cron else "option_missing",
        )


def span(option: str, text: str) -> timedelta | None:
    """Return what an option says; raises Usage."""
    if not text:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise Usage(f"{option}: {error}", code="bad_duration") from error
    if not timedelta() < found <= timedelta(days=3660):
        raise Usage(
            f'{option} "{text}" is not a duration between two exercises.',
            hint=f"Use {option} 90d",
            code="bad_duration",
        )
    return found


def show(session: Session, *, routine: bool = False) -> SchedulesReport:
    """Show the exercises, or the routines, that come by themselves, and return what was shown."""
    from runner.app.exercises.fire_times import next_fire
    from runner.app.exercises.schedules import read, standing_of
    from runner.reports.exercises.schedules import schedules_page, schedules_report

    now = session.now()
    standing = standing_of(read(session.service), routine=routine)
    upcoming = {
        schedule.id: next_fire(schedule.rule, schedule.since, max(now, schedule.since))
        for schedule in standing
    }
    report = schedules_report(standing, upcoming, now)
    begin = (
        "tocsin routine add comcheck --every 30d" if routine else "tocsin drill schedule EXERCISE --every 90d"
    )
    session.show(report, lambda: schedules_page(report, begin))
    return report
