"""Three times the people of a list are planned and sent to in the same memory: nothing is kept for each of them."""

from __future__ import annotations

import gc
import shutil
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from runner.app.campaigns.plan import BATCH
from tests.benchmarks.ours.bulk import configure, sink
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import approve, listed, people, planned, prepared, sent

pytestmark = pytest.mark.slow
FEW = BATCH + 200
SLACK = 200_000
"""Bytes: what a campaign's own events weigh, and a hundred or two people, not twenty-four hundred."""


def held_by(work: Callable[[], object]) -> int:
    """Return the most bytes of Python's that a piece of work holds at once, beyond those that were held before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_three_times_the_people_are_planned_and_sent_to_in_the_same_memory(tmp_path: Path) -> None:
    shutil.copytree(prepared(), tmp_path / "home")
    desk = AtDesk(tmp_path / "home")
    for _ in range(200):
        desk.chance.name("skipped")
    with sink() as port:
        configure(desk, port)
        approve(desk)
        warm, few, many = (listed(tmp_path, people(count), f"{count}.csv") for count in (20, FEW, 3 * FEW))
        planned(desk, warm)
        assert sent(desk, warm)["outcomes"] == {"accepted": 20}
        desk.clock.advance(timedelta(hours=1))
        plans = [held_by(partial(planned, desk, path)) for path in (few, many)]
        again = ("--accept-repeats", "the lists overlap")
        sends = [held_by(partial(sent, desk, path, *again)) for path in (few, many)]
    assert plans[1] < plans[0] + SLACK, f"planning: {plans}"
    assert sends[1] < sends[0] + SLACK, f"sending: {sends}"
