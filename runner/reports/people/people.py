"""People as a list: roles, ways to reach them with addresses masked, who is away and who stands in."""

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
    """One way to a person; ``address`` is masked."""

    channel: str
    address: str
    domains: tuple[str, ...]
    changed_at: datetime | None
    verified_at: datetime | None
    risk_at: datetime | None = None
    """When somebody reported that it may be another's by now."""


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person."""

    person: str
    name: str
    roles: tuple[str, ...]
    away: bool
    alternate: str
    contacts: tuple[ContactRow, ...]
    origin: Origin = "store"
    """Where it stands: in ``tocsin.yaml`` in plain text, in the store sealed, or the one laid over the other."""


class PeopleReport(Report, frozen=True, kw_only=True, tag="tocsin/people/v1"):
    """Everybody, and the roles that nobody holds."""

    people: tuple[PersonRow, ...]
    unheld: tuple[str, ...]


def people(
    found: Mapping[str, Person],
    roles: Mapping[str, tuple[str, ...]],
    settings: Collection[str] = (),
    store: Collection[str] = (),
) -> PeopleReport:
    """Return everybody by id; addresses leave the model masked. ``settings`` and ``store`` say who stands where."""
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
    """Draw the list; a contact that was never proved says so."""
    for person in report.people:
        away = f"  AWAY, {person.alternate or 'nobody'} stands in" if person.away else ""
        roles = f"  {', '.join(person.roles)}" if person.roles else "  no role"
        yield flow(
            Cell(person.person, "title"),
            f"  {person.name}" if person.name and person.name != person.person else "",
            Cell(f"{roles}{_FROM[person.origin]}", "dim"),
            Cell(away, "warn"),
            hang=2,
        )
        yield _contacts(person, now) if person.contacts else line("no contact is known", "alarm", indent=2)
    if not report.people:
        yield line("nobody is known: tocsin person add PERSON", "warn")
    if report.unheld:
        yield line(f"roles that nobody holds: {', '.join(report.unheld)}", "alarm", hang=2)


def _contacts(one: PersonRow, now: datetime) -> Table:
    rows = []
    for contact in one.contacts:
        proof = "never verified"
        if contact.verified_at is not None:
            proof = f"verified {span(now - contact.verified_at)} ago"
        depends = f", in {', '.join(contact.domains)}" if contact.domains else ""
        tone: Tone = "dim" if contact.verified_at else "warn"
        if contact.risk_at is not None and (
            contact.verified_at is None or contact.verified_at <= contact.risk_at
        ):
            proof, tone = f"RISK reported {span(now - contact.risk_at)} ago, not verified since", "alarm"
        rows.append((contact.channel, contact.address, Cell(f"{proof}{depends}", tone)))
    return table(rows, 2)


class RoleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One role. ``incident_persons`` hold it in the incident, ``persons`` in those to come."""

    role: str
    persons: tuple[str, ...]
    incident_persons: tuple[str, ...] = ()
    rota: str = ""
    """The file that says who is on call; empty where the role is held by the same people always."""
    on_call: bool = False
    """The rota names somebody now; false in a gap."""
    until: datetime | None = None
    follows: bool = False
    """In the incident the role goes to whoever is on call."""
    problem: str = ""


class RolesReport(Report, frozen=True, kw_only=True, tag="tocsin/roles/v1"):
    """Every role that somebody can hold; ``incident`` is the codename, empty where none is meant."""

    incident: str
    roles: tuple[RoleRow, ...]
    unheld: tuple[UnheldRole, ...] = ()
    """Roles of the incident's playbooks, else of every playbook, that nobody holds."""


def roles(
    directory: Directory, incident: Incident | None, unheld: tuple[UnheldRole, ...] = ()
) -> RolesReport:
    """Return every role by its name, and those that nobody holds."""
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
    """Draw the list; what is wrong with a rota stands below it."""
    if not report.roles:
        yield line("no role is held by anybody: tocsin role assign ROLE PERSON --always", "warn")
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
        words.append(f"no one is on call by {one.rota}: it falls to them")
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
    """A list beside what is on record."""

    file: str
    people: tuple[ImportRow, ...]
    roles: dict[str, tuple[str, ...]]
    """Roles whose holders change → who holds them afterwards."""
    missing: tuple[str, ...]
    """People on record whom the list does not name; they stay."""
    open: tuple[str, ...]
    """Incidents that are open: a contact that is changed now carries no approval in them (R7)."""
    delete: tuple[str, ...]
    """Lines of ``tocsin.yaml`` that still hold people in plain text, as ``12-31``."""
    warnings: tuple[Problem, ...]
    written: bool


def contact_words(contact: ContactPoint) -> str:
    """Return a contact with its address masked."""
    return f"{contact.channel} {mask_contact(contact)}"


@paged
def import_page(report: ImportReport) -> Iterator[Block]:
    """Draw what changes; who stays as they are is counted only."""
    rows = tuple(
        (Cell(person.change, _TONES[person.change]), Cell(person.person, "title"), _what(person))
        for person in report.people
        if person.change != "unchanged"
    )
    if rows:
        yield table(rows, 2, indent=0)
    for role, held in report.roles.items():
        yield line(f"{role} is held by {', '.join(held) or 'nobody'}", "plain" if held else "alarm", hang=2)
    same = sum(person.change == "unchanged" for person in report.people)
    if same:
        yield line(f"{count(same, 'person', 'people')} as before", "dim")
    if report.missing:
        words = f"not in this list, and kept: {', '.join(report.missing)} (tocsin person forget PERSON)"
        yield line(words, "dim", hang=2)
    if report.open and any(person.gained for person in report.people):
        words = f"new addresses carry no approval in {', '.join(report.open)} until they are verified (R7)"
        yield line(words, "warn", hang=2)
    for warning in report.warnings:
        yield line(str(warning), "warn", hang=2)
    if report.written:
        yield line("written into the store, sealed", "good")
    for lines in report.delete:
        words = f"now delete these lines of tocsin.yaml, which hold people in plain text: {lines}"
        yield line(words, "warn", hang=2)


def _what(row: ImportRow) -> str:
    changes = (*(f"+ {point}" for point in row.gained), *(f"- {point}" for point in row.lost))
    return ", ".join((*((row.name,) if row.name != row.person else ()), *changes))
