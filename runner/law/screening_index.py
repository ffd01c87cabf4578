"""Index for the screening of a catalogue: each condition, exemption and table once.

The index has no wording, because no verdict depends on it. A condition in prose keeps its code, by which its
question is asked.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from runner.facts.expression import Expression
from runner.law.clock import Start
from runner.law.duty_state import DISCOVERIES
from runner.law.grounds import Condition, Exemption, Meets, PersonalInformation, Threshold
from runner.law.regime import Content, DutyRule, NationalLaw, Regime, Remark, Standing, Version


class RuleOutline(msgspec.Struct, frozen=True, array_like=True):
    """One duty: numbers of conditions that must be true, that must be false, and of exemptions that end the duty."""

    slug: str
    only_if: tuple[int, ...]
    unless: tuple[int, ...]
    exemptions: tuple[int, ...]
    thresholds: tuple[Threshold, ...]
    voluntary: bool
    recipient: str = ""
    """Empty in an outline of an older program."""


class VersionOutline(msgspec.Struct, frozen=True, array_like=True):
    """One version: its time in force, the numbers of its scope's conditions and of its table of elements."""

    from_date: date | None
    until: date | None
    standing: Standing
    residents_of: str
    scope: tuple[int, ...]
    table: int | None
    rules: tuple[RuleOutline, ...]
    national: NationalLaw | None = None


class LawOutline(msgspec.Struct, frozen=True, array_like=True):
    """One law; its clocks ask for notices to the residents of the place."""

    id: str
    jurisdictions: tuple[str, ...]
    decided_by: tuple[str, ...]
    versions: tuple[VersionOutline, ...]

    def places(self) -> frozenset[str]:
        """Return the fact paths that record a notification."""
        return frozenset(version.residents_of or self.jurisdictions[0] for version in self.versions)


class Outline(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """All laws of a catalogue, in its order, over tables of their conditions."""

    conditions: tuple[Condition, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    tables: tuple[PersonalInformation, ...] = ()
    laws: tuple[LawOutline, ...] = ()
    reads: tuple[str, ...] = ()
    """Every fact that these laws depend on, sorted; a map or a list includes its entries."""


T = TypeVar("T", bound=Hashable)
_ALWAYS_READ = (
    *DISCOVERIES,
    "claims",
    "data.elements",
    "data.involved",
    "data.with_name",
    "incident.individual_notice_sent_at",
    "incident.stage_submitted_at",
    "law_enforcement",
    "organisation",
    "people",
    "populations",
)
"""Facts that the engine itself reads for every law: entity, place, counts, delays, filings and counsel's positions."""
_WORDS = (Content, Remark)
"""Fields for information only: they determine neither whether a duty arises nor its deadline."""


class _Table(Generic[T]):
    """Numbers values; equal values get the same number."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, thing: T) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    def things(self) -> tuple[T, ...]:
        return tuple(self._numbers)


class _Tables:
    def __init__(self) -> None:
        self.conditions: _Table[Condition] = _Table()
        self.exemptions: _Table[Exemption] = _Table()
        self.elements: _Table[PersonalInformation] = _Table()


def outline(regimes: Sequence[Regime]) -> Outline:
    """Return the outline of laws in their order."""
    tables = _Tables()
    laws = tuple(
        LawOutline(
            regime.id,
            regime.jurisdictions,
            regime.decided_by,
            tuple(_version(version, tables) for version in regime.versions),
        )
        for regime in regimes
    )
    return Outline(
        conditions=tables.conditions.things(),
        exemptions=tables.exemptions.things(),
        tables=tables.elements.things(),
        laws=laws,
        reads=tuple(sorted({*_ALWAYS_READ, *_reads(regimes)})),
    )


def _version(version: Version, tables: _Tables) -> VersionOutline:
    table = version.personal_information
    return VersionOutline(
        version.from_date,
        version.until,
        version.standing,
        version.residents_of,
        _numbers(version.scope, tables),
        None if table is None else tables.elements.number(_plain_table(table)),
        tuple(_rule(rule, version, tables) for rule in version.duties),
        version.national,
    )


def _rule(rule: DutyRule, version: Version, tables: _Tables) -> RuleOutline:
    able = (exemption for exemption in version.exemptions_of(rule.slug) if exemption.about_us)
    return RuleOutline(
        rule.slug,
        _numbers(rule.only_if, tables),
        _numbers(rule.unless, tables),
        tuple(tables.exemptions.number(_plain_exemption(exemption)) for exemption in able),
        rule.thresholds,
        rule.voluntary,
        rule.recipient,
    )


def _numbers(conditions: Iterable[Condition], tables: _Tables) -> tuple[int, ...]:
    return tuple(tables.conditions.number(_plain(condition)) for condition in conditions)


def _plain(condition: Condition) -> Condition:
    """Return a condition without wording; its code is kept if it is the question."""
    code = condition.code if condition.in_words else ""
    expression = condition.expression and Expression(condition.expression.source, condition.expression.tree)
    return replace(condition, code=code, text="", expression=expression)


def _plain_exemption(exemption: Exemption) -> Exemption:
    """Return an exemption without wording, but with the facts that make it a matter of scope."""
    condition = exemption.condition and replace(exemption.condition, code="", text="")
    return Exemption(code="", text="", condition=condition, grounds=exemption.grounds)


def _plain_table(table: PersonalInformation) -> PersonalInformation:
    with_name, without_name = (
        tuple(replace(one, condition=one.condition and _plain(one.condition)) for one in elements)
        for elements in (table.with_name, table.without_name)
    )
    return PersonalInformation(with_name=with_name, without_name=without_name, name="", text="")


def _reads(thing: Any) -> Iterator[str]:
    """Yield every fact that a decision reads."""
    match thing:
        case Expression():
            yield from thing.facts
            return
        case Meets():
            yield thing.fact
            return
        case Start():
            yield from (path.removesuffix(".*") for path in thing.facts)
        case NationalLaw():
            yield from thing.of
        case Exemption():
            yield from thing.grounds
            yield from ("incident.impact",) * thing.by_encryption
        case Regime():
            yield from thing.decided_by
        case _:
            pass
    if isinstance(thing, msgspec.Struct) and not isinstance(thing, _WORDS):
        thing = [getattr(thing, name) for name in thing.__struct_fields__]
    if isinstance(thing, list | tuple):
        for part in thing:
            yield from _reads(part)
