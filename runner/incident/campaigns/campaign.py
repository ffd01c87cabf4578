"""Vocabulary of campaigns: a campaign, a notice, a contact method of its reader, and its result.

A campaign is one notice for one list. Each person of the list must be notified once, with any number of attempts, and
ends in exactly one state: notified, substituted, exempt or open. The people are in encrypted tables of their own. These values
contain no personal data, so that the journal may contain them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from runner.base.redacted import Redacted
from runner.base.states import ReceiptKind, Refusal
from runner.incident.notices.letters import Group, Person
from runner.routing.messaging import About, AddressState
from runner.routing.traffic import Rate

Way = Literal["email", "sms", "post"]
"""How a notice reaches its reader; ``post`` is a letter, which is made and posted outside Tocsin."""
Basis = Literal["esign", "primary", "agreed"]
"""Why email is permitted: consent under 15 U.S.C. § 7001, email as the primary contact method, or agreement (HIPAA)."""
Exemption = Literal["health_and_safety", "bank_breach", "eu_notice"]
"""Why a text message is permitted without consent (R40)."""
OwedState = Literal[
    "ready",
    "sending",
    "notified",
    "unknown",
    "post",
    "unreachable",
    "substituted",
    "exempt",
    "duplicate",
]
CampaignState = Literal["planned", "sending", "paused", "done"]
Reached = Literal["none", "accepted", "relayed", "delivered", "read", "posted"]
"""Evidence of a notice, lowest first; ``posted`` is the word of a person that the letter was sent."""
REACHED: tuple[Reached, ...] = ("none", "posted", "accepted", "relayed", "delivered", "read")
SuppressedFor = Literal["hard_bounce", "complaint", "stop", "manual"]
OPEN: tuple[OwedState, ...] = ("ready", "sending", "unknown", "post", "unreachable")
"""States in which a person is still to be notified."""
OUT_OF_REACH: tuple[OwedState, ...] = ("unreachable", "post")
"""States that allow substitute notice: no channel reaches the person, or only letters, which are too many or too expensive."""
ELECTRONIC: tuple[Way, ...] = ("email", "sms")
"""The kinds of contact methods that our channels serve, in order of use."""
BOUNCED, COMPLAINED, STOPPED = 1, 2, 4
HITS: Mapping[SuppressedFor, int] = {
    "stop": STOPPED,
    "complaint": COMPLAINED,
    "hard_bounce": BOUNCED,
    "manual": 0,
}
BulkReceiptKind = ReceiptKind | Literal["posted", "returned"]
RECEIPT_KINDS: tuple[BulkReceiptKind, ...] = (
    *(kind for kind in get_args(ReceiptKind) if "recalled" not in kind),
    "posted",
    "returned",
)
"""The kinds of receipts in a file."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One person of a list and every contact method; stored encrypted."""

    person: Person
    email: str = ""
    phone: str = ""
    basis: frozenset[Basis] = frozenset()
    sms_consent: bool = False
    consented_on: str = ""
    """The day of the consent as an ISO date, if the list has it."""
    number_checked: str = ""
    """The day of the last check that the number still has the same owner, as an ISO date."""
    sms_exemption: str = ""
    """An ``Exemption``; older campaigns have free text."""
    email_breached: bool = False
    """The breached account is the mailbox itself."""
    deceased: bool = False
    """The notice goes to the next of kin, by letter (45 CFR 164.404(d)(1))."""
    exempt: str = ""
    """Why the person need not be notified."""
    zone: str = ""
    """The person's time zone."""

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        """Show the reference only: names and addresses stay out of logs and tracebacks."""
        return f"Contact(reference={self.person.reference!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:  # type: ignore[explicit-override]
        """Show the reference only in Rich's representation, too."""
        return [("reference", self.person.reference)]


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What the law permits for sending to the readers of one group."""

    group: Group
    regime: str
    forms: tuple[str, ...] = ()
    """The forms of notice that the law permits; empty if it names none."""
    due: datetime | None = None
    held: bool = False
    """Law enforcement asked for a delay (R27)."""
    breached: frozenset[str] = frozenset()
    """Address kinds whose accounts were breached, for the people of this group."""
    cost_over: int | None = None
    class_over: int | None = None
    currency: str = "USD"
    short: str = ""
    """SHA-256 of the pattern of the text message; empty if there is none."""
    substitute: tuple[str, ...] = ()
    """Forms of substitute notice; empty if the law has none."""

    @property
    def place(self) -> str:
        """The place whose law applies, for counting."""
        return self.group.jurisdiction or self.group.duty.partition("/")[0]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """How many people may not be contacted by a kind of contact method, and the rule."""

    way: Way
    rule: str
    why: str
    people: int


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One notice for one list, as planned; it contains no personal data."""

    id: str
    incident: str
    notice: str
    list_name: str
    list_sha256: str
    planned_at: datetime
    by: str
    grounds: tuple[Ground, ...]
    """By the index that each person has."""
    channels: Mapping[Way, str]
    short: str = ""
    """The notice whose text is sent by SMS; empty if none is."""
    duties: tuple[str, ...] = ()
    """The duties that were named at planning; if none were, the places of the list decide."""
    rates: Mapping[str, tuple[Rate, ...]] = {}
    """Rate limits of channels by id; what an older plan has for domains is not used."""
    chunk: int = 50
    canary: int = 0
    canary_wait: timedelta = timedelta(minutes=30)
    canary_until: datetime | None = None
    """When the observation of the pilot batch ends; None before the pilot batch is sent."""
    nights: bool = False
    """A person permitted text messages in the quiet hours."""
    letter_cost: float = 0
    rows: int = 0
    rejected: int = 0
    duplicates: int = 0
    ways: Mapping[Way, int] = {}
    refusals: tuple[Refused, ...] = ()
    head: str = ""
    """The journal's head when sending began; each message states it."""
    resumed_sent: int = 0
    resumed_bounced: int = 0
    resumed_complaints: int = 0
    """The counts when a person last resumed the campaign; limits count from there."""
    accepted: tuple[str, ...] = ()
    """Differences from the recorded counts, and campaigns with the same people, that a person accepted with a reason."""

    @property
    def owed(self) -> int:
        """The people to notify of this list."""
        return self.rows - self.duplicates

    @property
    def sent_to(self) -> int:
        """The people who get the notice by a channel first, and not by letter."""
        return sum(self.ways.get(way, 0) for way in ELECTRONIC)


