"""Failure domains: their states, their dependants, and declarations by people."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core.directory import named_domains, require_known
from runner.app.core.rights import may_perform
from runner.errors import UNREADABLE, Refused
from runner.incident.state.commands import DeclareDomain, ReportDomain
from runner.incident.state.incident import Incident

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Turn
    from runner.base.actor import Principal

State = Literal["compromised", "down", "up"]


class DomainRow(msgspec.Struct, frozen=True, kw_only=True):
    """One domain, its state, and what depends on it: channels, contacts, war rooms and logins."""

    domain: str
    state: str
    since: datetime | None
    assumed: bool
    channels: tuple[str, ...]
    contacts: tuple[str, ...] = ()
    """Addresses that depend on the domain over any channel, as ``maria's email``."""
    war_rooms: tuple[str, ...] = ()
    """War rooms of the settings that depend on the domain directly."""
    logins: tuple[str, ...] = ()
    """The name of the login provider, if it depends on the domain."""

    @property
    def dependants(self) -> tuple[str, ...]:
        """What depends on it, in words."""
        rooms = (f"war room {name}" for name in self.war_rooms)
        return (*self.channels, *self.contacts, *rooms, *(f"login with {name}" for name in self.logins))


def domain_rows(service: IncidentService, incident: Incident | None) -> tuple[DomainRow, ...]:
    """Return the domains of an incident; without an incident, the domains for all later incidents."""
    directory, rooms, provider = service.directory, service.home.war_rooms, service.home.identity.provider
    declared = incident.domains if incident is not None else service.traffic.down()
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
                logins=(provider.name,) if provider is not None and provider.domain == name else (),
            )
        )
    return tuple(found)


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
    require_known(service, domain, _of_incident(service, incident) if incident else service.traffic.down())
    if incident is None:
        if state != "compromised":
            service.traffic.declare(domain, state, since, by=principal.person)
        return None, ()
    made = DeclareDomain(domain=domain, state=state, since=since, reason=reason)
    turn = service.act(principal, incident.id, [made])
    return turn, () if state == "compromised" else _share(service, principal, incident, domain, state)


def _of_incident(service: IncidentService, incident: Incident) -> frozenset[str]:
    """Return the domains that only an incident names: declared ones, those of its war room, and of its action templates."""
    library = service.library(incident)
    plans = [library.plans[run.plan] for run in incident.runs.values()]
    actions = (one.depends for plan in plans for one in plan.bundle.actions.values())
    rooms = incident.war_room.domains if incident.war_room is not None else ()
    return frozenset((*incident.domains, *rooms, *actions))


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
