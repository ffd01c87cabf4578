"""Closed lists of the states of incidents, tasks, duties and deliveries, which scripts and reports rely on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Kind = Literal["real", "exercise", "test"]


MARKS: Mapping[str, str] = MappingProxyType({"real": "", "exercise": "EXERCISE", "test": "SELF-TEST"})
"""The word that stands on whatever is not real: pages, documents, subjects and the names of files."""


Severity = Literal["sev1", "sev2", "sev3", "sev4"]


SEVERITIES: Mapping[Severity, str] = MappingProxyType(
    {
        "sev1": "Critical: core services are down, or sensitive data of many people are taken. All roles work on it now.",
        "sev2": "High: an important service is impaired, or personal data are probably affected. Work on it today.",
        "sev3": "Medium: a limited effect on few systems or people, with a workaround. Work on it in working hours.",
        "sev4": "Low: no effect on services or data is known. Record it and watch.",
    }
)
"""What each level means, where a home does not say otherwise."""


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
"""What is proved of a delivery, weakest first; see ``runner.routing.messaging`` for the order."""


ReceiptKind = Literal[
    "accepted",
    "relayed",
    "delivered",
    "read",
    "failed",
    "stopped",
    "delayed",
    "complained",
    "recalled",
    "not_recalled",
]
"""What is said later of an attempt; the last two are the answer when we asked that it stop ringing."""
"""What a provider says later of an attempt: how far it came, that it gave it up, or that the person wants no more."""


Verdict = Literal["applies", "unknown", "not_applicable", "advisory"]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A channel that the plan does not use, the rule's number and the reason in words."""

    channel: str
    rule: str
    why: str


LetterPart = Literal[
    "nature_of_breach",
    "how_it_happened",
    "breach_dates",
    "discovery_date",
    "elements",
    "number_affected",
    "measures",
    "delay_by_law_enforcement",
    "contact",
    "vigilance",
    "fraud_alert",
    "freeze",
    "freeze_free",
    "bureaus",
    "ftc",
    "state_attorney_general",
    "police_report",
    "credit_monitoring",
    "parent_or_affiliate",
    "change_password",
    "report_identity_theft",
    "fcra_rights",
    "plain_language",
]
"""Things that a letter to people says in words of its own; the letter engine puts them in where a law asks for them."""
