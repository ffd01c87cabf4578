"""Normalisation of a playbook file to the model's types: kinds become tags, texts become values.

A step is recognised by its kind key and gets ``kind: task``; durations, due times, ``after`` and conditions become
values. A malformed value is unchanged and ``Lowered.shaped`` says so: then the JSON
Schema words the error. Paths in the lowered data are the same as in the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

import msgspec

from runner.base.instants import parse_duration
from runner.base.text import nearest
from runner.errors import Problem
from runner.facts.expression import Apply, Const, Expression, Node
from runner.playbook.format import KINDS
from runner.playbook.parts import Due
from runner.yamlfile.source import Source, Where

DURATION: Final = r"^(?=.*\d)(\d{1,5}w)? ?(\d{1,5}d)? ?(\d{1,6}h)? ?(\d{1,7}m)? ?(\d{1,8}s)?$(?!\n)"
_SPAN: Final = r"(?=.*\d)(?:\d{1,5}w)? ?(?:\d{1,5}d)? ?(?:\d{1,6}h)? ?(?:\d{1,7}m)? ?(?:\d{1,8}s)?"
DUE: Final = (
    rf"^({_SPAN})(?: after (opened)| after step\(['\"]([^'\"]+)['\"]\)"
    rf"| (after|before) (?:fact\(['\"]([^'\"]+)['\"]\)|duty\((?:['\"]([^'\"]+)['\"]|(item))\)\.due))?$(?!\n)"
)
DUE_HINT: Final = (
    "Write 1h, 30m after opened, 2h after fact('incident.aware_at'), 1h after step('contain'),"
    " 4h before duty('regime/slug').due, or {hours: FACT, else: 4h}."
)
EVERY_KEY: Final = (
    frozenset().union(*(kind.__struct_encode_fields__ for kind in KINDS.values())) - KINDS.keys()
)
"""The keys of steps, of any kind, that are not kind keys."""
_MAX_CONTAINERS = 8
"""Maximum nesting of groups and repeats."""


class Lowered(msgspec.Struct):
    """The data for ``msgspec.convert``; ``shaped`` is False if a part could not be lowered."""

    data: Any
    shaped: bool = True
    problems: list[Problem] = []
    inherited: dict[Where, Where] = {}
    """Position of each key that a step has from ``defaults``, with the position where it is written."""


def lower(source: Source) -> Lowered:
    """Lower a whole playbook; never raises, whatever the file contains."""
    return _Lowering(source).playbook()


def kind_of(step: Mapping[str, Any]) -> str:
    """Return the one kind key of an authored step, nothing without one or with several."""
    kinds = [key for key in step if key in KINDS]
    return kinds[0] if len(kinds) == 1 else ""


class _Lowering:
    """Normalisation of one playbook; collects problems, and each parsed condition."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.result = Lowered(source.data)
        self.parsed: dict[tuple[str, frozenset[str], bool], Expression] = {}
        self.defaults: dict[str, tuple[Any, Where]] = {}
        """The defaults of the current body, lowered, each with its position."""
        self.forms: dict[str, Callable[[Any, Where, frozenset[str]], Any]] = {
            "after": self.after,
            "due": self.due,
            "condition": partial(self.expression, condition=True, instead=None),
            "duration": lambda value, where, _names: self.span(value, where),
            "wait": self.wait,
            "duties": lambda value, _where, _names: ["all"] if value == "all" else value,
            "retry": lambda value, where, _names: self.spans(value, where, ("wait", "at_most")),
            "on_overdue": lambda value, where, _names: self.spans(value, where, ("remind",)),
            "fields": self.fields,
            "inputs": self.inputs,
            "http": self.http,
            "defaults": self.own_defaults,
            "items": partial(self.expression, condition=False, instead=_APPLYING),
        }

    def misshapen(self, value: Any) -> Any:
        """Note that the schema will report an error here."""
        self.result.shaped = False
        return value

    def report(self, where: Where, code: str, message: str, hint: str = "", *, offset: int = 0) -> None:
        """Add a finding about a text with the right shape and invalid content."""
        self.result.problems.append(self.source.problem(where, code, message, hint=hint, offset=offset))

    def playbook(self) -> Lowered:
        """Lower the top level."""
        data = self.source.data
        if not isinstance(data, dict):
            self.misshapen(data)
            return self.result
        names = frozenset({"inputs"}) if data.get("inputs") else frozenset()
        self.defaults = self.inner_defaults(data, ())
        self.result.data = dict(data)
        if "steps" in data:
            self.result.data["steps"] = self.steps(data["steps"], ("steps",), names, 0)
        if "defaults" in data:
            self.result.data["defaults"] = self.own_defaults(data["defaults"], ("defaults",), names)
        return self.result

    def steps(self, value: Any, where: Where, names: frozenset[str], level: int) -> Any:
        """Lower a list of steps."""
        if not isinstance(value, list):
            return self.misshapen(value)
        if level > _MAX_CONTAINERS:
            hint = "Move the inner steps into another playbook."
            self.report(where, "too-deep", f"Groups are nested deeper than {_MAX_CONTAINERS} levels.", hint)
            return [{"kind": "task", "id": "too-deep", "task": "?"}]
        return [self.step(step, (*where, index), names, level) for index, step in enumerate(value)]

    def step(self, step: Any, where: Where, names: frozenset[str], level: int) -> Any:
        """Lower one step: find its kind, then its fields."""
        kind = kind_of(step) if isinstance(step, dict) else ""
        if not kind or "kind" in step:
            self.misshapen(step)
            step, kind = as_meant(step)
            if not kind:
                return step
        made = KINDS[kind]
        inner = names.union(name for name, key in made.brings.items() if key in step)
        lowered: dict[str, Any] = {"kind": kind}
        for key, value in step.items():
            here = (*where, key)
            if value is None:
                lowered[key] = self.misshapen(value)
                continue
            match made.written.get(key):
                case None:
                    lowered[key] = value
                case "steps":
                    outer, self.defaults = self.defaults, self.inner_defaults(step, where)
                    lowered[key] = self.steps(value, here, inner, level + 1)
                    self.defaults = outer
                case "own_inputs":
                    lowered[key] = self.inputs(value, here, inner)
                case "until":
                    lowered[key] = self.expression(value, here, inner, condition=True, instead=Const(True))
                case form:
                    lowered[key] = self.forms[form](value, here, names)
        self.inherit(lowered, kind, where)
        return {key: value for key, value in lowered.items() if value is not _GONE}

    def inherit(self, lowered: dict[str, Any], kind: str, where: Where) -> None:
        """Add the defaults of the body to a step without the key."""
        for key, (value, origin) in self.defaults.items():
            timeless = key == "on_overdue" and "due" not in lowered
            if key not in lowered and key in KINDS[kind].__struct_fields__ and not timeless:
                approval = kind == "approve" and isinstance(value, dict) and "escalate" in value
                lowered[key] = {**value, "escalate": "deputies"} if approval else value
                self.result.inherited[*where, key] = origin

    def inner_defaults(self, data: Mapping[str, Any], where: Where) -> dict[str, tuple[Any, Where]]:
        """Return the defaults of the steps inside: those of the body around, and the container's own instead."""
        here: Where = (*where, "defaults")
        own = self.own_defaults(data.get("defaults", {}), here, frozenset())
        given = own.items() if isinstance(own, dict) else ()
        return self.defaults | {key: (value, (*here, key)) for key, value in given if value is not None}

    def own_defaults(self, value: Any, where: Where, names: frozenset[str]) -> Any:
        """Lower the values of ``defaults``."""
        if not isinstance(value, dict) or "on_overdue" not in value:
            return value
        return {
            **value,
            "on_overdue": self.forms["on_overdue"](value["on_overdue"], (*where, "on_overdue"), names),
        }

    def expression(
        self, value: Any, where: Where, names: frozenset[str], *, condition: bool, instead: Node | None
    ) -> Any:
        """Parse a condition; an invalid condition is reported and replaced by a placeholder."""
        if not isinstance(value, str):
            return self.misshapen(value)
        known = self.parsed.get((value, names, condition))
        if known is not None:
            return known
        from runner.facts.expressions.parser import ExpressionError, parse, parse_condition

        try:
            expression = (parse_condition if condition else parse)(value, names)
        except ExpressionError as error:
            self.report(where, "expression", error.message, error.hint, offset=error.offset)
            return _GONE if instead is None else Expression(source=value, tree=instead)
        self.parsed[value, names, condition] = expression
        return expression

    def inputs(self, value: Any, where: Where, names: frozenset[str]) -> Any:
        """Lower the inputs of a called playbook."""
        if not isinstance(value, dict):
            return self.misshapen(value)
        return {
            key: self.expression(text, (*where, key), names, condition=False, instead=Const(True))
            for key, text in value.items()
        }

    def fields(self, value: Any, where: Where, names: frozenset[str]) -> Any:
        """Lower the fields of a form: each can have a condition."""
        if not isinstance(value, list):
            return self.misshapen(value)
        lowered = []
        for index, field in enumerate(value):
            if isinstance(field, dict) and "when" in field:
                here = (*where, index, "when")
                when = self.expression(field["when"], here, names, condition=True, instead=None)
                field = {key: one for key, one in {**field, "when": when}.items() if one is not _GONE}
            lowered.append(field)
        return lowered

    def after(self, value: Any, _where: Where, _names: frozenset[str]) -> Any:
        """``[a, b]``, ``{all: [...]}`` or ``{any: [...]}``."""
        match value:
            case list():
                return {"steps": value}
            case {"all": list(steps), **rest} if not rest:
                return {"steps": steps}
            case {"any": list(steps), **rest} if not rest:
                return {"steps": steps, "join": "any"}
            case _:
                return self.misshapen(value)

    def span(self, value: Any, where: Where) -> Any:
        """``90m``, ``1h30m``, ``2d``."""
        if not isinstance(value, str) or not re.match(DURATION, value):
            return self.misshapen(value)
        span = parse_duration(value)
        if not span:
            self.report(where, "zero-duration", "The duration is zero.", "Remove the key, or write a time.")
            return _GONE
        return span

    def spans(self, value: Any, where: Where, keys: tuple[str, ...]) -> Any:
        """Lower the durations of a mapping."""
        if not isinstance(value, dict):
            return self.misshapen(value)
        lowered = {key: self.span(one, (*where, key)) if key in keys else one for key, one in value.items()}
        return {key: one for key, one in lowered.items() if one is not _GONE}

    def due(self, value: Any, where: Where, _names: frozenset[str]) -> Any:
        """Normalise a due time: an offset and its anchor, or ``{hours: FACT, else: DURATION}``."""
        if isinstance(value, dict) and value.keys() == {"hours", "else"} and isinstance(value["hours"], str):
            span = self.span(value["else"], (*where, "else"))
            return Due(offset=span, hours=value["hours"]) if isinstance(span, timedelta) else span
        match = re.match(DUE, value) if isinstance(value, str) else None
        if match is None:
            return self.misshapen(value)
        offset, opened, step, side, fact, duty, item = match.groups()
        span = parse_duration(offset)
        anchors = {"opened": opened and "", "step": step, "fact": fact, "duty": duty or item}
        named = [(anchor, ref) for anchor, ref in anchors.items() if ref is not None]
        if not span and not named:
            self.report(where, "zero-duration", "The step is due at the moment it starts.", DUE_HINT)
            return _GONE
        anchor, ref = named[0] if named else ("ready", "")
        return Due(offset=-span if side == "before" else span, anchor=anchor, ref=ref)  # type: ignore[arg-type]

    def wait(self, value: Any, where: Where, _names: frozenset[str]) -> Any:
        """A duration, ``{until: instant}``, ``{fact: path, at_most: 4h}`` or ``{duty: id, state: filed}``."""
        if not isinstance(value, dict):
            span = self.span(value, where)
            return {"duration": timedelta(seconds=1) if span is _GONE else span}
        forms = ({"until"}, {"fact"}, {"fact", "at_most"}, {"duty"}, {"duty", "state"})
        if set(value) not in forms:
            return self.misshapen(None)
        spans = self.spans(value, where, ("at_most",))
        return {"duration" if key == "at_most" else key: one for key, one in spans.items()}

    def http(self, value: Any, _where: Where, _names: frozenset[str]) -> Any:
        """Lower a call: the value of ``json`` is sent unchanged."""
        if not isinstance(value, dict) or "json" not in value:
            return value
        body = value["json"]
        if not isinstance(body, dict):
            return self.misshapen(value)
        return {**value, "json": {key: msgspec.Raw(msgspec.json.encode(one)) for key, one in body.items()}}


_GONE: Final = object()
_APPLYING: Final = Apply("duties", (Const("applies"),))


def as_meant(step: Any) -> tuple[Any, str]:
    """Return a malformed step in its probable form, with its kind; the schema has reported the problem."""
    if not isinstance(step, dict):
        return step, ""
    step = {key: value for key, value in step.items() if key != "kind"}
    kinds = [key for key in step if key in KINDS]
    if kinds:
        return {key: value for key, value in step.items() if key not in kinds[1:]}, kinds[0]
    for key in step:
        kind = nearest(key, KINDS) if key not in EVERY_KEY else ""
        if kind:
            return {kind if one == key else one: value for one, value in step.items()}, kind
    return step, ""
