"""Keyed heads and the log of heads: what a writer without the key cannot hide, on both databases."""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
from contextlib import closing
from threading import Thread

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runner.errors import StoreCorrupt
from runner.proof import merkle
from runner.proof.formats import is_included
from runner.proof.note import Checkpoint, NoteKey
from runner.store import chain
from runner.store.heads import Leaf
from runner.store.port import HeadsCheck, Store
from runner.store.rows import Stamp, text
from runner.vault.signing import SigningKey
from tests.refusals import refused
from tests.store.journals import T0, Place, event, personal, row, vault, write, write_many

NAME = "tocsin/test"
NUMBERED = """
SELECT incident, entries, seq, head, recorded, salt FROM tocsin.head_log WHERE n IS NOT NULL ORDER BY n"""


def signing_key(store: Store) -> SigningKey:
    return SigningKey(store.key("home/signing/1"))


def checkpoint(store: Store) -> int:
    """Keep a signed checkpoint and return its size."""
    key = signing_key(store)

    def signed(size: int, root: bytes) -> str:
        return key.note(Checkpoint(origin=NAME, size=size, root=root).text(), NAME)

    kept = store.log.checkpoint(T0, signed)
    assert kept is not None
    return kept.size


def leaves(store: Store) -> list[Leaf]:
    """Return the leaves of the tree, in the order of their numbers."""
    with store.frozen() as frozen:
        rows = frozen.run(NUMBERED, ())
    return [Leaf(*one) for one in rows]


def filled(store: Store) -> None:
    """Write two journals, a checkpoint that covers both, and an entry after it."""
    write_many(store, "a", 4)
    write(store, "b", event(b'{"n":1}'), personal(), event(b'{"n":3}'))
    write(store, "a", event(b'{"n":5}'))
    checkpoint(store)
    write(store, "b", event(b'{"n":4}'))


def keys_of(place: Place) -> list[NoteKey]:
    with place.opened() as store:
        return [NoteKey(NAME, signing_key(store).public)]


def checked(place: Place, master: bytes = b"m" * 32, remembered: tuple[Checkpoint, ...] = ()) -> HeadsCheck:
    keys = keys_of(place)
    with place.opened(vault(master)) as store:
        return store.log.check(keys, remembered)


def codes(found: HeadsCheck) -> set[str]:
    return {fault.code for fault in found.faults}


def forged(incident: str, payloads: list[bytes]) -> list[tuple[str, bytes, bytes, bytes]]:
    """Return header, salt, payload and hash of a whole new chain, as anybody can compute it."""
    place, out = chain.Place(incident, 0, chain.genesis(incident)), []
    for payload in payloads:
        header, head = chain.append_link(place, event(payload), Stamp(T0, None, bytes), b"s" * 16)
        place = chain.Place(incident, place.seq + 1, head)
        out.append((header.decode(), b"s" * 16, payload, head))
    return out


def rewritten(incident: str, payloads: list[bytes]) -> list[str]:
    """Return the statements that replace a journal and adjust its row, so that the chain verifies."""
    links = forged(incident, payloads)
    rows = (
        f"('{incident}', {seq}, '{header}', {blob(salt)}, {blob(payload)}, {blob(head)})"
        for seq, (header, salt, payload, head) in enumerate(links, 1)
    )
    into = "INSERT INTO events (incident, seq, header, salt, payload, hash) VALUES "
    end = f"version = {len(links)}, head = {blob(links[-1][3])}"
    return [
        "DELETE FROM events WHERE incident = 'NAME'".replace("NAME", incident),
        *(into + row for row in rows),
        "UPDATE incidents SET END WHERE id = 'NAME'".replace("END", end).replace("NAME", incident),
    ]


def blob(data: bytes) -> str:
    return f"CAST(UNHEX AS BLOB){data.hex()}"


def tamper(place: Place, *statements: str) -> None:
    """Run statements in the form of the database."""
    sqlite = place.url.startswith("sqlite")
    form = r"X'\1'" if sqlite else r"decode('\1', 'hex')"
    for statement in statements:
        place.execute(re.sub(r"CAST\(UNHEX AS BLOB\)([0-9a-f]*)", form, statement))


