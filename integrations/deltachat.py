"""Delta Chat: end to end encrypted messages over email, by ``deltachat-rpc-server`` (MPL-2.0, a process of its own).

An address is the invite link of a person, with the fingerprint of their key: another key is another address. The program
binds a contact to that key and never sends clear text to it. The message is stored with its own id before it is sent, so
the same key never makes a second message. The program locks the folder of the account: one process uses it at a time.
"""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec

from integrations.http import json_object
from integrations.http.service import identifier, listed, member
from integrations.port import (
    LOOPBACK,
    Accepted,
    Answer,
    Capabilities,
    Finding,
    NotSent,
    Outbound,
    Outcome,
    Receipt,
    Rejected,
    Secrets,
    Throttled,
    Timeouts,
    Took,
    Unknown,
    machine_of,
    plain_body,
    self_test_to,
)

LONGEST = 4_000
"""Characters of text: the apps show a longer message cut."""
KEPT = timedelta(days=30)
"""How long the account keeps a message, and so recognises its key."""
_LINK = re.compile(r"(?:https://i\.delta\.chat/#|OPENPGP4FPR:)([0-9A-Fa-f]{40})[&#]([!-~]+)", re.ASCII)
_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_CODE = re.compile(r"\b5\.(\d)\.\d{1,3}\b", re.ASCII)
_PENDING, _FAILED, _DELIVERED, _READ = 20, 24, 26, 28
"""States of an own message in the program."""
_SELF = 1
_TLS = {"implicit": "ssl", "starttls": "starttls", "none": "plain"}
_LOCKS: dict[Path, threading.Lock] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account that no other device uses. The secret ``password`` is that of its mailbox."""

    account: str
    """Its email address."""
    folder: Path
    """The program's folder with the account's private key and messages: a secret."""
    host: str
    """The server of its mailbox, for SMTP and IMAP, with a certificate of a public authority."""
    port: int = 465
    imap_port: int = 993
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    """``none`` is for this machine only."""
    name: str = "Tocsin"
    """The name that people see."""
    program: str = ""
    """Another path of ``deltachat-rpc-server`` than that of the extra."""
    test_to: str = ""
    """The invite link of the person who gets self-tests."""


def capabilities(settings: Settings) -> Capabilities:
    """End to end encrypted to the key in the address; the relay sees only the addresses and the time."""
    relay = settings.host.lower()
    return Capabilities(
        address_kind="handle",
        domains=frozenset({f"smtp:{relay}:{settings.port}", f"imap:{relay}:{settings.imap_port}"}),
        hosts=machine_of(relay),
        confidentiality="restricted",
        personal_data="personal",
        receipts=frozenset({"accepted", "read"}),
        ack="reply",
        ack_strength="seen",
        e2ee=True,
        idempotency="key",
        key_lifetime=KEPT - timedelta(days=1),
        max_length=LONGEST,
        rates=("30/min burst 30",),  # chatmail relays allow 60 emails a minute; an invitation needs several
        secrets=frozenset({"password"}),
    )


def address_problem(address: str) -> str:
    """An address is the invite link of one person; an email address alone has no key, so it is refused."""
    link = _LINK.fullmatch(address)
    parts = parse_qs(link[2]) if link is not None else {}
    if link is None or not {"a", "i", "s"} <= parts.keys():
        return (
            "a Delta Chat address is an invite link, https://i.delta.chat/#…, with the fingerprint of a key"
        )
    if parts.keys() & {"g", "x", "b"}:
        return "the invite link is that of a group"
    return "" if len(address) <= 300 else "the invite link has more than 300 characters: remove &n=NAME"


class _Stop(Exception):
    """Ends an attempt with an outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class _Core:
    """One run of the program: JSON-RPC, a line each way."""

    def __init__(self, run: subprocess.Popen[bytes], limit: timedelta) -> None:
        self._run, self._ends, self._asked = run, time.monotonic() + limit.total_seconds(), 0
        self._heard: queue.Queue[bytes] = queue.Queue()
        self.account, self.begun, self.idle = 0, False, False
        """``begun``: the message may have been sent. ``idle``: all waiting email was fetched."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):  # the pipe is closed at the end
            for line in self._run.stdout or ():
                self._heard.put(line)
        self._heard.put(b"")

    def ask(self, method: str, *given: object, ends: float | None = None) -> Any:
        """Return the answer to one call; raises ``_Stop`` if there is none, ``LookupError`` for a refusal, ``TimeoutError`` at ``ends``."""
        self._asked += 1
        line = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": given}
        try:
            assert self._run.stdin is not None  # noqa: S101  # for the type
            self._run.stdin.write(json.dumps(line).encode() + b"\n")
            self._run.stdin.flush()
            while True:
                left = (self._ends if ends is None else min(ends, self._ends)) - time.monotonic()
                said = self._heard.get(timeout=max(0.0, left))
                if not said:
                    raise OSError
                answer = json_object(said)
                found = answer.get("result")
                self.idle |= any(member(one, "event", "kind") == "ImapInboxIdle" for one in listed(found))
                if answer.get("id") == self._asked:
                    if "error" in answer:
                        raise LookupError(method)
                    return found
        except queue.Empty:
            if ends is not None and time.monotonic() < self._ends:
                raise TimeoutError from None
            raise _Stop(self._lost("deltachat-rpc-server does not answer in time")) from None
        except OSError:
            raise _Stop(self._lost("deltachat-rpc-server ended")) from None

    def _lost(self, why: str) -> Outcome:
        return Unknown(why, "answer") if self.begun else NotSent(why)

    def call(self, method: str, *given: object) -> Any:
        """Return the answer to a call about the account."""
        return self.ask(method, self.account, *given)

    def until(self, reached: Callable[[], bool], limit: timedelta) -> bool:
        """Wait for a state, which is checked again at each event of the program."""
        ends = time.monotonic() + limit.total_seconds()
        while not reached():
            try:
                self.ask("get_next_event_batch", ends=ends)
            except TimeoutError:
                return reached()
        return True

    def note(self, name: str) -> str:
        """Return one of Tocsin's own notes in the account, or the empty string."""
        return str(self.call("get_config", f"ui.tocsin.{name}") or "")

    def keep(self, name: str, text: str) -> None:
        """Store such a note, durably."""
        self.call("set_config", f"ui.tocsin.{name}", text)

    def message(self, number: int) -> dict[str, Any]:
        """Return a message; an empty one if it does not exist."""
        try:
            found = self.call("get_message", number)
        except LookupError:
            return {}
        return found if isinstance(found, dict) else {}

    def name(self, number: int) -> str:
        """Return the Message-ID (RFC 5322) of a message."""
        return identifier(member(self.call("get_message_info_object", number), "rfc724Mid"), "-_.@")


