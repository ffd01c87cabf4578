"""Escalation levels of a message: first the deputies, then the escalation contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from runner.incident.state.incident import Deputy, Incident
from runner.incident.state.steps import DeputiesNamed
from runner.routing.messaging import MessageClass
from runner.routing.organisation import Directory


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One more person, the escalation level, and the deliveries that the person is deputy for."""

    person: str
    level: int
    stands_for: tuple[str, ...] = ()


class Addressed(msgspec.Struct, frozen=True, kw_only=True):
    """The current people behind ``role:NAME`` and ``person:ID``."""

    meant: Mapping[str, tuple[str, ...]]
    """Each person once, with deputies for absent people → their roles."""
    filled: tuple[str, ...] = ()
    """Roles whose only person is the opener of the incident, who is not paged."""
    unheld: tuple[str, ...] = ()


def addressed(
    incident: Incident, directory: Directory, wanted: Sequence[str], kind: MessageClass, spared: str = ""
) -> Addressed:
    """Return the recipients of a message class, without ``spared``.

    A class that mobilises omits the opener of the incident.
    """
    return _addressed(incident.roles, directory, wanted, incident.opened_by if kind.mobilises else spared)


def _addressed(
    roles: Mapping[str, tuple[str, ...]], directory: Directory, wanted: Sequence[str], spared: str
) -> Addressed:
    meant: dict[str, tuple[str, ...]] = {}
    filled, unheld = [], []
    for recipient in wanted:
        kind, _, name = recipient.partition(":")
        named = (roles.get(name) or directory.roles.get(name, ())) if kind == "role" else (name,)
        held = dict.fromkeys(directory.standing_in(person) for person in named)
        role = (name,) if kind == "role" else ()
        if not held:
            unheld.append(name)
        elif held.keys() == {spared}:
            filled.append(name)
        for person in held:
            if person != spared:
                meant[person] = tuple(dict.fromkeys((*meant.get(person, ()), *role)))
    return Addressed(meant=meant, filled=tuple(filled), unheld=tuple(unheld))


def recipients(incident: Incident, directory: Directory, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the persons behind ``role:NAME`` and ``person:ID``, each once, with deputies for absent people."""
    return people_behind(incident.roles, directory, wanted)


def people_behind(
    roles: Mapping[str, tuple[str, ...]], directory: Directory, wanted: Sequence[str]
) -> tuple[str, ...]:
    """Return the same without an incident; ``roles`` come before the roles of the home."""
    return tuple(_addressed(roles, directory, wanted, "").meant)


def deputies(incident: Incident, directory: Directory, step: str, roles: Sequence[str]) -> DeputiesNamed:
    """Return the deputies of roles and of the people who have these roles, and the roles without a deputy."""
    found: dict[str, list[str]] = {}
    without = []
    for role in dict.fromkeys(roles):
        held = incident.roles.get(role) or directory.roles.get(role, ())
        others = directory.deputies(role, held)
        for person in others:
            found.setdefault(person, []).append(role)
        if not others:
            without.append(role)
    return DeputiesNamed(
        step=step,
        deputies=tuple(Deputy(person=person, roles=tuple(of)) for person, of in found.items()),
        without_deputy=tuple(without),
    )


def rungs(
    incident: Incident,
    directory: Directory,
    wanted: tuple[str, ...],
    escalate_to: tuple[str, ...],
    meant: Mapping[str, str],
) -> tuple[Rung, ...]:
    """Return the escalation levels: each person once, at the lowest level. ``meant`` is person to delivery."""
    places: dict[str, dict[str, None]] = {}
    for person, delivery in meant.items():
        known = directory.people.get(person)
        if known is not None and known.alternate:
            places.setdefault(directory.standing_in(known.alternate), {})[delivery] = None
    for recipient in wanted:
        if recipient.startswith("role:"):
            held = [meant[p] for p in recipients(incident, directory, (recipient,)) if p in meant]
            for person in directory.alternates.get(recipient.removeprefix("role:"), ()):
                places.setdefault(directory.standing_in(person), {}).update(dict.fromkeys(held))
    stand_ins = {person: tuple(held) for person, held in places.items() if person not in meant and held}
    above = recipients(incident, directory, escalate_to or directory.escalation)
    return (
        *(Rung(person=person, level=1, stands_for=held) for person, held in stand_ins.items()),
        *(Rung(person=p, level=2) for p in above if p not in meant and p not in stand_ins),
    )
