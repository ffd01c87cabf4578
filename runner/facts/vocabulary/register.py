"""Register of all facts of an incident: one recorded fact, and reading by path.

The register is flat: one entry for every single value, keyed by its full path, so that each count of each
jurisdiction and each element set of each population has its own source, author and confidence. Absent, or null, is
unknown. Values are plain JSON; instants are RFC 3339 text and become datetimes when they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from msgspec import Raw, Struct

from runner.base.instants import parse_instant
from runner.facts.expression import Unknown, Value
from runner.facts.vocabulary.fact_types import FactType, Keyed
from runner.facts.vocabulary.lookup import find
from runner.facts.vocabulary.populations import population_ids, whole

Confidence: TypeAlias = Literal["confirmed", "estimated", "assumed"]
"""``assumed``: a playbook states it for its kind of incident, and no person has."""


class Fact(Struct, frozen=True, kw_only=True):
    """One recorded value of a path. Facts are corrected, never overwritten: ``supersedes`` names the replaced value."""

    key: str
    value: Any = None
    """Plain JSON of the type of the path; ``None`` means that it is now unknown."""
    source: str = ""
    by: str = ""
    at: datetime
    """When it was recorded."""
    confidence: Confidence = "confirmed"
    supersedes: int | None = None
    """Sequence number of the event that recorded the value before this one."""


class FactChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact as recorded; ``value`` null means "now unknown"."""

    key: str
    value: Raw = Raw(b"null")
    source: str = ""
    confidence: Confidence = "confirmed"


Register: TypeAlias = Mapping[str, Fact]
"""Path → the current fact."""


class Stated(Struct, frozen=True, kw_only=True):
    """A fact as a file, an import or a command line states it, checked but not yet recorded."""

    key: str
    value: Any
    source: str = ""
    confidence: Confidence = "confirmed"
    at: datetime | None = None
    """When it was learned, if the statement has the time."""


OPEN = "?"
"""The member that marks an open set: further members are unknown, not absent."""


def typed(path: str, fact_type: FactType, value: Any) -> Value:
    """Return a stored value for expressions: instants as datetimes, sets as tuples. Total.

    An open set has one unknown member, so that ``'ssn' in data.elements`` is true or unknown, never false.
    """
    if fact_type.many:
        members = value if isinstance(value, list | tuple) else [OPEN]
        return tuple(Unknown((path,)) if member == OPEN else member for member in members)
    if fact_type.kind != "instant":
        known: Value = value
        return known
    try:
        return parse_instant(str(value))
    except ValueError as error:
        return Unknown(problems=(str(error),))


def lookup(register: Register, path: str) -> Value:
    """Return the value at a path: a single value, a map, or a list of members with their ids.

    A fact that is not recorded is ``Unknown`` with its path. ``data`` and ``people`` apply to all populations, as
    ``runner.facts.vocabulary.populations`` describes. Never raises, whatever the path.
    """
    ids = population_ids(register) if path.startswith(("data.", "people.")) else ()
    if ids:
        return whole(lambda one: _plain(register, one), ids, path)
    return _plain(register, path)


def _plain(register: Register, path: str) -> Value:
    branch = find(path)
    if isinstance(branch, FactType):
        fact = register.get(path)
        if fact is None:
            fact = register.get(f"{path.rpartition('.')[0]}.*")
        return Unknown((path,)) if fact is None or fact.value is None else typed(path, branch, fact.value)
    entries = dict(_below(register, path))
    if not entries:
        return Unknown((path,))
    if isinstance(branch, Keyed) and branch.is_list:
        return tuple({"id": key, **_mapping(members)} for key, members in sorted(_split(entries).items()))
    return _mapping(entries)


def _below(register: Register, path: str) -> Iterator[tuple[str, Value]]:
    """Yield the known values under a path, by the rest of their path."""
    prefix = f"{path}."
    for key, fact in register.items():
        fact_type = find(key) if key.startswith(prefix) and fact.value is not None else None
        if isinstance(fact_type, FactType):
            yield key.removeprefix(prefix), typed(key, fact_type, fact.value)


def _split(entries: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    """Group by first segment; a path that ends there has the empty rest."""
    grouped: dict[str, dict[str, Value]] = {}
    for path, value in entries.items():
        first, _, rest = path.partition(".")
        grouped.setdefault(first, {})[rest] = value
    return grouped


def _mapping(entries: Mapping[str, Value]) -> dict[str, Value]:
    return {
        first: below[""] if "" in below else _mapping(below)
        for first, below in sorted(_split(entries).items())
    }


def nested(register: Register) -> dict[str, Any]:
    """Return the known facts as nested plain JSON for templates and reports.

    Lists are lists of members with their ``id``, maps are mappings, instants are RFC 3339 text.
    """
    tree: dict[str, Any] = {}
    for key in sorted(register):
        if register[key].value is not None:
            *way, last = key.split(".")
            branch = tree
            for segment in way:
                branch = branch.setdefault(segment, {})
            branch[last] = register[key].value
    for path in ("organisation.entities", "populations", "claims"):
        *way, last = path.split(".")
        branch = tree
        for segment in way:
            branch = branch.get(segment, {})
        if last in branch:
            branch[last] = [{"id": key, **members} for key, members in branch[last].items()]
    return tree


def value_words(value: Any) -> str:
    """Return a value in readable form: sets with commas, ``unknown`` for null, yes and no."""
    match value:
        case None:
            return "unknown"
        case True:
            return "yes"
        case False:
            return "no"
        case list():
            return (
                ", ".join("and perhaps more" if member == "?" else value_words(member) for member in value)
                or "none"
            )
        case _:
            return str(value)
