"""What a person must decide about erasure: incidents and people after their retention, and backups that outlived their rule.

Nothing is erased here. An incident on hold is not listed: somebody has decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.campaigns.letter_archive import archives
from runner.app.core.contact_store import kept_people, names, read_book
from runner.app.core.directory import read_people
from runner.app.core.repository import IncidentRow
from runner.app.exercises import schedules
from runner.app.home import backups, retention
from runner.app.people.accounts import account_book
from runner.errors import TocsinError
from runner.incident.people.contact_journal import AnyPeopleEvent, Kept, PersonForgotten, WayChecked, WayTried
from runner.reports.core.formatting import count, person_name
from runner.reports.core.page import Block, Cell, line, paged, table
from runner.reports.core.report import Report

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

STATES = {
    "present": "",
    "missing": "not found at this path",
    "unreachable": "not found, nor the last backup in its folder",
}
CLOSED_FOR = timedelta(days=3 * 365)
State = Literal["present", "missing", "unreachable"]


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One decision."""

    kind: Literal["incident", "person", "backup"]
    ref: str
    """Codename, person id, or path."""
    since: datetime
    """When the incident or the contacts last changed, or when the backup was made."""
    contents: str = ""
    """Besides the entries: files and letters, which are erased with them. Of a backup: that it was not found."""


class RetentionQueue(Report, frozen=True, kw_only=True, tag="tocsin/retention/v1"):
    """All decisions about erasure that are due."""

    before: datetime
    """What has not changed since is at the end of its retention."""
    due: tuple[Due, ...]
    holds: int
    """Incidents on hold."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded backup that was made before an erasure."""

    path: str
    made: datetime
    state: State
    """Unreachable: its folder has not even the last backup that was made there."""
    gone_by: date
    """The day by which the rule removes it, if backups continue."""


def closed_for(service: IncidentService) -> timedelta:
    """Return the shortest retention time of the scheduled jobs, else three years."""
    rules = (one.rule for one in schedules.read(service).schedules.values() if one.ended is None)
    spans = [rule.closed_for or CLOSED_FOR for rule in rules if rule.routine == "retention"]
    return min(spans, default=CLOSED_FOR)


def queue(
    service: IncidentService, rows: Sequence[IncidentRow], kept_for: timedelta | None = None
) -> RetentionQueue:
    """Return what is due among these incidents, the people and the backups."""
    before = service.clock.now() - (kept_for or closed_for(service))
    known, book = retention.kept(service), read_book(service.store)
    found = [*_incidents(service, rows, known, before), *_people(service, book, known, before)]
    erased = [one.ended or one.at for one in known.shredded.values()]
    erased += [at for at, event in book if isinstance(event, PersonForgotten)]
    if erased:
        today = service.clock.now().date()
        found += (
            Due(kind="backup", ref=one.path, since=one.made, contents=STATES[one.state])
            for one in copies(service, max(erased))
            if one.state != "missing" and one.gone_by < today
        )
    return RetentionQueue(before=before, due=tuple(found), holds=len(known.holds))


def _incidents(
    service: IncidentService, rows: Sequence[IncidentRow], known: Kept, before: datetime
) -> Iterator[Due]:
    held = {name for name, _ in known.ended_holds}
    note = f'"text":"{retention.HOLD_NOTE}'.encode()
    for row in rows:
        if row.state in ("closed", "cancelled") and row.id not in {*known.shredded, *known.holds}:
            last = service.repository.last_entry(row)
            if row.id in held:  # the notes of a hold, and what Tocsin computed then, do not renew the time
                last = service.repository.last_act(
                    row, lambda one: one.type == "NoteAdded" and note in (one.payload or b"")
                )
            if last <= before:
                yield Due(kind="incident", ref=row.codename, since=last, contents=_contents(service, row))


