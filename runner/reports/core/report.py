"""Base of reports: a struct with a schema, and rows with the fields of a state."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

_Row = TypeVar("_Row", bound=msgspec.Struct)


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema"):
    """A document for people and programs; its ``tag`` is the schema in its JSON."""


def filled(row: type[_Row], /, *sources: object, **more: Any) -> _Row:
    """Return a row with the fields of ``more``, else of the first source that has the field.

    A missing field has its default; without a default it is a TypeError.
    """
    for name in row.__struct_fields__:
        for source in sources:
            if name not in more and hasattr(source, name):
                more[name] = getattr(source, name)
    return row(**more)
