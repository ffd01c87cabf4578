"""The recorded facts in the blocks of a lawyer: who we are, when, what data, whom, risk; and what is not known in each.

Dates have the deadlines that count from them, counts have the numbers that laws ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from runner.base.instants import parse_instant
from runner.base.states import Kind
from runner.facts.expression import Unknown
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import Confidence, Fact, nested, value_words
from runner.incident.law.duties import BINDING
from runner.incident.notices.list_counts import difference_words, differences
from runner.incident.state.events import FactsRecorded
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPeople
from runner.law.duty import DutyStatus
from runner.law.grounds import Threshold
from runner.law.populations import met, views
from runner.reports.core import suggested_actions
from runner.reports.core.event_row import EventRow, decode_event
from runner.reports.core.formatting import moment, when
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, Cells, Tone, arrow, flow, line, paged, table
from runner.reports.core.report import Report, filled
from runner.reports.core.second_person import awaited_words
from runner.reports.core.task_rows import task_rows
from runner.reports.incidents.attention import blocking_facts
from runner.reports.law.regimes import threshold_words
from runner.reports.law.titles import citation, question_words, title_of

Part = Literal["who", "when", "data", "people", "risk", "other"]
TITLES: Mapping[Part, str] = {
    "who": "WHO WE ARE",
    "when": "WHEN",
    "data": "WHAT DATA",
    "people": "AFFECTED PEOPLE",
    "risk": "RISK",
    "other": "OTHER FACTS",
}
_CORE = (
    "organisation.role", "organisation.established_in", "incident.detected_at", "incident.discovered_at",
    "incident.aware_at", "data.involved", "data.elements", "data.encrypted", "people.total",
    "people.by_jurisdiction.PLACE", "risk.to_people", "risk.harm",
)  # fmt: skip
"""Facts that are shown as not known even if no law of this incident asks for them yet."""
_NAMED = 3
"""Most duties that are named for one date."""


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fact; ``value`` null means recorded as unknown."""

    key: str
    value: Any
    source: str
    by: str
    at: datetime
    confidence: Confidence
    event: int
    """The event that recorded it."""
    supersedes: int | None
    title: str = ""
    part: Part = "other"
    """Its block on the page."""
    grounds: str = ""
    """Why it was stated, if somebody said so."""
    starts: tuple[str, ...] = ()
    """The duties whose deadlines count from this date."""


