"""A snapshot saves folding; it is never evidence, never readable without the data key, and gone when anything is amiss."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.store.port import Snapshot, Store
from tests.store.journals import T0, Place, event, personal, vault, write, write_many

KEPT = Snapshot(version=3, code="this", body=b'{"who":"Greta"}')


@pytest.fixture
def kept(store: Store) -> Store:
    """A journal of three events with a snapshot of all of them."""
    write_many(store, "i", 3)
    store.put_snapshot("i", KEPT)
    return store


def test_a_snapshot_is_read_back_with_the_name_of_its_code(kept: Store) -> None:
    assert kept.snapshot("i") == KEPT
    assert kept.snapshot("j") is None


def test_it_outlives_later_events_and_is_replaced_by_the_next(kept: Store) -> None:
    write(kept, "i", event(b'{"n":4}'))
    assert kept.snapshot("i") == KEPT
    newer = Snapshot(version=4, code="that", body=b"newer")
    kept.put_snapshot("i", newer)
    assert kept.snapshot("i") == newer


def test_no_snapshot_is_stored_for_missing_events(store: Store) -> None:
    write_many(store, "i", 2)
    store.put_snapshot("i", KEPT)
    assert store.snapshot("i") is None


def test_its_words_cannot_be_read_without_the_master_key(place: Place) -> None:
    with place.opened() as store:
        write_many(store, "i", 3)
        store.put_snapshot("i", KEPT)
    with place.opened(vault(b"o" * 32)) as elsewhere:
        assert elsewhere.snapshot("i") is None


def test_its_words_are_nowhere_in_the_files_of_the_store(sqlite: Place, tmp_path: Path) -> None:
    with sqlite.opened() as store:
        write_many(store, "i", 3)
        store.put_snapshot("i", KEPT)
        files = b"".join(path.read_bytes() for path in tmp_path.glob("tocsin.db*"))
    assert b"kestrel" in files
    assert b"Greta" not in files


def test_it_goes_with_the_data_key_and_none_is_kept_after(kept: Store) -> None:
    write(kept, "i", personal())
    kept.shred("i")
    assert kept.snapshot("i") is None
    kept.put_snapshot("i", KEPT)
    assert kept.snapshot("i") is None


def test_a_snapshot_is_deleted_when_the_lists_are_rebuilt(kept: Store) -> None:
    row = kept.row("i")
    assert row is not None
    kept.rebuild([row])
    assert kept.snapshot("i") is None
    assert kept.row("i") == row


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE snapshots SET version = 2, head = (SELECT hash FROM events WHERE seq = 2)",
        "UPDATE snapshots SET head = CAST('another' AS BLOB)",
        "UPDATE snapshots SET body = CAST('{}' AS BLOB)",
        "UPDATE events SET hash = CAST('another' AS BLOB) WHERE seq = 3",
        "DELETE FROM events WHERE seq = 3",
    ],
)
def test_a_snapshot_of_another_journal_is_not_used(place: Place, change: str) -> None:
    with place.opened() as store:
        write_many(store, "i", 3)
        store.put_snapshot("i", KEPT)
    place.execute(change)
    with place.opened() as store:
        assert store.snapshot("i") is None


def test_verifying_reads_the_journal_alone(place: Place) -> None:
    with place.opened() as store:
        write_many(store, "i", 3)
        store.put_snapshot("i", KEPT)
    place.execute("UPDATE snapshots SET body = CAST('{}' AS BLOB)")
    with place.opened() as store:
        assert store.verify().ok
    place.execute("UPDATE events SET payload = CAST('{}' AS BLOB) WHERE seq = 2")
    with place.opened() as store:
        broken = store.verify("i").broken
        assert broken is not None
        assert broken.seq == 2


def test_the_first_one_gives_an_incident_its_data_key_and_the_next_append_knows_it(kept: Store) -> None:
    write(kept, "i", personal(), event())
    assert [stored.personal for stored in kept.read("i", after=3)] == [True, False]
    kept.put_snapshot("i", Snapshot(version=5, code="this", body=b"x"))
    write(kept, "i", personal())
    assert kept.verify("i").ok
    assert [event.recorded for event in kept.read("i", after=5)] == [T0]
