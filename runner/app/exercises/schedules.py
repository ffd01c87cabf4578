"""Schedules of exercises and jobs, in a journal of their own, for any number of schedulers.

If two schedulers append at the same time, the second reads the journal again and finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from runner.actions import Action
from runner.app.core import organisation_journal
from runner.app.core.incident_service import IncidentService
from runner.app.exercises.fire_times import between, check, next_fire
from runner.app.incidents.home_catalogue import catalogue
from runner.base.text import nearest
from runner.errors import NotFound, Refused, reason_given
from runner.files.exercise_file import load_exercise
from runner.incident.exercises.schedules import (
    JOURNAL,
    READER,
    AnyScheduleEvent,
    Book,
    DrillScheduled,
    DrillUnscheduled,
    Firing,
    FiringAcknowledged,
    Look,
    Rule,
    Schedule,
    ahead_of,
    attention,
    behind,
    fold_schedules,
    passed,
    taken_up,
)
from runner.reports.exercises.schedules import SchedulesReport, schedules_report

AT_ONCE = 500
"""The number of fire times of one schedule that are recorded at once."""
Decide = Callable[[Book], Sequence[AnyScheduleEvent]]


def read(service: IncidentService) -> Book:
    """Return the current schedules."""
    return fold_schedules(organisation_journal.entries(service, JOURNAL, READER))


def change(service: IncidentService, decide: Decide) -> tuple[AnyScheduleEvent, ...]:
    """Append the events from ``decide`` and return them; ``decide`` runs again after a concurrent change."""
    return organisation_journal.change(service, JOURNAL, read, decide)


def keep(service: IncidentService, rule: Rule) -> Schedule:
    """Schedule an exercise or a routine; raises the error of the exercise or the rule."""
    check(rule, service.clock.now())
    catalog = catalogue(service)
    wanted = rule.routine or load_exercise(rule.exercise, catalog).exercise.name

    def decide(book: Book) -> Sequence[AnyScheduleEvent]:
        known = book.schedules
        same = [
            schedule.id for schedule in known.values() if schedule.ended is None and schedule.rule == rule
        ]
        if same:
            raise Refused(
                f'The schedule "{same[0]}" is the same.',
                hint=Action("routine.list") if rule.routine else Action("drill.schedules"),
                code="already_scheduled",
            )
        names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(known) + 3)))
        free = next(name for name in names if name not in known)
        return (DrillScheduled(schedule=free, by=service.principal.person, rule=rule),)

    (made,) = change(service, decide)
    return read(service).schedules[made.schedule]


def drop(service: IncidentService, name: str, *, routine: bool = False) -> None:
    """End the schedule of an exercise or a routine; its history remains."""

    def decide(book: Book) -> Sequence[AnyScheduleEvent]:
        schedule = _standing(name, standing_of(book, routine=routine))
        return (DrillUnscheduled(schedule=schedule.id, by=service.principal.person),)

    change(service, decide)


def acknowledge(service: IncidentService, name: str, reason: str) -> None:
    """Record the reason for accepting a missed or failed run; raises Refused if the last run was neither."""
    reason_given(reason)

    def decide(book: Book) -> Sequence[AnyScheduleEvent]:
        wrong = attention(_standing(name, book.schedules.values()))
        if wrong is None:
            raise Refused(
                f'Schedule "{name}" has no run to acknowledge.',
                hint=Action("drill.schedules"),
                code="nothing_to_acknowledge",
            )
        made = FiringAcknowledged(
            schedule=name, by=service.principal.person, fire_at=wrong.fire_at, reason=reason.strip()
        )
        return (made,)

    change(service, decide)


def _standing(name: str, among: Iterable[Schedule]) -> Schedule:
    """Return an active schedule by its id; raises NotFound with the nearest id."""
    standing = {schedule.id: schedule for schedule in among if schedule.ended is None}
    if name not in standing:
        near = nearest(name, standing)
        hint = f"Use {near}" if near else f"Use one of: {', '.join(standing) or 'none'}"
        raise NotFound(f'Schedule "{name}" does not exist.', hint=hint, code="unknown_schedule")
    return standing[name]


def standing_of(book: Book, *, routine: bool) -> tuple[Schedule, ...]:
    """Return the active schedules of exercises, or of routines."""
    return tuple(
        schedule
        for schedule in book.schedules.values()
        if schedule.ended is None and (schedule.rule.routine is not None) == routine
    )


def overview(service: IncidentService, *, routine: bool = False) -> SchedulesReport:
    """Return the active schedules with the next run and the results of each."""
    now = service.clock.now()
    standing = standing_of(read(service), routine=routine)
    upcoming = {one.id: next_fire(one.rule, one.since, max(now, one.since)) for one in standing}
    return schedules_report(standing, upcoming, now)


def written(exercise: str, base: Path) -> str:
    """Return the exercise as a schedule stores it: a name unchanged, a file as its full path."""
    from runner.playbook.bundle import is_path

    return str((base / exercise).resolve()) if is_path(exercise) else exercise


def real_incidents(service: IncidentService) -> tuple[str, ...]:
    """Return the codenames of the open and paused real incidents."""
    rows = service.incidents()
    return tuple(row.codename for row in rows if row.kind == "real" and row.state in ("open", "paused"))


def take(
    service: IncidentService, scheduler: str, chance: Callable[[], float]
) -> tuple[AnyScheduleEvent, ...]:
    """Record the outcome of every past fire time, and return the recorded events."""
    now = service.clock.now()
    look = Look(
        scheduler=scheduler,
        by=service.principal.person,
        now=now,
        real=real_incidents(service),
        alive=service.worker_alive,
        still_open=lambda incident: _still_open(service, incident),
        chance=chance,
    )
    return change(
        service,
        lambda book: [event for schedule in book.schedules.values() for event in _due(schedule, look)],
    )


def _due(schedule: Schedule, look: Look) -> Iterator[AnyScheduleEvent]:
    yield from ahead_of(schedule, look)
    yield from taken_up(schedule, look)
    if schedule.ended is None:
        times, more = between(schedule, behind(schedule, look.now), look.now, AT_ONCE)
        yield from passed(schedule, times, look, more=more)


def _still_open(service: IncidentService, incident: str) -> bool:
    row = service.row(incident)
    if row is None or row.state not in ("open", "paused"):
        return False
    drill = service.load(incident).drill
    return drill is None or drill.stage not in ("ended", "frozen")


def in_hand(service: IncidentService, scheduler: str) -> list[tuple[Schedule, Firing]]:
    """Return the claimed firings of this scheduler that must open now, oldest first."""
    now = service.clock.now()
    found = [
        (schedule, firing)
        for schedule in read(service).schedules.values()
        for firing in schedule.firings.values()
        if firing.state == "claimed" and firing.scheduler == scheduler and (firing.opens_at or now) <= now
    ]
    return sorted(found, key=lambda pair: pair[1].fire_at)


def still_mine(book: Book, firing: Firing, scheduler: str) -> bool:
    """Tell whether this scheduler still has the claim on a firing."""
    found = book.schedules[firing.schedule].firings.get(firing.fire_at)
    return found is not None and found.state == "claimed" and found.scheduler == scheduler


def incident_id(firing: Firing) -> str:
    """Return the id of a firing's exercise: the same for every scheduler, so that it is opened once."""
    return f"i-{firing.schedule}-{firing.fire_at:%Y%m%dT%H%M%SZ}"
