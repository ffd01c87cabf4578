"""Scheduler process: APScheduler provides the alarms, the journal the schedules and their results.

The list of alarms is in memory and is created again from the journal, at the start and whenever a schedule
changes. Each alarm only starts a check; there is a check each minute anyway, for clocks that jump, schedulers that
stopped and exercises whose time is inside a window.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import WorkerHandle
from runner.app.exercises.fire_times import trigger
from runner.app.exercises.schedules import read
from runner.app.home.workers import lead, leader, living
from runner.errors import TocsinError, warning
from runner.workers.embedded import Worker
from runner.workers.schedule_runner import ScheduleRunner

EVERY = timedelta(minutes=1)
LOOKING = "look"


class Scheduler:
    """Runs until it is stopped."""

    def __init__(self, service: IncidentService, firer: ScheduleRunner, say: Callable[[str], None]) -> None:
        """``say`` gets the problems; ``desk`` is the service that reads the list."""
        self._service, self._firer, self._say = service, firer, say
        self._stopping = threading.Event()
        self._lead: WorkerHandle | None = None
        self._waits = False
        self._one_at_a_time = threading.Lock()
        self._alarms: BackgroundScheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )

    def stop(self) -> None:
        """End ``run``; safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Check at once, then at each alarm; a running exercise runs to its end."""
        self._alarms.add_job(self.look, IntervalTrigger(seconds=int(EVERY.total_seconds())), id=LOOKING)
        self._alarms.start()
        try:
            self.look()
            self._stopping.wait()
        finally:
            self._alarms.shutdown(wait=True)
            self.release()

    def release(self) -> None:
        """Let another scheduler lead."""
        if self._lead is not None:
            self._lead.release()

    def look(self) -> None:
        """Check once; the problem of one check does not prevent the next: the store may be unavailable for a while.

        Alarms at the same time check one after the other: the list and the service are not thread-safe.
        """
        with self._one_at_a_time:
            if not self._stopping.is_set():
                self._look()

    def _look(self) -> None:
        try:
            if not self._leads():
                return
            self._firer.look()
            self._set_alarms()
            self._work()
        except TocsinError as error:
            self._say(warning(error.code, f"The schedules could not be read: {error.message}"))

    def _leads(self) -> bool:
        """Tell whether this scheduler leads: the others wait until its lock is free, and the journal lets each run start once."""
        before = self._lead
        if before is None or not before.held():
            self.release()
            self._lead = lead(self._service)
            if self._lead is not None:
                self._say("This scheduler leads: it starts the due runs")
            elif before is not None or not self._waits:
                self._say(
                    f"The scheduler on {leader(self._service)} leads. This one waits until that one stops"
                )
            self._waits = self._lead is None
        return not self._waits

    def _work(self) -> None:
        """Send due messages, most of all reminders, if no worker runs that would."""
        if living(self._service):
            return
        worker = Worker(self._service)
        try:
            worker.drain()
        finally:
            worker.close()
        for name, why in worker.troubles.items():
            self._say(warning("work_failed", f"The work of incident {name} failed: {why}"))

    def _set_alarms(self) -> None:
        wanted = {
            schedule.id: schedule
            for schedule in read(self._service).schedules.values()
            if schedule.ended is None
        }
        there = {job.id for job in self._alarms.get_jobs()} - {LOOKING}
        for gone in there - wanted.keys():
            self._alarms.remove_job(gone)
        for new in wanted.keys() - there:
            self._alarms.add_job(self.look, trigger(wanted[new].rule, wanted[new].since), id=new)
