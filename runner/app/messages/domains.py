"""Failure domains: their states, their dependants, and declarations by people."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core.directory import named_domains, require_known
from runner.app.core.rights import may_perform
from runner.errors import UNREADABLE, Refused
from runner.incident.state.commands import DeclareDomain, ReportDomain
from runner.incident.state.incident import Domain, Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.base.actor import Principal

State = Literal["compromised", "down", "up"]


class DomainRow(msgspec.Struct, frozen=True, kw_only=True):
    """One domain, its state, and the channels, contacts and war rooms that depend on it."""

    domain: str
    state: str
    since: datetime | None
    assumed: bool
    channels: tuple[str, ...]
    contacts: tuple[str, ...] = ()
    """Addresses that depend on the domain over any channel, as ``maria's email``."""
    war_rooms: tuple[str, ...] = ()
    """War rooms of the settings that depend on the domain directly."""


def domain_rows(service: IncidentService, incident: Incident | None) -> tuple[DomainRow, ...]:
    """Return the domains of an incident; without an incident, the domains for all later incidents."""
    directory, rooms = service.directory, service.home.war_rooms
    declared = incident.domains if incident is not None else _down_for_all(service)
    found = []
    for name in sorted({*named_domains(service), *declared}):
        known = declared.get(name)
        found.append(
            DomainRow(
                domain=name,
                state=known.state if known else "up",
                since=known.since if known else None,
                assumed=known.assumed if known else False,
                channels=tuple(sorted(one.id for one in directory.channels.values() if name in one.domains)),
                contacts=directory.contacts_in(name),
                war_rooms=tuple(room for room, one in rooms.items() if name in one.domains),
            )
        )
    return tuple(found)


def _down_for_all(service: IncidentService) -> Mapping[str, Domain]:
    """Return the domains that are down for all later incidents."""
    service.traffic.refresh()
    return {
        name: Domain(name=name, state="down", since=one.opened_at)
        for name, one in service.traffic.fallen.items()
        if one.opened_at is not None
    }


def compromised(service: IncidentService) -> frozenset[str]:
    """Return the failure domains that are compromised in an open real incident, declared or assumed."""
    found: set[str] = set()
    for row in service.incidents():
        if row.state in ("open", "paused") and row.kind == "real":
            with suppress(*UNREADABLE):
                domains = service.load(row.id).domains
                found.update(name for name, one in domains.items() if one.state == "compromised")
    return frozenset(found)


def declare(
    service: IncidentService,
    principal: Principal,
    incident: Incident | None,
    domain: str,
    state: State,
    since: datetime,
    reason: str,
) -> tuple[Turn | None, tuple[str, ...]]:
    """Record a person's declaration of a domain; return the codenames of other changed incidents.

    Without an incident, marks store the declaration and its person; each incident records it at its first turn.
    """
    rooms = incident.war_room.domains if incident is not None and incident.war_room is not None else ()
    require_known(service, domain, (*rooms, *(incident.domains if incident else _down_for_all(service))))
    if incident is None:
        if state != "compromised":
            service.traffic.declare(domain, state, since, by=principal.person)
        return None, ()
    made = DeclareDomain(domain=domain, state=state, since=since, reason=reason)
    turn = service.act(principal, incident.id, [made])
    return turn, () if state == "compromised" else _share(service, principal, incident, domain, state)


def _share(
    service: IncidentService,
    principal: Principal,
    incident: Incident,
    domain: str,
    state: Literal["down", "up"],
) -> tuple[str, ...]:
    """Share the declaration with the other open incidents, unless it is from an exercise or a test.

    Only with those that the person may change; and with later ones, if the person may declare in the home.
    """
    if incident.kind != "real":
        return ()
    now = service.clock.now()
    if service.read(principal).may("domain.declare"):
        service.traffic.declare(domain, state, now)
    reason = f"declared in {incident.codename}"
    told = ReportDomain(domain=domain, state=state, since=now, reason=reason, declared=True)
    changed = []
    for row in service.incidents("open"):
        if row.id == incident.id:
            continue
        try:
            if not may_perform(principal, service.load(row.id).roles, [told]):
                continue
            turn = service.act(principal, row.id, [told])
            changed += [row.codename] if turn.events else []
        except (*UNREADABLE, Refused):
            continue
    return tuple(changed)
