"""The contract of every store for marks: small shared data about the outside world."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping

import pytest

from runner.errors import Bug
from runner.store.port import Conflict, Store
from tests.patience import PATIENCE
from tests.store.journals import T0, Place, an_append, event, write
from tests.store.test_processes import start

_COUNT = """
def more(known):
    return {"n": b"%d" % (int(known.get("n", b"0")) + 1)}
for _ in range(100):
    store.change_marks(["n"], more)
store.close()
"""


def more(known: Mapping[str, bytes]) -> dict[str, bytes]:
    return {"n": b"%d" % (int(known.get("n", b"0")) + 1)}


def test_a_mark_comes_back_as_it_was_kept_and_is_found_by_how_its_name_begins(place: Place) -> None:
    with place.opened() as store:
        assert store.marks() == {}
        kept = {"breaker/a": b"\0\xff", "breaker/b": b"2", "bucket/a_c": b"3", "bucket/abc": b"4"}
        assert store.change_marks([*kept], lambda known: kept) == kept
    with place.opened() as store:
        assert store.marks() == kept
        assert store.marks("breaker/") == {"breaker/a": b"\0\xff", "breaker/b": b"2"}
        assert store.marks("bucket/a_") == {"bucket/a_c": b"3"}, "no letter of a name stands for another"


def test_only_the_named_marks_are_given_and_those_left_out_are_removed(store: Store) -> None:
    store.change_marks(["a", "b", "c"], lambda known: {"a": b"1", "b": b"2", "c": b"3"})
    given: list[Mapping[str, bytes]] = []

    def change(known: Mapping[str, bytes]) -> Mapping[str, bytes]:
        given.append(known)
        return {"b": b"5"}

    assert store.change_marks(["a", "b", "z"], change) == {"b": b"5"}
    assert given == [{"a": b"1", "b": b"2"}]
    assert store.marks() == {"b": b"5", "c": b"3"}


def test_a_change_that_fails_leaves_everything_as_it_was(store: Store) -> None:
    store.change_marks(["a"], lambda known: {"a": b"1"})

    def broken(known: Mapping[str, bytes]) -> Mapping[str, bytes]:
        raise Bug("no")

    with pytest.raises(Bug, match="no"):
        store.change_marks(["a"], broken)
    assert store.marks() == {"a": b"1"}


def test_threads_that_change_one_mark_are_given_each_others_work(store: Store) -> None:
    threads = [
        threading.Thread(target=lambda: [store.change_marks(["n"], more) for _ in range(25)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.marks() == {"n": b"100"}


@pytest.mark.slow
def test_processes_that_change_one_mark_are_given_each_others_work(place: Place) -> None:
    with place.opened() as store:
        both: list[subprocess.Popen[str]] = [start(place, name, _COUNT) for name in ("one", "two")]
        for process in both:
            process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
        assert store.marks() == {"n": b"200"}


def test_a_changed_mark_changes_the_token_for_other_connections(place: Place) -> None:
    with place.opened() as one, place.opened() as two:
        before = one.changed()
        two.change_marks(["n"], more)
        assert one.changed() != before


def test_marks_are_no_part_of_the_journal(store: Store) -> None:
    write(store, "i", event())
    before = store.verify()
    store.change_marks(["n"], more)
    assert store.verify() == before


def test_after_a_mark_an_append_meets_what_another_connection_wrote_before_it(place: Place) -> None:
    with place.opened() as one, place.opened() as two:
        write(one, "i-1", event(b"first"))
        two.append([an_append("i-1", 1, [event(b"second")])], recorded=T0)
        one.change_marks(["n"], more)
        (late,) = one.append([an_append("i-1", 1, [event(b"too late")])], recorded=T0)
        assert late == Conflict(2)
        assert one.verify().ok
