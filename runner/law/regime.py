"""Law as data: its time in force, its scope, its duties, and its verification.

Lawyers read and correct the file ``schema: tocsin/regime/v1``; ``runner.law.files.regime_file`` compiles it into
these values once, and a pinned bundle carries them so that nothing is parsed while an incident runs. A duty's id is
``regime/slug``; authors choose both, and neither changes once a duty has been shown.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from runner.base.states import LetterPart
from runner.law.clock import Clock, Ordering, Unit
from runner.law.grounds import Condition, Exemption, PersonalInformation, Threshold

Standing = Literal["in_force", "adopted", "delayed", "proposed", "advisory"]
"""Only ``in_force`` makes duties; everything else is shown as advisory."""
Confidence = Literal["text", "secondary", "unverified"]
Level = Literal["verified", "text", "secondary", "unverified"]
"""``text``: the words were seen in a stored copy. ``verified``: a named person opened the official page."""
Speaker = Literal["official", "regulator", "secondary"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Source of the law, and the date of its last check."""

    url: str
    checked: str = ""


class Words(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Words of the law behind a duty or a condition, in their own language, and where they were seen."""

    ref: str
    """The law and the article."""
    quote: str
    url: str
    """The official page."""
    kind: Speaker
    """Who speaks: the law, a regulator, or another writer."""
    seen_in: str = ""
    """The stored copy; empty if nobody saw the words there."""
    seen: str = ""
    """Day or year of that copy; empty if the copy names none."""
    language: str = "en"
    about: str = ""
    """For words of a whole law: the code of the condition or exemption."""
    note: str = ""
    by: str = ""
    """The person who opened the official page and found the words there."""
    checked: date | None = None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """One required or forbidden content of a notice, with the article's letter."""

    ref: str
    item: str
    facts: tuple[str, ...] = ()
    part: LetterPart | None = None
    condition: Condition | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The required form of delivery of the notice."""

    forms: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    """Forbidden forms, such as the mailbox whose password was taken."""
    language: str = ""
    portal: str = ""
    text: str = ""


class SubstituteNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Substitute for letters that cost too much, are too many, or have no address."""

    cost_over: int | None = None
    currency: str = "USD"
    class_over: int | None = None
    otherwise: str = ""
    forms: tuple[str, ...] = ()
    text: str = ""


class CreditMonitoring(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of credit monitoring: number of months, and the condition."""

    months: int
    conditions: tuple[Condition, ...] = ()
    text: str = ""


Asker = Literal["local", "state", "federal", "attorney_general", "regulator"]
"""Kinds of authorities that may request a delay; the words of the fact ``law_enforcement.hold.authority``."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A delay that law enforcement may request; ``by`` names the authorities whose request counts, empty means all.

    After the delay the duty is due at the later of its own deadline and ``amount`` after the delay's end (Maryland: 7
    days); without an amount, at the delay's end itself. An oral request lasts ``oral_limit_days`` at most.
    """

    forms: tuple[Literal["written", "oral"], ...] = ("written", "oral")
    amount: int | None = None
    unit: Unit = "calendar_days"
    oral_limit_days: int | None = None
    text: str = ""
    by: tuple[Asker, ...] = ()


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """The law's requirement after a missed deadline."""

    reasons_required: bool = False
    ref: str = ""
    penalty: str = ""


class RecordKeeping(msgspec.Struct, frozen=True, kw_only=True):
    """Records that the law requires, with or without a notification."""

    ref: str = ""
    text: str = ""
    retention: str = ""


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence shown with a duty, always or when its condition holds."""

    text: str
    condition: Condition | None = None


class DutyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One duty of the law: obliged entity, recipients, thresholds, clock and contents."""

    slug: str
    recipient: str
    clock: Clock
    stage: str = "initial"
    citation: str = ""
    notice: str = ""
    """The notice template that fulfils it."""
    only_if: tuple[Condition, ...] = ()
    unless: tuple[Condition, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    ordering: tuple[Ordering, ...] = ()
    content: tuple[Content, ...] = ()
    forbidden: tuple[Content, ...] = ()
    phased: bool = False
    """Whether information may follow in phases."""
    voluntary: bool = False
    waiver: str = ""
    """Who may waive it, with the article; empty if the law has no waiver."""
    delivery: Delivery | None = None
    substitute: SubstituteNotice | None = None
    credit_monitoring: CreditMonitoring | None = None
    hold: Hold | None = None
    lateness: Lateness | None = None
    remarks: tuple[Remark, ...] = ()
    confidence: Confidence = "unverified"
    confidence_note: str = ""
    words: tuple[Words, ...] = ()

    @property
    def level(self) -> Level:
        """Confidence as the words bear it out: ``verified`` if a person whom the file names opened the page.

        ``text`` without words that anybody saw counts as ``secondary``.
        """
        if self.confidence != "text":
            return self.confidence
        if any(one.by and one.checked for one in self.words):
            return "verified"
        return "text" if any(one.seen_in for one in self.words) else "secondary"


class StateLaw(msgspec.Struct, frozen=True, kw_only=True):
    """State of a directive in one State: the first day of its national law, and where that was read.

    A law that is not ``confirmed`` binds from its day with a note; before its day, and without a day, counsel decides.
    """

    place: str
    standing: Standing = "in_force"
    from_date: date | None = None
    confirmed: bool = True
    source: str = ""


class NationalLaw(msgspec.Struct, frozen=True, kw_only=True):
    """The laws through which a directive binds, and the facts that name the States of establishment."""

    of: tuple[str, ...]
    states: tuple[StateLaw, ...]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The law from one date to another, both inclusive; ``None`` is open. ``label`` is shown as ``law_version``."""

    label: str
    citation: str
    standing: Standing = "in_force"
    from_date: date | None = None
    until: date | None = None
    scope: tuple[Condition, ...] = ()
    residents_of: str = ""
    """The place whose affected residents the law protects; empty without such a condition."""
    personal_information: PersonalInformation | None = None
    exemptions: tuple[Exemption, ...] = ()
    duties: tuple[DutyRule, ...] = ()
    note: str = ""
    national: NationalLaw | None = None
    """The national laws through which it applies; None if it applies directly."""

    def exemptions_of(self, slug: str) -> tuple[Exemption, ...]:
        """Return the exemptions that can end a duty."""
        return tuple(
            exemption for exemption in self.exemptions if not exemption.removes or slug in exemption.removes
        )


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """The last time that somebody saw an entry, and who or where."""

    date: date
    by: str


class Authority(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An office of the authority directory that takes notices or informs people, by its place of competence.

    Everything that is not known is absent. Laws pinned before the directory have only place, name, address, phone and url.
    """

    place: str
    name: str
    id: str = ""
    short: str = ""
    """A short name for lists."""
    serves: tuple[str, ...] = ()
    """Recipients as the laws name them, or ids of duties."""
    one_filing: tuple[str, ...] = ()
    """Recipients or ids of duties that one filing serves together."""
    bodies: Literal["", "public", "private"] = ""
    """The organisations that it is competent for, if not for all."""
    unit: str = ""
    languages: tuple[str, ...] = ()
    url: str = ""
    form_url: str = ""
    portal_login_needed: bool = False
    account_to_open_before: str = ""
    email: str = ""
    address: str = ""
    """Lines of the postal address."""
    phone: str = ""
    hours: str = ""
    zone: str = ""
    cut_off: str = ""
    accepts: str = ""
    receipt: str = ""
    source: str = ""
    checked: Check | None = None
    next_check: date | None = None
    confidence: Confidence = "unverified"
    """Of an office in a law's own file."""


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """One law. ``versions`` are from newest to oldest and do not overlap."""

    id: str
    name: str
    jurisdictions: tuple[str, ...]
    source: Source
    versions: tuple[Version, ...]
    zone: str = ""
    """Time zone where its days end: the authority's, or the residents'; empty for a law of the Union, whose authorities are the organisation's."""
    decided_by: tuple[str, ...] = ()
    """Facts whose instant selects the version for an incident: the first known one counts."""
    effective_note: str = ""
    authorities: tuple[Authority, ...] = ()
    """Entries of the authority directory for its duties; the catalogue adds them."""
    records: RecordKeeping | None = None
    traps: tuple[str, ...] = ()
    confidence: Confidence = "unverified"
    confidence_note: str = ""
    words: tuple[Words, ...] = ()
    """Words behind conditions and exemptions."""
    sha256: str = ""
    """Digest of the file's bytes; the loader sets it."""


def seen_on(text: str) -> date | None:
    """Return the day of a copy: a date, or the first day of a year; None for anything else."""
    try:
        return date.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError:
        return None
