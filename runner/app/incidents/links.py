"""Links between two incidents that turn out to be one: one leads, the other follows.

A link is one entry in a journal of the organisation, so it never exists for one incident alone. It merges nothing: tasks, facts,
duties and deadlines of both incidents stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.repository import IncidentRow, unknown_incident
from runner.app.core.rights import require
from runner.decoding import json_reader
from runner.errors import UNREADABLE, NotFound, Refused, Usage
from runner.reports.core.report import filled
from runner.reports.incidents.links import LinkRow

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.base.actor import Principal

JOURNAL = "links"
"""The journal's name; it is not an incident."""


class _LinkEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    leading: str
    following: str
    by: str
    reason: str


class IncidentsLinked(_LinkEvent, frozen=True, kw_only=True):
    """A person found that two incidents are one."""


class IncidentsUnlinked(_LinkEvent, frozen=True, kw_only=True):
    """A person found that they are two."""


_AnyEvent = IncidentsLinked | IncidentsUnlinked
_READER: Callable[[bytes], _AnyEvent] = json_reader(_AnyEvent)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One link that holds now."""

    leading: str
    following: str
    by: str
    reason: str
    at: datetime


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """All links by the incident that follows: it has one that leads."""

    links: Mapping[str, Link]
    version: int


def read(service: IncidentService) -> Links:
    """Return all links; cheap without any."""
    found: dict[str, Link] = {}
    last = 0
    if service.store.head(JOURNAL).version:
        for seq, at, event in organisation_journal.entries(service, JOURNAL, _READER):
            last = seq
            if isinstance(event, IncidentsLinked):
                found[event.following] = filled(Link, event, at=at)
            else:
                found.pop(event.following, None)
    return Links(links=found, version=last)


def link(
    service: IncidentService, principal: Principal, names: tuple[str, str], leading: str, reason: str
) -> Link:
    """Link two incidents, of which ``leading`` leads; raises Refused for an incident that cannot have the link.

    It needs the right to lead incidents in the home. What the person may not read does not exist for them.
    """
    one, other = (_found(service, principal, name, reason) for name in names)
    lead = _found(service, principal, leading, reason)
    if one.id == other.id or lead.id not in (one.id, other.id):
        raise Usage(
            "A link needs two incidents, and one of them leads.",
            hint=f"Name another incident, and --leads {one.codename} or that one",
            code="bad_link",
        )
    if one.kind != other.kind:
        raise Refused(
            f"{one.codename} and {other.codename} are of different kinds: {one.kind} and {other.kind}.",
            hint="Link two real incidents, or two of one exercise",
            code="other_kind",
        )
    follows = other if lead.id == one.id else one

    def decide(book: Links) -> list[_AnyEvent]:
        leads = {one.leading for one in book.links.values()}
        if follows.id in book.links or follows.id in leads or lead.id in book.links:
            raise Refused(
                f"{follows.codename} cannot follow {lead.codename}: one of them has another link.",
                hint="Read its status. End the other link first: tocsin unlink INCIDENT --reason WHY",
                code="linked_already",
            )
        return [
            IncidentsLinked(leading=lead.id, following=follows.id, by=principal.person, reason=reason.strip())
        ]

    organisation_journal.change(service, JOURNAL, read, decide)
    return read(service).links[follows.id]


def unlink(service: IncidentService, principal: Principal, names: tuple[str, str], reason: str) -> None:
    """End the link of two incidents; raises NotFound without one."""
    pair = {_found(service, principal, name, reason).id for name in names}

    def decide(book: Links) -> list[_AnyEvent]:
        for one in book.links.values():
            if {one.leading, one.following} == pair:
                ends = IncidentsUnlinked(
                    leading=one.leading, following=one.following, by=principal.person, reason=reason.strip()
                )
                return [ends]
        raise NotFound("These incidents are not linked.", hint="Read the status of one", code="not_linked")

    organisation_journal.change(service, JOURNAL, read, decide)


def _found(service: IncidentService, principal: Principal, name: str, reason: str) -> IncidentRow:
    """Return an incident that a person may link; raises NotFound for one that is absent or that they may not read."""
    reader = service.read(principal)
    require(reader.may("incident.lead"), principal, "link incidents")
    if not reason.strip():
        raise Usage("The reason is missing.", hint="Add --reason 'same intruder'", code="reason_missing")
    for row in reader.incidents():
        if name in (row.id, row.codename):
            return row
    raise unknown_incident(name)


def rows_of(service: IncidentService, reader: Reader, incident: str) -> tuple[LinkRow, ...]:
    """Return the links of an incident to others that the reader may read."""
    found = [one for one in read(service).links.values() if incident in (one.leading, one.following)]
    readable = {row.id: row for row in reader.incidents()} if found else {}
    rows = []
    for one in found:
        other = one.leading if one.following == incident else one.following
        if (row := readable.get(other)) is not None:
            dues = _deadlines(service, reader, other)
            link = {"incident": other, "leads": one.leading == other, "deadlines": dues}
            rows.append(filled(LinkRow, row, one, deadline=min(dues.values(), default=None), **link))
    return tuple(rows)


def _deadlines(service: IncidentService, reader: Reader, name: str) -> dict[str, datetime]:
    """Return the open statutory deadlines of an incident by duty, to whoever may read its duties."""
    from runner.reports.law.duties import running

    try:
        incident = reader.incident(name)
        now = service.now_in(incident)
        duties = running(service.near_duties(incident, now), now) if reader.may("duty.read", incident) else []
    except UNREADABLE:
        return {}
    return {duty.id: duty.due for duty in duties if duty.due is not None}


def names_of(service: IncidentService, reader: Reader) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return by incident the codename that leads it, and those that follow it; only what the reader may read."""
    links = read(service).links.values()
    readable = {row.id: row.codename for row in reader.incidents()} if links else {}
    known = [one for one in links if one.leading in readable and one.following in readable]
    return {
        name: (
            next((readable[one.leading] for one in known if one.following == name), ""),
            tuple(readable[one.following] for one in known if one.leading == name),
        )
        for name in {name for one in known for name in (one.leading, one.following)}
    }
