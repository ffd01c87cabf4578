"""Procrastinate's job manager with fewer round trips: jobs are claimed and ended several at a time.

Each claim and each end is still Procrastinate's own function in the database; one statement calls it more than once.
Only as many jobs are claimed as there is room to run, and one at a time while the queue has no more.
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
    """Claims as many jobs as there is ``room`` for, and ends those together that end in one turn of the event loop."""

    def __init__(self, connector: BaseConnector, room: Callable[[], int]) -> None:
        super().__init__(connector)
        self.claimed: deque[jobs.Job] = deque()
        """Jobs that are ours, and not begun yet."""
        self.broken = asyncio.Event()
        """A job could not be ended: it is held by us for ever, unless this worker stops."""
        self._room = room
        self._next = 1
        self._ending: list[tuple[int, jobs.Status, bool]] = []
        self._ended: asyncio.Task[None] | None = None

    async def fetch_job(  # type: ignore[explicit-override]  # typing.override comes with Python 3.12
        self, queues: Iterable[str] | None, worker_id: int
    ) -> jobs.Job | None:
        """Return the next job, claiming more when none is left: twice as many as last time, if those were all there."""
        if not self.claimed:
            asked = max(1, min(self._next, self._room()))
            rows = await self.connector.execute_query_all_async(
                query=_CLAIM, most=asked, queues=queues, worker_id=worker_id
            )
            self.claimed.extend(jobs.Job.from_row(row) for row in rows if row["id"] is not None)
            self._next = max(self._next, 2 * asked) if len(self.claimed) == asked else 1
        return self.claimed.popleft() if self.claimed else None

    async def give_back(self) -> None:
        """Let others have what was claimed and not begun."""
        while self.claimed:
            await self.retry_job(self.claimed.popleft())

    async def finish_job_by_id_async(  # type: ignore[explicit-override]
        self, job_id: int, status: jobs.Status, delete_job: bool
    ) -> None:
        """End a job together with those that end at the same time."""
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
            # Procrastinate raises when we were silent for so long that the job went to somebody else: then it is over.
            if not isinstance(error.__cause__, RaiseException):
                self.broken.set()
                raise
