"""Check of document digests and of keys, the same in every store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, LiteralString

from runner.errors import Sealed, StoreCorrupt
from runner.store.encryption import Sealer, open_blob
from runner.store.port import Inspection

Read = Callable[[LiteralString, tuple[str, ...]], list[Any]]
"""From a query, as PostgreSQL takes it, and its values to all its rows."""


def inspect(
    sealer: Sealer,
    read: Read,
    incident: str | None,
    seen: Callable[[int], None] | None,
) -> Inspection:
    """Open every key and every document."""
    keys = dict(read("SELECT incident, wrapped FROM tocsin.keys", ()))
    names = read("SELECT incident, digest FROM tocsin.blobs ORDER BY incident, digest", ())
    sealed = {name for name, _ in names if name}
    sealed.update(
        name for (name,) in read("SELECT DISTINCT incident FROM tocsin.events WHERE salt IS NULL", ())
    )
    opened, keyless = _keys(sealer, keys, sealed if incident is None else sealed & {incident})
    blobs = unread = 0
    changed = []
    for name, digest in names if incident is None else (name for name in names if name[0] == incident):
        blobs += 1
        if name and name not in opened:
            unread += 1
        else:
            query = "SELECT body FROM tocsin.blobs WHERE incident = %s AND digest = %s"
            try:
                open_blob(sealer, digest, name, keys.get(name), read(query, (name, digest))[0][0])
            except (StoreCorrupt, Sealed):
                changed.append((name, digest))
        if seen is not None:
            seen(1)
    return Inspection(blobs=blobs, unread=unread, changed=tuple(changed), keyless=keyless)


def _keys(
    sealer: Sealer, keys: Mapping[str, bytes | None], sealed: Iterable[str]
) -> tuple[set[str], tuple[str, ...]]:
    """Return the journals whose keys open, and those whose keys are gone, changed, or do not open though others do."""
    opened, gone, foreign = set(), [], []
    for name in sorted(sealed):
        wrapped = keys.get(name)
        if wrapped is None:
            gone.append(name)
            continue
        try:
            sealer.key(name, wrapped)
            opened.add(name)
        except Sealed as error:
            if error.code == "seal_broken":
                gone.append(name)
            elif error.code == "other_master":
                foreign.append(name)
    return opened, tuple(gone + foreign if opened else gone)
