"""DBOS: W1, W2, W3, W4 on SQLite as shipped, on SQLite tuned to WAL, and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID
from protocol import Job, job, report, since_start

JOB: Job = job()
POSTGRES = "TOCSIN_BENCH_POSTGRES"
"""Holds the URL of an empty database."""


def tuned(url: str) -> sa.Engine:
    """Return DBOS's own engine for SQLite with the one change that its users make: the write-ahead log."""
    engine = sa.create_engine(url)

    @sa.event.listens_for(engine, "connect")
    def tune(connection, _record) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def configuration() -> dict:
    """Return the configuration of the variant asked for."""
    url = f"sqlite:///{JOB.folder}/dbos.sqlite"
    config = {"name": "bench", "log_level": "ERROR", "application_version": "bench"}
    match JOB.variant:
        case "sqlite":
            return config | {"system_database_url": url}
        case "wal":
            return config | {"system_database_url": url, "system_database_engine": tuned(url)}
        case "postgres":
            return config | {"system_database_url": os.environ[POSTGRES]}
        case _:
            raise SystemExit(f"no such variant: {JOB.variant}")


DBOS(config=configuration())


@DBOS.step()
def noop(index: int) -> int:
    """Do nothing; its outcome is recorded."""
    return index


@DBOS.workflow()
def steps(count: int) -> int:
    """Run ``count`` steps in a row."""
    for index in range(count):
        noop(index)
    return count


@DBOS.workflow()
def long() -> None:
    """Run steps until the point where this phase ends: killed when preparing, the first new one when measuring."""
    index = 0
    while True:
        noop(index)
        index += 1
        if JOB.phase == "prepare" and index == JOB.n:
            os.kill(os.getpid(), signal.SIGKILL)
        if JOB.phase == "measure" and index == JOB.n + 1:
            report(JOB, seconds=since_start())
            os._exit(0)


@DBOS.workflow()
def three() -> None:
    """Run three steps and report when the first is done."""
    noop(0)
    report(JOB, seconds=since_start())
    noop(1)
    noop(2)


DBOS.launch()
match JOB.workload:
    case "W1":
        steps(10)
        started = time.perf_counter()
        steps(JOB.n)
        report(JOB, rate=JOB.n / (time.perf_counter() - started))
    case "W2":
        steps(10)
        runs = JOB.n // 10
        started = time.perf_counter()
        with ThreadPoolExecutor(50) as pool:
            list(pool.map(steps, [10] * runs))
        report(JOB, rate=JOB.n / (time.perf_counter() - started))
    case "W3":
        if JOB.phase == "prepare":
            with SetWorkflowID("long"):
                long()
        # Measuring: launching recovers the workflow in the background, and that ends the process.
        time.sleep(600)
        raise SystemExit("the workflow was not recovered")
    case "W4":
        three()
DBOS.destroy()
