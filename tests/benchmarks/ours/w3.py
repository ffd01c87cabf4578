"""W3: process start to the first new step of an incident with many recorded steps (a loop of a hundred actions).

The worker that recorded them came to rest, so there is a snapshot, as after any clean stop. With ``--variant folded``
it is dropped: what opening costs after a kill, once.
"""

from __future__ import annotations

from datetime import timedelta

from runner.facts.expression import Compare, Comparison, Const, Expression, NameRef
from runner.incident.state.commands import AnyCommand, Pause, Resume
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork
from runner.playbook.format import Act, After, Bundle, Playbook, Repeat
from runner.workers.embedded import Worker
from tests.benchmarks import protocol
from tests.benchmarks.ours.world import in_a_row, keep, make_desk, nothing, opened

IN_A_ROUND = 100


def looped(steps: int) -> Bundle:
    """Return a playbook whose loop makes ``steps`` steps, and one more step after it."""
    body = in_a_row(IN_A_ROUND).playbook.steps
    rounds = steps // IN_A_ROUND
    enough = Expression(
        source=f"iteration >= {rounds}",
        tree=Compare(NameRef("iteration"), (Comparison(">=", Const(rounds)),)),
        facts=(),
        steps=(),
        duties=(),
        names=("iteration",),
    )
    loop = Repeat(id="loop", repeat="Loop", steps=body, until=enough, at_most=rounds + 1)
    last = Act(
        id="last",
        act="nothing",
        command=("true",),
        timeout=timedelta(seconds=10),
        after=After(steps=("loop",)),
    )
    playbook = Playbook(
        schema="tocsin/playbook/v1", name="bench", version="1.0.0", title="Bench", steps=(loop, last)
    )
    return Bundle(playbook=playbook, digest="sha256:looped")


def prepare(job: protocol.Job) -> None:
    """Record ``n`` steps, and pause before the next."""
    desk = make_desk(job.folder)
    bundle = looped(job.n)
    desk.append(desk.principal, [opened(desk, bundle, keep(desk, bundle), 1)])

    def until_last(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        if getattr(work, "step", "") == f"bench:loop.s{IN_A_ROUND - 1}#{job.n // IN_A_ROUND}":
            desk.act(desk.principal, "i-1", [Pause(reason="measure from here")])
        return nothing(work, incident, head)

    worker = Worker(desk, perform=until_last)
    worker.drain()
    worker.close()
    done = sum(i.kind == "act" and i.over for i in desk.load("i-1").invocations.values())
    if done != job.n:
        raise SystemExit(f"{done} of {job.n} steps recorded")
    if job.variant == "folded":
        desk.store.rebuild(desk.store.rows())
    desk.store.close()


def measure(job: protocol.Job) -> None:
    """Open the incident, go on, and stop the clock when the next step is done."""
    desk = make_desk(job.folder)
    desk.act(desk.principal, "i-1", [Resume()])
    worker = Worker(desk, threads=1, perform=nothing)
    worker.drain()
    seconds = protocol.since_start()
    incident = desk.load("i-1")
    worker.close()
    if incident.invocations["bench:last#1"].state != "done":
        raise SystemExit("the new step is not done")
    protocol.report(job, seconds=seconds)


if __name__ == "__main__":
    JOB = protocol.job()
    prepare(JOB) if JOB.phase == "prepare" else measure(JOB)
