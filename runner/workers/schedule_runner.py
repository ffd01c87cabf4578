"""Execution of a scheduled run: an exercise with people, a test run, or a scheduled job; and the record of its result.

A result is recorded only while this scheduler has the claim. The exercise has an id that is derived from the
run, so an exercise whose scheduler stopped before recording it is found, and not opened again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import WorkerHandle
from runner.app.exercises import schedules
from runner.app.incidents.home_catalogue import catalogue
from runner.errors import TocsinError
from runner.files.exercise_file import Loaded, load_exercise
from runner.incident.exercises.schedules import (
    AnyScheduleEvent,
    Book,
    Firing,
    FiringEnded,
    FiringMissed,
    FiringOpened,
    Schedule,
)
from runner.playbook.catalogue import Catalog

Told = Callable[[AnyScheduleEvent], None]


class ScheduleRunner:
    """Runs due exercises and jobs, as one scheduler of a store; of several threads, one runs at a time."""

    def __init__(
        self,
        service: IncidentService,
        name: str,
        chance: Callable[[], float],
        cache: Path | None,
        tell: Told,
        alive: WorkerHandle | None = None,
    ) -> None:
        """``name`` is registered as alive with the store, by ``alive``; ``tell`` gets everything that is recorded."""
        self._alive = alive
        self._service, self._name, self._chance, self._cache, self._tell = service, name, chance, cache, tell
        self._one_at_a_time = threading.Lock()

    def look(self) -> tuple[AnyScheduleEvent, ...]:
        """Claim the due runs, perform them, and return all recorded events."""
        with self._one_at_a_time:
            if (
                self._alive is not None
            ):  # without its lock another scheduler would take over what this one claims
                self._alive.renew()
            found = list(self._told(schedules.take(self._service, self._name, self._chance)))
            for schedule, firing in schedules.in_hand(self._service, self._name):
                found += self._told(self._record(firing, self.happen(schedule, firing)))
            return tuple(found)

    def _told(self, events: tuple[AnyScheduleEvent, ...]) -> tuple[AnyScheduleEvent, ...]:
        for event in events:
            self._tell(event)
        return events

    def _record(self, firing: Firing, event: AnyScheduleEvent) -> tuple[AnyScheduleEvent, ...]:
        def decide(book: Book) -> tuple[AnyScheduleEvent, ...]:
            return (event,) if schedules.still_mine(book, firing, self._name) else ()

        return schedules.change(self._service, decide)

    def happen(self, schedule: Schedule, firing: Firing) -> AnyScheduleEvent:
        """Perform one run, and return the events to record."""
        by = self._service.principal.person
        try:
            if schedule.rule.routine is not None:
                return self._worked(schedule, firing)
            catalog = catalogue(self._service)
            loaded = load_exercise(schedule.rule.exercise, catalog)
            if schedule.rule.unattended:
                return self._played(firing, loaded, catalog)
            return self._opened(schedule, firing, loaded)
        except TocsinError as error:
            if error.code == "real_incident":
                return FiringMissed(schedule=schedule.id, by=by, fire_at=firing.fire_at, reason=error.message)
            return FiringEnded(
                schedule=schedule.id,
                by=by,
                fire_at=firing.fire_at,
                outcome="failed",
                detail=error.message,
            )

    def _worked(self, schedule: Schedule, firing: Firing) -> FiringEnded:
        from runner.app.home.routines import work

        done = work(self._service, schedule.rule, firing.opens_at if firing.tries > 1 else None)
        return FiringEnded(
            schedule=schedule.id,
            by=self._service.principal.person,
            fire_at=firing.fire_at,
            outcome="failed" if done.needs_a_person else "passed",
            detail=done.words,
            routine=schedule.rule.routine,
        )

    def _opened(self, schedule: Schedule, firing: Firing, loaded: Loaded) -> FiringOpened:
        from runner.app.exercises.exercises import prepare_drill
        from runner.app.incidents.open_incident import commit_opening

        name = schedules.incident_id(firing)
        row = self._service.store.row(name)
        if row is None:
            opening = prepare_drill(self._service, loaded, despite=schedule.rule.despite)
            event = msgspec.structs.replace(opening.event, incident=name)
            codename = commit_opening(
                self._service, msgspec.structs.replace(opening, event=event)
            ).after.codename
        else:
            codename = row.codename
        return FiringOpened(
            schedule=schedule.id,
            by=self._service.principal.person,
            fire_at=firing.fire_at,
            incident=name,
            codename=codename,
        )

    def _played(self, firing: Firing, loaded: Loaded, catalog: Catalog) -> FiringEnded:
        from runner.app.exercises.exercises import plan_of
        from runner.reports.exercises.exercise import drill_report, unmet
        from runner.workers.simulated_exercise import unattended

        with unattended(loaded, catalog, self._cache, lambda event: None) as (service, incident):
            missing = unmet(drill_report(incident, plan_of(service, incident), service.now_in(incident)))
        return FiringEnded(
            schedule=firing.schedule,
            by=self._service.principal.person,
            fire_at=firing.fire_at,
            outcome="failed" if missing else "passed",
            detail="; ".join(missing),
        )
