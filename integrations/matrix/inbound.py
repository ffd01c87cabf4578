"""Reactions and read receipts of Matrix rooms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from integrations.http.service import member
from integrations.matrix.server import USER
from integrations.port import Answer, Receipt

_EVENT = re.compile(r"\$[A-Za-z0-9+/_:.=~-]{1,254}", re.ASCII)


def event_id(given: object) -> str:
    """Return the id of an event if it has the form of one, else the empty string."""
    return given if isinstance(given, str) and _EVENT.fullmatch(given) else ""


def happened(events: list[object], us: str) -> Iterator[Receipt | Answer]:
    """Yield what other people did: a reaction is an answer, a read receipt is evidence."""
    for event in events:
        kind = member(event, "type")
        if kind == "m.reaction":
            yield from _reaction(event, us)
        elif kind == "m.receipt":
            yield from _receipts(member(event, "content"), us)


def _reaction(event: object, us: str) -> Iterator[Answer]:
    name, sender = event_id(member(event, "event_id")), member(event, "sender")
    about, key = (member(event, "content", "m.relates_to", key_name) for key_name in ("event_id", "key"))
    if name and isinstance(sender, str) and USER.fullmatch(sender) and sender != us and event_id(about):
        text = key[:32] if isinstance(key, str) else ""
        yield Answer(
            event_id=name,
            sender=sender,
            text=text,
            provider_id=event_id(about),
            at=_instant(member(event, "origin_server_ts")),
        )


def _receipts(content: object, us: str) -> Iterator[Receipt]:
    """Yield evidence for each event that a receipt names, without the older events that it implies."""
    for about, kinds in content.items() if isinstance(content, dict) else ():
        readers = member(kinds, "m.read")
        for reader, details in readers.items() if isinstance(readers, dict) else ():
            if event_id(about) and isinstance(reader, str) and USER.fullmatch(reader) and reader != us:
                yield Receipt(
                    kind="read",
                    event_id=f"{about} {reader}",
                    provider_id=about,
                    at=_instant(member(details, "ts")),
                )


def _instant(given: object) -> datetime | None:
    """Read milliseconds since 1970, if they are a valid instant."""
    if not isinstance(given, int) or isinstance(given, bool) or not 0 < given < 10**14:
        return None
    return datetime.fromtimestamp(given / 1000, UTC)
