"""Failure domains: their states, their dependants, and declarations by people."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core.channel_state import ELSEWHERE
from runner.app.core.directory import known_domains
from runner.app.core.repository import RESTRICTED, IncidentRow
from runner.app.core.rights import may_perform
from runner.errors import UNREADABLE, Refused
from runner.incident.state.commands import AnyCommand, DeclareDomain, ReportDomain
from runner.incident.state.incident import Domain, Incident
from runner.routing.rules import Compromise

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
    why: str
    """What failed, how often, if its outage was detected."""
    channels: tuple[str, ...]
    contacts: tuple[str, ...] = ()
    """Addresses that depend on the domain over any channel, as ``maria's email``."""
    war_rooms: tuple[str, ...] = ()
    """War rooms of the settings that depend on the domain directly."""
    logins: tuple[str, ...] = ()
    """The name of the login provider, if it depends on the domain."""
    declared_in: tuple[str, ...] = ()
    """The other real incidents in which a person declared it compromised."""
    assumed_in: tuple[str, ...] = ()
    """The other open incidents whose playbooks assume so: only a warning here."""

    @property
    def dependants(self) -> tuple[str, ...]:
        """What depends on it, in words."""
        rooms = (f"war room {name}" for name in self.war_rooms)
        return (*self.channels, *self.contacts, *rooms, *(f"login with {name}" for name in self.logins))

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Where else it is said to be compromised, in words."""
        declared = (f"declared in {name}" for name in self.declared_in)
        return (*declared, *(f"assumed in {name}" for name in self.assumed_in))


def domain_rows(
    service: IncidentService, principal: Principal, incident: Incident | None
) -> tuple[DomainRow, ...]:
    """Return the known domains as they count in an incident; without an incident, in the home and all later incidents."""
    directory, rooms, provider = service.directory, service.home.war_rooms, service.home.identity.provider
    declared = dict(incident.domains) if incident is not None else service.traffic.down()
    known = known_domains(service)
    sure, assumed = (_elsewhere(service, principal, incident, kind) for kind in (False, True))
    for name, said in sure.items():
        if name not in declared or declared[name].state != "compromised" or declared[name].assumed:
            since = min(one.since for one, _ in said)
            declared[name] = Domain(name=name, state="compromised", since=since, automatic=True)
    return tuple(
        DomainRow(
            domain=name,
            state=one.state if one else "up",
            since=one.since if one else None,
            assumed=one.assumed if one else False,
            why=one.why if one and one.state == "down" else "",
            channels=tuple(sorted(each.id for each in directory.channels.values() if name in each.domains)),
            contacts=directory.contacts_in(name),
            war_rooms=tuple(room for room, each in rooms.items() if name in each.domains),
            logins=(provider.name,) if provider is not None and provider.domain == name else (),
            declared_in=tuple(dict.fromkeys(where for _, where in sure.get(name, ()))),
            assumed_in=tuple(dict.fromkeys(where for _, where in assumed.get(name, ()))),
        )
        for name in sorted({*known, *declared})
        for one in (declared.get(name),)
    )


UNREAD = "an incident that you may not read"


def _elsewhere(
    service: IncidentService, principal: Principal, incident: Incident | None, assumed: bool
) -> dict[str, list[tuple[Compromise, str]]]:
    """Return what other incidents say is compromised, by domain, with the incident's name for who may read it.

    An own name of a domain, on which nothing depends, is shown to nobody else.
    """
    known = known_domains(service)
    found: dict[str, list[tuple[Compromise, str]]] = {}
    for row, one in service.repository.compromises():
        if one.assumed is assumed and (incident is None or row.id != incident.id):
            name = _named(service, principal, row)
            if one.domain in known or (name != UNREAD and incident is None):
                found.setdefault(one.domain, []).append((one, name))
    return found


def compromised(service: IncidentService) -> frozenset[str]:
    """Return the failure domains that are compromised in a real incident, declared or assumed: no account mail uses them."""
    return frozenset(one.domain for _, one in service.repository.compromises())


def declare(
    service: IncidentService,
    principal: Principal,
    incident: Incident | None,
    domain: str,
    state: State,
    since: datetime,
    reason: str,
) -> tuple[Turn | None, tuple[str, ...]]:
    """Record a person's declaration of a domain; return the turn, and the codenames of other changed incidents.

    Without an incident, marks store the declaration and its person; each incident records it at its first turn. A compromise ends only in
    the incident that says so, also after its end: raises Refused elsewhere, with that incident.
    """
    said = _elsewhere(service, principal, incident, False).get(domain, ()) if state != "compromised" else ()
    known = incident.domains.get(domain) if incident is not None else None
    if said and (incident is None or known is None or known.own is None or known.own.state != "compromised"):
        names = dict.fromkeys(name for _, name in said)
        at = next((name for name in names if name != UNREAD), "")
        raise Refused(
            f"{domain} is compromised in {', '.join(names)}. It stays so until a person declares it up there.",
            hint=f"In that incident: tocsin domain declare-up {domain} --reason WHY --incident {at}"
            if at
            else "Ask the commander of that incident",
            code="compromised_elsewhere",
        )
    if incident is None:
        service.traffic.declare(domain, state, since, by=principal.person)
        return None, ()
    made: list[AnyCommand] = [DeclareDomain(domain=domain, state=state, since=since, reason=reason)]
    if said:
        still = min(one.since for one, _ in said)
        made.append(ReportDomain(domain=domain, state="compromised", since=still, reason=ELSEWHERE))
    turn = service.act(principal, incident.id, made)
    return turn, () if said or state == "compromised" else _share(service, principal, incident, domain, state)


def _named(service: IncidentService, principal: Principal, row: IncidentRow) -> str:
    """Return the codename of an incident for who may read it; a restricted one is named only to the people with a role in it."""
    if row.summary.endswith(RESTRICTED):
        with suppress(*UNREADABLE):
            if any(principal.person in persons for persons in service.load(row.id).roles.values()):
                return row.codename
    elif any(one.id == row.id for one in service.read(principal).incidents()):
        return row.codename
    return UNREAD


def named_in(service: IncidentService, incident: Incident | None) -> frozenset[str]:
    """Return the domains that only an incident names: declared ones, those of its war room, and of its action templates."""
    if incident is None:
        return frozenset((*service.traffic.down(), *service.traffic.compromised))
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
    told = ReportDomain(domain=domain, state=state, since=now, reason=ELSEWHERE, declared=True)
    changed = []
    for row in service.incidents("open"):
        if row.id == incident.id:
            continue
        try:
            if not may_perform(principal, service.load(row.id).roles, [told]):
                continue
            turn = service.act(principal, row.id, [told])
            changed += [_named(service, principal, row)] if turn.events else []
        except (*UNREADABLE, Refused):
            continue
    return tuple(changed)
