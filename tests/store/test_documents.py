"""What every store promises of documents and settings, of workers and of copies."""

from __future__ import annotations

import hashlib

from runner.errors import NotFound, Refused, Sealed, StoreCorrupt, StoreLocked
from tests.refusals import refused
from tests.store.journals import Place, event, personal, write


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_document_is_named_by_its_digest_and_comes_back(store):
    data = bytes(range(256)) * 5000
    assert store.put_blob("i", data) == sha256(data)
    assert store.get_blob(sha256(data)) == data
    assert store.has_blob(sha256(data))


def test_keeping_a_document_twice_is_keeping_it_once(store):
    assert store.put_blob("i", b"one") == store.put_blob("i", b"one")
    assert store.get_blob(sha256(b"one")) == b"one"


def test_a_document_that_is_not_kept_is_not_found(store):
    assert not store.has_blob("0" * 64)
    with refused("blob_missing", NotFound) as found:
        store.get_blob("0" * 64)
    assert "0" * 12 in found.value.message


def test_an_incidents_documents_are_shredded_with_it(store):
    store.put_blob("i", b"letter to Erika")
    store.shred("i")
    with refused("shredded", Sealed):
        store.get_blob(sha256(b"letter to Erika"))
    with refused("shredded", Sealed):
        store.put_blob("i", b"another")


def test_a_document_of_two_incidents_outlives_the_shredding_of_one(store):
    for incident in ("a", "b"):
        store.put_blob(incident, b"same")
    store.shred("a")
    assert store.get_blob(sha256(b"same")) == b"same"


def test_a_shared_document_is_not_shredded(store):
    store.put_blob("i", b"playbook")
    store.put_blob(None, b"playbook")
    store.shred("i")
    assert store.get_blob(sha256(b"playbook")) == b"playbook"


def test_a_documents_key_is_the_incidents_key(store):
    store.put_blob("i", b"before the first event")
    write(store, "i", personal())
    assert [stored.payload for stored in store.read("i")] == [b'{"name":"Erika"}']


def test_an_empty_document_is_a_document(store):
    assert store.get_blob(store.put_blob("i", b"")) == b""
    assert store.get_blob(store.put_blob(None, b"")) == b""


def test_a_changed_document_is_not_handed_out(place):
    with place.opened() as store:
        shared = store.put_blob(None, b"playbook")
        sealed = store.put_blob("i", b"letter")
    place.execute("UPDATE blobs SET body = CAST('forged' AS BLOB)")
    with place.opened() as store:
        with refused("store_corrupt", StoreCorrupt):
            store.get_blob(shared)
        with refused("seal_broken", Sealed):
            store.get_blob(sealed)


def test_settings_are_kept_replaced_and_removed(place):
    with place.opened() as store:
        assert store.setting("incident") is None
        store.set_setting("incident", "a")
        store.set_setting("incident", "b")
    with place.opened() as store:
        assert store.setting("incident") == "b"
        store.set_setting("incident", None)
        store.set_setting("incident", None)
        assert store.setting("incident") is None


def test_a_worker_lives_until_it_lets_go(place):
    with place.opened() as one, place.opened() as two:
        handle = one.register_worker("w1")
        assert handle.held()
        assert one.worker_alive("w1")
        assert two.worker_alive("w1")
        assert not two.worker_alive("w2")
        handle.release()
        handle.release()
        assert not handle.held()
        assert not two.worker_alive("w1")


def test_a_worker_ends_with_its_store(place):
    with place.opened() as one, place.opened() as two:
        one.register_worker("w1")
        one.close()
        assert not two.worker_alive("w1")


def test_two_workers_cannot_bear_one_name(place):
    with place.opened() as one, place.opened() as two:
        one.register_worker("w1")
        with refused("worker_runs", StoreLocked):
            two.register_worker("w1")
        assert one.worker_alive("w1")


def test_a_copy_is_an_embedded_store_that_verifies(place, tmp_path):
    copy = tmp_path / "copies.db"
    with place.opened() as store:
        write(store, "i", event(), personal())
        name = store.put_blob("i", b"letter")
        store.set_setting("incident", "i")
        before = store.verify()
        store.backup(copy)
        with refused("file_exists", Refused):
            store.backup(copy)
    with Place(f"sqlite:{copy}", tmp_path, print).opened() as store:
        assert store.verify() == before
        assert store.get_blob(name) == b"letter"
        assert store.row("i").title == "A laptop of Erika is gone"
        assert store.setting("incident") == "i"
        write(store, "i", personal())
        assert store.verify().ok


def test_derived_tokens_are_stable_and_differ_by_data_and_incident(store):
    for incident in ("a", "b"):
        store.put_blob(incident, b"makes a key")
    made = store.vouch("a", b"code")
    assert len(made) == 32
    assert store.vouch("a", b"code") == made
    assert len({made, store.vouch("a", b"link"), store.vouch("b", b"code")}) == 3


def test_no_token_is_derived_without_a_key_or_after_shredding(store):
    with refused("shredded", Sealed):
        store.vouch("nobody", b"code")
    store.put_blob("i", b"makes a key")
    store.shred("i")
    with refused("shredded", Sealed):
        store.vouch("i", b"code")
