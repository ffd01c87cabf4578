"""Port of integrations: the interface between an integration and the runner.

An integration is a plain module (or any object) with the functions of ``Integration``. It makes one attempt
and answers with exactly one of five outcomes. It never retries, never logs, never decides, reads no clock
and no environment. If it cannot determine whether the provider accepted the message it returns ``Unknown``: that is
an answer, not a failure. A ``reason`` never contains an address, a body, a secret or text from the provider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec

Confidentiality = Literal["public", "internal", "confidential", "restricted"]
PersonalData = Literal["none", "contact", "personal", "special", "credentials"]
Proof = Literal["accepted", "relayed", "delivered", "read"]
"""Evidence of delivery, lowest first. Acknowledgement is a person's act, not evidence."""

About = Literal["recipient", "message", "destination", "account", "provider"]
"""Subject of a rejection. ``destination``: the server of this recipient refuses the sender. The last two are about the whole channel."""
Address = Literal["", "gone", "stopped"]
"""Finding of a rejection about the address: it does not exist, or its owner opted out of this kind of channel."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts on this machine."""


class Secret(Protocol):
    """A secret that does not print itself."""

    def reveal(self) -> str:
        """Return the text, only for a header or a signature."""


Secrets = Mapping[str, Secret]


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for the provider in each phase; ``total`` ends the attempt in any case."""

    connect: timedelta = timedelta(seconds=5)
    read: timedelta = timedelta(seconds=20)
    after_body: timedelta = timedelta(seconds=60)
    """For protocols with a slow last answer, such as SMTP's after the final dot (RFC 5321 4.5.3.2.6)."""
    total: timedelta = timedelta(seconds=90)


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send one message to one address."""

    delivery: str
    attempt: int
    """Counts from 1. It must not change the message for the provider: the key identifies the message."""
    idempotency_key: str
    """32 characters of base32: the same for every attempt of the same logical send over this channel."""
    recipient: str
    subject: str
    text: str
    at: datetime
    """The instant of the attempt, aware: for ``Date`` headers and signatures."""
    html: str | None = None
    marking: str = ""
    footer: str = ""
    timeouts: Timeouts = Timeouts()
    campaign: str = ""
    """``CAMPAIGN:NOTICE`` for one of many messages; empty for all others. Complaint statistics of mailbox providers use it."""
    deadline: datetime | None = None
    """After this the message is useless; it is passed to providers that can expire messages."""
    sealed: bytes = b""
    """What ``seal`` returned for this key; empty without it, and for a message that is never repeated."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Show identifiers only: logs and tracebacks must not contain addresses and bodies."""
        return f"Outbound(delivery={self.delivery!r}, attempt={self.attempt})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # type: ignore[explicit-override]
        """Show identifiers only in Rich's representation as well."""
        return [("delivery", self.delivery), ("attempt", self.attempt)]


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The provider accepted the message. ``provider_id`` is its name for the message, if it gave one.

    For a long message in parts with own names and receipts, it has all names,
    separated by spaces, in order: the message is delivered when every one of them is.
    """

    provider_id: str = ""
    evidence: Proof = "accepted"


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """The provider refused: it does not have the message. Without ``permanent`` a later attempt may succeed."""

    code: str
    reason: str
    permanent: bool = True
    about: About = "message"
    address: Address = ""


class Throttled(msgspec.Struct, frozen=True, tag="throttled"):
    """Deferred: the provider does not have the message. ``retry_after`` is None if it gave no time."""

    retry_after: timedelta | None
    reason: str
    code: str = ""


class NotSent(msgspec.Struct, frozen=True, tag="not_sent"):
    """The message was provably not sent: refused connection, unknown host, a drop before the body."""

    reason: str


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """The message may have arrived. ``phase`` is where the answer was lost: connect, tls, request, answer."""

    reason: str
    phase: str


Outcome = Accepted | Rejected | Throttled | NotSent | Unknown


class Found(msgspec.Struct, frozen=True, tag="found"):
    """The provider has it: an unknown attempt becomes accepted."""

    provider_id: str
    evidence: Proof = "accepted"


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """The provider provably does not have it and will not: an unknown attempt becomes not sent."""


class CannotTell(msgspec.Struct, frozen=True, tag="cannot_tell"):
    """The query did not settle the outcome."""

    reason: str


Reconciled = Found | Absent | CannotTell


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request from a provider, unchanged: signatures cover the raw bytes."""

    method: str
    path: str
    """With the query, unchanged: some signatures cover it."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    """Time of arrival, aware: signatures have a window."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's report about an earlier attempt. Repeated or reordered receipts are harmless: evidence only rises."""

    kind: Literal["accepted", "relayed", "delivered", "read", "failed", "stopped", "delayed", "complained"]
    event_id: str
    """Unique at the provider, or a digest of the raw body: makes duplicates harmless."""
    provider_id: str = ""
    idempotency_key: str = ""
    """One of the two names the attempt."""
    at: datetime | None = None
    code: str = ""
    about: About = "recipient"
    """With ``failed``: the subject of the failure."""
    address: Address = ""
    recipient: str = ""
    """The number of a telephone that the networks delivered to, if the provider names it: only its country is kept."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer: a reply, a pressed button. The channel determines whether it authorises."""

    event_id: str
    sender: str
    text: str
    provider_id: str = ""
    idempotency_key: str = ""
    at: datetime | None = None
    shared: bool = False
    """It came from a place, such as a group's channel, where other people can answer as well."""
    also: str = ""
    """A second address of the sender at the same provider."""
    moved: bool = False
    """Nothing was said: the provider reports that the sender's address changed, so it can belong to somebody else."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the person and the text."""
        return f"Answer(event_id={self.event_id!r})"


