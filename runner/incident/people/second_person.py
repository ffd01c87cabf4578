"""Acts that need two people: the first person's request changes nothing before another person confirms it.

The act is decided again when it is confirmed, from the facts at that time. A test run has no real duty, and an
ended exercise has nothing to protect: for them one person is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from runner.actions import PERSON, Action, assign_role
from runner.base.actor import named_person
from runner.errors import Refused
from runner.incident.state.events import AnyEvent, SecondPersonAsked
from runner.incident.state.exercise import OVER
from runner.incident.state.incident import Incident
from runner.incident.state.second_person import TwoPersonAct

_PAIRS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "close": (("commander",), ("counsel", "executive")),
    "cancel": (("commander",), ("counsel", "executive")),
    "decide": (("counsel",), ("executive", "dpo")),
    "move_clock": ((), ("counsel", "dpo", "executive", "commander")),
}
"""For each act the roles of one person, and those of the other; either may be first. Empty: any role."""


def guarded(incident: Incident) -> bool:
    """Tell whether acts in an incident need two people."""
    return incident.kind != "test" and (incident.drill is None or incident.drill.stage not in OVER)


def with_second(
    incident: Incident,
    act: TwoPersonAct,
    events: tuple[AnyEvent, ...],
    alone: str,
    second: str,
) -> tuple[AnyEvent, ...]:
    """Return the events of an act once two people want it, or the home folder has only one person; before that, only the request."""
    if not guarded(incident):
        return events
    roles = _partners(incident, act, alone)
    if second:
        return events
    if alone:
        return (SecondPersonAsked(act=msgspec.structs.replace(act, roles=roles, alone=alone)), *events)
    for entry, request in incident.second_person.items():
        if request.state == "awaiting" and _about(request.act) == _about(act):
            raise Refused(
                f'Entry "{entry}" by "{request.act.by}" is awaiting confirmation already.',
                hint=f"tocsin confirm {entry} --as PERSON. To undo the entry: tocsin correct {entry} --reason WHY",
                code="second_person",
            )
    return (SecondPersonAsked(act=msgspec.structs.replace(act, roles=roles)),)


def pair(incident: Incident, kind: str, people: Sequence[str]) -> tuple[str, ...]:
    """Return the two among these people who can do an act together, else the one who can ask for it, else nobody."""
    roles = _PAIRS[kind]
    first, second = ([who for who in people if _holds(incident, who, each)] for each in roles)
    both = ((one, other) for one in first for other in second if one.casefold() != other.casefold())
    return next(both, ((*first, *second)[:1]))


def _about(act: TwoPersonAct) -> tuple[object, ...]:
    return act.kind, act.duty, {change.key for change in act.facts}


def _partners(incident: Incident, act: TwoPersonAct, alone: str) -> tuple[str, ...]:
    """Return the roles of which the other person needs one; raises Refused if the first person has none."""
    first, second = _PAIRS[act.kind]
    partners = (*(second if not first or _holds(incident, act.by, first) else ()),)
    partners += first if _holds(incident, act.by, second) else ()
    nobody = alone and not any(incident.roles.get(role) for role in (*first, *second))
    if not partners and not nobody:
        raise Refused(
            f"{named_person(act.by)} does not have the role {' or '.join((*first, *second))}.",
            hint=assign_role(first[0], also=True),
            code="role",
        )
    return partners


def _holds(incident: Incident, person: str, roles: tuple[str, ...]) -> bool:
    return any(person in incident.roles.get(role, ()) for role in roles)


def agreed(incident: Incident, entry: int, by: str) -> TwoPersonAct | None:
    """Return the act that a person confirms, None if the entry waits for no second person; Refused if the person may not confirm."""
    people = incident.second_person.get(entry)
    if people is None or people.state != "awaiting":
        return None
    act = people.act
    if by.casefold() == act.by.casefold():
        raise Refused(
            f'Person "{act.by}" made this entry. Only another person can confirm it.',
            hint=Action("entry.confirm", str(entry), {"as": PERSON}),
            code="same_person",
        )
    if not _holds(incident, by, act.roles):
        raise Refused(
            f"{named_person(by)} does not have the role {' or '.join(act.roles)}.",
            hint=assign_role(act.roles[0], also=True),
            code="role",
        )
    return act
