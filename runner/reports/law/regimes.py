"""A law in words: its scope, its duties, and each deadline with a worked example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from runner.facts.expression import Unknown
from runner.incident.law.verifications import Checks, level_of
from runner.law.clock import Clock, Extension, Limb, Ordering, Start
from runner.law.counting import HolidayCalendar
from runner.law.deadlines import Place, deadline, rule_words
from runner.law.duty import Verification
from runner.law.grounds import Condition, Exemption, PersonalInformation, Threshold
from runner.law.regime import Confidence, Content, DutyRule, Level, Regime, Standing, StateLaw, Version, Words
from runner.reports.core.formatting import day, moment
from runner.reports.core.page import Blank, Block, Cell, Page, Tone, fields, flow, line, paged, table
from runner.reports.core.report import Report, filled
from runner.reports.law.confidence import LEVEL_WORDS, LEVELS, TONES, counted, counts_words, words_blocks

EXAMPLE = datetime(2026, 11, 24, 10, tzinfo=UTC)
"""Start of every worked example, a Tuesday."""

_COMPARED = {">": "more than", ">=": "at least", "<": "fewer than", "<=": "at most"}
_COUNTED = {
    "residents_notified": "residents of {place} to notify",
    "persons_notified": "persons to notify",
    "individuals_total": "affected individuals in total",
    "residents_of_one_state": "residents of one state to notify",
}


class RegimeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One law in the list; ``problem`` is the reason if a file is not valid."""

    id: str
    name: str = ""
    jurisdictions: tuple[str, ...] = ()
    standing: Standing | None = None
    in_force_from: date | None = None
    duties: int = 0
    confidence: Confidence = "unverified"
    levels: dict[Level, int] = {}
    """The number of its duties of each confidence, with the checks of the home."""
    origin: str = ""
    """``home``, or ``built-in``."""
    problem: str = ""


