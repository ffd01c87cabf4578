"""The checks that every adapter passes: each failure of a connection, and its one allowed outcome.

The rows are the classification table of measured transport events. For each, a real socket on the loopback
misbehaves that way while the adapter sends; its outcome must be the row's, and neither the outcome nor the logs
meanwhile, down to DEBUG, may contain the address, the text or a secret. ``check`` returns the problem in words, or the empty string:

    @pytest.mark.parametrize("row", rows("http"), ids=str)
    def test_row(row):
        assert check(row, subject) == ""
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal

import msgspec

from integrations.port import (
    Accepted,
    Integration,
    Invitation,
    NewRoom,
    NotSent,
    Outbound,
    Outcome,
    Rejected,
    Secrets,
    Throttled,
    Timeouts,
    Unknown,
)
from integrations.testing.chaos import ChaosServer, Script, Talk, closed_port

Transport = Literal["http", "smtp", "smpp"]
Where = Literal["server", "closed_port", "unknown_host", "silent_tls"]
AT = datetime(2026, 11, 24, 14, 2, tzinfo=UTC)
MARK = "MARKER-TEXT-4711"
IMPATIENT = Timeouts(
    connect=timedelta(seconds=1),
    read=timedelta(seconds=1),
    after_body=timedelta(seconds=1),
    total=timedelta(seconds=3),
)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter under check, and its settings for a test server."""

    adapter: Integration
    transport: Transport
    settings: Callable[[str, int, bool], Any]
    """Takes host, port and whether TLS is used from the first byte."""
    recipient: str
    secrets: Mapping[str, Any] = {}
    success: bytes = b"{}"
    """The body of this provider's positive HTTP 200."""
    attempt: Callable[[Any, Secrets], Outcome] | None = None
    """The checked function, if not sending ``outbound``: opening a room, or inviting a person."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the table and the outcome that it allows."""

    name: str
    transport: Transport
    outcome: type[msgspec.Struct]
    or_else: type[msgspec.Struct] | None = None
    """Another correct outcome, if the event itself is a race."""
    script: Script | None = None
    """The server's behaviour; None for the subject's success."""
    where: Where = "server"
    retry_after: timedelta | None = None
    provider_id: str | None = None

    def __str__(self) -> str:  # type: ignore[explicit-override]
        """Return the event in words, as a test's name."""
        return f"{self.transport}: {self.name}"


def outbound(recipient: str, *, attempt: int = 1) -> Outbound:
    """Return the message of the checks: every part has a mark that no reason may repeat."""
    return Outbound(
        delivery="dlv-1",
        attempt=attempt,
        idempotency_key="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
        recipient=recipient,
        subject=f"{MARK} subject",
        text=f"{MARK} text\n.\n.. dots",
        marking=f"{MARK} marking",
        footer=f"{MARK} footer",
        at=AT,
        timeouts=IMPATIENT,
    )


def opening(adapter: Any) -> Callable[[Any, Secrets], Outcome]:
    """Return the attempt that opens a room, for the rows of HTTP; every part of it has the mark."""
    room = NewRoom(name=f"tocsin-{MARK.lower()}", title=f"{MARK} title", at=AT, timeouts=IMPATIENT)
    return lambda settings, secrets: adapter.open_room(room, settings, secrets)


def inviting(adapter: Any, room: str, recipient: str) -> Callable[[Any, Secrets], Outcome]:
    """Return the attempt that invites one person into a room, for the rows of HTTP."""
    invitation = Invitation(room=room, recipient=recipient, at=AT, timeouts=IMPATIENT)
    return lambda settings, secrets: adapter.invite(invitation, settings, secrets)


def rows(transport: Literal["http", "smtp"]) -> tuple[Row, ...]:
    """Return the rows for an adapter of this transport; those of SMPP are with its simulator, ``smsc``."""
    return HTTP if transport == "http" else SMTP


def check(row: Row, subject: Subject) -> str:
    """Run one row and return the problem of the outcome, or the empty string."""
    with _Overheard() as logged:
        outcome = _run(row, subject)
    if not isinstance(outcome, row.outcome) and (row.or_else is None or not isinstance(outcome, row.or_else)):
        return f"{row}: the outcome is {outcome!r}, not {row.outcome.__name__}"
    if leak := leaked(outcome, subject):
        return f"{row}: the outcome repeats {leak}"
    if leak := repeats("\n".join(logged.lines), subject):
        return f"{row}: a log repeats {leak}"
    if isinstance(outcome, Throttled) and outcome.retry_after != row.retry_after:
        return f"{row}: retry_after is {outcome.retry_after}, not {row.retry_after}"
    if isinstance(outcome, Accepted) and row.provider_id not in {None, outcome.provider_id}:
        return f"{row}: the provider's id is {outcome.provider_id!r}, not {row.provider_id!r}"
    return ""


def leaked(outcome: Outcome, subject: Subject) -> str:
    """Return the parts of the message, the address or the secrets that an outcome repeats, or the empty string."""
    return repeats(repr(outcome), subject)