class Unauthentic(msgspec.Struct, frozen=True, kw_only=True):
    """The signature, its age or its form is invalid: nothing of the callback can be used."""

    reason: str


Parsed = tuple[Receipt | Answer, ...] | Unauthentic


class CallbackReply(msgspec.Struct, frozen=True, kw_only=True):
    """The response to a verified callback, if the provider needs more than an empty 200."""

    content_type: str
    body: bytes


Took = Callable[[Receipt | Answer], bool]
"""Stores the collected reports and answers durably, and only then returns true."""


class Finding(msgspec.Struct, frozen=True):
    """A problem that ``lint`` found, and a hint."""

    severity: Literal["error", "warning"]
    what: str
    hint: str = ""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Capabilities for the planner and the failover. In doubt claim less: they depend on it."""

    address_kind: Literal["email", "phone", "handle", "subscription", "none"]
    """Kinds of contact points; ``none`` if the channel needs no address of the person."""
    domains: frozenset[str]
    """Default failure domains: all that the channel depends on, from its settings."""
    hosts: frozenset[str] = frozenset()
    """The machines of its service, ``host:NAME``: domains as well, but a failing service gives no evidence about them."""
    push: frozenset[str] = frozenset()
    """The services through which it wakes a phone, such as ``apns`` and ``fcm``: without them a message arrives in silence."""
    confidentiality: Confidentiality
    """The ceiling: end-to-end encrypted is ``restricted``, TLS to one provider ``confidential``, e-mail ``internal``."""
    personal_data: PersonalData
    receipts: frozenset[Proof] = frozenset({"accepted"})
    """The evidence that it can give, at once or later."""
    ack: Literal["none", "reply", "button", "link", "sso"] = "none"
    ack_strength: Literal["none", "seen", "authorises"] = "none"
    sim_swappable: bool = False
    """A person who takes over the phone number takes over the channel."""
    e2ee: bool = False
    signed: bool = False
    """Tocsin signs every message, so that the recipient can verify its origin."""
    idempotency: Literal["none", "key", "txn", "dedup"] = "none"
    """Whether a second send with the same key provably has no second effect."""
    key_lifetime: timedelta | None = None
    """How long the provider remembers the key; None means for ever."""
    reconcile: Literal["none", "query"] = "none"
    max_length: int | None = None
    """Characters of text; longer text is refused by the adapter, never cut."""
    rates: tuple[str, ...] = ()
    """The provider's rate limit of an account: ``1/s``, ``20/min``, ``12/min burst 60``."""
    called_back: bool = False
    """Its provider sends receipts or answers by HTTP to a public address of Tocsin."""
    stays_here: bool = False
    """Its messages never leave this machine, so exercises can always use it."""
    screen: bool = False
    """It shows messages on the terminal of the process that sends, so it reaches nobody if no person watches that process."""
    sender_name: str = ""
    """The name that readers see as the sender in place of a number; a reader cannot answer it."""
    answers_stop: bool = False
    """Its provider answers no STOP and no HELP of a reader, so Tocsin does."""
    spoken: bool = False
    """It reads the text aloud in a call with an artificial voice."""
    stop_by_key: bool = False
    """A person can press a key in the call to get no more calls."""
    secrets: frozenset[str] = frozenset()
    """Names of its required secrets."""
    optional_secrets: frozenset[str] = frozenset()
    rooms: Confidentiality | None = None
    """Confidentiality limit of the rooms that it opens; None if it opens none. See ``Further.open_room``."""