def _program(settings: Settings) -> str:
    """Return the path of the program, without running code of its package; empty if it is not installed."""
    from importlib.util import find_spec

    if settings.program:
        return settings.program
    spec = find_spec("deltachat_rpc_server")
    return str(Path(spec.origin).with_name("deltachat-rpc-server")) if spec and spec.origin else ""


@contextmanager
def _opened(settings: Settings, secrets: Secrets, timeouts: Timeouts) -> Iterator[_Core]:
    """Run the program with the account logged in and connected; raises ``_Stop``."""
    if "password" not in secrets:
        raise _Stop(Rejected("secret", "the secret password is missing", about="account"))
    if settings.tls == "none" and settings.host not in LOOPBACK:
        raise _Stop(Rejected("settings", "the password is not sent without TLS", about="account"))
    lock = _LOCKS.setdefault(settings.folder, threading.Lock())
    if not lock.acquire(timeout=timeouts.read.total_seconds()):
        raise _Stop(_BUSY)
    try:
        with _run(settings) as run:
            core = _Core(run, timeouts.total)
            _log_in(core, settings, secrets["password"].reveal().strip())
            core.call("start_io")
            core.until(lambda: core.idle, timeouts.read)  # what arrives before the first look is lost
            yield core
    finally:
        lock.release()


_BUSY = Throttled(timedelta(seconds=5), "another process uses the account")


