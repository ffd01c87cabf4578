"""People as a list: roles, contacts with masked addresses, absences and deputies."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.errors import Problem
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import count, mask_contact, moment, span
from runner.reports.core.page import Blank, Block, Cell, Table, Tone, flow, line, paged, table
from runner.reports.core.report import Report
from runner.reports.people.unassigned_roles import UnheldRole, unheld_blocks
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Directory, Person

Origin = Literal["settings", "store", "both"]
_FROM: Mapping[Origin, str] = {
    "settings": "  from tocsin.yaml",
    "store": "",
    "both": "  from tocsin.yaml and the store",
}


class ContactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One contact of a person; ``address`` is masked."""

    channel: str
    address: str
    domains: tuple[str, ...]
    changed_at: datetime | None
    verified_at: datetime | None
    risk_at: datetime | None = None
    """Time of a report that the contact may belong to another person."""


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person."""

    person: str
    name: str
    roles: tuple[str, ...]
    away: bool
    alternate: str
    contacts: tuple[ContactRow, ...]
    origin: Origin = "store"
    """Storage: ``tocsin.yaml`` (unencrypted), the database (encrypted), or both."""


class PeopleReport(Report, frozen=True, kw_only=True, tag="tocsin/people/v1"):
    """All people, and the roles that nobody has."""

    people: tuple[PersonRow, ...]
    unheld: tuple[str, ...]


def people(
    found: Mapping[str, Person],
    roles: Mapping[str, tuple[str, ...]],
    settings: Collection[str] = (),
    store: Collection[str] = (),
) -> PeopleReport:
    """Return all people by id with masked addresses. ``settings`` and ``store`` are the people in each place."""
    return PeopleReport(
        people=tuple(
            PersonRow(
                person=name,
                name=person.name,
                roles=tuple(role for role, held in sorted(roles.items()) if name in held),
                away=person.away,
                alternate=person.alternate,
                contacts=tuple(
                    ContactRow(
                        channel=contact.channel,
                        address=mask_contact(contact),
                        domains=tuple(sorted(contact.domains)),
                        changed_at=contact.changed_at,
                        verified_at=contact.verified_at,
                        risk_at=contact.risk_at,
                    )
                    for contact in person.contacts
                ),
                origin="store" if name not in settings else "both" if name in store else "settings",
            )
            for name, person in sorted(found.items())
        ),
        unheld=tuple(sorted(role for role, held in roles.items() if not held)),
    )


@paged
def people_page(report: PeopleReport, now: datetime) -> Iterator[Block]:
    """Draw the list; unverified contacts have a note."""
    for person in report.people:
        away = f"  AWAY, deputy: {person.alternate or 'nobody'}" if person.away else ""
        roles = f"  {', '.join(person.roles)}" if person.roles else "  no role"
        yield flow(
            Cell(person.person, "title"),
            f"  {person.name}" if person.name and person.name != person.person else "",
            Cell(f"{roles}{_FROM[person.origin]}", "dim"),
            Cell(away, "warn"),
            hang=2,
        )
        yield _contacts(person, now) if person.contacts else line("No contact", "alarm", indent=2)
    if not report.people:
        yield line("The contact list is empty → tocsin person add PERSON", "warn")
    if report.unheld:
        yield line(f"Nobody has these roles: {', '.join(report.unheld)}", "alarm", hang=2)


def _contacts(one: PersonRow, now: datetime) -> Table:
    rows = []
    for contact in one.contacts:
        proof = "unverified"
        if contact.verified_at is not None:
            proof = f"verified {span(now - contact.verified_at)} ago"
        depends = f", depends on {', '.join(contact.domains)}" if contact.domains else ""
        tone: Tone = "dim" if contact.verified_at else "warn"
        if contact.risk_at is not None and (
            contact.verified_at is None or contact.verified_at <= contact.risk_at
        ):
            proof, tone = f"RISK reported {span(now - contact.risk_at)} ago, not verified since", "alarm"
        rows.append((contact.channel, contact.address, Cell(f"{proof}{depends}", tone)))
    return table(rows, 2)


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One role. ``incident_persons`` have it in the incident, ``persons`` in future incidents."""

    role: str
    persons: tuple[str, ...]
    incident_persons: tuple[str, ...] = ()
    rota: str = ""
    """The rota file; empty for a role without a rota."""
    on_call: bool = False
    """The rota has a person on call now; false in a gap."""
    until: datetime | None = None
    follows: bool = False
    """In the incident, the person on call has the role."""
    problem: str = ""


class RolesReport(Report, frozen=True, kw_only=True, tag="tocsin/roles/v1"):
    """All roles; ``incident`` is the codename, empty without an incident."""

    incident: str
    roles: tuple[RoleRow, ...]
    unheld: tuple[UnheldRole, ...] = ()
    """Roles of the incident's playbooks, else of every playbook, that nobody has."""


