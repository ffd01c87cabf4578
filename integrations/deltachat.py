"""Delta Chat: end to end encrypted messages over email, by ``deltachat-rpc-server`` (MPL-2.0), a process with JSON-RPC.

An address is a person's invite link with the fingerprint of their key: another key is another address. The program binds a
contact to that key and never sends clear text to it. It stores a message with its id before it sends it, so a repeated key
makes no second message. It locks the folder of the account: one process uses the account at a time.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

import msgspec

from integrations.http import json_object
from integrations.http.service import identifier, member
from integrations.port import (
    LOOPBACK,
    PHONES,
    About,
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
"""Characters of text: the apps cut a longer message."""
KEPT = timedelta(days=30)
"""How long the account keeps a message, and so knows its key."""
_LINK = re.compile(r"(?:https://i\.delta\.chat/#|OPENPGP4FPR:)[0-9A-Fa-f]{40}[&#]([!-~]+)", re.ASCII)
_CODE = re.compile(r"\b5\.(\d)\.\d{1,3}\b", re.ASCII)
_DRAFT, _PENDING, _FAILED, _DELIVERED, _READ = 19, 20, 24, 26, 28
"""States of a message in the program."""
_SELF, _CONNECTED = 1, 4000
"""The contact that is the account itself; the state of a connection that has fetched everything."""
_BUSY = Throttled(timedelta(seconds=5), "another process uses the account, or the program does not start")
_LOCKS: dict[Path, threading.Lock] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The email address of an account that no other device uses. The secret ``password`` is that of its mailbox."""

    account: str
    folder: Path
    """The folder of the program, with the private key and the messages of the account: a secret."""
    host: str
    port: int = 465
    imap_port: int = 993
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    name: str = "Tocsin"
    program: str = ""
    """The path of ``deltachat-rpc-server``; empty means the one of the extra."""
    test_to: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """End to end encrypted to the key in the address; the mail servers see only the addresses and the time."""
    host = settings.host.lower()
    return Capabilities(
        address_kind="handle",
        domains=frozenset({f"smtp:{host}:{settings.port}", f"imap:{host}:{settings.imap_port}"}),
        hosts=machine_of(host),
        confidentiality="restricted",
        personal_data="personal",
        receipts=frozenset({"accepted", "read"}),
        ack="reply",
        ack_strength="seen",
        e2ee=True,
        push=PHONES,
        idempotency="key",
        key_lifetime=KEPT - timedelta(days=1),
        max_length=LONGEST,
        rates=("30/min burst 30",),  # chatmail servers take 60 emails a minute; an invitation needs several
        secrets=frozenset({"password"}),
    )


def address_problem(address: str) -> str:
    """An address is the invite link of one person; an email address has no key, so it is refused."""
    link = _LINK.fullmatch(address)
    parts = parse_qs(link[1]).keys() if link is not None else set()
    if not {"a", "i", "s"} <= parts or {"g", "x"} & parts:
        return "a Delta Chat address is the invite link of a person: https://i.delta.chat/#…"
    return "" if len(address) <= 300 else "the invite link has more than 300 characters: remove &n=NAME"


class _Stop(Exception):
    """Ends an attempt with an outcome, its argument."""