class OpenFact(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that nobody has recorded."""

    key: str
    title: str
    part: Part
    holds_up: tuple[str, ...] = ()
    """What depends on it, in words; empty if nothing does yet."""
    without: tuple[str, ...] = ()
    """The duties that apply as long as there is no answer."""
    starts: tuple[str, ...] = ()
    """The duties whose deadlines would count from this date."""


class ThresholdMark(msgspec.Struct, frozen=True, kw_only=True):
    """A number of people that a law asks for, compared with the recorded numbers of all groups."""

    duty: str
    title: str
    text: str
    met: bool | None
    """Null if the recorded numbers do not tell."""


class PlaceRow(msgspec.Struct, frozen=True, kw_only=True):
    """The affected people of one place."""

    place: str
    people: int | None
    thresholds: tuple[ThresholdMark, ...] = ()


class PeopleGrid(msgspec.Struct, frozen=True, kw_only=True):
    """The affected people of one group by place; ``population`` is empty without groups."""

    population: str
    places: tuple[PlaceRow, ...]
    sum: int
    total: int | None


class ListCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A list of people compared with the facts."""

    name: str
    people: int
    differences: tuple[str, ...]


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A change of facts that does not count before a second person confirms it."""

    entry: int
    text: str


class FactsReport(Report, frozen=True, kw_only=True, tag="tocsin/known-facts/v1"):
    """The facts of an incident by path, and what belongs to them."""

    heading: Heading
    kind: Kind
    facts: tuple[FactRow, ...]
    unanswered: tuple[OpenFact, ...] = ()
    people: tuple[PeopleGrid, ...] = ()
    thresholds: tuple[ThresholdMark, ...] = ()
    """Of all affected people together, or of any one state."""
    lists: tuple[ListCheck, ...] = ()
    awaiting: tuple[Awaited, ...] = ()


def facts(
    incident: Incident,
    library: Library,
    duties: Sequence[DutyStatus],
    rows: Iterable[EventRow] = (),
    under: str = "",
    now: datetime | None = None,
) -> FactsReport:
    """Return the facts at or under a path, or all; ``rows`` is the journal, which has their grounds."""
    starts: dict[str, list[str]] = {}
    for duty in duties:
        if duty.verdict in BINDING and duty.in_sight:
            starts.setdefault(duty.clock.start_fact, []).append(citation(duty) or duty.id)
    grounds = _grounds(incident, rows)
    whom = not under or under.startswith(("people", "populations"))
    marks = tuple(_marks(incident, library, duties, now)) if whom else ()
    return FactsReport(
        heading=heading_of(incident),
        kind=incident.kind,
        facts=tuple(
            filled(
                FactRow,
                fact,
                key=key,
                event=incident.fact_events[key],
                title=title_words(key),
                part=part_of(key),
                grounds=grounds.get(incident.fact_events[key], ""),
                starts=tuple(dict.fromkeys(starts.get(key, ()))),
            )
            for key, fact in sorted(incident.facts.items())
            if _under(key, under)
        ),
        unanswered=tuple(
            one for one in _unanswered(incident, library, duties, starts) if _under(one.key, under)
        ),
        people=tuple(_grids(incident, marks)) if whom else (),
        thresholds=tuple(mark for one, mark in marks if one.count != "residents_notified"),
        lists=tuple(_lists(incident)) if whom else (),
        awaiting=tuple(
            Awaited(entry=people.entry, text=awaited_words(incident, people))
            for people in awaited_changes(incident, under)
        ),
    )


def awaited_changes(incident: Incident, under: str = "") -> Iterator[TwoPeople]:
    """Yield the changes of facts at or under a path that await a second person."""
    for people in incident.second_person.values():
        if people.state == "awaiting" and any(_under(one.key, under) for one in people.act.facts):
            yield people


def _under(key: str, path: str) -> bool:
    return not path or key == path or key.startswith(f"{path}.")


def title_words(key: str) -> str:
    """Return the question of a fact, with the affected group that it is about."""
    group = key.split(".")[1] if key.startswith("populations.") and key.count(".") > 1 else ""
    *way, last = key.split(".")
    place = last if ".by_jurisdiction." in f".{'.'.join(way)}." and last != "PLACE" else ""
    return " · ".join(filter(None, (question_words(key), group, place)))


def part_of(key: str) -> Part:
    """Return the block of a fact."""
    inner = key.split(".", 2)[2] if key.startswith("populations.") and key.count(".") > 1 else key
    first = inner.partition(".")[0]
    if first == "incident":
        kind = fact_type(key)
        return "when" if kind is not None and kind.kind == "instant" else "other"
    parts: Mapping[str, Part] = {"organisation": "who", "data": "data", "people": "people", "risk": "risk"}
    return parts.get(first, "other")


def _grounds(incident: Incident, rows: Iterable[EventRow]) -> dict[int, str]:
    wanted = frozenset(incident.fact_events.values())
    return {
        row.seq: event.grounds
        for row in rows
        if row.seq in wanted and isinstance(event := decode_event(row), FactsRecorded) and event.grounds
    }


def _unanswered(
    incident: Incident, library: Library, duties: Sequence[DutyStatus], starts: Mapping[str, Sequence[str]]
) -> Iterator[OpenFact]:
    """Yield what something depends on, then the core facts, none of them recorded."""
    named = {row.invocation: row for row in task_rows(incident, library) if row.invocation}
    asked = dict(blocking_facts(incident, library, named, duties))
    grouped = any(key.startswith("populations.") for key in incident.facts)
    placed = any("people.by_jurisdiction." in key for key in incident.facts)
    for key in _CORE:
        short = key.startswith(("data.", "people."))
        if not (short and grouped) and not (placed and key.endswith("PLACE")):
            asked.setdefault(key, ())
    for key, holds_up in asked.items():
        if key not in incident.facts:
            without = (
                citation(duty) or duty.id
                for duty in duties
                if duty.verdict == "applies" and any(key in one.missing for one in duty.unless)
            )
            yield OpenFact(
                key=key,
                title=title_words(key),
                part=part_of(key),
                holds_up=holds_up,
                without=tuple(dict.fromkeys(without)),
                starts=tuple(dict.fromkeys(starts.get(key, ()))),
            )


def _marks(
    incident: Incident, library: Library, duties: Sequence[DutyStatus], now: datetime | None
) -> Iterator[tuple[Threshold, ThresholdMark]]:
    """Yield the numbers that laws ask for which have a duty in sight now."""
    known = {duty.id: duty for duty in duties}
    near = {duty.regime for duty in duties if duty.verdict in BINDING and duty.in_sight}
    groups = views(nested(incident.facts))
    on = (now or incident.opened_at).date()
    for name, threshold in library.thresholds(on):
        duty = known.get(name)
        if duty is not None and duty.regime in near:
            reached = met(threshold, groups, ())
            yield (
                threshold,
                ThresholdMark(
                    duty=name,
                    title=title_of(duty),
                    text=threshold_words(threshold),
                    met=None if isinstance(reached, Unknown) else reached,
                ),
            )


def _grids(incident: Incident, marks: Sequence[tuple[Threshold, ThresholdMark]]) -> Iterator[PeopleGrid]:
    """Yield a grid of each group with a number; a place has its marks only once."""
    marked: set[str] = set()
    for view in views(nested(incident.facts)):
        before = view.named("people.by_jurisdiction.")
        counts = {
            key.removeprefix(before): fact for key, fact in incident.facts.items() if key.startswith(before)
        }
        total = _number(incident.facts.get(view.named("people.total")))
        if not counts and total is None:
            continue
        yield PeopleGrid(
            population=view.id,
            places=tuple(
                PlaceRow(
                    place=place,
                    people=_number(fact),
                    thresholds=tuple(
                        mark for one, mark in marks if _counts_in(one, place) and place not in marked
                    ),
                )
                for place, fact in sorted(counts.items(), key=lambda one: (-(_number(one[1]) or 0), one[0]))
            ),
            sum=sum(_number(fact) or 0 for fact in counts.values()),
            total=total,
        )
        marked |= counts.keys()


def _counts_in(threshold: Threshold, place: str) -> bool:
    return threshold.count == "residents_notified" and threshold.place == place


def _number(fact: Fact | None) -> int | None:
    return fact.value if fact is not None and type(fact.value) is int else None


def _lists(incident: Incident) -> Iterator[ListCheck]:
    """Yield the newest list of each notice to many people."""
    newest = {campaign.notice: campaign for campaign in incident.campaigns.values()}
    for campaign in newest.values():
        if campaign.counts:
            rows = differences(incident, dict(campaign.counts))
            yield ListCheck(
                name=campaign.list_name, people=campaign.owed, differences=tuple(map(difference_words, rows))
            )


@paged
def facts_page(report: FactsReport, now: datetime) -> Iterator[Block]:
    """Draw the facts by block with source, author and confidence, and what is not known in each."""
    yield from render_header(report.heading, "Facts")
    for one in report.awaiting:
        yield flow(
            Cell(f"NOT CONFIRMED, entry {one.entry}: ", "alarm"),
            one.text,
            arrow(suggested_actions.confirm(one.entry)),
            hang=2,
        )
    if not report.facts and not report.unanswered:
        yield line("No facts recorded", "dim")
    first = True
    for part, title in TITLES.items():
        rows = [*_rows(report, part, now)]
        more = list(_people(report)) if part == "people" else []
        if rows or more:
            yield from () if first else (Blank(),)
            yield line(title, "title")
            first = False
        if rows:
            yield table(rows, 1 if part == "when" else 0)
        yield from more


def _rows(report: FactsReport, part: Part, now: datetime) -> Iterator[Cells]:
    """Yield the known facts of a block, dates in their order, then what is not known."""
    rows = [row for row in report.facts if row.part == part and not _in_grid(row, report)]
    for row in sorted(rows, key=_dated) if part == "when" else rows:
        unknown = row.value is None
        value = "recorded as not known" if unknown else shown_value(row.key, row.value)
        sure = "" if row.confidence == "confirmed" else row.confidence
        grounds = f"grounds: {row.grounds}" if row.grounds else ""
        tail = (row.source, row.by, when(row.at, now), grounds, row.key)
        yield _line(row, Cell(value, "warn" if unknown else "plain"), sure, tail)
    for one in report.unanswered:
        if one.part == part:
            without = f"Without an answer these apply: {_few(one.without)}" if one.without else ""
            holds_up = () if one.starts else one.holds_up
            yield _line(one, Cell("NOT KNOWN", "warn"), "", (*holds_up, without, one.key))


def _line(row: FactRow | OpenFact, value: Cell, sure: str, tail: Sequence[str]) -> Cells:
    title = Cell(row.title, about=f"fact/{row.key.removesuffix('.PLACE')}")
    more = (Cell(sure, "warn"), Cell(" · ".join(filter(None, tail)), "dim"))
    if row.part != "when":
        return title, value, *more
    return value, title, Cell(f"Deadlines count from it: {_few(row.starts)}" if row.starts else ""), *more


def _in_grid(row: FactRow, report: FactsReport) -> bool:
    """Tell whether the grid of places has a fact: a place with a recorded number."""
    return ".by_jurisdiction." in row.key and row.value is not None and bool(report.people)


def _dated(row: FactRow) -> tuple[bool, datetime]:
    try:
        return row.value is None, parse_instant(str(row.value))
    except ValueError:
        return True, row.at


def shown_value(key: str, value: Any) -> str:
    """Return a value for a screen: a date in the screen's zone."""
    kind = fact_type(key)
    if kind is not None and kind.kind == "instant" and isinstance(value, str):
        try:
            return moment(parse_instant(value))
        except ValueError:
            return value
    return f"{value:,}" if type(value) is int else value_words(value)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _people(report: FactsReport) -> Iterator[Block]:
    for grid in report.people:
        if grid.places:
            head = (Cell("Place", "dim"), Cell("People", "dim"), Cell("Numbers that laws ask for", "dim"))
            yield table((head, *(_place(row, grid) for row in grid.places)), 2, titled=True)
        yield flow(*_sum(grid), indent=2, hang=2)
    for mark in report.thresholds:
        yield flow(*_mark(mark), indent=2, hang=2)
    for one in report.lists:
        yield line(f"List {one.name}: {one.people:,} people", indent=2, hang=2)
        if not one.differences:
            yield line("The list has the numbers of the facts", "good", indent=4)
        yield from (line(words, "alarm", indent=4, hang=2) for words in one.differences)


def _place(row: PlaceRow, grid: PeopleGrid) -> Cells:
    before = f"populations.{grid.population}." if grid.population else ""
    people = Cell("not known", "warn") if row.people is None else Cell(f"{row.people:,}")
    reached = [mark for mark in row.thresholds if mark.met is not False]
    words = "; ".join(f"{_met(mark)}: {mark.text}. {mark.title}" for mark in row.thresholds)
    return (
        Cell(row.place, about=f"fact/{before}people.by_jurisdiction.{row.place}"),
        people,
        Cell(words, "warn" if reached else "dim"),
    )


def _met(mark: ThresholdMark) -> str:
    return "Not determined" if mark.met is None else "Reached" if mark.met else "Not reached"


def _mark(mark: ThresholdMark) -> Cells:
    tone: Tone = "dim" if mark.met is False else "warn"
    return Cell(f"{_met(mark)}: {mark.text}. ", tone), Cell(mark.title, about=f"duty/{mark.duty}")


def _sum(grid: PeopleGrid) -> Cells:
    """Return the sum of the places against the total, in words."""
    group = f"{grid.population}: " if grid.population else ""
    unknown = sum(row.people is None for row in grid.places)
    open_ = f". {unknown} without a number" if unknown else ""
    if not grid.places:
        return (Cell(f"{group}Total {grid.total:,}. ", "plain"), Cell("No place has a number", "warn"))
    if grid.total is None:
        return (f"{group}Sum of the places {grid.sum:,}{open_}. ", Cell("The total is not known", "warn"))
    words = f"{group}Sum of the places {grid.sum:,}, total {grid.total:,}{open_}. "
    if grid.sum == grid.total:
        return (words, Cell("They agree", "good"))
    gap = grid.total - grid.sum
    said = f"{gap:,} people have no place" if gap > 0 else f"The places have {-gap:,} people too many"
    return (words, Cell(said, "alarm"))
