"""W2: many runs of ten no-op effect steps, fifty at a time, every effect through the pool."""

from __future__ import annotations

import time

from runner.drivers.embedded import Worker
from tests.benchmarks import protocol
from tests.benchmarks.ours.world import in_a_row, keep, make_desk, nothing, opened

STEPS = 10
AT_A_TIME = 50


def main() -> None:
    job = protocol.job()
    desk = make_desk(job.folder)
    bundle = in_a_row(STEPS)
    digest = keep(desk, bundle)
    runs = job.n // STEPS
    worker = Worker(desk, perform=nothing)
    start = time.perf_counter()
    for first in range(0, runs, AT_A_TIME):
        desk.append([opened(desk, bundle, digest, n) for n in range(first, min(first + AT_A_TIME, runs))])
        worker.drain()
    seconds = time.perf_counter() - start
    left = desk.store.due(desk.clock.now())
    worker.close()
    if left:
        raise SystemExit(f"{len(left)} runs are not done")
    protocol.report(job, rate=runs * STEPS / seconds)


if __name__ == "__main__":
    main()
