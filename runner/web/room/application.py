"""The room as an application: from a request to the answer.

A page is made in a small pool of threads, each with a service of its own on the same store. What a person may not read
and what does not exist get the same answer, byte for byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from runner.app.core.incident_service import IncidentService
from runner.app.core.reader import Reader
from runner.app.home.workers import lacks_worker
from runner.app.people.logins import LONGEST, Login, Logins
from runner.base.states import MARKS
from runner.errors import UNREADABLE, NotFound, Refused, StoreError, TocsinError
from runner.incident.state.incident import Incident
from runner.reports.core.action_text import hint_text
from runner.reports.core.formatting import PEOPLE, READER, screen_time
from runner.reports.core.header import named_zone, without_worker, zone_of
from runner.web.room import drawing
from runner.web.room.acts import ACTS, perform, task_forms
from runner.web.room.door import Door
from runner.web.room.live import Signals, key_of
from runner.web.room.pages import Asked, refused_page
from runner.web.room.table import (
    ACT,
    BY_OPERATION,
    DOCUMENT,
    TABLE,
    Row,
    act_address,
    address,
    document_address,
)

THREADS = 4
"""Pages that are made at the same time."""
FILTERS = ("all", "why", "kind", "by", "search", "in")
"""What an address can choose on a page."""
FIELDS = 500
"""Most fields of a form."""
TYPES: Mapping[str, str] = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
"""Of the static files; a document is only bytes to save."""


class Failed(NamedTuple):
    """A form that could not be taken: nothing was recorded, and what was typed is kept."""

    verb: str
    message: str
    hint: str
    given: Mapping[str, str]


class Absent(Exception):
    """There is no such page for this reader."""


class Stranger(Absent):
    """Nobody is logged in."""


def _may(reader: Reader, row: Row, incident: Incident | None) -> bool:
    return row.right == "login" or reader.may(row.right, incident)


class Room:
    """Answers requests; safe for several threads."""

    def __init__(
        self,
        apart: Callable[[], IncidentService],
        logins: Logins,
        port: int,
        say: Callable[[str], None],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what makes a service for another thread, and the sessions.

        ``say`` receives lines without content; ``after`` is called when something was recorded.
        """
        self._say = say
        self._after = after
        self._apart = apart
        self._logins = logins
        self.cookie = f"tocsin-room-{port}"
        self._own = threading.local()
        self._pool = anyio.CapacityLimiter(THREADS)
        self.signals = Signals(self.service)

    def service(self) -> IncidentService:
        """Return the service of this thread."""
        if not hasattr(self._own, "service"):
            self._own.service, self._own.seen = self._apart(), ""
        found: IncidentService = self._own.service
        seen = found.changed()
        if seen != self._own.seen:  # somebody may have another role, or be new
            found.forget_directory()
            self._own.seen = seen
        return found

    def application(self, hosts: frozenset[str], more: Iterable[BaseRoute] = ()) -> Door:
        """Return the ASGI application with the pages and more routes."""
        routes: list[BaseRoute] = [
            Route(row.path, partial(self._page, row), methods=["GET"]) for row in TABLE
        ]
        routes += [
            Route(DOCUMENT, self._document, methods=["GET"]),
            Route(ACT, self._act, methods=["POST"]),
            Route("/enter/{link}", self._enter, methods=["GET", "POST"]),
            Route("/leave", self._leave, methods=["POST"]),
            Route("/live", self._live, methods=["GET"]),
            Route("/static/{digest}/{name}", self._static, methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
            *more,
        ]
        app = Starlette(
            routes=routes,
            lifespan=self._living,
            exception_handlers={404: self._not_found, 500: self._broken},
        )
        return Door(app, hosts)

    @contextlib.asynccontextmanager
    async def _living(self, app: Starlette) -> AsyncIterator[None]:
        feeding = asyncio.create_task(self.signals.feed())
        yield
        feeding.cancel()

    # --- pages --------------------------------------------------------------------------------------------

    async def _page(self, row: Row, request: Request) -> Response:
        return await self.in_pool(partial(self._answer, row, request))

    async def in_pool(self, made: Callable[[], Response]) -> Response:
        """Return an answer that is made in a thread."""
        return await anyio.to_thread.run_sync(made, limiter=self._pool)

    def _answer(self, row: Row, request: Request) -> Response:
        try:
            login = self.login(request)
            service = self.service()
            reader = service.read(login.principal)
            incident = self.readable(row, request, service, reader)
            return self._drawn(row, request, self.asked(request, service, reader, login, incident))
        except (Absent, TocsinError) as error:
            return self._failed(error)

    def login(self, request: Request) -> Login:
        """Return the session of a request; raises Stranger without one. A page that follows by itself keeps no session alive."""
        session = request.cookies.get(self.cookie, "")
        by_itself = request.query_params.get("part") == "live"
        login = self._logins.find(session, counts=not by_itself) if session else None
        if login is None:
            raise Stranger
        return login

    def _failed(self, error: Exception) -> Response:
        """Return the answer for an error: a stranger, an absent page, or what the service says."""
        match error:
            case Stranger():
                return self._plain_page(401, "You are not logged in", "Get a link: tocsin serve --link")
            case NotFound():
                return self._plain_page(404, error.message, hint_text(error))
            case StoreError():
                return self._plain_page(503, error.message, hint_text(error))
            case TocsinError():
                return self._plain_page(409, error.message, hint_text(error))
            case _:
                return self._absent()

    async def _act(self, request: Request) -> Response:
        body = (await request.body()).decode("utf-8", "replace")
        try:
            given = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS))
        except ValueError:
            return self._plain_page(400, "The form has too many fields", "Use the page again")
        return await self.in_pool(partial(self._acted, request, given))

    def _acted(self, request: Request, given: Mapping[str, str]) -> Response:
        """Do what a form says, and show its task again; after an error with the error and all that was typed."""
        row = BY_OPERATION["task"]
        try:
            login, service = self.login(request), self.service()
            reader, verb = service.read(login.principal), request.path_params["verb"]
            incident = self.readable(row, request, service, reader)
            if verb not in ACTS or incident is None or not reader.may(ACTS[verb].right, incident):
                raise Absent
            asked = self.asked(request, service, reader, login, incident)
            try:
                perform(asked, verb, given)
            except TocsinError as error:
                fresh = asked._replace(incident=reader.incident(incident.id))
                said = Failed(verb, error.message, hint_text(error), given)
                answer = self._drawn(row, request, fresh, said)
                answer.status_code = 412 if error.code == "changed_meanwhile" else 409
                return answer
        except (Absent, TocsinError) as error:
            return self._failed(error)
        self._after()
        return RedirectResponse(address(row, incident.codename, asked.ref), 303)

    def readable(
        self, row: Row, request: Request, service: IncidentService, reader: Reader
    ) -> Incident | None:
        """Return the incident of a page; raises Absent if it is unknown, or if the reader has no right to the page."""
        incident = None
        if row.about_incident:
            try:
                incident = reader.incident(service.find(request.path_params["incident"]))
            except (NotFound, Refused):
                raise Absent from None
            except UNREADABLE:  # erased or damaged: only who reads all incidents may know of it
                if not reader.may("incident.read"):
                    raise Absent from None
                raise
        if not _may(reader, row, incident):
            raise Absent
        return incident

    def asked(
        self,
        request: Request,
        service: IncidentService,
        reader: Reader,
        login: Login,
        incident: Incident | None,
    ) -> Asked:
        """Return the request for a handler; names and times are shown as at the command line from here on."""
        zone = named_zone(service.home.organisation.get("zone"))
        if incident is not None and "organisation.zone" in incident.facts:
            zone = zone_of(incident)
        READER.set(zone)
        PEOPLE.set(cache(lambda: {name: one.name for name, one in service.directory.people.items()}))
        now = service.clock.now() if incident is None else service.now_in(incident)
        ref = request.path_params.get("ref", "")
        # A page about no incident has a handler that does not look at it.
        about: Any = incident
        return Asked(service, reader, login.principal, now, about, ref, dict(request.query_params))

    def _drawn(self, row: Row, request: Request, asked: Asked, failed: Failed | None = None) -> Response:
        """Return a page, with the warning of the command line if no worker runs; after a failed form with what was typed."""
        reader, incident = asked.reader, asked.incident if row.about_incident else None
        shown = row.draw(asked)
        if incident is not None and lacks_worker(asked.service, incident):
            shown = shown._replace(page=without_worker(shown.page))
        mark, forms = task_forms(asked) if row.operation == "task" else ("", [])
        links = partial(self._link, reader, incident)
        drawn = drawing.draw(shown.page, links)
        codename = "" if incident is None else incident.codename
        who = asked.principal
        kept = [(name, value) for name, value in request.query_params.items() if name in FILTERS]
        other = [pair for pair in kept if pair[0] != "all"] + ([] if asked.everything else [("all", "1")])
        here = quote(request.scope["path"])
        text = drawing.render(
            "page.html",
            "live" if request.query_params.get("part") == "live" else "",
            title=row.title or row.operation.capitalize(),
            codename=codename,
            kind="" if incident is None or incident.kind == "real" else MARKS[incident.kind],
            drawn=drawn,
            text=shown.text,
            files=[(form, document_address(codename, shown.document, form)) for form in shown.files],
            home_links=self._navigation(reader, None),
            links=self._navigation(reader, incident) if incident is not None else [],
            here=row.operation,
            everything=asked.everything,
            person=who.person,
            proven=who.proven_by or "",
            os_user=who.os_user,
            now=screen_time(asked.service.clock.now(), named=True),
            open_incidents=sum(one.state in ("open", "paused") for one in reader.incidents()),
            key="" if incident is None else key_of(request.cookies[self.cookie], incident.id),
            fresh=row.fresh,
            form_mark=mark,
            forms=forms,
            failed=failed,
            act=lambda verb: act_address(codename, verb, asked.ref),
            fragment=f"{here}?{urlencode([*kept, ('part', 'live')])}",
            other=f"{here}?{urlencode(other)}",
        )
        return HTMLResponse(text)

    def _navigation(self, reader: Reader, incident: Incident | None) -> list[tuple[str, str, str]]:
        """Return operation, title and address of each page of lists that the reader may see."""
        return [
            (row.operation, row.title, address(row, incident.codename if incident else ""))
            for row in TABLE
            if row.title and row.about_incident == (incident is not None) and _may(reader, row, incident)
        ]

    def _link(self, reader: Reader, incident: Incident | None, about: str) -> str:
        """Return the address of a reference of a cell; empty if the reader has no such page."""
        about, _, query = about.partition("?")
        kind, _, ref = about.partition("/")
        row = BY_OPERATION.get(kind)
        if row is None or (ref.isupper() and kind != "incident"):  # a value to fill in is not a reference
            return ""
        if kind == "incident" and ref:
            return address(row, ref)
        if row.about_incident and incident is None:
            return ""
        if not _may(reader, row, incident if row.about_incident else None):
            return ""
        return address(row, incident.codename if incident else "", ref) + (f"?{query}" if query else "")

    async def _document(self, request: Request) -> Response:
        return await self.in_pool(partial(self._bytes, request))

    def _bytes(self, request: Request) -> Response:
        """Send a document of a notice: exactly the stored bytes, to be saved and not shown by the browser."""
        form = request.path_params["form"]
        try:
            service = self.service()
            reader = service.read(self.login(request).principal)
            incident = self.readable(BY_OPERATION["notice"], request, service, reader)
            if incident is None:
                raise Absent
            body = reader.document(incident, request.path_params["ref"], form)
        except NotFound:
            return self._absent()
        except (Absent, TocsinError) as error:
            return self._failed(error)
        name = f"{incident.codename}-{request.path_params['ref'].rpartition('/')[2]}.{form}"
        safe = "".join(one if one.isalnum() or one in "-._" else "_" for one in name)
        return Response(
            body,
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{safe}"'},
        )

    # --- the door -----------------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> Response:
        """Show the button of a one-time link; only the button uses the link up."""
        if request.method != "POST":
            return HTMLResponse(drawing.render("enter.html", title="Log in"))
        before = request.cookies.get(self.cookie, "")
        return await self.in_pool(partial(self._entered, request.path_params["link"], before))

    def _entered(self, link: str, before: str) -> Response:
        secret = self._logins.enter(link)
        if secret is None:
            return self._plain_page(
                401, "This link was used, or is older than 10 minutes", "Get another: tocsin serve --link"
            )
        if before:  # one browser has one session
            self._logins.end(before)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self.cookie, secret, max_age=int(LONGEST.total_seconds()), httponly=True, samesite="strict"
        )
        return answer

    async def _leave(self, request: Request) -> Response:
        session = request.cookies.get(self.cookie, "")
        await anyio.to_thread.run_sync(self._logins.end, session, limiter=self._pool)
        answer = self._plain_page(200, "You are logged out", "Get a link: tocsin serve --link")
        answer.delete_cookie(self.cookie, httponly=True, samesite="strict")
        answer.headers["clear-site-data"] = '"cache", "storage"'
        return answer

    async def _live(self, request: Request) -> Response:
        session = request.cookies.get(self.cookie, "")
        look = partial(self._logins.find, session, counts=False)
        login = await anyio.to_thread.run_sync(look, limiter=self._pool)
        if login is None:
            return PlainTextResponse("not logged in\n", 401)
        if request.method == "HEAD":
            return PlainTextResponse("")
        stream = self.signals.stream(session, login, lambda: look() is not None)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in drawing.STATIC or drawing.static_file(name)[1] != request.url.path:
            return self._absent()
        return Response(
            drawing.static_file(name)[0],
            headers={
                "content-type": TYPES[name.rpartition(".")[2]],
                "cache-control": "public, max-age=31536000, immutable",
            },
        )

    async def _health(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    # --- answers without a page ---------------------------------------------------------------------------

    async def _not_found(self, request: Request, error: Exception) -> Response:
        return self._absent()

    async def _broken(self, request: Request, error: Exception) -> Response:
        self._say(f"A page could not be made: internal error ({type(error).__name__})")
        return self._plain_page(
            500,
            "The page could not be made",
            "If you sent a form, look whether it was recorded before you repeat it: tocsin timeline",
        )

    def _absent(self) -> Response:
        return self._plain_page(
            404, "This page does not exist, or you may not read it", "Go back to the incidents"
        )

    def _plain_page(self, status: int, message: str, hint: str) -> Response:
        drawn = drawing.draw(refused_page(message, hint), lambda about: "")
        text = drawing.render("plain.html", title=message, drawn=drawn)
        return HTMLResponse(text, status)
