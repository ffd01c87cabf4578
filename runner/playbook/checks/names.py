"""Checks of the names in a playbook: roles, messages, facts, laws, notices, other playbooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runner.base.text import near_hint
from runner.facts.expression import Apply, Attribute, Expression, NameRef, reads_duties, walk, written
from runner.facts.expressions.type_check import PLAIN, WORDS, kind_of
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find, path_hint
from runner.facts.vocabulary.nested_facts import Misplaced, flatten
from runner.playbook.action_template import ActionTemplate
from runner.playbook.checks.step_map import Findings, Map, Place
from runner.playbook.format import Act, Approve, Call, Group, Playbook
from runner.playbook.lookup import Known
from runner.routing.message_classes import class_problems
from runner.yamlfile.source import Where


def check_names(steps: Map, known: Known, found: Findings) -> None:
    """Report every unknown name, with the nearest known name."""
    names = Names(steps, known, found)
    for role_where, role in _named_roles(steps):
        names.role(role, role_where)
    for place in steps.places:
        if place.step.due is not None:
            names.anchor(place, place.step.due.anchor, place.step.due.ref)
            names.hours(place.step.due.hours, (*place.where, "due", "hours"))
    for place, where, expression in steps.expressions():
        names.expression(place, where, expression)
    _facts(steps.playbook, found)
    for name, why in class_problems(steps.playbook.classes, known.classes):
        found.error(("classes", name), "class", f"class {name}: {why}")
    classes = {*known.classes, *steps.playbook.classes}
    for name, template in steps.playbook.messages.items():
        if template.message_class not in classes:
            at: Where = ("messages", name, "class")
            names.unknown(at, "unknown-class", "message class", template.message_class, classes)


def _facts(playbook: Playbook, found: Findings) -> None:
    """Report the facts that a playbook assumes and that do not exist or have another type."""

    def report(misplaced: Misplaced) -> None:
        problem = misplaced.problem
        where = ("facts", *misplaced.where)
        found.error(where, "fact", problem.message, problem.hint, key=misplaced.at_key)

    for _ in flatten("", playbook.facts, report):
        pass


def _named_roles(steps: Map) -> list[tuple[Where, str]]:
    """Return every position of a role outside of the fields of step kinds."""
    named: list[tuple[Where, str]] = []
    for place in steps.places:
        step, where = place.step, place.where
        if step.on_overdue is not None and step.on_overdue.escalate and not isinstance(step, Approve):
            named.append(((*where, "on_overdue", "escalate"), step.on_overdue.escalate))
    return named + in_messages(steps.playbook, "role")


def addressed(to: tuple[str, ...], where: Where, kind: str = "role") -> list[tuple[Where, str]]:
    """Return the roles or persons among recipients, with their positions."""
    recipients = [recipient.partition(":") for recipient in to]
    return [((*where, index), name) for index, (of, _, name) in enumerate(recipients) if of == kind]


def in_messages(playbook: Playbook, kind: str) -> list[tuple[Where, str]]:
    """Return the roles or persons that receive messages of a playbook, with their positions."""
    return [
        named
        for name, template in playbook.messages.items()
        for key, to in (("to", template.to), ("escalate_to", template.escalate_to))
        for named in addressed(to, ("messages", name, key), kind)
    ]


class Names:
    """Looks up names; each kind of name in its own table."""

    def __init__(self, steps: Map, known: Known, found: Findings) -> None:
        self.steps = steps
        self.known = known
        self.found = found
        self.playbook = steps.playbook

    def unknown(
        self, where: Where, code: str, what: str, name: str, there: Collection[str], *, hint: str = ""
    ) -> None:
        """Report a name with the nearest known one."""
        listed = f"Choose one of: {', '.join(sorted(there)[:12])}." if there else hint
        text = f'{what[0].upper()}{what[1:]} "{name}" does not exist.'
        self.found.error(where, code, text, near_hint(name, sorted(there), hint or listed))

    def role(self, role: str, where: Where) -> None:
        """Report a role that is not defined under ``roles``."""
        if role not in self.playbook.roles:
            hint = "Define the role under `roles`."
            self.unknown(where, "unknown-role", "role", role, self.playbook.roles, hint=hint)

    def anchor(self, place: Place, anchor: str, ref: str) -> None:
        """Look up the start of a due time."""
        where = (*place.where, "due")
        if anchor == "fact" and self.fact(ref, where):
            fact = find(ref)
            if isinstance(fact, FactType) and (fact.kind != "instant" or fact.many):
                self.found.error(
                    where, "not-an-instant", f'Fact "{ref}" is not a time. A due time cannot count from it.'
                )
        elif anchor == "duty":
            self.duty(place, ref, where)
        elif anchor == "step":
            self.named_step(place, ref, where)

    def hours(self, path: str, where: Where) -> None:
        """Look up the fact that gives the hours of a due time."""
        fact = find(path) if path and self.fact(path, where) else None
        if fact is not None and not (
            isinstance(fact, FactType) and fact.kind in ("int", "number") and not fact.many
        ):
            text = f'Fact "{path}" is not a number. It cannot give the hours of a due time.'
            self.found.error(where, "not-a-number", text)

    def named_step(self, place: Place, name: str, where: Where) -> None:
        """Look up a step that a due time names."""
        if self.steps.find(name, place) is not None:
            return
        hidden = self.steps.elsewhere(name)
        if hidden is not None and hidden.parent is not None:
            text = f'Step "{name}" is inside step "{hidden.parent.step.id}" and not available here.'
            self.found.error(where, "other-body", text, f'Name "{hidden.parent.step.id}" instead.')
        else:
            there = [place.step.id for place in self.steps.places]
            self.unknown(where, "unknown-step", "step", name, there)

    def fact(self, path: str, where: Where) -> bool:
        """Report a fact that is not in the vocabulary."""
        if find(path) is not None:
            return True
        self.found.error(where, "unknown-fact", f'Fact "{path}" does not exist.', path_hint(path))
        return False

    def sets(self, path: str, where: Where) -> None:
        """Report a question that does not set one single fact."""
        if self.fact(path, where) and not isinstance(find(path), FactType):
            self.found.error(
                where, "not-one-fact", f'The name "{path}" is a group of facts. An answer sets one fact.'
            )

    def notice(self, place: Place, name: str, duty: str) -> None:
        """Report a template that is not in the catalogue; ``auto`` selects the duty's template."""
        where = (*place.where, "notice")
        if name == "auto":
            if not duty:
                self.found.error(
                    where,
                    "auto-without-duty",
                    "The notice `auto` needs a duty that names a template.",
                    "Add `duty:`.",
                )
        elif name not in self.known.notices:
            self.unknown(where, "unknown-notice", "notice", name, self.known.notices)

    def regimes(self, regimes: tuple[str, ...], where: Where) -> None:
        """Report regimes that are not in the catalogue."""
        for index, name in enumerate(regimes):
            if name not in self.known.regimes and regimes != ("all",):
                self.unknown((*where, index), "unknown-regime", "law", name, self.known.regimes)

    def duty(self, place: Place, duty: str, where: Where) -> None:
        """Report a duty that is neither ``regime/slug`` nor ``item`` in a lane over duties."""
        if duty == "item":
            if not any(_over_duties(container) for container in place.around):
                hint = "Put the step into a group with for_each: \"duties('applies')\"."
                self.found.error(
                    where, "item-outside", "The name `item` exists only inside `for_each`.", hint
                )
            return
        regime, _, slug = duty.partition("/")
        if regime not in self.known.regimes:
            self.unknown(where, "unknown-duty", "law", regime, self.known.regimes)
            return
        rules = self.known.rules(regime)
        if rules and slug not in rules:
            self.unknown(where, "unknown-duty", f"duty of {regime}", slug, rules)

    def expression(self, place: Place, where: Where, expression: Expression) -> None:
        """Look up the duties and inputs of a condition; its facts were looked up when it was parsed."""
        for duty in expression.duties:
            self.duty(place, duty, where)
        for node in walk(expression.tree) if reads_duties(expression) else ():
            if isinstance(node, Apply) and node.function == "duties" and len(node.arguments) > 1:
                recipient, there = written(node.arguments[1]), self.known.recipients()
                if there and recipient not in there:
                    self.unknown(where, "unknown-recipient", "recipient", recipient, there)
        for node in walk(expression.tree) if "inputs" in expression.names else ():
            named = node.name if isinstance(node, Attribute) and node.target == NameRef("inputs") else None
            if named is not None and named not in self.playbook.inputs:
                self.unknown(where, "unknown-input", "input", named, self.playbook.inputs)

    def call(self, step: Call, where: Where) -> None:
        """Report a called playbook that is not in the catalogue, or whose inputs do not match."""
        name = step.name
        here = (*where, "playbook")
        called = self.known.playbook(step.playbook)
        if called is None:
            there = self.known.playbook(name)
            if there is not None:
                text, hint = f'Playbook "{step.playbook}" does not exist.', f"Write {name}@{there.version}."
                self.found.error(here, "unknown-playbook", text, hint)
            elif name in self.known.playbooks:
                text, hint = f'Playbook "{step.playbook}" is not valid.', f"tocsin playbook validate {name}"
                self.found.error(here, "unknown-playbook", text, hint)
            else:
                self.unknown(here, "unknown-playbook", "playbook", name, self.known.playbooks)
            return
        self._inputs(step, f"playbook {name}", called.inputs, where, "inputs")
        circle = _calls(name, self.playbook.name, self.known)
        if circle:
            text = f"The playbooks form a dependency cycle: {' → '.join([self.playbook.name, *circle])}."
            self.found.error(here, "playbook-circle", text, "Remove one of the calls.")

    def action(self, step: Act, where: Where) -> ActionTemplate | None:
        """Return the action template of a step; report one that is not in the catalogue, or whose inputs do not match."""
        here, name = (*where, "use"), step.use.partition("@")[0]
        template = self.known.action(step.use)
        if template is None:
            valid = self.known.action(name)
            if name not in self.known.actions:
                self.unknown(here, "unknown-action", "action", name, self.known.actions)
            elif valid is not None:
                hint = f"Write {name}@{valid.version.partition('.')[0]}."
                self.found.error(here, "unknown-action", f'Action "{step.use}" does not exist.', hint)
            else:
                hint = f"tocsin playbook validate actions/{name}.yaml"
                self.found.error(here, "unknown-action", f'Action "{name}" is not valid.', hint)
            return None
        wanted = {given: one.help or one.kind for given, one in template.expects.items()}
        self._inputs(step, f"action {name}", wanted, where, "with")
        return template

    def _inputs(self, step: Call | Act, what: str, wanted: Mapping[str, str], where: Where, key: str) -> None:
        """Report inputs that are missing, unknown, or more than one value."""
        for given, expression in step.inputs.items():
            kind = kind_of(expression)
            if kind not in PLAIN:
                text = f"An input must be text, a number, or true or false, not {WORDS[kind]}."
                hint = "Read the fact in the called playbook instead."
                self.found.error((*where, key, given), "input-kind", text, hint)
            if given not in wanted:
                self.unknown((*where, key, given), "unknown-input", f"input of {what}", given, wanted)
        for name in wanted.keys() - step.inputs.keys():
            kind_, _, called = what.partition(" ")
            text = f'{kind_.capitalize()} "{called}" needs input "{name}": {wanted[name]}'
            at = (*where, "playbook" if isinstance(step, Call) else "use")
            self.found.error(at, "missing-input", text, f"Add the input under `{key}`.")


def _over_duties(container: Place) -> bool:
    return isinstance(container.step, Group) and reads_duties(container.step.for_each)


def _calls(name: str, wanted: str, known: Known) -> list[str]:
    """Return the chain of calls from a playbook to another one, nothing without one."""
    ways: dict[str, list[str]] = {name: [name]}
    queue = [name]
    for one in queue:
        if one == wanted:
            return ways[one]
        called = known.playbook(one)
        for place in Map(called).places if called is not None else ():
            if isinstance(place.step, Call):
                inner = place.step.name
                if inner not in ways:
                    ways[inner] = [*ways[one], inner]
                    queue.append(inner)
    return []
