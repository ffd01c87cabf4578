"""Port of integrations: the interface between an integration and the runner.

An integration is a plain module (or any object) with the functions of ``Integration``. It makes one attempt
and answers with exactly one of five outcomes. It never retries, never logs, never decides, reads no clock
and no environment. When it cannot tell whether the other side took the message it says ``Unknown``: that is
an answer, not a failure. No ``reason`` holds an address, a body, a secret or text that the other side sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec

Confidentiality = Literal["public", "internal", "confidential", "restricted"]
PersonalData = Literal["none", "contact", "personal", "special", "credentials"]
Proof = Literal["accepted", "relayed", "delivered", "read"]
"""How far a message is proved to have come, lowest first. Acknowledgement is a person's act, not a proof."""

About = Literal["recipient", "message", "account", "provider"]
"""What a rejection is about: only the last two say anything about the channel as a whole."""
Address = Literal["", "gone", "stopped"]
"""What a rejection proves of the address itself: nobody has it, or its owner wants nothing more over this kind of channel."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts towards which nothing crosses a network."""


class Secret(Protocol):
    """A secret that does not print itself."""

    def reveal(self) -> str:
        """Return the text: into a header or a signature, and nowhere else."""


Secrets = Mapping[str, Secret]


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for the other side in each phase; ``total`` ends the attempt whatever happens."""

    connect: timedelta = timedelta(seconds=5)
    read: timedelta = timedelta(seconds=20)
    after_body: timedelta = timedelta(seconds=60)
    """For protocols whose last answer may take long, as SMTP's after the final dot (RFC 5321 4.5.3.2.6)."""
    total: timedelta = timedelta(seconds=90)


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to send one message to one address."""

    delivery: str
    attempt: int
    """Counts from 1. It must not change what the other side sees as the message: the key says what is the same."""
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
    deadline: datetime | None = None
    """After this the message is worth nothing; a provider that can expire messages is told so."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Show identifiers only: addresses and bodies stay out of logs and tracebacks."""
        return f"Outbound(delivery={self.delivery!r}, attempt={self.attempt})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # type: ignore[explicit-override]
        """Show identifiers only in Rich's representation as well."""
        return [("delivery", self.delivery), ("attempt", self.attempt)]


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The other side said that it has the message. ``provider_id`` is its name for it, where it gave one.

    Where a long message went in parts that each have a name and receipts of their own, these are all names,
    separated by spaces, in order: the message is delivered when every one of them is.
    """

    provider_id: str = ""
    evidence: Proof = "accepted"


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """The other side refused: it does not have the message. Not ``permanent`` means that later may do."""

    code: str
    reason: str
    permanent: bool = True
    about: About = "message"
    address: Address = ""


class Throttled(msgspec.Struct, frozen=True, tag="throttled"):
    """Not now: it does not have the message. ``retry_after`` is None when it did not say."""

    retry_after: timedelta | None
    reason: str
    code: str = ""


class NotSent(msgspec.Struct, frozen=True, tag="not_sent"):
    """The message provably never left: refused connection, unknown host, a drop before the body."""

    reason: str


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """It may have arrived. ``phase`` says where the answer was lost: connect, tls, request, answer."""

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
    """Asking did not settle it."""

    reason: str


Reconciled = Found | Absent | CannotTell


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request from a provider, as it came: signatures are over the raw bytes."""

    method: str
    path: str
    """With the query, as it came: some signatures cover it."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    at: datetime
    """When it came in, aware: signatures have a window."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of an earlier attempt. Doubled or reordered receipts do no harm: proof only rises."""

    kind: Literal["accepted", "relayed", "delivered", "read", "failed", "stopped", "delayed", "complained"]
    event_id: str
    """Unique at the provider, or a digest of the raw body: makes duplicates harmless."""
    provider_id: str = ""
    idempotency_key: str = ""
    """One of the two names the attempt."""
    at: datetime | None = None
    code: str = ""
    about: About = "recipient"
    """With ``failed``: whose fault it is."""
    address: Address = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person sent back: a reply, a pressed button. Whether it authorises is the channel's strength."""

    event_id: str
    sender: str
    text: str
    provider_id: str = ""
    idempotency_key: str = ""
    at: datetime | None = None
    shared: bool = False
    """It came from a place, such as a group's channel, where others than the recipient can answer too."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Leave out who wrote what."""
        return f"Answer(event_id={self.event_id!r})"


