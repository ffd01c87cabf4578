"""HTTP client of all integrations: one request, and one outcome.

Redirects are not followed, proxies and ``.netrc`` of the environment are not read, cookies are not kept,
answers are bounded, every wait is explicit. ``transport`` decides what the transport's exceptions prove and do
not prove; this module decides the meaning of a status. Importing ``requests`` needs a quarter of a
second, so it is imported with the first request; ``json`` and ``email`` with the first answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from integrations.port import About, NotSent, Rejected, Throttled, Timeouts, Unknown

LONGEST_RETRY_AFTER = timedelta(days=1)
"""The longest accepted wait of a provider; the failover uses another channel much earlier."""

ACCOUNT_CODES = frozenset({401, 402, 403, 404, 405, 407, 410})
"""Statuses about the channel as a whole: credentials, address of the service, payment."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. ``hosts`` is the allow-list of ``host`` or ``host:port``; None if settings fix the URL."""

    method: str
    url: str
    at: datetime
    headers: Mapping[str, str] = {}
    body: bytes = b""
    timeouts: Timeouts = Timeouts()
    hosts: frozenset[str] | None = None
    ca_file: str = ""
    """PEM bundle to trust instead of the public authorities."""
    public: bool = False
    """Only public addresses may be called."""
    max_answer: int = 65_536
    """Bytes of the answer that are read; a longer answer is incomplete."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit URL, headers and body: any of them can contain a secret."""
        return f"Request(method={self.method!r})"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. ``complete`` only if its end was seen: a matching length, or the last chunk."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    complete: bool

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the provider's text: it may repeat the request."""
        return f"Reply(status={self.status}, complete={self.complete})"


def url_problem(url: str, hosts: frozenset[str] | None = None) -> str:
    """Return why this URL must not be called, or the empty string. The URL is not repeated: it may contain a secret.

    A host on the list may resolve to a private address (internal systems have such addresses). Loopback is
    allowed only if the host name itself is loopback, link-local addresses (cloud metadata) and multicast never:
    the transport checks the connected peer, so that a name cannot resolve differently in between.
    """
    if any(character in url for character in "\\ \t\r\n\0"):
        return "the URL has spaces, backslashes or control characters"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "the URL cannot be read"
    if parts.scheme not in {"http", "https"}:
        return "the URL is neither http nor https"
    if "@" in parts.netloc:
        return "the URL contains a user or a password: use a secret"
    if not host:
        return "the URL names no host"
    full = f"{host}:{port or (443 if parts.scheme == 'https' else 80)}"
    if hosts is not None and not {host, full} & {entry.lower() for entry in hosts}:
        return f"the host {host} is not on the allow-list"
    return ""


def exchange(request: Request) -> Reply | NotSent | Rejected | Unknown:
    """Make one request; every failure is a value. ``Rejected`` only for a URL that Tocsin's own rules forbid."""
    problem = url_problem(request.url, request.hosts)
    if problem:
        return Rejected("url", problem, about="account")
    from integrations.http.transport import exchange as over_the_wire

    return over_the_wire(request)


def judge(reply: Reply, at: datetime) -> Rejected | Throttled | Unknown | None:
    """Return the outcome of a status alone; None for a complete 2xx, which the adapter then reads."""
    status, code = reply.status, str(reply.status)
    if 200 <= status < 300:
        return None if reply.complete else Unknown("the response ended early", "answer")
    if status == 429 or (status == 503 and "retry-after" in reply.headers):
        return Throttled(retry_after(reply, at), f"the service answered {code}: retry later", code)
    if status == 425:
        return Throttled(None, f"the service answered {code}: retry later", code)
    if 300 <= status < 400:
        return Rejected(code, "the service has moved, and redirects are not followed", about="account")
    if status == 408 or not 400 <= status < 500:
        return Unknown(f"the service answered {code}: the outcome is unknown", "answer")
    about: About = "account" if status in ACCOUNT_CODES else "message"
    return Rejected(code, f"the service refused the request with {code}", about=about)


def retry_after(reply: Reply, at: datetime) -> timedelta | None:
    """Read ``Retry-After`` in seconds or as a date, or ``retry_after_ms`` of a JSON body; capped, never negative."""
    said = reply.headers.get("retry-after", "").strip()
    wait = _seconds(said) if said else None
    if wait is None and said:
        wait = _until(said, reply.headers.get("date", ""), at)
    if wait is None:
        wait = _milliseconds(reply.body)
    return None if wait is None else max(timedelta(0), min(wait, LONGEST_RETRY_AFTER))


def _seconds(said: str) -> timedelta | None:
    try:
        seconds = float(said)
    except ValueError:
        return None
    if seconds != seconds:  # NaN
        return None
    return timedelta(seconds=max(0.0, min(seconds, LONGEST_RETRY_AFTER.total_seconds())))


def _until(said: str, date: str, at: datetime) -> timedelta | None:
    """Count from the answer's own ``Date`` if it has one: the two clocks can differ."""
    from email.utils import parsedate_to_datetime

    try:
        then = parsedate_to_datetime(said)
        start = parsedate_to_datetime(date) if date else at
        return then - start
    except (ValueError, TypeError, OverflowError):
        return None


def _milliseconds(body: bytes) -> timedelta | None:
    match json_object(body).get("retry_after_ms"):
        case bool():
            return None
        case int() | float() as wait:
            # Limited before the division: JSON has numbers that no float can represent.
            return _seconds(str(max(0, min(wait, LONGEST_RETRY_AFTER // timedelta(milliseconds=1))) / 1000))
        case _:
            return None


def json_object(body: bytes) -> dict[str, object]:
    """Return the JSON object in an answer, or an empty one for anything else."""
    import json

    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
