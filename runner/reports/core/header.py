"""The top of every page about an incident: its name, and the marking of an exercise or test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from runner.actions import Action
from runner.base.instants import parse_instant
from runner.base.states import MARKS, Kind, State
from runner.incident.state.incident import Incident
from runner.reports.core import suggested_actions
from runner.reports.core.formatting import screen_time, zone_words
from runner.reports.core.page import Blank, Block, Cell, Cells, Page, Paragraph, Tone, arrow, ends, flow, line
from runner.reports.core.report import filled
from runner.reports.core.second_person import alone_words


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an incident on every page."""

    incident: str
    codename: str
    title: str
    kind: Kind
    state: State
    severity: str = ""
    restricted: bool = False
    """Only the people with a role in the incident see it."""
    alone: str = ""
    """Acts of one person alone that need two people, with the reason."""


def heading_of(incident: Incident) -> Heading:
    """Return an incident's heading."""
    return filled(Heading, incident, incident=incident.id, alone=alone_words(incident))


def marking(kind: str) -> str:
    """Return the marking of an incident that is not real, else nothing."""
    return "" if kind == "real" else " · ".join([MARKS[kind]] * 3)


def prompt(kind: str, codename: str) -> str:
    """Return the start of a question to a person: ``[EXERCISE amber-falcon]``."""
    return f"[{codename}]" if kind == "real" else f"[{MARKS[kind]} {codename}]"


def marked(kind: str) -> tuple[Block, ...]:
    """Return the marking as blocks."""
    found = marking(kind)
    return (line(found, "marking"),) if found else ()


def without_worker(page: Page) -> Page:
    """Return a page with the note "no worker is running" under its marking."""
    says = flow(Cell(suggested_actions.NO_WORKER, "alarm"), arrow(suggested_actions.START_WORKER), hang=2)
    return _noted(page, says)


def at_wrong_time(page: Page, problem: str) -> Page:
    """Return a page with a note under its marking: what is wrong with the clock."""
    how = "Set the clock. If it is right, a commander confirms the time on the status page"
    return _noted(page, line(f"{problem} {how}", "alarm", hang=2))


def without_settings(page: Page, left_out: Sequence[str]) -> Page:
    """Return a page with a note under its marking: the sections of the settings that it was made without."""
    words = f"Settings with problems are left out: {', '.join(left_out)}. Data can be missing or wrong"
    return _noted(page, flow(Cell(words, "alarm"), arrow(Action("home.doctor")), hang=2))


def _noted(page: Page, says: Block) -> Page:
    first = page.blocks[0] if page.blocks else None
    under = 1 if isinstance(first, Paragraph) and first.cells[0].tone == "marking" else 0
    return Page((*page.blocks[:under], says, *page.blocks[under:]))


def render_header(heading: Heading, subject: str = "", *, zoned: bool = True) -> tuple[Block, ...]:
    """Return the first lines of a page about one incident: marking, codename, title, state, subject."""
    subject = " · ".join(filter(None, (subject, zone_words() if zoned else "")))
    return (*_top(heading), *((line(subject, "dim"),) if subject else ()), Blank())


def screen_header(heading: Heading, now: datetime, subject: str = "") -> tuple[Block, ...]:
    """Return the two lines of an incident's own screen: codename, title and state; then time, zone and subject."""
    about = f" · {subject}" if subject else ""
    return (*_top(heading), line(f"{screen_time(now, named=True)}{about}"))


def list_header(heading: Heading, name: str, now: datetime) -> tuple[Block, ...]:
    """Return the first line of a list of an incident: codename, name of the list, time and zone."""
    left = (Cell(heading.codename, "title"), f" · {name}")
    return (
        *marked(heading.kind),
        ends(left, (*_state(heading), screen_time(now))),
        *_alone(heading),
    )


def _top(heading: Heading) -> tuple[Block, ...]:
    left = (Cell(heading.codename, "title"), f" · {heading.title}" if heading.title else "")
    return (*marked(heading.kind), ends(left, _state(heading, closed_only=False)), *_alone(heading))


def _state(heading: Heading, *, closed_only: bool = True) -> Cells:
    severity = f"{heading.severity.upper()} · " if heading.severity else ""
    severity = f"RESTRICTED · {severity}" if heading.restricted else severity
    if closed_only:
        state = f"{heading.state.upper()} · " if heading.state != "open" else ""
        return (Cell(severity, "alarm"), Cell(state, "warn"))
    tone: Tone = "title" if heading.state == "open" else "warn"
    return (Cell(severity, "alarm"), Cell(heading.state.upper(), tone))


def _alone(heading: Heading) -> tuple[Block, ...]:
    return (line(heading.alone, "alarm", hang=2),) if heading.alone else ()


def named_zone(name: object) -> tzinfo:
    """Return the zone of an IANA name; UTC for an unknown name."""
    try:
        return ZoneInfo(str(name or "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def exercise_zone(start: str, organisation: tzinfo) -> tzinfo:
    """Return the zone of an exercise by its start as its author wrote it (RFC 3339; empty is now).

    It is the organisation's zone if the start has that zone's offset, so that a change of clocks is shown; otherwise
    the start's own offset.
    """
    if not start:
        return organisation
    at = parse_instant(start)
    same = at.utcoffset() == at.astimezone(organisation).utcoffset()
    return organisation if same else at.tzinfo or organisation


def zone_of(incident: Incident, start: str = "") -> tzinfo:
    """Return the zone of an incident by its recorded organisation; ``start`` is that of an exercise's plan."""
    fact = incident.facts.get("organisation.zone")
    return exercise_zone(start, named_zone(fact.value if fact is not None else ""))


def local_now(now: datetime, zone: object, incident: Incident | None = None) -> datetime:
    """Return the time in the organisation's zone, recorded in the incident or else ``zone``; unchanged if none is known.

    Beside this clock a person may write local times.
    """
    fact = incident.facts.get("organisation.zone") if incident is not None else None
    name = fact.value if fact is not None and fact.value else zone
    return now.astimezone(named_zone(name)) if name else now


def clocked(at: datetime, zone: tzinfo) -> str:
    """Return an instant with its offset: ``2026-10-05 08:00 UTC+02:00``."""
    there = at.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M} {offset(there)}"


def offset(there: datetime) -> str:
    """Return the offset of a local time to UTC: ``UTC``, ``UTC+02:00``."""
    digits = f"{there:%z}"
    return "UTC" if digits in ("+0000", "") else f"UTC{digits[:3]}:{digits[3:5]}"
