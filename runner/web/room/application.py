"""The room as an application: from a request to the answer.

A page is made in a small pool of threads, each with a service of its own on the same store. What a person may not read
and what does not exist get the same answer, byte for byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from functools import partial
from time import perf_counter

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from runner.acts.asked import Asked, File, Upload
from runner.acts.shared_reports import SharedReports
from runner.app.campaigns.background import Senders
from runner.app.core.incident_service import IncidentService
from runner.app.core.reader import Reader
from runner.app.messages.inbound import Inbox
from runner.app.people.accounts import KeptBook, holds, is_closed, names_are_proved
from runner.app.people.logins import OIDC, TERMINAL, Login, Logins
from runner.errors import UNREADABLE, NotFound, Refused, StoreError, TocsinError
from runner.incident.state.incident import Incident
from runner.reports.people.accounts import break_glass_band
from runner.web.room import drawing
from runner.web.room.acts.forms import SURE, Given, foreseen, perform, what_was_seen, without_factors
from runner.web.room.acts.held_files import HeldFiles
from runner.web.room.acts.table import ACTING
from runner.web.room.door import LARGEST_FORM, Absent, Door, Stranger
from runner.web.room.entrance import Cookie, Entrance
from runner.web.room.entrance_page import PASSWORD, made_page
from runner.web.room.frame import Again, asked_of, codename_of, may_read, page, saved
from runner.web.room.live import Signals
from runner.web.room.me.push import PushPages
from runner.web.room.pages import refused_page
from runner.web.room.table import (
    ACT,
    BY_OPERATION,
    DOCUMENT,
    DOWNLOADS,
    INCIDENT_ACT,
    TABLE,
    Row,
    address,
    form_address,
    page_of_form,
)
from runner.web.room.ways_in import WaysIn

THREADS = 4
"""Pages that are made at the same time."""
HASHING, WAITING = 2, 8
"""Passwords that are checked at the same time, each with 64 MiB, and requests that wait for that."""
FIELDS, FILES = 500, 1
"""Most fields and files of a form."""
STALE = ("changed_meanwhile", "digest_changed", "notice_stale")
"""Codes of a form that was made from another state than the present one."""
TAKEN = "tocsin-taken"
"""A cookie for a minute: the address of the form that was taken."""
TYPES: Mapping[str, str] = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}
"""Of the static files; a document is only bytes to save."""


class Room:
    """Answers requests; safe for several threads."""

    def __init__(
        self,
        apart: Callable[[], IncidentService],
        logins: Logins,
        port: int,
        say: Callable[[str], None],
        after: Callable[[bool], None] = lambda opened: None,
        *,
        secure: bool = False,
    ) -> None:
        """Take what makes a service for another thread, and the sessions.

        ``secure``: browsers reach it over TLS alone, and only people with an account. ``say`` receives lines without content; ``after`` is called when something was recorded, with whether that opened an incident.
        """
        self._say = say
        self._after = after
        self._apart = apart
        self._logins = logins
        self.secure = secure
        self._cookie = "__Host-tocsin" if secure else f"tocsin-room-{port}"
        self._own = threading.local()
        self._reports, self._files = SharedReports(), HeldFiles()
        self.senders = Senders(apart, say)
        self._pool, self._hashing = anyio.CapacityLimiter(THREADS), anyio.CapacityLimiter(HASHING)
        self._passwords = 0
        self._session = Cookie(self._cookie, secure)
        self._entrance = Entrance(
            self.service, logins, self._session, self._login, self._in_pool, self._failed
        )
        self._ways = WaysIn(self._entrance, self.service, logins, self._session, self._failed)
        self._push = PushPages(
            self._entrance, self.service, Inbox(apart()), self._in_pool, lambda: self._after(False)
        )
        self.signals = Signals(self.service, self._alive)

    def service(self) -> IncidentService:
        """Return the service of this thread."""
        if not hasattr(self._own, "service"):
            self._own.service, self._own.seen, self._own.book = self._apart(), "", KeptBook()
        found: IncidentService = self._own.service
        seen = found.changed()
        if seen != self._own.seen:  # somebody may have another role, or be new
            found.forget_directory()
            self._own.seen = seen
            if found.home.identity.provider is not None and is_closed(found):
                self._logins.end_by(OIDC)
        return found

    def application(self, hosts: frozenset[str], more: Iterable[BaseRoute] = ()) -> Door:
        """Return the ASGI application with the pages and more routes."""
        routes: list[BaseRoute] = [
            Route(row.path, partial(self._page, row), methods=["GET"]) for row in TABLE
        ]
        routes += [
            *(
                Route(path, partial(self._file, BY_OPERATION[operation], make), methods=["GET"])
                for operation, (path, make) in DOWNLOADS.items()
            ),
            Route(DOCUMENT, self._document, methods=["GET"]),
            Route(ACT, self._act, methods=["POST"]),
            Route(INCIDENT_ACT, self._act, methods=["POST"]),
            Route("/enter/{link}", self._enter, methods=["GET", "POST"]),
            Route("/leave", self._leave, methods=["POST"]),
            Route("/live", self._live, methods=["GET"]),
            Route("/made/{reference}", self._made_file, methods=["GET"]),
            Route("/static/{digest}/{name}", self._static, methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
            *self._entrance.routes(),
            *self._ways.routes(),
            *self._push.routes(),
            *more,
        ]
        app = Starlette(
            routes=routes,
            lifespan=self._living,
            exception_handlers={404: self._not_found, 500: self._broken},
        )
        return Door(app, hosts, secure=self.secure)

    @contextlib.asynccontextmanager
    async def _living(self, app: Starlette) -> AsyncIterator[None]:
        feeding = asyncio.create_task(self.signals.feed())
        yield
        feeding.cancel()

    # --- pages --------------------------------------------------------------------------------------------

    async def _page(self, row: Row, request: Request) -> Response:
        return await self._in_pool(partial(self._timed, row, request))

    def _timed(self, row: Row, request: Request) -> Response:
        began = perf_counter()
        answer = self._answer(row, request)
        answer.headers["server-timing"] = f"page;dur={(perf_counter() - began) * 1000:.1f}"
        return answer

    async def _in_pool(self, made: Callable[[], Response], *, hashes: bool = False) -> Response:
        """Run work in a thread. Passwords wait in a short queue of their own: who logs in must not stop the pages."""
        if not hashes:
            return await anyio.to_thread.run_sync(made, limiter=self._pool)
        if self._passwords >= HASHING + WAITING:
            answer = self._plain_page(
                503, "Many people log in at this moment. Nothing was done", "Try again in some seconds"
            )
            answer.headers["retry-after"] = "5"
            return answer
        self._passwords += (
            1  # the limiter counts a request only when it waits, so it misses those of the same moment
        )
        try:
            return await anyio.to_thread.run_sync(made, limiter=self._hashing)
        finally:
            self._passwords -= 1

    def _answer(self, row: Row, request: Request) -> Response:
        try:
            login, service = self._login(request), self.service()
            incident = self._readable(row, request, service, service.read(login.principal))
            return self._drawn(row, request, self._asked(request, service, login, incident))
        except (Absent, TocsinError) as error:
            return self._failed(error)

    def _login(self, request: Request) -> Login:
        """Return the session of a request; raises Stranger without one. A page that follows by itself keeps no session alive."""
        session = request.cookies.get(self._cookie, "")
        by_itself = request.url.path == "/live" or request.query_params.get("part") == "live"
        login = self._logins.find(session, counts=not by_itself) if session else None
        if login is None or not self._is_for_browsers(login) or not self._holds(login):
            raise Stranger(request)
        return login

    def _holds(self, login: Login) -> bool:
        """Tell whether the account of a session still holds it."""
        service = self.service()
        book: KeptBook = self._own.book
        return holds(service, book.read(service), login)

    def _alive(self, secrets: Collection[str]) -> set[str]:
        """Return the secrets of open pages whose sessions go on: by time, and by their accounts."""
        found = self._logins.alive(secrets)
        return {secret for secret, login in found.items() if self._holds(login)}

    def _is_for_browsers(self, login: Login) -> bool:
        """Tell whether a session is one of a browser: what a user of this machine may do stays on this machine."""
        here = login.place.startswith(TERMINAL) or (
            self.secure and (not login.name or bool(login.principal.os_user))
        )
        return not here

    def _failed(self, error: Exception) -> Response:
        """Return the answer for an error: a stranger, an absent page, or what the service says."""
        match error:
            case Stranger() if names_are_proved(self.service()):
                asked = error.args[0]
                place = asked.url.path if asked.method == "GET" else page_of_form(asked.path_params)
                return self._entrance.ask(asked, place)
            case Stranger():
                return self._plain_page(401, "You are not logged in", "Get a link: tocsin serve --link")
            case TocsinError():
                status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, StoreError) else 409
                return self._plain_page(status, *drawing.error_words(error))
            case _:
                return self._absent()

    async def _act(self, request: Request) -> Response:
        if stranger := await anyio.to_thread.run_sync(self._refused, request, limiter=self._pool):
            return stranger
        try:
            async with request.form(max_files=FILES, max_fields=FIELDS, max_part_size=LARGEST_FORM) as form:
                fields = {name: value for name, value in form.items() if isinstance(value, str)}
                files = {
                    name: Upload(value.filename or "", await value.read())
                    for name, value in form.items()
                    if not isinstance(value, str) and value.size
                }
        except HTTPException:
            return self._plain_page(400, "The form cannot be read. Nothing changed", "Use the page again")
        acted = partial(self._acted, request, Given(fields, files))
        return self._session.renew(request, await self._in_pool(acted, hashes=bool(fields.get(PASSWORD))))

    def _refused(self, request: Request) -> Response | None:
        """Return the answer for a stranger, whose form is not read; None for a person who is logged in."""
        try:
            self._login(request)
        except (Absent, TocsinError) as error:
            return self._failed(error)
        return None

    def _acted(self, request: Request, given: Given) -> Response:
        """Do what a form says, and go on to the next page; after an error its page with the error and all that was typed."""
        given, proof = without_factors(given)
        verb, operation = request.path_params["verb"], request.path_params["operation"]
        row, acting = BY_OPERATION.get(operation), ACTING.get(operation)
        try:
            login, service = self._login(request), self.service()  # a slow form can outlive its session
            reader = service.read(login.principal)
            if row is None or acting is None or verb not in acting.acts:
                raise Absent
            if row.about_incident != ("incident" in request.path_params):
                raise Absent
            incident = self._readable(row, request, service, reader)
            if not reader.may(acting.acts[verb].right, incident):
                raise Absent
            asked = self._asked(request, service, login, incident)
            owner, now = f"{login.principal.person}/{login.name}", service.clock.now()
            form_page = address(row, codename_of(incident), asked.ref)
            try:
                given = self._files.hold(owner, given, now)
                given, preview = foreseen(acting, asked, verb, given)
                if preview is not None and given[SURE] != what_was_seen(given, preview):
                    words = "What will happen is not what you saw before. Nothing was recorded."
                    again = Again(verb, given, words if given[SURE] else "", preview=preview)
                    return self._drawn(row, request, asked, again)
                if acting.acts[verb].bound and (asks := self._entrance.confirm(request, login, given, proof)):
                    return asks
                onward = perform(acting, asked, verb, given)
                self._files.drop(given)
                if isinstance(onward, File):
                    # The page that asked for factors would stay on the screen and say that nothing was done.
                    made = self._files.made(owner, onward, now) if proof else ""
                    answer = made_page(onward.name, f"/made/{made}", form_page) if made else saved(onward)
                    return self._taken(request, answer)
                if acting.acts[verb].shows:
                    again = Again("", Given({}), onward or "", "It is shown only now.", done=True)
                    return self._taken(request, self._drawn(row, request, asked, again))
            except TocsinError as error:
                fresh = self._asked(request, service, login, self._readable(row, request, service, reader))
                again = Again(verb, given, error.message, drawing.page_hint(error), error.problems)
                answer = self._drawn(row, request, fresh, again)
                answer.status_code = 412 if error.code in STALE else 409
                return answer
        except (Absent, TocsinError) as error:
            return self._failed(error)
        self._after(acting.acts[verb].opens)
        answer = RedirectResponse(onward or form_page, 303)
        return self._taken(request, answer)

    def _taken(self, request: Request, answer: Response) -> Response:
        """Say in an answer which form was taken, so that the browser deletes its draft of the form, and no other draft."""
        answer.set_cookie(
            TAKEN, form_address(request.path_params), max_age=60, samesite="strict", secure=self.secure
        )
        return answer

    def _readable(
        self, row: Row, request: Request, service: IncidentService, reader: Reader
    ) -> Incident | None:
        """Return the incident of a page; raises Absent if it is unknown, or if the reader has no right to the page."""
        incident = None
        if row.about_incident:
            try:
                name = service.find(request.path_params["incident"])
                incident = reader.incident(name, own=row.own is not None)
            except (NotFound, Refused):
                raise Absent from None
            except UNREADABLE:  # erased or damaged: only who reads all incidents may know of it
                if not reader.may("incident.read"):
                    raise Absent from None
                raise
        if not may_read(reader, row, incident, request.path_params.get("ref", "")):
            raise Absent
        return incident

    def _asked(
        self, request: Request, service: IncidentService, login: Login, incident: Incident | None
    ) -> Asked:
        ref = request.path_params.get("ref", "")
        return asked_of(
            service, login.principal, incident, ref, request.query_params, self._reports, self.senders
        )

    def _drawn(self, row: Row, request: Request, asked: Asked, again: Again | None = None) -> Response:
        path = address(row, codename_of(asked.incident), asked.ref)
        sealed = self._own.book.read(asked.service).break_glass
        band = break_glass_band(sealed, asked.service.clock.now())
        return HTMLResponse(page(row, path, request.cookies[self._cookie], asked, again, band))

    async def _file(self, row: Row, make: Callable[[Asked], File], request: Request) -> Response:
        return await self._in_pool(partial(self._made, row, make, request))

    def _made(self, row: Row, make: Callable[[Asked], File], request: Request) -> Response:
        """Send a file of a page to whoever has the page, to be saved and not shown by the browser."""
        try:
            login, service = self._login(request), self.service()
            incident = self._readable(row, request, service, service.read(login.principal))
            found = make(self._asked(request, service, login, incident))
        except (Absent, TocsinError) as error:
            return self._failed(error)
        return saved(found)

    async def _made_file(self, request: Request) -> Response:
        return await self._in_pool(partial(self._take_made, request))

    def _take_made(self, request: Request) -> Response:
        """Send a file that was made for a person after the factors, once."""
        try:
            login = self._login(request)
        except (Absent, TocsinError) as error:
            return self._failed(error)
        file = self._files.take(f"{login.principal.person}/{login.name}", request.path_params["reference"])
        return self._absent() if file is None else saved(file)

    async def _document(self, request: Request) -> Response:
        return await self._in_pool(partial(self._bytes, request))

    def _bytes(self, request: Request) -> Response:
        """Send a document of a notice: exactly the stored bytes, to be saved and not shown by the browser."""
        form = request.path_params["form"]
        try:
            service = self.service()
            reader = service.read(self._login(request).principal)
            incident = self._readable(BY_OPERATION["notice"], request, service, reader)
            if incident is None:
                raise Absent
            body = reader.document(incident, request.path_params["ref"], form)
        except NotFound:
            return self._absent()
        except (Absent, TocsinError) as error:
            return self._failed(error)
        name = f"{incident.codename}-{request.path_params['ref'].rpartition('/')[2]}.{form}"
        return saved(File(name, body))

    # --- the door -----------------------------------------------------------------------------------------

    async def _enter(self, request: Request) -> Response:
        """Show the button of a one-time link; only the button uses the link up. From other machines, people need an account."""
        if self.secure:
            return self._absent()
        if request.method != "POST":
            return HTMLResponse(drawing.render("enter.html", title="Log in"))
        before = request.cookies.get(self._cookie, "")
        return await self._in_pool(partial(self._entered, request.path_params["link"], before))

    def _entered(self, link: str, before: str) -> Response:
        secret = self._logins.enter(link)
        if secret is None:
            return self._plain_page(
                401, "This link was used, or is older than 10 minutes", "Get another: tocsin serve --link"
            )
        if before:  # one browser has one session
            self._logins.end(before)
        answer = RedirectResponse("/", 303)
        self._session.put(answer, secret)
        return answer

    async def _leave(self, request: Request) -> Response:
        return await self._in_pool(partial(self._left, request.cookies.get(self._cookie, "")))

    def _left(self, session: str) -> Response:
        self._logins.end(session)
        again = "Get a link: tocsin serve --link"
        if names_are_proved(self.service()):
            again = "With an account, log in on the first page" + ("" if self.secure else f". {again}")
        answer = self._plain_page(200, "You are logged out", again, left=True)
        self._session.drop(answer)
        # Not "storage": that would end push in this browser. The script of the page removes the drafts.
        answer.headers["clear-site-data"] = '"cache"'
        return answer

    async def _live(self, request: Request) -> Response:
        try:
            login = await anyio.to_thread.run_sync(partial(self._login, request), limiter=self._pool)
        except Stranger:
            return PlainTextResponse("not logged in\n", 401)
        if request.method == "HEAD":
            return PlainTextResponse("")
        stream = self.signals.stream(request.cookies[self._cookie], login)
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

    def _plain_page(self, status: int, message: str, hint: str, *, left: bool = False) -> Response:
        drawn = drawing.draw(refused_page(message, hint), lambda about: "")
        text = drawing.render("plain.html", title=message, drawn=drawn, left=left)
        return HTMLResponse(text, status)
