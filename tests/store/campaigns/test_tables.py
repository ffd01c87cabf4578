"""Campaigns in the store: claims, outcomes, what is found again, and what nobody can read; both stores hold to it."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.errors import Sealed
from runner.incident.campaigns.campaign import Campaign, Claimed, Contact, Counters, Ground, NewOwed
from runner.incident.notices.letters import Group, Person
from runner.store.campaigns import schema as sql
from runner.store.campaigns.rows import Attempt, Chunk, chunk_digest
from runner.store.campaigns.tables import BulkTables
from runner.store.port import Store
from tests.store.journals import T0, Place

NAMES = ("Ada Álvarez", "Zoë Łukasiewicz", "Jean Dupont", "Ola Ek", "Bo Ek")
NONE = Counters()


def campaign(**changes) -> Campaign:
    group = Group(
        jurisdiction="DE",
        population="",
        duty="eu-x/people",
        notice="letter",
        version="1.0.0",
        text="t",
        status="final",
    )
    known = {
        "id": "b-1",
        "incident": "i-1",
        "notice": "letter",
        "list_name": "people.csv",
        "list_sha256": "0" * 64,
        "planned_at": T0,
        "by": "maria",
        "grounds": (Ground(group=group, regime="eu-x"),),
        "channels": {"email": "relay"},
        "rows": len(NAMES),
    }
    return Campaign(**(known | changes))


def person(tables: BulkTables, n: int, **changes) -> NewOwed:
    address = f"person{n}@people.example"
    contact = Contact(
        person=Person(reference=f"K-{n}", name=NAMES[n - 1], address="1 Elm Road"), email=address
    )
    known = {
        "campaign": "b-1",
        "n": n,
        "group": 0,
        "state": "ready",
        "ways": ("email", "post"),
        "contact": contact,
        "reference": tables.digest("reference", f"k-{n}"),
        "person": tables.digest("person", f"{n}"),
        "address": tables.digest("email", address),
        "domain": tables.digest("domain", "people.example"),
    }
    return NewOwed(**(known | changes))


def take_in(tables: BulkTables) -> None:
    with tables.intake(campaign()) as intake:
        intake.add([person(tables, n) for n in range(1, 6)])
        intake.finish()


@pytest.fixture
def tables(store: Store) -> BulkTables:
    found = store.bulk()
    found.create(campaign())
    take_in(found)
    assert found.set_state("b-1", "sending", "partial")
    return found


def accepted(chunk: Chunk) -> tuple[list[Claimed], list[Attempt]]:
    people = [replace(one, state="notified", evidence="accepted", tries=1) for one in chunk.people]
    return people, [Attempt(one.n, "email", "accepted", "", f"Q{one.n}", b"x", "t") for one in people]


def totals(tables: BulkTables) -> Counter[str]:
    found = Counter[str]()
    for tally in tables.tally("b-1", T0):
        found[tally.state] += tally.people
    return found


def claimed(tables: BulkTables, most: int = 2, **changes):
    return tables.claim(campaign(), "email", (0,), most, changes.get("now", T0))


def test_a_claimed_batch_is_not_claimed_again(tables: BulkTables) -> None:
    first, second = claimed(tables), claimed(tables)
    assert [person.n for person in first.people] == [1, 2]
    assert [person.n for person in second.people] == [3, 4]
    assert first.people[1].contact.person.name == "Zoë Łukasiewicz"
    assert totals(tables) == {"sending": 4, "ready": 1}


def test_the_result_of_a_batch_is_stored_as_a_whole(tables: BulkTables) -> None:
    chunk = claimed(tables)
    digest = tables.finish(chunk, *accepted(chunk), Counters(sent=2))
    assert digest == chunk_digest(tables.attempts("b-1", 1))
    assert list(tables.chunks("b-1")) == [(1, "done", "email", 2, digest)]
    assert tables.campaign("b-1").counters == Counters(sent=2)
    assert totals(tables) == {"notified": 2, "ready": 3}


def test_a_chunk_of_a_dead_sender_is_unknown_and_is_not_claimed_again(tables: BulkTables) -> None:
    claimed(tables)
    assert [(n, people) for n, people, _ in tables.lose("b-1", T0, "the sender died")] == [(1, 2)]
    assert tables.lose("b-1", T0, "again") == []
    assert [person.n for person in claimed(tables, 9).people] == [3, 4, 5]
    assert totals(tables) == {"unknown": 2, "sending": 3}
    assert [state for _, state, *_ in tables.chunks("b-1")] == ["unknown", "sending"]


def test_the_unknown_are_sent_to_again_by_a_person_s_word_alone(tables: BulkTables) -> None:
    claimed(tables)
    tables.lose("b-1", T0, "the sender died")
    assert tables.campaign("b-1").counters == Counters(sent=2), "they may have it"
    assert tables.again("b-1", "by maria") == 2
    assert tables.campaign("b-1").counters == NONE
    chunk = claimed(tables, 9)
    assert [person.n for person in chunk.people] == [1, 2, 3, 4, 5]
    tables.finish(chunk, *accepted(chunk), Counters(sent=5))
    assert tables.campaign("b-1").counters == Counters(sent=5), "people, and not attempts"
    assert tables.again("b-1", "by maria") == 0
    assert tables.campaign("b-1").counters == Counters(sent=5)


@pytest.mark.parametrize("state", ["paused", "done", "planned"])
def test_a_campaign_that_is_not_being_sent_is_not_claimed_from(tables: BulkTables, state) -> None:
    tables.set_state("b-1", state, "sending")
    assert claimed(tables) is None


def test_a_deferred_person_is_not_claimed_before_their_time(tables: BulkTables) -> None:
    chunk = claimed(tables)
    later = T0 + timedelta(minutes=5)
    put_off = [replace(person, state="ready", tries=1, not_before=later) for person in chunk.people]
    tables.finish(chunk, put_off, (), NONE)
    assert [person.n for person in claimed(tables, 9).people] == [3, 4, 5]
    assert claimed(tables) is None
    assert tables.soonest("b-1", "email", (0,)) == later.isoformat(timespec="microseconds")
    assert [person.n for person in claimed(tables, now=later).people] == [1, 2]


def test_groups_on_hold_are_not_claimed(tables: BulkTables) -> None:
    assert tables.claim(campaign(), "email", (), 9, T0) is None
    assert tables.claim(campaign(), "email", (1,), 9, T0) is None


def test_people_are_found_by_reference_address_key_and_provider(tables: BulkTables) -> None:
    chunk = claimed(tables)
    tables.finish(chunk, *accepted(chunk), NONE)
    assert tables.by_reference("b-1", tables.digest("reference", "k-2")).n == 2
    assert [
        standing.n for standing in tables.by_address(tables.digest("email", "person2@people.example"))
    ] == [2]
    assert [(one.campaign, one.n) for one in tables.by_provider("Q2", "email")] == [("b-1", 2)]
    key = tables.message_key(tables.campaign("b-1").tag, 2)
    assert len(key) == 32
    assert tables.named_by(key) == ("b-1", 2)


@pytest.mark.parametrize("key", ["", "A" * 32, "not base32!", "Ä"])
def test_an_unknown_key_names_no_person(tables: BulkTables, key: str) -> None:
    assert tables.named_by(key) is None


def test_a_change_on_an_old_look_is_refused(tables: BulkTables) -> None:
    before = tables.standing("b-1", 1)
    assert before is not None
    after = replace(before, state="post", ways=("post",), why="bounced", hit=1, address=b"")
    assert tables.change(before, after, Counters(bounced=1))
    assert not tables.change(before, after, Counters(bounced=1))
    assert tables.campaign("b-1").counters.bounced == 1


def test_suppressed_addresses_stay_so_with_their_reason(tables: BulkTables, place: Place) -> None:
    one, other = tables.digest("phone", "+15005550006"), tables.digest("phone", "+15005550007")
    tables.suppress([one, one], "stop", T0)
    tables.suppress([one], "stop", T0)
    assert tables.suppressed([one, other]) == {one: "stop"}
    with place.opened() as again:
        assert again.bulk().suppressed([again.bulk().digest("phone", "+15005550006")]) == {one: "stop"}
    assert tables.suppressions() == {"stop": 1}


def test_the_substituted_and_the_open_are_counted_apart(tables: BulkTables) -> None:
    before = tables.standing("b-1", 1)
    assert before is not None
    tables.change(before, replace(before, state="unreachable", ways=(), why="returned"), NONE)
    assert tables.substitute("b-1", (0,), ("unreachable",), "posted on the web") == 1
    assert totals(tables) == {"substituted": 1, "ready": 4}
    assert [c.person.reference for c, _, _ in tables.listed(campaign(), ("ready",))] == [
        "K-2",
        "K-3",
        "K-4",
        "K-5",
    ]


def test_a_dropped_campaign_leaves_no_data_and_a_started_one_stays(tables: BulkTables) -> None:
    tables.drop("b-1")
    assert totals(tables) == {"ready": 5}
    tables.set_state("b-1", "planned", "sending")
    tables.drop("b-1")
    assert tables.campaigns("i-1") == []
    assert tables.partial("i-1") == []
    assert tables.tally("b-1", T0) == []
    assert tables.by_reference("b-1", tables.digest("reference", "k-2")) is None


def test_an_incomplete_list_is_not_visible(store: Store) -> None:
    tables = store.bulk()
    tables.create(campaign())
    address = tables.digest("email", "person2@people.example")
    with tables.intake(campaign()) as intake:
        intake.add([person(tables, n) for n in range(1, 6)])
        assert list(intake.taken([address, b"nobody's"])) == [address]
        assert tables.by_reference("b-1", tables.digest("reference", "k-2")) is None
        intake.finish()
    assert tables.by_reference("b-1", tables.digest("reference", "k-2")).n == 2
    assert tables.by_address(address) == []
    assert tables.campaigns("i-1") == []
    assert tables.partial("i-1") == ["b-1"]
    tables.set_state("b-1", "planned", "partial")
    assert [standing.n for standing in tables.by_address(address)] == [2]
    assert tables.partial("i-1") == []


def test_a_moved_person_is_found_only_by_the_new_address(tables: BulkTables) -> None:
    old, new = tables.digest("email", "person1@people.example"), tables.digest("phone", "+15005550006")
    other = tables.digest("phone", "+15005550007")
    assert tables.taken("b-1", [old, new]) == {old: tables.digest("person", "1")}
    before = tables.standing("b-1", 1)
    assert before is not None
    assert tables.change(before, replace(before, ways=("sms", "post"), address=new), NONE)
    assert [standing.n for standing in tables.by_address(new)] == [1]
    assert tables.by_address(old) == []
    assert tables.taken("b-1", [old, new]) == {new: tables.digest("person", "1")}
    assert tables.by_reference("b-1", tables.digest("reference", "k-1")).address == new
    chunk = claimed(tables)
    moved = [replace(person, state="ready", ways=("sms",), address=other) for person in chunk.people[:1]]
    tables.finish(chunk, moved, (), NONE)
    assert [standing.n for standing in tables.by_address(other)] == [chunk.people[0].n]


def test_no_statement_but_a_count_reads_a_whole_list(sqlite: Place) -> None:
    with sqlite.opened() as store:
        store.bulk()
    one = {"groups": "?", "numbers": "?, ?", "keys": "?, ?", "elsewhere": sql.ELSEWHERE, "page": 9}
    wanted = {
        "TAKEN": "k (campaign=? AND key=?), o (campaign=? AND n=?)",
        "SELECT_READY": "o (campaign=? AND way=? AND not_before<?)",
        "SOONEST": "bulk_owed (campaign=? AND way=?)",
        "CLAIM": "bulk_owed (campaign=? AND n=?)",
        "CONTACTS": "bulk_contacts (campaign=? AND n=?)",
        "SETTLE": "bulk_owed (campaign=? AND n=?)",
        "OPEN_CHUNKS": "bulk_chunks (campaign=?)",
        "IN_CHUNK": "bulk_owed (campaign=? AND chunk=?)",
        "LOSE": "bulk_owed (campaign=? AND n=?)",
        "CHUNKS": "bulk_chunks (campaign=? AND n>?)",
        "ATTEMPTS": "bulk_attempts (campaign=? AND chunk=?)",
        "BY_NUMBER": "o (campaign=? AND n=?)",
        "BY_REFERENCE": "k (campaign=? AND key=?), o (campaign=? AND n=?)",
        "BY_ADDRESS": "k (campaign=? AND key=?), o (campaign=? AND n=?)",
        "BY_PROVIDER": "a (provider=?), o (campaign=? AND n=?)",
        "SUPPRESSED": "bulk_suppressed (address=?)",
    }
    with closing(sqlite3.connect(sqlite.base / "tocsin.db")) as store:
        for name, ways in wanted.items():
            statement = getattr(sql, name).format(**one)
            found = store.execute(f"EXPLAIN QUERY PLAN {statement}", ("x",) * statement.count("?"))
            told = [re.fullmatch(r"SEARCH (\S+) USING .*?(\(.*\))", row[3]) for row in found]
            searched = ", ".join(f"{one[1]} {one[2]}" for one in told if one is not None)
            assert searched == ways, name


def test_the_file_shows_no_personal_data_and_none_after_shredding(sqlite: Place, tmp_path: Path) -> None:
    with sqlite.opened() as store:
        tables = store.bulk()
        tables.create(campaign())
        take_in(tables)
        store.backup(tmp_path / "copy.db")
        store.shred("i-1")
        with pytest.raises(Sealed):
            next(tables.listed(campaign(), ("ready",)))
    content = (tmp_path / "copy.db").read_bytes()
    assert b"people.example" not in content
    assert "Álvarez".encode() not in content
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM bulk_owed").fetchone() == (5,)


def test_a_backup_includes_campaigns(tables: BulkTables, store: Store, tmp_path: Path) -> None:
    store.backup(tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM bulk_owed").fetchone() == (5,)
        assert copy.execute("SELECT count(*) FROM bulk_contacts").fetchone() == (5,)


def test_a_campaign_from_before_there_was_a_table_of_keys_is_found_again(
    tables: BulkTables, store: Store, place: Place, tmp_path: Path
) -> None:
    place.execute("DROP TABLE bulk_keys")
    place.execute("DELETE FROM settings WHERE name = 'bulk.keys'")
    store.backup(tmp_path / "copy.db")
    with place.opened() as again:
        found = again.bulk()
        assert found.by_reference("b-1", found.digest("reference", "k-2")).n == 2
        assert [
            standing.n for standing in found.by_address(found.digest("email", "person3@people.example"))
        ] == [3]
        assert found.by_address(b"") == []