class Integration(Protocol):
    """The target of ``tocsin.integrations`` entry points. ``settings`` is always an instance of ``Settings``."""

    @property
    def Settings(self) -> type[msgspec.Struct]:
        """The frozen struct of this adapter's settings, with ``forbid_unknown_fields``, without secrets.

        A server is named by ``url`` or ``api``, or by ``host`` and ``port``: ``doctor`` connects to it.
        """

    def capabilities(self, settings: Any) -> Capabilities:
        """Return the capabilities of a channel with these settings. Pure."""

    def address_problem(self, address: str) -> str:
        """Return the problem of an address, without the address, or the empty string. Pure."""

    def send(self, outbound: Outbound, settings: Any, secrets: Secrets) -> Outcome:
        """Make one attempt. Every expected failure is an outcome; an exception is a bug of the adapter."""

    def lint(self, settings: Any, secrets: Secrets) -> tuple[Finding, ...]:
        """Return the problems of the settings and secrets, without network access."""

    def self_test(self, outbound: Outbound, settings: Any, secrets: Secrets) -> Outcome:
        """Send ``outbound`` as a test message, as close to a real send as the channel allows."""


class Further(Protocol):
    """Further functions of an integration. Each is optional: Tocsin uses those that the module has."""

    def reconcile(self, outbound: Outbound, settings: Any, secrets: Secrets) -> Reconciled:
        """Ask the provider whether an unanswered attempt arrived; ``CannotTell`` if that is not possible."""

    def parse_callback(self, callback: Callback, settings: Any, secrets: Secrets) -> Parsed:
        """Return the contents of a provider's callback; without it, none is accepted. Pure; the signature is checked before."""

    def lint_at(self, at: datetime, settings: Any, secrets: Secrets) -> tuple[Finding, ...]:
        """Return the problems at ``at`` or soon, without network access; ``lint`` finds all others."""

    def look_up(self, settings: Any) -> tuple[Finding, ...]:
        """Check and return the problems; a failed query is a finding too. Only on a person's request."""

    def reply(self, callback: Callback, settings: Any, secrets: Secrets) -> CallbackReply:
        """Return the body of the 200 response, after ``parse_callback`` accepted the callback. Pure."""

    def collect(self, took: Took, at: datetime, timeouts: Timeouts, settings: Any, secrets: Secrets) -> str:
        """Pass all that waits to ``took``, and confirm it to the provider only if that is true; return the problem, or "".

        One round, until nothing has arrived for ``timeouts.read``."""

    def open_line(self, settings: Any, secrets: Secrets) -> BulkConnection:
        """Return a connection; it is opened with the first batch."""

    def recall(self, outbound: Outbound, provider_id: str, settings: Any, secrets: Secrets) -> Outcome:
        """Stop a call, or change a message, after an acknowledgement elsewhere, by its key or by the provider's name for it; ``Accepted`` if it has stopped. Repetition is harmless.

        ``outbound`` has the key, and the message as it should read now: first who acknowledged it. Without a text
        a rule blocks the channel now: stop it, but write nothing there. It never proves delivery of the message."""

    def unsent(self, outbound: Outbound, settings: Any) -> str:
        """Return why an accepted message has not left this machine, or the empty string. Only with an outbox."""

    def browser_key(self, settings: Any, secrets: Secrets) -> str:
        """Return the public key for which a browser subscribes; raises ValueError without a usable secret."""

    def address_domains(self, address: str, settings: Any) -> frozenset[str]:
        """Return the failure domains of an address itself; none for one at a service that the settings do not allow."""

    def seal(self, outbound: Outbound, settings: Any, secrets: Secrets) -> bytes | Outcome:
        """Return the message encrypted end to end to the ``#KEY`` of an address, or why there is none; nothing is sent.

        The bytes are stored before the first ``send``, and each ``send`` with this key gets them as ``outbound.sealed``."""

    def new_device(self, query: Query, settings: Any, secrets: Secrets) -> str | Outcome:
        """Return the text of the secret ``device``, with the identity of the present one if there is one; publish nothing."""

    def publish_device(self, query: Query, settings: Any, secrets: Secrets) -> Outcome:
        """Publish the device of the secret; ``Accepted`` if others can verify it. Repetition is harmless."""

    def pin(self, query: Query, settings: Any, secrets: Secrets) -> str | Outcome:
        """Return the address of ``query.recipient`` with the key that the provider now shows for its person."""

    def open_room(self, room: NewRoom, settings: Any, secrets: Secrets) -> Outcome:
        """Open an invitation-only room (``Capabilities.rooms``), or find the existing one of that name; ``Accepted.provider_id`` names it."""

    def invite(self, invitation: Invitation, settings: Any, secrets: Secrets) -> Outcome:
        """Invite one person; for a member or invited person the outcome is ``Accepted``."""

    def room_address(self, room: str, settings: Any) -> str:
        """Return the link to a room. Pure."""


