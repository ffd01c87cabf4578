"""Several worker processes on PostgreSQL, of which one is killed: every run ends, nothing missing, nothing doubled."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from runner.app.core.incident_service import IncidentService
from runner.workers.choice import attach
from runner.workers.postgres.worker import AT_ONCE
from tests.servers.postgres import postgres_server, postgres_url
from tests.workers.runs import Crowd, born, in_a_row, keep, make_desk, until

__all__ = ["postgres_server", "postgres_url"]

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

RUNS, STEPS, WORKERS = 200, 5, 3


def open_runs(desk: IncidentService) -> set[str]:
    """Open all runs, ten in a transaction, and return the steps that have to be done."""
    bundle = keep(desk, in_a_row(STEPS))
    names = [f"i-{n}" for n in range(RUNS)]
    for first in range(0, RUNS, 10):
        desk.append(desk.principal, [born(desk, bundle, name) for name in names[first : first + 10]])
    return {f"{name} run:s{n}#1" for name in names for n in range(STEPS)}


def test_a_kill_of_one_of_several_workers_in_mid_run_loses_nothing_and_doubles_nothing(
    tmp_path: Path, postgres_url: str
) -> None:
    desk = make_desk(tmp_path, postgres_url)
    attach(desk)
    crowd = Crowd(tmp_path, postgres_url)
    for _ in range(WORKERS):
        crowd.start()
    crowd.ready()
    wanted = open_runs(desk)

    os.kill(crowd.busy(RUNS * STEPS // 10), signal.SIGKILL)
    until(lambda: not desk.store.due(desk.clock.now()))
    performed = crowd.end()

    assert set(performed) == wanted
    in_doubt = check_journals(desk, Counter(performed))
    assert in_doubt <= AT_ONCE, "more attempts in doubt than the killed worker could have had in hand"
    desk.store.close()


def check_journals(desk: IncidentService, performed: Counter[str]) -> int:
    """Hold what was performed against the journals; return how many attempts were in doubt."""
    verification = desk.store.verify()
    assert verification.ok, verification.broken
    in_doubt = 0
    for name in (row.id for row in desk.store.rows()):
        incident = desk.load(name)
        assert {i.state for i in incident.invocations.values()} == {"done"}
        for step, invocation in incident.invocations.items():
            states = Counter(a.state for a in invocation.attempts)
            assert states["accepted"] == 1
            assert sum(states.values()) == 1 + states["unknown"], (
                "an attempt ended in no way that a kill can bring"
            )
            assert performed[f"{name} {step}"] <= 1 + states["unknown"], "done twice, and nobody died over it"
            in_doubt += states["unknown"]
    return in_doubt
