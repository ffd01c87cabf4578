"""W1: one run of no-op effect steps in a row; every intent and every outcome is committed with full durability."""

from __future__ import annotations

import time

from runner.workers.embedded import Worker
from tests.benchmarks import protocol
from tests.benchmarks.ours.world import in_a_row, keep, make_desk, nothing, opened


def main() -> None:
    job = protocol.job()
    desk = make_desk(job.folder)
    bundle = in_a_row(job.n)
    desk.append(desk.principal, [opened(desk, bundle, keep(desk, bundle), 1)])
    worker = Worker(desk, perform=nothing)
    start = time.perf_counter()
    worker.drain()
    seconds = time.perf_counter() - start
    incident = desk.load("i-1")
    done = sum(i.state == "done" for i in incident.invocations.values())
    worker.close()
    if done != job.n:
        raise SystemExit(f"{done} of {job.n} steps done")
    protocol.report(job, rate=done / seconds)


if __name__ == "__main__":
    main()
