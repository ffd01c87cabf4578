"""Who may state facts. A fact that decides on a legal duty, or moves a statutory deadline, needs a right of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runner.actions import assign_role
from runner.app.core.reader import Reader
from runner.app.core.rights import ANY, ROLES, require
from runner.base.actor import Principal, named_person
from runner.errors import Refused
from runner.incident.law.moved_deadlines import moves, with_facts
from runner.incident.state.commands import Answer, AnswerForm, AnyCommand, RecordFacts
from runner.incident.state.events import FactChange
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.reports.core.formatting import person_names

_DECIDE = (
    "incident.aware_at",
    "risk.to_people",
    "risk.harm",
    "risk.low_probability_of_compromise",
    "claims.",
    "law_enforcement.",
)
"""Beginnings of the facts that start a clock, end a duty or delay it, whatever else is recorded."""
_LEGAL = "record a fact that decides on a legal duty or its deadline"


def require_fact_rights(
    reader: Reader,
    principal: Principal,
    incident: Incident,
    commands: Sequence[AnyCommand],
    now: datetime,
    library: Library,
) -> None:
    """Raise Refused if commands state facts that a principal may not state. Whoever may do a task may answer its questions."""
    for command in commands:
        if isinstance(command, RecordFacts):
            require(reader.may("fact.state", incident), principal, "record facts")
        changes = _changes(command)
        require_legal(reader, principal, incident, changes, now, library)
        incident = with_facts(incident, changes, now)  # together they may do what none does alone


def require_legal(
    reader: Reader,
    principal: Principal,
    incident: Incident,
    changes: Sequence[FactChange],
    now: datetime,
    library: Library,
) -> None:
    """Raise Refused, with the people who may, if facts decide on a legal duty and a principal may not state such facts."""
    if (
        principal.os_user
        or reader.may("fact.legal", incident)
        or not _is_legal(incident, changes, now, library)
    ):
        return
    able = [
        one
        for role, held in incident.roles.items()
        if "fact.legal" in ROLES.get(role, ROLES[ANY]).grants
        for one in held
    ]
    asked = f"Ask {person_names(able)} to record it" if able else assign_role("counsel", also=True)
    raise Refused(f"{named_person(principal.person)} may not {_LEGAL}.", hint=asked, code="no_right")


def require_opening(reader: Reader, principal: Principal, commands: Sequence[AnyCommand]) -> None:
    """Raise Refused if a principal may not open an incident with commands: its rights are those in the home."""
    require(reader.may("incident.open"), principal, "open an incident")
    if principal.os_user or reader.may("fact.legal"):
        return
    changes = (change for command in commands for change in _changes(command))
    decides = any(change.key.startswith(_DECIDE) for change in changes)
    require(not decides, principal, _LEGAL)


def _changes(command: AnyCommand) -> tuple[FactChange, ...]:
    match command:
        case RecordFacts(changes=changes) | AnswerForm(changes=changes):
            return changes
        case Answer(change=change):
            return (change,)
        case _:
            return ()


def _is_legal(incident: Incident, changes: Sequence[FactChange], now: datetime, library: Library) -> bool:
    decides = any(change.key.startswith(_DECIDE) for change in changes)
    return decides or bool(moves(incident, changes, now, library))