def roles(
    directory: Directory, incident: Incident | None, unheld: tuple[UnheldRole, ...] = ()
) -> RolesReport:
    """Return every role by name, and the roles that nobody has."""
    held = incident.roles if incident is not None else {}
    names = sorted({*directory.roles, *directory.watches, *held})
    return RolesReport(
        incident=incident.codename if incident is not None else "",
        roles=tuple(_row(name, directory, incident) for name in names),
        unheld=unheld,
    )


def _row(name: str, directory: Directory, incident: Incident | None) -> RoleRow:
    watch = directory.watches.get(name)
    return RoleRow(
        role=name,
        persons=directory.roles.get(name, ()),
        incident_persons=incident.roles.get(name, ()) if incident is not None else (),
        rota=watch.rota if watch else "",
        on_call=bool(watch and watch.persons),
        until=watch.until if watch else None,
        follows=incident is not None and name in incident.on_call,
        problem=watch.problem if watch else "",
    )


@paged
def roles_page(report: RolesReport) -> Iterator[Block]:
    """Draw the list, with the problems of rotas below."""
    if not report.roles:
        yield line("No role is assigned → tocsin role assign ROLE PERSON --always", "warn")
        return
    rows = (
        (
            role.role,
            Cell(", ".join(role.persons) or "nobody", "plain" if role.persons else "alarm"),
            Cell(_told(role, report.incident), "dim"),
        )
        for role in report.roles
    )
    yield table(rows, 2)
    for text in dict.fromkeys(role.problem for role in report.roles if role.problem):
        yield line(text, "alarm", hang=2)
    yield from (Blank(), *unheld_blocks(report.unheld)) if report.unheld else ()


def _told(one: RoleRow, incident: str) -> str:
    words = []
    if one.on_call and one.until is not None:
        words.append(f"on call until {moment(one.until)} ({one.rota})")
    elif one.rota:
        words.append(f"nobody is on call by {one.rota} now, these people have the role")
    if one.incident_persons and one.incident_persons != one.persons:
        words.append(f"in {incident}: {', '.join(one.incident_persons)}")
    return "; ".join(words)


_TONES: Mapping[str, Tone] = {"new": "good", "changed": "warn", "moved": "good", "unchanged": "dim"}


class ImportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the list; ``gained`` and ``lost`` are contacts, as ``phone +49…67``."""

    person: str
    change: str
    name: str
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class ImportReport(Report, frozen=True, kw_only=True, tag="tocsin/person-import/v1"):
    """An import compared with the contact list."""

    file: str
    people: tuple[ImportRow, ...]
    roles: dict[str, tuple[str, ...]]
    """Changed roles → the people who then have the role."""
    missing: tuple[str, ...]
    """People of the contact list who are not in the import; they stay unchanged."""
    open: tuple[str, ...]
    """Open incidents: nobody can approve with a changed contact in them (R7)."""
    delete: tuple[str, ...]
    """Lines of ``tocsin.yaml`` with unencrypted people, as ``12-31``."""
    warnings: tuple[Problem, ...]
    written: bool


def contact_words(contact: ContactPoint) -> str:
    """Return a contact with its address masked."""
    return f"{contact.channel} {mask_contact(contact)}"


@paged
def import_page(report: ImportReport) -> Iterator[Block]:
    """Draw the changes, and the number of unchanged people."""
    rows = tuple(
        (Cell(person.change, _TONES[person.change]), Cell(person.person, "title"), _what(person))
        for person in report.people
        if person.change != "unchanged"
    )
    if rows:
        yield table(rows, 2, indent=0)
    for role, held in report.roles.items():
        yield line(f"Role {role}: {', '.join(held) or 'nobody'}", "plain" if held else "alarm", hang=2)
    same = sum(person.change == "unchanged" for person in report.people)
    if same:
        yield line(f"{count(same, 'person', 'people')} unchanged", "dim")
    if report.missing:
        words = f"Not in this list, unchanged: {', '.join(report.missing)} (to erase: tocsin person forget PERSON)"
        yield line(words, "dim", hang=2)
    if report.open and any(person.gained for person in report.people):
        words = f"In {', '.join(report.open)}, verify a new address before an approval with it (R7)"
        yield line(words, "warn", hang=2)
    for warning in report.warnings:
        yield line(str(warning), "warn", hang=2)
    if report.written:
        yield line("Stored in the database, encrypted", "good")
    for lines in report.delete:
        words = f"Delete these lines of tocsin.yaml. They contain unencrypted personal data: {lines}"
        yield line(words, "warn", hang=2)


def _what(row: ImportRow) -> str:
    changes = (*(f"+ {point}" for point in row.gained), *(f"- {point}" for point in row.lost))
    return ", ".join((*((row.name,) if row.name != row.person else ()), *changes))
