"""W2: many runs of ten no-op effect steps, fifty at a time, every effect through the pool.

With ``--variant postgres`` the runs are jobs in Procrastinate's queue, deferred with the events, and one worker process
works until the queue is empty.
"""

from __future__ import annotations

import os
import time

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.playbook.format import Bundle
from runner.workers.embedded import Worker
from tests.benchmarks import protocol
from tests.benchmarks.ours.world import in_a_row, keep, make_desk, nothing, opened

STEPS = 10
AT_A_TIME = 50
POSTGRES = "TOCSIN_BENCH_POSTGRES"
"""Holds the URL of a database; what an earlier round left there is dropped."""


def embedded(job: protocol.Job, bundle: Bundle, runs: int) -> tuple[IncidentService, float]:
    """Return the desk and the seconds from the first birth to the last step."""
    desk = make_desk(job.folder)
    digest = keep(desk, bundle)
    worker = Worker(desk, threads=50, perform=nothing)
    start = time.perf_counter()
    for first in range(0, runs, AT_A_TIME):
        desk.append(
            desk.principal,
            [opened(desk, bundle, digest, n) for n in range(first, min(first + AT_A_TIME, runs))],
        )
        worker.drain()
    seconds = time.perf_counter() - start
    worker.close()
    return desk, seconds


def distributed(job: protocol.Job, bundle: Bundle, runs: int) -> tuple[IncidentService, float]:
    """Do the same through the queue; the first run, which makes its schema, is not measured."""
    from runner.workers.choice import attach
    from runner.workers.postgres.worker import QueueWorker

    url = os.environ[POSTGRES]
    clear(url)
    desks = [make_desk(job.folder, url) for _ in range(2)]
    for desk in desks:
        desk.home = msgspec.structs.replace(desk.home, store=url)
    desk, working = desks
    digest = keep(desk, bundle)
    attach(desk)
    desk.append(desk.principal, [opened(desk, bundle, digest, runs)])
    warm = QueueWorker(working, perform=nothing, wait=False)
    warm.run()
    warm.close()
    worker = QueueWorker(working, perform=nothing, wait=False)
    start = time.perf_counter()
    for first in range(0, runs, AT_A_TIME):
        desk.append(
            desk.principal,
            [opened(desk, bundle, digest, n) for n in range(first, min(first + AT_A_TIME, runs))],
        )
    worker.run()
    seconds = time.perf_counter() - start
    worker.close()
    return desk, seconds


def clear(url: str) -> None:
    """Drop what an earlier round made."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS tocsin_queue, tocsin CASCADE")


def main() -> None:
    job = protocol.job()
    runs = job.n // STEPS
    run = distributed if job.variant == "postgres" else embedded
    desk, seconds = run(job, in_a_row(STEPS), runs)
    done = sum(i.state == "done" for i in desk.load("i-0").invocations.values())
    left = desk.store.due(desk.clock.now())
    if left or done != STEPS:
        raise SystemExit(f"{len(left)} runs are not done, {done} steps of the first")
    protocol.report(job, rate=runs * STEPS / seconds)


if __name__ == "__main__":
    main()
