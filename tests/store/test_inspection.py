"""Verification also covers documents and keys, which the chain of events does not."""

from __future__ import annotations

import pytest

from runner.store.encryption import blob_digest
from runner.store.port import Inspection
from tests.store.journals import Place, event, personal, vault, write

SEALED, SHARED = b"evidence", b"law"
BLOB = "UPDATE blobs SET body = CAST('no' AS BLOB) WHERE incident = 'NAME'"
LOSSES = ("UPDATE keys SET wrapped = NULL WHERE incident = 'a'", "DELETE FROM keys WHERE incident = 'a'")


def inspected(place: Place, *statements: str, master: bytes = b"m" * 32) -> Inspection:
    """Write two journals with documents, change the tables, and look at what is there."""
    with place.opened() as store:
        write(store, "a", personal(), event())
        write(store, "b", personal())
        write(store, "c", event())
        store.put_blob("a", SEALED)
        store.put_blob("b", SEALED)
        store.put_blob(None, SHARED)
    for statement in statements:
        place.execute(statement)
    with place.opened(vault(master)) as store:
        return store.inspect()


def test_unchanged_documents_are_counted(place: Place) -> None:
    assert inspected(place) == Inspection(blobs=3)


def test_an_observer_sees_every_inspected_document_of_one_incident(place: Place) -> None:
    told: list[int] = []
    inspected(place)
    with place.opened() as store:
        assert store.inspect("a", told.append) == Inspection(blobs=1)
    assert told == [1]


@pytest.mark.parametrize(("incident", "data"), [("a", SEALED), ("b", SEALED), ("", SHARED)])
def test_a_changed_document_is_found_in_every_copy(place: Place, incident: str, data: bytes) -> None:
    inspection = inspected(place, BLOB.replace("NAME", incident))
    assert inspection == Inspection(blobs=3, changed=((incident, blob_digest(data)),))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_key_that_is_gone_is_named_and_its_documents_are_unread(place: Place, loss: str) -> None:
    assert inspected(place, loss) == Inspection(blobs=3, unread=1, keyless=("a",))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE incident = 'b') WHERE incident = 'a'",
        "UPDATE keys SET wrapped = CAST('a key of another master key' AS BLOB) WHERE incident = 'a'",
    ],
)
def test_a_key_that_was_changed_is_as_one_that_is_gone(place: Place, change: str) -> None:
    assert inspected(place, change) == Inspection(blobs=3, unread=1, keyless=("a",))


def test_without_the_master_key_plain_documents_are_still_compared(place: Place) -> None:
    change = "UPDATE blobs SET body = CAST('no' AS BLOB)"
    inspection = inspected(place, change, master=b"x" * 32)
    assert inspection == Inspection(blobs=3, unread=2, changed=(("", blob_digest(SHARED)),))