CUT = [
    "DELETE FROM events WHERE incident = 'b' AND seq = 4",
    "UPDATE incidents SET version = 3, head = (SELECT hash FROM events WHERE incident = 'b' AND seq = 3) WHERE id = 'b'",
]
GONE = [
    "DELETE FROM events WHERE incident = 'a'",
    "DELETE FROM incidents WHERE id = 'a'",
    "DELETE FROM keys WHERE incident = 'a'",
]
UNLOGGED = ["DELETE FROM head_log WHERE incident = 'a'"]
REWRITTEN = rewritten("a", [b'{"n":%d}' % (n % 4) for n in range(1, 6)])
ROOT = "DELETE FROM keys WHERE incident = 'home/root'"

# What is changed, what is found with the key, and what is found without any key.
TABLE = [
    pytest.param(REWRITTEN, {"row_changed", "head_differs"}, {"head_differs"}, id="a journal rewritten"),
    pytest.param(CUT, {"row_changed", "head_differs"}, {"head_differs"}, id="the tail cut, the row adjusted"),
    pytest.param(
        [*CUT, "DELETE FROM head_log WHERE incident = 'b' AND seq = 4"],
        {"row_changed"},
        set(),
        id="the tail cut with its leaf, before a checkpoint",
    ),
    pytest.param(
        ["UPDATE incidents SET state = 'closed' WHERE id = 'a'"], {"row_changed"}, set(), id="a row changed"
    ),
    pytest.param(
        ["UPDATE incidents SET mac = NULL WHERE id = 'a'"], {"row_changed"}, set(), id="the MAC of a row removed"
    ),
    pytest.param(GONE, {"head_differs"}, {"head_differs"}, id="an incident deleted"),
    pytest.param(
        [*GONE, *UNLOGGED], {"log_gap", "log_rewritten"}, {"log_gap", "log_rewritten"}, id="an incident deleted with its leaves"
    ),
    pytest.param(
        ["UPDATE head_log SET entries = 0 WHERE incident = 'a'"],
        {"leaf_changed", "log_gap", "log_rewritten"},
        {"log_gap", "log_rewritten"},
        id="heads changed",
    ),
    pytest.param(
        ["DELETE FROM head_log WHERE n = 0"],
        {"log_gap", "log_rewritten"},
        {"log_gap", "log_rewritten"},
        id="a leaf removed",
    ),
    pytest.param(
        ["UPDATE checkpoints SET note = replace(note, 'test', 'best')"],
        {"checkpoint_forged"},
        {"checkpoint_forged"},
        id="a checkpoint changed",
    ),
    pytest.param(
        ["DELETE FROM checkpoints"],
        {"checkpoint_missing"},
        {"checkpoint_missing"},
        id="the checkpoints removed",
    ),
    pytest.param([ROOT], {"root_key_missing"}, {"root_key_missing"}, id="the root key removed"),
    pytest.param(
        [ROOT, "DELETE FROM head_log", "DELETE FROM checkpoints"],
        {"root_key_missing"},
        {"root_key_missing"},
        id="the whole log removed",
    ),
    pytest.param(
        [
            *CUT,
            "DELETE FROM keys WHERE incident LIKE 'home/%'",
            "DELETE FROM marks",
            "DELETE FROM head_log",
            "DELETE FROM checkpoints",
            "UPDATE incidents SET mac = NULL",
        ],
        {"root_key_missing"},
        {"root_key_missing"},
        id="all of it removed",
    ),
    pytest.param(
        ["UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE incident = 'b') WHERE incident = 'home/root'"],
        {"root_key_missing"},
        set(),
        id="the root key changed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "with_key", "without"), TABLE)
def test_a_writer_without_the_key_is_found(place: Place, statements, with_key, without):
    with place.opened() as store:
        filled(store)
    keys = keys_of(place)
    tamper(place, *statements)
    found = {}
    for master in (b"m" * 32, b"x" * 32):
        with place.opened(vault(master)) as store:
            found[master[:1]] = codes(store.log.check(keys))
    assert found == {b"m": with_key, b"x": without}


def test_an_untouched_store_has_no_fault(place: Place):
    with place.opened() as store:
        filled(store)
    found = checked(place)
    assert (found.leaves, found.size, found.keyed, found.older, found.faults) == (4, 3, True, (), ())
    assert not checked(place, b"x" * 32).keyed
    assert checked(place, b"x" * 32).faults == ()


def test_writing_while_the_log_is_checked_is_not_a_fault(place: Place):
    with place.opened() as store:
        filled(store)
    found = set[str]()

    def writing() -> None:
        with place.opened() as other:
            for number in range(60):
                write(other, f"new-{number}", event(), personal())
                write(other, "a", event())
                checkpoint(other)

    writer = Thread(target=writing)
    writer.start()
    with place.opened() as store:
        while writer.is_alive():
            found |= codes(store.log.check([NoteKey(NAME, signing_key(store).public)]))
            verified = store.verify()
            found |= {*verified.unwitnessed, *store.inspect().keyless}
            assert verified.ok
    writer.join()
    assert found == set()


def test_an_append_after_a_change_does_not_hide_the_change(place: Place):
    with place.opened() as store:
        filled(store)
    tamper(place, *REWRITTEN)
    with place.opened() as store:
        write(store, "a", event())
    assert codes(checked(place)) == {"row_changed", "leaf_changed", "head_differs"}


def test_a_rebuilt_row_is_vouched_for_only_if_its_head_is_in_the_log(place: Place):
    with place.opened() as store:
        filled(store)
    tamper(place, "DELETE FROM incidents WHERE id = 'a'")
    with place.opened() as store:
        store.rebuild([row("a", 5), row("b", 4)])
    assert checked(place).faults == ()
    tamper(place, *REWRITTEN, "DELETE FROM incidents WHERE id = 'a'")
    with place.opened() as store:
        store.rebuild([row("a", 5), row("b", 4)])
    assert codes(checked(place)) == {"row_changed", "head_differs"}


def test_the_first_fault_of_each_kind_is_named_and_the_others_are_counted(place: Place):
    with place.opened() as store:
        filled(store)
        write(store, "c", event())
    tamper(place, "UPDATE incidents SET codename = 'eve'")
    (fault,) = checked(place).faults
    assert (fault.code, fault.incident, fault.more) == ("row_changed", "a", 2)
    with place.opened() as store:
        (fault,) = store.log.check(keys_of(place), incident="c").faults
    assert (fault.incident, fault.more) == ("c", 0)


def test_a_checkpoint_is_kept_once_and_covers_what_came_since(place: Place):
    with place.opened() as store:
        filled(store)
        assert checkpoint(store) == 4 == checkpoint(store)
        tree = leaves(store)
        assert [(leaf.incident, leaf.entries, leaf.seq) for leaf in tree] == [
            ("a", 4, 4), ("b", 3, 3), ("a", 1, 5), ("b", 1, 4),
        ]  # fmt: skip
        assert merkle.root(leaf.hash for leaf in tree[:3]) != merkle.root(leaf.hash for leaf in tree)
        store.log.keep_token(4, b"token")
        assert store.log.newest().token == b"token"
        known = NoteKey(NAME, signing_key(store).public)
        assert store.log.covering("b", 3, NoteKey(NAME, bytes(32))) is None
        write(store, "b", event())
        assert store.log.covering("b", 5, known) is None, "no checkpoint covers it yet"
        assert checkpoint(store) == 5
        found = store.log.covering("b", 3, known)
        assert (found.number, found.leaf, found.checkpoint.size, found.checkpoint.token) == (
            1,
            tree[1],
            4,
            b"token",
        )
        assert is_included(1, 4, found.leaf.data, found.path, merkle.root(leaf.hash for leaf in tree))
        assert store.log.covering("b", 5, known).checkpoint.size == 5
    assert checked(place).faults == ()


def test_checkpoints_go_on_after_somebody_removed_some(place: Place):
    with place.opened() as store:
        filled(store)
    tamper(place, "DELETE FROM checkpoints")
    with place.opened() as store:
        write(store, "a", event())
        assert checkpoint(store) == 5
    assert checked(place).faults == ()
    tamper(place, "DELETE FROM checkpoints WHERE size = 5")
    with place.opened() as store:
        assert checkpoint(store) == 5, "without a new head, too"
    tamper(place, "DELETE FROM checkpoints", "DELETE FROM head_log WHERE n = 1")
    with place.opened() as store:
        write(store, "a", event())
        with refused("log_changed", StoreCorrupt):
            checkpoint(store)


def test_an_older_schema_does_not_hide_a_remembered_checkpoint(sqlite: Place):
    with sqlite.opened() as store:
        filled(store)
    seen = Checkpoint(origin=NAME, size=3, root=b"r" * 32)
    tables = ("DROP TABLE head_log", "DROP TABLE checkpoints", "ALTER TABLE incidents DROP COLUMN mac")
    tamper(sqlite, *tables, "PRAGMA user_version = 2")
    with sqlite.opened() as store:
        assert codes(store.log.check((), (seen,))) == {"rolled_back"}
        assert store.log.check(()).faults == ()


def test_a_rollback_of_the_whole_file_is_found_against_a_remembered_checkpoint(sqlite: Place):
    path = sqlite.base / "tocsin.db"
    with sqlite.opened() as store:
        filled(store)
    seen = []
    copies = []
    for number in range(5):
        copy = sqlite.base / f"copy-{number}.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        copies.append(copy)
        with sqlite.opened() as store:
            write(store, "a", event())
            checkpoint(store)
            tree = leaves(store)
        seen.append(Checkpoint(origin=NAME, size=len(tree), root=merkle.root(leaf.hash for leaf in tree)))
    assert checked(sqlite, remembered=tuple(seen)).faults == ()
    for copy in copies:
        shutil.copyfile(copy, path)
        assert codes(checked(sqlite, remembered=(seen[-1],))) == {"rolled_back"}
        assert codes(checked(sqlite, b"x" * 32, (seen[-1],))) == {"rolled_back"}
        assert checked(sqlite).faults == (), "nothing inside shows it"


def test_a_valid_older_row_before_a_checkpoint_is_found_only_from_outside(place: Place):
    with place.opened() as store:
        filled(store)
    tamper(place, "CREATE TABLE old AS SELECT * FROM incidents")
    with place.opened() as store:
        write(store, "b", event())
    tamper(
        place,
        "DELETE FROM events WHERE incident = 'b' AND seq = 5",
        "DELETE FROM incidents WHERE id = 'b'",
        "INSERT INTO incidents SELECT * FROM old WHERE id = 'b'",
        "DELETE FROM head_log WHERE incident = 'b' AND seq = 5",
    )
    assert checked(place).faults == ()


def test_a_store_without_any_head_stays_a_fault_after_the_next_write(place: Place):
    with place.opened() as store:
        filled(store)
    tamper(place, ROOT, "DELETE FROM head_log", "DELETE FROM checkpoints", "UPDATE incidents SET mac = NULL")
    assert codes(checked(place)) == {"root_key_missing"}
    with place.opened() as store:
        write(store, "c", event())
    assert "root_key_missing" in codes(checked(place))


def test_a_store_from_before_keyed_heads_says_what_nobody_vouches_for(sqlite: Place):
    with sqlite.opened() as store:
        filled(store)
    tables = ("DROP TABLE head_log", "DROP TABLE checkpoints", "ALTER TABLE incidents DROP COLUMN mac")
    tamper(sqlite, ROOT, *tables, "PRAGMA user_version = 2")
    before = checked(sqlite)
    assert (before.leaves, before.keyed, before.faults) == (0, False, ())
    with sqlite.opened() as store:
        store.set_setting("x", "y")
    assert checked(sqlite).older == (("a", 5), ("b", 4)), "the upgrade itself records them"
    with sqlite.opened() as store:
        write(store, "a", event())
        assert leaves(store) == []
        checkpoint(store)
        assert {leaf.recorded for leaf in leaves(store)} == {text(T0)}
    found = checked(sqlite)
    assert (found.leaves, found.keyed, found.older, found.faults) == (3, True, (("a", 5), ("b", 4)), ())


def test_a_new_master_key_keeps_the_macs(sqlite: Place):
    with sqlite.opened() as store:
        filled(store)
    new = b"n" * 32
    with closing(sqlite3.connect(sqlite.base / "tocsin.db")) as connection:
        for name, wrapped in connection.execute("SELECT incident, wrapped FROM keys").fetchall():
            context = b"tocsin/key/v1\0" + name.encode()
            plain = AESGCM(b"m" * 32).decrypt(wrapped[5:17], wrapped[17:], context)
            master = hashlib.sha256(b"tocsin/master-id/v1\0" + new).digest()[:4]
            again = b"\x01" + master + b"n" * 12 + AESGCM(new).encrypt(b"n" * 12, plain, context)
            connection.execute("UPDATE keys SET wrapped = ? WHERE incident = ?", (again, name))
        connection.commit()
    with sqlite.opened(vault(new)) as store:
        found = store.log.check([NoteKey(NAME, signing_key(store).public)])
    assert (found.keyed, found.faults) == (True, ())
