"""Outcome of one attempt for the person, the address, and the campaign (R31, R32).

A 4xx puts it off. A refusal says whose fault it is: the address is dead, this mailbox does not take this message, or we are blocked, not
they. What nobody knows stays unknown: it is shown, and only a person sends it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from runner.incident.campaigns.campaign import REACHED, OwedState, Reached, SuppressedFor, Way
from runner.incident.campaigns.pacing import MOST_TRIES, back_off
from runner.routing.messaging import SendResult


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """State of a person after an attempt."""

    state: OwedState
    evidence: Reached = "none"
    ways: tuple[Way, ...] = ()
    """What is left, first to try first."""
    not_before: datetime | None = None
    tries: int = 0
    why: str = ""
    suppress: SuppressedFor | None = None
    blocked: str = ""
    """Why the whole campaign has to wait for a person."""
    bounced: bool = False
    moved: bool = False
    """The next way is to be taken."""


def after(result: SendResult, ways: Sequence[Way], tries: int, now: datetime) -> Next:
    """Return the state after an attempt over the first of ``ways``."""
    left = tuple(ways)
    match result.state:
        case "accepted":
            accepted: Reached = "accepted"
            proved = next((level for level in REACHED[2:] if level == result.evidence), accepted)
            return Next(state="notified", evidence=proved, ways=left, tries=tries + 1)
        case "unknown" | "sending":
            return Next(state="unknown", ways=left, tries=tries + 1, why=result.reason)
        case "not_sent":
            return Next(state="ready", ways=left, tries=tries, why=result.reason)
        case "throttled" if tries + 1 < MOST_TRIES:
            later = back_off(now, tries, result.retry_after)
            return Next(state="ready", ways=left, tries=tries + 1, not_before=later, why=result.reason)
        case "throttled":
            why = f"deferred by provider {tries + 1} times: {result.reason}"
            return msgspec.structs.replace(onward(left, why), tries=tries + 1)
        case "rejected":
            return _rejected(result, left, tries)


def _rejected(result: SendResult, ways: tuple[Way, ...], tries: int) -> Next:
    if result.about in ("account", "provider"):
        return Next(state="ready", ways=ways, tries=tries, why=result.reason, blocked=result.reason)
    if result.address == "stopped":
        next_state = msgspec.structs.replace(onward(ways, "the reader opted out (STOP)"), tries=tries + 1)
        return msgspec.structs.replace(next_state, suppress="stop")
    next_state = msgspec.structs.replace(onward(ways, result.reason), tries=tries + 1)
    suppress: SuppressedFor | None = "hard_bounce" if result.address == "gone" else None
    return msgspec.structs.replace(next_state, bounced=result.about == "recipient", suppress=suppress)


def onward(ways: Sequence[Way], why: str) -> Next:
    """Return the state after the first channel has failed: the next channel, a letter, or unreachable."""
    left = tuple(ways[1:])
    if not left:
        return Next(state="unreachable", why=why, moved=True)
    return Next(state="post" if left[0] == "post" else "ready", ways=left, why=why, moved=True)


def higher(one: Reached, other: Reached) -> Reached:
    """Return the higher of two proofs: folding receipts in any order, any number of times, ends the same."""
    return one if REACHED.index(one) >= REACHED.index(other) else other
