"""Choice of the worker driver: embedded for a file, Procrastinate for PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from runner.app.home.workers import FOLDER, refuse_wrong_clock
from runner.errors import StoreError
from runner.workers.wakeup import WakeupSocket, ring

if TYPE_CHECKING:
    from pathlib import Path

    from runner.app.core.incident_service import IncidentService, Write
    from runner.workers.embedded import Worker
    from runner.workers.visit_results import Performer


class Running(Protocol):
    """A running worker, with either driver."""

    name: str
    worker: Worker
    """The loop that writes."""

    def run(self) -> None:
        """Work until ``stop``; then take no new work, wait for running work, and record it."""

    def stop(self) -> None:
        """End ``run`` cleanly; safe to call from a signal handler."""

    def close(self) -> None:
        """Release the proof that the worker is alive."""


def is_shared(service: IncidentService) -> bool:
    """Tell whether several machines share the home's store."""
    return service.home.store.partition(":")[0] in ("postgresql", "postgres")


def attach(service: IncidentService) -> None:
    """Notify workers of this service's appends: in the same transaction, or by a wake-up after it."""
    service.write = _deferring(service) if is_shared(service) else _poking(service)


def make_worker(
    service: IncidentService,
    *,
    threads: int = 8,
    perform: Performer | None = None,
    say: Callable[[str], None] = lambda text: None,
    again: Callable[[], None] = lambda: None,
) -> Running:
    """Return the worker with a service of its own; raises StoreError if its driver cannot run.

    ``say`` gets what happens to the connection to a server, and ``again`` is called when the server is back.
    """
    service.write = service.store.append  # the worker itself does the work that it appends
    service.backoff = None
    if not is_shared(service):
        from runner.workers.embedded import Worker

        return Listening(Worker(service, threads=threads, perform=perform), service.folder / FOLDER)
    try:
        from runner.workers.postgres.worker import QueueWorker
    except ImportError as error:
        raise _not_installed() from error
    refuse_wrong_clock(service.store)
    return QueueWorker(service, threads=threads, perform=perform, say=say, again=again)


class Listening:
    """The embedded worker with its wake-up signal."""

    def __init__(self, worker: Worker, folder: Path) -> None:
        """Take the worker, and the folder of the wake-up signals."""
        self.name = worker.name
        self.worker = worker
        self._folder = folder

    def run(self) -> None:
        """Work until ``stop``."""
        self.worker.run(WakeupSocket(self._folder, self.name, self.worker.service.store.worker_alive))

    def stop(self) -> None:
        """End ``run`` cleanly."""
        self.worker.stop()

    def close(self) -> None:
        """Release the pool and the proof that the worker is alive."""
        self.worker.close()


def _poking(service: IncidentService) -> Write:
    def write(batch: Sequence[Any], **given: Any) -> list[Any]:
        results = service.store.append(batch, **given)
        ring(service.folder / FOLDER, service.store.worker_alive)
        return results

    return write


def _deferring(service: IncidentService) -> Write:
    """Only a command that writes imports Procrastinate; a command that only reads need not wait for it."""
    made: list[Any] = []
    making = threading.Lock()

    def write(batch: Sequence[Any], **given: Any) -> list[Any]:
        with making:
            if not made:
                made.append(_hook(service))
        made[0].prepare()
        return service.store.append(batch, within=made[0], **given)  # type: ignore[call-arg]  # PostgresStore's own

    return write


def _hook(service: IncidentService) -> Any:
    try:
        from runner.workers.postgres.queue import Deferring
    except ImportError as error:
        raise _not_installed() from error
    return Deferring(service.store.server)  # type: ignore[attr-defined]  # chosen for a store on PostgreSQL


def _not_installed() -> StoreError:
    return StoreError(
        "The database is on PostgreSQL, but Procrastinate is not installed.",
        hint="Install Tocsin with its extra: tocsin[postgres]",
        code="no_driver",
    )
