"""The signing keys of this home: the present one, and the list of all with the time of their use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from runner.app.core.repository import HOME_KEYS, Store
from runner.decoding import from_json
from runner.errors import Refused
from runner.proof.note import NoteKey, fingerprint
from runner.vault.signing import SigningKey

_MARK = "home/signing_keys"


class ListedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A signing key as others know it."""

    number: int
    """Counts from 1."""
    public: str
    """64 hexadecimal digits."""
    since: datetime
    until: datetime | None = None
    """None for the present key."""
    mac: str = ""
    """Under the wrapped key itself: nobody lists a key of their own."""

    @property
    def name(self) -> str:
        """The name of the wrapped key in the database."""
        return _name(self.number)

    @property
    def signed(self) -> bytes:
        """The bytes that ``mac`` is of."""
        return b"signing\0" + bytes.fromhex(self.public)

    @property
    def fingerprint(self) -> str:
        """``sha256:`` and 64 digits, for people to compare."""
        return fingerprint(bytes.fromhex(self.public))


def listed_keys(store: Store) -> tuple[ListedKey, ...]:
    """Return all signing keys, the oldest first; empty before the first use. Needs no master key."""
    body = store.marks(_MARK).get(_MARK)
    return () if body is None else from_json(body, tuple[ListedKey, ...])


def signing_key(store: Store, now: datetime) -> tuple[SigningKey, tuple[ListedKey, ...]]:
    """Return the present signing key and the list; the first use, ``now``, makes and lists it. Raises Sealed without the master key."""
    listed = listed_keys(store)
    key = _key(store, listed[-1].number if listed else 1)
    if not listed:
        listed = (_entry(store, key, 1, now),)
        _listed(store, (), *listed)
    return key, listed


def renewed(store: Store, now: datetime) -> tuple[ListedKey, ListedKey, str]:
    """Sign with a new key from now on; return the old one, the new one, and a note that names the new one, signed with the old one.

    Raises Sealed without the master key, Refused if another process did the same.
    """
    present, listed = signing_key(store, now)
    last, key = listed[-1], _key(store, listed[-1].number + 1)
    old, new = msgspec.structs.replace(last, until=now), _entry(store, key, last.number + 1, now)
    name = log_name(listed)
    public = NoteKey(name, key.public).text()
    text = f"New signing key of Tocsin\n{public}\n{new.fingerprint}\nreplaces {old.fingerprint}\nfrom {now.isoformat()}\n"
    statement = present.note(text, name)
    if not _listed(store, listed, *listed[:-1], old, new):
        raise Refused(
            "Another program changed the signing key.",
            hint="Run: tocsin key list",
            code="key_changed_meanwhile",
        )
    return old, new, statement


def log_name(listed: Sequence[ListedKey]) -> str:
    """Return the name of the log of the home with these keys: it says nothing about the organisation, and new signing keys keep it."""
    return f"tocsin/{hashlib.sha256(bytes.fromhex(listed[0].public)).hexdigest()[:16]}"


def _key(store: Store, number: int) -> SigningKey:
    return SigningKey(store.key(_name(number)))


def _entry(store: Store, key: SigningKey, number: int, now: datetime) -> ListedKey:
    entry = ListedKey(number=number, public=key.public.hex(), since=now)
    return msgspec.structs.replace(entry, mac=store.vouch(entry.name, entry.signed).hex())


def _listed(store: Store, before: tuple[ListedKey, ...], *after: ListedKey) -> bool:
    """Replace the list; False, and nothing, if another process changed it."""
    old, new = {_MARK: msgspec.json.encode(before)} if before else {}, {_MARK: msgspec.json.encode(after)}

    def change(marks: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return new if dict(marks) == old else marks

    return store.change_marks((_MARK,), change) == new


def _name(number: int) -> str:
    return f"{HOME_KEYS}signing/{number}"