class _Core:
    """One run of the program: a line of JSON each way."""

    def __init__(self, run: subprocess.Popen[bytes], limit: timedelta) -> None:
        self._run, self._ends, self._asked = run, time.monotonic() + limit.total_seconds(), 0
        self._heard: queue.Queue[bytes] = queue.Queue()
        self._pause, self.begun = threading.Event(), False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError, ValueError):  # the pipe is closed at the end
            for line in self._run.stdout or ():
                self._heard.put(line)
        self._heard.put(b"")

    def ask(self, method: str, *given: object, refused: Outcome | None = None) -> Any:
        """Return the answer to one call; raises ``_Stop`` for a refusal, or without an answer.

        After the send has begun, only a refusal of the send itself means that nothing was sent.
        """
        self._asked += 1
        why = "deltachat-rpc-server does not answer"
        line = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": given}
        with suppress(OSError, queue.Empty):
            self._run.stdin.write(json.dumps(line).encode() + b"\n")  # type: ignore[union-attr]  # it is a pipe
            self._run.stdin.flush()  # type: ignore[union-attr]
            said = json_object(self._heard.get(timeout=max(0.0, self._ends - time.monotonic())))
            if said.get("id") == self._asked and "error" not in said:
                return said.get("result")
            if said.get("id") == self._asked:
                why = f"deltachat-rpc-server refuses {method}"
                if not self.begun or method == "misc_send_draft":
                    raise _Stop(refused or Rejected("refused", why))
        raise _Stop(Unknown(why, "answer") if self.begun else NotSent(why))

    def call(self, method: str, *given: object, refused: Outcome | None = None) -> Any:
        """Return the answer to a call about the account, the first of the folder."""
        return self.ask(method, 1, *given, refused=refused)

    def until(self, reached: Callable[[], bool], limit: timedelta) -> None:
        ends = min(self._ends, time.monotonic() + limit.total_seconds())
        while not reached() and time.monotonic() < ends:
            self._pause.wait(0.05)

    def fetched(self) -> bool:
        return int(self.call("get_connectivity")) >= _CONNECTED

    def note(self, name: str) -> str:
        """Return one of Tocsin's own notes in the account, which ``keep`` stores durably."""
        return str(self.call("get_config", f"ui.tocsin.{name}") or "")

    def keep(self, name: str, text: str) -> None:
        self.call("set_config", f"ui.tocsin.{name}", text)

    def messages(self, *numbers: object) -> list[dict[str, Any]]:
        """Return those of these messages that exist."""
        found = self.call("get_messages", numbers).values()
        return [one for one in found if one["kind"] == "message" and not one["isInfo"]]

    def state(self, number: int) -> int:
        """Return the state of a message, 0 if it does not exist."""
        return next((int(one["state"]) for one in self.messages(number)), 0)

    def name(self, number: object) -> str:
        """Return the Message-ID (RFC 5322) of a message."""
        return identifier(member(self.call("get_message_info_object", number), "rfc724Mid"), "-_.@")


def _program(settings: Settings) -> str:
    spec = None if settings.program else find_spec("deltachat_rpc_server")
    return settings.program or (
        str(Path(spec.origin).with_name("deltachat-rpc-server")) if spec and spec.origin else ""
    )


def _no_tls(settings: Settings) -> bool:
    return settings.tls == "none" and settings.host not in LOOPBACK


@contextmanager
def _opened(settings: Settings, secrets: Secrets, timeouts: Timeouts) -> Iterator[_Core]:
    """Run the program, logged in and with all waiting email fetched; raises ``_Stop``."""
    if "password" not in secrets or _no_tls(settings):
        raise _Stop(Rejected("secret", "the secret password or TLS is missing", about="account"))
    lock = _LOCKS.setdefault(settings.folder, threading.Lock())
    if not lock.acquire(timeout=timeouts.read.total_seconds()):
        raise _Stop(_BUSY)
    try:
        with _run(settings) as run:
            try:
                core = _Core(run, timeouts.total)
                _log_in(core, settings, secrets["password"].reveal().strip())
                core.call("start_io")
                core.until(core.fetched, timeouts.read)
                yield core
            finally:
                run.kill()  # its database survives that
                with suppress(OSError):  # what was written last may not have left
                    run.stdin.close()  # type: ignore[union-attr]
    finally:
        lock.release()


def _run(settings: Settings) -> subprocess.Popen[bytes]:
    # Without the environment, which can have secrets; Windows needs one part of it.
    needed = {"DC_ACCOUNTS_PATH": str(settings.folder), "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [_program(settings)]
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, env=needed)  # noqa: S603  # no shell
    except OSError:
        why = "deltachat-rpc-server cannot be started, or its folder cannot be made"
        raise _Stop(Rejected("program", why, about="account")) from None


