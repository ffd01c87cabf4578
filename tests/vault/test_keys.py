"""Data keys under a master key: what opens, what does not, and what is said then."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Sealed
from runner.vault.keys import Vault
from tests.refusals import refused

MASTER = b"m" * 32


def vault(master: bytes = MASTER) -> Vault:
    return Vault(lambda: master)


@given(plaintext=st.binary(max_size=200), context=st.binary(max_size=40))
def test_encrypted_data_opens_with_its_key_and_context(plaintext, context):
    keys = vault()
    key = keys.open_key("i", keys.create_key("i"))
    sealed = key.seal(plaintext, context)
    assert key.open(sealed, context) == plaintext


@given(data=st.data())
def test_any_changed_byte_keeps_it_shut(data):
    keys = vault()
    key = keys.open_key("i", keys.create_key("i"))
    sealed = key.seal(b"payload", b"context")
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    with refused("seal_broken", Sealed):
        key.open(changed, b"context")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01short"])
def test_a_piece_of_a_seal_is_shut(sealed):
    keys = vault()
    with refused("seal_broken", Sealed):
        keys.open_key("i", keys.create_key("i")).open(sealed, b"")


def test_a_seal_opens_in_no_other_place():
    keys = vault()
    key = keys.open_key("i", keys.create_key("i"))
    with refused("seal_broken", Sealed):
        key.open(key.seal(b"payload", b"event 1"), b"event 2")


def test_sealing_the_same_twice_shows_nothing_of_it():
    keys = vault()
    key = keys.open_key("i", keys.create_key("i"))
    assert key.seal(b"payload", b"") != key.seal(b"payload", b"")


def test_a_data_key_belongs_to_its_incident():
    keys = vault()
    with refused("seal_broken", Sealed) as found:
        keys.open_key("j", keys.create_key("i"))
    assert '"j"' in found.value.message


def test_another_master_key_is_named_by_number_and_not_revealed():
    with refused("other_master", Sealed) as found:
        vault(b"x" * 32).open_key("i", vault().create_key("i"))
    numbers = re.findall(r"\b[0-9a-f]{8}\b", found.value.message)
    assert len(set(numbers)) == 2, "the one that it is under, and the one here"
    assert not any(key * 32 in found.value.message for key in "mx")


def test_the_master_key_is_fetched_once_and_only_when_needed():
    fetched = []

    def fetch() -> bytes:
        fetched.append(1)
        return MASTER

    keys = Vault(fetch)
    assert fetched == []
    keys.open_key("i", keys.create_key("i"))
    assert fetched == [1]


def test_cryptography_is_not_imported_before_a_key_is_used():
    program = (
        "import sys; from runner.vault.master_key import open_vault; from runner.store.sqlite.store import SqliteStore;"
        "heavy = {'cryptography', 'psycopg', 'keyring', 'subprocess'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
