"""Procrastinate's job manager with fewer round trips: jobs are claimed and ended several at a time.

Each claim and each end is Procrastinate's own function in the database; one statement calls it several times.
It claims only as many jobs as can run, and one at a time while the queue has no more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import LiteralString

from procrastinate import jobs, manager, sql
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from psycopg.errors import RaiseException

# The function's argument depends on the row, or the server would call it once for all of them.
_FETCH: LiteralString = (
    sql.queries["fetch_job"].strip().rstrip(";").replace("%(worker_id)s", "%(worker_id)s + 0 * turn")
)
_CLAIM: LiteralString = f"""SELECT claimed.* FROM generate_series(1, %(most)s) AS turn
CROSS JOIN LATERAL ({_FETCH}) AS claimed"""  # noqa: S608  # both are Procrastinate's or ours
_END: LiteralString = """SELECT procrastinate_finish_job_v1(job, status, gone)
FROM unnest(%(jobs)s::bigint[], %(ends)s::procrastinate_job_status[], %(gone)s::boolean[]) AS ended (job, status, gone)"""


class BulkManager(manager.JobManager):
    """Claims as many jobs as there is ``room`` for, and ends the jobs of one turn of the event loop together."""

    def __init__(self, connector: BaseConnector, room: Callable[[], int]) -> None:
        super().__init__(connector)
        self.claimed: deque[jobs.Job] = deque()
        """Jobs that are claimed and not started."""
        self.broken = asyncio.Event()
        """A job could not be ended: this worker has it for ever, unless the worker stops."""
        self._room = room
        self._next = 1
        self._ending: list[tuple[int, jobs.Status, bool]] = []
        self._ended: asyncio.Task[None] | None = None

    async def fetch_job(  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        self, queues: Iterable[str] | None, worker_id: int
    ) -> jobs.Job | None:
        """Return the next job, and claim more if none is left: twice as many as last time, if all of those existed."""
        if not self.claimed:
            asked = max(1, min(self._next, self._room()))
            rows = await self.connector.execute_query_all_async(
                query=_CLAIM, most=asked, queues=queues, worker_id=worker_id
            )
            self.claimed.extend(jobs.Job.from_row(row) for row in rows if row["id"] is not None)
            self._next = max(self._next, 2 * asked) if len(self.claimed) == asked else 1
        return self.claimed.popleft() if self.claimed else None

    async def give_back(self) -> None:
        """Release the jobs that were claimed and not started."""
        while self.claimed:
            await self.retry_job(self.claimed.popleft())

    async def finish_job_by_id_async(  # type: ignore[explicit-override]
        self, job_id: int, status: jobs.Status, delete_job: bool
    ) -> None:
        """End a job together with others that end at the same time."""
        self._ending.append((job_id, status, delete_job))
        if self._ended is None:
            self._ended = asyncio.create_task(self._end())
        await asyncio.shield(self._ended)

    async def _end(self) -> None:
        await asyncio.sleep(0)
        ending, self._ending, self._ended = self._ending, [], None
        ids, ends, gone = (list(column) for column in zip(*ending, strict=True))
        try:
            await self.connector.execute_query_async(
                query=_END, jobs=ids, ends=[end.value for end in ends], gone=gone
            )
        except ConnectorException:
            for job in ending:
                await self._end_alone(*job)

    async def _end_alone(self, job_id: int, status: jobs.Status, delete_job: bool) -> None:
        try:
            await super().finish_job_by_id_async(job_id, status, delete_job)
        except ConnectorException as error:
            # Procrastinate raises if the worker was silent for so long that another one got the job: then it has ended.
            if not isinstance(error.__cause__, RaiseException):
                self.broken.set()
                raise
