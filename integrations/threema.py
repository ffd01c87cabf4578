"""Threema Gateway, end to end: the text is encrypted here (NaCl box), and only the person can read it.

An address is an id with its public key, ``ID#KEY``: another key is another address. Threema has no idempotency key, so an
unanswered send remains unknown. It accepts messages to people who blocked the sender: only a receipt proves delivery.
Format: gateway.threema.ch, developer documentation. NaCl needs XSalsa20, which ``cryptography`` does not have.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from integrations.http import Reply, Request, exchange, judge
from integrations.http.service import findings, held, identifier, web_capabilities
from integrations.port import (
    PHONES,
    About,
    Answer,
    Callback,
    Capabilities,
    Finding,
    NotSent,
    Outbound,
    Outcome,
    Parsed,
    Query,
    Receipt,
    Rejected,
    Secrets,
    Timeouts,
    Unauthentic,
    Unknown,
    fitted,
    named,
    plain_body,
    self_test_to,
)

LARGEST = 3_500
"""Bytes of a text message."""
LONGEST = 3_000
"""Characters of text without the usual subject, marking and footer; if these are longer, the text is cut."""
_ADDRESS = re.compile(r"([A-Z0-9]{8})(?:#([0-9a-f]{64}))?", re.ASCII)
_OWN = re.compile(r"\*[A-Z0-9]{7}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An end-to-end account. The secret ``api_secret`` is its password, ``private_key`` its key of 64 hexadecimal digits."""

    identity: str
    """The id of the account, such as ``*ACME123``."""
    api: str = "https://msgapi.threema.ch"
    test_to: str = ""
    ca_file: str = ""


def capabilities(settings: Settings) -> Capabilities:
    """End to end encrypted to the key in the address; an id does not belong to a phone number."""
    return web_capabilities(
        settings.api,
        "threema",
        up_to="restricted",
        personal_data="personal",
        receipts=frozenset({"accepted", "delivered", "read"}),
        ack="button",
        ack_strength="seen",
        e2ee=True,
        push=PHONES,
        max_length=LONGEST,
        called_back=True,
        secrets=frozenset({"api_secret", "private_key"}),
    )


def address_problem(address: str) -> str:
    """An address is an id; nothing is sent to it before it has a key."""
    return "" if _ADDRESS.fullmatch(address) else "a Threema address is an id of 8 letters and digits: ID#KEY"


def pin(query: Query, settings: Settings, secrets: Secrets) -> str | Outcome:
    """Return the address with the key that Threema now has for its id."""
    identity = query.recipient.partition("#")[0]
    key = public_key(identity, settings, secrets, query.at, query.timeouts)
    return f"{identity}#{key}" if isinstance(key, str) else key


def seal(outbound: Outbound, settings: Settings, secrets: Secrets) -> bytes | Outcome:
    """Encrypt one message to the key in its address, if Threema has no other; return the id, the nonce and the box."""
    address = _ADDRESS.fullmatch(outbound.recipient)
    if address is None or address[2] is None:
        return Rejected("no_key", address_problem(outbound.recipient) or _NO_KEY, about="recipient")
    shown = fitted(outbound, LONGEST, lambda one: len(_body(one)) <= LARGEST)
    if shown is None:
        return Rejected("too_long", f"the message has more than {LARGEST} bytes")
    key = public_key(address[1], settings, secrets, outbound.at, outbound.timeouts)
    if isinstance(key, Unknown):  # only the question was lost
        return NotSent("Threema does not answer")
    if not isinstance(key, str):
        return key
    if key != address[2]:
        return Rejected(
            "key_changed", "Threema has another key for this id: ask the person", about="recipient"
        )
    box = _box(key, secrets)
    if isinstance(box, Rejected):
        return box
    from nacl.utils import random

    text, nonce = b"\x01" + _body(shown), random(24)
    padding = max(1 + random(1)[0] % 255, 33 - len(text))  # random, so that the length tells little
    sealed: bytes = box.encrypt(text + bytes([padding]) * padding, nonce)
    return address[1].encode() + sealed


_NO_KEY = "the contact has no key for this id: tocsin channel keys CHANNEL"


def send(outbound: Outbound, settings: Settings, secrets: Secrets) -> Outcome:
    """Send one encrypted message; only a message id means accepted."""
    identity = outbound.recipient.partition("#")[0]
    mine = outbound.sealed.startswith(identity.encode())  # the address can have changed since
    sealed = outbound.sealed if outbound.sealed and mine else seal(outbound, settings, secrets)
    if not isinstance(sealed, bytes):
        return sealed
    form = {"to": identity, "nonce": sealed[8:32].hex(), "box": sealed[32:].hex()}
    reply = _ask("send_e2e", form, settings, secrets, outbound.at, outbound.timeouts)
    if not isinstance(reply, Reply):
        return reply
    if reply.status in _REFUSALS:
        about, why = _REFUSALS[reply.status]
        return Rejected(str(reply.status), why, about=about)
    name = identifier(_text(reply), "")
    return judge(reply, outbound.at) or named(name, "the answer of Threema has no message id")


def public_key(
    identity: str, settings: Settings, secrets: Secrets, at: datetime, timeouts: Timeouts
) -> str | Outcome:
    """Ask for the public key of an id, in hexadecimal digits."""
    reply = _ask(f"pubkeys/{identity}", {}, settings, secrets, at, timeouts)
    if not isinstance(reply, Reply):
        return reply
    if reply.status == 404:
        return Rejected("404", "this Threema id does not exist", about="recipient", address="gone")
    text = _text(reply)
    return judge(reply, at) or (text if _KEY.fullmatch(text) else Unknown("the answer is no key", "answer"))


