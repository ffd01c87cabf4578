"""The description of the API in OpenAPI 3.1, made from the table of the room and from the structs of the reports."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import msgspec

from runner import __version__
from runner.app.incidents.event_feed import LIMIT, EventFeed, Events
from runner.app.incidents.timeline_filter import Filter
from runner.app.people.idempotency import LONGEST
from runner.web.room.acts.forms import Act
from runner.web.room.acts.table import ACTING
from runner.web.room.api_acts import ALERTS, ActDone, AlertsTaken, for_programs
from runner.web.room.problems import ApiProblem
from runner.web.room.table import BY_OPERATION, DOCUMENT, INCIDENT_ACT, TABLE, Row

REPORTS: Mapping[str, str] = {
    "incidents": "incidents.incidents.IncidentsReport",
    "alert": "messages.alerts.AlertsReport",
    "people": "people.people.PeopleReport",
    "register": "law.register.RegisterReport",
    "law": "law.regimes.RegimesReport",
    "readiness": "exercises.readiness.ReadinessReport",
    "incident": "incidents.status.Status",
    "tasks": "incidents.task.TasksReport",
    "task": "incidents.task.TaskReport",
    "facts": "incidents.known_facts.FactsReport",
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
QUERY: Mapping[str, tuple[str, ...]] = {"timeline": Filter._fields, "facts": ("at",), "law": ("in",)}
"""What the address of a row can choose; lists are always whole."""
_CODES = {
    "400": "Wrong body, no key, or two logins", "401": "No valid token", "403": "No token", "404": "Absent or not allowed",
    "409": "Refused", "410": "Erased", "412": "Changed meanwhile", "413": "Too large", "422": "Invalid",
    "429": "Too many alerts wait", "500": "Damaged, or an internal error", "503": "The database is not available",
}  # fmt: skip
BASE = "/api/v1"
_REFERENCE = "#/components/schemas/{name}"
_TEXT: dict[str, object] = {"type": "string"}
_LIMIT: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": LIMIT}
_NUMBER: dict[str, object] = {"type": "integer", "minimum": 0, "maximum": 2**53}
_KEY = {"type": "string", "minLength": 1, "maxLength": LONGEST}


class Point(NamedTuple):
    """One address of the API as it is described."""

    path: str
    operation: str
    right: str
    title: str
    gives: Any
    """The struct of the answer; ``bytes`` for a document."""
    query: Mapping[str, Any] = {}
    method: str = "get"
    body: Mapping[str, Any] = {}
    keyed: bool = False
    """It needs an ``Idempotency-Key``."""


def api_path(row: Row) -> str:
    """Return the path of a row below ``/api/v1``."""
    return "/incidents" if row.path == "/" else row.path.replace("/i/{incident}", "/incidents/{incident}")


def served() -> list[Row]:
    """Return the rows of the table that have an address in the API."""
    return [row for row in TABLE if row.operation in REPORTS]


def program_acts() -> Iterator[tuple[Row, str, Act]]:
    """Yield the page, the verb and the act for each act that a token can have the right to."""
    for operation, acting in ACTING.items():
        for verb, act in acting.acts.items():
            if for_programs(operation, verb):
                yield BY_OPERATION[operation], verb, act


def act_path(row: Row, verb: str) -> str:
    """Return the path of an act below ``/api/v1``."""
    path = INCIDENT_ACT.replace("/i/", "/incidents/")
    return _plain(path.replace("{operation}", row.operation).replace("{verb}", verb))


def _plain(path: str) -> str:
    """Return a path without the converters of its parameters."""
    return path.replace(":path", "")


def _points() -> Iterator[Point]:
    for row in served():
        query = dict.fromkeys(QUERY.get(row.operation, ()), _TEXT)
        title = row.title or row.operation.capitalize()
        yield Point(api_path(row), row.operation, row.right, title, _report(row.operation), query)
    events, pages = "/incidents/{incident}/events", {"after": _NUMBER, "limit": _LIMIT}
    yield Point(events, "events", "incident.read", "Journal entries of an incident", Events, pages)
    pages = {"after": _TEXT, "limit": _LIMIT}
    yield Point(
        "/events", "event_feed", "incident.read", "Journal entries of all incidents", EventFeed, pages
    )
    document = DOCUMENT.replace("/i/", "/incidents/")
    yield Point(document, "document", "notice.read", "Bytes of a notice", bytes)
    for row, verb, act in program_acts():
        name, title, body = f"{row.operation}_{verb}", f"{row.operation.capitalize()}: {verb}", _body(act)
        yield Point(act_path(row, verb), name, act.right, title, ActDone, {}, "post", body, keyed=True)
    title = "Alerts of a monitoring program"
    yield Point(ALERTS, "alerts", "alert.send", title, AlertsTaken, {}, "post", {"type": "object"})


def _body(act: Act) -> dict[str, object]:
    """Return the schema of the fields of an act; ``done.N`` stands for ``done.1`` and so on."""
    one = {field.name: _TEXT | {"description": field.label} for field in act.takes}
    named = {name: schema for name, schema in one.items() if not name.endswith(".N")}
    numbered = {rf"^{name[:-2]}\.[0-9]+$": schema for name, schema in one.items() if name not in named}
    return {
        "type": "object",
        "properties": named,
        **({"patternProperties": numbered} if numbered else {}),
        "required": [field.name for field in act.takes if field.needed],
        "additionalProperties": False,
    }


def _report(operation: str) -> Any:
    module, _, name = REPORTS[operation].rpartition(".")
    return getattr(import_module(f"runner.reports.{module}"), name)


@cache
def description() -> bytes:
    """Return the document."""
    points = list(_points())
    types = [*dict.fromkeys(point.gives for point in points if point.gives is not bytes), ApiProblem]
    refs, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    schemas = dict(zip(types, refs, strict=True))
    paths: dict[str, Any] = {}
    for point in points:
        paths.setdefault(f"{BASE}{_plain(point.path)}", {})[point.method] = _operation(point, schemas)
    found = {
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
    return msgspec.json.encode(found)


def _operation(point: Point, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    kind = "application/octet-stream" if point.gives is bytes else "application/json"
    content = {kind: {} if point.gives is bytes else {"schema": schemas[point.gives]}}
    problem = {"content": {"application/problem+json": {"schema": schemas[ApiProblem]}}}
    done = "202" if point.gives is AlertsTaken else "200"
    return {
        "operationId": point.operation,
        "summary": point.title,
        "x-right": point.right,
        "parameters": list(_parameters(point)),
        **({"requestBody": {"content": {"application/json": {"schema": point.body}}}} if point.body else {}),
        "responses": {
            done: {"description": "Done", "content": content},
            **({"304": {"description": "Not changed"}} if point.method == "get" else {}),
            **{code: {"description": words, **problem} for code, words in _CODES.items()},
        },
    }


def _parameters(point: Point) -> Iterable[dict[str, Any]]:
    for name in re.findall(r"{(\w+)(?::path)?}", point.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for name, schema in point.query.items():
        yield {"name": name, "in": "query", "schema": schema}
    if point.keyed:
        yield {"name": "Idempotency-Key", "in": "header", "required": True, "schema": _KEY}
        yield {"name": "If-Match", "in": "header", "schema": _TEXT}
