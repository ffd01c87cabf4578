"""People as a list: roles, ways to reach them with addresses masked, who is away and who stands in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.reports.core.formatting import masked, span
from runner.reports.core.page import (
    Block,
    Cell,
    Page,
    Paragraph,
    Table,
    Tone,
    line,
)
from runner.routing.organisation import Person

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


class PeopleReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/people/v1"):
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
                        channel=one.channel,
                        address=masked(one),
                        domains=tuple(sorted(one.domains)),
                        changed_at=one.changed_at,
                        verified_at=one.verified_at,
                        risk_at=one.risk_at,
                    )
                    for one in person.contacts
                ),
                origin=_origin(name in settings, name in store),
            )
            for name, person in sorted(found.items())
        ),
        unheld=tuple(sorted(role for role, held in roles.items() if not held)),
    )


def _origin(settings: bool, store: bool) -> Origin:
    if settings:
        return "both" if store else "settings"
    return "store"


def people_page(report: PeopleReport, now: datetime) -> Page:
    """Draw the list; a contact that was never proved says so."""
    blocks: list[Block] = []
    for one in report.people:
        away = f"  AWAY, {one.alternate or 'nobody'} stands in" if one.away else ""
        roles = f"  {', '.join(one.roles)}" if one.roles else "  no role"
        blocks.append(
            Paragraph(
                cells=(
                    Cell(one.person, "title"),
                    Cell(f"  {one.name}" if one.name and one.name != one.person else ""),
                    Cell(roles, "dim"),
                    Cell(_FROM[one.origin], "dim"),
                    Cell(away, "warn"),
                ),
                hang=2,
            )
        )
        blocks.append(_contacts(one, now) if one.contacts else line("no contact is known", "alarm", indent=2))
    if not blocks:
        blocks.append(line("nobody is known: tocsin person add PERSON", "warn"))
    if report.unheld:
        blocks.append(line(f"roles that nobody holds: {', '.join(report.unheld)}", "alarm", hang=2))
    return Page(tuple(blocks))


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
        rows.append((Cell(contact.channel), Cell(contact.address), Cell(f"{proof}{depends}", tone)))
    return Table(rows=tuple(rows), elastic=2)
