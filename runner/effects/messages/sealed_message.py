"""The encrypted form of a message: stored before the first attempt, and sent as it is in each repetition.

Its bytes are a document of the incident, so they are erased with it; a mark leads from the idempotency key and the address to them. A lost
mark does no harm: the message is encrypted under a new key, and the provider recognises the repetition by its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from runner.decoding import from_json
from runner.effects.context import EffectContext
from runner.routing.messaging import Channel, Dispatch, SendResult

_MARK = "sealed/"
KEPT = timedelta(days=31)
"""No message is repeated after this."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The document of an encrypted message."""

    sha256: str
    at: datetime


def sealed(
    incident: str, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], tools: EffectContext
) -> Dispatch | SendResult:
    """Return the message with its encrypted form, durably stored, or why there is none; raises a TocsinError."""
    if not channel.seals:
        return dispatch
    # A changed address is another person or another key: what was encrypted before is not for that person.
    whom = tools.blobs.vouch(incident, dispatch.address.encode()).hex()[:16]
    mark = f"{_MARK}{incident}/{dispatch.idempotency_key}/{whom}"
    found = tools.blobs.marks(mark).get(mark)
    if found is None:
        made = tools.sender.seal(channel, dispatch, secrets)
        if isinstance(made, SendResult):
            return made
        if not made:  # simulated
            return dispatch
        stored = Stored(sha256=tools.blobs.put_blob(incident, made), at=tools.wall())
        found = _first(mark, stored, tools)
    body = tools.blobs.get_blob(from_json(found, Stored).sha256)
    return msgspec.structs.replace(dispatch, sealed=body)


def _first(mark: str, stored: Stored, tools: EffectContext) -> bytes:
    """Return the mark of the worker that was first, and remove marks that no attempt needs any more."""
    marks = tools.blobs.marks(_MARK)
    old = [name for name, body in marks.items() if stored.at - from_json(body, Stored).at > KEPT]

    def change(there: Mapping[str, bytes]) -> Mapping[str, bytes]:
        return {mark: there.get(mark) or msgspec.json.encode(stored)}

    return tools.blobs.change_marks((mark, *old), change)[mark]