def _ask(
    path: str, form: dict[str, str], settings: Settings, secrets: Secrets, at: datetime, timeouts: Timeouts
) -> Reply | NotSent | Rejected | Unknown:
    """Make one request with the account's secret: a form is posted."""
    secret = held(secrets, "api_secret")
    if isinstance(secret, Rejected):
        return secret
    method, fields = (
        "POST" if form else "GET",
        urlencode({"from": settings.identity, **form, "secret": secret}),
    )
    return exchange(
        Request(
            method=method,
            url=f"{settings.api}/{path}" + ("" if form else f"?{fields}"),
            at=at,
            headers={"Content-Type": "application/x-www-form-urlencoded"} if form else {},
            body=fields.encode() if form else b"",
            timeouts=timeouts,
            ca_file=settings.ca_file,
        )
    )


_REFUSALS: dict[int, tuple[About, str]] = {
    400: ("recipient", "Threema refuses this id, or the account is not an end-to-end account"),
    402: ("account", "the account has no credits left"),
}


def _text(reply: Reply) -> str:
    return reply.body.decode("ascii", "replace").strip()


def _body(outbound: Outbound) -> bytes:
    return f"{outbound.subject}\n\n{plain_body(outbound).rstrip()}".encode("utf-8", "replace")


def _box(key: str, secrets: Secrets) -> Any:
    """Return the box between the account and a public key, or the outcome without it."""
    own = held(secrets, "private_key")
    if isinstance(own, Rejected):
        return own
    try:
        from nacl.public import Box, PrivateKey, PublicKey

        return Box(PrivateKey(bytes.fromhex(own)), PublicKey(bytes.fromhex(key)))
    except ImportError:
        return Rejected("missing", "PyNaCl is not installed: install tocsin[threema]", about="account")
    except (ValueError, TypeError):  # those of nacl.exceptions are of these classes
        return Rejected("secret", "the secret private_key or the public key is not a key", about="account")


def parse_callback(callback: Callback, settings: Settings, secrets: Secrets) -> Parsed:
    """Check the HMAC, then decrypt with the sender's key.

    The key is asked for, as the callback does not have it; a reply under another key than that of the contact has another
    address. Without the key the callback is refused, and Threema posts it again.
    """
    secret = held(secrets, "api_secret")
    if isinstance(secret, Rejected):
        return Unauthentic(reason="no usable secret")
    try:
        said = dict(parse_qsl(callback.body.decode("ascii"), keep_blank_values=True, max_num_fields=20))
        signed = "".join(said[name] for name in ("from", "to", "messageId", "date", "nonce", "box"))
        wanted = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        given = said["mac"].lower().encode()
    except (ValueError, KeyError):
        return Unauthentic(reason="the body is not a callback of Threema")
    if not hmac.compare_digest(wanted.encode(), given) or said["to"] != settings.identity:
        return Unauthentic(reason="the MAC is not valid")
    sender, name = identifier(said["from"], "*"), identifier(said["messageId"], "")
    key = public_key(sender, settings, secrets, callback.at, Timeouts())
    box = _box(key, secrets) if isinstance(key, str) else None
    if box is None or isinstance(box, Rejected):
        return Unauthentic(reason="the key of the sender is unknown")
    from nacl.exceptions import CryptoError

    try:
        clear = box.decrypt(bytes.fromhex(said["box"]), bytes.fromhex(said["nonce"]))
        at = datetime.fromtimestamp(int(said["date"]), UTC)
        return tuple(_events(clear[: -clear[-1]], f"{sender}#{key}", f"{sender}:{name}", at))
    except (CryptoError, ValueError, LookupError, OverflowError, OSError):
        return ()


def _events(clear: bytes, sender: str, name: str, at: datetime) -> Iterator[Receipt | Answer]:
    """Read a message: 01 is a text, 80 a receipt: 1 delivered, 2 read, 3 agreed, 4 disagreed, which proves only *read*."""
    kind, body = clear[:1], clear[1:]
    if kind == b"\x01":
        yield Answer(event_id=name, sender=sender, text=body.decode("utf-8", "replace"), at=at)
    if kind != b"\x80" or not 1 <= body[0] <= 4:
        return
    for start in range(1, len(body) - 7, 8):
        sent = body[start : start + 8].hex()
        event, proved = f"{name}:{sent}", "delivered" if body[0] == 1 else "read"
        yield Receipt(kind=proved, event_id=event, provider_id=sent, at=at)  # type: ignore[arg-type]  # one of two
        if body[0] == 3:
            yield Answer(event_id=f"{event}:agreed", sender=sender, text="seen", provider_id=sent, at=at)


def lint(settings: Settings, secrets: Secrets) -> tuple[Finding, ...]:
    """Find errors and leaks in the settings, without connecting."""
    key = secrets["private_key"].reveal().strip() if "private_key" in secrets else "0" * 64
    problems = (
        (not _OWN.fullmatch(settings.identity), "identity is not that of a gateway", 'identity: "*ACME123"'),
        (not _KEY.fullmatch(key), "private_key does not have 64 hexadecimal digits", "64 hexadecimal digits"),
        (settings.test_to and address_problem(settings.test_to), "test_to is not an address", "ID#KEY"),
        (find_spec("nacl") is None, "PyNaCl is not installed", "Install tocsin[threema]"),
    )
    more = tuple(Finding("error", what, hint) for wrong, what, hint in problems if wrong)
    return findings(settings.api, secrets, "api_secret", "private_key") + more


self_test = self_test_to(send, "test_to")
