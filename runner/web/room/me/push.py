"""Push to a person's browser: its forms, the page of a message that a notification opens, and the report that it was shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from runner.app.core.incident_service import IncidentService
from runner.app.messages import browser_push
from runner.app.messages.browser_push import OwnMessage
from runner.app.messages.inbound import Inbox
from runner.reports.core.formatting import screen_time
from runner.routing.inbound import Incoming
from runner.routing.messaging import proves
from runner.web.room import drawing
from runner.web.room.acts.forms import Given, without_factors
from runner.web.room.door import Absent
from runner.web.room.entrance import Entrance
from runner.web.room.entrance_page import KEY, Box, entrance_page

WORKER, SHOWN, TURN, MESSAGE = "/worker.js", "/push/shown", "/me/push", "/me/message/{delivery}"
"""The worker is at the top, because its place limits the pages that it may open."""


class PushPages:
    """Answers these requests."""

    def __init__(
        self,
        entrance: Entrance,
        service: Callable[[], IncidentService],
        inbox: Inbox,
        pooled: Callable[[Callable[[], Response]], Awaitable[Response]],
        after: Callable[[], None],
    ) -> None:
        """Take the entrance, whose pages and sessions these are, too; ``after`` is called when something was recorded."""
        self._entrance = entrance
        self._service = service
        self._inbox = inbox
        self._pooled = pooled
        self._after = after

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(WORKER, self._worker, methods=["GET"]),
            Route(SHOWN, self._report, methods=["POST"]),
            self._entrance.route(TURN, self._turn),
            self._entrance.route(MESSAGE, self._message),
        ]

    async def _worker(self, request: Request) -> Response:
        return Response(drawing.static_file("worker.js")[0], media_type="text/javascript")

    async def _report(self, request: Request) -> Response:
        """Take the report of a service worker. It proves itself by its mark; the answer to a wrong one is the same."""
        body = await request.body()
        return await self._pooled(partial(self._reported, dict(request.headers), body))

    def _reported(self, headers: dict[str, str], body: bytes) -> Response:
        service = self._service()
        incoming = Incoming(method="POST", path=SHOWN, headers=headers, body=body, at=service.clock.now())
        if browser_push.shown(service, self._inbox, incoming):
            self._after()
        return Response(status_code=204)

    def _turn(self, request: Request, given: Given) -> Response:
        """Turn push on or off for the owner of an account, who gives the factors again."""
        login = self._entrance.login(request)
        given, proof = without_factors(given)
        if not login.name:
            raise Absent
        if request.method != "POST":
            return RedirectResponse("/me", 303)
        if asks := self._entrance.confirm(request, login, given, proof):
            return asks
        browser_push.turn(self._service(), login.principal.person, given["channel"], given["address"])
        self._after()
        return RedirectResponse("/me", 303)

    def _message(self, request: Request, given: Given) -> Response:
        """Show a message to its recipient alone, and take the acknowledgement."""
        login, path = self._entrance.login(request), request.url.path
        person, name = login.principal.person, request.path_params["delivery"]
        found = browser_push.own_message(self._service(), person, name) if login.name else None
        if found is None:
            raise Absent
        if request.method == "POST":
            if given[KEY]:
                self._entrance.passkeys(request).prove(given[KEY], person)
            browser_push.answer(self._service(), found, passkey=bool(given[KEY]))
            self._after()
            return RedirectResponse(path, 303)
        codename, sent = found.incident.codename, found.incident.messages[found.delivery.message].at
        marking = f"{found.kind.confidentiality.upper()} · {codename} · sent {screen_time(sent, named=True)}"
        boxes: tuple[Box, ...] = (Box(label=f"Open {codename}", link=f"/i/{codename}"),)
        if found.open:
            keys = self._entrance.with_passkey(request, path, (), person)
            boxes = (Box(action=path, label="Acknowledge", quiet=bool(keys)), *boxes)
            boxes = (*(one._replace(label="Acknowledge with a passkey") for one in keys), *boxes)
        return entrance_page(found.title, boxes, texts=(marking, *_standing(found)), text=found.text)


def _standing(found: OwnMessage) -> tuple[str, ...]:
    """Return what is recorded of the person's answer."""
    acked = ("Your acknowledgement is recorded.",) if proves(found.delivery.evidence, "acked") else ()
    if not found.open or found.kind.goal != "authorised":
        return acked
    if not acked:
        return ("This message asks for your decision: acknowledge it with a passkey.",)
    return (
        *acked,
        "It authorises nothing: use a passkey.",
        "If you used one, your contact changed lately: ask the sender to verify it.",
    )
