"""SpiffWorkflow: W1, W2 and W4, in memory, or with the workflow serialised to a synced file after each step."""

from __future__ import annotations

import os
import sys
import time

from protocol import job, report, since_start
from SpiffWorkflow.serializer.json import JSONSerializer
from SpiffWorkflow.specs.Simple import Simple
from SpiffWorkflow.specs.WorkflowSpec import WorkflowSpec
from SpiffWorkflow.workflow import Workflow

JOB = job()
# It looks ahead by recursion, one level a step.
sys.setrecursionlimit(50_000)
DURABLE_STEPS = 50
"""How many of the steps are run when each is saved: a save writes the whole workflow, so the rate is found soon."""


def chain(count: int) -> WorkflowSpec:
    """Return a workflow of ``count`` steps in a row."""
    spec = WorkflowSpec("bench", addstart=True)
    last = spec.start
    for index in range(count):
        step = Simple(spec, f"step{index}")
        last.connect(step)
        last = step
    return spec


def save(workflow: Workflow) -> None:
    """Write the whole workflow, as its host must to survive a crash."""
    text = workflow.serialize(JSONSerializer())
    with (JOB.folder / "workflow.json").open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


match JOB.workload:
    case "W1":
        workflow = Workflow(chain(JOB.n))
        steps = DURABLE_STEPS if JOB.variant == "durable" else JOB.n
        started = time.perf_counter()
        if JOB.variant == "durable":
            for _ in range(steps):
                workflow.run_next()
                save(workflow)
        else:
            workflow.run_all()
        report(JOB, rate=steps / (time.perf_counter() - started))
    case "W2":
        spec = chain(10)
        started = time.perf_counter()
        for _ in range(JOB.n // 10):
            Workflow(spec).run_all()
        report(JOB, rate=JOB.n / (time.perf_counter() - started))
    case "W4":
        workflow = Workflow(chain(3))
        workflow.run_next()
        report(JOB, seconds=since_start())