class Counters(msgspec.Struct, frozen=True):
    """The counts that decide whether a running campaign pauses."""

    sent: int = 0
    """Notices that a provider accepted, or may have."""
    bounced: int = 0
    """Addresses that do not exist, reported at once or later."""
    complaints: int = 0


class Owed(msgspec.Struct, frozen=True):
    """The state of one person of a list."""

    campaign: str
    n: int
    group: int
    state: OwedState
    ways: tuple[Way, ...]
    """The remaining contact methods, in order of use."""
    evidence: Reached = "none"
    tries: int = 0
    not_before: datetime | None = None
    chunk: int = 0
    hit: int = 0
    """A sum of ``BOUNCED``, ``COMPLAINED`` and ``STOPPED``; times 8 for hits over earlier contact methods."""
    why: str = ""
    address: bytes = b""
    """The digest of the address of the first contact method; empty if it has no address."""
    domain: bytes = b""


class Claimed(Owed, frozen=True, kw_only=True):
    """One person of a claimed chunk, with every contact method."""

    contact: Contact


class NewOwed(Claimed, frozen=True, kw_only=True):
    """One person of a list before the list is stored."""

    reference: bytes
    person: bytes


class BulkReceipt(Redacted, frozen=True, kw_only=True):
    """One receipt; one of ``key``, ``provider_id``, ``reference`` or ``address`` identifies the message or the person."""

    SHOWN = ("kind", "code")

    kind: BulkReceiptKind
    key: str = ""
    """The idempotency key of the message: ENVID and Message-ID of an email."""
    provider_id: str = ""
    way: Way = "email"
    """With ``provider_id``: the provider."""
    reference: str = ""
    address: str = ""
    code: str = ""
    about: About = "recipient"
    """With ``failed``: the cause, as address, message or sender."""
    found: AddressState = ""
    """With ``failed``: what the receipt proves about the address itself."""


class Tally(msgspec.Struct, frozen=True):
    """How many people of one group have the same state."""

    group: int
    state: OwedState
    evidence: Reached
    way: str
    why: str
    deferred: bool
    people: int
    hit: int = 0


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """The contact methods of one person in order of use, and why others are blocked."""

    ways: tuple[Way, ...]
    refusals: tuple[Refusal, ...] = ()
