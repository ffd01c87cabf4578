"""The description of the API in OpenAPI 3.1, made from the table of the room and from the structs of the reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from runner import __version__
from runner.app.incidents.event_feed import LIMIT, EventFeed, Events
from runner.web.room.problems import Problem
from runner.web.room.table import DOCUMENT, TABLE, Row

REPORTS: Mapping[str, str] = {
    "incidents": "incidents.incidents.IncidentsReport",
    "people": "people.people.PeopleReport",
    "register": "law.register.RegisterReport",
    "law": "law.regimes.RegimesReport",
    "readiness": "exercises.readiness.ReadinessReport",
    "incident": "incidents.status.Status",
    "tasks": "incidents.task.TasksReport",
    "task": "incidents.task.TaskReport",
    "facts": "incidents.facts.FactsReport",
    "missing": "incidents.facts.MissingReport",
    "duties": "law.duties.DutiesReport",
    "duty": "law.duty_details.DutyShown",
    "notices": "notices.notices.NoticesReport",
    "notice": "notices.notices.NoticeReport",
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
    return msgspec.json.encode(_document(points))


def _report(operation: str) -> Any:
    module, _, name = REPORTS[operation].rpartition(".")
    return getattr(import_module(f"runner.reports.{module}"), name)


def _document(points: Iterable[Point]) -> dict[str, Any]:
    types = [point.gives for point in points if point.gives is not bytes]
    refs, components = msgspec.json.schema_components(
        [*types, Problem], ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(types, refs, strict=False))
    error = {"content": {"application/problem+json": {"schema": refs[-1]}}}
    problems = {code: {"description": words, **error} for code, words in (_CODES | _AWAY).items()}
    paths: dict[str, Any] = {}
    for point in points:
        kind = "application/octet-stream" if point.gives is bytes else "application/json"
        content = {kind: {} if point.gives is bytes else {"schema": schemas[point.gives]}}
        paths.setdefault(f"/api/v1{re.sub(':path', '', point.path)}", {})["get"] = {
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
