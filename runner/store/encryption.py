"""Encryption of the payloads, blobs and summary of an incident under its data key, the same in every store."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from runner.errors import Sealed, StoreCorrupt
from runner.store.chain import SALT_BYTES
from runner.store.port import IncidentRow, Snapshot
from runner.vault.keys import DataKey, Vault

KEYS_KEPT_OPEN = 256


class Sealer:
    """Encryption for one store; caches the data keys used last in memory.

    Keys are cached with their wrapped form, which the store reads in every transaction, so
    an incident shredded by another process is unreadable here at once.
    """

    def __init__(self, vault: Vault) -> None:
        """Use ``vault`` for keys; nothing is fetched before the first use of a key."""
        self._vault = vault
        self._open: OrderedDict[tuple[str, bytes], DataKey] = OrderedDict()

    def create_key(self, incident: str) -> bytes:
        """Return a new wrapped data key."""
        return self._vault.create_key(incident)

    def key(self, incident: str, wrapped: bytes) -> DataKey:
        """Return the unwrapped data key; raises Sealed if the master key is missing or different."""
        name = (incident, wrapped)
        known = self._open.get(name)
        if known is None:
            known = self._open[name] = self._vault.open_key(incident, wrapped)
            if len(self._open) > KEYS_KEPT_OPEN:
                self._open.popitem(last=False)
        return known

    def forget(self, incident: str) -> None:
        """Remove the keys of a shredded incident from memory."""
        for name in [name for name in self._open if name[0] == incident]:
            del self._open[name]


def shredded(incident: str) -> Sealed:
    """Return the refusal to encrypt in a shredded incident."""
    return Sealed(
        f'The personal data of "{incident}" was erased. It cannot store new personal data.',
        hint="Open a new incident, or record only data that is not personal.",
        code="shredded",
    )


def payload_context(incident: str, seq: int) -> bytes:
    """Return the context that binds a sealed payload to its place."""
    return b"tocsin/payload/v1\0%b\0%d" % (incident.encode(), seq)


def row_context(incident: str) -> bytes:
    """Return the context that binds the sealed part of a row to its incident."""
    return b"tocsin/row/v1\0" + incident.encode()


def private_of(row: IncidentRow) -> bytes:
    """Return the part of a row that may hold personal data, as one piece."""
    return row.title.replace("\0", " ").encode() + b"\0" + row.summary


def title_and_summary(private: bytes) -> tuple[str, bytes]:
    """Split the result of ``private_of``."""
    title, _, summary = private.partition(b"\0")
    return title.decode(), summary


def snapshot_context(incident: str, version: int, code: str, head: bytes) -> bytes:
    """Return the context that binds a sealed snapshot to its last event and to the code that folded it."""
    return b"tocsin/snapshot/v1\0%b\0%d\0%b\0%b" % (incident.encode(), version, code.encode(), head)


def open_snapshot(
    sealer: Sealer, incident: str, found: tuple[int, str, bytes, bytes, bytes | None] | None
) -> Snapshot | None:
    """Return the snapshot of ``(version, code, head, body, wrapped key)``; None if it cannot be decrypted."""
    if found is None:
        return None
    version, code, head, body, wrapped = found
    if wrapped is None:
        return None
    try:
        key = sealer.key(incident, wrapped)
        plain = key.open(body, snapshot_context(incident, version, code, head))
    except Sealed:
        return None
    return Snapshot(version=version, code=code, body=plain)


def blob_context(incident: str, digest: str) -> bytes:
    """Return the context that binds a sealed blob to its name."""
    return b"tocsin/blob/v1\0%b\0%b" % (incident.encode(), digest.encode())


def open_payload(key: DataKey, incident: str, seq: int, sealed: bytes) -> tuple[bytes, bytes]:
    """Return ``(salt, payload)`` of a sealed payload."""
    plain = key.open(sealed, payload_context(incident, seq))
    return plain[:SALT_BYTES], plain[SALT_BYTES:]


def seal_payload(key: DataKey, incident: str, seq: int, salt: bytes, payload: bytes) -> bytes:
    """Return a payload encrypted together with its salt, which must be lost with the key."""
    return key.seal(salt + payload, payload_context(incident, seq))


def blob_digest(data: bytes) -> str:
    """Return the name of a blob: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def checked_blob(digest: str, data: bytes) -> bytes:
    """Return ``data`` if it matches its name."""
    if blob_digest(data) != digest:
        raise StoreCorrupt(
            f'Document "{digest[:12]}…" differs from its digest.',
            hint="Restore the document from a backup, then run: tocsin audit verify",
        )
    return data


def open_blob(sealer: Sealer, digest: str, incident: str, wrapped: bytes | None, body: bytes) -> bytes:
    """Return the document stored as ``body`` for ``incident`` ('' if it is shared and plain)."""
    if not incident:
        return checked_blob(digest, body)
    if wrapped is None:
        raise Sealed(
            f'Document "{digest[:12]}…" was erased with its incident.',
            hint="Use the digest in the journal.",
            code="shredded",
        )
    return checked_blob(digest, sealer.key(incident, wrapped).open(body, blob_context(incident, digest)))


def open_row(
    sealer: Sealer, incident: str, sealed: bool, private: bytes, wrapped: bytes | None
) -> tuple[str, bytes]:
    """Return the title and summary of a row: empty if they were sealed and the key is shredded."""
    if not sealed:
        return title_and_summary(private)
    if wrapped is None:
        return "", b""
    return title_and_summary(sealer.key(incident, wrapped).open(private, row_context(incident)))
