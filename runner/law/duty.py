"""Assessed duty of an incident: the result that people, conditions and scripts read.

The fields of ``DutyStatus`` are the contract's duties JSON, in its order, and one more at the end. What
people recorded about a duty (a filing, a decision not to notify, a waiver) is ``DutyRecord``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec

from runner.actions import Action
from runner.base.actor import Event, Personal
from runner.base.states import Verdict
from runner.facts.expression import Expression
from runner.law.regime import Level

DutyState = Literal[
    "open", "overdue", "filed", "filed_late", "decided_not_to_notify", "waived", "held", "claimed"
]
"""``claimed``: a fact says that the notice was sent, and the incident has no filing, final text or campaign of it."""
INTERNAL_TARGET = timedelta(days=3)
"""The default internal target of a duty without a number, from the start of its clock."""
Evidence = Literal["against", "open", "for"]
"""Whether recorded facts support the ground of a decision; ``open`` also if no fact can answer."""
DueKind = Literal["instant", "date", "no_number", "waits_for_event"]


RecordKind = Literal["filed", "decided_not_to_notify", "waived", "no_correction"]
"""``no_correction``: counsel decided that a filed text needs no correction although facts changed since."""


class ChangedFact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that a text read and that has another value now; null is unknown."""

    fact: str
    before: Any
    after: Any


class DutyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A filing, a decision not to notify, or a waiver, with who, when and why."""

    kind: RecordKind
    by: str
    at: datetime
    reference: str = ""
    receipt: str = ""
    digest: str = ""
    reason: str = ""
    late_reason: str = ""
    signed: tuple[str, ...] = ()
    """The second person who signed a decision."""
    watch: Expression | None = None
    """A condition over facts that opens the decision again when it becomes true."""
    unsigned: tuple[str, ...] = ()
    """Approvals that the notice still waited for when it was filed."""
    ground: str = ""
    """The code of the statute's exemption for a decision not to notify; ``none`` is against the law's answer."""
    as_it_was: str = ""
    """Why counsel let a text be filed although facts of it had changed: a supplement is to follow."""
    accepted: tuple[str, ...] = ()
    """Items that nobody had verified in the text when it was filed, and contradictions that nobody had accepted."""
    evidence: Evidence = "open"
    """Support of the facts for its ground at the decision: the decision lapses when the support gets weaker."""
    look_again: date | None = None
    """Day on which people look at a decision again."""
    adds_to: tuple[str, ...] = ()
    """The filed duties of the same law and recipient that this filing adds to, or corrects."""
    facts: Mapping[str, int] = {}
    """For ``no_correction``: the changed facts, and the entry of each change. A later change asks again."""


class Reason(msgspec.Struct, frozen=True):
    """One ground of a verdict: a code for programs, a sentence for people."""

    code: str
    text: str


CLAIMED_BY = ("counsel", "executive", "dpo")
"""People who claim an exemption: counsel, and an executive or the DPO."""


class Unless(msgspec.Struct, frozen=True, kw_only=True):
    """An unclaimed exemption, or presumed harm: if claimed, the duty would not apply.

    ``ground`` is the value of ``tocsin duty decide --ground``. ``met`` says that all required facts are recorded and
    support it; otherwise ``missing`` names the missing ones. An exemption that only a person can judge misses no facts.
    """

    ground: str
    text: str
    citation: str = ""
    claimed_by: tuple[str, ...] = CLAIMED_BY
    missing: tuple[str, ...] = ()
    met: bool = False
    populations: tuple[str, ...] = ()
    """The only groups for which it is met, if it is not met for all people to notify."""


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """Start of the clock, and the rule in words."""

    start_fact: str
    start: datetime | None
    rule: str


class Office(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The authority that takes a notice: its name, its entry in the authority directory, and its zone.

    Only ``zone`` is always there; unknown entries are absent.
    """

    name: str = ""
    form: str = ""
    """Where notices are filed: the form or the portal."""
    url: str = ""
    """The website."""
    zone: str = ""
    place: str = ""
    """The place that it is competent for; empty if no fact names the place."""
    short: str = ""
    unit: str = ""
    address: tuple[str, ...] = ()
    """Lines of the postal address."""
    email: str = ""
    phone: str = ""
    languages: tuple[str, ...] = ()
    hours: str = ""
    cut_off: str = ""
    """Hour after which a filing counts as of the next day, as ``17:30``."""
    remark: str = ""
    """What to know before the filing: an account to open, or the receipt to expect."""
    checked: date | None = None
    """Day on which somebody last saw the entry; None if nobody did."""
    checked_by: str = ""
    next_check: date | None = None
    one_filing: tuple[str, ...] = ()
    """Recipients or ids of duties that one filing serves together."""
    asks: str = ""
    """The fact that would name the authority, if several are competent."""


