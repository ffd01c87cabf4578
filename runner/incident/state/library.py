"""Library of an incident: plans of its playbooks and the pinned law, as one frozen value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.errors import Refused
from runner.law.duty import INTERNAL_TARGET
from runner.law.duty_state import PEOPLE
from runner.law.grounds import Threshold
from runner.law.regime import Version
from runner.playbook.action_template import ActionTemplate
from runner.playbook.format import Act, AnyStep, Step, Task
from runner.playbook.plan import NO_STEPS, Body, Plan, body_of
from runner.routing.organisation import Acting

if TYPE_CHECKING:
    from runner.incident.state.incident import ActionItem, Incident, Invocation, Run, Scope
    from runner.law.counting import HolidayCalendar
    from runner.law.regime import Regime
    from runner.law.screening_index import LawOutline, Outline, VersionOutline


def _recipients(law: LawOutline | Regime) -> dict[str, str]:
    """Return the recipient of each duty, by slug; an outline of an older program has none."""
    found: dict[str, str] = {}
    versions: Sequence[Version | VersionOutline] = law.versions
    for version in reversed(versions):
        rules = version.duties if isinstance(version, Version) else version.rules
        found.update((rule.slug, rule.recipient) for rule in rules)
    return found


class Library(msgspec.Struct, frozen=True):
    """The documents that an incident's events refer to: plans by the digest of the stored bundle, and the pinned law."""

    plans: Mapping[str, Plan]
    regimes: Sequence[Regime] = ()
    calendar: HolidayCalendar | None = None
    """Public holidays by place; if empty, none are known."""
    outline: Outline | None = None
    """The outlines of the laws, in the order of the regimes; without them all laws are assessed in full."""
    alone: str = ""
    """Why the home folder has no second person; empty if it has one."""
    acting: Acting = Acting()
    """The settings of automatic actions: they decide which actions people do by hand."""
    target: timedelta = INTERNAL_TARGET
    """The internal target of a duty without a number, from the start of its clock."""

    def regime(self, name: str) -> Regime | None:
        """Return a pinned law by its id, None if there is none."""
        if self.outline is None:
            return next((regime for regime in self.regimes if regime.id == name), None)
        numbers = (number for number, law in enumerate(self.outline.laws) if law.id == name)
        number = next(numbers, None)
        return None if number is None else self.regimes[number]

    @property
    def _laws(self) -> Sequence[LawOutline | Regime]:
        return self.outline.laws if self.outline is not None else self.regimes

    def jurisdictions(self) -> dict[str, tuple[str, ...]]:
        """Return the places of each law by its id."""
        return {law.id: law.jurisdictions for law in self._laws}

    def duties_to(self, recipient: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each duty to notify a recipient, with the places of its law; people are ``individuals`` in every law."""
        wanted = PEOPLE if recipient in PEOPLE else {recipient}
        for number, law in enumerate(self._laws):
            recipients = _recipients(law)
            if "" in recipients.values():
                recipients = _recipients(self.regimes[number])
            for slug, told in recipients.items():
                if told in wanted:
                    yield f"{law.id}/{slug}", law.jurisdictions

    def thresholds(self, on: date) -> Iterator[tuple[str, Threshold]]:
        """Yield the numbers of people that laws in force on a day ask for, each with its duty."""
        for law in self._laws:
            versions: Sequence[Version | VersionOutline] = law.versions
            for version in versions:
                begun = version.from_date is None or version.from_date <= on
                if (
                    version.standing == "in_force"
                    and begun
                    and (version.until is None or on <= version.until)
                ):
                    rules = version.duties if isinstance(version, Version) else version.rules
                    yield from ((f"{law.id}/{rule.slug}", one) for rule in rules for one in rule.thresholds)

    def body(self, runs: Mapping[str, Run], scope: Scope) -> Body:
        """Return the body that a scope was opened on; one that a migration removed has no steps."""
        if scope.added:
            return body_of(scope.added)
        return self.plans[runs[scope.run].plan].bodies.get((scope.playbook, scope.body), NO_STEPS)

    def step(self, incident: Incident, invocation: str) -> AnyStep:
        """Return the definition behind an invocation's id; raises Refused if a migration removed it."""
        known = incident.invocations[invocation]
        scope = incident.scopes[known.scope]
        step = self.meant(incident, known)
        if step is None:
            run = incident.runs[scope.run]
            raise Refused(
                f'Task "{invocation}" is not part of playbook "{run.playbook}" {run.version} any more.',
                code="step_removed",
            )
        return step

    def meant(self, incident: Incident, known: Invocation) -> AnyStep | None:
        """Return the definition behind an invocation, None if a migration removed it; an action done by hand is a task."""
        step = self.body(incident.runs, incident.scopes[known.scope]).steps.get(known.step)
        if isinstance(step, Act) and step.use and known.kind == "task":
            return task_by_hand(step, self.action(incident, known, step), known.items)
        return step

    def action(self, incident: Incident, known: Invocation, step: Act) -> ActionTemplate:
        """Return the pinned action template of a step."""
        run = incident.runs[incident.scopes[known.scope].run]
        return self.plans[run.plan].bundle.actions[step.use.partition("@")[0]]

    def stands(
        self,
        runs: Mapping[str, Run],
        scopes: Mapping[str, Scope],
        invocations: Mapping[str, Invocation],
        invocation: str,
    ) -> bool:
        """Tell whether an invocation and its containers are still defined, with the same kinds."""
        known = invocations[invocation]
        scope = scopes[known.scope]
        step = self.body(runs, scope).steps.get(known.step)
        by_hand = isinstance(step, Act) and step.use and known.kind == "task"
        if step is None or (step.__struct_config__.tag != known.kind and not by_hand):
            return False
        return not scope.parent or self.stands(runs, scopes, invocations, scope.parent)


def task_by_hand(step: Act, template: ActionTemplate, items: Sequence[ActionItem]) -> Task:
    """Return the task for an action without its integration: one checklist item for each item."""
    said = (step.instructions, f"By hand: {template.by_hand}", template.notes)
    common = {name: getattr(step, name) for name in Step.__struct_fields__}
    return Task(
        **common
        | {
            "title": step.title or step.act,
            "instructions": "\n\n".join(text.strip() for text in said if text),
        },
        task=step.act,
        role=step.role,
        assignee=step.assignee,
        checklist=tuple(
            f"{template.title}: {item.name}{f' ({item.refused})' if item.refused else ''}" for item in items
        ),
    )