class RegimesReport(Report, frozen=True, kw_only=True, tag="tocsin/regimes/v1"):
    """The laws of the home folder and of Tocsin."""

    regimes: tuple[RegimeEntry, ...]


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A worked example: from a known start to the deadline."""

    start: datetime
    due: datetime
    due_date: date
    kind: str
    latest_legal: datetime | None = None


class DutyShown(msgspec.Struct, frozen=True, kw_only=True):
    """One duty in words. ``executable`` is False if a person must judge a condition in prose."""

    id: str
    stage: str
    recipient: str
    citation: str
    conditions: tuple[str, ...]
    thresholds: tuple[str, ...]
    clock: str
    example: Example | None
    order: tuple[str, ...]
    content: tuple[str, ...]
    forbidden: tuple[str, ...]
    delivery: tuple[str, ...]
    remarks: tuple[str, ...]
    penalty: str
    """Penalty for a late filing, in the words of the law."""
    notice: str
    executable: bool
    confidence: Level
    confidence_note: str
    words: tuple[Words, ...]
    verification: Verification | None


class RegimeShown(Report, frozen=True, kw_only=True, tag="tocsin/regime-text/v1"):
    """A law on one date, in words."""

    id: str
    name: str
    jurisdictions: tuple[str, ...]
    citation: str
    source: str
    checked: str
    version: str
    standing: Standing
    versions: tuple[str, ...]
    scope: tuple[str, ...]
    personal_information: tuple[str, ...]
    exemptions: tuple[str, ...]
    duties: tuple[DutyShown, ...]
    records: str
    traps: tuple[str, ...]
    notes: tuple[str, ...]
    confidence: Confidence
    confidence_note: str
    levels: dict[Level, int]
    words: tuple[Words, ...]
    verification: Verification | None


class _All:
    """A case in which all start facts of a deadline happened at the start of the example."""

    def instant(self, path: str) -> datetime | None:
        return EXAMPLE

    def filed(self, slug: str) -> datetime | None:
        return EXAMPLE

    def holds(self, condition: Condition) -> bool | Unknown:
        return False


def levels(regime: Regime, version: Version, checks: Checks) -> Iterator[Level]:
    """Yield the confidence of each duty of a version, with the checks of the home."""
    yield from (level_of(rule, checks.of(regime, version, rule)) for rule in version.duties)


def entry(regime: Regime, origin: str, checks: Checks) -> RegimeEntry:
    """Return a law as a row of the list: its newest version."""
    newest = regime.versions[0]
    return filled(
        RegimeEntry,
        regime,
        standing=newest.standing,
        in_force_from=newest.from_date,
        duties=len(newest.duties),
        levels=counted(levels(regime, newest, checks)),
        origin=origin,
    )


def regime_shown(regime: Regime, version: Version, calendar: HolidayCalendar, checks: Checks) -> RegimeShown:
    """Return one version of a law in words."""
    records = regime.records
    parts = (records.ref, records.text, records.retention) if records else ()
    scope = [condition_words(condition) for condition in version.scope]
    if (national := version.national) is not None:
        states = ", ".join(map(_state, national.states))
        scope.insert(0, f"in force in a State of {', '.join(national.of)}: {states}")
    return filled(
        RegimeShown,
        regime,
        citation=version.citation,
        source=regime.source.url,
        checked=regime.source.checked,
        version=version.label,
        standing=version.standing,
        versions=tuple(_period(version) for version in regime.versions),
        scope=tuple(scope),
        personal_information=tuple(_elements(version.personal_information)),
        exemptions=tuple(_exemption(exemption) for exemption in version.exemptions),
        duties=tuple(_duty(regime, version, rule, calendar, checks) for rule in version.duties),
        levels=counted(levels(regime, version, checks)),
        verification=checks.of(regime, version),
        records=" ".join(filter(None, parts)),
        notes=tuple(note for note in (version.note, regime.effective_note) if note),
    )


def _state(one: StateLaw) -> str:
    since = f" from {one.from_date}" if one.from_date else ""
    standing = "" if one.standing == "in_force" else f" {one.standing}"
    doubt = "" if one.confirmed else " not confirmed"
    return f"{one.place}{standing}{since}{doubt}{f' ({one.source})' if one.source else ''}"


def executable(rule: DutyRule, version: Version) -> bool:
    """Return whether Tocsin can compute scope and deadline: no condition is only in prose."""
    asked = (*version.scope, *rule.only_if, *rule.unless)
    return not any(one.in_words for one in asked) and bool(rule.clock.limbs)


def numbered(rule: DutyRule) -> bool:
    """Return whether the duty has a fixed deadline, not only words such as "without undue delay"."""
    return any(limb.period for limb in rule.clock.limbs)


# ---------------------------------------------------------------------------------------------------- words


def condition_words(condition: Condition) -> str:
    """Return a condition in its author's words, with its default if no fact is recorded."""
    silent = {"ask": "", "holds": " (assumed unless recorded otherwise)", "fails": " (not assumed)"}
    held = " (only in words: a person decides)" if condition.in_words else ""
    return f"{condition.text}{silent[condition.when_silent]}{held}"


def threshold_words(threshold: Threshold) -> str:
    """Return a threshold as a sentence: ``more than 500 residents of US-CA to notify``."""
    counted = _COUNTED[threshold.count].format(place=threshold.place)
    return f"{_COMPARED[threshold.op]} {threshold.n:,} {counted}"


def clock_text(clock: Clock) -> str:
    """Return a deadline rule in words: each alternative, extensions, and the wording of the law."""
    limbs = [_limb(limb) for limb in clock.limbs]
    text = limbs[0] if len(limbs) == 1 else "the earliest of: " + "; ".join(limbs)
    parts = [text if any(limb.period for limb in clock.limbs) else ""]
    if clock.lapsed_limbs_fall_away:
        parts.append("an alternative does not count if it ended before another one started")
    if clock.not_before is not None:
        parts.append(f"not before {_limb(clock.not_before)}")
    if clock.cut_off is not None:
        parts.append(f"by {clock.cut_off.time} in {clock.cut_off.zone}")
    parts += [_extension(extension) for extension in clock.extensions]
    if clock.standard:
        parts.append(f"“{clock.standard}”")
    return "; ".join(part for part in parts if part)


def _limb(limb: Limb) -> str:
    varied = limb.period.variations if limb.period else ()
    others = "".join(
        f", {variation.amount} {variation.unit.replace('_', ' ')} if {variation.condition.text}"
        for variation in varied
    )
    return f"{rule_words(limb)}{_start(limb.start)}{others}"


def _start(start: Start) -> str:
    if not start.facts:
        return ""
    which = "later" if start.pick == "latest" else "earlier"
    moments = [*start.facts, *([f"the filing of {start.duty}"] if start.duty else [])]
    return f", from {moments[0] if len(moments) == 1 else f'the {which} of ' + ' and '.join(moments)}"


