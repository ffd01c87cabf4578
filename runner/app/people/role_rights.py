"""Why a person may do something, or may not: the roles that give the right, and who has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, get_args

import msgspec

from runner.app.core.reader import held_roles
from runner.app.core.rights import ANY, LOCAL, OTHERS_GIVE, ROLES, Right, is_paged, rights_of
from runner.base.actor import Principal
from runner.base.text import choice_hint
from runner.errors import Usage
from runner.reports.core.formatting import person_name
from runner.reports.core.page import Block, Cell, fields, flow, line, paged
from runner.reports.core.report import Report

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident

RIGHTS: tuple[Right, ...] = tuple(sorted(get_args(Right)))


class HeldRole(msgspec.Struct, frozen=True, kw_only=True):
    """One role of the person, and whether it gives the right; ``incident`` is empty for a standing role."""

    role: str
    incident: str
    gives: bool


class RightExplained(Report, frozen=True, kw_only=True, tag="tocsin/right/v1"):
    """Whether a person with a proven name has a right, and why."""

    person: str
    right: Right
    incident: str
    holds: bool
    local: bool
    """The person uses this machine, which gives all rights."""
    roles: tuple[HeldRole, ...]
    given_by: tuple[str, ...]
    """The roles that give the right."""
    who_could: tuple[str, ...]
    """The people who have one of these roles."""


def explain(
    service: IncidentService, principal: Principal, right: str, incident: Incident | None
) -> RightExplained:
    """Return why a principal has a right in an incident, or in the home without one; raises Usage for an unknown right."""
    known = next((one for one in RIGHTS if one == right), None)
    if known is None:
        raise Usage(f'Right "{right}" is unknown.', hint=choice_hint(right, RIGHTS), code="unknown_right")
    standing = service.directory.roles
    places: list[tuple[str, Mapping[str, Sequence[str]]]] = [("", standing)]
    if incident is not None:
        places.append((incident.codename, held_roles(service.repository, incident)))
    everybody = {person for _, held in places for people in held.values() for person in people}

    def holds(who: Principal) -> bool:
        if known == "message.own" and incident is not None and is_paged(who, incident):
            return True
        return any(known in rights_of(who, partial(dict, held)).grants for _, held in places)

    return RightExplained(
        person=principal.person,
        right=known,
        incident="" if incident is None else incident.codename,
        holds=holds(principal),
        local=bool(principal.os_user),
        roles=tuple(
            HeldRole(role=role, incident=place, gives=known in ROLES.get(role, ROLES[ANY]).grants)
            for place, held in places
            for role, people in sorted(held.items())
            if principal.person in people
        ),
        given_by=tuple(role for role, rights in ROLES.items() if role != LOCAL and known in rights.grants),
        who_could=tuple(sorted(name for name in everybody if holds(proven(name)))),
    )


def proven(person: str) -> Principal:
    """Return a person as with a login, to ask for their rights."""
    return Principal(person=person, proven_by="login:")


@paged
def explained_page(found: RightExplained, *, names: bool) -> Iterator[Block]:
    """Draw why; ``names`` is whether the reader may know who else has the right."""
    where = f"in {found.incident}" if found.incident else "outside of incidents"
    answer = Cell("YES", "good") if found.holds else Cell("NO", "alarm")
    yield flow(Cell(f"{found.right}, {where}: ", "title"), answer, f"  {person_name(found.person)}")
    if found.local:
        yield line("A user of this machine has all rights. The name is a claim.", "warn")
    elif not found.roles:
        yield line("No role. Without a role a person has no rights.", "warn")
    yield fields(map(_role, found.roles))
    none = "only a user of this machine has it"
    if found.right == "message.own":
        none = "everybody has it to whom a message of the incident is addressed"
    yield line(f"Roles that give it: {', '.join(found.given_by) or f'none: {none}'}")
    if names:
        could = ", ".join(map(person_name, found.who_could)) or "nobody with a role"
        yield line(f"People who have it: {could}")
    if not found.holds and OTHERS_GIVE.intersection(found.given_by):
        yield line(f"Another person must assign these roles: {', '.join(sorted(OTHERS_GIVE))}", "dim")


def _role(one: HeldRole) -> tuple[str, Cell]:
    words = "gives the right" if one.gives else "does not give the right"
    place = f" in {one.incident}" if one.incident else ", standing role"
    return f"{one.role}{place}", Cell(words, "good" if one.gives else "dim")
