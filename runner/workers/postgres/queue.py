"""The queue: its schema, adding a job within a transaction of the store, and a worker's connection to it.

The queue has a schema of its own in the store's database, so that one transaction contains events and jobs. It can
be dropped without loss: it is created again, and the next sweep fills it from the journal.
"""

from __future__ import annotations

import json
import select
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

import procrastinate
import psycopg
from procrastinate import jobs, manager
from procrastinate.exceptions import ConnectorException
from procrastinate.schema import SchemaManager
from psycopg import conninfo, sql
from psycopg_pool import AsyncConnectionPool

from runner.incident.people.contact_journal import STREAM
from runner.store.postgres.server import KEEPALIVE

if TYPE_CHECKING:
    from runner.store.postgres.server import Connection, Server
    from runner.vault.secrets import Secret

SCHEMA = "tocsin_queue"
QUEUE = "tocsin"
ADVANCE = "tocsin.advance"
SWEEP = "tocsin.sweep"
CHANNEL = "tocsin_changed"
"""The channel on which every transaction names the incidents that it changed."""
_SESSIONS = 8
_PREPARING = int.from_bytes(b"tocsin?q", "big", signed=True)
_PATH: LiteralString = "SET LOCAL search_path = tocsin_queue"
# a sweep creates a job again that a crashed server lost: only the journal has to wait for the disk
_SESSION: LiteralString = "SET search_path = tocsin_queue; SET synchronous_commit = off"
_VERSION: LiteralString = (
    "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'tocsin_queue'"
)


# --- the schema -----------------------------------------------------------------------------------------------


def prepare(server: Server) -> None:
    """Create the queue if there is none, or if an older Procrastinate created it; a sweep restores its jobs."""
    with server.connection() as connection:
        if _is_ready(connection):
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_PREPARING,))
            if _is_ready(connection):
                return
            connection.execute("DROP SCHEMA IF EXISTS tocsin_queue CASCADE")
            connection.execute("CREATE SCHEMA tocsin_queue")
            connection.execute(_PATH)
            connection.execute(SchemaManager.get_schema())
            comment = sql.SQL("COMMENT ON SCHEMA tocsin_queue IS {}")
            connection.execute(comment.format(sql.Literal(_made_by(procrastinate.__version__))))


def _is_ready(connection: Connection) -> bool:
    found = connection.execute(_VERSION).fetchone()
    return found is not None and _parts(found[0]) >= _parts(_made_by(procrastinate.__version__))


def _made_by(version: str) -> str:
    return f"Procrastinate {version}: a queue made from Tocsin's journal; it may be dropped"


def _parts(comment: str | None) -> tuple[int, ...]:
    version = (comment or "").partition(" ")[2].partition(":")[0]
    return tuple(int(part) for part in version.split(".") if part.isdigit())


# --- jobs -----------------------------------------------------------------------------------------------------


def job(incident: str) -> jobs.Job:
    """Return the job of working on one incident; of two for the same incident one waits for the other."""
    return jobs.Job(
        queue=QUEUE, lock=incident, queueing_lock=None, task_name=ADVANCE, task_kwargs={"incident": incident}
    )


class Deferring:
    """The additional work in the store's transactions of a command: a job for every changed incident."""

    def __init__(self, server: Server) -> None:
        """Take the server; the queue is checked when it is first needed."""
        self._server = server
        self._manager = manager.JobManager(procrastinate.SyncPsycopgConnector())
        self._ready = False

    def prepare(self) -> None:
        """Make sure that there is a queue, once; outside of the transaction that needs it."""
        if not self._ready:
            prepare(self._server)
            self._ready = True

    def __call__(self, connection: Connection, incidents: Sequence[str]) -> None:
        """Defer the jobs, and notify workers that already work on one of the incidents."""
        changed = [incident for incident in incidents if incident != STREAM]
        if not changed:
            return
        connection.execute(_PATH)
        connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, json.dumps(changed)))
        try:
            self._manager.batch_defer_jobs([job(incident) for incident in changed], connection)
        except ConnectorException as error:
            if isinstance(error.__cause__, psycopg.Error):
                raise error.__cause__ from error  # the store handles the database's error
            raise


# --- a worker's sessions --------------------------------------------------------------------------------------


def parameters(url: str, password: Secret | None) -> dict[str, Any]:
    """Return the connection parameters for psycopg."""
    known: dict[str, Any] = KEEPALIVE | conninfo.conninfo_to_dict(url)
    if password is not None:
        known["password"] = password.reveal()
    return known


def connector(given: Mapping[str, Any]) -> procrastinate.PsycopgConnector:
    """Return Procrastinate's connector to our schema, without a transaction or a check around each statement."""
    return procrastinate.PsycopgConnector(
        kwargs=dict(given),
        configure=configure,
        min_size=1,
        max_size=_SESSIONS,
        pool_factory=_pool,
    )


async def configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Configure a new session for the queue: each statement is a transaction."""
    await connection.set_autocommit(True)
    await connection.execute(_SESSION)


def _pool(**given: Any) -> AsyncConnectionPool[Any]:
    return AsyncConnectionPool(**{**given, "check": _check})


async def _check(connection: psycopg.AsyncConnection[Any]) -> None:
    """Check the connection only if data arrived unasked, as after a lost connection."""
    if select.select([connection.fileno()], [], [], 0)[0]:
        await AsyncConnectionPool.check_connection(connection)


def incidents_of(payload: str) -> list[str]:
    """Return the incidents that a notice names."""
    found: list[str] = json.loads(payload)
    return found
