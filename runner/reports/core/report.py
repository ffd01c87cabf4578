"""Base of reports: a struct with a schema, and rows with the fields of a state."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from runner.base.text import spelled

_FORMULA = ("=", "+", "-", "@", "\t")


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as CSV; a spreadsheet program reads no value as a formula."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(heads)
    for row in rows:
        table.writerow([f"'{text}" if text.startswith(_FORMULA) else text for text in map(spelled, row)])
    return out.getvalue()


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
