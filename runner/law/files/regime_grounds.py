"""Reader of conditions, exemptions, data types and thresholds of a law file.

A condition is written out, or is the name of one under ``conditions``. ``any_of`` and ``none_of`` map a fact to values
or to the name of a list under ``lists``. Thresholds keep "more than" and "at least" apart by their words.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from runner.base.jurisdictions import place_problem
from runner.base.text import sentence
from runner.facts.expression import Expression
from runner.facts.expressions.parser import ExpressionError, parse_condition
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find
from runner.law.files.regime_reader import Node, Reader, near_hint
from runner.law.grounds import (
    Condition,
    CountOf,
    Element,
    Exemption,
    Meets,
    PersonalInformation,
    Silence,
    Threshold,
    ThresholdOp,
)
from runner.law.regime import NationalLaw, Standing, StateLaw

_CONDITION = ("code", "text", "when", "any_of", "none_of", "when_silent", "in_words")


_EXEMPTION = (
    "code",
    "text",
    "citation",
    "when",
    "any_of",
    "none_of",
    "when_silent",
    "in_words",
    "grounds",
    "removes",
    "claim_only",
    "covers",
)


_WORDS: Mapping[str, ThresholdOp] = {
    "more_than": ">",
    "at_least": ">=",
    "fewer_than": "<",
    "at_most": "<=",
}


class Terms(msgspec.Struct):
    """The named lists and conditions of one file."""

    reader: Reader
    lists: dict[str, tuple[str, ...]] = {}
    conditions: dict[str, Condition] = {}

    def learn(self, lists: Node | None, conditions: Node | None) -> None:
        """Read the names that the rest of the file may use."""
        if lists is not None and isinstance(lists.value, dict):
            for name in lists.value:
                self.lists[name] = self.reader.texts(Node(lists.value[name], (*lists.where, name)))
        if conditions is not None and isinstance(conditions.value, dict):
            for name, value in conditions.value.items():
                self.conditions[name] = self.condition(Node(value, (*conditions.where, name)), name)

    def condition(self, node: Node, name: str = "") -> Condition:
        """Read a condition: written out, or by its name."""
        if isinstance(node.value, str):
            if node.value in self.conditions:
                return self.conditions[node.value]
            hint = (
                near_hint(node.value, tuple(self.conditions))
                or "Add the condition under `conditions`, or write the expression here."
            )
            self.reader.report(node, "regime-condition", f'Condition "{node.value}" does not exist.', hint)
            return Condition(code=node.value, text=node.value)
        return self._written(node, self.reader.fields(node, _CONDITION), name)

    def several(self, node: Node | None) -> tuple[Condition, ...]:
        """Read a list of conditions."""
        return tuple(self.condition(item) for item in self.reader.items(node))

    def one(self, node: Node | None) -> Condition | None:
        """Read a condition that may be absent."""
        return None if node is None else self.condition(node)

    def _written(self, node: Node, fields: Mapping[str, Node], name: str) -> Condition:
        code = self.reader.text(fields.get("code"), name)
        if not code:
            self.reader.report(node, "regime-missing", 'The key "code" is missing.')
        if "text" not in fields:
            self.reader.report(
                node, "regime-missing", 'The key "text" is missing.', "Write the condition in words."
            )
        in_words = self.reader.flag(fields.get("in_words"))
        if not in_words and not {"when", "any_of", "none_of"} & set(fields):
            hint = "Write `when: <expression>`, `any_of:`, `none_of:`, or `in_words: true` if only a person can decide."
            self.reader.report(node, "regime-missing", "The condition has no expression.", hint)
        return Condition(
            code=code,
            text=self.reader.text(fields.get("text")),
            expression=self._expression(fields.get("when")),
            any_of=self._meets(fields.get("any_of")),
            none_of=self._meets(fields.get("none_of")),
            when_silent=self.reader.choice(fields.get("when_silent"), Silence, "ask"),
            in_words=in_words,
        )

    def _expression(self, node: Node | None) -> Expression | None:
        source = self.reader.text(node)
        if node is None or not source:
            return None
        try:
            return parse_condition(source)
        except ExpressionError as error:
            self.reader.report(node, "regime-expression", error.message, error.hint, offset=error.offset)
            return None

    def _meets(self, node: Node | None) -> tuple[Meets, ...]:
        if node is None:
            return ()
        if not isinstance(node.value, dict):
            self.reader.report(node, "regime-shape", "Required here: a mapping from a fact to values.")
            return ()
        return tuple(self._meet(path, Node(value, (*node.where, path))) for path, value in node.value.items())

    def _meet(self, path: str, node: Node) -> Meets:
        kind = find(path)
        if kind is None:
            self.reader.report(node, "regime-fact", f'Fact "{path}" does not exist.', key=True)
        if isinstance(node.value, str):
            if node.value not in self.lists:
                hint = (
                    near_hint(node.value, tuple(self.lists)) or "Add the list under `lists`, or write [a, b]."
                )
                self.reader.report(node, "regime-list", f'List "{node.value}" does not exist.', hint)
            return Meets(path, self.lists.get(node.value, ()))
        values = self.reader.texts(node)
        if isinstance(kind, FactType) and kind.choices:
            for wrong in (value for value in values if value not in kind.choices):
                hint = near_hint(wrong, kind.choices)
                self.reader.report(
                    node, "regime-choice", f'The value "{wrong}" is not a value of {path}.', hint
                )
        return Meets(path, values)

    def exemption(self, node: Node) -> Exemption:
        """Read an exemption; ``claim_only`` marks one that holds only as a position of counsel."""
        fields = self.reader.fields(node, _EXEMPTION)
        asked = {key: fields[key] for key in _CONDITION if key in fields}
        condition = None if self.reader.flag(fields.get("claim_only")) else self._written(node, asked, "")
        covers, covers_citation = self._covers(fields.get("covers"))
        return Exemption(
            code=self.reader.text(self.reader.need(fields, "code", node)),
            text=self.reader.text(self.reader.need(fields, "text", node)),
            citation=self.reader.text(fields.get("citation")),
            condition=condition,
            grounds=self.reader.facts(fields.get("grounds")),
            removes=self.reader.texts(fields.get("removes")),
            covers=covers,
            covers_citation=covers_citation,
        )

    def _covers(self, node: Node | None) -> tuple[tuple[str, ...], str]:
        """Read which impacts an exemption by encryption reaches: confidentiality, unless words of the law say more."""
        if node is None:
            return Exemption(code="", text="").covers, ""
        fields = self.reader.fields(node, ("impact", "citation"))
        meet = self._meet("incident.impact", self.reader.need(fields, "impact", node))
        return meet.values, self.reader.text(self.reader.need(fields, "citation", node))

    def personal_information(self, node: Node | None) -> PersonalInformation | None:
        """Read a table of elements."""
        if node is None or node.value is None:
            return None
        fields = self.reader.fields(node, ("text", "name", "with_name", "without_name"))
        table = PersonalInformation()
        return PersonalInformation(
            with_name=self._elements(fields.get("with_name")),
            without_name=self._elements(fields.get("without_name")),
            name=self.reader.text(fields.get("name"), table.name),
            text=self.reader.text(fields.get("text"), table.text),
        )

    def _elements(self, node: Node | None) -> tuple[Element, ...]:
        return tuple(self._element(item) for item in self.reader.items(node))

    def _element(self, node: Node) -> Element:
        """Read ``ssn``, or ``{element: account_number_alone, only_if: condition}``."""
        condition = None
        if isinstance(node.value, dict):
            fields = self.reader.fields(node, ("element", "only_if"))
            condition = self.condition(self.reader.need(fields, "only_if", node))
            node = self.reader.need(fields, "element", node)
        name = self.reader.text(node)
        kind = find("data.elements")
        if isinstance(kind, FactType) and name not in kind.choices:
            self.reader.report(
                node, "regime-choice", f'Data type "{name}" does not exist.', near_hint(name, kind.choices)
            )
        return Element(element=name, condition=condition)

    def threshold(self, node: Node, place: str) -> Threshold:
        """Read ``{count: residents_notified, more_than: 500}``."""
        fields = self.reader.fields(node, ("count", "place", *_WORDS))
        stated = [word for word in _WORDS if word in fields]
        if len(stated) != 1:
            hint = "Write exactly one of more_than, at_least, fewer_than, at_most."
            self.reader.report(node, "regime-threshold", "The threshold needs exactly one number.", hint)
            stated = ["at_least"]
        return Threshold(
            count=self.reader.choice(self.reader.need(fields, "count", node), CountOf, "residents_notified"),
            op=_WORDS[stated[0]],
            n=self.reader.whole(fields.get(stated[0])) or 0,
            place=self.reader.text(fields.get("place"), place),
        )


def read_national(node: Node | None, reader: Reader) -> NationalLaw | None:
    """Read ``{of: [facts], states: {BE: {}, IT: {from: 2026-01-01}, IE: {standing: proposed}}}``."""
    if node is None:
        return None
    fields = reader.fields(node, ("of", "states"))
    states = reader.need(fields, "states", node)
    named = states.value if isinstance(states.value, dict) else ()
    return NationalLaw(
        of=reader.facts(reader.need(fields, "of", node)),
        states=tuple(_state(place, one, reader) for place, one in reader.fields(states, named).items()),
    )


def _state(place: str, node: Node, reader: Reader) -> StateLaw:
    if problem := place_problem(place):
        reader.report(node, "regime-place", sentence(problem), key=True)
    fields = reader.fields(node, ("standing", "from", "confirmed"))
    in_force: Standing = "in_force"
    confirmed = fields.get("confirmed")
    return StateLaw(
        place=place,
        standing=reader.choice(fields.get("standing"), Standing, in_force),
        from_date=reader.day(fields.get("from")),
        confirmed=confirmed is None or reader.flag(confirmed),
    )
