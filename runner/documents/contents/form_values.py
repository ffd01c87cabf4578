"""Values of a form's fields from the facts, for documents and exports.

Instants are ISO 8601 in UTC, places have their names, choices the form's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from runner.documents.notice import Field, Notice, Section
from runner.documents.template.filters import day, place_name, said
from runner.documents.template.template import decides
from runner.documents.template.values import Budget, Kept
from runner.documents.tree import FormField
from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type, nobody

Setting = tuple[str, str, Budget]
"""The language, the zone, and what conditions may cost."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One field and its answer. ``value`` None is unknown."""

    section: str
    field: Field
    path: str
    """The fact for the answer, known or not; empty if the form's stage answers."""
    value: Any
    shown: str
    """The answer in readable form; empty while it is unknown."""
    asked: bool | None
    """Whether it is asked at all; None while undetermined."""


def asked_for(notice: Notice) -> Iterator[str]:
    """Yield the facts that can answer a field of the notice's form."""
    for section in notice.sections:
        for field in section.fields:
            yield from field.facts


def answers(notice: Notice, facts: Mapping[str, Any], form: Setting) -> tuple[Answer, ...]:
    """Return every field of the notice's form in its order; ``facts`` are nested and may hold ``duty`` as well."""
    stage = notice.form.stage if notice.form is not None else ""
    return tuple(
        _answer(section, field, stage, facts, form) for section in notice.sections for field in section.fields
    )


def _asked_in(notice: Notice, facts: Mapping[str, Any], form: Setting) -> Iterator[Answer]:
    """Yield the fields without those that are certainly not asked, and those unanswered that a person must judge."""
    for one in answers(notice, facts, form):
        if one.asked or (one.asked is None and (one.value is not None or one.field.when)):
            yield one


def printed(notice: Notice, facts: Mapping[str, Any], form: Setting) -> list[dict[str, Any]]:
    """Return the template's ``sections``: the fields that are asked, and those that may be."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for one in _asked_in(notice, facts, form):
        value = Kept(one.path, one.value, one.shown) if one.path else one.shown
        row = {"id": one.field.id, "name": one.field.name, "answer": value}
        rows.setdefault(one.section, []).append(row)
    return [{"title": title, "fields": fields} for title, fields in rows.items()]


def exported(notice: Notice, facts: Mapping[str, Any], form: Setting) -> tuple[FormField, ...]:
    """Return the same fields for sheets and electronic reports: choices in the form's codes, instants in UTC."""
    return tuple(
        FormField(
            id=one.field.id,
            name=one.field.name,
            section=one.section,
            shown=one.shown,
            value=_coded(one),
            path=one.field.path,
        )
        for one in _asked_in(notice, facts, form)
    )


def _coded(one: Answer) -> str | int | float | bool | tuple[str, ...] | None:
    codes, value = one.field.codes, one.value
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(codes.get(str(member), str(member)) for member in sorted(value))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    kind = fact_type(one.path)
    if isinstance(kind, FactType) and kind.kind == "choice":
        return codes.get(str(value), str(value))
    return one.shown if isinstance(kind, FactType) and kind.kind == "instant" else str(value)


def _answer(section: Section, field: Field, stage: str, facts: Mapping[str, Any], form: Setting) -> Answer:
    if field.says:
        text = field.says.get(stage, "")
        return Answer(section=section.title, field=field, path="", value=text, shown=text, asked=True)
    found = [_kept(path, facts) for path in field.facts]
    one = next((kept for kept in found if kept.value is not None), found[0])
    shown = "" if one.value is None else _shown(field, one.path, one.value, form)
    asked = _asked(field, facts, form)
    return Answer(
        section=section.title, field=field, path=one.path, value=one.value, shown=shown, asked=asked
    )


def _asked(field: Field, facts: Mapping[str, Any], form: Setting) -> bool | None:
    parties = (*field.facts, field.of) if field.of else field.facts
    if any(nobody(path, _kept(path, facts).value) for path in parties):
        return False
    if not field.when:
        return None if field.only else True
    holds = decides(field.when, facts, language=form[0], zone=form[1], budget=form[2])
    return holds if isinstance(holds, bool) else None


def _kept(path: str, facts: Mapping[str, Any]) -> Kept:
    """Return the value at a path, with the path of the fact that it was copied from."""
    node: Any = facts
    for part in path.split("."):
        node = node.value if isinstance(node, Kept) else node
        node = node.get(part) if isinstance(node, Mapping) else None
    return node if isinstance(node, Kept) else Kept(path, node)


def _shown(field: Field, path: str, value: Any, form: Setting) -> str:
    language, zone, _ = form
    if isinstance(value, (list, tuple, set, frozenset)):
        return "; ".join(_shown(field, path, member, form) for member in sorted(value))
    kind = fact_type(path)
    match kind.kind if isinstance(kind, FactType) else "":
        case "instant" if language == "en-US":
            planned = "Planned for " if path == "incident.individual_notice_planned_at" else ""
            return planned + day(value, language, zone)
        case "instant":
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case "jurisdiction":
            return place_name(str(value), language)
        case "choice":
            return field.choices.get(str(value)) or said(value, language, zone)
        case "bool" | "int" | "number":
            return said(value, language, zone)
        case _:
            return str(value)
