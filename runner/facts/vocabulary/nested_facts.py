"""Conversion of nested data to single facts; each value is checked separately.

Data may be nested or use dotted keys, and every value, set, map or list may have a wrapper with its source:
``{value: 1200, source: forensics, confidence: estimated, at: 2026-11-24T09:30:00Z}``; nested values inherit it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from runner.base.instants import parse_instant
from runner.base.text import choice_hint, clean, sentence, text_problem
from runner.facts.vocabulary.fact_types import Branch, FactType, Keyed
from runner.facts.vocabulary.fact_values import FactProblem, branch_at, checked_value, no_such_path
from runner.facts.vocabulary.lookup import roots, step_into
from runner.facts.vocabulary.register import Confidence, Stated

WRAPPER = ("value", "source", "confidence", "at")


class Leaf(Struct, frozen=True):
    """One fact found in the data, and its location: keys and positions from the top."""

    stated: Stated
    where: tuple[str | int, ...]


class Misplaced(Struct, frozen=True):
    """One problem and its location; ``at_key`` if the key is wrong, not its value."""

    problem: FactProblem
    where: tuple[str | int, ...]
    at_key: bool = False


class Origin(Struct, frozen=True):
    """The properties that a wrapper gives to all nested values."""

    source: str = ""
    confidence: Confidence = "confirmed"
    at: datetime | None = None


class _Place(Struct, frozen=True):
    path: str
    branch: Branch
    where: tuple[str | int, ...]
    origin: Origin


Report = Callable[[Misplaced], None]


def flatten(path: str, value: Any, report: Report, origin: Origin | None = None) -> Iterator[Leaf]:
    """Yield the single facts of a value; an empty ``path`` means the whole vocabulary.

    A value ``None`` is kept: the fact is unknown. ``report`` receives every problem.
    """
    try:
        branch = branch_at(path) if path else roots()
    except FactProblem as problem:
        report(Misplaced(problem, ()))
        return
    yield from _leaves(_Place(path, branch, (), origin or Origin()), value, report)


def _leaves(place: _Place, value: Any, report: Report) -> Iterator[Leaf]:
    try:
        if isinstance(place.branch, FactType | Keyed) and isinstance(value, Mapping) and "value" in value:
            place, value = _unwrapped(place, value)
        if isinstance(place.branch, FactType):
            checked = checked_value(place.path, value)
            yield Leaf(Stated(key=place.path, value=checked, **asdict(place.origin)), place.where)
            return
        members = list(_members(place, value))
    except FactProblem as problem:
        report(Misplaced(problem, place.where))
        return
    for step, name, member in members:
        below = _below(place, step, name)
        if isinstance(below, Misplaced):
            report(below)
        else:
            yield from _leaves(below, member, report)


def _unwrapped(place: _Place, wrapper: Mapping[Any, Any]) -> tuple[_Place, Any]:
    for key in wrapper:
        if key not in WRAPPER:
            hint = choice_hint(str(key), WRAPPER)
            raise FactProblem(place.path, f'The key "{str(key)[:40]}" is unknown.', hint)
    origin = _origin(place, wrapper)
    return replace(place, where=(*place.where, "value"), origin=origin), wrapper["value"]


def _origin(place: _Place, wrapper: Mapping[Any, Any]) -> Origin:
    source, confidence = wrapper.get("source", place.origin.source), wrapper.get("confidence")
    if not isinstance(source, str) or (problem := text_problem(clean(source))):
        raise FactProblem(
            place.path,
            "The source must be one line of text." if not isinstance(source, str) else sentence(problem),
        )
    if confidence not in (None, "confirmed", "estimated"):
        raise FactProblem(
            place.path, "The confidence must be confirmed or estimated.", "Write confirmed or estimated."
        )
    try:
        at = parse_instant(str(wrapper["at"])) if "at" in wrapper else place.origin.at
    except ValueError as error:
        raise FactProblem(place.path, f"The value of `at` is not valid: {error}.") from None
    return Origin(clean(source), confidence or place.origin.confidence, at)


def _members(place: _Place, value: Any) -> Iterator[tuple[str | int, str, Any]]:
    """Yield (key or position in the data, name in the path, value)."""
    is_list = isinstance(place.branch, Keyed) and place.branch.is_list
    if is_list and isinstance(value, list):
        for position, member in enumerate(value):
            name, rest = _identified(place.path, position, member)
            yield position, name, rest
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield key, str(key), member
    else:
        what = "a list of members with an id" if is_list else "a mapping"
        raise FactProblem(
            place.path, f"{place.path or 'The document'} must be {what}.", "Indent the parts of the group."
        )


def _identified(path: str, position: int, member: Any) -> tuple[str, Any]:
    """Return a member's id and its other parts; a claim without an id takes the id of its regime."""
    if not isinstance(member, Mapping):
        raise FactProblem(path, f"Member {position + 1} of {path} must be a mapping.")
    name = member.get("id", member.get("regime") if path == "claims" else None)
    if not isinstance(name, str) or "." in name:
        raise FactProblem(
            path, f"Member {position + 1} of {path} has no id.", "Write an id, such as id: customers."
        )
    return name, {key: value for key, value in member.items() if key != "id"}


def _below(place: _Place, step: str | int, name: str) -> _Place | Misplaced:
    branch: Branch | None = place.branch
    path = f"{place.path}.{name}" if place.path else name
    for segment in name.split("."):
        branch = step_into(branch, segment) if branch is not None else None
    where = (*place.where, step)
    if branch is None:
        return Misplaced(no_such_path(path), where, at_key=isinstance(step, str))
    return _Place(path, branch, where, place.origin)
