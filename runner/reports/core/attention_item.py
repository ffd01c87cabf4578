"""One action of a person, shared by all views."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from runner.actions import Action

Severity = Literal["critical", "high", "medium", "low"]
Rank = Literal[1, 2, 3, 4, 5, 6, 7]
"""The place of an action in the one order of all screens: ``do_now.ORDER``."""
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")
AttentionKind = Literal[
    "ready",
    "containment",
    "organisation_unknown",
    "outcome_unknown",
    "stuck",
    "rejected",
    "unreachable",
    "acknowledge",
    "no_war_room",
    "no_outcome",
    "not_worked",
    "duty_overdue",
    "duty_reopened",
    "duty_claimed",
    "duty_to_file",
    "filed_unsigned",
    "filing_differs",
    "notice_stale",
    "overdue",
    "clock",
    "paused",
    "set_aside",
    "fact_missing",
    "role_unheld",
    "unconfirmed",
    "second_person",
    "exposed",
    "bulk_paused",
    "bulk_unknown",
    "bulk_planned",
    "bulk_idle",
    "bulk_left",
    "letters_waiting",
    "substitute_notice",
    "update_missed",
    "improvement_late",
    "alert_waits",
    "webhook_silent",
    "access_unconfirmed",
    "drill_missed",
    "exercise_over",
    "routine_failed",
    "playbook_changed",
    "playbook_unexercised",
    "person_unreached",
    "alternate_missing",
    "sender_unregistered",
    "receipt",
    "elsewhere",
]


class AttentionItem(msgspec.Struct, frozen=True, kw_only=True):
    """One action of a person: required now, or a task to do (``ready``)."""

    kind: AttentionKind
    severity: Severity = "high"
    """``low`` for a question that waits for the containment tasks."""
    ref: str
    """Its subject: an invocation, a delivery, a duty, a fact or a role."""
    since: datetime | None = None
    text: str
    action: Action
    rank: Rank = 3
    due: datetime | None = None
    who: str = ""
    """The names of the people who do it, if known."""
    detail: str = ""
    """Its progress, or what depends on it."""
    person: str = ""
    """The person to reach: pages show one row for each."""
