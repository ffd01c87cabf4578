"""One process of several: Procrastinate claims, wakes and recovers jobs; the embedded loop commits, performs and records.

Two parts in one process: the event loop of Procrastinate in the calling thread, and the loop of ``embedded.Worker`` in
a thread. A job is a visit of the latter. While a job of an incident runs, further jobs of it wait. So that a person's
answer does not wait for a slow effect, every commit also names its incidents on a channel, and a worker that works on
one of them checks it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from runner.errors import StoreError, warning
from runner.reports.core.formatting import count
from runner.vault.secrets import resolve
from runner.workers.embedded import Worker
from runner.workers.fairness import GRACE
from runner.workers.postgres import queue
from runner.workers.postgres.job_batches import BulkManager
from runner.workers.visit_results import Performer, VisitResult, may_pass

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

AT_ONCE = 50
"""How many incidents one process works on at once."""
LOGGERS = ("procrastinate", "psycopg")
"""Loggers of libraries that write tracebacks when a database is lost: the worker reports that itself."""
LONGEST = timedelta(seconds=5)
"""The longest pause between two attempts to connect again."""
LATER = timedelta(seconds=1)
"""The least delay of a timer: work that is due now and was not done waits for something other than time."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a stopped worker is noticed, and a lost job created again."""

    heartbeat: timedelta = timedelta(seconds=5)
    silence: timedelta = timedelta(seconds=20)
    """After this long without a heartbeat, other workers get a worker's jobs."""
    sweep: int = 10
    """Seconds between two sweeps of the whole queue, by any worker; at most 59."""
    poll: timedelta = timedelta(seconds=1)
    """How late a timer may be, and the delay after a lost notice."""


