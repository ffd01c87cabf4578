"""Roles as a list: who holds each now, and where a rota says so, until when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from runner.incident.state.incident import Incident
from runner.reports.core.formatting import moment
from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Page,
    Table,
    line,
)
from runner.reports.people.unassigned_roles import UnheldRole, unheld_blocks
from runner.routing.organisation import Directory


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


class RolesReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/roles/v1"):
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


def roles_page(report: RolesReport) -> Page:
    """Draw the list; what is wrong with a rota stands below it."""
    if not report.roles:
        return Page((line("no role is held by anybody: tocsin role assign ROLE PERSON --always", "warn"),))
    rows = [
        (
            Cell(one.role),
            Cell(", ".join(one.persons) or "nobody", "plain" if one.persons else "alarm"),
            Cell(_told(one, report.incident), "dim"),
        )
        for one in report.roles
    ]
    missing = (Blank(), *unheld_blocks(report.unheld)) if report.unheld else ()
    return Page((Table(rows=tuple(rows), elastic=2), *_problems(report), *missing))


def _told(one: RoleRow, incident: str) -> str:
    words = []
    if one.on_call and one.until is not None:
        words.append(f"on call until {moment(one.until)} ({one.rota})")
    elif one.rota:
        words.append(f"no one is on call by {one.rota}: it falls to them")
    if one.incident_persons and one.incident_persons != one.persons:
        words.append(f"in {incident}: {', '.join(one.incident_persons)}")
    return "; ".join(words)


def _problems(report: RolesReport) -> Iterator[Block]:
    for text in dict.fromkeys(one.problem for one in report.roles if one.problem):
        yield line(text, "alarm", hang=2)