def _contents(service: IncidentService, row: IncidentRow) -> str:
    try:
        incident = service.load(row.id)
    except TocsinError as error:
        return f"cannot be read: {error.message}"
    letters = len(archives(service, incident))
    numbers = (
        (len(incident.evidence), "evidence file"),
        (letters, "archive of letters", "archives of letters"),
    )
    return ", ".join(count(*one) for one in numbers if one[0])


def _people(
    service: IncidentService, told: list[tuple[datetime, AnyPeopleEvent]], known: Kept, before: datetime
) -> Iterator[Due]:
    """Yield people with old contacts and no role, account, open incident or incident on hold; a channel test does not renew them."""
    last = {event.person: at for at, event in told if not isinstance(event, WayTried | WayChecked)}
    old = sorted(name for name in kept_people(service) if name in last and last[name] <= before)
    if not old:
        return
    held = [read_people(service).roles]
    try:
        held += [service.load(row.id).roles for row in service.incidents() if row.state in ("open", "paused")]
    except TocsinError:  # who is needed in it is unknown
        return
    busy = {person for roles in held for persons in roles.values() for person in persons}
    book = account_book(service)
    for name in old:
        if name in busy or book.is_active(name):
            continue
        if not any(names(service.store, held, name) for held in known.holds):
            yield Due(kind="person", ref=name, since=last[name])


def copies(service: IncidentService, erased: datetime) -> tuple[Copy, ...]:
    """Return the recorded backups that began before the end of an erasure: they have the key, but the master key is elsewhere.

    Not the packs, and not those that Tocsin removed. What is not found may still exist: its medium can be unplugged.
    """
    rule, told = backups.parse_keep(service.home.backup.keep), backups.kept(service).made
    removed = {(one.place, name) for _, one in told for name in one.removed}
    last = {one.place: Path(one.place) / one.name for _, one in told if not one.pack}
    return tuple(
        Copy(
            path=str(path),
            made=at,
            state="present" if path.exists() else "missing" if last[made.place].exists() else "unreachable",
            gone_by=backups.gone_by(at, rule),
        )
        for at, made in told
        if (made.begun or at) <= erased and not made.pack and (made.place, made.name) not in removed
        for path in (Path(made.place) / made.name,)
    )


_ACTS = {
    "incident": "tocsin shred CODENAME --reason WHY, or to keep it: tocsin hold CODENAME --until DATE --reason WHY",
    "person": "tocsin person forget PERSON, or to keep the person: tocsin person verify PERSON CHANNEL --how HOW",
    "backup": "tocsin backup --to FOLDER, which removes old backups, or remove these by hand",
}
_TITLES = {
    "incident": "INCIDENTS AFTER THEIR RETENTION",
    "person": "PEOPLE WITHOUT ROLE, ACCOUNT AND OPEN INCIDENT",
    "backup": "OLD BACKUPS WITH ERASED DATA",
}


@paged
def queue_page(report: RetentionQueue) -> Iterator[Block]:
    """Draw the decisions with the commands that record them."""
    for kind, title in _TITLES.items():
        rows = [one for one in report.due if one.kind == kind]
        if rows:
            yield line(title, "title")
            yield table(map(_row, rows), 2)
            yield line(_ACTS[kind], "command", indent=2, hang=2)
    since = f"{report.before:%Y-%m-%d}"
    if not report.due:
        yield line(f"Nothing is at the end of its retention: closed and unchanged since {since}", "good")
    if report.holds:
        yield line(f"{count(report.holds, 'incident')} on hold: tocsin hold", "dim")


def _row(one: Due) -> tuple[Cell | str, ...]:
    if one.kind == "incident":
        return f"{one.since:%Y-%m-%d}", Cell(one.ref, about=f"incident/{one.ref}"), Cell(one.contents, "dim")
    person = one.kind == "person"
    name = person_name(one.ref) if person else one.ref
    return f"{one.since:%Y-%m-%d}", name, Cell(one.ref if person else one.contents, "dim")
