"""The door of the room: what every request passes before it reaches a page.

It refuses another host name (DNS rebinding), a change that comes from another site, and a large body; it adds the headers
that keep a page alone. Cross-origin requests are judged by the browser's own headers, as Go's ``http.CrossOriginProtection``
does: no token has to be put into each form.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = ("GET", "HEAD")
LARGEST_FORM = 64 * 1024
"""Bytes of a form without a file."""
LARGEST_ALERT = 1024 * 1024
"""Bytes of a group of alerts."""
_API = "/api/"
_ALERTS = f"{_API}v1/alerts/"
LARGEST_UPLOAD = 25 * 1024 * 1024
"""Bytes of a form with a file."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
}
"""An answer's own header takes precedence."""
OVER_TLS: Mapping[str, str] = {**HEADERS, "strict-transport-security": "max-age=31536000"}
"""Those of a room that browsers reach over TLS alone."""


class Absent(Exception):
    """There is no such page for this reader."""


class Stranger(Absent):
    """Nobody is logged in; its argument is the request."""


def is_foreign(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether another site made a request, other than by a link that a person followed; lower-case names of headers."""
    site = headers.get("sec-fetch-site", "")
    if method in SAFE:  # a person may come by a link; a page of others may not ask in their name
        return site in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate"
    if site:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:  # an old browser that sends our cookie, or a program without one
        return "cookie" in headers
    return origin.partition("://")[2] != headers.get("host", "")


def _has_file(path: str) -> bool:
    """Tell whether the form of a path can have a file: an act of a page, and none of a program."""
    return "/act/" in path and not path.startswith(_API)


class Door:
    """Middleware in front of all routes."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str], *, secure: bool = False) -> None:
        """Take the application, the values of ``Host`` that it answers to, and whether it answers over TLS alone."""
        self._secure = secure
        self._headers = OVER_TLS if secure else HEADERS
        self._app = RequestBodyLimitMiddleware(app, LARGEST_FORM)
        self._uploads = RequestBodyLimitMiddleware(app, LARGEST_UPLOAD)
        self._alerts = RequestBodyLimitMiddleware(app, LARGEST_ALERT)
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                more = ((name.encode(), value.encode()) for name, value in self._headers.items())
                message["headers"] = [*message["headers"], *(pair for pair in more if pair[0] not in own)]
            await send(message)

        uploads = headers.get("content-type", "").startswith("multipart/form-data") and _has_file(
            scope["path"]
        )
        app: ASGIApp = self._uploads if uploads else self._app
        largest = LARGEST_UPLOAD if uploads else LARGEST_FORM
        if scope["path"].startswith(_ALERTS):
            app, largest = self._alerts, LARGEST_ALERT
        if headers.get("host") not in self._hosts:
            app = PlainTextResponse("This server does not answer to that name.\n", 421)
        elif self._secure and scope["scheme"] != "https":  # past the proxy
            app = PlainTextResponse("This server answers over TLS only.\n", 403)
        elif scope["method"] not in (*SAFE, "POST"):
            app = PlainTextResponse("This method is not used here.\n", 405, {"allow": "GET, HEAD, POST"})
        elif int(headers.get("content-length") or 0) > largest:  # before a handler that reads no body
            app = PlainTextResponse("The form is too large. Nothing changed.\n", 413)
        elif is_foreign(scope["method"], headers):
            app = PlainTextResponse("The request came from another site. Nothing changed.\n", 403)
        await app(scope, receive, sent)
