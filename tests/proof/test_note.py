"""Signed notes: what another program signed is read, and hostile text gives an error."""

from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.proof import note
from runner.vault.keys import Vault
from runner.vault.signing import SigningKey
from tests.refusals import refused

# The example in the documentation of golang.org/x/mod/sumdb/note.
GO_LINE = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_KEY = note.NoteKey("PeterNeumann", base64.b64decode(GO_LINE.rpartition("+")[2])[1:])
GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
""".encode()


def signing_key(name: str = "home/signing/1") -> SigningKey:
    vault = Vault(lambda: b"m" * 32)
    return SigningKey(vault.open_key(name, vault.create_key(name)))


def test_a_note_of_another_program_is_verified():
    assert GO_KEY.text() == GO_LINE
    found, by = note.verify_note(GO_NOTE, [GO_KEY])
    assert (by, found.text.count("\n")) == (GO_KEY, 2)


def test_a_checkpoint_is_signed_read_and_verified():
    key = signing_key()
    said = note.Checkpoint(origin="tocsin/abc", size=7, root=b"r" * 32, extensions=("time 1",))
    body = key.note(said.text(), "tocsin/abc").encode()
    known = note.NoteKey("tocsin/abc", key.public)
    found, by = note.verify_note(body, [known])
    assert by == known
    assert note.parse_checkpoint(found.text) == said
    assert key.fingerprint == note.fingerprint(key.public)
    assert note.verify_note(body, [])[1] is None


@given(data=st.data())
def test_a_changed_byte_is_found(data):
    at = data.draw(st.integers(0, len(GO_NOTE) - 1))
    changed = bytearray(GO_NOTE)
    changed[at] ^= data.draw(st.integers(1, 255))
    with suppress(Invalid):
        assert note.verify_note(bytes(changed), [GO_KEY])[1] is None


@given(st.binary(max_size=300))
def test_bytes_that_are_not_a_note_are_refused(data):
    with refused("note_invalid", Invalid):
        note.parse_note(data)


@pytest.mark.parametrize(
    "data",
    [
        b"a" * (note.LARGEST + 1),
        GO_NOTE.replace(b"\n\n", b"\n"),
        GO_NOTE.removesuffix(b"\n"),
        GO_NOTE.replace(b"If", b"I\x00"),
        GO_NOTE + b"a line\n",
        GO_NOTE + "— name AAAA\n".encode(),
        GO_NOTE + "— name *\n".encode(),
        b"a\n\n" + "— a AAAAAAAA\n".encode() * 33,
    ],
)
def test_a_malformed_note_is_refused(data):
    with refused("note_invalid", Invalid):
        note.parse_note(data)


def test_a_wrong_signature_of_a_known_key_is_refused():
    with refused("note_forged", Invalid):
        note.verify_note(GO_NOTE.replace(b"answer", b"Answer"), [GO_KEY])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "o\n1\n",
        "o\n01\n" + base64.b64encode(b"r" * 32).decode() + "\n",
        "o\n1\nAAAA\n",
        "o\n-1\n" + base64.b64encode(b"r" * 32).decode() + "\n",
        "o\n1\n" + base64.b64encode(b"r" * 32).decode() + "\n\nlate\n",
        "\n1\n" + base64.b64encode(b"r" * 32).decode() + "\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    with refused("note_invalid", Invalid):
        note.parse_checkpoint(text)


@pytest.mark.parametrize(
    ("text", "name"), [("no newline", "n"), ("a\tb\n", "n"), ("a\n", "a b"), ("a\n", "")]
)
def test_a_text_that_no_note_can_contain_is_not_signed(text, name):
    with refused("note_invalid", Invalid):
        signing_key().note(text, name)
