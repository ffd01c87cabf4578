"""The timeline: all entries with their actors, from the journal, with corrections beside the corrected entries.

Privileged and personnel entries are withheld unless the reader asks for them: the entry is shown without its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby

import msgspec

from runner.base.actor import VIA
from runner.base.states import Kind
from runner.incident.state.events import (
    ActedOnBehalf,
    BehalfConfirmed,
    EventCorrected,
    PrivilegedEventCorrected,
    Stream,
)
from runner.incident.state.incident import Delivery, Incident, RoomTask
from runner.incident.state.library import Library
from runner.reports.core.event_row import EventRow, decode_event
from runner.reports.core.formatting import count, day, describe_actor, moment
from runner.reports.core.header import Heading, heading_of, render_header
from runner.reports.core.page import Blank, Block, Cell, Tone, flow, line, paged
from runner.reports.core.report import Report, csv_text, filled
from runner.reports.core.task_rows import titles
from runner.reports.incidents.event_descriptions import Words, describe, is_detail, kind_of
from runner.reports.messages.war_room import errand_words

_LATE_ENTRY = timedelta(minutes=1)
WITHHELD = "withheld"
_CORRECTIONS = (EventCorrected.__name__, PrivilegedEventCorrected.__name__)


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A later entry that marks this entry as wrong."""

    event: int
    at: datetime
    by: str
    reason: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the timeline."""

    event: int
    at: datetime
    recorded: datetime
    exercise_at: datetime | None
    type: str
    kind: str
    """Its subject: task, message, fact and the like."""
    stream: Stream
    claimed: str
    proven_by: str | None
    on_behalf_of: str | None
    actor: str
    """The actor in words: verified or claimed."""
    text: str
    """``withheld`` if the reader did not ask for the stream, or the content is erased."""
    detail: bool
    """Not in a short timeline."""
    corrections: tuple[Correction, ...] = ()
    confirmed_in: int | None = None
    """For an entry on behalf of a person: the entry of the confirmation; null without one."""


class Timeline(Report, frozen=True, kw_only=True, tag="tocsin/timeline/v1"):
    """All entries in the journal's order."""

    heading: Heading
    kind: Kind
    entries: tuple[Entry, ...]
    left_out: int = 0
    """Number of entries that the filter excludes."""


def timeline(
    incident: Incident,
    library: Library,
    rows: Iterable[EventRow],
    streams: Sequence[Stream] = ("operational",),
    words: Words | None = None,
) -> Timeline:
    """Return the timeline of an incident from its journal; entries outside ``streams`` are withheld.

    ``words`` names tasks and recipients; without it, all names of the incident are used.
    """
    journal = list(rows)
    words = words_of(incident, library) if words is None else words
    corrected, confirmed = _corrections(journal, streams), _confirmations(journal)
    entries = tuple(_entry(row, words, streams, corrected, confirmed) for row in journal)
    return Timeline(heading=heading_of(incident), kind=incident.kind, entries=entries)


def narrowed(
    found: Timeline, text: str, kind: str, by: str, since: datetime | None, until: datetime | None = None
) -> Timeline:
    """Return the entries with a text, of a kind, by or for a person, from and to a time; empty is any."""
    entries = tuple(
        entry
        for entry in found.entries
        if text.casefold() in entry.text.casefold()
        and kind in ("", entry.kind)
        and by in ("", entry.claimed, (entry.on_behalf_of or "").partition(VIA)[0])
        and (since is None or entry.at >= since)
        and (until is None or entry.at <= until)
    )
    return msgspec.structs.replace(found, entries=entries, left_out=len(found.entries) - len(entries))


def words_of(incident: Incident, library: Library) -> Words:
    """Return the names of the steps, people and channels of an incident for sentences."""
    deliveries, errands = incident.deliveries.values(), incident.errands.values()
    tried: tuple[Delivery | RoomTask, ...] = (*deliveries, *errands)
    return Words(
        titles={**titles(incident, library), **{errand.id: errand_words(errand) for errand in errands}},
        recipients={delivery.id: delivery.person for delivery in deliveries},
        channels={f"{of.id}|{a.n}": f" over {a.channel}" for of in tried for a in of.attempts if a.channel}
        | {
            f"{of.id}|{a.n}": f" for {of.items[a.item].name}"
            for of in incident.invocations.values()
            for a in of.attempts
            if a.item is not None
        },
    )


def _entry(
    row: EventRow,
    words: Words,
    streams: Sequence[Stream],
    corrected: dict[int, tuple[Correction, ...]],
    confirmed: dict[int, int],
) -> Entry:
    event = decode_event(row) if row.stream in streams else None
    return filled(
        Entry,
        row,
        row.actor,
        event=row.seq,
        kind=kind_of(row.type),
        actor=describe_actor(row.actor),
        text=WITHHELD if event is None else describe(event, words),
        detail=event is not None and is_detail(event),
        corrections=corrected.get(row.seq, ()),
        confirmed_in=confirmed.get(row.seq),
    )


