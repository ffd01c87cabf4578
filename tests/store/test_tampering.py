"""Someone with the tables in hand changes them: verification says what, and where."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from runner.store.port import Head, Link, Verification
from tests.golden_files import FOLDER, same
from tests.refusals import refused
from tests.store.journals import Place, event, personal, vault, write, write_many


def tampered(place: Place, *statements: str, anchors: dict[str, Head] | None = None) -> Verification:
    """Write two journals, change the tables, and verify the store."""
    with place.opened() as store:
        write_many(store, "a", 4)
        write(store, "b", event(b'{"n":1}'), personal(), event(b'{"n":3}'))
        assert store.verify().ok
    for statement in statements:
        place.execute(statement)
    with place.opened() as store:
        return store.verify(anchors=anchors)


def test_an_observer_of_a_verification_sees_every_event(place):
    told: list[int] = []
    with place.opened() as store:
        write_many(store, "a", 450)
        write(store, "b", event())
        assert store.verify(seen=told.append).ok
        assert told == [200, 200, 50, 1]
        assert store.verify("b", seen=told.append).ok
    assert told[4:] == [1]


def test_an_untouched_store_holds(place):
    verification = tampered(place)
    assert verification.ok
    assert (verification.events, verification.unread, verification.unwitnessed) == (7, 0, ())


def test_the_stores_head_changes_with_any_journals_head(place):
    with place.opened() as store:
        write(store, "a", event())
        before = store.verify().head
        assert store.verify().head == before
        write(store, "b", event())
        assert store.verify().head != before


@pytest.mark.parametrize(
    ("statement", "incident", "seq", "kind"),
    [
        ("UPDATE events SET payload = CAST('{}' AS BLOB) WHERE incident = 'a' AND seq = 2", "a", 2, "edited"),
        ("UPDATE events SET payload = CAST('{}' AS BLOB) WHERE incident = 'b' AND seq = 2", "b", 2, "edited"),
        (
            "UPDATE events SET header = replace(header, 'ada', 'eve') WHERE incident = 'b' AND seq = 3",
            "b",
            3,
            "edited",
        ),
        ("UPDATE events SET hash = CAST('no' AS BLOB) WHERE incident = 'a' AND seq = 1", "a", 1, "edited"),
        ("DELETE FROM events WHERE incident = 'a' AND seq = 3", "a", 3, "removed"),
        ("DELETE FROM events WHERE incident = 'a' AND seq = 1", "a", 1, "removed"),
        ("DELETE FROM events WHERE incident = 'a' AND seq = 4", "a", 4, "truncated"),
        ("DELETE FROM events WHERE incident = 'b'", "b", 1, "truncated"),
        ("UPDATE incidents SET version = 3 WHERE id = 'a'", "a", 4, "added"),
    ],
)
def test_a_change_is_found_and_named(place, statement, incident, seq, kind):
    verification = tampered(place, statement)
    assert verification.broken is not None
    assert (verification.broken.incident, verification.broken.seq, verification.broken.kind) == (
        incident,
        seq,
        kind,
    )


def test_exchanged_events_are_found(place):
    verification = tampered(
        place,
        "UPDATE events SET seq = 99 WHERE incident = 'a' AND seq = 2",
        "UPDATE events SET seq = 2 WHERE incident = 'a' AND seq = 3",
        "UPDATE events SET seq = 3 WHERE incident = 'a' AND seq = 99",
    )
    assert verification.broken is not None
    assert (verification.broken.seq, verification.broken.kind) == (2, "reordered")
    assert sorted(re.findall(r"\d+", verification.broken.why)) == ["2", "3"], "which, and where it stands"


def test_a_sealed_payload_moved_elsewhere_does_not_open_there(place):
    with place.opened() as store:
        write(store, "a", personal(b"one"), personal(b"two"))
    place.execute("UPDATE events SET payload = (SELECT payload FROM events WHERE seq = 1) WHERE seq = 2")
    with place.opened() as store:
        verification = store.verify("a")
    assert verification.broken is not None
    assert (verification.broken.seq, verification.broken.kind) == (2, "edited")
    same(FOLDER / "store" / "moved-payload.txt", f"{verification.broken.why}\n")


def test_a_cut_that_hides_its_traces_is_known_from_an_anchor(place):
    with place.opened() as store:
        anchors = {"a": Head(4, "")}
        write_many(store, "a", 4)
        anchors = {"a": store.head("a")}
    place.execute("DELETE FROM events WHERE incident = 'a' AND seq = 4")
    place.execute("DELETE FROM incidents")
    with place.opened() as store:
        assert store.verify().ok
        assert store.verify().unwitnessed == ("a",)
        verification = store.verify(anchors=anchors)
        assert verification.broken is not None
        assert (verification.broken.seq, verification.broken.kind) == (4, "truncated")
        alone = store.verify("a", anchors=anchors)
        assert alone.broken == verification.broken


def test_an_incident_that_was_erased_altogether_is_known_from_an_anchor(place):
    verification = tampered(place, anchors={"erased": Head(5, "ab" * 32)})
    assert verification.broken is not None
    assert (verification.broken.incident, verification.broken.kind) == ("erased", "truncated")


def test_the_tables_refuse_to_be_changed_by_accident(place):
    with place.opened() as store:
        write(store, "a", event())
        store.put_blob(None, b"x")
    statements = ["UPDATE {}events SET seq = 2", "DELETE FROM {}events", "UPDATE {}blobs SET digest = 'x'"]
    for statement in statements:
        with pytest.raises(Exception) as refusal:  # noqa: PT011  # each database has its own
            run_openly(place, statement)
        assert type(refusal.value).__name__ in ("IntegrityError", "RaiseException")


def run_openly(place: Place, statement: str) -> None:
    """Run a statement as a client would that did not take the triggers away first."""
    if place.url.startswith("sqlite:"):
        with closing(sqlite3.connect(place.base / "tocsin.db")) as connection:
            connection.execute(statement.format(""))
        return
    import psycopg

    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(statement.format("tocsin."))


def test_a_stream_can_be_withheld_and_the_chain_still_holds(place):
    from runner.store import chain

    with place.opened() as store:
        write(store, "a", event(b"open"), event(b"counsel's advice", stream="privileged"), personal(b"Erika"))
        links = list(store.links("a"))
        head = store.head("a")
    exported = [
        Link(seq=link.seq, header=link.header, hash=link.hash)
        if b'"stream":"privileged"' in link.header
        else link
        for link in links
    ]
    assert not any(b"counsel" in (link.payload or b"") for link in exported)
    found = chain.check("a", exported, anchor=head)
    assert (found.ok, found.unread, found.head) == (True, 1, head.hash)


def test_links_omit_payloads_that_cannot_be_opened(place):
    with place.opened() as store:
        write(store, "a", event(b"open"), personal(b"Erika"))
    with place.opened(vault(b"x" * 32)) as store:
        assert [link.payload for link in store.links("a")] == [b"open", None]


def test_an_invalid_envelope_is_found_and_never_trusted(sqlite):
    verification = tampered(
        sqlite, "UPDATE events SET header = CAST(x'ff00' AS TEXT) WHERE incident = 'a' AND seq = 2"
    )
    assert verification.broken is not None
    assert (verification.broken.seq, verification.broken.kind) == (2, "edited")
    with sqlite.opened() as store:
        with refused("store_corrupt"):
            list(store.read("a"))
        with refused("store_corrupt"):
            list(store.read_payloads("a"))