def _extension(one: Extension) -> str:
    unit = one.period.unit.replace("_", " ")
    return f"{one.period.amount} {unit} more if {one.condition.text}{f' ({one.citation})' if one.citation else ''}"


def _order(one: Ordering) -> str:
    return f"{one.relation.replace('_', ' ')} {one.duty}{f' ({one.text})' if one.text else ''}"


def _elements(table: PersonalInformation | None) -> Iterator[str]:
    if table is None:
        return
    yield table.text
    for title, members in ((f"with {table.name}", table.with_name), ("alone", table.without_name)):
        if members:
            yield f"{title}: {', '.join(f'{one.element}{_only_if(one.condition)}' for one in members)}"


def _exemption(one: Exemption) -> str:
    grounds = f"; requires {', '.join(one.grounds)}" if one.grounds else ""
    claim = "; only counsel can confirm it" if one.condition is None else ""
    removes = f"; removes {', '.join(one.removes)}" if one.removes else ""
    cited = f" ({one.covers_citation})" if one.covers_citation else ""
    reach = f"; only for impact on {', '.join(one.covers)}{cited}" if one.by_encryption else ""
    return f"{one.text} [{one.code}]{grounds}{claim}{removes}{reach}"


def _content(items: Sequence[Content]) -> tuple[str, ...]:
    return tuple(f"{item.ref} {item.item}{_only_if(item.condition)}".strip() for item in items)


def _only_if(condition: Condition | None) -> str:
    return f" (if {condition.text})" if condition else ""


def _period(version: Version) -> str:
    since = f"from {version.from_date}" if version.from_date else "start unknown"
    until = f" until {version.until}" if version.until else ""
    return f"{since}{until}: {version.citation}"


def _delivery(rule: DutyRule) -> Iterator[str]:
    if rule.phased:
        yield "information may follow in phases"
    if (how := rule.delivery) is not None:
        yield from (part for part in (how.text, ", ".join(how.forms), how.language, how.portal) if part)
        if how.never:
            yield f"never: {', '.join(how.never)}"
    if (other := rule.substitute) is not None:
        limits = [f"cost over {other.cost_over:,} {other.currency}"] if other.cost_over else []
        limits += [f"more than {other.class_over:,} people"] if other.class_over else []
        limits += [other.otherwise] if other.otherwise else []
        yield f"substitute notice ({' or '.join(limits)}): {', '.join(other.forms)} {other.text}".strip()
    if (offer := rule.credit_monitoring) is not None:
        asked = " and ".join(condition.text for condition in offer.conditions)
        yield f"offer {offer.months} months of credit monitoring{f' if {asked}' if asked else ''} {offer.text}".strip()
    if rule.hold is not None:
        heard = f" (only {', '.join(rule.hold.by)})" if rule.hold.by else ""
        yield f"delayed {rule.hold.text or 'at the request of law enforcement'}{heard}"


def _duty(
    regime: Regime, version: Version, rule: DutyRule, calendar: HolidayCalendar, checks: Checks
) -> DutyShown:
    check = checks.of(regime, version, rule)
    return filled(
        DutyShown,
        rule,
        id=f"{regime.id}/{rule.slug}",
        citation=rule.citation or version.citation,
        conditions=(
            *(condition_words(condition) for condition in rule.only_if),
            *(f"not: {condition_words(one)}" for one in rule.unless),
        ),
        thresholds=tuple(threshold_words(threshold) for threshold in rule.thresholds),
        clock=clock_text(rule.clock),
        example=worked_example(regime, rule, calendar),
        order=tuple(_order(ordering) for ordering in rule.ordering),
        content=_content(rule.content),
        forbidden=_content(rule.forbidden),
        delivery=tuple(_delivery(rule)),
        remarks=tuple(f"{remark.text}{_only_if(remark.condition)}" for remark in rule.remarks),
        penalty=rule.lateness.penalty if rule.lateness is not None else "",
        executable=executable(rule, version),
        confidence=level_of(rule, check),
        verification=check,
    )


def worked_example(regime: Regime, rule: DutyRule, calendar: HolidayCalendar) -> Example | None:
    """Return the deadline for a start at ``EXAMPLE``; None without a fixed deadline."""
    place = Place(ZoneInfo(regime.zone) if regime.zone else UTC, regime.jurisdictions[0], calendar)
    found = deadline(rule.clock, _All(), place)
    if found.due is None or found.due_date is None:
        return None
    return filled(Example, found, start=EXAMPLE, kind=found.due_kind)


