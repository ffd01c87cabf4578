"""Cleaning of results from integrations, to the guarantees of the port."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from runner.routing.messaging import SendResult

LONGEST_REASON = 300


def clean(result: SendResult, address: str) -> SendResult:
    """Hold integrations of other people to the port's promise: no address, no control characters, no novels."""
    name = result.provider_id
    if not result.code and not result.reason and len(name) <= LONGEST_REASON and _plain(name, address):
        return result  # all that is said of most messages of a long list
    return msgspec.structs.replace(
        result,
        provider_id=safe(result.provider_id, address),
        code=safe(result.code, address),
        reason=safe(result.reason, address),
    )


def safe(text: str, address: str) -> str:
    """Return a text without an address, control characters or more than a sentence or two."""
    if _plain(text, address):
        return text[:LONGEST_REASON]
    shown = text
    for known, hidden in _spellings(address):
        shown = re.sub(re.escape(known), hidden, shown, flags=re.IGNORECASE)
    return "".join(letter if letter.isprintable() else " " for letter in shown)[:LONGEST_REASON]


def _plain(text: str, address: str) -> bool:
    """Tell at little cost, for most texts of most messages, that there is nothing to hide."""
    if not text:
        return True
    if not (text.isascii() and text.isprintable() and address.isascii()):
        return False
    low = text.lower()
    return not any(known.lower() in low for known, _ in _spellings(address))


def _spellings(address: str) -> Iterator[tuple[str, str]]:
    """Yield how an address may stand in an answer: in any case, and its local part alone between brackets."""
    if len(address) > 2:
        yield address, "<address>"
    local, at, _ = address.rpartition("@")
    if at and local:
        yield f"<{local}>", "<address>"
