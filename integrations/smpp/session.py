"""One connection to the SMSC, phase by phase. Import it late: ``ssl`` is slow to import.

The phase is the evidence, as with email: before the first octet of a submission nothing was sent,
afterwards only the SMSC's answer settles the outcome. Both sides can send requests at any time, so every request
during a wait is answered: a keep-alive, a receipt (deferred, when only sending), an unbind.

A ``deliver_sm`` is a receipt of an earlier message, or a person's reply.

A receipt has optional parameters, or a text whose form SMPP only suggests (appendix B); both are read, the
parameters first. Only the state ``DELIVRD`` proves delivery; for a long message it proves delivery of one part.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from integrations import alphabet
from integrations.http.cutoff import CutOff
from integrations.port import (
    Accepted,
    Answer,
    NotSent,
    Outbound,
    Outcome,
    Receipt,
    Rejected,
    Secrets,
    Timeouts,
    Took,
    Unknown,
    fitted,
    named,
    narrow_body,
    phone_problem,
)
from integrations.smpp import LONGEST_TEXT, Settings, pdu, sender_problem
from integrations.smpp.pdu import at_bind, at_submission


class Ended(Exception):
    """The conversation ended early, with this outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(repr=False)
class _Line:
    """One connection: its timeouts, the number of the last request, and its phase."""

    timeouts: Timeouts
    cut: CutOff
    phase: str = "connect"
    sequence: int = 0
    connection: socket.socket | None = None
    heard: bytes = b""
    """Received octets of an incomplete unit: a timeout must not lose them."""
    until: float = math.inf
    """When the next answer is late, by the monotonic clock: keep-alives do not put it off."""

    def open(self, settings: Settings) -> None:
        """Connect under the cut-off, and start TLS."""
        wait = self.timeouts.connect.total_seconds()
        self.connection = socket.create_connection((settings.host, settings.port), timeout=wait)
        self.cut.watch(self.connection)
        if settings.line == "tls":
            context = ssl.create_default_context(cafile=settings.ca_file or None)
            self.connection = context.wrap_socket(self.connection, server_hostname=settings.host)
        self.connection.settimeout(self.timeouts.read.total_seconds())

    def close(self) -> None:
        """Unbind if that needs no wait, and close."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.say(pdu.Pdu(pdu.UNBIND, self.sequence + 1))
            self.connection.close()

    def say(self, unit: pdu.Pdu) -> None:
        """Send one unit."""
        if self.connection is None:
            raise OSError("not connected")
        self.connection.sendall(pdu.pack(unit))

    def hear(self) -> pdu.Pdu:
        """Return the next unit; ``OSError`` if the connection ends, ``ValueError`` if the unit is invalid."""
        self._fill(pdu.HEADER.size)
        total = pdu.HEADER.size + pdu.length(self.heard[: pdu.HEADER.size])
        self._fill(total)
        unit, self.heard = self.heard[:total], self.heard[total:]
        return pdu.unpack(unit)

    def _fill(self, size: int) -> None:
        if self.connection is None:
            raise OSError("not connected")
        while len(self.heard) < size:
            if time.monotonic() > self.until:
                raise TimeoutError("no answer")
            part = self.connection.recv(size - len(self.heard))
            if not part:
                raise ConnectionError("the other side ended")
            self.heard += part

    def ask(self, command: int, body: bytes = b"") -> pdu.Pdu:
        """Send a request and return its answer; other requests meanwhile are answered and dropped."""
        self.sequence += 1
        self.say(pdu.Pdu(command, self.sequence, body=body))
        self.expect()
        for unit in self.units():
            if unit.sequence == self.sequence and unit.command in {command | pdu.ANSWER, pdu.GENERIC_NACK}:
                self.until = math.inf
                return unit
            if unit.command == pdu.DELIVER_SM:
                self.refuse(unit)
        raise ConnectionError("the other side ended")

    def expect(self) -> None:
        """Start the time of the next answer."""
        wait = self.connection.gettimeout() if self.connection is not None else None
        self.until = math.inf if wait is None else time.monotonic() + wait

    def refuse(self, unit: pdu.Pdu) -> None:
        """Refuse a receipt or reply that cannot be stored here: the SMSC repeats it to a collector."""
        self.answer(unit, pdu.TEMPORARY, b"\0")

    def answer(self, unit: pdu.Pdu, status: int = pdu.OK, body: bytes = b"") -> None:
        """Answer a request of the SMSC."""
        self.say(pdu.Pdu(unit.command | pdu.ANSWER, unit.sequence, status, body))

    def units(self) -> Iterator[pdu.Pdu]:
        """Yield received units except keep-alives; end with the SMSC's unbind."""
        while True:
            unit = self.hear()
            if unit.command == pdu.ENQUIRE_LINK:
                self.answer(unit)
            elif unit.command == pdu.UNBIND:
                self.answer(unit)
                return
            elif unit.command & pdu.ANSWER or unit.command == pdu.DELIVER_SM:
                yield unit
            else:
                self.say(pdu.Pdu(pdu.GENERIC_NACK, unit.sequence, pdu.INVALID_COMMAND))


