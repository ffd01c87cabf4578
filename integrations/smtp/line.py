"""Many messages over one connection, pipelined (RFC 2920): one round trip for each instead of four.

One write has a message's final dot and the next one's MAIL, RCPT and DATA; the one after it is composed
before the answers are read, while the server works. The phase is still the evidence. A
server accepts a message after its final dot, so if the connection breaks, the message whose dot may be sent and was
not answered is ``unknown``, and later ones are ``not_sent``. Without PIPELINING on the server each command waits
for its answer.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from email.errors import MessageError

from integrations.http.cutoff import CutOff
from integrations.port import Accepted, NotSent, Outbound, Outcome, Rejected, Secrets
from integrations.smtp import Settings
from integrations.smtp.mime import Seals, assembled
from integrations.smtp.session import (
    Ended,
    Transaction,
    broken,
    connect,
    envelope,
    queue_id,
    refused,
    sealing,
    unfit,
)

_RESET = -1
"""Instead of a message's number, for data without one."""
_Reply = tuple[int, bytes]
_Ready = tuple[int, bytes, tuple[bytes, bytes, bytes]]
"""A message's number, its DATA, and its envelope."""
_LONGEST_REPLY = 8192


class SmtpLine:
    """One connection to the relay; it is opened for the first batch, and again after a loss."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        """Store the settings; nothing is connected yet."""
        self._settings, self._secrets = settings, secrets
        self._smtp: smtplib.SMTP | None = None

    def send(self, outbounds: Sequence[Outbound]) -> tuple[Outcome, ...]:
        if not outbounds:
            return ()
        try:
            seals = sealing(outbounds[0].at, self._settings, self._secrets)
        except Ended as end:
            return (end.outcome,) * len(outbounds)
        batch = _Batch(outbounds, self._settings, seals)
        if not batch.settled:
            self._converse(batch)
        return batch.all()

    def close(self) -> None:
        if self._smtp is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._smtp.send(b"QUIT\r\n")
        self._drop()

    def _converse(self, batch: _Batch) -> None:
        first = batch.outbounds[0]
        with CutOff(first.timeouts.total * len(batch.outbounds)) as cut:
            try:
                batch.run(self._opened(first, cut))
            except Ended as end:
                batch.stop(end.outcome)
                self._drop()
            except (OSError, smtplib.SMTPException, UnicodeError):
                batch.stop()
                self._drop()

    def _opened(self, first: Outbound, cut: CutOff) -> smtplib.SMTP:
        """Return the connection; a closed connection is opened again before anything is sent."""
        if (kept := self._smtp) is not None and kept.sock is not None:
            cut.watch(kept.sock)
            with contextlib.suppress(OSError, smtplib.SMTPException):
                if _good(*kept.docmd("RSET")):
                    return kept
            self._drop()
        name = self._settings.helo or self._settings.sender.rpartition("@")[2]
        line = Transaction(smtplib.SMTP(local_hostname=name), first, self._settings, self._secrets, cut)
        try:
            connect(line)
        except ssl.SSLCertVerificationError:
            line.smtp.close()
            raise Ended(NotSent("the certificate of the mail server is not valid")) from None
        except (OSError, smtplib.SMTPException, UnicodeError):
            line.smtp.close()
            raise Ended(broken(line.phase)) from None
        except BaseException:
            line.smtp.close()
            raise
        line.wait_at_most(first.timeouts.after_body)
        self._smtp = line.smtp
        return line.smtp

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


class _Batch:
    """Messages in transit over one connection, and their outcomes so far."""

    def __init__(self, outbounds: Sequence[Outbound], settings: Settings, seals: Seals) -> None:
        self.outbounds, self._settings, self._seals = outbounds, settings, seals
        self._outcomes: list[Outcome | None] = [unfit(outbound, settings) for outbound in outbounds]
        self._dotted = _RESET
        """The message whose final dot may be sent and was not answered."""

    @property
    def settled(self) -> bool:
        """Whether everything is sent."""
        return None not in self._outcomes

    def all(self) -> tuple[Outcome, ...]:
        """Return every outcome; a message that was never begun was not sent."""
        return tuple(
            outcome or NotSent("the connection was lost before this message") for outcome in self._outcomes
        )

    def stop(self, outcome: Outcome | None = None) -> None:
        """Settle all open messages: with ``outcome``, or as after a lost connection."""
        for n, known in enumerate(self._outcomes):
            if known is None:
                self._outcomes[n] = outcome or broken("answer" if n == self._dotted else "data")

    def run(self, smtp: smtplib.SMTP) -> None:
        """Send the messages in order; each write has the end of one and the beginning of the next."""
        pipelined = smtp.has_extn("pipelining")
        ending, about = b"", _RESET
        ready = self._composed(smtp)
        one = next(ready, None)
        while one is not None:
            n, content, envelope = one
            self._dotted = about
            if pipelined:
                smtp.send(ending + b"".join(envelope))
                one = next(ready, None)  # while the server works
                if ending:
                    self._settle(about, reply(smtp))
                answers = [reply(smtp) for _ in envelope]
            else:
                answers = self._one_by_one(smtp, ending, envelope, about)
                one = next(ready, None)
            ending, about = self._next(n, content, answers)
        if ending:
            self._dotted = about
            smtp.send(ending)
            self._settle(about, reply(smtp))

    def _composed(self, smtp: smtplib.SMTP) -> Iterator[_Ready]:
        """Yield each message that can be sent, composed on demand."""
        for n, outbound in enumerate(self.outbounds):
            if self._outcomes[n] is not None:
                continue
            settings = self._settings
            try:
                sender, mail, rcpt = envelope(smtp, settings, outbound)
                content = assembled(outbound, settings.sender, settings.sender_name, self._seals)
            except Ended as end:
                self._outcomes[n] = end.outcome
            except (MessageError, ValueError, IndexError):
                self._outcomes[n] = Rejected("message", "the message cannot be put into mail form")
            else:
                first = " ".join((f"MAIL FROM:<{sender}>", *mail))
                second = " ".join((f"RCPT TO:<{outbound.recipient}>", *rcpt))
                commands = (f"{first}\r\n".encode(), f"{second}\r\n".encode(), b"DATA\r\n")
                yield n, content + b".\r\n", commands

    def _one_by_one(
        self, smtp: smtplib.SMTP, ending: bytes, envelope: Sequence[bytes], about: int
    ) -> list[_Reply]:
        """Wait for each answer; the first negative one ends the envelope."""
        if ending:
            smtp.send(ending)
            self._settle(about, reply(smtp))
        answers: list[_Reply] = []
        for command in envelope:
            smtp.send(command)
            answers.append(reply(smtp))
            if answers[-1][0] != 354 and not _good(*answers[-1]):
                break
        return answers

    def _next(self, n: int, content: bytes, answers: Sequence[_Reply]) -> tuple[bytes, int]:
        """Return the next data to write, and the message of its answer."""
        wanted = ("sender", "recipient", "data")
        for phase, (code, text) in zip(wanted, answers, strict=False):
            if code == 354 or _good(code, text):
                continue
            self._outcomes[n] = refused(phase, code, text)
            if code == 421:
                raise smtplib.SMTPServerDisconnected("the server closes")
            # A server that answers 354 without a recipient waits for a message: it gets an empty one.
            return (b".\r\n" if answers[-1][0] == 354 else b"RSET\r\n"), _RESET
        return content, n

    def _settle(self, n: int, answer: _Reply) -> None:
        """Store the server's answer at the end of a message."""
        self._dotted = _RESET
        if n == _RESET:
            return
        code, text = answer
        self._outcomes[n] = Accepted(queue_id(text)) if _good(code, text) else refused("answer", code, text)
        if code == 421:
            raise smtplib.SMTPServerDisconnected("the server closes")


def reply(smtp: smtplib.SMTP) -> _Reply:
    """Read one answer as ``smtplib`` does, at a third of its cost; an invalid answer ends the connection."""
    if smtp.file is None:
        return smtp.getreply()
    texts = []
    while True:
        line = smtp.file.readline(_LONGEST_REPLY)
        code = line[:3]
        texts.append(line[4:].strip())
        if not line.endswith(b"\n") or not code.isdigit():
            raise smtplib.SMTPServerDisconnected("the response of the server is not valid")
        if line[3:4] != b"-":
            return int(code), b"\n".join(texts)


def _good(code: int, text: bytes) -> bool:
    return 200 <= code < 300
