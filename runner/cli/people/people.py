"""People and roles: who may be told, over what, who is away, and who holds which role."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import reach, submit
from runner.cli.framework.session import Session
from runner.cli.people import contact_book
from runner.errors import NotFound, Refused, Usage
from runner.incident.state.commands import AssignRole
from runner.reports.core.formatting import count
from runner.reports.core.page import Page, line
from runner.routing.messaging import ContactPoint

Person = Annotated[str, Argument(metavar="PERSON", help="Their short name.")]


def add(app: Commands) -> None:
    """Add ``person …`` and ``role …``."""
    people = group(app, "person", "People: list, add, import, verify their contacts, mark them away, forget.")
    command(people, "list", Scope.ANYWHERE)(list_)
    command(people, "add", Scope.HOME_WRITES)(add_)
    command(people, "verify", Scope.HOME_WRITES)(verify)
    command(people, "agreed", Scope.HOME_WRITES)(agreed)
    command(people, "distrust", Scope.HOME_WRITES)(distrust)
    command(people, "stop", Scope.HOME_WRITES)(stop)
    command(people, "away", Scope.HOME_WRITES)(away)
    contact_book.add(people)
    roles = group(app, "role", "Roles: who holds them.")
    command(roles, "list", Scope.ANYWHERE)(roles_)
    command(roles, "assign", Scope.WRITES)(assign)


def list_(session: Session) -> None:
    """List everybody: roles, contacts with the address masked, who is away, and where that stands.

    From tocsin.yaml it can be read by whoever has the disk; in the store it is sealed.
    """
    from runner.app.core.contact_store import kept_people
    from runner.reports.people.people import people, people_page

    service = session.service
    report = people(
        service.directory.people, service.directory.roles, service.home.people, kept_people(service.store)
    )
    session.show(report, lambda: people_page(report, session.now()))


def roles_(session: Session) -> None:
    """List the roles: who holds each, who is on call now, and who holds it in the open incident."""
    from runner.app.playbooks.playbooks import unheld_of
    from runner.reports.people.people import roles, roles_page

    name = _open_incident(session)
    incident = session.reader.incident(name) if name else None
    report = roles(session.service.directory, incident, unheld_of(session.service, incident))
    session.show(report, lambda: roles_page(report))


def _told(session: Session, words: str) -> None:
    session.show({"schema": "tocsin/people-done/v1", "done": words}, Page((line(words, "good"),)))


def add_(
    session: Session,
    person: Person,
    name: Annotated[str, Option("--name", help="Their full name.")] = "",
    contact: Annotated[
        list[str] | None,
        Option("--contact", metavar="CHANNEL=ADDRESS", help="A channel's name, or email, phone, handle."),
    ] = None,
) -> None:
    """Add somebody, or new contacts of somebody.

    \b
    Example:
      tocsin person add maria --name "Maria Example" --contact mail=maria@example.org --contact phone=+4930123456
    """
    from runner.app.core.directory import add_person

    session.ensure_home()
    contacts = tuple(_contact(text) for text in contact or ())
    add_person(session.service, person, name, contacts)
    _told(session, f"{person} is on record with {count(len(contacts), 'new contact')}")
    if contacts:
        reach(session, person)


def _contact(text: str) -> ContactPoint:
    channel, sign, address = text.partition("=")
    if not sign or not channel.strip() or not address.strip():
        raise Usage(
            "a contact is CHANNEL=ADDRESS", hint="as: --contact mail=maria@example.org", code="bad_contact"
        )
    return ContactPoint(channel=channel.strip(), address=address.strip())


def verify(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument(metavar="CHANNEL", help="The contact that was proved.")],
    how: Annotated[str, Option("--how", help="On which other way it was proved; needed.")] = "",
) -> None:
    """Record that a contact was proved to be theirs, on another way.

    \b
    Example:
      tocsin person verify maria phone --how "in person"
    """
    from runner.app.core.directory import verify_contact

    if not how.strip():
        raise Usage("how was it proved?", hint="add --how 'in person'", code="option_missing")
    verify_contact(session.service, person, channel, how)
    _told(session, f"{person}'s contact {channel} is verified")


def distrust(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument(metavar="CHANNEL", help="The contact that may be another's by now.")],
    reason: Annotated[str, Option("--reason", metavar="WHY", help="What happened; needed.")] = "",
) -> None:
    """Record a risk of a contact: a new SIM card, a ported number, a lost telephone. It carries no approval until verified.

    \b
    Example:
      tocsin person distrust maria phone --reason "her carrier reports a new SIM card"
    """
    from runner.app.core.directory import distrust_contact

    if not reason.strip():
        raise Usage("what happened?", hint="add --reason 'new SIM card'", code="reason_missing")
    distrust_contact(session.service, person, channel, reason.strip())
    _told(session, f"{person}'s contact {channel} carries no approval until it is verified")
    reach(session, person)


def agreed(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument(metavar="CHANNEL", help="The contact at which they may be texted.")],
    how: Annotated[str, Option("--how", help="How they said so; needed.")] = "",
) -> None:
    """Record that somebody agreed to be texted at a contact: affected people are not, without it.

    \b
    Example:
      tocsin person agreed maria phone --how "signed on 2026-03-01"
    """
    from runner.app.core.directory import agree_contact

    if not how.strip():
        raise Usage("how did they agree?", hint="add --how 'in writing'", code="option_missing")
    agree_contact(session.service, person, channel, how.strip())
    _told(session, f"{person} may be texted at {channel}")


def stop(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument(metavar="CHANNEL", help="The contact at which they want nothing more.")],
    how: Annotated[str, Option("--how", help="How it was heard, and by whom; needed.")] = "",
    lift: Annotated[
        bool, Option("--lift", help="They want messages there again, or never meant it.")
    ] = False,
) -> None:
    """Record that somebody asked for no more messages at a contact, in any words: on the telephone, by mail, in person.

    \b
    Examples:
      tocsin person stop maria phone --how "on the hotline, to Ben"
      tocsin person stop maria phone --how "she says that she did not mean it" --lift
    """
    from runner.app.core.directory import stop_heard

    if not how.strip():
        raise Usage("how was it heard?", hint="add --how 'on the hotline, to Ben'", code="option_missing")
    changed = stop_heard(session.service, person, channel, how.strip(), stopped=not lift)
    words = f"{person} {'gets messages' if lift else 'gets no more messages'} at {channel}"
    _told(session, words if changed else f"nothing changed: {words} already")
    reach(session, person)


def away(
    session: Session,
    person: Person,
    alternate: Annotated[str, Option("--alternate", metavar="PERSON", help="Who takes their place.")] = "",
    back: Annotated[bool, Option("--back", help="They are here again.")] = False,
) -> None:
    """Mark somebody as away, with who takes their place; or as back.

    \b
    Examples:
      tocsin person away maria --alternate jonas
      tocsin person away maria --back
    """
    from runner.app.core.directory import set_away

    set_away(session.service, person, not back, alternate)
    _told(session, f"{person} is {'back' if back else 'away'}")


def assign(
    session: Session,
    role: Annotated[str, Argument(metavar="ROLE", help="The role.")],
    person: Annotated[
        list[str] | None, Argument(metavar="[PERSON...]", help="Who holds it, from now on.")
    ] = None,
    on_call: Annotated[bool, Option("--on-call", help="In this incident: whoever the rota says.")] = False,
    always: Annotated[bool, Option("--always", help="In incidents to come, too.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Say who holds a role: in the incident that is meant, and with --always from now on.

    Where no incident is open it is kept for those to come. Whoever held it before does not any more: it names them, and
    asks where an approval is then out of reach.

    \b
    Examples:
      tocsin role assign counsel maria jonas --always
      tocsin role assign commander --on-call
    """
    from runner.app.core.directory import hold_role
    from runner.app.core.directory import person as known

    if bool(person) is on_call or (on_call and always):
        raise Usage(
            "who holds it?",
            hint="name a person, or --on-call alone",
            code="options_conflict" if on_call else "argument_missing",
        )
    session.ensure_home()
    if on_call:
        _by_rota(session, role)
        return
    person = person or []
    for name in person:
        known(session.service, name)
    incident = _open_incident(session)
    _warn_of_slip(session, role, incident)
    _replace(session, role, person, incident, yes=yes)
    words = f"{role} is held by {', '.join(person)}"
    if always or incident is None:
        hold_role(session.service, role, tuple(person))
        if role in session.service.home.oncall:
            session.say(f"{session.service.home.oncall[role]} says who is on call; they hold it in its gaps")
    if incident is None:
        _told(session, f"{words} in incidents to come")
    else:
        submit(session, incident, AssignRole(by=session.by, role=role, persons=tuple(person)), words)