class QueueWorker:
    """One worker process on a shared store: ``run`` works until ``stop``."""

    def __init__(
        self,
        service: IncidentService,
        *,
        threads: int = 8,
        perform: Performer | None = None,
        pace: Pace | None = None,
        wait: bool = True,
        say: Callable[[str], None] = lambda text: None,
        again: Callable[[], None] = lambda: None,
    ) -> None:
        """Prove to the store that this worker is alive; with ``wait=False`` ``run`` ends with the queue.

        ``say`` gets what happens to the connection; ``again`` is called when the database is back.
        """
        self.worker = Worker(service, threads=threads, perform=perform)
        self.worker.spread = self._spread
        self.name = self.worker.name
        self._service = service
        self._pace = pace or Pace()
        self._wait = wait
        password = (
            resolve(service.home.store_password, base=service.folder) if service.home.store_password else None
        )
        self._parameters = queue.parameters(service.home.store, password)
        self._say, self._again = say, again
        self._connect()
        self._in_hand = 0
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def _connect(self) -> None:
        app = procrastinate.App(connector=queue.connector(self._parameters))
        app.job_manager = self._manager = BulkManager(app.connector, self._room)
        self._app = self._tasks(app)
        self._timers: dict[str, datetime] = {}

    def run(self) -> None:
        """Work until ``stop``; then take no new work, wait for running work, and record it.

        Connects again if the connection to the database is lost, for as long as that takes.
        """
        # Their log lines stay off standard error, unless somebody has configured logging.
        for name in LOGGERS:
            logger = logging.getLogger(name)
            if not logger.handlers:
                logger.addHandler(logging.NullHandler())
        self._prepare()
        asyncio.run(self._go_on())

    def _prepare(self) -> None:
        queue.prepare(self._service.store.server)  # type: ignore[attr-defined]  # chosen for a store on PostgreSQL

    def stop(self) -> None:
        """End ``run`` cleanly; safe to call from a signal handler and from other threads."""
        if self._loop is None:
            self._stopping.set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._stopping.set)

    def close(self) -> None:
        """Release the pool and the proof that the worker is alive."""
        self.worker.close()

    # --- the two loops ------------------------------------------------------------------------------------

    async def _go_on(self) -> None:
        """Work, and after each loss of the database connect again."""
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                await self._run()
                return
            except (ConnectorException, psycopg.Error, StoreError) as error:
                if not self._wait or (isinstance(error, StoreError) and not may_pass(error)):
                    raise error if isinstance(error, StoreError) else _lost() from error
            self._say(warning("connection_lost", "The connection to the database was lost. Connecting again"))
            if not await self._renewed():
                return
            self._connect()

    async def _renewed(self) -> bool:
        """Prove to the database that this worker is alive, as soon as it answers; False after ``stop``."""
        pause = self._pace.poll
        while not self._stopping.is_set():
            self.worker.fairness.attempts += 1
            try:
                await asyncio.to_thread(self._renew)
                return True
            except StoreError as error:
                if not may_pass(error):
                    raise
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause.total_seconds())
            pause = min(2 * pause, LONGEST)
        return False

    def _renew(self) -> None:
        gone = self.worker.renew()
        self._prepare()
        self._again()
        self._say("The database is back. The worker continues")
        if gone:
            what = f"The database lost confirmed entries of {count(len(gone), 'incident')}. Run: tocsin audit verify"
            self._say(warning("rolled_back", what))

    async def _run(self) -> None:
        inner = asyncio.create_task(asyncio.to_thread(self.worker.serve))
        asked = asyncio.create_task(self._stopping.wait())
        broken = asyncio.create_task(self._manager.broken.wait())
        listening = asyncio.create_task(self._listen())
        try:
            async with self._app.open_async():
                outer = asyncio.create_task(self._take_jobs())
                await asyncio.wait({inner, outer, asked, broken}, return_when=asyncio.FIRST_COMPLETED)
                lost = broken.done() or not (asked.done() or (outer.done() and not self._wait))
                self.worker.stop()
                outer.cancel()  # asks Procrastinate to end its jobs and stop
                with contextlib.suppress(asyncio.CancelledError):
                    await outer
                await self._manager.give_back()
        finally:
            self.worker.stop()
            for task in (asked, broken, listening):
                task.cancel()
            await inner
        if lost:
            raise _lost()

    async def _take_jobs(self) -> None:
        await self._app.run_worker_async(
            queues=[queue.QUEUE],
            name=self.name,
            concurrency=AT_ONCE,
            wait=self._wait,
            fetch_job_polling_interval=self._pace.poll.total_seconds(),
            shutdown_graceful_timeout=GRACE.total_seconds(),
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=self._pace.heartbeat.total_seconds(),
            stalled_worker_timeout=self._pace.silence.total_seconds(),
        )

    async def _listen(self) -> None:
        """Forward the changes of other processes; a lost notice costs only the wait for its job."""
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                async with await psycopg.AsyncConnection.connect(
                    **self._parameters, autocommit=True
                ) as session:
                    await session.execute(f"LISTEN {queue.CHANNEL}")
                    async for notice in session.notifies():
                        for incident in queue.incidents_of(notice.payload):
                            self.worker.glance(incident)
            await asyncio.sleep(self._pace.poll.total_seconds())

    # --- the jobs -----------------------------------------------------------------------------------------

    def _tasks(self, app: procrastinate.App) -> procrastinate.App:
        app.task(name=queue.ADVANCE, queue=queue.QUEUE)(self._advance)
        sweep = app.task(name=queue.SWEEP, queue=queue.QUEUE, queueing_lock=queue.SWEEP)(self._sweep)
        app.periodic(cron=f"* * * * * */{self._pace.sweep}")(sweep)
        return app

    async def _advance(self, incident: str) -> None:
        """Make the loop work on an incident, and defer the next job for it."""
        self._in_hand += 1
        try:
            left = await asyncio.wrap_future(self.worker.visit(incident))
        finally:
            self._in_hand -= 1
        if left.work:
            await self._defer(incident)
        elif left.due is not None:
            await self._time(incident, left)

    def _room(self) -> int:
        return AT_ONCE - self._in_hand

    async def _time(self, incident: str, left: VisitResult) -> None:
        now = self._service.clock.now()
        due = max(left.due or now, now + LATER)
        if self._timers.get(incident) == due:
            return
        # without a lock: a job that is due in weeks would delay those behind it
        timer = self._app.configure_task(
            queue.ADVANCE,
            queue=queue.QUEUE,
            queueing_lock=f"{incident} {due.isoformat()}",
            schedule_at=due,
            priority=-1,
        )
        with contextlib.suppress(AlreadyEnqueued):
            await timer.defer_async(incident=incident)
        self._timers[incident] = due

    async def _defer(self, *incidents: str) -> None:
        await self._app.job_manager.batch_defer_jobs_async([queue.job(incident) for incident in incidents])

    def _spread(self, incidents: Sequence[str]) -> Sequence[str]:
        """Ask the worker of each incident to check it; called from the other loop."""
        if incidents and self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._defer(*incidents), self._loop)
        return ()

    async def _sweep(self, timestamp: int) -> None:
        """Release the jobs of silent workers, and defer a job for every incident that needs one."""
        manager = self._app.job_manager
        silence = self._pace.silence.total_seconds()
        for stalled in await manager.get_stalled_jobs(queue=queue.QUEUE, seconds_since_heartbeat=silence):
            with contextlib.suppress(ConnectorException):  # its worker was only slow, and has ended it
                await manager.retry_job(stalled)
        now = self._service.clock.now()
        wanting = await asyncio.to_thread(self._service.store.due, now)
        missing = set(wanting) - await self._in_queue(now) if wanting else set()
        if missing:
            await self._defer(*sorted(missing))

    async def _in_queue(self, now: datetime) -> set[str]:
        # one question: between two, a job may end and its successor begin, and neither would be seen
        jobs = await self._app.job_manager.list_jobs_async(task=queue.ADVANCE)
        return {
            str(job.task_kwargs["incident"])
            for job in jobs
            if job.status in ("todo", "doing") and (job.scheduled_at is None or job.scheduled_at <= now)
        }


def _lost() -> StoreError:
    return StoreError(
        "The worker lost its connection to the queue. No work is lost.",
        hint="Start the worker again. Other workers continue its incidents.",
        code="store_unreachable",
    )
