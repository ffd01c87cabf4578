"""Legal clock as data: its start, its period, its counting rule, and its closing time.

One type covers every clock: usually one limb, several if the law takes the earliest of them (DORA), and none
with an amount if the law has only words. ``runner.law.counting`` counts.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from runner.law.grounds import Condition

Unit = Literal[
    "minutes",
    "hours",
    "calendar_days",
    "business_days",
    "full_business_days",
    "weeks",
    "months",
    "years",
]
CountingRule = Literal[
    "EU-H", "EU-D", "EU-WD", "EU-M", "DORA-54", "ELAPSED", "CAL-EXCL", "CAL-INCL", "BUS-EXCL", "NAT", "QUAL"
]
"""The codes of the law files. All except CAL-INCL exclude the day of the event. Those of the EU have a later
reading (Reg. 1182/71 Art. 3, or Art. 5(4) of Reg. 2025/301) that is shown and never binds."""

Relation = Literal["before", "with", "not_later_than", "without_delaying", "sooner_of", "after"]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The moment a period runs from.

    ``facts`` are paths, a map's entry as ``incident.individual_notice_sent_at.US-CA`` (``*`` is asked next). ``pick``
    selects one of several: ``latest`` needs all of them. ``duty`` is the slug of the stage whose
    filing starts the period, ``restarted_by`` those of later stages whose filing restarts it. The duty waits for an ``event``, without a guessed clock.
    """

    facts: tuple[str, ...] = ()
    duty: str = ""
    pick: Literal["earliest", "latest"] = "earliest"
    event: bool = False
    anchor: Literal["moment", "year_end"] = "moment"
    restarted_by: tuple[str, ...] = ()


class Variation(msgspec.Struct, frozen=True, kw_only=True):
    """Another amount under a condition, such as Brazil's doubled period for small agents."""

    condition: Condition
    amount: int
    unit: Unit


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Length and counting rule. While a variation's condition is unknown the shorter amount binds."""

    amount: int
    unit: Unit
    counting: CountingRule
    variations: tuple[Variation, ...] = ()


class Limb(msgspec.Struct, frozen=True, kw_only=True):
    """One period and its beginning. Without ``period`` the law names the moment but no number."""

    start: Start
    period: Period | None = None


class CutOff(msgspec.Struct, frozen=True, kw_only=True):
    """The recipient's closing time, such as EDGAR's 17:30 in New York."""

    time: str
    """``HH:MM``, 24 hours."""
    zone: str


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """More time that the law grants under a condition; it changes ``latest_legal``, never the binding deadline."""

    period: Period
    condition: Condition
    citation: str = ""


class Ordering(msgspec.Struct, frozen=True, kw_only=True):
    """A limit relative to another duty of the same regime; the duty's own period binds as well."""

    relation: Relation
    duty: str
    text: str = ""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that determines a deadline.

    With several limbs the earliest binds; with ``lapsed_limbs_fall_away`` a limb that ended before another
    began is dropped (Reg. 2025/301 Art. 5(2)). ``zone`` and ``holidays`` name the place whose days count; empty
    means the organisation's.
    """

    limbs: tuple[Limb, ...]
    standard: str = ""
    lapsed_limbs_fall_away: bool = False
    not_before: Limb | None = None
    cut_off: CutOff | None = None
    extensions: tuple[Extension, ...] = ()
    zone: str = ""
    holidays: str = ""
    no_relief_when: Condition | None = None
    """Entities that may not use the later reading (Reg. 2025/301 Art. 5(5))."""
