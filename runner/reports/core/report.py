"""What reports are made of: a struct with a schema, and rows that repeat what a state has."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

_Row = TypeVar("_Row", bound=msgspec.Struct)


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema"):
    """A document for people and programs; its ``tag`` is the schema that its JSON names."""


def filled(row: type[_Row], /, *sources: object, **more: Any) -> _Row:
    """Return a row whose fields come from ``more``, else from the first source that has one of the name.

    A field that is nowhere keeps its default; one without a default is a TypeError.
    """
    for name in row.__struct_fields__:
        for source in sources:
            if name not in more and hasattr(source, name):
                more[name] = getattr(source, name)
    return row(**more)
