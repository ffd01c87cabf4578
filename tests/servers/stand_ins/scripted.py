"""A channel in memory that answers as its script says, and remembers what the other side would have.

It keeps apart what was *sent* and what *took effect*: a channel that honours keys takes a repeated key
once, however the answers went.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

import msgspec

from integrations.port import (
    Absent,
    Accepted,
    Callback,
    CannotTell,
    Capabilities,
    Finding,
    Found,
    NotSent,
    Outbound,
    Outcome,
    Parsed,
    Reconciled,
    Rejected,
    Secrets,
    Throttled,
    Unauthentic,
    Unknown,
)

Act = Literal["accept", "reject", "throttle", "unreachable", "lose_answer", "lose_request", "break"]
"""``lose_answer`` takes the message and says nothing; ``lose_request`` says nothing and has nothing;
``break`` raises, as a faulty adapter does."""

ABLE = Capabilities(
    address_kind="handle",
    domains=frozenset({"scripted"}),
    confidentiality="restricted",
    personal_data="personal",
)


class NoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It needs none."""


class ScriptedChannel:
    """Fits ``Integration``. One act of the script for each send; when it is used up, it accepts."""

    Settings = NoSettings

    def __init__(
        self,
        script: Iterable[Act] = (),
        *,
        able: Capabilities = ABLE,
        retry_after: timedelta | None = None,
    ) -> None:
        """Follow ``script`` with the capabilities ``able``; ``throttle`` asks for ``retry_after``."""
        self._acts = list(script)
        self._able = able
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self.sent: list[Outbound] = []
        """Every attempt that reached the channel, in order."""
        self.taken: list[Outbound] = []
        """What took effect: with an honoured key, one for each key."""

    def capabilities(self, settings: NoSettings) -> Capabilities:
        """Return what the test gave it."""
        return self._able

    def address_problem(self, address: str) -> str:
        """Any name will do."""
        return "" if address else "a handle is not empty"

    def send(self, outbound: Outbound, settings: NoSettings, secrets: Secrets) -> Outcome:
        """Do the next act of the script."""
        with self._lock:
            act: Act = self._acts.pop(0) if self._acts else "accept"
            if act != "unreachable":
                self.sent.append(outbound)
            return self._answer(act, outbound)

    def _answer(self, act: Act, outbound: Outbound) -> Outcome:
        match act:
            case "accept":
                return Accepted(self._take(outbound))
            case "reject":
                return Rejected("550", "the script refuses it", about="recipient")
            case "throttle":
                return Throttled(self._retry_after, "the script says later", "429")
            case "unreachable":
                return NotSent("the script cannot be reached")
            case "lose_answer":
                self._take(outbound)
                return Unknown("the script lost the answer", "answer")
            case "lose_request":
                return Unknown("the script lost the request", "request")
            case "break":
                raise RuntimeError(f"the script breaks on {outbound.recipient}")

    def _take(self, outbound: Outbound) -> str:
        before = [message.idempotency_key for message in self.taken]
        if self._able.idempotency != "none" and outbound.idempotency_key in before:
            return f"scripted-{before.index(outbound.idempotency_key) + 1}"
        self.taken.append(outbound)
        return f"scripted-{len(self.taken)}"

    def reconcile(self, outbound: Outbound, settings: NoSettings, secrets: Secrets) -> Reconciled:
        """Tell truly whether the key took effect, where the capabilities say that it can be asked."""
        if self._able.reconcile == "none":
            return CannotTell("the script cannot be asked")
        with self._lock:
            keys = [message.idempotency_key for message in self.taken]
        if outbound.idempotency_key in keys:
            return Found(f"scripted-{keys.index(outbound.idempotency_key) + 1}")
        return Absent()

    def parse_callback(self, callback: Callback, settings: NoSettings, secrets: Secrets) -> Parsed:
        """A script calls nobody back."""
        return Unauthentic(reason="the script has no callbacks")

    def lint(self, settings: NoSettings, secrets: Secrets) -> tuple[Finding, ...]:
        """Nothing can be wrong with it."""
        return ()

    def self_test(self, outbound: Outbound, settings: NoSettings, secrets: Secrets) -> Outcome:
        """Do the next act of the script."""
        return self.send(outbound, settings, secrets)
