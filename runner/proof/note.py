"""Signed notes and checkpoints of C2SP (signed-note, tlog-checkpoint) with Ed25519. Pure; the text of others is hostile.

note       = text "\n" *( "— " name " " base64( key id (4) | signature (64) ) "\n" )
key id     = SHA-256( name "\n" 0x01 public key )[:4]
checkpoint = origin "\n" size "\n" base64( root ) "\n" *( extension "\n" )
key        = name "+" hexadecimal( key id ) "+" base64( 0x01 public key )
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable

import msgspec

from runner.errors import Invalid
from runner.proof.merkle import HASH_BYTES

LARGEST = 64 * 1024
"""Bytes of a note that are read at most."""
MOST_SIGNATURES = 32
_ED25519 = b"\x01"
_ID_BYTES = 4
_DASH = "— "
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
Sign = Callable[[bytes], bytes]
"""Returns the Ed25519 signature (64 bytes) of some data."""


class NoteKey(msgspec.Struct, frozen=True):
    """A name and its Ed25519 public key (32 bytes)."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes that a signature line names the key by."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_BYTES]

    def text(self) -> str:
        """Return the key in one line, as other programs read it."""
        return f"{self.name}+{self.id.hex()}+{_base64(_ED25519 + self.public)}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line; nothing in it is verified."""

    name: str
    id: bytes
    body: bytes


class Note(msgspec.Struct, frozen=True):
    """A text that ends with a newline, and its signature lines."""

    text: str
    signatures: tuple[Signature, ...]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The size and root of a log at one moment."""

    origin: str
    """The name of the log."""
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """Further lines, none of them empty."""

    def text(self) -> str:
        """Return the text that is signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, _base64(self.root), *self.extensions))


def fingerprint(public: bytes) -> str:
    """Return ``sha256:`` and the SHA-256 of a public key in 64 hexadecimal digits, for people to compare."""
    return f"sha256:{hashlib.sha256(public).hexdigest()}"


def sign_note(text: str, key: NoteKey, sign: Sign) -> str:
    """Return ``text`` as a note with one signature; raises Invalid for a text or name that no note can contain."""
    if not _NAME.fullmatch(key.name):
        raise _invalid("the name of the key")
    _check_text(text)
    return f"{text}\n{_DASH}{key.name} {_base64(key.id + sign(text.encode()))}\n"


def parse_note(data: bytes) -> Note:
    """Return the parts of a note, unverified; raises Invalid (code ``note_invalid``)."""
    if len(data) > LARGEST:
        raise _invalid(f"more than {LARGEST} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise _invalid("not UTF-8") from None
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise _invalid("no signature lines")
    text += "\n"
    _check_text(text)
    signed = lines[:-1].split("\n")
    if len(signed) > MOST_SIGNATURES:
        raise _invalid(f"more than {MOST_SIGNATURES} signatures")
    return Note(text, tuple(_signature(line) for line in signed))


def verify_note(data: bytes, keys: Iterable[NoteKey]) -> tuple[Note, NoteKey | None]:
    """Return a note and the first of ``keys`` that signed it; None if none of them did.

    Signatures of unknown keys are ignored. Raises Invalid for a wrong signature of a known key (``note_forged``), and for
    a text that is not a note.
    """
    note = parse_note(data)
    known = {(key.name, key.id): key for key in keys}
    found = None
    for signature in note.signatures:
        key = known.get((signature.name, signature.id))
        if key is None:
            continue
        if not is_signed(key.public, signature.body, note.text.encode()):
            raise Invalid(
                "A signature of the note is not valid: the note was changed.",
                hint="Get the note again from its source.",
                code="note_forged",
            )
        found = found or key
    return note, found


def is_signed(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether ``signature`` is the Ed25519 signature of ``data`` under a public key (32 bytes)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a note's text; raises Invalid."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not lines[0] or not all(lines[3:]):
        raise _invalid("not a checkpoint")
    origin, size, encoded, *extensions = lines
    if not _SIZE.fullmatch(size):
        raise _invalid("the size of the log is not a number")
    found = _bytes_of(encoded, "the root")
    if len(found) != HASH_BYTES:
        raise _invalid("the root is not a SHA-256 digest")
    return Checkpoint(origin=origin, size=int(size), root=found, extensions=tuple(extensions))


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not _NAME.fullmatch(name):
        raise _invalid("a line is not a signature")
    raw = _bytes_of(encoded, "a signature")
    if len(raw) <= _ID_BYTES:
        raise _invalid("a signature is too short")
    return Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(ord(letter) < 32 and letter != "\n" for letter in text):
        raise _invalid("control characters, or no newline at the end")


def _bytes_of(encoded: str, what: str) -> bytes:
    try:
        found = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _invalid(f"{what} is not base64") from None
    if _base64(found) != encoded:  # two texts for the same bytes
        raise _invalid(f"{what} is not base64")
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _invalid(why: str) -> Invalid:
    return Invalid(
        f"The signed note is not valid: {why}.",
        hint="Get the note again from its source.",
        code="note_invalid",
    )
