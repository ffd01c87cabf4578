"""The API under ``/api/v1``: the pages of the table as JSON, for programs with a token and for logged-in people.

Each answer is the report of the page, as ``--format json`` prints it. What a person may not read and what does not exist
get the same answer, byte for byte.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import NamedTuple

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from runner.acts.asked import Asked
from runner.app.core.incident_service import IncidentService
from runner.app.core.reader import Reader
from runner.app.home.workers import with_worker
from runner.app.incidents.event_feed import LIMIT, event_feed, events_page
from runner.app.people import tokens
from runner.app.people.logins import Login
from runner.base.actor import Principal
from runner.errors import NotFound, Refused, Usage
from runner.incident.state.incident import Incident
from runner.reports.core.action_text import as_json
from runner.web.room import problems
from runner.web.room.api_acts import Acts, check_query
from runner.web.room.application import Room
from runner.web.room.door import Absent, Stranger
from runner.web.room.openapi import BASE, QUERY, api_path, description, served
from runner.web.room.table import BY_OPERATION, DOCUMENT, Row

EVENTS = "/incidents/{incident}/events"


class Caller(NamedTuple):
    """Who asks, with the service of the thread."""

    login: Login
    service: IncidentService
    reader: Reader

    @property
    def principal(self) -> Principal:
        """The person or the program."""
        return self.login.principal


class Api:
    """Answers the requests of programs; safe for several threads."""

    def __init__(self, room: Room) -> None:
        """Take the room, whose service, sessions and rights the API has, too."""
        self._room = room

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the API."""
        found = [
            self._route(EVENTS, "events", self._events),
            self._route("/events", "event_feed", self._feed),
            self._route(DOCUMENT.replace("/i/", "/incidents/"), "document", self._document),
            *(self._route(api_path(row), row.operation, partial(self._row, row)) for row in served()),
            Route("/openapi.json", self._description, methods=["GET"]),
            *Acts(self._room, self._login).routes(),
            Route("/{rest:path}", self._nothing, methods=["GET", "POST"]),
        ]
        return [Mount(BASE, routes=found)]

    def _route(self, path: str, operation: str, made: Callable[[Request, Caller], Response]) -> Route:
        async def endpoint(request: Request) -> Response:
            return await self._room._in_pool(partial(self._answer, made, request))

        endpoint.__name__ = f"api_{operation}"
        return Route(path, endpoint, methods=["GET"])

    async def _description(self, request: Request) -> Response:
        return Response(await anyio.to_thread.run_sync(description), media_type="application/json")

    async def _nothing(self, request: Request) -> Response:
        return problems.absent()

    def _answer(self, made: Callable[[Request, Caller], Response], request: Request) -> Response:
        def answer() -> Response:
            login, service = self._login(request), self._room.service()
            return made(request, Caller(login, service, service.read(login.principal)))

        return problems.answered(self._room._say, answer)

    def _login(self, request: Request) -> Login:
        """Return who asks, by a token or by a session; raises Refused for both, and Stranger for neither."""
        given = request.headers.get("authorization")
        if given is None:
            return self._room._login(request)
        if self._room._cookie in request.cookies:
            raise Refused(
                "The request has a token and a session.", hint="Send one of them", code="two_logins"
            )
        kind, _, secret = given.partition(" ")
        service = self._room.service()
        found = tokens.find(service, secret.strip()) if kind.lower() == "bearer" else None
        if found is None:
            raise Stranger
        now = service.clock.now()
        return Login(principal=found, made=now, seen=now)

    # --- the table ------------------------------------------------------------------------------------------

    def _row(self, row: Row, request: Request, caller: Caller) -> Response:
        asked, incident = self.asked(row, request, caller)
        mark = self._mark(caller.service, incident)
        if _known(request, mark):
            return Response(status_code=304, headers={"etag": mark})
        return _json(self.report(row, asked, incident), mark)

    def asked(self, row: Row, request: Request, caller: Caller) -> tuple[Asked, Incident | None]:
        """Return a request for the handler of a page; raises Absent without the right, and Usage for an unknown parameter."""
        incident = self._room._readable(row, request, caller.service, caller.reader)
        if (
            caller.principal.scopes is not None
            and row.right == "login"
            and not caller.reader.may("incident.read")
        ):
            raise Absent
        check_query(request, QUERY.get(row.operation, ()))
        asked = self._room._asked(request, caller.service, caller.login, incident)
        return asked._replace(query={**asked.query, "all": "1"}), incident

    def report(self, row: Row, asked: Asked, incident: Incident | None) -> object:
        """Return the report of a page as programs read it."""
        report = row.draw(asked).report
        return report if incident is None else with_worker(asked.service, incident, report)

    def _mark(self, service: IncidentService, incident: Incident | None) -> str:
        """Return the version of an answer: that of the incident, else of the home, with the minute.

        A deadline passes without an entry: an answer that is called unchanged is not older than a minute.
        """
        minute = int(service.clock.now().timestamp()) // 60
        version = str(incident.version) if incident is not None else f"h{_short(service.changed())}"
        return f'"{version}.{minute}"'

    # --- entries --------------------------------------------------------------------------------------------

    def _events(self, request: Request, caller: Caller) -> Response:
        """List the entries of one incident behind an entry."""
        incident = self._room._readable(BY_OPERATION["timeline"], request, caller.service, caller.reader)
        if incident is None:
            raise Absent
        check_query(request, ("after", "limit"))
        after, limit = _number(request, "after", 0, 2**53), _number(request, "limit", LIMIT, LIMIT)
        return _json(events_page(caller.service, caller.reader, incident, after, max(limit, 1)))

    def _feed(self, request: Request, caller: Caller) -> Response:
        """List the entries of all incidents that the reader may read, behind a cursor."""
        check_query(request, ("after", "limit"))
        limit = _number(request, "limit", LIMIT, LIMIT)
        cursor = request.query_params.get("after", "")
        return _json(event_feed(caller.service, caller.reader, cursor, max(limit, 1)))

    # --- documents ------------------------------------------------------------------------------------------

    def _document(self, request: Request, caller: Caller) -> Response:
        """Send a document of a notice: exactly the stored bytes, named by their digest."""
        incident = self._room._readable(BY_OPERATION["notice"], request, caller.service, caller.reader)
        if incident is None:
            raise Absent
        try:
            body = caller.reader.document(incident, request.path_params["ref"], request.path_params["form"])
        except NotFound:
            raise Absent from None
        digest = sha256(body)
        headers = {
            "etag": f'"{digest.hexdigest()}"',
            "repr-digest": f"sha-256=:{b64encode(digest.digest()).decode()}:",
            "content-disposition": "attachment",
        }
        if _known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/octet-stream", headers=headers)


def _known(request: Request, mark: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return mark in (one.strip().removeprefix("W/") for one in given.split(","))


def _json(report: object, mark: str = "") -> Response:
    return Response(as_json(report), media_type="application/json", headers={"etag": mark} if mark else None)


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _number(request: Request, name: str, default: int, most: int) -> int:
    """Return a number of the address."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= most):
        raise Usage(
            f"{name} is not a number from 0 to {most}.", hint=f"Use {name}={default}", code="bad_number"
        )
    return int(text)
