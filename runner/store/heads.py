"""Keyed heads: the MAC of each incident's row, and the log of heads with one leaf for each append to a journal. Pure.

    key  = HKDF-SHA256( root key of the home, "tocsin/head/v1" )
    row  = HMAC-SHA256( key, "row" 0 head | JSON of the other plain columns | 0 private column )
    leaf = canonical JSON of entries, head, recorded, ref, seq;  ref = SHA-256( salt | incident )
    mac  = HMAC-SHA256( key, "leaf" 0 head | salt | JSON of the other columns )

The root key is wrapped under the master key: a new master key leaves all MACs as they are. The leaves are the leaves of an RFC 6962
tree in the order of their numbers, which a checkpoint assigns. A leaf with ``entries`` 0 records the head of a journal that was
written before heads were keyed: nobody can vouch for the entries up to that head.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from runner.proof.merkle import leaf_hash
from runner.vault.keys import DataKey

ROOT = "home/root"
"""The name of the root key of a home."""
UNVOUCHED = b""
"""The MAC of a row or leaf that follows from one that was changed without the key."""
_encode = msgspec.json.Encoder(order="sorted").encode


class Leaf(NamedTuple):
    """One append to one journal, as the log of heads records it."""

    incident: str
    entries: int
    """The number of events of the append."""
    seq: int
    """The number of the last event."""
    head: bytes
    recorded: str
    salt: bytes

    @property
    def data(self) -> bytes:
        """The bytes of the leaf; they name the incident only to a reader who has the salt."""
        ref = hashlib.sha256(self.salt + self.incident.encode()).hexdigest()
        found = {"head": self.head.hex(), "recorded": self.recorded, "ref": ref, "seq": self.seq}
        return _encode({**found, "entries": self.entries})

    @property
    def hash(self) -> bytes:
        """The leaf of the tree."""
        return leaf_hash(self.data)


class HeadKey:
    """The key of the MACs; ``root`` is None if the root key is gone, and then nothing is vouched for."""

    def __init__(self, root: DataKey | None) -> None:
        self._key = None if root is None else root.derive(b"tocsin/head/v1")

    @property
    def is_gone(self) -> bool:
        """Whether there is no root key although there was one."""
        return self._key is None

    def row(self, values: Sequence[Any]) -> bytes:
        """Return the MAC of the first eleven columns of an incident's row."""
        name, version, head, state, has_work, next_due, kind, opened_at, codename, sealed, private = values[
            :11
        ]
        plain = (name, version, state, bool(has_work), next_due, kind, opened_at, codename, bool(sealed))
        return self._mac(b"row\0%b%b\0%b" % (head, _encode(plain), private))

    def leaf(self, leaf: Leaf) -> bytes:
        """Return the MAC of a leaf."""
        name, entries, seq, head, recorded, salt = leaf
        return self._mac(b"leaf\0%b%b%b" % (head, salt, _encode((name, entries, seq, recorded))))

    def vouches(self, values: Sequence[Any]) -> bool:
        """Whether the last of twelve columns is the MAC of the others."""
        return self._key is not None and hmac.compare_digest(self.row(values), values[11] or UNVOUCHED)

    def _mac(self, data: bytes) -> bytes:
        return UNVOUCHED if self._key is None else hmac.digest(self._key, data, "sha256")
