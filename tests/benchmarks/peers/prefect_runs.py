"""Prefect: W1, W2 and W4 with its own server of the moment on SQLite."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

from protocol import job, report, since_start

JOB = job()
os.environ |= {
    "HOME": str(JOB.folder),
    "PREFECT_HOME": str(JOB.folder / "prefect"),
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "DO_NOT_TRACK": "1",
}

from prefect import flow, task  # noqa: E402  (reads the environment when it is imported)


@task
def noop(index: int) -> int:
    """Do nothing."""
    return index


@flow
def steps(count: int) -> int:
    """Run ``count`` tasks in a row."""
    for index in range(count):
        noop(index)
        if JOB.workload == "W4":
            report(JOB, seconds=since_start())
            break
    return count


match JOB.workload:
    case "W1":
        steps(2)
        started = time.perf_counter()
        steps(JOB.n)
        report(JOB, rate=JOB.n / (time.perf_counter() - started))
    case "W2":
        steps(2)
        started = time.perf_counter()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(steps, [10] * (JOB.n // 10)))
        report(JOB, rate=JOB.n / (time.perf_counter() - started))
    case "W4":
        steps(3)
