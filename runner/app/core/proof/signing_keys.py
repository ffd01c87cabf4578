"""The signing keys of this home: the present one, and the list of all with the time of their use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from runner.app.core.repository import HOME_KEYS, Store
from runner.decoding import from_json
from runner.proof.note import fingerprint
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


def signing_key(store: Store, now: datetime) -> SigningKey:
    """Return the present signing key, made and listed at its first use, ``now``; raises Sealed without the master key."""
    listed = listed_keys(store)
    number = listed[-1].number if listed else 1
    key = SigningKey(store.key(_name(number)))
    if not listed:
        first = ListedKey(number=number, public=key.public.hex(), since=now)
        first = msgspec.structs.replace(first, mac=store.vouch(first.name, first.signed).hex())

        def change(marks: Mapping[str, bytes]) -> Mapping[str, bytes]:
            return marks or {_MARK: msgspec.json.encode((first,))}

        store.change_marks((_MARK,), change)
    return key


def _name(number: int) -> str:
    return f"{HOME_KEYS}signing/{number}"
