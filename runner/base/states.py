"""Closed lists of the states of incidents, tasks, duties and deliveries, which scripts and reports rely on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Profile = Literal["small", "large"]
"""Size of the organisation: a playbook leaves out the steps of the other profile."""
PROFILES: tuple[Profile, ...] = ("small", "large")
Kind = Literal["real", "exercise", "test"]
MARKS: Mapping[str, str] = MappingProxyType({"real": "", "exercise": "EXERCISE", "test": "SELF-TEST"})
"""The mark of everything that is not real: pages, documents, subjects and file names."""
Severity = Literal["sev1", "sev2", "sev3", "sev4"]
SEVERITIES: Mapping[Severity, str] = MappingProxyType(
    {
        "sev1": "Critical: core services are down, or sensitive data of many people are taken. All roles work on it now.",
        "sev2": "High: an important service is impaired, or personal data are probably affected. Work on it today.",
        "sev3": "Medium: a limited effect on few systems or people, with a workaround. Work on it in working hours.",
        "sev4": "Low: no effect on services or data is known. Record it and watch.",
    }
)
"""Default meaning of each level; a home can change it."""
Held = Literal["", "ends", "all"]
"""What time alone must not do while the clock is unconfirmed: nothing that cannot be taken back, and at first no alert."""
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
"""Evidence of a delivery, weakest first; ``runner.routing.messaging`` has the order."""
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
"""Later reports about an attempt; the last two answer a request to stop the call."""
"""Later reports of a provider about an attempt: progress, permanent failure, or the person's opt-out."""
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
"""Parts of a letter to people with fixed wording; the letter engine adds the parts that a law requires."""
