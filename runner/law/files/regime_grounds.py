"""Reader of the values of a law file by the types of the model, and of conditions, exemptions and thresholds.

A condition is written in place, or is a name under ``conditions``. ``any_of`` and ``none_of`` map a fact to values
or to the name of a list under ``lists``. Thresholds distinguish "more than" and "at least" by their words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from runner.base.jurisdictions import place_problem
from runner.base.text import near_hint, sentence
from runner.facts.expression import Expression
from runner.facts.expressions.parser import ExpressionError, parse_condition
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find
from runner.law.clock import Extension, Variation
from runner.law.files.regime_reader import Fields, Node, Reader, is_laid
from runner.law.grounds import (
    Condition,
    Element,
    Exemption,
    Meets,
    PersonalInformation,
    Silence,
    Threshold,
    ThresholdOp,
)
from runner.law.regime import Content, CreditMonitoring, NationalLaw, Remark, StateLaw

Made = TypeVar("Made", bound=msgspec.Struct)
_CONDITION = ("code", "text", "when", "any_of", "none_of", "when_silent", "in_words")
_WORDS: Mapping[str, ThresholdOp] = {"more_than": ">", "at_least": ">=", "fewer_than": "<", "at_most": "<="}
_WRITTEN: Mapping[type, Mapping[str, str]] = {
    Content: {"condition": "only_if"},
    CreditMonitoring: {"conditions": "only_if"},
    Extension: {"condition": "if"},
    Remark: {"condition": "only_if"},
    StateLaw: {"from_date": "from"},
    Variation: {"condition": "if"},
}
"""Fields whose key in the file differs from their name."""
_FACT_PATHS = frozenset({"decided_by", "facts", "grounds", "of"})
"""Fields that hold paths of facts, in any struct."""


@cache
def keys_of(kind: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return the fields of a struct of the model by their keys in the file."""
    written = _WRITTEN.get(kind, {})
    return {written.get(field.name, field.name): field for field in msgspec.structs.fields(kind)}


