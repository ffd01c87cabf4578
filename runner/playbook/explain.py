"""Wording of schema errors for people, every problem at once. Loaded only for an invalid file.

jsonschema decides and finds the positions; this module selects the intended branch (by the kind key, by the type
of the value), so that the error is not "is not valid under any of the given schemas".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from runner.base.text import choice_hint, near_hint
from runner.errors import Problem
from runner.playbook.format import KINDS
from runner.playbook.normalise import DUE_HINT, EVERY_KEY, as_meant
from runner.playbook.schema import playbook_schema
from runner.yamlfile.source import Source, Where

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_NAMES: Final[Mapping[str, str]] = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
_SAID: Final[tuple[tuple[type, str], ...]] = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "a mapping"),
)
_PATTERNS: Final[Mapping[str, str]] = {
    "an id": "Write lower-case letters, digits, - and _, beginning with a letter.",
    "text": "Write a text.",
    "a version": "Write three numbers, such as 1.0.0.",
    "a recipient": "Write role:NAME or person:ID.",
    "a CSF 2.0 subcategory": "Write a subcategory such as RS.CO-02.",
    "a duration": "Write 90m, 1h30m or 2d.",
    "a due time": DUE_HINT,
}


def explain(source: Source) -> tuple[Problem, ...]:
    """Return every schema error of a playbook, in the order of the file."""
    validator = _validator()
    problems = [_problem(error, source) for error in validator.iter_errors(source.data)]
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: (one.line, one.column, one.code)))


@cache
def _validator() -> Validator:
    """Return a Draft 2020-12 validator that follows the intended branch (a constant, made once)."""
    import jsonschema

    def integer(_checker: object, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    extend: Any = jsonschema.validators.extend
    strict = extend(
        jsonschema.Draft202012Validator,
        {
            "oneOf": _by_kind,
            "anyOf": _by_type,
            "additionalProperties": _extra,
            "required": _missing,
            "propertyNames": _names,
        },
        type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", integer),
    )
    validator: Validator = strict(playbook_schema())
    return validator


def _error(message: str, keyword: str, value: object) -> ValidationError:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message, validator=keyword, validator_value=value)


def _by_kind(
    validator: Any, branches: list[dict[str, Any]], step: Any, _schema: object
) -> Iterator[ValidationError]:
    """Validate a step by the kind of its kind key."""
    if not isinstance(step, dict):
        yield _error(f"A step must be a mapping, not {_said(step)}.", "", None)
        return
    kinds = [key for key in step if key in KINDS]
    kind = kinds[0] if len(kinds) == 1 else ""
    if not kind:
        yield _error("which kind of step this is", "kinds", kinds)
        step, kind = as_meant(step)
    if kind:
        index = list(KINDS).index(kind)
        yield from validator.descend(step, branches[index], schema_path=index)


def _by_type(
    validator: Any, branches: list[dict[str, Any]], value: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """Validate a value by the one form that has its type and, for a mapping, shares a key with it."""
    alike = [branch for branch in branches if validator.is_type(value, branch["type"])]
    if isinstance(value, dict):
        alike = [branch for branch in alike if set(branch["properties"]) & set(value)]
    exact = [branch for branch in alike if validator.evolve(schema=branch).is_valid(value)]
    if not exact and len(alike) == 1 and "const" not in alike[0]:
        yield from validator.descend(value, alike[0])
    elif not exact:
        yield _error("not one of the forms", "forms", schema["title"])


def _extra(
    validator: Any, allowed: dict[str, Any] | bool, value: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """Find each unknown key separately; where any key is allowed, check its value."""
    for key in value if isinstance(value, dict) else ():
        if key in schema.get("properties", ()):
            continue
        if allowed is False:
            yield _error(f'The key "{key}" is unknown.', "unknown-key", key)
        else:
            yield from validator.descend(value[key], allowed, path=key)


def _missing(_validator: Any, required: list[str], value: Any, _schema: object) -> Iterator[ValidationError]:
    """Find each missing key separately."""
    for key in required if isinstance(value, dict) else ():
        if key not in value:
            yield _error(f'The key "{key}" is missing.', "missing-key", key)


def _names(validator: Any, form: dict[str, Any], value: Any, _schema: object) -> Iterator[ValidationError]:
    """Check the names of a mapping's entries."""
    for key in value if isinstance(value, dict) else ():
        if not validator.evolve(schema=form).is_valid(key):
            yield _error(f'The name "{key}" is not {form["title"]}.', "names", key)


class _Fault(msgspec.Struct, frozen=True):
    """One error of jsonschema, with named parts."""

    where: Where
    keyword: str
    wanted: Any
    given: Any
    schema: dict[str, Any]
    message: str


class _Told(NamedTuple):
    """An error in words; ``key`` is set if the error is about the key, not the value."""

    code: str
    message: str
    hint: str = ""
    key: str | None = None