def _replace(session: Session, role: str, persons: list[str], incident: str | None, *, yes: bool) -> None:
    """Name those who lose the role, and ask where too few are left to approve something."""
    from runner.app.playbooks.playbooks import replacing

    known = session.reader.incident(incident) if incident else None
    gone, lost = replacing(session.service, known, role, persons)
    if gone:
        session.warn("role_replaced", f"{', '.join(persons)} replaces {', '.join(gone)} as {role}")
    if lost and not yes:
        session.say(f"too few people are then left to approve: {'; '.join(lost)}")
        again = f"tocsin role assign {role} {' '.join((*gone, *persons))} keeps them; to replace them all the same: --yes"
        session.confirm(f"assign {role} to {', '.join(persons)} all the same?", again)


def _warn_of_slip(session: Session, role: str, incident: str | None) -> None:
    """Say so where a role that nobody ever held is nearly one that somebody holds."""
    from runner.base.text import nearest

    held = {*session.service.directory.roles, *(session.reader.incident(incident).roles if incident else ())}
    near = "" if role in held else nearest(role, held)
    if near:
        session.warn("unknown_role", f"no role was called '{role}' until now; did you mean {near}?")


def _by_rota(session: Session, role: str) -> None:
    """Give a role of the incident back to whoever is on call."""
    from runner.app.core.on_call import standing

    directory = session.service.directory
    if role not in directory.watches:
        known = ", ".join(sorted(directory.watches)) or "none"
        raise Refused(
            f"no rota says who is {role}", hint=f"oncall in tocsin.yaml has: {known}", code="no_rota"
        )
    persons = standing(directory, role)
    words = f"{role} goes to whoever is on call: now {', '.join(persons)}"
    command = AssignRole(by=session.by, role=role, persons=persons, on_call=True)
    submit(session, session.name(), command, words)


def _open_incident(session: Session) -> str | None:
    try:
        return session.name()
    except NotFound:
        if session.options.incident:
            raise
        return None
