"""One attempt of an effect, and later receipts of its provider."""

from __future__ import annotations

from datetime import datetime

import msgspec

from runner.base.states import AttemptState, ReceiptKind


class Received(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a provider said later of an attempt, and when it came here."""

    kind: ReceiptKind
    event: str
    at: datetime
    part: str = ""
    code: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try of an effect. ``sending`` is the claim, committed before the world is touched."""

    n: int
    key: str
    """Idempotency key: the same for every try of the same logical effect on one channel."""
    worker: str
    started_at: datetime
    state: AttemptState = "sending"
    channel: str = ""
    ended_at: datetime | None = None
    reason: str = ""
    provider_id: str = ""
    retry_at: datetime | None = None
    resolved_by: str = ""
    receipts: tuple[Received, ...] = ()


def failure_reason(attempt: Attempt) -> str:
    """Return why an attempt that the provider had taken came to nothing, in words."""
    last = next((receipt for receipt in reversed(attempt.receipts) if receipt.kind in GAVE_UP), None)
    code = f" ({last.code})" if last and last.code else ""
    if last and last.kind == "stopped":
        return f"the person opted out of messages over this channel{code}"
    return f"the provider accepted the message, then failed permanently{code}"


GAVE_UP: frozenset[ReceiptKind] = frozenset({"failed", "stopped"})