def unwritable(outbound: Outbound, provider_id: str) -> Rejected | None:
    """Return why a message cannot be changed: a rule blocks the channel, or its name at the provider is unknown."""
    if not outbound.text:
        return Rejected("blocked", "a rule blocks this channel now, so the message there was not changed")
    return None if provider_id else Rejected("unnamed", "the provider did not name the message")


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the provider, about no message."""

    at: datetime
    recipient: str = ""
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the address."""
        return f"Query(at={self.at!r})"


class BulkConnection(Protocol):
    """A connection to a provider that remains open between batches. Not for several threads."""

    def send(self, outbounds: Sequence[Outbound]) -> tuple[Outcome, ...]:
        """Make one attempt for each, in order, and return one outcome each, in that order.

        The rules of ``Integration.send`` apply to each attempt: if the connection breaks, earlier attempts have
        their outcomes, the attempt without an answer is unknown, and later ones are not sent.
        """

    def close(self) -> None:
        """End the connection; repetition is harmless."""


class NewRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A private room to open. ``title`` is for its members; ``timeouts`` apply to each request of the attempt."""

    name: str
    """Lower-case letters, digits and hyphens, 40 at most, the same for every attempt: outsiders can see it."""
    title: str
    at: datetime
    timeouts: Timeouts = Timeouts()


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """One person to invite to a room of ``open_room``."""

    room: str
    recipient: str
    at: datetime
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Omit the address."""
        return f"Invitation(room={self.room!r})"


