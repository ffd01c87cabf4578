"""Effects begin at once on as many threads as there are, in order, and none is overlooked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from queue import SimpleQueue

import pytest

from runner.workers.pool import Pool
from tests.patience import PATIENCE


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(4)
    yield made
    made.close()


def test_effects_that_wait_for_each_other_run_at_the_same_time(pool: Pool) -> None:
    together = threading.Barrier(5)

    def meet() -> None:
        together.wait(PATIENCE)

    pool.submit([meet] * 4)
    together.wait(PATIENCE)


def test_no_more_effects_run_at_once_than_there_are_threads(pool: Pool) -> None:
    begun, go_on = SimpleQueue[int](), threading.Event()

    def wait(number: int) -> None:
        begun.put(number)
        go_on.wait(PATIENCE)

    pool.submit(partial(wait, number) for number in range(6))
    assert {begun.get(timeout=PATIENCE) for _ in range(4)} == {0, 1, 2, 3}
    assert begun.empty()
    go_on.set()
    assert {begun.get(timeout=PATIENCE) for _ in range(2)} == {4, 5}


def test_effects_of_many_crowds_are_all_done(pool: Pool) -> None:
    done = SimpleQueue[int]()
    for crowd in range(200):
        pool.submit(partial(done.put, number) for number in range(crowd * 10, crowd * 10 + 10))
    assert sorted(done.get(timeout=PATIENCE) for _ in range(2000)) == list(range(2000))


def test_work_not_started_when_the_pool_closes_is_dropped(pool: Pool) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), SimpleQueue[str]()
    alone = Pool(1)

    def first() -> None:
        begun.set()
        go_on.wait(PATIENCE)
        done.put("first")

    alone.submit([first, partial(done.put, "second")])
    begun.wait(PATIENCE)
    alone.close()
    go_on.set()
    assert done.get(timeout=PATIENCE) == "first"
    after = SimpleQueue[str]()
    pool.submit([partial(after.put, "later")])
    assert after.get(timeout=PATIENCE) == "later"
    assert done.empty()
