"""pypyr: W1 and W2, in memory; nothing is durable."""

from __future__ import annotations

import time

from protocol import job, report
from pypyr import pipelinerunner

JOB = job()


def pipeline(name: str, count: int) -> None:
    """Write a pipeline of ``count`` no-op steps."""
    (JOB.folder / f"{name}.yaml").write_text("steps:\n" + "  - noop\n" * count, encoding="utf-8")


(JOB.folder / "noop.py").write_text("def run_step(context):\n    pass\n", encoding="utf-8")
count = JOB.n if JOB.workload == "W1" else 10
pipeline("work", count)
# The first run reads and caches the pipeline and the step, as a process that runs many does.
pipelinerunner.run("work", py_dir=JOB.folder)
started = time.perf_counter()
for _ in range(JOB.n // count):
    pipelinerunner.run("work", py_dir=JOB.folder)
report(JOB, rate=JOB.n / (time.perf_counter() - started))
