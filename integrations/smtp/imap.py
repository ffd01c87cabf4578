"""The mailbox for reports and replies, read by IMAP (RFC 9051) and never changed.

The mailbox is opened for reading only: nothing is deleted, moved or marked as read. A local file has the reading position, by
the numbers (UIDs) that the server gives to emails and never reuses; the file names an email that could not be stored completely,
and that email is read again. One worker reads at a time. If the file is lost, or the server changes the numbers, everything is read again, which is harmless: a digest
identifies known emails. The server's answers are hostile: they are bounded and never repeated.
"""

from __future__ import annotations

import imaplib
import os
import re
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from integrations.http.cutoff import CutOff
from integrations.port import LOOPBACK, Secrets, Timeouts
from integrations.smtp import Imap
from integrations.smtp.oauth import xoauth2
from integrations.smtp.reports import LARGEST


@contextmanager
def alone(state: Path) -> Iterator[bool]:
    """Acquire the lock beside a state's file; yield false, without waiting, if another process has it. Raises OSError.

    The lock's file is never removed: the removal could break another process's lock.
    """
    descriptor = os.open(state.with_name(f"{state.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


PASSWORD = "imap_password"  # noqa: S105  # the name of a secret
MOST = 1_000
"""Emails of one round."""
MOST_HEARD = 64_000_000
"""Bytes of an answer to one command: the numbers of a million emails need half of that."""
_UID = re.compile(rb"\bUID (\d{1,10})\b")
_NUMBER = re.compile(rb"\d{1,10}")
Keep = Callable[[bytes], bool]
"""Processes one email; returns whether all of it was stored."""


class Reached(msgspec.Struct, frozen=True):
    """Reading position of a mailbox: all below ``next`` except those in ``again``, in the numbering ``validity``."""

    validity: int = 0
    next: int = 1
    again: tuple[int, ...] = ()


# Made at the import, in one thread: msgspec crashes if two threads decode a class for the first time.
_REACHED = msgspec.json.Decoder(Reached)  # noqa: TID251  # no other type contains this class


class _Trouble(Exception):
    """Ends the round, with a reason without the server's words."""


def collect(
    box: Imap, keep: Keep, secrets: Secrets, timeouts: Timeouts, ca_file: str, token: str = ""
) -> str:
    """Pass every unread email to ``keep``. Return the problem, or the empty string.

    A ``token`` replaces the mailbox's password.

    Nothing is done while another worker reads the same mailbox.
    """
    if not token and PASSWORD not in secrets:
        return f"the secret {PASSWORD} is missing"
    if box.tls == "none" and box.host not in LOOPBACK:
        return "the password is not sent without TLS"
    try:
        with alone(box.state) as mine:
            return _collected(box, keep, secrets, timeouts, ca_file, token) if mine else ""
    except OSError as error:
        return _not_kept(error)


def _collected(box: Imap, keep: Keep, secrets: Secrets, timeouts: Timeouts, ca_file: str, token: str) -> str:
    try:
        with CutOff(max(timeouts.total, timedelta(minutes=5))) as cut:
            line = opened(box, secrets, timeouts, ca_file, cut, token)
            try:
                return _round(line, box, keep)
            finally:
                line.shutdown()
    except _Trouble as trouble:
        return str(trouble)
    except ssl.SSLCertVerificationError:
        return "the certificate of the mailbox server is not valid"
    except (imaplib.IMAP4.error, OSError, ValueError):
        # Neither class of error has more information: their texts are the server's.
        return "the connection to the mailbox was lost, or the server does not support IMAP"


class _Bounded(imaplib.IMAP4):
    """A connection with bounded pieces, watched by the cut-off from the first byte."""

    def __init__(self, box: Imap, context: ssl.SSLContext | None, wait: float, cut: CutOff) -> None:
        self._tls, self._cut = context if box.tls == "implicit" else None, cut
        self._left = MOST_HEARD
        super().__init__(box.host, box.port, wait)

    def _create_socket(self, timeout: float | None) -> Any:
        plain = super()._create_socket(timeout)  # type: ignore[misc]  # as IMAP4_SSL does it
        self._cut.watch(plain)
        return plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=self.host)

    def read(self, size: int) -> bytes:  # type: ignore[explicit-override]
        """Read a piece of a length that the server gave."""
        if size > LARGEST + 1:
            raise self.abort("too long")
        return self._counted(super().read(size))

    def readline(self) -> bytes:  # type: ignore[explicit-override]
        """Read a line; all lines and pieces of one answer are counted, because the library keeps them all."""
        return self._counted(super().readline())

    def _command(self, name: str, *args: Any) -> Any:
        self._left = MOST_HEARD
        return super()._command(name, *args)  # type: ignore[misc]  # every command goes through it

    def _counted(self, heard: bytes) -> bytes:
        self._left -= len(heard)
        if self._left < 0:
            raise self.abort("too much")
        return heard


def opened(
    box: Imap, secrets: Secrets, timeouts: Timeouts, ca_file: str, cut: CutOff, token: str = ""
) -> imaplib.IMAP4:
    """Return a connection with the folder open for reading; raises OSError or IMAP4.error."""
    context = None if box.tls == "none" else ssl.create_default_context(cafile=ca_file or None)
    line = _Bounded(box, context, timeouts.connect.total_seconds(), cut)
    try:
        line.socket().settimeout(timeouts.read.total_seconds())
        if box.tls == "starttls":
            line.starttls(context)
        try:
            if token:
                first = xoauth2(box.username, token).encode()
                line.authenticate("XOAUTH2", lambda challenge: b"" if challenge else first)
            else:
                line.login(box.username, secrets[PASSWORD].reveal())
        except line.abort:
            raise
        except imaplib.IMAP4.error:
            raise _Trouble("the mailbox server refuses the login") from None
        folder = box.folder.replace("\\", "\\\\").replace('"', '\\"')
        if line.select(f'"{folder}"', readonly=True)[0] != "OK":
            raise _Trouble("the mailbox has no such folder")
    except BaseException:
        line.shutdown()
        raise
    return line


def _round(line: imaplib.IMAP4, box: Imap, keep: Keep) -> str:
    validity = _number(line.response("UIDVALIDITY")[1])
    reached = _read(box.state)
    if reached.validity != validity:
        reached = Reached(validity)
    waiting = [*reached.again, *_waiting(line, reached.next)][:MOST]
    again: list[int] = [*reached.again]
    try:
        for uid in waiting:
            mail = _fetched(line, uid)
            kept = mail is None or keep(mail)
            again = (
                [number for number in again if number != uid] if kept else list(dict.fromkeys([*again, uid]))
            )
            reached = Reached(validity, max(reached.next, uid + 1), tuple(again))
    finally:
        _write(box.state, reached)
    return "a received email could not be stored" if reached.again else ""


def _waiting(line: imaplib.IMAP4, first: int) -> list[int]:
    """Return the numbers from ``first`` on, each in a line of its own; SEARCH would put all into one line."""
    kind, found = line.uid("FETCH", f"{first}:*", "(UID)")
    if kind != "OK":
        raise _Trouble("the mailbox server does not list the new email")
    numbers = (_UID.search(part) for part in found if isinstance(part, bytes))
    return sorted({uid for number in numbers if number is not None and (uid := int(number[1])) >= first})


def _fetched(line: imaplib.IMAP4, uid: int) -> bytes | None:
    """Return one email, cut at the length of a report; None if it no longer exists."""
    kind, found = line.uid("FETCH", str(uid), f"(UID BODY.PEEK[]<0.{LARGEST + 1}>)")
    if kind != "OK":
        raise _Trouble("the mailbox server does not return the new email")
    for part in found:
        if isinstance(part, tuple) and (named := _UID.search(part[0])) and int(named[1]) == uid:
            return bytes(part[1])
    return None


def _number(given: list[Any]) -> int:
    found = _NUMBER.fullmatch(given[0]) if given and isinstance(given[0], bytes) else None
    if found is None:
        raise _Trouble("the mailbox server does not return UIDVALIDITY")
    return int(found[0])


def _read(path: Path) -> Reached:
    """Return the reading position; the beginning if not known."""
    try:
        return _REACHED.decode(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return Reached()


def _write(path: Path, reached: Reached) -> None:
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_bytes(msgspec.json.encode(reached))
        beside.replace(path)
    except OSError as error:
        raise _Trouble(_not_kept(error)) from None


def _not_kept(error: OSError) -> str:
    return f"the position in the mailbox cannot be stored: {error.strerror}"
