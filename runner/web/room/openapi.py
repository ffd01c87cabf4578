"""The description of the API in OpenAPI 3.1, made from the table of the room and from the structs of the reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from runner import __version__
from runner.app.core.rights import PROGRAMS
from runner.app.incidents.event_feed import LIMIT, EventFeed, Events
from runner.app.people.idempotency import LONGEST
from runner.web.room.acts.table import ACTING
from runner.web.room.api_acts import ActDone
from runner.web.room.problems import Problem
from runner.web.room.table import ACT, BY_OPERATION, DOCUMENT, INCIDENT_ACT, TABLE, Row

REPORTS: Mapping[str, str] = {
    "incidents": "incidents.incidents.IncidentsReport",
    "people": "people.people.PeopleReport",
    "register": "law.register.RegisterReport",
    "law": "law.regimes.RegimesReport",
    "readiness": "exercises.readiness.ReadinessReport",
    "approvals": "incidents.signing.SigningQueue",
    "incident": "incidents.status.Status",
    "tasks": "incidents.task.TasksReport",
    "task": "incidents.task.TaskReport",
    "facts": "incidents.facts.FactsReport",
    "missing": "incidents.facts.MissingReport",
    "duties": "law.duties.DutiesReport",
    "duty": "law.duty_details.DutyShown",
    "file": "law.duty_details.DutyShown",
    "notices": "notices.notices.NoticesReport",
    "notice": "notices.notices.NoticeReport",
    "changes": "notices.redline.ChangesReport",
    "consistency": "notices.consistency.ConsistencyReport",
    "messages": "messages.messages.MessagesReport",
    "message": "messages.messages.DeliveryReport",
    "timeline": "incidents.timeline.Timeline",
}
"""The report of each page in ``runner.reports``; a page without one here has no address in the API."""
QUERY: Mapping[str, tuple[str, ...]] = {"timeline": ("kind", "by", "search"), "law": ("in",)}
"""What the address of a row can choose; lists are always whole."""
_CODES = {
    "400": "Two logins",
    "401": "No valid token",
    "404": "Absent or not allowed",
    "409": "Refused",
    "422": "Invalid",
}
_AWAY = {"410": "Erased", "500": "Damaged, or an internal error", "503": "The database is not available"}


BASE = "/api/v1"
_REFERENCE = "#/components/schemas/{name}"


class Point(NamedTuple):
    """One address of the API as it is described."""

    path: str
    operation: str
    right: str
    title: str
    gives: Any
    query: Mapping[str, Any] = {}


def api_path(row: Row) -> str:
    """Return the path of a row below ``/api/v1``."""
    return "/incidents" if row.path == "/" else row.path.replace("/i/{incident}", "/incidents/{incident}")


def served() -> list[Row]:
    """Return the rows of the table that have an address in the API."""
    return [row for row in TABLE if row.operation in REPORTS]


def program_acts() -> Iterator[tuple[Row, str, str]]:
    """Yield the page, the verb and the right of each act that a token can have the right to."""
    for operation, acting in ACTING.items():
        for verb, act in acting.acts.items():
            if act.right in PROGRAMS and operation in BY_OPERATION:
                yield BY_OPERATION[operation], verb, act.right


@cache
def description() -> bytes:
    """Return the document."""
    limit = {"type": "integer", "minimum": 0, "maximum": LIMIT}
    text = {"type": "string"}
    points = [
        *(
            Point(
                api_path(row),
                row.operation,
                row.right,
                row.title or row.operation.capitalize(),
                _report(row.operation),
                dict.fromkeys(QUERY.get(row.operation, ()), text),
            )
            for row in served()
        ),
        Point(
            "/incidents/{incident}/events",
            "events",
            "incident.read",
            "Journal entries of an incident",
            Events,
            {"after": {"type": "integer", "minimum": 0, "maximum": 2**53}, "limit": limit},
        ),
        Point(
            "/events",
            "event_feed",
            "incident.read",
            "Journal entries of all incidents",
            EventFeed,
            {"after": text, "limit": limit},
        ),
        Point(DOCUMENT.replace("/i/", "/incidents/"), "document", "notice.read", "Bytes of a notice", bytes),
    ]
    found = _document(points)
    for row, verb, right in program_acts():
        path = (
            (INCIDENT_ACT if row.about_incident else ACT)
            .replace("{operation}", row.operation)
            .replace("{verb}", verb)
        )
        found["paths"][f"{BASE}{_plain(path.replace('/i/', '/incidents/'))}"] = {
            "post": _post(row, verb, right, path, found)
        }
    return msgspec.json.encode(found)


def _post(row: Row, verb: str, right: str, path: str, made: dict[str, Any]) -> dict[str, Any]:
    (ref,), components = msgspec.json.schema_components([ActDone], ref_template=_REFERENCE)
    made["components"]["schemas"] |= components
    fields = {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
    key = {"type": "string", "minLength": 1, "maxLength": LONGEST}
    headers = [
        {"name": "Idempotency-Key", "in": "header", "required": True, "schema": key},
        {"name": "If-Match", "in": "header", "schema": {"type": "string"}},
    ]
    problem = {
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(name="Problem")}}}
    }
    codes = _CODES | _AWAY | {"403": "No token", "412": "Changed meanwhile"}
    return {
        "operationId": f"{row.operation}_{verb}",
        "summary": f"{row.operation.capitalize()}: {verb}",
        "x-right": right,
        "parameters": [*_parameters(Point(path, "", "", "", None)), *headers],
        "requestBody": {"content": {"application/json": fields}},
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": ref}}},
            **{code: {"description": words, **problem} for code, words in codes.items()},
        },
    }


def _plain(path: str) -> str:
    """Return a path without the converters of its parameters."""
    return path.replace(":path", "")


def _report(operation: str) -> Any:
    module, _, name = REPORTS[operation].rpartition(".")
    return getattr(import_module(f"runner.reports.{module}"), name)


def _document(points: Iterable[Point]) -> dict[str, Any]:
    types = [point.gives for point in points if point.gives is not bytes]
    refs, components = msgspec.json.schema_components([*types, Problem], ref_template=_REFERENCE)
    schemas = dict(zip(types, refs, strict=False))
    error = {"content": {"application/problem+json": {"schema": refs[-1]}}}
    problems = {code: {"description": words, **error} for code, words in (_CODES | _AWAY).items()}
    paths: dict[str, Any] = {}
    for point in points:
        kind = "application/octet-stream" if point.gives is bytes else "application/json"
        content = {kind: {} if point.gives is bytes else {"schema": schemas[point.gives]}}
        paths.setdefault(f"{BASE}{_plain(point.path)}", {})["get"] = {
            "operationId": point.operation,
            "summary": point.title,
            "x-right": point.right,
            "parameters": list(_parameters(point)),
            "responses": {
                "200": {"description": "Done", "content": content},
                "304": {"description": "Not changed"},
                **problems,
            },
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin",
            "version": __version__,
            "description": "Reads and changes incidents with the rights of a token.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _parameters(point: Point) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)(?::path)?}", point.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for name, schema in point.query.items():
        yield {"name": name, "in": "query", "schema": schema}
