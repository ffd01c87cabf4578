"""A stand-in for an operator's SMSC that speaks SMPP, and the ways in which such a line breaks.

It keeps what was submitted, makes receipts, holds them until a receiver confirms them, and misbehaves by script.
``ROWS`` are the checks of ``conformance`` for adapters that speak SMPP.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import msgspec

from integrations.port import Accepted, NotSent, Rejected, Throttled, Unknown
from integrations.smpp import pdu
from integrations.testing.chaos import ChaosServer, Script, Talk
from integrations.testing.conformance import MARK, Row

SYSTEM_ID, PASSWORD = "tocsin", "made-up-pw"
BINDS = (pdu.BIND_RECEIVER, pdu.BIND_TRANSMITTER, pdu.BIND_TRANSCEIVER)
Act = bytes | int | Callable[[Talk], None]
"""What it does instead of its usual answer: octets, a status, or something worse."""


class Submitted(msgspec.Struct, frozen=True):
    """One ``submit_sm`` as it came."""

    source: tuple[int, int, str]
    recipient: tuple[int, int, str]
    esm_class: int
    validity: str
    registered: int
    coding: int
    octets: bytes
    name: str


class Smsc:
    """A context; ``binds`` and ``submits`` are scripts of acts, the usual answer when they are used up."""

    def __init__(self, *submits: Act | None, binds: tuple[Act, ...] = ()) -> None:
        """Follow the scripts in order; None is the usual answer."""
        self._submits, self._binds = list(submits), list(binds)
        self._server: ChaosServer | None = None
        self.port = 0
        self.bound: list[int] = []
        self.submitted: list[Submitted] = []
        self.waiting: list[bytes] = []
        """Bodies of ``deliver_sm`` that no receiver has confirmed."""
        self.answers: list[tuple[int, int]] = []
        """What we were answered: command and status."""

    def __enter__(self) -> Self:
        """Listen on a port of the loopback."""
        self._server = ChaosServer(self.converse).__enter__()
        self.port = self._server.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.__exit__(kind, error, trace)

    def rest(self) -> None:
        """Wait until each connection so far has ended: the last confirmation was heard."""
        if self._server is not None:
            self._server.rest()

    def converse(self, talk: Talk) -> None:
        """Follow one connection until it ends."""
        while (unit := hear(talk)) is not None:
            if unit.command in BINDS:
                act: Act | None = self._binds.pop(0) if self._binds else None
                self._answer(talk, unit, act, self._bind)
            elif unit.command == pdu.SUBMIT_SM:
                act = self._submits.pop(0) if self._submits else None
                self._answer(talk, unit, act, self._submit)
            elif unit.command in {pdu.UNBIND, pdu.ENQUIRE_LINK}:
                say(talk, unit.command | pdu.ANSWER, unit.sequence)
            else:
                self.answers.append((unit.command, unit.status))
                if unit.command == pdu.DELIVER_SM | pdu.ANSWER and unit.status == pdu.OK:
                    with contextlib.suppress(IndexError):
                        self.waiting.pop(0)

    def _answer(
        self, talk: Talk, unit: pdu.Pdu, act: Act | None, usual: Callable[[Talk, pdu.Pdu], None]
    ) -> None:
        match act:
            case None:
                usual(talk, unit)
            case bytes():
                talk.say(act)
            case int():
                say(talk, unit.command | pdu.ANSWER, unit.sequence, act)
            case _:
                talk.lines.append(pdu.pack(unit))
                act(talk)

    def _bind(self, talk: Talk, unit: pdu.Pdu) -> None:
        self.bound.append(unit.command)
        if not unit.body.startswith(f"{SYSTEM_ID}\0{PASSWORD}\0".encode()):
            say(talk, unit.command | pdu.ANSWER, unit.sequence, 0x0E)
            return
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"smsc\0")
        if unit.command != pdu.BIND_TRANSMITTER:
            for number, body in enumerate(self.waiting, 1000):
                say(talk, pdu.DELIVER_SM, number, 0, body)

    def _submit(self, talk: Talk, unit: pdu.Pdu) -> None:
        self.take(unit.body)
        say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, self.submitted[-1].name.encode() + b"\0")

    def take(self, body: bytes) -> None:
        """Keep one submission."""
        self.submitted.append(_submission(body, f"M{len(self.submitted) + 1}"))


def receipt(name: str, state: str = "DELIVRD", error: str = "000") -> bytes:
    """Return the body of a receipt in the suggested form."""
    text = (
        f"id:{name} sub:001 dlvrd:001 submit date:2611241402 done date:2611241403 stat:{state} err:{error}"
        f" text:{MARK[:20]}"
    )
    return delivery("15005550010", text.encode(), esm_class=pdu.RECEIPT)


def delivery(
    source: str, octets: bytes, *, esm_class: int = 0, coding: int = 0, extras: bytes = b""
) -> bytes:
    """Return the body of a ``deliver_sm``."""
    head = b"\0\x01\x01" + source.encode() + b"\0\x01\x0115005550006\0" + bytes([esm_class, 0, 0])
    return head + b"\0\0" + bytes([0, 0, coding, 0, len(octets)]) + octets + extras


def hear(talk: Talk) -> pdu.Pdu | None:
    """Return the next unit, or None when the other side has ended."""
    size = 16
    while True:
        if len(talk.heard) >= size:
            size = struct.unpack_from(">I", talk.heard)[0]
            if len(talk.heard) >= size:
                unit, talk.heard = talk.heard[:size], talk.heard[size:]
                return pdu.unpack(unit)
        if not talk.hear():
            return None


def say(talk: Talk, command: int, sequence: int, status: int = 0, body: bytes = b"") -> None:
    """Send one unit."""
    talk.say(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)


def _submission(body: bytes, name: str) -> Submitted:
    _, at = _text(body, 0)
    source, at = _address(body, at)
    recipient, at = _address(body, at)
    esm_class = body[at]
    _, at = _text(body, at + 3)
    validity, at = _text(body, at)
    registered, _, coding, _, size = body[at : at + 5]
    octets, extras = body[at + 5 : at + 5 + size], body[at + 5 + size :]
    if extras:
        tag, length = struct.unpack_from(">HH", extras)
        octets = extras[4 : 4 + length] if tag == 0x0424 else octets
    return Submitted(source, recipient, esm_class, validity, registered, coding, octets, name)


def _text(body: bytes, start: int) -> tuple[str, int]:
    end = body.index(b"\0", start)
    return body[start:end].decode(), end + 1


def _address(body: bytes, start: int) -> tuple[tuple[int, int, str], int]:
    text, end = _text(body, start + 2)
    return (body[start], body[start + 1], text), end


def _row(name: str, outcome: Any, *submits: Act, binds: tuple[Act, ...] = (), **more: Any) -> Row:
    """Return a row whose server is new for each run: a script is used up."""

    def script(talk: Talk) -> None:
        Smsc(*submits, binds=binds).converse(talk)

    return Row(name=name, transport="smpp", outcome=outcome, script=script, **more)


def _close(talk: Talk) -> None:
    talk.hang_up()


def _ask_first(talk: Talk) -> None:
    """Ask whether we live, bring a receipt, and answer only then."""
    unit = pdu.unpack(talk.lines[-1])
    say(talk, pdu.ENQUIRE_LINK, 77)
    say(talk, pdu.DELIVER_SM, 78, 0, receipt("M0"))
    hear(talk)
    hear(talk)
    say(talk, unit.command | pdu.ANSWER, unit.sequence, 0, b"M1\0")


def _says(content: bytes) -> Callable[[Talk], None]:
    def act(talk: Talk) -> None:
        talk.say(content)
        talk.hang_up()

    return act


def _another_sequence(talk: Talk) -> None:
    say(talk, pdu.SUBMIT_SM | pdu.ANSWER, 9999, 0, b"M9\0")
    talk.stay_silent()


def _nack(talk: Talk) -> None:
    say(talk, pdu.GENERIC_NACK, pdu.unpack(talk.lines[-1]).sequence, 0x03)


def _unnamed(talk: Talk) -> None:
    say(talk, pdu.SUBMIT_SM | pdu.ANSWER, pdu.unpack(talk.lines[-1]).sequence, 0, b"\0")


def _farewell(talk: Talk) -> None:
    say(talk, pdu.UNBIND, 5)


def _reset(talk: Talk) -> None:
    talk.reset()


_DRIP: Script = lambda talk: talk.drip(b"\0\0\x10\0" + b"y" * 1000)  # noqa: E731
_GARBAGE = b"\xff" * 64

ROWS: tuple[Row, ...] = (
    Row(name="connection refused", transport="smpp", outcome=NotSent, where="closed_port"),
    Row(name="unknown host", transport="smpp", outcome=NotSent, where="unknown_host"),
    Row(name="reset at accept", transport="smpp", outcome=NotSent, script=_reset),
    Row(
        name="TLS never answered",
        transport="smpp",
        outcome=NotSent,
        script=Talk.stay_silent,
        where="silent_tls",
    ),
    _row("bind never answered", NotSent, binds=(Talk.stay_silent,)),
    _row("drop at bind", NotSent, binds=(_close,)),
    _row("garbage at bind", NotSent, binds=(_GARBAGE,)),
    _row("bind that drips", NotSent, binds=(_DRIP,)),
    _row("wrong password", Rejected, binds=(0x0E,)),
    _row("throttled at bind", Throttled, binds=(0x58,)),
    _row("bound already", Throttled, binds=(0x05,)),
    _row("drop after the message", Unknown, _close),
    _row("reset after the message", Unknown, _reset),
    _row("message never answered", Unknown, Talk.stay_silent),
    _row("garbage after the message", Unknown, _GARBAGE),
    _row("answer cut", Unknown, _says(b"\0\0\0\x13\x80\0\0\x04\0\0")),
    _row("answer that drips", Unknown, _DRIP),
    _row("answer without a name", Unknown, _unnamed),
    _row("answer to another question", Unknown, _another_sequence),
    _row("farewell instead of an answer", Unknown, _farewell),
    _row("throttled", Throttled, 0x58),
    _row("queue full", Throttled, 0x14),
    _row("system error", Unknown, 0x08),
    _row("number refused", Rejected, 0x0B),
    _row("invalid message", Rejected, 0x01),
    _row("submission failed", Unknown, 0x45),
    _row("not understood", Rejected, _nack),
    _row("asked in between", Accepted, _ask_first, provider_id="M1"),
    _row("success", Accepted, provider_id="M1"),
)
