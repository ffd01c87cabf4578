"""Affected groups in one register: inherited facts of each, and combined facts of the incident.

A condition that reads ``data.encrypted`` without a population asks about the incident as a whole. If
populations are recorded, the answer must be true of all of them: it is their common value; for a set it is the
union (one population's ``ssn`` is in ``data.elements``), open while one of them is unknown. If they differ, the
answer is unknown and says so. Counts are never added up here, because populations may overlap; the law engine
does that, place by place. Recorded top-level ``people`` counts apply to the whole incident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from runner.facts.expression import Unknown, Value

T = TypeVar("T")

INHERITED: frozenset[str] = frozenset(
    {"data.involved", "data.encrypted", "data.key_compromised", "data.form", "data.backup", "data.retrieved"}
)
"""Top-level facts that apply to every population without its own value: the protection of the data, never the kinds
of data or the numbers of people."""


def population_ids(register: Mapping[str, T]) -> tuple[str, ...]:
    """Return the ids of all populations in the facts, sorted; none with the short form."""
    return tuple(sorted({key.split(".")[1] for key in register if key.startswith("populations.")}))


def whole(read: Callable[[str], Value], ids: tuple[str, ...], path: str) -> Value:
    """Return the value of the whole incident at ``data.…`` or ``people.…``, with a reader of single paths."""
    top = read(path)
    if path.startswith("people.") and not isinstance(top, Unknown):
        return top
    each = [_own(read, identifier, path, top) for identifier in ids]
    if any(isinstance(value, tuple) for value in each):
        return _union(each)
    missing = tuple(name for value in each if isinstance(value, Unknown) for name in value.missing)
    if missing:
        return Unknown(tuple(sorted(missing)))
    is_count = isinstance(each[0], Mapping | int) and not isinstance(each[0], bool)
    if path.startswith("people.") and len(ids) > 1 and is_count:
        return Unknown((path,))
    if all(value == each[0] for value in each):
        return each[0]
    return Unknown(problems=(f"{path} differs between the affected groups {', '.join(ids)}",))


def _own(read: Callable[[str], Value], population: str, path: str, top: Value) -> Value:
    own = read(f"populations.{population}.{path}")
    inherits = isinstance(own, Unknown) and path in INHERITED and not isinstance(top, Unknown)
    return top if inherits else own


def _union(each: list[Value]) -> Value:
    """Join sets; a population whose set is unknown leaves an unknown member, so that absence is not claimed."""
    members: list[Value] = []
    for value in each:
        for member in value if isinstance(value, tuple) else (value,):
            if member not in members:
                members.append(member)
    return tuple(members)