class Unauthentic(msgspec.Struct, frozen=True, kw_only=True):
    """The signature, its age or its form does not hold: nothing of the callback may be used."""

    reason: str


Parsed = tuple[Receipt | Answer, ...] | Unauthentic


class CallbackReply(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider wants to hear after a believed callback, where an empty 200 will not do."""

    content_type: str
    body: bytes


Took = Callable[[Receipt | Answer], bool]
"""Keeps what was collected for good, and only then returns true."""


class Finding(msgspec.Struct, frozen=True):
    """What ``lint`` found wrong, and what to do about it."""

    severity: Literal["error", "warning"]
    what: str
    hint: str = ""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner and the failover may rely on. Claim less where in doubt: promises are kept by others."""

    address_kind: Literal["email", "phone", "handle", "none"]
    """Which contact points fit; ``none`` when the channel needs no address of the person."""
    domains: frozenset[str]
    """Default failure domains: all that the channel depends on, from its settings."""
    hosts: frozenset[str] = frozenset()
    """The machines that its service stands on, ``host:NAME``: domains as well, but a service that fails says nothing of them."""
    confidentiality: Confidentiality
    """The ceiling: end-to-end encrypted is ``restricted``, TLS to one provider ``confidential``, e-mail ``internal``."""
    personal_data: PersonalData
    receipts: frozenset[Proof] = frozenset({"accepted"})
    """The proofs that it can bring, at once or later."""
    ack: Literal["none", "reply", "button", "link", "sso"] = "none"
    ack_strength: Literal["none", "seen", "authorises"] = "none"
    sim_swappable: bool = False
    """Whoever takes over the phone number takes over the channel."""
    e2ee: bool = False
    signed: bool = False
    """Every message is signed by us, so that whoever gets it can prove that it is ours."""
    idempotency: Literal["none", "key", "txn", "dedup"] = "none"
    """Whether a second send with the same key provably has no second effect."""
    key_lifetime: timedelta | None = None
    """How long the key is remembered; None is for ever."""
    reconcile: Literal["none", "query"] = "none"
    max_length: int | None = None
    """Characters of text; longer text is refused by the adapter, never cut."""
    rates: tuple[str, ...] = ()
    """How fast the provider says that an account may send: ``1/s``, ``20/min``, ``12/min burst 60``."""
    called_back: bool = False
    """Its provider calls us by HTTP with receipts or answers, so it is given an address of ours."""
    stays_here: bool = False
    """It never leaves this machine, so exercises may always use it."""
    secrets: frozenset[str] = frozenset()
    """Names of the secrets it must be given."""
    optional_secrets: frozenset[str] = frozenset()
    rooms: Confidentiality | None = None
    """What a room that it opens for people may hear; None where it opens none. See ``Hosting``."""


class Integration(Protocol):
    """What ``tocsin.integrations`` entry points name. ``settings`` is always an instance of ``Settings``."""

    @property
    def Settings(self) -> type[msgspec.Struct]:
        """The frozen struct of this adapter's settings, ``forbid_unknown_fields`` set; holds no secret.

        A server is named by ``url`` or ``api``, or by ``host`` and ``port``: ``doctor`` connects to it.
        """

    def capabilities(self, settings: Any) -> Capabilities:
        """Return what a channel with these settings can and may do. Pure."""

    def address_problem(self, address: str) -> str:
        """Return what is wrong with an address, without repeating it, or the empty string. Pure."""

    def send(self, outbound: Outbound, settings: Any, secrets: Secrets) -> Outcome:
        """Make one attempt. Every expected failure is an outcome; an exception is a bug of the adapter."""

    def lint(self, settings: Any, secrets: Secrets) -> tuple[Finding, ...]:
        """Return what is wrong with the settings and secrets, without touching the network."""

    def self_test(self, outbound: Outbound, settings: Any, secrets: Secrets) -> Outcome:
        """Send ``outbound`` to ourselves, as near to the real way as the channel allows."""


class Reconciling(Protocol):
    """What an integration has besides, when its capabilities say that its provider can be asked."""

    def reconcile(self, outbound: Outbound, settings: Any, secrets: Secrets) -> Reconciled:
        """Ask the provider whether an unanswered attempt arrived; ``CannotTell`` where it cannot be asked."""


class CalledBack(Protocol):
    """What an integration has besides, when its provider calls us. Without it, no callback is believed."""

    def parse_callback(self, callback: Callback, settings: Any, secrets: Secrets) -> Parsed:
        """Return what a provider's callback says. Pure; the signature is checked before anything is parsed."""


class HasExpiry(Protocol):
    """What an integration has besides, when what it was given holds for a time only, such as a certificate."""

    def lint_at(self, at: datetime, settings: Any, secrets: Secrets) -> tuple[Finding, ...]:
        """Return what is wrong at ``at``, or will be soon, without touching the network; ``lint`` finds all else."""


class HasDnsRecords(Protocol):
    """What an integration has besides, when the network says of it what its settings do not, as DNS does of a domain."""

    def look_up(self, settings: Any) -> tuple[Finding, ...]:
        """Ask, and return what is wrong; what could not be asked is a finding too. Only when a person wants it."""


class Recalling(Protocol):
    """What an integration has besides, when it can stop a message from ringing that was answered in another way."""

    def recall(self, outbound: Outbound, provider_id: str, settings: Any, secrets: Secrets) -> Outcome:
        """Stop it, by its key or by the provider's name for it; ``Accepted`` when it rings no more. Twice is harmless.

        ``outbound`` has the key and no text. It never proves that anybody has the message.
        """


class RepliesToCallback(Protocol):
    """What an integration has besides, when its provider reads the answer to a callback."""

    def reply(self, callback: Callback, settings: Any, secrets: Secrets) -> CallbackReply:
        """Return what to answer with status 200, after ``parse_callback`` believed the callback. Pure."""


class PollsReceipts(Protocol):
    """What an integration has besides, when receipts and answers have to be fetched instead of called back."""

    def collect(self, took: Took, at: datetime, timeouts: Timeouts, settings: Any, secrets: Secrets) -> str:
        """Hand all that waits to ``took``, and confirm it to the provider only when that returned true.

        One round, over when nothing has come for ``timeouts.read``. Return what went wrong, or the empty string.
        """


class BulkConnection(Protocol):
    """A connection to a provider that stays open from one batch to the next. Not for several threads."""

    def send(self, outbounds: Sequence[Outbound]) -> tuple[Outcome, ...]:
        """Make one attempt for each, in order, and return one outcome each, in that order.

        What is true of ``Integration.send`` is true for every one of them: a line that breaks in the middle leaves those before
        it as they were answered, the one whose answer is missing unknown, and those behind it not sent.
        """

    def close(self) -> None:
        """End the connection; twice is harmless."""


class Batching(Protocol):
    """What an integration has besides, when many messages may go over one connection."""

    def open_line(self, settings: Any, secrets: Secrets) -> BulkConnection:
        """Return a line; nothing is connected before the first batch."""


class NewRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A private room to be opened. ``title`` is for those inside; ``timeouts`` hold for each request of the attempt."""

    name: str
    """Lower-case letters, digits and hyphens, 40 at most, the same for every attempt: outsiders may see it."""
    title: str
    at: datetime
    timeouts: Timeouts = Timeouts()


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """One person to be let into a room that ``open_room`` named."""

    room: str
    recipient: str
    at: datetime
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Leave the address out."""
        return f"Invitation(room={self.room!r})"


class Hosting(Protocol):
    """What an integration has besides, when it opens rooms for people to talk in; ``Capabilities.rooms`` says so."""

    def open_room(self, room: NewRoom, settings: Any, secrets: Secrets) -> Outcome:
        """Open a room that nobody gets into uninvited, or find ours of that name; ``Accepted.provider_id`` names it."""

    def invite(self, invitation: Invitation, settings: Any, secrets: Secrets) -> Outcome:
        """Invite one person; whoever is inside or invited already is ``Accepted``."""

    def room_address(self, room: str, settings: Any) -> str:
        """Return what people open to get to a room. Pure."""


class UnknownIntegration(LookupError):
    """No adapter of that name is installed; ``nearest`` is the closest name, or empty."""

    def __init__(self, name: str, known: tuple[str, ...], nearest: str) -> None:
        """Keep the parts for the runner's message."""
        super().__init__(f"no integration is named {name!r}")
        self.name = name
        self.known = known
        self.nearest = nearest


SHORTEST = 80
"""Characters of a text of which so much has to be left, where it is cut."""


def plain_body(outbound: Outbound) -> str:
    """Return the text as a person reads it: marking above, footer below the signature dashes."""
    head = f"{outbound.marking}\n\n" if outbound.marking else ""
    tail = f"\n\n-- \n{outbound.footer}" if outbound.footer else ""
    return f"{head}{outbound.text.rstrip()}{tail}\n"


def narrow_body(outbound: Outbound) -> str:
    """Return the text for a telephone: one character outside the network's alphabet halves what fits into a part.

    The footer is ours, so its dots become hyphens; the text is not, so it stays as it is.
    """
    narrow = msgspec.structs.replace(outbound, footer=outbound.footer.replace("·", "-"))
    return plain_body(narrow).rstrip("\n")


def fitted(outbound: Outbound, longest: int, fits: Callable[[Outbound], bool]) -> Outbound | None:
    """Return a message that fits, with less of its text where subject, marking and footer take more than was left for them.

    None where the text by itself is longer than the channel said that it takes (``longest``), or next to nothing would be left of it.
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
    """Return the failure domain of a machine, ``host:NAME``; none for this one, without which nothing is sent anyway."""
    return frozenset({f"host:{host.lower()}"}) if host and host.lower() not in LOOPBACK else frozenset()


def phone_problem(address: str) -> str:
    """Return what is wrong with a telephone number, without repeating it, or the empty string (ITU-T E.164)."""
    digits = address.removeprefix("+")
    if digits == address or not digits.isascii() or not digits.isdigit():
        return "a number has the international form: + and digits only, without spaces"
    if digits.startswith("0") or not 7 <= len(digits) <= 15:
        return "a number has a country code and 7 to 15 digits in all"
    return ""


def handle_problem(address: str) -> str:
    """Return what is wrong with a name that only we and the receiver have for somebody, or the empty string."""
    if not address or len(address) > 200 or not address.isprintable():
        return "a handle is 1 to 200 printable characters"
    return ""


def named(name: str, otherwise: str) -> Accepted | Unknown:
    """Return what a yes proves: the message is there under this name; without one (``otherwise`` says so) nothing is known."""
    return Accepted(name) if name else Unknown(otherwise, "answer")


def self_test_to(
    send: Callable[[Outbound, Any, Secrets], Outcome], setting: str, code: str = "settings"
) -> Callable[[Outbound, Any, Secrets], Outcome]:
    """Return a ``self_test`` that sends the real way, to the address of ours that a setting names."""

    def self_test(outbound: Outbound, settings: Any, secrets: Secrets) -> Outcome:
        if not (own := getattr(settings, setting)):
            return Rejected(code, f"{setting} is not set: nowhere to send a self-test", about="account")
        return send(msgspec.structs.replace(outbound, recipient=own), settings, secrets)

    return self_test
