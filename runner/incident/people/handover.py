"""Handover of incident command: a brief to a named person, who reads it back before they have the role."""

from __future__ import annotations

from runner.errors import Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.handover import BriefGiven, CommandTaken
from runner.incident.state.incident import Incident


def handed_over(incident: Incident, command: c.GiveBrief | c.TakeCommand, by: str) -> tuple[e.AnyEvent, ...]:
    """Return the events; raises Refused without a brief or without a read-back."""
    match command:
        case c.GiveBrief(to=to):
            if to == by:
                raise Refused(
                    "A person cannot hand over to the same person.",
                    hint="Name another person: --give PERSON",
                    code="same_person",
                )
            return (e.event_of(BriefGiven, command, by=by),)
        case c.TakeCommand():
            return _taken(incident, command, by)


def _taken(incident: Incident, command: c.TakeCommand, by: str) -> tuple[e.AnyEvent, ...]:
    brief = incident.handover
    if brief is None or brief.to != by or brief.taken_at is not None:
        raise Refused(
            f'Person "{by}" has no handover brief.',
            hint=f"The incident commander runs: tocsin brief --give {by}",
            code="not_briefed",
        )
    if command.role != brief.role:
        raise Refused(
            f'The brief for "{by}" hands over the role {brief.role}, not {command.role}.',
            hint=f"Add --role {brief.role}",
            code="other_role",
        )
    if not command.read_back.strip():
        raise Refused("The read-back is missing.", hint="Add --read-back TEXT", code="no_read_back")
    before = incident.roles.get(command.role, ())
    roles = tuple(role for role in before if role not in (by, brief.by))
    return (
        CommandTaken(
            by=by,
            role=command.role,
            brief=brief.entry,
            read_back=command.read_back.strip(),
            before=before,
        ),
        e.RoleAssigned(role=command.role, persons=(by, *roles)),
    )
