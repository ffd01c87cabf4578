"""Health of the room for monitoring: ``/readyz``, ``/metrics``, and one line of log and one span for each request.

Nothing here has a codename, a person, a law, an address or a path.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_address

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.app.core.identifiers import SystemClock, new_secret
from runner.app.home.figures import HELP, Figure, figures, unready
from runner.app.people import tokens
from runner.errors import StoreError
from runner.web.room import problems
from runner.web.room.application import Room

PREFIX = "tocsin_"
HTTP = {
    "http_requests_total": "Requests by operation and status.",
    "http_seconds_sum": "Seconds that answers took, by operation.",
    "http_seconds_count": "Answers, by operation.",
    "live_streams": "Open pages that follow changes.",
}
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""With one of these a request came through a proxy, from an unknown place. In a room behind a proxy nothing is local."""


class Watch:
    """Counts the requests of an application, and writes a line about each."""

    def __init__(self, app: ASGIApp, say: Callable[[str], None] | None = None) -> None:
        """Take the application; ``say`` receives the lines."""
        self._app = app
        self._say = say
        self._span = _spans()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.seconds: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, name = time.perf_counter(), 500, new_secret()[:12]

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            took, operation = time.perf_counter() - begun, _operation(scope)
            self.requests[operation, status] += 1
            if operation != "live":
                self.seconds[operation] += took  # type: ignore[assignment]
            if self._span is not None:
                self._span(operation, scope["method"], status, took)
            if self._say is not None:
                self._say(
                    json.dumps(
                        {
                            "request": name,
                            "method": scope["method"]
                            if scope["method"] in ("GET", "HEAD", "POST")
                            else "other",
                            "operation": operation,
                            "status": status,
                            "ms": round(took * 1000),
                            "by": _proof(scope),
                        }
                    )
                )

    def figures(self) -> Iterable[Figure]:
        """Return the figures of this process."""
        requests = dict(self.requests)  # the loop goes on counting
        for (operation, status), number in sorted(requests.items()):
            yield Figure("http_requests_total", number, (("operation", operation), ("status", str(status))))
        for operation, total in sorted(dict(self.seconds).items()):
            count = sum(number for (one, _), number in requests.items() if one == operation)
            yield Figure("http_seconds_sum", total, (("operation", operation),))
            yield Figure("http_seconds_count", count, (("operation", operation),))


def _spans() -> Callable[[str, str, int, float], None] | None:
    """Return what reports a request to OpenTelemetry; None unless a program of the organisation installed it.

    Starlette's own middleware reports the path and the query, which name incidents and people.
    """
    if find_spec("opentelemetry") is None:
        return None
    from opentelemetry.trace import SpanKind, StatusCode, get_tracer

    tracer, clock = get_tracer("tocsin"), SystemClock()

    def report(operation: str, method: str, status: int, seconds: float) -> None:
        now = int(clock.now().timestamp() * 1e9)
        about: dict[str, str | int] = {
            "http.request.method": method if method in ("GET", "HEAD", "POST") else "_OTHER",
            "http.response.status_code": status,
        }
        begun = now - int(seconds * 1e9)
        span = tracer.start_span(operation, kind=SpanKind.SERVER, attributes=about, start_time=begun)
        if status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(now)

    return report


def _operation(scope: Scope) -> str:
    """Return the name of what a request asked for: that of its row or of its handler; never a part of its address."""
    endpoint = scope.get("endpoint")
    if isinstance(endpoint, partial):
        return str(endpoint.args[0].operation)
    return str(getattr(endpoint, "__name__", "none")).strip("_")


def _proof(scope: Scope) -> str:
    names = {name for name, _ in scope["headers"]}
    return "token" if b"authorization" in names else "session" if b"cookie" in names else "nobody"


class Health:
    """The addresses for monitoring."""

    def __init__(self, room: Room) -> None:
        """Take the room, whose state they tell."""
        self._room = room
        self.watch: Watch | None = None

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/readyz", self._ready, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
        ]

    async def _ready(self, request: Request) -> Response:
        return await self._room._in_pool(self._readiness)

    def _readiness(self) -> Response:
        """Tell by codes what prevents work; 503 if anything does."""
        try:
            codes = unready(self._room.service())
        except StoreError as error:
            codes = (error.code,)
        body = msgspec.json.encode({"ready": not codes, "problems": codes})
        return Response(body, 503 if codes else 200, media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        return await self._room._in_pool(partial(self._figures, request))

    def _figures(self, request: Request) -> Response:
        try:
            service = self._room.service()
            given = request.headers.get("authorization", "")
            if given:
                principal = tokens.find(service, given.removeprefix("Bearer ").strip())
                if principal is None:
                    return problems.stranger()
                if not service.read(principal).may("metrics.read"):
                    return problems.absent()
            elif self._room.secure or not _is_local(request):
                return problems.absent()
            found = [*figures(service), *(self.watch.figures() if self.watch else ())]
        except StoreError:
            found = [Figure("store_writable", 0)]
        found.append(Figure("live_streams", self._room.signals.open))
        return PlainTextResponse(exposition(found), media_type="text/plain; version=0.0.4; charset=utf-8")


def _is_local(request: Request) -> bool:
    """Tell whether a request comes from this machine, and through no proxy."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    return ip_address(request.client.host).is_loopback


def exposition(found: Iterable[Figure]) -> str:
    """Return figures in the text format of Prometheus."""
    lines: dict[str, list[str]] = {}
    for one in found:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in one.labels)
        around = f"{{{labels}}}" if labels else ""
        lines.setdefault(one.name, []).append(f"{PREFIX}{one.name}{around} {float(one.value):g}")
    written = []
    for name, rows in lines.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        written += [f"# HELP {PREFIX}{name} {(HELP | HTTP)[name]}", f"# TYPE {PREFIX}{name} {kind}", *rows]
    return "\n".join(written) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
