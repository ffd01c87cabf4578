"""What of the law decides verdicts, without its words, clocks and contents: small, and each question in it once.

A law reaches few incidents, and an incident meets all laws. An outline says whom each law is for, and which duty arises
under what, so that a law is decoded only for the incident that it reaches. What many laws ask alike stands once, in a
table, and is answered once. An outline is made from compiled laws by ``runner.law.screening_index``, is pinned with them,
and is judged by ``runner.law.screening``.
"""

from __future__ import annotations

from datetime import date

import msgspec

from runner.law.grounds import (
    Condition,
    Exemption,
    PersonalInformation,
    Threshold,
)
from runner.law.regime import NationalLaw, Standing


class RuleOutline(msgspec.Struct, frozen=True, array_like=True):
    """One duty: numbers of conditions that must hold, that must not, and of exemptions that take it away."""

    slug: str
    only_if: tuple[int, ...]
    unless: tuple[int, ...]
    exemptions: tuple[int, ...]
    thresholds: tuple[Threshold, ...]
    voluntary: bool


class VersionOutline(msgspec.Struct, frozen=True, array_like=True):
    """One version: when it is in force, the numbers of its scope's conditions and of its table of elements."""

    from_date: date | None
    until: date | None
    standing: Standing
    residents_of: str
    scope: tuple[int, ...]
    table: int | None
    rules: tuple[RuleOutline, ...]
    national: NationalLaw | None = None


class LawOutline(msgspec.Struct, frozen=True, array_like=True):
    """One law; the place is whose residents' notices its clocks ask for."""

    id: str
    jurisdictions: tuple[str, ...]
    decided_by: tuple[str, ...]
    versions: tuple[VersionOutline, ...]

    def places(self) -> frozenset[str]:
        """Return the places by which a fact can say that people were told."""
        return frozenset(one.residents_of or self.jurisdictions[0] for one in self.versions)


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """All laws of a catalogue, in its order, over tables of what they ask."""

    conditions: tuple[Condition, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    tables: tuple[PersonalInformation, ...] = ()
    laws: tuple[LawOutline, ...] = ()
    reads: tuple[str, ...] = ()
    """Every fact that something in these laws depends on, sorted; a map or a list stands for all that is in it."""
