"""Acts of programs: the forms of the pages as POST with a JSON body, each done once for its ``Idempotency-Key``.

Only a program with a token comes this way: a person uses the pages, which show what they sign and ask for proof.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runner.acts.asked import Asked
from runner.app.core.incident_service import IncidentService
from runner.app.core.rights import PROGRAMS
from runner.app.incidents import alerts
from runner.app.people import idempotency
from runner.app.people.logins import Login
from runner.base.actor import Principal
from runner.decoding import from_json
from runner.errors import Invalid, Refused, StoreError, TocsinError, Usage
from runner.incident.state.incident import Incident
from runner.reports.core.action_text import as_json
from runner.web.room import problems
from runner.web.room.acts.forms import Act, Acting, Given
from runner.web.room.acts.table import ACTING
from runner.web.room.application import Room
from runner.web.room.door import Absent
from runner.web.room.table import BY_OPERATION, INCIDENT_ACT, Row

ALERTS = "/alerts/{mapping}"
Post = Callable[[Request, bytes, IncidentService, Principal], Response]


class ActDone(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/act-done/v1"):
    """What was done; ``version`` is that of the incident after it."""

    operation: str
    verb: str
    ref: str
    incident: str
    codename: str
    version: int


class AlertsTaken(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/alerts-taken/v1"
):
    """The drafts that alerts joined or began."""

    alerts: tuple[str, ...]


def for_programs(operation: str, verb: str) -> bool:
    """Tell whether a token can have an act: none that is looked at before it is done, and none that states a fact."""
    acting = ACTING.get(operation)
    act = acting.acts.get(verb) if acting else None
    if act is None or act.right not in PROGRAMS or act.preview is not None or act.bound or not act.program:
        return False
    return BY_OPERATION[operation].about_incident


class Acts:
    """Answers the acts of programs; safe for several threads."""

    def __init__(self, room: Room, login: Callable[[Request], Login]) -> None:
        """Take the room, and what tells who asks."""
        self._room = room
        self._login = login

    def routes(self) -> list[BaseRoute]:
        """Return the routes below the base of the API."""
        act = INCIDENT_ACT.replace("/i/", "/incidents/")
        return [
            Route(path, self._post(made), methods=["POST"])
            for path, made in ((act, self._once), (ALERTS, self._alerts))
        ]

    def _post(self, made: Post) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            judged: list[Principal] = []
            refused = await self._room._in_pool(partial(self._judge, request, judged))
            if not judged:
                return refused  # before its body is read
            body = await request.body()
            return await self._room._in_pool(partial(self._answer, made, request, body))

        endpoint.__name__ = f"api{made.__name__}"
        return endpoint

    def _judge(self, request: Request, judged: list[Principal]) -> Response:
        """Add the program that asks; otherwise return the answer for anybody else."""

        def answer() -> Response:
            judged.append(self._program(request))
            return Response()

        return problems.answered(self._room._say, answer)

    def _program(self, request: Request) -> Principal:
        principal = self._login(request).principal
        if principal.scopes is None:
            raise Refused("Only a token can act here.", hint="Use the pages", code="token_needed")
        return principal

    def _answer(self, made: Post, request: Request, body: bytes) -> Response:
        def answer() -> Response:
            # Again: a slow body can outlive its token.
            return made(request, body, self._room.service(), self._program(request))

        return problems.answered(self._room._say, answer)

    def _once(
        self, request: Request, body: bytes, service: IncidentService, principal: Principal
    ) -> Response:
        """Do a request, or give the answer that it had before."""
        row, act, asked = self._asked(request, service, principal)
        given = _given(body)
        key = request.headers.get("idempotency-key", "").strip().strip('"')
        asks = request.headers.get("if-match", "")
        what = "\0".join((request.url.path, asks)).encode() + b"\0" + body
        mark, before, guard = idempotency.begin(service, principal, key, what, asked.incident)
        replayed = None if before is None else {"idempotency-replayed": "true"}
        if before:
            return Response(before, media_type="application/json", headers=replayed)
        try:
            if before is None:
                check_query(request, ())
                _check_fields(ACTING[row.operation], asked, request.path_params["verb"], given)
                self._do(act, asked, given, asks, guard)
        except TocsinError as error:
            if (
                isinstance(error, StoreError) or error.code == "key_outcome_unknown"
            ):  # perhaps it was recorded
                raise
            idempotency.forget(service, mark)
            stale = error.code == "changed_meanwhile"
            now = asked._replace(incident=service.load(asked.incident.id)) if stale else None
            return problems.of_error(error, row.draw(now).report if now else None)
        self._room._after(act.opens)
        done = as_json(self._done(request, asked)).encode()
        idempotency.finish(service, mark, done)
        return Response(done, media_type="application/json", headers=replayed)

    def _alerts(
        self, request: Request, body: bytes, service: IncidentService, principal: Principal
    ) -> Response:
        """Take the alerts of a monitoring program as drafts, which wait for a person."""
        if not service.read(principal).may("alert.send"):
            raise Absent
        found = alerts.receive(service, request.path_params["mapping"], principal.proven_by or "", body)
        return Response(as_json(AlertsTaken(alerts=found)), 202, media_type="application/json")

    def _asked(
        self, request: Request, service: IncidentService, principal: Principal
    ) -> tuple[Row, Act, Asked]:
        """Return what is asked for; raises Absent for no such act, and without the right."""
        operation, verb = request.path_params["operation"], request.path_params["verb"]
        row = BY_OPERATION.get(operation)
        if row is None or not for_programs(operation, verb):
            raise Absent
        reader, act = service.read(principal), ACTING[operation].acts[verb]
        incident = self._room._readable(row, request, service, reader)
        if not reader.may(act.right, incident):
            raise Absent
        now = service.clock.now()
        login = Login(principal=principal, made=now, seen=now)
        return row, act, self._room._asked(request, service, login, incident)

    def _do(self, act: Act, asked: Asked, given: Given, asks: str, guard: Callable[[], None]) -> None:
        """Do an act, if the incident has the version that was asked for."""

        def unchanged(present: Incident) -> None:
            guard()
            if asks and asks != "*" and _version(asks) != str(present.version):
                raise Refused(
                    "The incident changed meanwhile. Nothing was recorded.",
                    hint="Read the present state, then send the request with its ETag",
                    code="changed_meanwhile",
                )

        unchanged(asked.incident)
        act.do(asked._replace(service=asked.service.of(asked.principal, unchanged)), given)

    def _done(self, request: Request, asked: Asked) -> ActDone:
        after = asked.service.load(asked.incident.id)
        names = {name: request.path_params[name] for name in ("operation", "verb", "ref")}
        return ActDone(**names, incident=after.id, codename=after.codename, version=after.version)


def _version(asks: str) -> str:
    """Return the version of an entity tag: ``"84.29"`` and ``W/"84"`` name 84."""
    return asks.strip().removeprefix("W/").strip('"').partition(".")[0]


def _given(body: bytes) -> Given:
    """Return the fields of a request; raises Invalid unless the body is an object of texts."""
    try:
        fields: Mapping[str, str] = from_json(body or b"{}", dict[str, str])
    except msgspec.DecodeError:
        raise Invalid(
            "The body is not a JSON object of texts.",
            hint='Send an object, for example {"comment": "Done"}',
            code="bad_body",
        ) from None
    return Given(fields)


def check_query(request: Request, known: tuple[str, ...]) -> None:
    """Raise Usage for a parameter of an address that is not known, or that is there twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known or names.count(name) > 1:
            hint = f"Use each once: {', '.join(known)}" if known else "Remove it"
            raise Usage(
                "The address has an unknown or repeated parameter.", hint=hint, code="unknown_parameter"
            )


def _check_fields(acting: Acting, asked: Asked, verb: str, given: Given) -> None:
    """Raise Invalid for a field that an act never reads, and that no form of it has now."""
    known = {field.name for field in acting.acts[verb].takes if not field.name.endswith(".N")}
    known |= {field.name for form in acting.forms(asked) if form.verb == verb for field in form.fields}
    if unknown := sorted(given.keys() - known):
        hint = f"Use: {', '.join(sorted(known)) or 'no field'}"
        raise Invalid(f'Unknown field "{unknown[0][:80]}".', hint=hint, code="unknown_field")
