"""Commands of people and roles."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.home_catalogue import ensure_home
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import reach, submit
from runner.cli.framework.session import Session
from runner.cli.people import contact_book
from runner.errors import Refused, Usage
from runner.incident.state.commands import AssignRole
from runner.reports.core.formatting import count
from runner.reports.core.page import Page, line
from runner.routing.messaging import ContactPoint

Person = Annotated[str, Argument("PERSON", "Person id.")]


def add(app: Commands) -> None:
    """Add ``person …`` and ``role …``."""
    people = group(app, "person", "Manage people and their contacts.")
    command(people, "list", Scope.ANYWHERE)(list_)
    command(people, "add", Scope.HOME_WRITES)(add_)
    command(people, "verify", Scope.HOME_WRITES)(verify)
    command(people, "agreed", Scope.HOME_WRITES)(agreed)
    command(people, "distrust", Scope.HOME_WRITES)(distrust)
    command(people, "remove", Scope.HOME_WRITES)(remove)
    command(people, "stop", Scope.HOME_WRITES)(stop)
    command(people, "away", Scope.HOME_WRITES)(away)
    contact_book.add(people)
    roles = group(app, "role", "Show and assign roles.")
    command(roles, "list", Scope.ANYWHERE)(roles_)
    command(roles, "assign", Scope.WRITES)(assign)
    command(roles, "why")(why)


def list_(session: Session) -> None:
    """List all people with roles, masked contacts and absences.

    Also shows where the data is: in tocsin.yaml (not encrypted), or in the database (encrypted).
    """
    from runner.app.core.contact_store import kept_people
    from runner.reports.people.people import people, people_page

    service = session.service
    report = people(
        service.directory.people, service.directory.roles, service.home.people, kept_people(service)
    )
    session.show(report, lambda: people_page(report, session.now()))


def roles_(session: Session) -> None:
    """List the roles with their people, now and in the open incident."""
    from runner.app.playbooks.playbooks import unheld_of
    from runner.reports.people.people import roles, roles_page

    name = session.name_or_none()
    incident = session.reader.incident(name) if name else None
    report = roles(session.service.directory, incident, unheld_of(session.service, incident))
    session.show(report, lambda: roles_page(report))


def why(
    session: Session,
    person: Person,
    right: Annotated[str, Argument("RIGHT", "Right, as duty.decide.")],
) -> None:
    """Explain why a person has a right with a login, or has not.

    With --incident, also the roles in that incident count.

    \b
    Example:
      tocsin role why ben duty.decide -i amber-falcon
    """
    from runner.app.people.role_rights import explain, explained_page, proven

    session.service.known(person)
    incident = session.incident() if session.options.incident else None
    report = explain(session.service, proven(person), right, incident)
    session.show(report, lambda: explained_page(report, names=True))


def _told(session: Session, words: str) -> None:
    session.show({"schema": "tocsin/people-done/v1", "done": words}, Page((line(words, "good"),)))


def add_(
    session: Session,
    person: Person,
    name: Annotated[str, Option("--name", "Full name.")] = "",
    contact: Annotated[
        list[str] | None,
        Option("--contact CHANNEL=ADDRESS", "Contact as CHANNEL=ADDRESS; also email, phone or handle."),
    ] = None,
) -> None:
    """Add a person, or contacts of a person.

    \b
    Example:
      tocsin person add maria --name "Maria Example" --contact mail=maria@example.org --contact phone=+4930123456
    """
    from runner.app.core.directory import add_person

    ensure_home(session)
    contacts = tuple(_contact(text) for text in contact or ())
    add_person(session.service, person, name, contacts)
    _told(session, f"{person} is recorded with {count(len(contacts), 'new contact')}")
    if contacts:
        reach(session, person)


def _contact(text: str) -> ContactPoint:
    channel, sign, address = text.partition("=")
    if not sign or not channel.strip() or not address.strip():
        raise Usage(
            "The contact is not CHANNEL=ADDRESS.",
            hint="Use --contact mail=maria@example.org",
            code="bad_contact",
        )
    return ContactPoint(channel=channel.strip(), address=address.strip())


def verify(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument("CHANNEL", "Channel of the verified contact.")],
    how: Annotated[str, Option("--how", "Method of verification over another channel. Required.")] = "",
) -> None:
    """Record that a contact was verified over another channel.

    \b
    Example:
      tocsin person verify maria phone --how "in person"
    """
    from runner.app.core.directory import verify_contact

    if not how.strip():
        raise Usage(
            "The method of verification is missing.", hint="Add --how 'in person'", code="option_missing"
        )
    verify_contact(session.service, person, channel, how)
    _told(session, f"{person}'s contact {channel} is verified")


def distrust(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument("CHANNEL", "Channel of the contact at risk.")],
    reason: Annotated[str, Option("--reason WHY", "Reason. Required.")] = "",
) -> None:
    """Record a risk of a contact, for example a new SIM card.

    The person cannot approve over the contact until the contact is verified again.

    \b
    Example:
      tocsin person distrust maria phone --reason "her carrier reports a new SIM card"
    """
    from runner.app.core.directory import distrust_contact

    if not reason.strip():
        raise Usage("The reason is missing.", hint="Add --reason 'new SIM card'", code="reason_missing")
    distrust_contact(session.service, person, channel, reason.strip())
    _told(session, f"{person} cannot approve over {channel} until the contact is verified")
    reach(session, person)


def agreed(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument("CHANNEL", "Channel of the contact.")],
    how: Annotated[str, Option("--how", "Form of the consent. Required.")] = "",
) -> None:
    """Record the consent of a person to text messages.

    Without consent, affected people get no text messages.

    \b
    Example:
      tocsin person agreed maria phone --how "signed on 2026-03-01"
    """
    from runner.app.core.directory import agree_contact

    if not how.strip():
        raise Usage(
            "The form of the consent is missing.", hint="Add --how 'in writing'", code="option_missing"
        )
    agree_contact(session.service, person, channel, how.strip())
    _told(session, f"{person} agreed to text messages at {channel}")


def remove(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument("CHANNEL", "Channel of the contact.")],
    reason: Annotated[str, Option("--reason WHY", "Reason. Required.")] = "",
) -> None:
    """Remove a contact of a person, such as the push of a lost phone.

    \b
    Example:
      tocsin person remove maria push --reason "the phone was stolen"
    """
    from runner.app.core.directory import remove_contact

    if not reason.strip():
        raise Usage("The reason is missing.", hint="Add --reason 'old number'", code="reason_missing")
    remove_contact(session.service, person, channel, reason.strip())
    _told(session, f"{person}'s contact {channel} is removed")
    reach(session, person)


def stop(
    session: Session,
    person: Person,
    channel: Annotated[str, Argument("CHANNEL", "Channel of the contact.")],
    how: Annotated[
        str, Option("--how", "Form of the opt-out, and the person who received it. Required.")
    ] = "",
    lift: Annotated[bool, Option("--lift", "End the opt-out.")] = False,
) -> None:
    """Record the opt-out of a person from messages at a contact.

    An opt-out is valid in any form: by phone, by email, in person.

    \b
    Examples:
      tocsin person stop maria phone --how "on the hotline, to Ben"
      tocsin person stop maria phone --how "she withdrew the opt-out" --lift
    """
    from runner.app.core.directory import stop_heard

    if not how.strip():
        raise Usage(
            "The form of the opt-out is missing.",
            hint="Add --how 'on the hotline, to Ben'",
            code="option_missing",
        )
    changed = stop_heard(session.service, person, channel, how.strip(), stopped=not lift)
    words = f"{person} {'receives messages again' if lift else 'receives no more messages'} at {channel}"
    _told(session, words if changed else f"No change: {words} already")
    reach(session, person)


def away(
    session: Session,
    person: Person,
    alternate: Annotated[str, Option("--alternate PERSON", "Deputy during the absence.")] = "",
    back: Annotated[bool, Option("--back", "End of the absence.")] = False,
) -> None:
    """Mark a person as away, with a deputy, or as back.

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
    role: Annotated[str, Argument("ROLE", "Role.")],
    person: Annotated[list[str] | None, Argument("[PERSON...]", "People who get the role.")] = None,
    on_call: Annotated[bool, Option("--on-call", "The person on call, in this incident.")] = False,
    also: Annotated[bool, Option("--also", "People who have the role keep it.")] = False,
    always: Annotated[bool, Option("--always", "Also in future incidents.")] = False,
    yes: Annotated[bool, Option("--yes", "No question.")] = False,
) -> None:
    """Assign a role in the incident, and with --always also later.

    If no incident is open, the assignment is for future incidents. Without --also, the people who had the role lose it. Tocsin
    names them, and asks if an approval then becomes impossible.

    \b
    Examples:
      tocsin role assign counsel maria jonas --always
      tocsin role assign counsel maria --also
      tocsin role assign commander --on-call
    """
    from runner.app.core.directory import hold_role
    from runner.app.core.directory import person as known

    if not role.strip() or bool(person) is on_call or (on_call and always):
        raise Usage(
            "The role or its person is missing.",
            hint="Name a person, or use --on-call alone",
            code="options_conflict" if on_call else "argument_missing",
        )
    ensure_home(session)
    if on_call:
        _by_rota(session, role)
        return
    person = person or []
    for name in person:
        known(session.service, name)
    incident = session.name_or_none()
    if also:
        roles = session.reader.incident(incident).roles if incident else session.service.directory.roles
        person = [*dict.fromkeys((*roles.get(role, ()), *person))]
    _warn_of_slip(session, role, incident)
    _replace(session, role, person, incident, yes=yes)
    words = f"Role {role}: {', '.join(person)}"
    if always or incident is None:
        hold_role(session.service, role, tuple(person))
        if role in session.service.home.oncall:
            session.say(
                f"{session.service.home.oncall[role]} sets who is on call. The assigned people have the role in its gaps."
            )
    if incident is None:
        _told(session, f"{words} in future incidents")
    else:
        submit(session, incident, AssignRole(role=role, persons=tuple(person)), words)