@contextmanager
def _run(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    try:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        run = subprocess.Popen(  # noqa: S603  # the settings name it, and no shell reads it
            [_program(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"DC_ACCOUNTS_PATH": str(settings.folder), "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")},
        )
    except OSError:
        why = "deltachat-rpc-server cannot be started, or the folder of the account cannot be made"
        raise _Stop(Rejected("program", why, about="account")) from None
    try:
        yield run
    finally:
        with suppress(OSError):
            run.stdin.close() if run.stdin is not None else None
        try:
            run.wait(2)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
        if run.stdout is not None:
            run.stdout.close()


def _log_in(core: _Core, settings: Settings, password: str) -> None:
    """Make the account at the first use, and log in again if the settings have changed."""
    tls = _TLS[settings.tls]
    trusted = "acceptInvalidCertificates" if settings.host in LOOPBACK else "strict"
    wanted = {"addr": settings.account, "password": password, "certificateChecks": trusted}
    for kind, port in (("imap", settings.imap_port), ("smtp", settings.port)):
        wanted |= {f"{kind}Server": settings.host, f"{kind}Port": port, f"{kind}Security": tls}  # type: ignore[dict-item]
    try:
        found = core.ask("get_all_account_ids")
    except _Stop:  # it ends at once while another process has the folder's lock
        raise _Stop(_BUSY) from None
    try:
        core.account = found[0] if found else core.ask("add_account")
        known = [one for one in listed(core.call("list_transports")) if isinstance(one, dict)]
        if any(one.get("addr") != settings.account for one in known):
            raise _Stop(Rejected("account", "the folder is that of another account", about="account"))
        if not any(wanted.items() <= one.items() for one in known):
            kept = {"delete_device_after": str(int(KEPT.total_seconds()))}
            core.call(
                "batch_set_config",
                {"displayname": settings.name, "bcc_self": "0", "mdns_enabled": "1", **kept},
            )
            core.call("add_or_update_transport", wanted)
    except LookupError:
        raise _Stop(NotSent("the mail server does not answer, or refuses the login")) from None


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one message, encrypted to the key in the address, or not at all."""
    if problem := address_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    waits = outbound.timeouts
    try:
        # First, as the program would keep the message in its queue and send it after the attempt.
        socket.create_connection((settings.host, settings.port), waits.connect.total_seconds()).close()
    except OSError:
        return NotSent("the mail server cannot be reached")
    try:
        with _opened(settings, secrets, waits) as core:
            return _posted(core, outbound, _chat(core, outbound.recipient, waits.read))
    except _Stop as stop:
        return stop.outcome
    except LookupError:
        return Rejected("refused", "deltachat-rpc-server refuses the message or the invite link")


def _chat(core: _Core, link: str, patience: timedelta) -> int:
    """Return the encrypted chat with the owner of an invite link; the first time, their device must answer."""
    found = core.call("check_qr", link)
    contact = member(found, "contact_id")
    if member(found, "kind") != "askVerifyContact" or not isinstance(contact, int):
        raise _Stop(Rejected("address", "the invite link is not that of another person", about="recipient"))
    core.keep(f"contact.{contact}", link)

    def has_key() -> bool:
        return member(core.call("get_contact", contact), "e2eeAvail") is True

    if not has_key():
        core.call("secure_join", link)
        core.until(has_key, patience)
    chat = int(core.call("create_chat_by_contact_id", contact))
    shown = core.call("get_full_chat_by_id", chat)
    if not (has_key() and member(shown, "isEncrypted") is True and member(shown, "canSend") is True):
        why = "the device of the person has not answered the invitation, so nothing can be encrypted"
        raise _Stop(Rejected("no_key", why, permanent=False, about="recipient"))
    return chat


def _posted(core: _Core, outbound: Outbound, chat: int) -> Outcome:
    """Store the message with its id under the key, then send it; a repetition finds the stored one."""
    known, _, name = core.note(f"key.{outbound.idempotency_key}").partition(" ")
    number = int(known) if known and core.message(int(known)) else 0
    if not number:
        text = f"{outbound.subject}\n\n{plain_body(outbound).rstrip()}"
        core.call("remove_draft", chat)  # an id is never used again
        core.call("misc_set_draft", chat, text, None, None, None, None)
        drafted = member(core.call("get_draft", chat), "id")
        number = drafted if isinstance(drafted, int) else 0
        name = core.name(number)
        core.keep(f"message.{number}", outbound.idempotency_key)
        core.keep(f"key.{outbound.idempotency_key}", f"{number} {name}")
    core.begun = True
    if core.message(number).get("state", 0) < _PENDING:
        core.call("misc_send_draft", chat)
    core.until(lambda: core.message(number).get("state", 0) > _PENDING, outbound.timeouts.read)
    sent = core.message(number)
    match sent.get("state"):
        case state if state in (_DELIVERED, _READ):
            return Accepted(name, "read" if state == _READ else "accepted")
        case state if state == _FAILED:
            code, gone = _refusal(sent)
            about = {"1": "recipient", "7": "account"}.get(code[2:3], "message")
            return Rejected(code, "the mail server refuses the message", about=about, address=gone)  # type: ignore[arg-type]
        case _:
            return Unknown(
                "the mail server has not confirmed the message, which stays in the queue", "answer"
            )


def _refusal(message: dict[str, Any]) -> tuple[str, Literal["", "gone"]]:
    """Return the server's code (RFC 3463), and whether the mailbox does not exist; its words are not repeated."""
    found = _CODE.search(str(message.get("error")))
    code = found[0] if found else "failed"
    return code, "gone" if code in {"5.1.1", "5.1.10", "5.2.1"} else ""


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Fetch read receipts, reactions and replies; a reply is deleted from the account once it is stored."""
    try:
        with _opened(settings, secrets, timeouts) as core:
            if not core.idle:
                return "the mailbox was not read completely"
            chats = [
                chat for chat in listed(core.call("get_chatlist_entries", None, None, None)) if chat != 0
            ]
            kept = [_taken(core, took, one) for chat in chats for one in _messages(core, chat)]
            return "" if all(kept) else "a received item could not be stored"
    except _Stop as stop:
        return "" if stop.outcome is _BUSY else str(getattr(stop.outcome, "reason", ""))
    except LookupError:
        return "deltachat-rpc-server refuses to read the account"


def _messages(core: _Core, chat: object) -> Iterator[dict[str, Any]]:
    numbers = core.call("get_message_ids", chat, False, False)
    for one in core.call("get_messages", numbers).values():
        if one.get("kind") == "message" and not one.get("isInfo"):
            yield one


def _taken(core: _Core, took: Took, one: dict[str, Any]) -> bool:
    """Pass on what is new about one message; false if it could not be stored."""
    if one["fromId"] != _SELF:
        return _replied(core, took, one)
    key, *told = core.note(f"message.{one['id']}").split()[:3] or [""]
    if not key:
        return True
    name, news = core.name(one["id"]), list[tuple[str, Receipt | Answer]]()
    known = {"provider_id": name, "idempotency_key": key}
    if one["state"] == _READ:
        first = listed(core.call("get_message_read_receipts", one["id"]))[:1]
        when = _instant(member(first[0], "timestamp")) if first else None
        news.append(("read", Receipt(kind="read", event_id=f"{name}:read", at=when, **known)))
    elif one["state"] == _FAILED:
        code, gone = _refusal(one)
        news.append(
            ("failed", Receipt(kind="failed", event_id=f"{name}:failed", code=code, address=gone, **known))
        )
    for contact, marks in dict(member(one, "reactions", "reactionsByContact") or {}).items():  # type: ignore[call-overload]
        if marks and int(contact) != _SELF:
            sender, text = core.note(f"contact.{contact}"), " ".join(marks)
            answer = Answer(event_id=f"{name}:reaction", sender=sender, text=text, **known)
            news.append(("reaction", answer))
    done = [word for word, event in news if word not in told and took(event)]
    if done:
        core.keep(f"message.{one['id']}", " ".join([key, *told, *done]))
    return all(word in told or word in done for word, _ in news)


def _replied(core: _Core, took: Took, one: dict[str, Any]) -> bool:
    """Pass on an encrypted reply of a person who has had a message; everything else is only deleted."""
    if one["fromId"] < 10 or one.get("downloadState") != "Done":  # the program's own notices
        return True
    sender = core.note(f"contact.{one['fromId']}") if one.get("showPadlock") is True else ""
    if sender:
        quoted = member(one, "quote", "messageId")
        answer = Answer(
            event_id=core.name(one["id"]),
            sender=sender,
            text=str(one.get("text", "")),
            provider_id=core.name(quoted) if isinstance(quoted, int) else "",
            at=_instant(one.get("timestamp")),
        )
        if not took(answer):
            return False
    core.call("delete_messages", [one["id"]])
    return True


def _instant(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    found = []
    if "password" not in secrets:
        found.append(Finding("error", "the secret password is missing", "secrets: {password: env:NAME}"))
    if not _MAIL.fullmatch(settings.account):
        found.append(Finding("error", "account is not an email address", "account: incident@relay.example"))
    if settings.tls == "none" and settings.host not in LOOPBACK:
        found.append(Finding("error", "the password is not sent without TLS", "tls: implicit"))
    if not settings.program and not _program(settings):
        found.append(Finding("error", "deltachat-rpc-server is not installed", "Install tocsin[deltachat]"))
    if settings.test_to and (problem := address_problem(settings.test_to)):
        found.append(Finding("error", f"test_to: {problem}"))
    if os.name == "posix" and settings.folder.exists() and settings.folder.stat().st_mode & 0o077:
        found.append(Finding("error", "other users can read the folder of the account", "chmod 700 FOLDER"))
    return tuple(found)


self_test = self_test_to(send, "test_to")