def transact(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Submit one message over its own connection and return its outcome."""
    line = SmppLine(settings, secrets)
    try:
        return line.send((outbound,))[0]
    finally:
        line.close()


class SmppLine:
    """One bind for many messages; it is opened for the first batch, and again after a loss.

    Up to ``window`` messages wait for an answer at the same time. A message has one part in transit at most: if
    a part is refused, no later part of it is sent. A loss leaves begun messages unknown, and others not sent.
    """

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        """Store the settings; nothing is connected yet."""
        self._settings, self._secrets = settings, secrets
        self._line: _Line | None = None

    def send(self, outbounds: Sequence[Outbound]) -> tuple[Outcome, ...]:
        batch = _Batch(outbounds, self._settings)
        if not batch.ready:
            return batch.ended(NotSent("nothing was sent"))
        login = _login(self._settings, self._secrets)
        if isinstance(login, Rejected):
            return batch.ended(login)
        with CutOff(outbounds[0].timeouts.total * len(outbounds)) as cut:
            phase = "connect"
            try:
                self._open(outbounds[0].timeouts, cut, login)
                phase = "answer"
                batch.run(self._line, self._settings.window)
                return batch.ended(NotSent("nothing was sent"))
            except Ended as end:
                outcome = end.outcome
            except ssl.SSLCertVerificationError:
                outcome = NotSent("the certificate of the SMSC is not valid")
            except (OSError, ValueError):
                outcome = _broken(self._line.phase if self._line and phase == "connect" else phase)
            self.close()
            return batch.ended(outcome)

    def _open(self, timeouts: Timeouts, cut: CutOff, login: bytes) -> None:
        if (line := self._line) is not None and line.connection is not None:
            line.cut = cut
            cut.watch(line.connection)
            with contextlib.suppress(OSError, ValueError):
                line.ask(pdu.ENQUIRE_LINK)
                return
            self.close()
        self._line = _Line(timeouts, cut)
        _bind(self._line, self._settings, login, pdu.BIND_TRANSMITTER)
        if self._line.connection is not None:
            self._line.connection.settimeout(timeouts.after_body.total_seconds())

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


class _Batch:
    """Messages in transit over one connection, and their outcomes so far."""

    def __init__(self, outbounds: Sequence[Outbound], settings: Settings) -> None:
        found = [_parts(outbound, settings) for outbound in outbounds]
        self._outcomes: list[Outcome | None] = [one if isinstance(one, Rejected) else None for one in found]
        self._left = [[] if isinstance(one, Rejected) else one[::-1] for one in found]
        self._names: list[list[str]] = [[] for _ in found]
        self._begun: set[int] = set()
        self.ready = deque(n for n, outcome in enumerate(self._outcomes) if outcome is None)

    def run(self, line: _Line | None, window: int) -> None:
        """Submit every part, and read the answers."""
        if line is None:
            raise OSError("not connected")
        sent: dict[int, int] = {}
        units = line.units()
        while self.ready or sent:
            while self.ready and len(sent) < window:
                n = self.ready.popleft()
                line.sequence += 1
                sent[line.sequence] = n
                self._begun.add(n)
                line.say(pdu.Pdu(pdu.SUBMIT_SM, line.sequence, body=self._left[n].pop()))
                line.expect()
            unit = next(units, None)
            if unit is None:
                raise ConnectionError("the other side ended")
            if unit.command == pdu.DELIVER_SM:
                line.refuse(unit)
            elif unit.sequence in sent and unit.command in {pdu.SUBMIT_SM | pdu.ANSWER, pdu.GENERIC_NACK}:
                self._settle(sent.pop(unit.sequence), unit)
                line.expect()

    def _settle(self, n: int, answer: pdu.Pdu) -> None:
        """Read the answer to one part; the message is accepted when the SMSC has named all its parts."""
        if answer.status != pdu.OK or answer.command == pdu.GENERIC_NACK:
            # Without this part the message cannot be read, whatever the outcome of the earlier parts.
            self._outcomes[n] = at_submission(answer.status)
            return
        names = self._names[n]
        names.append(pdu.name(answer.body))
        if self._left[n]:
            self.ready.appendleft(n)
            return
        named_all = " ".join(names) if all(names) else ""
        self._outcomes[n] = named(named_all, "the SMSC reported success without a message id")

    def ended(self, outcome: Outcome) -> tuple[Outcome, ...]:
        """Return every outcome; ``outcome`` for open messages, except that a message that was not begun was not sent."""
        unsent = NotSent("the connection was lost before this message")
        lost = isinstance(outcome, Unknown)
        return tuple(
            known or (unsent if lost and n not in self._begun else outcome)
            for n, known in enumerate(self._outcomes)
        )


def _parts(outbound: Outbound, settings: Settings) -> list[bytes] | Rejected:
    """Return the bodies of all submissions, made before the connection."""
    if problem := phone_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    if problem := sender_problem(settings.sender):
        return Rejected("sender", f"sender: {problem}", about="account")
    # The same for every attempt of the same send: telephones join parts of a first and a second attempt.
    reference = int.from_bytes(hashlib.sha256(outbound.idempotency_key.encode()).digest()[:2])

    def coded_as(one: Outbound) -> alphabet.Coded:
        return alphabet.code(narrow_body(one), reference, latin1=settings.alphabet == "latin1")

    shown = fitted(outbound, LONGEST_TEXT, lambda one: len(coded_as(one).parts) <= alphabet.MOST_PARTS)
    if shown is None:
        return Rejected("length", f"the message needs more than {alphabet.MOST_PARTS} parts")
    coded = coded_as(shown)
    as_payload = coded.joined and settings.long_messages == "payload"
    return [
        pdu.submit(
            pdu.Submission(
                sender=settings.sender,
                recipient=outbound.recipient,
                sender_kind=(settings.sender_ton, settings.sender_npi),
                recipient_kind=(settings.recipient_ton, settings.recipient_npi),
                coding=coded.coding,
                octets=octets,
                joined=coded.joined and not as_payload,
                as_payload=as_payload,
                keep_for=outbound.deadline - outbound.at if outbound.deadline else None,
            )
        )
        for octets in ((coded.whole,) if as_payload else coded.parts)
    ]


def _login(settings: Settings, secrets: Secrets) -> bytes | Rejected:
    if "password" not in secrets:
        return Rejected("secret", "the secret password is missing", about="account")
    try:
        return pdu.bind(settings.system_id, secrets["password"].reveal().strip(), settings.system_type)
    except ValueError:
        return Rejected("secret", "system_id, system_type or password is not plain ASCII", about="account")


def _bind(line: _Line, settings: Settings, login: bytes, separate: int) -> None:
    line.open(settings)
    line.phase = "bind"
    command = separate if settings.bind == "separate" else pdu.BIND_TRANSCEIVER
    answer = line.ask(command, login)
    if answer.status != pdu.OK or answer.command == pdu.GENERIC_NACK:
        raise Ended(at_bind(answer.status))


def _broken(phase: str) -> Outcome:
    """Return the outcome of a lost connection in this phase."""
    match phase:
        case "answer":
            return Unknown(
                "the connection was lost after the message, before the response of the SMSC", "answer"
            )
        case "connect":
            return NotSent("the connection to the SMSC failed")
        case _:
            return NotSent("the connection was lost before the message was sent")


def receive(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Fetch waiting units until none arrives for a time and the SMSC still answers; return the problem."""
    login = _login(settings, secrets)
    if isinstance(login, Rejected):
        return login.reason
    with CutOff(timeouts.total) as cut:
        line = _Line(timeouts, cut)
        try:
            _bind(line, settings, login, pdu.BIND_RECEIVER)
            line.phase = "collect"
            return _drain(line, took, at, settings)
        except Ended as end:
            return "" if isinstance(end.outcome, Accepted) else end.outcome.reason
        except (OSError, ValueError):
            return "" if cut.fired and line.phase == "collect" else "the connection to the SMSC was lost"
        finally:
            line.close()


def _drain(line: _Line, took: Took, at: datetime, settings: Settings) -> str:
    asked = 0
    units = line.units()
    while True:
        try:
            unit = next(units)
        except TimeoutError:
            if asked:
                raise
            # Silence means no messages or a dead connection: a request shows which.
            line.sequence += 1
            asked, units = line.sequence, line.units()
            line.say(pdu.Pdu(pdu.ENQUIRE_LINK, asked))
            continue
        except StopIteration:
            return ""
        if unit.command == pdu.ENQUIRE_LINK | pdu.ANSWER and unit.sequence == asked:
            return ""
        if unit.command == pdu.DELIVER_SM and not _keep(line, unit, took, at, settings):
            return "a received item could not be stored"


def _keep(line: _Line, unit: pdu.Pdu, took: Took, at: datetime, settings: Settings) -> bool:
    """Pass on a received unit, then confirm it: the SMSC keeps it until the confirmation."""
    try:
        found = read_incoming(pdu.read_delivery(unit.body), unit.sequence, at, settings)
    except ValueError:
        found = None
    kept = found is None or took(found)
    line.answer(unit, pdu.OK if kept else pdu.TEMPORARY, b"\0")
    return kept


Kind = Literal["accepted", "delivered", "failed"]
_STATES: dict[int, Kind] = {
    1: "accepted",
    2: "delivered",
    **dict.fromkeys((3, 4, 5, 8), "failed"),
    6: "accepted",
}
"""By number: en route, delivered, expired, deleted, undeliverable, accepted on behalf of the recipient, rejected."""
_WORDS = {"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "REJECTD": 8}
LONGEST_RECEIPT = 500
"""Octets of a receipt's text that are read: SMPP suggests about 160, and a search is slow on long texts."""
_TEXT = re.compile(
    r"id:(\S{1,64}).*?\bstat:([A-Za-z]{1,10})(?:.*?\berr:(\w{1,8}))?", re.DOTALL | re.IGNORECASE
)


def read_incoming(
    one: pdu.Delivered, sequence: int, at: datetime, settings: Settings
) -> Receipt | Answer | None:
    """Return the receipt or reply; None without information, such as a state that the SMSC itself calls unknown."""
    if settings.alphabet == "latin1" and one.coding == alphabet.NARROW:
        one = msgspec.structs.replace(one, coding=3)
    kind = one.esm_class & pdu.RECEIPT_MASK
    if kind == 0:
        return _answer(one, sequence, at)
    return _receipt(one, at, settings) if kind in {pdu.RECEIPT, 0x20} else None


def _receipt(one: pdu.Delivered, at: datetime, settings: Settings) -> Receipt | None:
    """Read a receipt; its own time is only in the SMSC's local time, so Tocsin's time counts."""
    found = _TEXT.search(alphabet.read(one.text[:LONGEST_RECEIPT], one.coding, headed=False))
    name = pdu.name(one.extras.get(pdu.RECEIPTED_ID, b"").rstrip(b"\0") + b"\0")
    state = int.from_bytes(one.extras.get(pdu.MESSAGE_STATE, b"")[:1]) or None
    if found:
        given = found[1]
        if settings.receipt_ids == "hex_to_decimal" and given.isascii() and given.isdigit():
            given = f"{int(given):X}"  # in the form of the answer to the submission
        name = name or given
        state = state or _WORDS.get(found[2].upper())
    kind = _STATES.get(state or 0)
    if kind is None or not name:
        return None
    code = (found[3] or "") if found and kind == "failed" else ""
    return Receipt(kind=kind, event_id=f"{name}:{state}", provider_id=name, at=at, code=code)


def _answer(one: pdu.Delivered, sequence: int, at: datetime) -> Answer | None:
    """Read a person's reply. SMPP does not name received messages: time and sequence number identify one."""
    text = alphabet.read(one.text, one.coding, headed=bool(one.esm_class & pdu.JOINED_PARTS))
    digits = one.source.removeprefix("+")
    if not digits.isascii() or not digits.isalnum():
        return None
    mark = f"{at.isoformat()} {sequence} {digits} ".encode() + one.text
    sender = f"+{digits}" if digits.isdigit() and len(digits) > 6 else digits
    return Answer(event_id=hashlib.sha256(mark).hexdigest()[:32], sender=sender, text=text, at=at)