def repeats(shown: str, subject: Subject) -> str:
    """Return the parts of the message, the address or the secrets that a text repeats, or the empty string."""
    if MARK in shown:
        return "the message"
    if subject.recipient in shown:
        return "the address"
    secrets: Secrets = subject.secrets
    return "a secret" if any(secret.reveal() in shown for secret in secrets.values()) else ""


class _Overheard(logging.Handler):
    """A context that captures all log records with tracebacks; other handlers get no further records."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._root = logging.getLogger()
        self._level = self._root.level

    def emit(self, record: logging.LogRecord) -> None:  # type: ignore[explicit-override]
        """Keep one line."""
        self.lines.append(self.format(record))

    def __enter__(self) -> _Overheard:
        self._root.addHandler(self)
        self._root.setLevel(logging.DEBUG)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._root.setLevel(self._level)
        self._root.removeHandler(self)


def _run(row: Row, subject: Subject) -> Outcome:
    if row.where == "closed_port":
        return _send(subject, "127.0.0.1", closed_port(), tls=False)
    if row.where == "unknown_host":
        return _send(subject, "nowhere.invalid", 9, tls=False)
    answered = answer("200 OK", "Content-Type: application/json", body=subject.success)
    script = row.script or _after_request(_says(answered))
    with ChaosServer(script) as server:
        return _send(subject, server.host, server.port, tls=row.where == "silent_tls")


def _send(subject: Subject, host: str, port: int, *, tls: bool) -> Outcome:
    settings = subject.settings(host, port, tls)
    if subject.attempt is not None:
        return subject.attempt(settings, subject.secrets)
    return subject.adapter.send(outbound(subject.recipient), settings, subject.secrets)


def _silent(talk: Talk) -> None:
    talk.hear()
    talk.stay_silent()


def _reset_at_once(talk: Talk) -> None:
    talk.reset()


def _after_request(act: Callable[[Talk], None]) -> Script:
    def script(talk: Talk) -> None:
        talk.hear_request()
        act(talk)

    return script


def _close(talk: Talk) -> None:
    return


def _says(content: bytes) -> Callable[[Talk], None]:
    return lambda talk: talk.say(content)


def answer(status: str, *headers: str, body: bytes = b"", connection: str = "close") -> bytes:
    """Return an HTTP answer with its length; it repeats the marks, as careless services do."""
    length = f"Content-Length: {len(body)}"
    lines = [f"HTTP/1.1 {status}", length, f"Connection: {connection}", f"X-Echo: {MARK}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _http(name: str, outcome: Any, act: Callable[[Talk], None], **more: Any) -> Row:
    return Row(name=name, transport="http", outcome=outcome, script=_after_request(act), **more)


_ECHO = b'{"error": "' + MARK.encode() + b'"}'

_THROTTLES: tuple[tuple[Any, ...], ...] = (
    ("429 in seconds", timedelta(seconds=7), "429 Too Many", "Retry-After: 7"),
    (
        *("429 with a date", timedelta(seconds=30), "429 Too Many"),
        *("Date: Tue, 24 Nov 2026 14:00:00 GMT", "Retry-After: Tue, 24 Nov 2026 14:00:30 GMT"),
    ),
    ("429 for an absurd time", timedelta(days=1), "429 Too Many", "Retry-After: 1000000000"),
    ("429 for a negative time", timedelta(0), "429 Too Many", "Retry-After: -5"),
    ("429 without a time", None, "429 Too Many"),
    ("503 with a time", timedelta(seconds=3), "503 Busy", "Retry-After: 3"),
)
"""Name, wait, status and headers of each answer that asks to retry later."""

HTTP: tuple[Row, ...] = (
    Row(name="connection refused", transport="http", outcome=NotSent, where="closed_port"),
    Row(name="unknown host", transport="http", outcome=NotSent, where="unknown_host"),
    # The reset may be seen while the connection is set up, which proves that nothing was sent, or later.
    Row(name="reset at accept", transport="http", outcome=Unknown, or_else=NotSent, script=_reset_at_once),
    _http("reset after the body", Unknown, Talk.reset),
    _http("closed after the body", Unknown, _close),
    _http("no answer", Unknown, Talk.stay_silent),
    Row(name="TLS never answered", transport="http", outcome=Unknown, script=_silent, where="silent_tls"),
    _http("answer cut in its headers", Unknown, _says(b"HTTP/1.1 200 OK\r\nContent-Ty")),
    _http("answer cut after its status", Unknown, _says(b"HTTP/1.1 200 OK\r\n")),
    _http("answer cut in its body", Unknown, _says(answer("200 OK", body=b'{"id": "abc"}')[:-4])),
    _http(
        "chunked answer cut",
        Unknown,
        _says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"),
    ),
    _http("garbage answer", Unknown, _says(b"\x16\x03\x01 what is this\r\n\r\n")),
    _http("answer without end", Unknown, _says(answer("200 OK", body=b"x" * 200_000))),
    _http("answer that drips", Unknown, lambda talk: talk.drip(answer("200 OK", body=b"y" * 1000))),
    *(
        _http(name, Throttled, _says(answer(status, *headers, body=_ECHO)), retry_after=wait)
        for name, wait, status, *headers in _THROTTLES
    ),
    _http("503 without a time", Unknown, _says(answer("503 Busy"))),
    _http("other 5xx", Unknown, _says(answer("500 Oops", body=_ECHO))),
    _http("4xx", Rejected, _says(answer("400 Bad", body=_ECHO))),
    _http("redirect", Rejected, _says(answer("302 Found", f"Location: http://127.0.0.1/{MARK}"))),
    Row(name="success", transport="http", outcome=Accepted),
)

Turn = bytes | Callable[[Talk], None]
"""An answer in bytes, or a failure."""


def smtp_script(**turns: Turn) -> Script:
    """Return a mail server that accepts, except at the named phases: greeting ehlo mail rcpt data dot."""

    def take(talk: Talk, turn: str, usual: bytes) -> bytes:
        """Return the answer; nothing if the conversation is over."""
        act = turns.get(turn, usual)
        if isinstance(act, bytes):
            talk.say(act)
            return act
        act(talk)
        return b""

    def script(talk: Talk) -> None:
        said = take(talk, "greeting", b"220 chaos ESMTP\r\n")
        while said:
            mark = b"\r\n.\r\n" if said.startswith(b"354") else b"\r\n"
            if not talk.hear_until(mark):
                return
            line, talk.heard = talk.heard.split(mark, 1)
            talk.lines.append(line)
            turn, usual = _TURNS[line[:4].upper()] if len(mark) == 2 else _DOT
            said = take(talk, turn, usual)

    return script


_DOT = ("dot", b"250 2.0.0 Ok: queued as 4bXyZ1\r\n")
_TURNS: dict[bytes, tuple[str, bytes]] = {
    b"EHLO": ("ehlo", b"250-chaos\r\n250-8BITMIME\r\n250 DSN\r\n"),
    b"MAIL": ("mail", b"250 2.1.0 Ok\r\n"),
    b"RCPT": ("rcpt", b"250 2.1.5 Ok\r\n"),
    b"DATA": ("data", b"354 go on\r\n"),
    b"RSET": ("rset", b"250 2.0.0 Ok\r\n"),
    b"QUIT": ("quit", b"221 2.0.0 Bye\r\n"),
}


def _smtp(name: str, outcome: Any, provider_id: str | None = None, **turns: Turn) -> Row:
    return Row(
        name=name, transport="smtp", outcome=outcome, script=smtp_script(**turns), provider_id=provider_id
    )


_ECHOED = f" <{MARK}> is not known here\r\n".encode()

SMTP: tuple[Row, ...] = (
    Row(name="connection refused", transport="smtp", outcome=NotSent, where="closed_port"),
    Row(name="unknown host", transport="smtp", outcome=NotSent, where="unknown_host"),
    Row(name="reset at accept", transport="smtp", outcome=NotSent, script=_reset_at_once),
    Row(name="TLS never answered", transport="smtp", outcome=NotSent, script=_silent, where="silent_tls"),
    _smtp("no greeting", NotSent, greeting=Talk.stay_silent),
    _smtp("garbage greeting", NotSent, greeting=b"\x16\x03\x01\r\n"),
    _smtp("greeting that drips", NotSent, greeting=lambda talk: talk.drip(b"220-wait\r\n" * 1000)),
    _smtp("busy greeting", Throttled, greeting=b"421 4.3.2" + _ECHOED),
    _smtp("refusing greeting", Rejected, greeting=b"554 5.7.1" + _ECHOED),
    _smtp("drop at MAIL", NotSent, mail=_close),
    _smtp("drop at RCPT", NotSent, rcpt=_close),
    _smtp("silence at RCPT", NotSent, rcpt=Talk.stay_silent),
    _smtp("reset at DATA", NotSent, data=Talk.reset),
    _smtp("unknown recipient", Rejected, rcpt=b"550 5.1.1" + _ECHOED),
    _smtp("greylisted recipient", Throttled, rcpt=b"450 4.2.0" + _ECHOED),
    _smtp("drop after the final dot", Unknown, dot=_close),
    _smtp("reset after the final dot", Unknown, dot=Talk.reset),
    _smtp("silence after the final dot", Unknown, dot=Talk.stay_silent),
    _smtp("garbage after the final dot", Unknown, dot=b"\x00\xff what\r\n"),
    _smtp("answer cut after the final dot", Unknown, dot=_says(b"250-2.0.0 O")),
    _smtp("421 after the final dot", Throttled, dot=b"421 4.4.2" + _ECHOED),
    _smtp("452 after the final dot", Throttled, dot=b"452 4.3.1" + _ECHOED),
    _smtp("554 after the final dot", Rejected, dot=b"554 5.7.1" + _ECHOED),
    _smtp("250 after the final dot", Accepted, provider_id="4bXyZ1"),
)
