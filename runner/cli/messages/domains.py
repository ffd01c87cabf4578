"""Commands of failure domains: which are compromised or down, and what depends on each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from runner.base.text import nearest
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group, instant
from runner.cli.framework.outcome import tell
from runner.cli.framework.session import Session
from runner.cli.messages.messages import incident_or_none
from runner.errors import warning
from runner.incident.state.commands import DeclareDomain
from runner.incident.state.incident import Domain, Incident
from runner.incident.turn.implicit_answers import OVER
from runner.reports.core.formatting import elapsed_since
from runner.reports.core.page import Cell, Page, Tone, line, table

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

Name = Annotated[str, Argument(metavar="DOMAIN", help="Failure domain, as in tocsin.yaml.")]
Since = Annotated[str, Option("--since", metavar="INSTANT", help="Start time. Default: now.")]
Why = Annotated[
    str, Option("--reason", metavar="WHY", help="Source of the information. Stored in the journal.")
]
_TONES: dict[str, Tone] = {"compromised": "alarm", "down": "warn", "up": "good"}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One domain, its standing, and the channels, contacts and war rooms that fall with it."""

    domain: str
    state: str
    since: datetime | None
    assumed: bool
    channels: tuple[str, ...]
    contacts: tuple[str, ...] = ()
    """Addresses that fall with it whatever channel leads to them, as ``maria's email``."""
    war_rooms: tuple[str, ...] = ()
    """War rooms of the settings that fall with it although no channel does."""


def add(app: Commands) -> None:
    """Add ``domain …``."""
    domains = group(app, "domain", "Show and change failure domains and their dependencies.")
    command(domains, "list")(list_)
    command(domains, "compromised", Scope.WRITES)(compromised)
    command(domains, "declare-down", Scope.WRITES)(declare_down)
    command(domains, "declare-up", Scope.WRITES)(declare_up)


def list_(session: Session) -> None:
    """List the failure domains with the channels, contacts and war rooms that depend on each."""
    _show(session, _open_incident(session))


def _show(session: Session, incident: Incident | None) -> None:
    rows = _rows(session, incident)
    report = {"schema": "tocsin/domains/v1", "incident": incident.id if incident else None, "domains": rows}
    session.show(report, lambda: _page(session, rows))


def _open_incident(session: Session) -> Incident | None:
    """Return the incident that is meant; None also where that one is over, nobody named it, and no other goes on."""
    incident = incident_or_none(session)
    if incident is None or incident.state not in OVER or session.options.incident:
        return incident
    return incident if any(row.state in ("open", "paused") for row in session.service.store.rows()) else None


def _rows(session: Session, incident: Incident | None) -> tuple[Row, ...]:
    hanging: dict[str, list[str]] = {}
    directory = session.service.directory
    for channel in directory.channels.values():
        for domain in channel.domains:
            hanging.setdefault(domain, []).append(channel.id)
    declared = dict(incident.domains) if incident is not None else _down_for_all(session.service)
    found = []
    for name in sorted({*_named(session.service), *declared}):
        known = declared.get(name)
        found.append(
            Row(
                domain=name,
                state=known.state if known else "up",
                since=known.since if known else None,
                assumed=known.assumed if known else False,
                channels=tuple(sorted(hanging.get(name, ()))),
                contacts=directory.contacts_in(name),
                war_rooms=_rooms_in(session.service, name),
            )
        )
    return tuple(found)


def _down_for_all(service: IncidentService) -> dict[str, Domain]:
    """Return what is down for every incident that will be."""
    service.traffic.refresh()
    return {
        name: Domain(name=name, state="down", since=one.opened_at)
        for name, one in service.traffic.fallen.items()
        if one.opened_at is not None
    }


def _rooms_in(service: IncidentService, domain: str) -> tuple[str, ...]:
    return tuple(name for name, room in service.home.war_rooms.items() if domain in room.domains)


def _named(service: IncidentService) -> frozenset[str]:
    """Return every failure domain that a channel, a contact or a war room names."""
    return service.directory.domains.union(*(room.domains for room in service.home.war_rooms.values()))


def _hanging(row: Row) -> str:
    rooms = (f"war room {name}" for name in row.war_rooms)
    return ", ".join((*row.channels, *row.contacts, *rooms)) or "nothing depends on it"


def _page(session: Session, rows: tuple[Row, ...]) -> Page:
    if not rows:
        return Page((line("No channel and no contact names a failure domain", "dim"),))
    cells = tuple(
        (
            row.domain,
            Cell(f"{row.state}{', assumed' if row.assumed else ''}", _TONES[row.state]),
            Cell(elapsed_since(row.since, session.now()) if row.since else "", "dim"),
            Cell(_hanging(row), "dim"),
        )
        for row in rows
    )
    return Page((table(cells, 3, indent=0),))


def compromised(session: Session, domain: Name, since: Since = "", reason: Why = "") -> None:
    """Mark a failure domain as compromised. Blocks its channels.

    \b
    Example:
      tocsin domain compromised m365-tenant --since 2026-11-20T00:00:00Z --reason "rogue admin found"
    """
    _declare(session, domain, "compromised", since, reason)


def declare_down(session: Session, domain: Name, since: Since = "", reason: Why = "") -> None:
    """Mark a failure domain as down. Its channels are not used.

    Valid in all open incidents until the domain is marked as restored: tocsin domain up.

    If no incident is open, the mark is valid for future incidents.
    """
    _declare(session, domain, "down", since, reason)


def declare_up(session: Session, domain: Name, since: Since = "", reason: Why = "") -> None:
    """Mark a failure domain as restored, in all incidents."""
    _declare(session, domain, "up", since, reason)


def _declare(
    session: Session, domain: str, state: Literal["compromised", "down", "up"], since: str, reason: str
) -> None:
    """Declare it; the bare name of a machine is taken for the machine's domain, and with it for every service on it."""
    incident = session.incident() if state == "compromised" else _open_incident(session)
    domain = session.service.directory.domain_meant(domain)
    if words := nothing_hangs(session.service, domain):
        session.say(words)
    at = instant(since, session.now()) if since else session.now()
    if incident is None:
        _between(session, domain, state, at, reason)
        return
    made = DeclareDomain(domain=domain, state=state, since=at, reason=reason)
    turn = session.service.act(session.principal, incident.id, [made])
    if state != "compromised":
        from runner.app.messages.messages import declare

        others = declare(session.service, incident, domain, state)
        if others:
            session.say(f"{domain} is {state} in {', '.join(others)} as well")
    tell(session, turn, f"{domain} is {state}")


def _between(
    session: Session, domain: str, state: Literal["compromised", "down", "up"], at: datetime, reason: str
) -> None:
    """Declare it while no incident is open: it holds for those to come."""
    from runner.app.messages.messages import declare_between

    if state != "compromised":
        declare_between(session.service, domain, state, at)
    session.say(f"{domain} is {state}. No incident is open. The state is valid for future incidents.")
    if reason:
        session.say("No incident stores the reason. Add it to the next incident: tocsin note TEXT")
    _show(session, None)


def nothing_hangs(service: IncidentService, domain: str) -> str:
    """Return the warning that nothing depends on a domain, so that to declare it keeps nothing back; empty where it does."""
    known = _named(service)
    if domain in known:
        return ""
    close = nearest(domain, known)
    hint = f'A similar name is "{close}". See' if close else "see"
    return warning(
        "unknown_domain", f'No channel and no contact depends on "{domain}"; {hint}: tocsin domain list'
    )
