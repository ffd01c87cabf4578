"""Reader of a form's list of fields: YAML, checked against the vocabulary and its own stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from runner.base.text import sentence
from runner.decoding import convert
from runner.documents.notice import Field, FieldList
from runner.documents.template.syntax import check_syntax, facts_read
from runner.errors import Problem
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type, path_hint
from runner.yamlfile.positions import place_of
from runner.yamlfile.source import Source, scan

SCHEMA: Final = "tocsin/fields/v1"
_OURS: Final = ("duty", "notice")
"""Names that a document can read besides facts."""


def scan_fields(text: str, file: str) -> tuple[FieldList | None, tuple[Problem, ...]]:
    """Return the list with every problem; never raises."""
    source = scan(text, file)
    if source.problems:
        return None, source.problems
    data = source.data
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        hint = f"Write schema: {SCHEMA}."
        return None, (
            source.problem(("schema",), "fields-schema", "The file is not a list of fields.", hint=hint),
        )
    try:
        field_list = convert({key: value for key, value in data.items() if key != "schema"}, FieldList)
    except msgspec.ValidationError as error:
        where, message = place_of(str(error))
        return None, (source.problem(where, "fields-value", sentence(message)),)
    return field_list, tuple(_problems(field_list, source))


def _problems(found: FieldList, source: Source) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, section in enumerate(found.sections):
        if section.stage not in found.stages:
            where = ("sections", number, "stage")
            hint = f"Choose one of: {', '.join(found.stages)}."
            yield source.problem(where, "fields-stage", f'Stage "{section.stage}" does not exist.', hint=hint)
        for index, field in enumerate(section.fields):
            place = ("sections", number, "fields", index)
            if field.id in seen:
                yield source.problem((*place, "id"), "fields-id", f'Field "{field.id}" is given twice.')
            seen.add(field.id)
            yield from (
                source.problem(place, code, text, hint=hint) for code, text, hint in _wrong(field, found)
            )


Wrong = tuple[str, str, str]
"""A code, the problem, a hint."""


def _wrong(field: Field, found: FieldList) -> Iterator[Wrong]:
    if bool(field.facts) == bool(field.says):
        yield "fields-fact", f'Field "{field.id}" needs a fact or a text, not both.', "Add fact: PATH."
    for stage in field.says:
        if stage not in found.stages:
            yield (
                "fields-stage",
                f'Stage "{stage}" does not exist.',
                f"Choose one of: {', '.join(found.stages)}.",
            )
    yield from _unknown(field.facts, "fields-fact")
    if field.when:
        yield from _wrong_condition("{% if " + field.when + " %}{% endif %}")
    choices = {
        choice
        for path in field.facts
        if isinstance(kind := fact_type(path), FactType)
        for choice in kind.choices
    }
    for choice in (*field.choices, *field.codes):
        if choice not in choices:
            yield "fields-choice", f'The value "{choice}" is not a value of {" or ".join(field.facts)}.', ""


def _wrong_condition(condition: str) -> Iterator[Wrong]:
    problems = check_syntax(condition)
    yield from (("fields-condition", problem.message, "") for problem in problems)
    if not problems:
        yield from _unknown((path for path, _line in facts_read(condition)), "fields-condition")


def _unknown(paths: Iterable[str], code: str) -> Iterator[Wrong]:
    yield from (
        (code, f'The name "{path}" is not a single fact.', path_hint(path))
        for path in paths
        if not (path.partition(".")[0] in _OURS or path == "incident.codename" or fact_type(path) is not None)
    )
