"""What the journal says in an after-action report of people: who took part, and the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

import msgspec

from runner.documents.tree import Table
from runner.incident.exercises.exercise_plan import Exercise, Participant
from runner.incident.state.incident import Incident
from runner.reports.core.report_blocks import table, time
from runner.reports.incidents.timeline import Entry

_MACHINES = frozenset({"tocsin", "worker"})


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One person's part: the role, and when the first and the last entry in the journal were made; exercise time in one."""

    person: str
    role: str
    entries: int
    first: datetime | None
    last: datetime | None


def roll_call(entries: Sequence[Entry], incident: Incident, plan: Exercise | None) -> tuple[Part, ...]:
    """Return who was to take part, and who did."""
    roles = _roles(incident) if plan is None else {one.person: _role(one) for one in plan.participants}
    acted: dict[str, list[datetime]] = {}
    for one in entries:
        if one.claimed not in _MACHINES:
            acted.setdefault(one.claimed, []).append(one.exercise_at or one.at)
    return tuple(
        Part(
            person=name,
            role=roles.get(name, ""),
            entries=len(at),
            first=min(at, default=None),
            last=max(at, default=None),
        )
        for name in dict.fromkeys((*roles, *acted))
        for at in (acted.get(name, []),)
    )


def _role(one: Participant) -> str:
    return f"{one.role}: {one.plays}" if one.plays else one.role


def _roles(incident: Incident) -> dict[str, str]:
    """Return the playbook's roles that each person holds."""
    held: dict[str, list[str]] = {}
    for role, persons in incident.roles.items():
        for person in persons:
            held.setdefault(person, []).append(role)
    return {person: ", ".join(roles) for person, roles in held.items()}


def roll_call_table(found: Sequence[Part], zone: tzinfo) -> Table:
    """Return a line for each person."""
    heads = ("Person", "Role", "Entries", "First", "Last")
    rows = [
        (one.person, one.role, str(one.entries), time(one.first, zone), time(one.last, zone)) for one in found
    ]
    return table(heads, rows)


def story(entries: Sequence[Entry], zone: tzinfo) -> Table:
    """Return the timeline, without its details."""
    rows = [
        (str(one.event), time(one.exercise_at or one.at, zone), one.claimed, one.text)
        for one in entries
        if not one.detail
    ]
    return table(("Entry", "Time", "Who", "What"), rows)