class UnknownIntegration(LookupError):
    """No adapter of that name is installed; ``nearest`` is the closest name, or empty."""

    def __init__(self, name: str, known: tuple[str, ...], nearest: str) -> None:
        """Store the parts for the runner's message."""
        super().__init__(f"no integration is named {name!r}")
        self.name = name
        self.known = known
        self.nearest = nearest


SHORTEST = 80
"""Minimum number of characters of a text after it is cut."""


def plain_body(outbound: Outbound) -> str:
    """Return the full text: marking above, footer below the signature dashes."""
    head = f"{outbound.marking}\n\n" if outbound.marking else ""
    tail = f"\n\n-- \n{outbound.footer}" if outbound.footer else ""
    return f"{head}{outbound.text.rstrip()}{tail}\n"


def narrow_body(outbound: Outbound) -> str:
    """Return the text for a telephone: one character outside the network's alphabet halves the length of a part.

    In the footer dots become hyphens; the text is unchanged.
    """
    narrow = msgspec.structs.replace(outbound, footer=outbound.footer.replace("·", "-"))
    return plain_body(narrow).rstrip("\n")


def fitted(outbound: Outbound, longest: int, fits: Callable[[Outbound], bool]) -> Outbound | None:
    """Return a message that fits, with a shorter text if subject, marking and footer need more than their reserve.

    None if the text itself is longer than the channel's limit (``longest``), or would become too short.
    """
    if len(outbound.text) > longest:
        return None
    if fits(outbound):
        return outbound

    def cut(size: int) -> Outbound:
        return msgspec.structs.replace(outbound, text=f"{outbound.text[:size]}…")

    low, high = 0, len(outbound.text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(cut(middle)) else (low, middle - 1)
    return cut(low) if low >= SHORTEST else None


def machine_of(host: str) -> frozenset[str]:
    """Return the failure domain of a machine, ``host:NAME``; none for this machine, which every send needs."""
    return frozenset({f"host:{host.lower()}"}) if host and host.lower() not in LOOPBACK else frozenset()


PHONES = frozenset({"apns", "fcm"})
"""The push services of Apple and Google, which wake the phones of nearly every app."""


def phone_problem(address: str) -> str:
    """Return the problem of a telephone number, without the number, or the empty string (ITU-T E.164)."""
    digits = address.removeprefix("+")
    if digits == address or not digits.isascii() or not digits.isdigit():
        return "a number has the international form: + and digits only, without spaces"
    if digits.startswith("0") or not 7 <= len(digits) <= 15:
        return "a number has a country code and 7 to 15 digits in all"
    return ""


def name_of(sender: str) -> str:
    """Return the sender if it is a name, and the empty string if it is a number, a short code or an address with a scheme."""
    return "" if sender.removeprefix("+").isdigit() or ":" in sender else sender


def handle_problem(address: str) -> str:
    """Return the problem of a handle that only Tocsin and the receiver know, or the empty string."""
    if not address or len(address) > 200 or not address.isprintable():
        return "a handle is 1 to 200 printable characters"
    return ""


def named(name: str, otherwise: str) -> Accepted | Unknown:
    """Return the outcome of a positive answer: accepted with this name; without a name unknown (``otherwise`` is the reason)."""
    return Accepted(name) if name else Unknown(otherwise, "answer")


def self_test_to(
    send: Callable[[Outbound, Any, Secrets], Outcome], setting: str, code: str = "settings"
) -> Callable[[Outbound, Any, Secrets], Outcome]:
    """Return a ``self_test`` that sends normally, to the own address in a setting."""

    def self_test(outbound: Outbound, settings: Any, secrets: Secrets) -> Outcome:
        if not (own := getattr(settings, setting)):
            return Rejected(code, f"{setting} is not set: nowhere to send a self-test", about="account")
        return send(msgspec.structs.replace(outbound, recipient=own), settings, secrets)

    return self_test