def _confirmations(rows: Sequence[EventRow]) -> dict[int, int]:
    """Return confirmed entries on behalf of a person → the entry of the confirmation."""
    spans: dict[int, int] = {}
    found: dict[int, int] = {}
    for row in rows:
        if row.type not in (ActedOnBehalf.__name__, BehalfConfirmed.__name__):
            continue
        match decode_event(row):
            case ActedOnBehalf(first=first):
                spans[first] = row.seq
            case BehalfConfirmed(first=first):
                found.update(dict.fromkeys(range(first, spans.get(first, first) + 1), row.seq))
            case _:
                pass
    return found


def _corrections(rows: Sequence[EventRow], streams: Sequence[Stream]) -> dict[int, tuple[Correction, ...]]:
    found: dict[int, tuple[Correction, ...]] = {}
    for row in rows:
        said = row.type in _CORRECTIONS and row.stream in streams
        if said and isinstance(event := decode_event(row), EventCorrected):
            correction = Correction(event=row.seq, at=row.at, by=event.by, reason=event.reason)
            found[event.seq] = (*found.get(event.seq, ()), correction)
    return found


@paged
def timeline_page(found: Timeline, zone: tzinfo, *, everything: bool = False) -> Iterator[Block]:
    """Draw the timeline by day, in a zone; details are only counted unless ``everything`` is set."""
    held = [entry for entry in found.entries if _is_withheld(entry)]
    entries = [entry for entry in _shown(found, everything=everything) if not _is_withheld(entry)]
    yield from render_header(found.heading, "Timeline")
    for stream, of_stream in groupby(sorted(held, key=lambda one: one.stream), key=lambda one: one.stream):
        numbers = [str(entry.event) for entry in of_stream]
        words = (
            f"{count(len(numbers), f'{stream} entry', f'{stream} entries')} withheld: {', '.join(numbers)}"
        )
        yield line(words, "warn", hang=2)
    days = groupby(entries, key=lambda entry: entry.at.astimezone(zone).date())
    for number, (date, of_day) in enumerate(days):
        if number:
            yield Blank()
        yield line(day(date), "title")
        for entry in of_day:
            yield from entry_blocks(entry, zone)
    if folded := len(found.entries) - len(entries) - len(held):
        yield Blank()
        yield line(f"{count(folded, 'detail')} not shown (--all)", "dim")
    if found.left_out:
        yield Blank()
        yield line(f"{count(found.left_out, 'other entry', 'other entries')} not shown", "dim")


def _shown(found: Timeline, *, everything: bool) -> list[Entry]:
    return [entry for entry in found.entries if everything or not entry.detail]


def _is_withheld(entry: Entry) -> bool:
    """Tell whether an entry is in a stream that the reader did not ask for or may not read."""
    return entry.text == WITHHELD and entry.stream != "operational"


def timeline_csv(found: Timeline, *, everything: bool = False) -> str:
    """Return the entries of a timeline as a table, times in UTC; a withheld entry is a row without its text."""
    heads = (
        "Entry",
        "Time",
        "Recorded",
        "Kind",
        "Stream",
        "By",
        "On behalf of",
        "Verified by",
        "Text",
        "Marked as wrong",
    )
    rows = (
        (
            str(one.event),
            *(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (one.at, one.recorded)),
            *(one.kind, one.stream, one.claimed, one.on_behalf_of or "", one.proven_by or "", one.text),
            "; ".join(f"entry {wrong.event}, {wrong.by}: {wrong.reason}" for wrong in one.corrections),
        )
        for one in _shown(found, everything=everything)
    )
    return csv_text(heads, rows)


def entry_blocks(one: Entry, zone: tzinfo) -> Iterator[Block]:
    """Draw one entry with its corrections."""
    clock = f"{one.at.astimezone(zone):%H:%M:%S}"
    stream = "" if one.stream == "operational" else f"[{one.stream}] "
    late = f", recorded {moment(one.recorded, zone)}" if one.recorded - one.at > _LATE_ENTRY else ""
    confirmed = f", confirmed in entry {one.confirmed_in}" if one.confirmed_in else ", not confirmed"
    confirmed = confirmed if one.on_behalf_of else ""
    exercise = f", exercise time {moment(one.exercise_at, zone)}" if one.exercise_at else ""
    yield flow(
        Cell(f"{clock}  {one.event:>4}  ", "dim"),
        Cell(stream, "warn"),
        Cell(one.text, _tone(one)),
        Cell(f"  – {one.actor}{confirmed}{late}{exercise}", "dim"),
        hang=16,
    )
    for correction in one.corrections:
        text = f"Marked as wrong by {correction.by or 'an unnamed person'} in entry {correction.event}: {correction.reason}"
        yield line(text, "alarm", indent=16, hang=2)


def _tone(one: Entry) -> Tone:
    if one.corrections or one.text == WITHHELD:
        return "dim"
    loud = ("UNKNOWN", "BLOCKED", "OVERDUE", "FAILED", "EXPIRED", "REJECTED", "NOT REACHED")
    return "alarm" if any(word in one.text for word in loud) else "plain"
