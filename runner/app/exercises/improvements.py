"""Action items of an organisation, proposed from exercises and real incidents, added and closed by people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

import msgspec

from runner.actions import Action
from runner.app.core import organisation_journal
from runner.app.exercises.exercises import no_target, plan_of, targets_of
from runner.base.text import nearest
from runner.errors import NotFound, Refused
from runner.incident.exercises.improvement_proposals import Proposed, lessons, source_of
from runner.incident.exercises.improvements import (
    JOURNAL,
    READER,
    ROLE,
    AnyImprovementEvent,
    ImprovementAdded,
    ImprovementChanged,
    ImprovementDone,
    ImprovementDropped,
    ImprovementReopened,
    Item,
    Items,
    Plan,
    Source,
    Tested,
    changed,
    checked,
    closing,
    fold_items,
    may,
)
from runner.incident.state.incident import Incident
from runner.incident.state.steps import step_path

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

Decide = Callable[[Item], AnyImprovementEvent]


def read(service: IncidentService) -> Items:
    """Return all items as of now."""
    return fold_items(organisation_journal.entries(service, JOURNAL, READER))


def of_incident(found: Items, incident: str) -> tuple[Item, ...]:
    """Return the items from an incident."""
    return tuple(item for item in found.items.values() if item.source.incident == incident)


def contacts(service: IncidentService, items: Sequence[Item]) -> dict[str, str]:
    """Return the current names of the owners of items, by owner."""
    directory = service.directory
    found: dict[str, str] = {}
    for owner in {item.plan.owner for item in items if item.plan.owner}:
        persons = directory.roles.get(owner.removeprefix(ROLE), ()) if owner.startswith(ROLE) else (owner,)
        names = [
            directory.people[person].name or person if person in directory.people else person
            for person in persons
        ]
        found[owner] = ", ".join(names)
    return found


def item(found: Items, name: str) -> Item:
    """Return an item by its id; raises NotFound with the nearest id."""
    known = next((item for item in found.items.values() if item.id.lower() == name.lower()), None)
    if known is None:
        near = nearest(name, found.items)
        hint = f"Use {near}" if near else Action("improvement.list", args={"all": True})
        raise NotFound(f'Action item "{name}" does not exist.', hint=hint, code="unknown_item")
    return known


# --------------------------------------------------------------------------------------------------- proposals


def proposals(service: IncidentService, incident: Incident) -> tuple[tuple[Source, Plan, str], ...]:
    """Return the proposals of an incident, each with the id of its action item, or an empty id.

    Raises Refused for a test run.
    """
    if incident.kind == "test":
        raise Refused(f'"{incident.codename}" is a test run. It has no action items.', code="a_test")
    planned = incident.drill is not None and bool(incident.drill.plan)
    plan = plan_of(service, incident) if planned else None
    taken = {item.source.ref: item.id for item in of_incident(read(service), incident.id) if item.source.ref}
    return tuple(
        (source, row, taken.get(source.ref, ""))
        for source, row in lessons(incident, plan, service.duties(incident))
    )


def untaken(service: IncidentService, incident: Incident) -> int:
    """Return the number of proposals without an action item."""
    if incident.kind == "test":
        return 0
    return sum(not taken for _, _, taken in proposals(service, incident))


def chosen(service: IncidentService, incident: Incident, refs: Collection[str]) -> tuple[Proposed, ...]:
    """Return the named proposals without an action item; ``all`` means all remaining proposals."""
    found = proposals(service, incident)
    known = [source.ref for source, _, _ in found]
    for ref in refs:
        if ref != "all" and ref not in known:
            hint = f"Use one of: {', '.join(known) or 'none'}"
            raise NotFound(
                f'"{incident.codename}" has no proposal "{ref}".', hint=hint, code="unknown_proposal"
            )
    done = {source.ref: taken for source, _, taken in found if taken}
    if again := [ref for ref in refs if ref in done]:
        raise Refused(
            f'Proposal "{again[0]}" is action item {done[again[0]]} already.',
            hint=Action("improvement.list"),
            code="already_taken",
        )
    wanted = known if "all" in refs else refs
    return tuple((source, row) for source, row, taken in found if source.ref in wanted and not taken)


def source_in(service: IncidentService, incident: Incident, objective: str = "", step: str = "") -> Source:
    """Return the source of an item that a person writes; raises NotFound for an unknown target, step or role."""
    if incident.kind == "test":
        raise Refused(f'"{incident.codename}" is a test run. It has no action items.', code="a_test")
    source = source_of(incident, "")
    if objective:
        plan = plan_of(service, incident)
        of = targets_of(plan)
        if objective not in of:
            raise no_target(plan, objective)
        target = objective if objective != of[objective] else ""
        source = msgspec.structs.replace(source, objective=of[objective], target=target)
    if step:
        known = {step_path(invocation) for invocation in incident.invocations}
        if step not in known:
            near = nearest(step, known)
            raise NotFound(
                f'Step "{step}" did not start in "{incident.codename}".',
                hint=f"Use {near}" if near else Action("task.list"),
                code="unknown_step",
            )
        source = msgspec.structs.replace(source, step=step)
    return source


# --------------------------------------------------------------------------------------------------- changes


def add(service: IncidentService, rows: Sequence[Proposed]) -> tuple[Item, ...]:
    """Record new items in order; an invalid item raises its error, and no item is recorded."""
    ready = [(source, _checked(service, row)) for source, row in rows]

    def decide(found: Items) -> Sequence[AnyImprovementEvent]:
        taken = {(item.source.incident, item.source.ref) for item in found.items.values() if item.source.ref}
        fresh = [(source, row) for source, row in ready if (source.incident, source.ref) not in taken]
        return [
            ImprovementAdded(item=f"I-{number}", by=service.principal.person, plan=row, source=source)
            for number, (source, row) in enumerate(fresh, start=len(found.items) + 1)
        ]

    made = organisation_journal.change(service, JOURNAL, read, decide)
    found = read(service)
    return tuple(found.items[event.item] for event in made)


def _checked(service: IncidentService, plan: Plan) -> Plan:
    owner = plan.owner
    if owner.startswith(ROLE):
        role = owner.removeprefix(ROLE)
        if role not in service.directory.roles:
            near = nearest(role, service.directory.roles)
            raise NotFound(
                f'Role "{role}" does not exist.',
                hint=f"Use role:{near}" if near else Action("role.list"),
                code="unknown_role",
            )
    elif owner:
        service.known(owner)
    return checked(plan)


def change(service: IncidentService, name: str, fields: dict[str, object]) -> Item:
    """Change some fields of an item."""

    def decide(one: Item) -> AnyImprovementEvent:
        may(one, "changed", "as said", "a change")
        row = changed(one, _checked(service, msgspec.structs.replace(one.plan, **fields)))
        return ImprovementChanged(item=one.id, by=service.principal.person, plan=row)

    return _change(service, name, decide)


def done(service: IncidentService, name: str, evidence: str, tested: Tested | None = None) -> Item:
    """Record that the corrective action is done; ``tested`` is its passed playbook test, if it names one."""

    def decide(one: Item) -> AnyImprovementEvent:
        words = may(one, "done", evidence, "a note of the action and its evidence")
        if closing(one.plan.closes_with).kind == "test" and tested is None:
            raise Refused(
                f"{one.id} needs the test {one.plan.closes_with}. The test did not run.", code="test_not_run"
            )
        return ImprovementDone(item=one.id, by=service.principal.person, evidence=words, tested=tested)

    return _change(service, name, decide)


def reopen(service: IncidentService, name: str, reason: str) -> Item:
    """Reopen an item whose corrective action did not work."""

    def decide(one: Item) -> AnyImprovementEvent:
        why = may(one, "reopened", reason, "a reason")
        return ImprovementReopened(item=one.id, by=service.principal.person, reason=why)

    return _change(service, name, decide)


def drop(service: IncidentService, name: str, reason: str) -> Item:
    """Record that an item is dropped."""

    def decide(one: Item) -> AnyImprovementEvent:
        why = may(one, "dropped", reason, "a reason")
        return ImprovementDropped(item=one.id, by=service.principal.person, reason=why)

    return _change(service, name, decide)


def _change(service: IncidentService, name: str, decide: Decide) -> Item:
    (made,) = organisation_journal.change(service, JOURNAL, read, lambda found: (decide(item(found, name)),))
    return read(service).items[made.item]
