"""Strict reader of a YAML file as a frozen struct: unknown keys are problems with their positions.

For formats that are written exactly as they are modelled: the types alone define the valid values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import inspect as types

from runner.base.text import near_hint, sentence
from runner.decoding import convert
from runner.errors import Invalid, Problem
from runner.yamlfile.positions import place_of
from runner.yamlfile.source import Source, Where

Made = TypeVar("Made", bound=msgspec.Struct)


def read_struct(source: Source, kind: type[Made], schema: str) -> tuple[Made | None, tuple[Problem, ...]]:
    """Return the file's value, or None with its problems: all unknown and missing keys and words, else the first wrong value."""
    if source.problems:
        return None, source.problems
    if not isinstance(source.data, dict) or source.data.get("schema") != schema:
        wrong = source.problem(
            ("schema",), "schema", f'The schema is not "{schema}".', hint=f"Write schema: {schema}."
        )
        return None, (wrong,)
    problems = tuple(_misfits(source, source.data, types.type_info(kind), ()))
    if problems:
        return None, problems
    try:
        return convert(source.data, kind), ()
    except (msgspec.ValidationError, OverflowError) as error:
        where, message = place_of(str(error))
        return None, (source.problem(where, "value", sentence(message)),)


def _misfits(source: Source, data: Any, kind: types.Type, where: Where) -> Iterator[Problem]:
    """Compare data and types recursively, as long as both have the same shape."""
    match kind:
        case types.StructType(fields=fields) if isinstance(data, dict):
            yield from _keys(source, data, fields, where)
        case types.DictType(value_type=inner) if isinstance(data, dict):
            for key, value in data.items():
                yield from _misfits(source, value, inner, (*where, key))
        case types.VarTupleType(item_type=inner) | types.ListType(item_type=inner) if isinstance(data, list):
            for index, value in enumerate(data):
                yield from _misfits(source, value, inner, (*where, index))
        case types.Metadata(type=inner):
            yield from _misfits(source, data, inner, where)
        case types.UnionType(types=several):
            shaped = [kind for kind in several if not isinstance(kind, types.NoneType)]
            if len(shaped) == 1:
                yield from _misfits(source, data, shaped[0], where)
        case types.LiteralType(values=words) if data not in words:
            hint = f"Choose one of: {', '.join(map(str, words))}."
            yield source.problem(where, "value", f"The value {data!r} is not allowed here.", hint=hint)
        case _:
            return


def _keys(
    source: Source, data: dict[str, Any], fields: tuple[types.Field, ...], where: Where
) -> Iterator[Problem]:
    known = {field.encode_name: field for field in fields}
    for key, value in data.items():
        if key in known:
            yield from _misfits(source, value, known[key].type, (*where, key))
            continue
        hint = near_hint(str(key), known, f"known: {', '.join(known)}")
        yield source.problem((*where, key), "key", f'The key "{key}" is unknown.', hint=hint, key=True)
    for name, field in known.items():
        if field.required and name not in data:
            yield source.problem(
                where, "key-missing", f'The key "{name}" is missing.', hint=f"Write {name}: …"
            )


def invalid_file(source: Source, problems: tuple[Problem, ...], *, code: str) -> Invalid:
    """Return the error of an invalid file; ``code`` names its kind."""
    count = len(problems)
    return Invalid(
        f'File "{source.file}" has {count} problem{"s" if count != 1 else ""}.',
        problems=problems,
        code="file_missing" if source.missing else code,
    )