def _log_in(core: _Core, settings: Settings, password: str) -> None:
    """Make the account at the first use, and log in again if the settings have changed."""
    tls = {"implicit": "ssl", "starttls": "starttls", "none": "plain"}[settings.tls]
    trusted = "acceptInvalidCertificates" if settings.host in LOOPBACK else "strict"
    wanted: dict[str, object] = {"addr": settings.account, "password": password, "certificateChecks": trusted}
    for kind, port in (("imap", settings.imap_port), ("smtp", settings.port)):
        wanted |= {f"{kind}Server": settings.host, f"{kind}Port": port, f"{kind}Security": tls}
    try:
        accounts = core.ask("get_all_account_ids")
    except _Stop:  # it ends while another process has the lock
        raise _Stop(_BUSY) from None
    if not accounts:
        core.ask("add_account")
    (
        settings.folder / ".tocsin-secret"
    ).touch()  # no backup has this folder; the program begins in an empty one
    known = core.call("list_transports")
    if any(one["addr"] != settings.account for one in known):
        raise _Stop(Rejected("account", "the folder is that of another account", about="account"))
    if not any(wanted.items() <= one.items() for one in known):
        kept = {"delete_device_after": str(int(KEPT.total_seconds())), "bcc_self": "0", "mdns_enabled": "1"}
        core.call("batch_set_config", {"displayname": settings.name, **kept})
        refused = NotSent("the mail server does not answer, or refuses the login")
        core.call("add_or_update_transport", wanted, refused=refused)


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one message, encrypted to the key in the address, or not at all."""
    if problem := address_problem(outbound.recipient):
        return Rejected("address", problem, about="recipient")
    if len(outbound.text) > LONGEST:
        return Rejected("too_long", f"the text has more than {LONGEST} characters")
    waits = outbound.timeouts
    try:
        # First, as the program would keep the message and send it after the attempt.
        socket.create_connection((settings.host, settings.port), waits.connect.total_seconds()).close()
    except OSError:
        return NotSent("the mail server cannot be reached")
    try:
        with _opened(settings, secrets, waits) as core:
            return _posted(core, outbound, _chat(core, outbound.recipient, waits.read))
    except _Stop as stop:
        outcome: Outcome = stop.args[0]
        return outcome


def _chat(core: _Core, link: str, patience: timedelta) -> int:
    """Return the encrypted chat with the owner of an invite link; the first time, their device must answer."""
    bad = Rejected("address", "the invite link is not that of another person", about="recipient")
    found = core.call("check_qr", link, refused=bad)
    if found["kind"] != "askVerifyContact":
        raise _Stop(bad)
    contact = found["contact_id"]
    core.keep(f"contact.{contact}", link)

    def has_key() -> bool:
        return core.call("get_contact", contact)["e2eeAvail"] is True

    if not has_key():
        core.call("secure_join", link)
        core.until(has_key, patience)
    chat = int(core.call("create_chat_by_contact_id", contact))
    shown = core.call("get_full_chat_by_id", chat)
    if not (has_key() and shown["isEncrypted"] is True and shown["canSend"] is True):
        why = "the device of the person has not answered the invitation, so nothing can be encrypted"
        raise _Stop(Rejected("no_key", why, permanent=False, about="recipient"))
    return chat


def _posted(core: _Core, outbound: Outbound, chat: int) -> Outcome:
    """Store the message under the key, then send it; a repetition finds the stored one."""
    key = f"key.{outbound.idempotency_key}.{chat}"
    known, _, name = core.note(key).partition(" ")
    if known and core.state(int(known)):
        number = int(known)
    else:
        core.call("remove_draft", chat)  # so that no two messages get the same number
        text = f"{outbound.subject}\n\n{plain_body(outbound).rstrip()}"
        core.call("misc_set_draft", chat, text, None, None, None, None)
        number = core.call("get_draft", chat)["id"]
        name = core.name(number)
        core.keep(f"message.{number}", outbound.idempotency_key)
        core.keep(key, f"{number} {name}")
    core.begun = True
    if core.state(number) == _DRAFT:
        core.call("misc_send_draft", chat)
    core.until(lambda: core.state(number) > _PENDING, outbound.timeouts.read)
    (sent,) = core.messages(number)
    if sent["state"] in (_DELIVERED, _READ):
        return Accepted(name, "read" if sent["state"] == _READ else "accepted")
    if sent["state"] == _FAILED:
        code, about = _refusal(sent)
        return Rejected(code, "the mail server refuses the message", about=about)
    return Unknown("the mail server has not confirmed the message, which stays in the queue", "answer")


def _refusal(message: dict[str, Any]) -> tuple[str, About]:
    """Return the code of the mail server (RFC 3463) and its subject; its words are not repeated."""
    found = _CODE.search(str(message["error"]))
    subjects: dict[str, About] = {"1": "recipient", "2": "recipient", "7": "account"}
    return (found[0], subjects.get(found[1], "message")) if found else ("failed", "message")


def collect(took: Took, at: datetime, timeouts: Timeouts, settings: Settings, secrets: Secrets) -> str:
    """Fetch read receipts, reactions and replies; what was stored is marked in the account, or deleted there."""
    try:
        with _opened(settings, secrets, timeouts) as core:
            if not core.fetched():
                return "the mailbox cannot be read"
            chats = core.call("get_chatlist_entries", None, None, None)
            numbers = [core.call("get_message_ids", chat, False, False) for chat in chats]
            kept = [_taken(core, took, one) for some in numbers for one in core.messages(*some)]
            return "" if all(kept) else "a received item could not be stored"
    except _Stop as stop:
        return str(getattr(stop.args[0], "reason", ""))


def _taken(core: _Core, took: Took, one: dict[str, Any]) -> bool:
    """Pass on what is new about one message; false if it could not be stored."""
    number, name = one["id"], core.name(one["id"])
    if one["fromId"] != _SELF:
        # Only a person who was sent to has an address here; other email, or clear text, is not read.
        sender = core.note(f"contact.{one['fromId']}") if one["showPadlock"] else ""
        quoted = member(one, "quote", "messageId")
        answered = core.name(quoted) if quoted else ""
        at = datetime.fromtimestamp(one["timestamp"], UTC)
        reply = Answer(event_id=name, sender=sender, text=one["text"], provider_id=answered, at=at)
        kept = not sender or took(reply)
        if kept:
            core.call("delete_messages", [number])
        return kept
    key, *told = core.note(f"message.{number}").split() or [""]
    if not key:  # a message of the program
        return True
    news: list[Receipt | Answer] = []
    if one["state"] == _READ:
        first = core.call("get_message_read_receipts", number)[0]
        at, event = datetime.fromtimestamp(first["timestamp"], UTC), f"{name}:read"
        news.append(Receipt(kind="read", event_id=event, provider_id=name, idempotency_key=key, at=at))
    if one["state"] == _FAILED:
        (code, about), event = _refusal(one), f"{name}:failed"
        news.append(Receipt(kind="failed", event_id=event, provider_id=name, code=code, about=about))
    marks = (one.get("reactions") or {}).get("reactionsByContact", {})
    for contact in [who for who, what in marks.items() if what and who != str(_SELF)]:
        sender, event = core.note(f"contact.{contact}"), f"{name}:reaction"
        news.append(Answer(event_id=event, sender=sender, text="seen", provider_id=name))
    fresh = [each for each in news if each.event_id not in told]
    done = [each.event_id for each in fresh if took(each)]
    if done:
        core.keep(f"message.{number}", " ".join([key, *told, *done]))
    return len(done) == len(fresh)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    open_to_others = settings.folder.exists() and settings.folder.stat().st_mode & 0o077
    problems = (
        ("password" not in secrets, "the secret password is missing", "secrets: {password: env:NAME}"),
        (_no_tls(settings), "the password is not sent without TLS", "tls: implicit"),
        (not _program(settings), "deltachat-rpc-server is not installed", "Install tocsin[deltachat]"),
        (os.name == "posix" and open_to_others, "other users can read folder", "chmod 700 FOLDER"),
        (settings.test_to and address_problem(settings.test_to), "test_to is not an invite link", ""),
    )
    return tuple(Finding("error", what, hint) for wrong, what, hint in problems if wrong)


self_test = self_test_to(send, "test_to")
