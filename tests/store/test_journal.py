"""What every store promises of journals: the same checks for SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

from runner.base.actor import Actor
from runner.errors import Bug, Sealed
from runner.store.chain import genesis
from runner.store.port import UNFINISHED, Appended, Conflict, Head
from runner.store.sqlite.store import SqliteStore
from tests.refusals import refused
from tests.store.journals import T0, an_append, event, personal, row, vault, write, write_many


def test_an_event_comes_back_as_it_was_given(store):
    actor = Actor(claimed="ada", proven_by="key:1", os_user="ada", host="desk", on_behalf_of="grace")
    at = datetime(2026, 11, 24, 10, 10, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    given = event(b'{"x":"\xc3\xa9"}', at=at, actor=actor, stream="privileged", exercise_at=T0)
    store.append([an_append("i", 0, [given])], recorded=T0 + timedelta(seconds=1), clock_offset_ms=-12)
    (stored,) = store.read("i")
    assert stored.payload == given.payload
    assert (stored.seq, stored.type, stored.stream) == (1, "StepDone", "privileged")
    assert (stored.at, stored.exercise_at) == (at, T0)
    assert (stored.recorded, stored.clock_offset_ms) == (T0 + timedelta(seconds=1), -12)
    assert stored.actor == actor
    assert not stored.personal


def test_events_are_numbered_from_one_without_a_gap(store):
    write(store, "i", event(), event())
    write(store, "i", event())
    assert [stored.seq for stored in store.read("i")] == [1, 2, 3]


def test_reading_starts_behind_the_version_named(store):
    write_many(store, "i", 5)
    assert [stored.seq for stored in store.read("i", after=3)] == [4, 5]
    assert list(store.read_payloads("i", after=4)) == [(5, T0 + timedelta(hours=5), b'{"n":5}')]


def test_more_events_than_a_page_are_read_in_order(store):
    write_many(store, "i", 4500)
    assert [seq for seq, _, _ in store.read_payloads("i")] == list(range(1, 4501))


def test_an_append_on_an_old_version_conflicts_and_writes_nothing(store):
    write(store, "i", event())
    (result,) = store.append([an_append("i", 0, [event()])], recorded=T0)
    assert result == Conflict(1)
    assert store.head("i").version == 1


def test_an_append_ahead_of_the_journal_conflicts(store):
    (result,) = store.append([an_append("i", 3, [event()])], recorded=T0)
    assert result == Conflict(0)


def test_a_conflict_of_one_does_not_hinder_the_others(store):
    write(store, "taken", event())
    results = store.append(
        [
            an_append("a", 0, [event()]),
            an_append("taken", 0, [event()]),
            an_append("b", 0, [event(), personal()]),
        ],
        recorded=T0,
    )
    assert [type(result) for result in results] == [Appended, Conflict, Appended]
    assert [store.head(name).version for name in ("a", "taken", "b")] == [1, 1, 2]


def test_two_appends_of_one_batch_can_follow_one_another(store):
    first, second, late = store.append(
        [an_append("i", 0, [event()]), an_append("i", 1, [personal()]), an_append("i", 1, [event()])],
        recorded=T0,
    )
    assert (first.version, second.version, late) == (1, 2, Conflict(2))
    assert store.verify("i").ok
    assert store.row("i").version == 2


def test_the_head_returned_is_the_head_read(store):
    result = write(store, "i", event(), event())
    assert store.head("i") == Head(2, result.head)
    assert [stored.hash for stored in store.read("i")][-1] == result.head


def test_an_unknown_incident_is_empty(store):
    assert store.head("nobody") == Head(0, genesis("nobody").hex())
    assert list(store.read("nobody")) == []
    assert store.row("nobody") is None


def test_an_empty_batch_appends_nothing(store):
    assert store.append([], recorded=T0) == []


def test_a_row_that_does_not_follow_is_our_bug_and_nothing_is_written(store):
    wrong = an_append("i", 0, [event()])
    with refused("bug", Bug):
        store.append(
            [
                an_append("a", 0, [event()]),
                type(wrong)(incident="i", expected_version=0, events=[event()], row=row("i", 7)),
            ],
            recorded=T0,
        )
    assert store.head("a").version == 0


def test_an_instant_without_a_zone_is_our_bug(store):
    with refused("bug", Bug):
        write(store, "i", event(at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_a_personal_payload_is_opened_when_read_and_sealed_where_it_lies(place):
    with place.opened() as store:
        write(store, "i", personal(b'{"name":"Erika Mustermann"}'))
        assert [stored.payload for stored in store.read("i")] == [b'{"name":"Erika Mustermann"}']
        assert [payload for _, _, payload in store.read_payloads("i")] == [b'{"name":"Erika Mustermann"}']
        copy = place.base / "copy.db"
        store.backup(copy)
    assert b"Mustermann" not in copy.read_bytes()
    assert b"laptop of Erika" not in copy.read_bytes()


def test_a_backup_has_the_marks_that_all_processes_share(place):
    with place.opened() as store:
        store.change_marks(("account/ada",), lambda found: {"account/ada": b"sealed"})
        store.backup(place.base / "copy.db")
    with SqliteStore(place.base / "copy.db", vault()) as copy:
        assert copy.marks("account/") == {"account/ada": b"sealed"}


def test_another_master_key_does_not_open_it_and_is_named(place):
    with place.opened() as store:
        write(store, "i", personal())
    with place.opened(vault(b"x" * 32)) as store, refused("other_master", Sealed):
        list(store.read("i"))


def test_without_the_master_key_the_chain_still_verifies(place):
    with place.opened() as store:
        write(store, "i", event(), personal())
    with place.opened(vault(b"x" * 32)) as store:
        verification = store.verify("i")
    assert verification.ok
    assert verification.unread == 1


def test_shredding_destroys_personal_payloads_and_leaves_the_rest(store):
    write(store, "i", event(b'{"n":1}'), personal())
    write(store, "other", personal(b'{"name":"Otto"}'))
    store.shred("i")
    assert [stored.payload for stored in store.read("i")] == [b'{"n":1}', None]
    assert [payload for _, _, payload in store.read_payloads("other")] == [b'{"name":"Otto"}']
    shredded = store.row("i")
    assert (shredded.title, shredded.summary, shredded.codename) == ("", b"", "amber kestrel")


def test_after_shredding_the_chain_verifies_and_accepts_events(store):
    write(store, "i", event(), personal())
    store.shred("i")
    store.shred("i")
    write(store, "i", event())
    verification = store.verify("i")
    assert (verification.ok, verification.events, verification.unread) == (True, 3, 1)


def test_a_shredded_incident_accepts_no_personal_data(store):
    write(store, "i", personal())
    store.shred("i")
    with refused("shredded", Sealed):
        write(store, "i", event(), personal())
    assert store.head("i").version == 1


def test_shredding_reaches_a_store_that_another_process_holds_open(place):
    with place.opened() as one, place.opened() as two:
        write(one, "i", personal())
        assert [stored.payload for stored in two.read("i")] == [b'{"name":"Erika"}']
        one.shred("i")
        assert [stored.payload for stored in two.read("i")] == [None]
        with refused("shredded", Sealed):
            write(two, "i", personal())


def test_the_wrapped_key_is_gone_from_the_files_after_shredding(sqlite):
    with sqlite.opened() as store:
        write(store, "i", personal())
        sqlite.execute("CREATE TABLE seen AS SELECT wrapped FROM keys WHERE incident = 'i'")
        import sqlite3

        raw = sqlite3.connect(store.path)
        (wrapped,) = raw.execute("SELECT wrapped FROM seen").fetchone()
        raw.close()
        sqlite.execute("PRAGMA secure_delete = ON")
        sqlite.execute("UPDATE seen SET wrapped = zeroblob(length(wrapped))")
        store.shred("i")
        for path in store.path.parent.glob("tocsin.db*"):
            assert wrapped not in path.read_bytes()


def test_an_erasure_is_unfinished_while_a_reader_of_the_older_state_is_attached(sqlite):
    import sqlite3

    with sqlite.opened() as store:
        write(store, "i", personal())
        reader = sqlite3.connect(store.path, isolation_level=None)
        reader.execute("BEGIN")
        (wrapped,) = reader.execute("SELECT wrapped FROM keys WHERE incident = 'i'").fetchone()
        files = [store.path, store.path.with_name("tocsin.db-wal")]

        def is_there() -> bool:
            return any(wrapped in path.read_bytes() for path in files)

        store.shred("i")
        assert (store.setting(UNFINISHED) is not None, is_there()) == (True, True)
        assert not store.finish_erasure()
        write(store, "j", personal())
        reader.close()
        assert store.finish_erasure()
        assert (store.setting(UNFINISHED), is_there()) == (None, False)
        assert store.finish_erasure()


def test_an_erasure_clears_only_the_mark_that_it_read(sqlite):
    with sqlite.opened() as store:

        class Raced(SqliteStore):
            def setting(self, name):
                value = super().setting(name)
                self.set_setting(name, "of another erasure")
                return value

        store.set_setting(UNFINISHED, "x")
        store.__class__ = Raced
        store.finish_erasure()
        store.__class__ = SqliteStore
        assert store.setting(UNFINISHED) == "of another erasure"


def test_a_mark_that_was_copied_from_another_store_is_cleared(store):
    store.set_setting(UNFINISHED, "x")
    assert store.finish_erasure()
    assert store.setting(UNFINISHED) is None


def test_threads_may_share_a_store(store):
    wrong: list[object] = []

    def work(name: str) -> None:
        for version in range(20):
            (result,) = store.append(
                [an_append(name, version, [event(), personal()][: 1 + version % 1])], recorded=T0
            )
            if not isinstance(result, Appended):
                wrong.append(result)

    threads = [threading.Thread(target=work, args=(f"i{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.verify().ok
    assert store.verify().events == 160


def test_only_one_of_many_threads_wins_a_version(store):
    results: list[Appended | Conflict] = []

    def work() -> None:
        results.extend(store.append([an_append("i", 0, [personal()])], recorded=T0))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(result).__name__ for result in results) == ["Appended", *["Conflict"] * 7]
    assert store.head("i").version == 1


def test_the_change_token_changes_only_with_a_commit(place):
    with place.opened() as one, place.opened() as two:
        before = one.changed()
        assert one.changed() == before
        write(two, "i", event())
        after = one.changed()
        assert after != before
        write(one, "j", event())
        assert one.changed() != after


def test_a_store_is_not_made_by_opening_it(place):
    from runner.errors import NotFound
    from runner.store.open_store import open_store

    with refused("no_store", NotFound):
        open_store(place.url, vault(), base=place.base)


def test_recorded_is_kept_in_utc(store):
    store.append(
        [an_append("i", 0, [event()])],
        recorded=datetime(2026, 11, 24, 12, 0, tzinfo=timezone(timedelta(hours=3))),
    )
    (stored,) = store.read("i")
    assert stored.recorded == datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