class Verification(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person opened the official page of a duty or a law. ``outdated``: the law file has another rule since."""

    by: str
    on: date
    url: str
    reason: str = ""
    """Why the page is not of a site that the law file names."""
    outdated: bool = False


class DutyDone(msgspec.Struct, frozen=True, kw_only=True):
    """What people recorded about a duty: a filing, a decision not to notify, a waiver. ``watch`` is a condition's text."""

    kind: RecordKind
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
    """For a decision not to notify: the code of the statute's exemption; ``none`` is against the law's answer."""
    as_it_was: str = ""
    """Why counsel let a text be filed although facts of it had changed: a supplement is to follow."""
    accepted: tuple[str, ...] = ()
    """Items that nobody had verified in the text when it was filed."""
    evidence: Evidence = "open"
    """Support of the facts for that ground at the decision."""
    look_again: date | None = None
    """Day on which people look at a decision again."""


Act = Literal["answer", "generate", "complete", "approve", "file", "correct", "decide", "done"]
"""``correct`` only while a fact differs from the filed text, ``decide`` only if a person must decide."""


class NextAct(msgspec.Struct, frozen=True, kw_only=True):
    """The one next act for a duty in an incident."""

    act: Act
    who: str = ""
    """The names of the people who can do it; empty if it is not known, and for ``done``."""
    blocked_by: str = ""
    """What must come first, in words."""
    action: Action | None = None
    """How it is done; null for ``done``."""


class DutyStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One duty at one moment. Instants are UTC except ``due_local``, which is in the clock's zone.

    ``due`` of a date-based duty is the last second of ``due_date`` there. ``missing_facts`` are those that would
    settle an unknown verdict, confirm a provisional clock or support an exemption; those that settle most duties are first.
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
    """Exemptions that would end the duty if claimed; only for a duty that applies."""
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
    confidence: Level
    notes: tuple[str, ...]
    in_sight: bool
    """False while it depends on the organisation's properties or on people's residence, and no recorded fact points there:
    one answer settles many such duties, so one question covers them and none of them has a clock of its own."""
    distance: int = 0
    """Nearness of its law: 0 is the organisation's home, 1 another place that facts name, 2 another part of such a country,
    3 elsewhere."""
    record: DutyDone | None = None
    """The current record; absent without one."""
    earlier: tuple[DutyDone, ...] = ()
    """Earlier records, oldest first; absent without any."""
    corrections: tuple[DutyDone, ...] = ()
    """Records after the first filing, oldest first: filed corrections, and decisions that none is owed; absent without any."""
    differs: tuple[ChangedFact, ...] = ()
    """Facts that the filed texts state, or left open, and that have another value now; absent without any."""
    title: str = ""
    """Title for people (verb and recipient); reports set it."""
    authority: Office | None = None
    """The authority that takes the notice; absent if people are notified."""
    law: str = ""
    """Short name of an act of the Union; absent for other laws."""
    verification: Verification | None = None
    """The check that the home recorded; absent without one."""
    internal_target: datetime | None = None
    """When a duty without a fixed deadline should be done, once its clock has started; absent otherwise."""
    next: NextAct | None = None
    """Absent without an incident, and for a duty that is neither in sight nor done."""


class DutiesReport(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="tocsin/duties/v1"
):
    """All duties as of one instant; encodes to the contract's JSON."""

    as_of: datetime
    duties: tuple[DutyStatus, ...]
    warnings: tuple[str, ...] = ()
    """Positions of counsel without effect, with the nearest known position; absent without any."""


class DutiesAssessed(Event, frozen=True, kw_only=True):
    """Changes between two assessments, and the facts that caused them."""

    changes: tuple[DutyChange, ...]
    because: tuple[str, ...] = ()


class DutyChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A duty's new state; ``gone`` if no regime has the duty any more."""

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