class Terms(msgspec.Struct):
    """State of one file: its named lists and conditions, and the readers of values with a special form."""

    reader: Reader
    own: Mapping[type, Callable[[Terms, Node], Any]]
    residents_of: str = ""
    """The default place whose residents thresholds count."""
    lists: dict[str, tuple[str, ...]] = {}
    conditions: dict[str, Condition] = {}

    def struct(self, kind: type[Made], node: Node, fields: Fields | None = None, **known: Any) -> Made:
        """Read a mapping as a struct, each field by its type; the fields in ``known`` are read already."""
        keys = keys_of(kind)
        if fields is None:
            fields = node.value if is_laid(node) else self.reader.fields(node, keys)
        for key, field in keys.items():
            if field.name not in known:
                here = self.reader.need(fields, key, node) if field.required else fields.get(key)
                known[field.name] = self._field(here, field)
        return kind(**known)

    def _field(self, node: Node | None, field: msgspec.structs.FieldInfo) -> Any:
        if field.name in _FACT_PATHS:
            return self.reader.facts(node)
        return self._typed(node, field.type, None if field.required else field.default)

    def _typed(self, node: Node | None, wanted: Any, default: Any) -> Any:
        """Return a value of a type; an absent or wrong value gives the default."""
        inner, origin = get_args(wanted), get_origin(wanted)
        if origin is Literal:
            return self.reader.choice(node, wanted, default)
        if origin is tuple and inner[0] is str:
            return self.reader.texts(node) or default
        if origin is tuple:
            return tuple(self._typed(item, inner[0], None) for item in self.reader.items(node)) or default
        if inner:
            return self._typed(node, inner[0], None)
        if wanted is str:
            return self.reader.text(node, default or "")
        if wanted is bool:
            return self.reader.flag(node, default)
        if wanted is int:
            return self.reader.whole(node)
        if wanted is date:
            return self.reader.day(node)
        if node is None:
            return None
        return self.own[wanted](self, node) if wanted in self.own else self.struct(wanted, node)

    def learn(self, lists: Node | None, conditions: Node | None) -> None:
        """Read the named lists and conditions of the file."""
        if lists is not None and isinstance(lists.value, dict):
            for name in lists.value:
                self.lists[name] = self.reader.texts(Node(lists.value[name], (*lists.where, name)))
        if conditions is not None and isinstance(conditions.value, dict):
            for name, value in conditions.value.items():
                self.conditions[name] = self.condition(Node(value, (*conditions.where, name)), name)

    def condition(self, node: Node, name: str = "") -> Condition:
        """Read a condition: written in place, or by its name."""
        if isinstance(node.value, str):
            if node.value in self.conditions:
                return self.conditions[node.value]
            add = "Add the condition under `conditions`, or write the expression here."
            hint = near_hint(node.value, self.conditions, add)
            self.reader.report(node, "regime-condition", f'Condition "{node.value}" does not exist.', hint)
            return Condition(code=node.value, text=node.value)
        return self._written(node, self.reader.fields(node, _CONDITION), name)

    def _written(self, node: Node, fields: Mapping[str, Node], name: str) -> Condition:
        code = self.reader.text(fields.get("code"), name)
        if not code:
            self.reader.report(node, "regime-missing", 'The key "code" is missing.')
        if "text" not in fields:
            hint = "Write the condition in words."
            self.reader.report(node, "regime-missing", 'The key "text" is missing.', hint)
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
                hint = near_hint(node.value, self.lists, "Add the list under `lists`, or write [a, b].")
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
        """Read an exemption; ``claim_only`` marks an exemption that applies only as a position of counsel."""
        keys = (*_CONDITION, "citation", "grounds", "removes", "claim_only", "covers")
        fields = self.reader.fields(node, keys)
        asked = {key: fields[key] for key in _CONDITION if key in fields}
        condition = None if self.reader.flag(fields.get("claim_only")) else self._written(node, asked, "")
        covers, citation = self._covers(fields.get("covers"))
        known = {"condition": condition, "covers": covers, "covers_citation": citation}
        return self.struct(Exemption, node, fields, **known)

    def _covers(self, node: Node | None) -> tuple[tuple[str, ...], str]:
        """Read the impacts that an exemption by encryption covers: confidentiality, unless the law's words cover more."""
        if node is None:
            return Exemption(code="", text="").covers, ""
        fields = self.reader.fields(node, ("impact", "citation"))
        meet = self._meet("incident.impact", self.reader.need(fields, "impact", node))
        return meet.values, self.reader.text(self.reader.need(fields, "citation", node))

    def personal_information(self, node: Node) -> PersonalInformation | None:
        """Read a table of elements."""
        return None if node.value is None else self.struct(PersonalInformation, node)

    def element(self, node: Node) -> Element:
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

    def threshold(self, node: Node) -> Threshold:
        """Read ``{count: residents_notified, more_than: 500}``."""
        fields = self.reader.fields(node, ("count", "place", *_WORDS))
        stated = [word for word in _WORDS if word in fields]
        if len(stated) != 1:
            hint = "Write exactly one of more_than, at_least, fewer_than, at_most."
            self.reader.report(node, "regime-threshold", "The threshold needs exactly one number.", hint)
            stated = ["at_least"]
        place = self.reader.text(fields.get("place"), self.residents_of)
        number = self.reader.whole(fields.get(stated[0])) or 0
        return self.struct(Threshold, node, fields, op=_WORDS[stated[0]], n=number, place=place)

    def national(self, node: Node) -> NationalLaw:
        """Read ``{of: [facts], states: {BE: {}, IT: {from: 2026-01-01}, IE: {standing: proposed}}}``."""
        fields = self.reader.fields(node, ("of", "states"))
        states = self.reader.need(fields, "states", node)
        named = self.reader.fields(states, states.value if isinstance(states.value, dict) else ())
        known = {"states": tuple(self._state(place, state) for place, state in named.items())}
        return self.struct(NationalLaw, node, fields, **known)

    def _state(self, place: str, node: Node) -> StateLaw:
        if problem := place_problem(place):
            self.reader.report(node, "regime-place", sentence(problem), key=True)
        fields = self.reader.fields(node, ("standing", "from", "confirmed", "source"))
        return self.struct(StateLaw, node, fields, place=place)
