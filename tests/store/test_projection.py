"""The contract of every store for rows, which lists and workers read without folding."""

from __future__ import annotations

import re
from datetime import timedelta

from runner.errors import Bug, StoreCorrupt
from tests.refusals import refused
from tests.store.journals import T0, event, personal, row, write

HOUR = timedelta(hours=1)


def test_a_row_comes_back_as_it_was_appended(store):
    write(store, "i", event(), next_due=T0 + HOUR, has_work=True, summary=b"\0\xff")
    assert store.row("i") == row("i", 1, next_due=T0 + HOUR, has_work=True, summary=b"\0\xff")


def test_a_row_is_sealed_once_the_incident_has_a_key_and_reads_the_same(store):
    write(store, "i", personal(), title="Zoë's telephone")
    write(store, "i", event(), title="Zoë's telephone", summary=b"s")
    assert store.row("i") == row("i", 2, title="Zoë's telephone", summary=b"s")


def test_rows_are_ordered_oldest_first_and_filtered_by_state(store):
    write(store, "b", event(), opened_at=T0 + HOUR)
    write(store, "a", event(), opened_at=T0 + 2 * HOUR, state="closed")
    write(store, "c", event(), opened_at=T0)
    assert [found.id for found in store.rows()] == ["c", "b", "a"]
    assert [found.id for found in store.rows("closed")] == ["a"]
    assert store.rows("nowhere") == []


def test_due_incidents_have_work_or_a_reached_time(store):
    write(store, "works", event(), has_work=True)
    write(store, "now", event(), next_due=T0)
    write(store, "later", event(), next_due=T0 + timedelta(microseconds=1))
    write(store, "never", event())
    assert sorted(store.due(T0)) == ["now", "works"]
    assert sorted(store.due(T0 + HOUR)) == ["later", "now", "works"]


def test_the_next_due_is_the_earliest_of_all(store):
    assert store.next_due() is None
    write(store, "never", event())
    assert store.next_due() is None
    write(store, "b", event(), next_due=T0 + HOUR)
    write(store, "a", event(), next_due=T0 + 2 * HOUR)
    assert store.next_due() == T0 + HOUR
    assert store.next_due(T0 + HOUR) == T0 + 2 * HOUR


def test_rows_can_be_dropped_and_rebuilt(store):
    write(store, "i", event(), personal())
    write(store, "gone", event())
    store.rebuild([row("i", 2, title="again")])
    assert store.rows() == [row("i", 2, title="again")]
    assert store.head("gone").version == 1
    write(store, "gone", event())
    write(store, "i", event())
    assert store.verify().ok


def test_a_missing_row_is_reported_by_verification(store):
    write(store, "i", event())
    store.rebuild([])
    verification = store.verify()
    assert verification.ok
    assert verification.unwitnessed == ("i",)


def test_a_rebuild_with_rows_of_another_version_is_our_bug(store):
    write(store, "i", event())
    with refused("bug", Bug):
        store.rebuild([row("i", 2)])
    assert store.row("i") == row("i", 1)


def test_a_rebuild_does_not_destroy_the_proof_that_events_are_missing(place):
    with place.opened() as store:
        write(store, "i", event(), event())
    place.execute("DELETE FROM events WHERE seq = 2")
    with place.opened() as store:
        with refused("store_corrupt", StoreCorrupt) as found:
            store.rebuild([row("i", 1)])
        assert {"i", "2"} <= set(re.findall(r"\w+", found.value.message))
        assert store.verify("i").broken.kind == "truncated"


def test_a_row_is_encrypted_again_when_its_text_or_key_changes(store):
    write(store, "i", event())
    write(store, "i", event())
    assert store.row("i").title == "A laptop of Erika is gone"
    write(store, "i", personal())
    write(store, "i", event())
    assert store.row("i").title == "A laptop of Erika is gone"
    write(store, "i", event(), title="It was found", summary=b"found")
    write(store, "i", event(), title="It was found", summary=b"found")
    assert (store.row("i").title, store.row("i").summary) == ("It was found", b"found")
    store.shred("i")
    write(store, "i", event(), title="It was found", summary=b"found")
    assert store.verify("i").ok
