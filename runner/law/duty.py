"""Assessed duty of an incident: the result that people, conditions and scripts read.

The fields of ``DutyStatus`` are the contract's duties JSON, in its order, and one more at the end; msgspec writes them as they stand. What
people did about a duty (a filing, a decision not to notify, a waiver) is ``DutyRecord``.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

from runner.base.actor import Event, Personal
from runner.base.states import Verdict
from runner.facts.expression import Expression
from runner.law.regime import Confidence

DutyState = Literal["open", "overdue", "filed", "filed_late", "decided_not_to_notify", "waived", "held"]
Evidence = Literal["against", "open", "for"]
"""How recorded facts stand to the ground of a decision; ``open`` also where no fact can say."""
DueKind = Literal["instant", "date", "no_number", "waits_for_event"]


class DutyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A filing, a decision not to notify, or a waiver, with who, when and why."""

    kind: Literal["filed", "decided_not_to_notify", "waived"]
    by: str
    at: datetime
    reference: str = ""
    receipt: str = ""
    digest: str = ""
    reason: str = ""
    late_reason: str = ""
    signed: tuple[str, ...] = ()
    """Who else signed a decision, besides its author."""
    watch: Expression | None = None
    """A condition over facts that opens the decision again as soon as it holds."""
    unsigned: tuple[str, ...] = ()
    """Approvals that the notice still waited for when it was filed."""
    ground: str = ""
    """The statute's exemption that a decision not to notify rests on, by its code; ``none`` is against the law's answer."""
    as_it_was: str = ""
    """Why counsel let a text be filed although facts of it had changed: a supplement is to follow."""
    evidence: Evidence = "open"
    """How the facts stood to its ground when it was decided: it falls when they stand worse."""


class Reason(msgspec.Struct, frozen=True):
    """One ground of a verdict: a code for programs, a sentence for people."""

    code: str
    text: str


CLAIMED_BY = ("counsel", "executive", "dpo")
"""Who claims an exemption: counsel, and an executive or the DPO."""


class Unless(msgspec.Struct, frozen=True, kw_only=True):
    """An unclaimed exemption, or presumed harm: if claimed, the duty would not apply.

    ``ground`` is what ``tocsin duty decide --ground`` takes. ``met`` says that all the facts it asks for are recorded and
    speak for it; otherwise ``missing`` are those that are wanted. One that only a person can judge misses no facts.
    """

    ground: str
    text: str
    citation: str = ""
    claimed_by: tuple[str, ...] = CLAIMED_BY
    missing: tuple[str, ...] = ()
    met: bool = False
    populations: tuple[str, ...] = ()
    """The groups for which alone it is met, if it is not met for all people to notify."""


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """What the clock ran from, and the rule in words."""

    start_fact: str
    start: datetime | None
    rule: str


class Office(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The authority that takes a notice: its name as the law's file gives it, where notices are filed, and its zone."""

    name: str = ""
    form: str = ""
    zone: str = ""
    place: str = ""
    """The place that it is competent for; empty where no fact says which."""


class DutyDone(msgspec.Struct, frozen=True, kw_only=True):
    """What people recorded about a duty: a filing, a decision not to notify, a waiver. ``watch`` is a condition's text."""

    kind: Literal["filed", "decided_not_to_notify", "waived"]
    by: str
    at: datetime
    reference: str
    receipt: str
    digest: str
    reason: str
    late_reason: str
    signed: tuple[str, ...]
    watch: str
    unsigned: tuple[str, ...]
    """Approvals that the notice still waited for when it was filed."""
    ground: str = ""
    """Of a decision not to notify: the statute's exemption by its code; ``none`` is against the law's answer."""
    as_it_was: str = ""
    """Why counsel let a text be filed although facts of it had changed: a supplement is to follow."""
    evidence: Evidence = "open"
    """How the facts stood to that ground when it was decided."""


class DutyStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One duty at one moment. Instants are UTC except ``due_local``, which is in the zone that counts.

    ``due`` of a date-based duty is the last second of ``due_date`` there. ``missing_facts`` are those that would
    settle an unknown verdict, fix a provisional clock or ground an exemption, the one that settles most duties first.
    """

    id: str
    regime: str
    jurisdiction: str
    law_version: str
    stage: str
    recipient: str
    populations: tuple[str, ...]
    verdict: Verdict
    unless: tuple[Unless, ...]
    """What would take the duty away if it were claimed; only of one that applies."""
    state: DutyState
    due: datetime | None
    due_local: datetime | None
    due_date: date | None
    due_kind: DueKind
    provisional: bool
    not_before: datetime | None
    latest_legal: datetime | None
    latest_safe_start: datetime | None
    standard: str
    clock: ClockReading
    missing_facts: tuple[str, ...]
    because: tuple[Reason, ...]
    citation: str
    confidence: Confidence
    notes: tuple[str, ...]
    in_sight: bool
    """False while it depends on what the organisation is, or on where people live, and nothing recorded points there:
    one answer settles many such duties, so they are asked about together and none of them runs a clock of its own."""
    record: DutyDone | None = None
    """What was done about it; not there while nothing was."""
    earlier: tuple[DutyDone, ...] = ()
    """What was recorded before that, oldest first: both stay. Not there where nothing was."""
    title: str = ""
    """Verb and recipient, for people; reports write it."""
    authority: Office | None = None
    """Who takes the notice; not there where people are notified."""
    law: str = ""
    """What an act of the Union is called instead of by its number; not there elsewhere."""


class DutiesReport(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="tocsin/duties/v1"
):
    """All duties as of one instant; encodes to the contract's JSON."""

    as_of: datetime
    duties: tuple[DutyStatus, ...]
    warnings: tuple[str, ...] = ()
    """Positions of counsel that no law knows, with the nearest: they change nothing. Not there where there is none."""


class DutiesAssessed(Event, frozen=True, kw_only=True):
    """What changed between two looks at the law, and which facts caused it."""

    changes: tuple[DutyChange, ...]
    because: tuple[str, ...] = ()


class DutyChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A duty's new standing; ``gone`` when no regime speaks of it any more."""

    duty: str
    verdict: Verdict
    due: datetime | None = None
    provisional: bool = False
    missing: tuple[str, ...] = ()
    overdue: bool = False
    in_sight: bool = True
    settled: bool = False
    waits: bool = False
    reopened: str = ""
    """Why a decision not to notify has lapsed; a person decides again."""


class DutyRecorded(Personal, frozen=True, kw_only=True):
    """A filing, a decision not to notify, or a waiver."""

    duty: str
    record: DutyRecord
    step: str = ""
