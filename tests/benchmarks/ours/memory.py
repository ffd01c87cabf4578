"""M: the resident memory of a worker that has looked at 1,000 open incidents, in MB (fewer is better)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from runner.playbook.format import After, Bundle, Due, Playbook, Role, Task
from runner.workers.embedded import Worker
from tests.benchmarks import protocol
from tests.benchmarks.ours.world import keep, make_desk, nothing, opened

STEPS = 20


def waiting() -> Bundle:
    """Return a playbook of tasks for people; the first is overdue at once, so the worker has to look at each."""
    steps = tuple(
        Task(
            id=f"t{n}",
            task=f"Task {n}",
            role="commander",
            due=Due(offset=timedelta(hours=n) if n else timedelta(milliseconds=1)),
            after=After(steps=(f"t{n - 1}",)) if n % 2 else After(),
        )
        for n in range(STEPS)
    )
    roles = {"commander": Role(title="Commander")}
    playbook = Playbook(
        schema="tocsin/playbook/v1", name="bench", version="1.0.0", title="Bench", roles=roles, steps=steps
    )
    return Bundle(playbook=playbook, digest="sha256:waiting")


def prepare(job: protocol.Job) -> None:
    """Open ``n`` incidents."""
    desk = make_desk(job.folder)
    bundle = waiting()
    digest = keep(desk, bundle)
    for first in range(0, job.n, 100):
        desk.append(
            desk.principal,
            [opened(desk, bundle, digest, number) for number in range(first, min(first + 100, job.n))],
        )
    desk.store.close()


def measure(job: protocol.Job) -> None:
    """Look at every incident as a worker does, and report what the process holds then."""
    desk = make_desk(job.folder)
    worker = Worker(desk, perform=nothing)
    worker.drain()
    held = resident()
    worker.close()
    protocol.report(job, megabytes=held)


def resident() -> float:
    """Return this process's resident memory in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no resident memory to read here")


if __name__ == "__main__":
    JOB = protocol.job()
    prepare(JOB) if JOB.phase == "prepare" else measure(JOB)
