"""Command ``brief``: the handover brief for the next incident commander, and the handover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Commands, Option, Scope, Where, command
from runner.cli.framework.outcome import submit
from runner.cli.framework.session import Session
from runner.errors import Usage, warning
from runner.incident.state import commands as c

if TYPE_CHECKING:
    from runner.incident.state.incident import Incident


def add(app: Commands) -> None:
    """Add the command."""
    command(app, "brief", Scope.WRITES)(brief)


def brief(
    session: Session,
    where: Where = None,
    give: Annotated[str, Option("--give PERSON", "Person who gets the brief and takes over the role.")] = "",
    take_over: Annotated[bool, Option("--take-over", "Take over the role after your brief.")] = False,
    read_back: Annotated[str, Option("--read-back WORDS", "Summary of the brief in your own words.")] = "",
    role: Annotated[str, Option("--role ROLE", "Role to hand over. Default: commander.")] = "commander",
) -> None:
    """Show or record a handover brief.

    Shows state, decisions, deadlines, awaited acknowledgements and changes since the last brief. --give records that you
    gave the brief. The other person takes over with --take-over and --read-back.

    \b
    Examples:
      tocsin brief
      tocsin brief --give jonas
      tocsin brief --take-over --read-back "two deadlines run, counsel signs at six, the provider has not answered" --as jonas
    """
    from runner.app.home.overview import give_brief, read_brief
    from runner.reports.incidents.handover import brief_page

    if give and take_over:
        raise Usage(
            "--give and --take-over exclude each other.",
            hint="Use one of --give and --take-over",
            code="options_conflict",
        )
    incident = session.incident(where)
    if take_over:
        made = c.TakeCommand(role=role, read_back=read_back)
        submit(session, incident.id, made, f"{session.by} took over the role {role}")
        return
    service = session.service
    found = read_brief(service, session.reader, incident, session.now(), role)
    if give:
        give_brief(service, session.principal, incident, found, give, role)
        told = f"{give} received the brief and now runs:"
        if role == "commander":
            session.say(f"{told} tocsin brief --take-over --read-back WORDS --as {give}")
        else:
            session.say(f"{told} tocsin brief --take-over --role {role} --read-back WORDS --as {give}")
        if kept := _kept(incident, role, session.by, give):
            session.say(kept)
    session.show(found, lambda: brief_page(found), reads=not give)


def _kept(incident: Incident, role: str, giver: str, to: str) -> str:
    """Return a warning if the person who gives the brief does not have the role to hand over."""
    holders = [person for person in incident.roles.get(role, ()) if person != to]
    if not holders or giver in holders:
        return ""
    names = ", ".join(holders)
    return warning(
        "role_not_held",
        f"{giver} does not have the role {role}. {names} will have the role together with {to}. "
        f"To hand over: tocsin brief --give {to} --as {holders[0]}",
    )