def _replace(session: Session, role: str, persons: list[str], incident: str | None, *, yes: bool) -> None:
    """Name the people who lose the role, and ask if too few remain for an approval."""
    from runner.app.playbooks.playbooks import replacing

    known = session.reader.incident(incident) if incident else None
    gone, lost = replacing(session.service, known, role, persons)
    if gone:
        session.warn("role_replaced", f"{', '.join(persons)} replaces {', '.join(gone)} as {role}")
    if lost and not yes:
        session.say(f"Too few people remain for an approval: {'; '.join(lost)}")
        again = (
            f"tocsin role assign {role} {' '.join((*gone, *persons))} keeps all. To replace them, add --yes"
        )
        session.confirm(f"Assign {role} to {', '.join(persons)} anyway?", again)


def _warn_of_slip(session: Session, role: str, incident: str | None) -> None:
    """Warn if a new role has nearly the name of a present role."""
    from runner.base.text import nearest

    held = {*session.service.directory.roles, *(session.reader.incident(incident).roles if incident else ())}
    near = "" if role in held else nearest(role, held)
    if near:
        session.warn("unknown_role", f"The role {role} is new. A similar role: {near}")


def _by_rota(session: Session, role: str) -> None:
    """Assign a role of the incident to the person on call."""
    from runner.app.core.on_call import standing

    directory = session.service.directory
    if role not in directory.watches:
        known = ", ".join(sorted(directory.watches)) or "none"
        raise Refused(
            f'Role "{role}" has no rota.',
            hint=f"Use a role of oncall in tocsin.yaml: {known}",
            code="no_rota",
        )
    persons = standing(directory, role)
    words = f"Role {role}: the person on call, now {', '.join(persons)}"
    command = AssignRole(role=role, persons=persons, on_call=True)
    submit(session, session.name(), command, words)
