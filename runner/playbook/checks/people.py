"""Checks of the people of a playbook: persons of each role, named persons, and approvals that can reach a quorum."""

from __future__ import annotations

from runner.base.text import near_hint
from runner.playbook.checks.names import addressed, in_messages
from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import Approve, Ask, File, Form, Message, Task
from runner.playbook.lookup import Known
from runner.routing.organisation import Home
from runner.yamlfile.source import Where


def check_people(steps: Map, known: Known, found: Findings) -> None:
    """Report approvals that cannot reach their quorum and, with a home folder, roles without enough persons."""
    for place in steps.places:
        if isinstance(place.step, Approve):
            _closed(place, place.step, found)
            _quorum(place, place.step, steps, known.home, found)
    if known.home is None:
        _unchecked(steps, found)
        return
    for name, role in steps.playbook.roles.items():
        held = len(set(known.home.holders(name)))
        if held < role.minimum:
            text = (
                f'Role "{name}" has no person.'
                if not held
                else f'Role "{name}" needs {role.minimum} persons and has {held}.'
            )
            found.error(("roles", name), "role-not-held", text, f"tocsin role assign {name} PERSON", key=True)
    for where, person in _persons(steps):
        if person not in known.home.people:
            hint = near_hint(person, known.home.people, "Add the person under `people` in tocsin.yaml.")
            found.error(where, "unknown-person", f'Person "{person}" is not in the contact list.', hint)
    for index, domain in enumerate(steps.playbook.assume_compromised):
        if domain not in known.domains:
            hint = near_hint(domain, known.domains, "Name a failure domain of a channel or contact.")
            text = f'Failure domain "{domain}" does not exist.'
            found.warn(("assume_compromised", index), "unknown-domain", text, hint)


def _closed(place: Place, step: Approve, found: Findings) -> None:
    """Report approvals that would continue without a decision."""
    if step.on_failure == "continue":
        hint = "Remove `on_failure`. A person retries, skips or cancels the approval."
        text = "An approval cannot continue without a decision."
        found.error((*place.where, "on_failure"), "approval-open", text, hint)


def _quorum(place: Place, step: Approve, steps: Map, home: Home | None, found: Findings) -> None:
    """Report an approval without enough distinct persons: its quorum, and one for each role if every role must agree.

    The author cannot approve, so one more person is needed if the author may have one of the roles.
    """
    roles = [role for role in dict.fromkeys(step.by.roles) if role in steps.playbook.roles]
    if len(roles) < len(set(step.by.roles)):
        return
    subject = steps.find(step.approve, place)
    author = (
        subject is not None and isinstance(subject.step, Task | Ask | Form) and subject.step.role in roles
    )
    wanted = max(step.by.distinct, len(roles) if step.by.every_role else 1) + author
    reason = f"The approval needs {wanted} person{'s' if wanted > 1 else ''}{' (the author cannot approve)' if author else ''}."
    where = (*place.where, "by", "distinct")
    if home is None:
        promised = sum(steps.playbook.roles[role].minimum for role in roles)
        if promised < wanted:
            hint = f'Set `minimum` of role "{roles[0]}" to {wanted - promised + steps.playbook.roles[roles[0]].minimum}.'
            text = f"{reason} The minimum of {' and '.join(roles)} is {promised}."
            found.error(where, "quorum", text, hint)
        return
    holders = {person for role in roles for person in home.holders(role)}
    if len(holders) < wanted:
        hint = f"tocsin role assign {roles[0]} PERSON"
        text = f"{reason} Persons with the role {' or '.join(roles)}: {len(holders)}."
        found.error(where, "quorum", text, hint)


def _persons(steps: Map) -> list[tuple[Where, str]]:
    """Return every position of a person's name."""
    named: list[tuple[Where, str]] = []
    for place in steps.places:
        if isinstance(place.step, Task | Ask | Form | File) and place.step.assignee:
            named.append(((*place.where, "assignee"), place.step.assignee))
        if isinstance(place.step, Message):
            named += addressed(place.step.to, (*place.where, "to"), "person")
    return named + in_messages(steps.playbook, "person")


def _unchecked(steps: Map, found: Findings) -> None:
    """Report the checks that need a home folder."""

    hint = "Run tocsin init, or add --home DIR."
    if steps.playbook.roles:
        text = f"Not checked without a home folder: the persons of role {', '.join(steps.playbook.roles)}."
        found.warn(("roles",), "people-not-checked", text, hint, key=True)
    for where, person in _persons(steps):
        text = f'Not checked without a home folder: person "{person}".'
        found.warn(where, "people-not-checked", text, hint)
    if steps.playbook.assume_compromised:
        text = "Not checked without a home folder: the failure domains."
        found.warn(("assume_compromised",), "domains-not-checked", text, hint, key=True)
