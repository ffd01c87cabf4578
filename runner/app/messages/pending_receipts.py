"""Receipts that came before our own commit of what they are about: kept in the store until their attempt has a name.

A provider can be faster than the answer to our own request: then its receipt names a message that no attempt is called
yet. It is held as a mark of the store, which survives the process, and tried again; nothing personal is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from runner.app.core.repository import Store
from runner.decoding import from_json
from runner.routing.inbound import Receipt

PREFIX = "held/"
LIMIT = timedelta(minutes=15)
"""How long one is held: longer than any attempt is under way."""
MOST = 500
"""How many are held at once; what comes beyond that is left to its provider to repeat."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt, the channel that it came by, and since when it waits."""

    channel: str
    receipt: Receipt
    since: datetime


def add(store: Store, channel: str, receipt: Receipt, now: datetime) -> bool:
    """Keep a receipt; false where too many wait already."""
    if len(store.marks(PREFIX)) >= MOST:
        return False
    name = f"{PREFIX}{receipt.event}"
    kept = msgspec.json.encode(Held(channel=channel, receipt=receipt, since=now))

    def put(there: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return there or {name: kept}

    store.change_marks([name], put)
    return True


def pending(store: Store) -> dict[str, Held]:
    """Return what is held, by the mark's name; what a later version wrote is left alone."""
    found: dict[str, Held] = {}
    for name, body in store.marks(PREFIX).items():
        try:
            found[name] = from_json(body, Held)
        except msgspec.DecodeError:
            continue
    return found


def remove(store: Store, names: list[str]) -> None:
    """Hold these no longer."""
    if names:
        store.change_marks(names, lambda there: {})
