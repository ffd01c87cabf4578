"""Commands of failure domains: which are compromised or down, and what depends on each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from runner.app.core.active_incident import OPEN
from runner.app.core.directory import domains_meant, known_domains, near_domain
from runner.app.messages.domains import DomainRow, State, declare, domain_rows, named_in
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group, instant_of
from runner.cli.framework.outcome import tell
from runner.cli.framework.session import Session
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import elapsed_since
from runner.reports.core.header import heading_of, list_header
from runner.reports.core.page import Cell, Page, Tone, line, table

Name = Annotated[str, Argument("DOMAIN", "Failure domain, or a channel with all of its domains.")]
Since = Annotated[str, Option("--since INSTANT", "Start time. Default: now.")]
Why = Annotated[str, Option("--reason WHY", "Source of the information. Stored in the journal.")]
_TONES: dict[str, Tone] = {"compromised": "alarm", "down": "warn", "up": "good"}


def add(app: Commands) -> None:
    """Add ``domain …``."""
    domains = group(app, "domain", "Show and change failure domains and their dependencies.")
    command(domains, "list")(list_)
    command(domains, "compromised", Scope.WRITES)(compromised)
    command(domains, "declare-down", Scope.WRITES)(declare_down)
    command(domains, "declare-up", Scope.WRITES)(declare_up)


def list_(session: Session) -> None:
    """List the failure domains with the channels, contacts, war rooms and logins that depend on each."""
    _show(session, _open_incident(session))


def _show(session: Session, incident: Incident | None) -> None:
    rows = domain_rows(session.service, session.principal, incident)
    report = {"schema": "tocsin/domains/v1", "incident": incident.id if incident else None, "domains": rows}
    session.show(report, lambda: _page(session, rows, incident))


def _open_incident(session: Session) -> Incident | None:
    """Return the incident; None if the default incident has ended and no other is open."""
    incident = session.incident_or_none()
    if incident is None or incident.state in OPEN or session.options.incident:
        return incident
    return incident if any(row.state in OPEN for row in session.service.incidents()) else None


def _hanging(row: DomainRow) -> str:
    """Return what depends on a domain, and which other incidents say that it is compromised."""
    words = [row.why] if row.why else []
    words.append(", ".join(row.dependants) or "nothing depends on it")
    return "; ".join((*words, *row.elsewhere))


def _page(session: Session, rows: tuple[DomainRow, ...], incident: Incident | None) -> Page:
    if not rows:
        return Page((line("No channel, contact, war room or login names a failure domain", "dim"),))
    cells = tuple(
        (
            row.domain,
            Cell(f"{row.state}{', assumed' if row.assumed else ''}", _TONES[row.state]),
            Cell(elapsed_since(row.since, session.now()) if row.since else "", "dim"),
            Cell(_hanging(row), "dim"),
        )
        for row in rows
    )
    top = list_header(heading_of(incident), "Failure domains", session.now()) if incident is not None else ()
    return Page((*top, table(cells, 3, indent=0)))


def compromised(session: Session, domain: Name, since: Since = "", reason: Why = "") -> None:
    """Mark a failure domain as compromised. Blocks its channels.

    \b
    Example:
      tocsin domain compromised m365-tenant --since 2026-11-20T00:00:00Z --reason "rogue admin found"
    """
    _declare(session, domain, "compromised", since, reason)


def declare_down(session: Session, domain: Name, since: Since = "", reason: Why = "") -> None:
    """Mark a failure domain as down. Its channels are not used.

    Valid in all open incidents until the domain is marked as restored: tocsin domain declare-up.

    If no incident is open, the mark is valid for future incidents.
    """
    _declare(session, domain, "down", since, reason)


def declare_up(session: Session, domain: Name, since: Since = "", reason: Why = "") -> None:
    """Mark a failure domain as restored, in all incidents."""
    _declare(session, domain, "up", since, reason)


def meant(session: Session, text: str, more: Collection[str] = ()) -> str:
    """Return a name of a failure domain; at a terminal a person is asked about a near miss."""
    near = near_domain(session.service, text, more) if session.world.asks else ""
    if not near:
        return text
    answer = session.ask(f'Nothing depends on "{text}". Did you mean "{near}"? [y/N]')
    return near if answer.lower() in ("y", "yes") else f"={text}"


def _declare(session: Session, text: str, state: State, since: str, reason: str) -> None:
    """Declare the state of the domain or channel. The bare name of a machine means its domain, and so every service on it."""
    incident = session.incident() if state == "compromised" else _open_incident(session)
    at = instant_of(session, since) if since else session.now()
    more = named_in(session.service, incident)
    for domain in domains_meant(session.service, meant(session, text, more), more):
        turn, others = declare(session.service, session.principal, incident, domain, state, at, reason)
        if domain not in {*known_domains(session.service), *more}:
            session.warn("nothing_depends", f"Nothing depends on {domain}: no message is blocked.")
        if others:
            session.say(f"{domain} is {state} in {', '.join(others)} as well")
        if turn is not None:
            still = turn.after.domains[domain].state != state
            tell(
                session,
                turn,
                f"{domain} stays compromised: another incident says so" if still else f"{domain} is {state}",
            )
            continue
        session.say(f"{domain} is {state}. No incident is open. The state is valid for future incidents.")
        if reason:
            session.say("No incident stores the reason. Add it to the next incident: tocsin note TEXT")
        _show(session, None)
