"""JSON Schema of a playbook, generated from the model's types; for editors and for error messages.

The schema describes the file as a person writes it: a step is one of the kinds, identified by its kind key;
durations, due times and conditions are texts. Everything else is derived from the types, so it cannot differ from them;
a test compares the copy for editors, ``playbooks/schemas/playbook.v1.json``, with this schema.
"""

from __future__ import annotations

import inspect
import json
from typing import Any, Final, get_args

import msgspec
from msgspec import inspect as types

from runner.errors import Bug
from runner.facts.expression import Expression
from runner.playbook.format import KINDS, After, Due, DutyState, Must, Playbook, Step, WaitFor
from runner.playbook.normalise import DUE, DUE_HINT, DURATION
from runner.playbook.playbook_test import PlaybookTests

Schema = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def _closed(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_TEXTS: Final[Schema] = {"type": "array", "items": {"type": "string"}}
_DURATION: Final[Schema] = {
    "title": "a duration",
    "description": "90m, 1h30m, 2d: weeks, days of 24 hours, hours, minutes, seconds",
    "type": "string",
    "pattern": DURATION,
}
_DUE: Final[Schema] = {
    "title": "a due time",
    "description": DUE_HINT,
    **_closed({"hours": {"type": "string"}, "else": _DURATION}, ["hours", "else"]),
    "type": ["string", "object"],
    "pattern": DUE,
}
_EXPRESSION: Final[Schema] = {
    "title": "a condition",
    "description": "Jinja2's expression syntax over facts, step('id') and duty('regime/slug')",
    "type": "string",
}
_AFTER: Final[Schema] = {
    "title": "[a, b], {all: [a, b]} or {any: [a, b]}",
    "anyOf": [
        _TEXTS,
        _closed({"all": _TEXTS}, ["all"]),
        _closed({"any": _TEXTS}, ["any"]),
    ],
}
_DUTIES: Final[Schema] = {
    "title": "all, or a list of regime ids",
    "anyOf": [{"const": "all", "type": "string"}, {**_TEXTS, "minItems": 1}],
}
_WAIT: Final[Schema] = {
    "title": "a duration, {until: INSTANT}, {fact: PATH, at_most: 4h} or {duty: ID, state: filed}",
    "anyOf": [
        _DURATION,
        _closed({"until": {"type": "string"}}, ["until"]),
        _closed({"fact": {"type": "string"}, "at_most": _DURATION}, ["fact"]),
        _closed({"duty": {"type": "string"}, "state": {"enum": list(get_args(DutyState))}}, ["duty"]),
    ],
}


def playbook_schema() -> Schema:
    """Return the schema as a plain dict, in a fixed order."""
    definitions: Schema = {kind: _step(made) for kind, made in KINDS.items()}
    definitions["step"] = {
        "title": "a step",
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in KINDS],
    }
    return {**top_schema(Playbook, "tocsin/playbook/v1", "a Tocsin playbook"), "$defs": definitions}


def tests_schema() -> Schema:
    """Return the schema of a file of tests."""
    return top_schema(PlaybookTests, "tocsin/playbook-test/v1", "tests of a Tocsin playbook")


def top_schema(kind: type[msgspec.Struct], identity: str, title: str) -> Schema:
    """Return the schema of a file that is written as it is modelled."""
    schema = struct_schema(types.type_info(kind))  # type: ignore[arg-type]
    return {"$schema": DIALECT, "$id": identity, "title": title, **schema}


def as_text(schema: Schema) -> str:
    """Write a schema in the form of the committed file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _step(kind: type[Step]) -> Schema:
    """Return the schema of one kind of step; its kind key is required and directly after the id."""
    info = types.type_info(kind)
    schema = struct_schema(info)  # type: ignore[arg-type]
    tag = str(kind.__struct_config__.tag)
    first = {key: schema["properties"].pop(key) for key in ("id", tag)}
    schema["properties"] = {**first, **schema["properties"]}
    return schema


def struct_schema(info: types.StructType) -> Schema:
    """Return the schema of a struct, with its docstrings as descriptions."""
    text = inspect.getdoc(info.cls) or info.cls.__name__
    schema: Schema = {"type": "object", "description": text.split("\n\n")[0].replace("\n", " ")}
    schema["properties"] = {field.encode_name: _field(info.cls, field) for field in info.fields}
    required = [field.encode_name for field in info.fields if field.required]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def _field(owner: type, field: types.Field) -> Schema:
    if owner is KINDS["duties"] and field.name == "duties":
        return _DUTIES
    return _type(field.type)


def _type(info: types.Type) -> Schema:
    """Return the schema of one type; types that people write differently have a form of their own."""
    match info:
        case types.Metadata(inner, extra):
            return {**_type(inner), **(extra or {})}
        case types.StructType(cls):
            return _OWN[cls] if cls in _OWN else struct_schema(info)
        case types.UnionType():
            return _union(info)
        case types.VarTupleType(item, least) | types.FrozenSetType(item, least):
            return {"type": "array", "items": _type(item), **({"minItems": least} if least else {})}
        case types.DictType(key, value):
            names = {"propertyNames": _type(key)} if isinstance(key, types.Metadata) else {}
            return {"type": "object", **names, "additionalProperties": _type(value)}
        case types.RawType() | types.AnyType():
            return {}
        case _:
            return scalar_schema(info)


def scalar_schema(info: types.Type) -> Schema:
    """Return the schema of one scalar; a type without a form in files is a bug."""
    match info:
        case types.LiteralType(values):
            return {"enum": list(values)}
        case types.TimeDeltaType():
            return _DURATION
        case types.StrType(pattern=pattern):
            return {"type": "string", **({"pattern": pattern} if pattern else {})}
        case types.IntType(ge=low, le=high):
            return {"type": "integer", **_bounds(low, high)}
        case types.FloatType(ge=low, le=high):
            return {"type": "number", **_bounds(low, high)}
        case types.DateTimeType():
            return {"type": "string"}
        case types.BoolType():
            return {"type": "boolean"}
        case _:
            raise Bug(f"The playbook format has no form for {info}.")


def _union(info: types.UnionType) -> Schema:
    """An optional value, or the union of all steps; null is never written."""
    inner = [kind for kind in info.types if not isinstance(kind, types.NoneType)]
    if len(inner) == 1:
        return _type(inner[0])
    if not any(isinstance(kind, types.StructType) for kind in inner):
        listed = any(isinstance(kind, types.VarTupleType) for kind in inner)
        title = "text, or a list of texts" if listed else "text, a number, true or false"
        return {"title": title, "anyOf": [_type(kind) for kind in inner]}
    if any(kind.cls is Must for kind in inner if isinstance(kind, types.StructType)):
        return {"title": "text, or {must: TEXT}", "anyOf": [_type(kind) for kind in inner]}
    if not all(isinstance(kind, types.StructType) for kind in inner):
        return {"anyOf": [_type(kind) for kind in inner]}
    return {"$ref": "#/$defs/step"}


def _bounds(low: float | None, high: float | None) -> Schema:
    return {
        **({"minimum": low} if low is not None else {}),
        **({"maximum": high} if high is not None else {}),
    }


_OWN: Final[dict[type, Schema]] = {Expression: _EXPRESSION, After: _AFTER, Due: _DUE, WaitFor: _WAIT}
