"""Facts as people write them: files (``schema: tocsin/facts/v1``) and assignments on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from runner.base.instants import AGO, instant_text, is_local, spoken_instant
from runner.errors import Invalid, Problem
from runner.facts.vocabulary.fact_types import FactType, Keyed
from runner.facts.vocabulary.fact_values import FactProblem, branch_at, checked_value, parse_value
from runner.facts.vocabulary.lookup import find
from runner.facts.vocabulary.nested_facts import Misplaced, flatten
from runner.facts.vocabulary.register import OPEN, Register, Stated
from runner.yamlfile.positions import Source, Where

SCHEMA = "tocsin/facts/v1"
UNKNOWN = "unknown"
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""The time of ``now`` when an assignment is only checked."""


def read_facts(source: Source) -> tuple[Stated, ...]:
    """Return the facts of a file, each with its full path; raises ``Invalid`` with every problem and its place.

    The file is nested or uses dotted keys; ``populations`` is a list of members with an ``id``, or a mapping. Every
    value, set, map or list may be wrapped in ``{value, source, confidence, at}``. A fact without a source of its own
    gets the file's top-level ``source``, else the file's name.
    """
    problems: list[Problem] = []
    document = _document(source, problems.append)

    def report(found: Misplaced) -> None:
        problem = found.problem
        problems.append(
            source.problem(found.where, "fact", problem.message, hint=problem.hint, key=found.at_key)
        )

    origin = str(document.pop("source", "")) or source.file
    stated: dict[str, Stated] = {}
    for leaf in flatten("", document, report):
        fact = leaf.stated
        if fact.key in stated:
            problems.append(
                source.problem(leaf.where, "fact-twice", f'Fact "{fact.key}" is given twice.', key=True)
            )
        stated[fact.key] = replace(fact, source=fact.source or origin)
    if problems:
        count = len(problems)
        raise Invalid(
            f'Facts file "{source.file}" has {count} problem{"s" if count > 1 else ""}.',
            problems=problems,
            code="bad_facts",
        )
    return tuple(stated.values())


def _document(source: Source, report: Callable[[Problem], None]) -> dict[str, Any]:
    if not isinstance(source.data, dict):
        hint = f"Begin with schema: {SCHEMA}."
        report(source.problem((), "facts-shape", "A facts file must be a mapping.", hint=hint))
        return {}
    document = dict(source.data)
    if document.pop("schema", None) != SCHEMA:
        hint = f"Write schema: {SCHEMA}."
        report(source.problem(("schema",), "schema", f'The schema is not "{SCHEMA}".', hint=hint))
    return document


def parse_assignment(text: str, register: Register, now: datetime) -> tuple[Stated, ...]:
    """Return the facts of ``KEY=VALUE``, ``KEY+=MEMBER``, ``KEY-=MEMBER`` or ``KEY=?``; raises ``Invalid``.

    ``register`` has the known facts: a set is changed member by member, and ``people.by_jurisdiction=?`` withdraws
    every entry of the map. Adding to a set that is unknown begins an open one (``[ssn, ?]``: this, and perhaps more);
    ``KEY-=?`` closes it. Removing from an unknown set is refused. An instant may be ``now`` or ``2h ago``.
    """
    key, sign, value = text.partition("=")
    change = key[-1:] if key[-1:] in ("+", "-") else ""
    path = key.removesuffix(change).strip() if change else key.strip()
    if not sign or not path:
        raise Invalid(
            "The fact is not written as KEY=VALUE.",
            hint="Write data.encrypted=false, for example.",
            code="fact",
        )
    try:
        if change:
            return (Stated(key=path, value=_changed(path, change, value, register)),)
        if value.strip() == OPEN:
            return _withdrawn(path, register)
        parsed = parse_value(path, _dated(path, value, now))
        if isinstance(parsed, dict):
            return tuple(Stated(key=f"{path}.{name}", value=entry) for name, entry in parsed.items())
        return (Stated(key=path, value=parsed),)
    except FactProblem as problem:
        raise Invalid(problem.message, hint=problem.hint, code="fact") from None


def says_unknown(text: str) -> bool:
    """Return whether an assignment answers ``FACT=unknown`` or ``FACT=?``, and ``unknown`` is no value of the fact."""
    path, _, value = (part.strip() for part in text.partition("="))
    kind = find(path)
    return value == OPEN or (
        value == UNKNOWN and not (isinstance(kind, FactType) and UNKNOWN in kind.choices)
    )


def misstated(source: Source, where: Where, text: str) -> Iterator[Problem]:
    """Yield the problems of an assignment in a file that do not depend on the known facts.

    ``KEY-=MEMBER`` and ``KEY=?`` depend on the known facts and are not checked.
    """
    key, _, value = text.partition("=")
    if key.endswith("-") or value.strip() == OPEN:
        return
    try:
        parse_assignment(text, {}, _SOME_DAY)
    except Invalid as problem:
        yield source.problem(where, "fact", problem.message, hint=problem.hint)


def _dated(path: str, value: str, now: datetime) -> str:
    """Return the instant of ``now``, ``2h ago`` or a local time, to the second; any other text unchanged."""
    kind = branch_at(path)
    written = value.strip()
    local = isinstance(now.tzinfo, ZoneInfo) and is_local(written)
    spoken = written == "now" or written.endswith(AGO) or local
    if not (isinstance(kind, FactType) and kind.kind == "instant" and spoken):
        return value
    try:
        return instant_text(spoken_instant(written, now.replace(microsecond=0)))
    except ValueError as error:
        raise FactProblem(
            path,
            f'Fact "{path}" is not valid: {error}.',
            getattr(error, "hint", "Write a date and time, now, or 2h ago."),
        ) from None


def _changed(path: str, change: str, value: str, register: Register) -> list[Any]:
    fact_type = branch_at(path)
    if not isinstance(fact_type, FactType) or not fact_type.many:
        raise FactProblem(
            path, f'Fact "{path}" is not a set. += and -= change only sets.', f"Write {path}=VALUE."
        )
    members = parse_value(path, value)
    fact = register.get(path)
    if fact is None or fact.value is None:
        if change == "-":
            raise FactProblem(
                path, f'Fact "{path}" is unknown. A value cannot be removed.', f"Write {path}=a,b."
            )
        return [*(member for member in members if member != OPEN), OPEN]
    before = list(fact.value)
    if change == "+":
        return list(checked_value(path, [*before, *members]))
    absent = [member for member in members if member not in before]
    if absent:
        raise FactProblem(
            path,
            f'Fact "{path}" does not contain the value to remove.',
            f"Choose one of: {', '.join(before)}.",
        )
    return [member for member in before if member not in members]


def _withdrawn(path: str, register: Register) -> tuple[Stated, ...]:
    branch = branch_at(path)
    if isinstance(branch, FactType):
        return (Stated(key=path, value=None),)
    known = [key for key in register if key.startswith(f"{path}.") and register[key].value is not None]
    if not isinstance(branch, Keyed) and not known:
        raise FactProblem(path, f'No fact under "{path}" is known.')
    return tuple(Stated(key=key, value=None) for key in known)