def _problem(error: ValidationError, source: Source) -> Problem:
    """Return one error in words: the problem, and what to write."""
    where: Where = tuple(error.absolute_path)
    schema: Any = error.schema
    fault = _Fault(
        where, str(error.validator), error.validator_value, error.instance, schema, str(error.message)
    )
    worded = _WORDED.get(fault.keyword)
    told = _Told("wrong-value", fault.message) if worded is None else worded(fault)
    at_key = told.key is not None
    place = (*where, told.key) if told.key is not None else where
    return source.problem(place, told.code, told.message, hint=told.hint, key=at_key)


def _unknown_key(fault: _Fault) -> _Told:
    key = str(fault.wanted)
    known = [name for name in fault.schema["properties"] if name not in fault.given]
    hint = choice_hint(key, known)
    if " " in key and fault.given[key] is None:
        hint = "Put quotes around a text with a comma."
    return _Told("unknown-key", fault.message, hint, key)


_EXAMPLES: Final[Mapping[str, str]] = {
    "id": "Begin every step with its own id.",
    "schema": "Begin the file with schema: tocsin/playbook/v1.",
    "sets": "Name the fact that the answer sets, such as sets: data.encrypted.",
    "by": "Name the approvers, such as by: {roles: [counsel, commander], distinct: 2}.",
    "version": "Write version: 1.0.0.",
    "until": "Write when to stop, such as until: \"step('check').answer\".",
}


def _wrong_type(fault: _Fault) -> _Told:
    wanted, given = str(fault.wanted), fault.given
    name = fault.schema.get("title") or _NAMES[wanted]
    hint = ""
    if given is None:
        return _Told(
            "wrong-type", f"The value is empty. Required: {name}.", "Remove the key, or write a value."
        )
    if "string" in wanted and not isinstance(given, list | dict):
        hint = "Put the value in quotes." if name != "a duration" else _PATTERNS[name]
    elif wanted == "array":
        hint = f"Write [{given}]." if isinstance(given, str) else "Write a list."
    return _Told("wrong-type", f"Required here: {name}, not {_said(given)}.", hint)


def _wrong_pattern(fault: _Fault) -> _Told:
    name = str(fault.schema.get("title", "text"))
    message = "The text is empty." if name == "text" else f'The value "{_short(fault.given)}" is not {name}.'
    return _Told("wrong-form", message, _PATTERNS.get(name, ""))


def _wrong_choice(fault: _Fault) -> _Told:
    message = f'The value "{_short(fault.given)}" is not allowed here.'
    return _Told("wrong-value", message, choice_hint(str(fault.given), map(str, fault.wanted)))


def _no_form(fault: _Fault) -> _Told:
    key = str(fault.where[-1])
    if key == "after" and isinstance(fault.given, str):
        message = "The key `after` needs a list of steps, not text."
        return _Told("wrong-type", message, f"Write [{fault.given}].")
    return _Told("wrong-form", f'The value of "{key}" has the wrong form.', f"Write {fault.wanted}.")


def _out_of_bounds(fault: _Fault) -> _Told:
    bound = "at least" if fault.keyword == "minimum" else "at most"
    message = f"The value {fault.given} is out of bounds. Write {bound} {fault.wanted}."
    return _Told("out-of-bounds", message)


def _kinds(fault: _Fault) -> _Told:
    if kinds := list(fault.wanted):
        message = f"The step has {len(kinds)} kinds: {', '.join(kinds)}. A step has one kind."
        return _Told("two-kinds", message, "Write two steps.", kinds[1])
    odd = [key for key in fault.given if key not in EVERY_KEY]
    for key in odd:
        if hint := near_hint(str(key), KINDS):
            return _Told("unknown-kind", f'The step kind "{key}" does not exist.', hint, key)
    hint = f"Add one of: {', '.join(KINDS)}."
    if odd:
        return _Told("unknown-kind", f'The step kind "{odd[0]}" does not exist.', hint, str(odd[0]))
    return _Told("no-kind", "The step has no kind.", hint)


def _short(value: object) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= 40 else f"{text[:37]}..."


def _said(value: object) -> str:
    return next((name for kind, name in _SAID if isinstance(value, kind)), "nothing")


_WORDED: Final[Mapping[str, Callable[[_Fault], _Told]]] = {
    "unknown-key": _unknown_key,
    "missing-key": lambda fault: _Told("missing-key", fault.message, _EXAMPLES.get(str(fault.wanted), "")),
    "names": lambda fault: _Told("wrong-form", fault.message, _PATTERNS["an id"], str(fault.wanted)),
    "type": _wrong_type,
    "pattern": _wrong_pattern,
    "enum": _wrong_choice,
    "minItems": lambda _: _Told("empty", "The list is empty. At least one entry is required."),
    "minimum": _out_of_bounds,
    "maximum": _out_of_bounds,
    "kinds": _kinds,
    "forms": _no_form,
}
