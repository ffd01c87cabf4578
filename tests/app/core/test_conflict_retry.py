"""Conflicting changes: a command of a person waits for its turn, a program does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from runner.app.core.conflict_retry import LIMIT, TRIES, Backoff, opened, retry
from runner.errors import StoreBusy
from runner.store.port import PATIENCE
from runner.store.sqlite.store import SqliteStore
from tests.refusals import refused
from tests.store.journals import event, vault, write


class Office:
    """As much of a desk as a change needs; ``pause`` is what happens while it waits."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.pauses: list[timedelta] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.backoff: Backoff | None = Backoff(self.pause, lambda: 0.5)

    def pause(self, span: timedelta) -> None:
        self.pauses.append(span)
        self.meanwhile()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "tocsin.db", vault(), create=True)) as store:
        yield store


@pytest.fixture
def office(tmp_path: Path, other: SqliteStore) -> Iterator[Office]:
    with closing(SqliteStore(tmp_path / "tocsin.db", vault(), patience=timedelta())) as store:
        yield Office(store)


def met_once() -> Callable[[], str | None]:
    """Return an attempt that meets another's change the first time."""
    answers: Iterator[str | None] = iter([None, "done"])
    return lambda: next(answers)


def test_a_writer_in_conflict_waits_for_its_turn(office: Office, other: SqliteStore) -> None:
    gate = other.gate("i")
    office.meanwhile = lambda: gate.release() if len(office.pauses) == 3 else None
    assert retry(office, "i", met_once()) == "done"
    assert len(office.pauses) == 3
    other.gate("i").release()


def test_a_writer_without_a_turn_gets_stale(office: Office, other: SqliteStore) -> None:
    other.gate("i")
    with refused("stale"):
        retry(office, "i", met_once())
    assert sum(office.pauses, timedelta()) >= LIMIT


def test_a_turn_covers_one_journal_and_blocks_no_other_writer(office: Office, other: SqliteStore) -> None:
    other.gate("i")
    assert retry(office, "j", met_once()) == "done"
    write(office.store, "i", event())


def test_the_turn_ends_with_the_attempts_however_they_end(office: Office, other: SqliteStore) -> None:
    def attempt() -> str | None:
        if office.pauses:
            raise LookupError
        return None

    with pytest.raises(LookupError):
        retry(office, "i", attempt)
    other.gate("i").release()


def test_a_store_that_another_holds_is_waited_for(office: Office, other: SqliteStore) -> None:
    run = other._connection.execute
    run("BEGIN IMMEDIATE")
    office.meanwhile = lambda: run("ROLLBACK") if len(office.pauses) == 1 else None
    assert retry(office, "i", lambda: write(office.store, "i", event())).version == 1


def test_a_store_that_another_holds_to_the_end_is_locked_not_stale(
    office: Office, other: SqliteStore
) -> None:
    other._connection.execute("BEGIN IMMEDIATE")
    with refused("store_locked"):
        retry(office, "i", lambda: write(office.store, "i", event()))
    assert len(office.pauses) == LIMIT / PATIENCE - 1, "what the store waited itself counts"


def test_a_program_never_pauses(office: Office, other: SqliteStore) -> None:
    office.backoff, tries = None, list[None]()
    with refused("stale"):
        retry(office, "i", lambda: tries.append(None))
    assert (len(tries), office.pauses) == (TRIES, [])


def test_a_server_without_a_free_connection_is_waited_for(office: Office) -> None:
    def open_() -> str:
        if len(office.pauses) < 3:
            raise StoreBusy("no more connections")
        return "open"

    assert opened(office.backoff, open_) == "open"
    with refused("store_busy"):
        opened(None, busy)


def busy() -> str:
    raise StoreBusy("no more connections")
