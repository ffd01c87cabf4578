"""The states that things of an incident can be in: the closed lists that scripts and views rely on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Kind = Literal["real", "exercise", "test"]
MARKS: Mapping[str, str] = MappingProxyType({"real": "", "exercise": "EXERCISE", "test": "SELF-TEST"})
"""The word that stands on whatever is not real: pages, documents, subjects and the names of files."""
State = Literal["open", "paused", "cancelled", "closed"]
TaskState = Literal[
    "waiting",
    "ready",
    "active",
    "done",
    "done_late",
    "skipped",
    "not_applicable",
    "failed",
    "expired",
    "outcome_unknown",
    "cancelled",
]
AttemptState = Literal["sending", "accepted", "rejected", "throttled", "not_sent", "unknown"]
Proof = Literal["none", "accepted", "relayed", "delivered", "read", "acked", "authorised"]
"""What is proved of a delivery, weakest first; see ``runner.model.messaging`` for the order."""
ReceiptKind = Literal[
    "accepted", "relayed", "delivered", "read", "failed", "stopped", "delayed", "complained"
]
"""What a provider says later of an attempt: how far it came, that it gave it up, or that the person wants no more."""
Verdict = Literal["applies", "unknown", "not_applicable", "advisory"]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that the plan does not use, the rule's number and the reason in words."""

    channel: str
    rule: str
    why: str
