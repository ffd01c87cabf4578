"""Who may read and do what: one table of roles. Any right that is not in the table is denied.

A user of this machine can open the database and its key, so the table gives such a user all rights. Their name is
unverified. Anybody else must prove a name, and has the rights of the roles of this name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from runner.actions import Slot, assign_role
from runner.base.actor import Principal, Stream, named_person
from runner.errors import Refused
from runner.incident.state.commands import Acknowledge, AnyCommand, Composed, Rendered
from runner.incident.state.documents import DocumentRendered
from runner.incident.state.messages import MessageComposed


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The rights of a principal; none by default."""

    streams: frozenset[Stream] = frozenset()
    """The streams whose events it may read."""
    acts: bool = False
    """It may change incidents, with their documents and campaigns."""
    manages: bool = False
    """It may change the data of the organisation: people, schedules, erasure."""


LOCAL = "(user of this machine)"
ANY = "(any other role)"
ROLES: Mapping[str, Rights] = {
    LOCAL: Rights(streams=frozenset(("operational", "privileged", "hr")), acts=True, manages=True),
    "commander": Rights(streams=frozenset(("operational",)), acts=True, manages=True),
    "counsel": Rights(streams=frozenset(("operational", "privileged")), acts=True),
    "hr": Rights(streams=frozenset(("operational", "hr")), acts=True),
    ANY: Rights(streams=frozenset(("operational",)), acts=True),
}
RoleHolders = Callable[[], Mapping[str, Sequence[str]]]
"""From role to its persons; called only for a proven name."""


def rights_of(principal: Principal, holders: RoleHolders) -> Rights:
    """Return all rights of a principal; none for nobody, and for an unproven name."""
    if not principal.person:
        return Rights()
    if principal.os_user:
        return ROLES[LOCAL]
    roles = holders() if principal.proven_by else {}
    given = [ROLES.get(role, ROLES[ANY]) for role, people in roles.items() if principal.person in people]
    return Rights(
        streams=frozenset(stream for rights in given for stream in rights.streams),
        acts=any(rights.acts for rights in given),
        manages=any(rights.manages for rights in given),
    )


def refuse_other_names(principal: Principal, names: Iterable[str]) -> None:
    """Raise Refused if a principal with a proven name gives a command in another name, or in the program's own."""
    for name in () if principal.os_user else names:
        own = name and name in (principal.person, principal.on_behalf_of)
        require(own, principal, f"act as {name or 'the program'}")


def named_in(command: AnyCommand) -> tuple[str, ...]:
    """Return the person whom a command names as the author or as the one who answers."""
    match command:
        case Acknowledge(person=person) | Rendered(event=DocumentRendered(by=person)):
            return (person,)
        case Composed(event=MessageComposed(requested_by=person)) if person:
            return (person,)
        case _:
            return ()


def require(right: object, principal: Principal, what: str) -> None:
    """Raise Refused without a right; ``what`` names the action."""
    if not right:
        raise Refused(
            f"{named_person(principal.person)} may not {what}.",
            hint=assign_role(Slot("ROLE")),
            code="no_right",
        )