# ---------------------------------------------------------------------------------------------------- pages


def list_page(found: Sequence[RegimeEntry]) -> Page:
    """Draw the list of laws."""
    rows = (
        (
            Cell(one.id, about=f"provisions/{one.id}"),
            Cell(one.problem or one.name, "alarm" if one.problem else "plain"),
            Cell(_standing(one), "plain" if one.standing == "in_force" else "warn"),
            Cell(counts_words(one.levels), "warn" if one.levels.get("unverified") else "plain"),
        )
        for one in found
    )
    levels = (line(LEVEL_WORDS[level], "dim") for level in LEVELS[:3])
    return Page((table(rows, 1, indent=0), Blank(), *levels))


def _standing(one: RegimeEntry) -> str:
    since = f" {one.in_force_from}" if one.in_force_from else ""
    return f"{(one.standing or 'broken').replace('_', ' ')}{since}"


@paged
def show_page(shown: RegimeShown) -> Iterator[Block]:
    """Draw one law: scope, duties, and cautions."""
    yield line(shown.name, "title")
    yield line(f"{shown.id}, {', '.join(shown.jurisdictions)}: {shown.citation}")
    yield line(f"{shown.source}{f' (checked {shown.checked})' if shown.checked else ''}", "dim")
    yield line(
        f"Confidence of the duties: {counts_words(shown.levels)}",
        "warn" if shown.levels["unverified"] else "plain",
    )
    yield from (line(shown.confidence_note, "dim") for _ in range(bool(shown.confidence_note)))
    yield line(f"{shown.standing.replace('_', ' ')}, version {shown.version}")
    yield from _listed("versions", shown.versions)
    yield from _listed("applies if all of these are true", shown.scope)
    yield from _listed("personal information", shown.personal_information)
    yield from _listed("exemptions", shown.exemptions)
    for duty in shown.duties:
        yield Blank()
        yield flow(Cell(duty.id, "title"), f"  {duty.stage}, to {duty.recipient}", hang=2)
        yield fields((name, Cell(text, tone)) for name, text, tone in _duty_rows(duty))
        yield from words_blocks(duty.words, duty.verification, shown.source)
    if shown.words or shown.verification:
        yield Blank()
        yield line("WORDS OF THE LAW", "title")
        yield from words_blocks(shown.words, shown.verification, shown.source)
    yield from _listed("records", (shown.records,) if shown.records else ())
    yield from _listed("caution", shown.traps)
    yield from _listed("notes", shown.notes)


def _listed(title: str, items: Iterable[str]) -> Iterator[Block]:
    members = tuple(items)
    if members:
        yield Blank()
        yield line(title.upper(), "title")
        for member in members:
            yield flow("- ", member, indent=2, hang=2)


def _duty_rows(duty: DutyShown) -> Iterator[tuple[str, str, Tone]]:
    note = f" ({duty.confidence_note})" if duty.confidence_note else ""
    law = f"{duty.citation} · {LEVEL_WORDS[duty.confidence]}{note}"
    lists: tuple[tuple[str, tuple[str, ...], Tone], ...] = (
        ("If", duty.conditions, "plain"),
        ("Threshold", duty.thresholds, "plain"),
        ("Deadline", (duty.clock,), "plain"),
        ("Example", (example_words(duty.example),), "dim"),
        ("Order", duty.order, "plain"),
        ("Must contain", duty.content, "plain"),
        ("Must not contain", duty.forbidden, "warn"),
        ("Form", duty.delivery, "plain"),
        ("Note", duty.remarks, "plain"),
        ("Penalty", (duty.penalty,), "plain"),
        ("Notice", (duty.notice,), "dim"),
        ("Source", (law,), TONES[duty.confidence]),
    )
    yield from ((name, text, tone) for name, texts, tone in lists for text in texts)


def example_words(example: Example | None) -> str:
    """Return a worked example as a sentence; empty without a fixed deadline."""
    if example is None:
        return ""
    due = moment(example.due) if example.kind == "instant" else f"the end of {day(example.due_date)}"
    later = f"; later reading: {moment(example.latest_legal)}" if example.latest_legal else ""
    return f"start {moment(example.start)}: deadline {due}{later}"
