"""Vocabulary of messages: class, channel, contact method, plan, attempt, evidence.

Two orders carry the theory. *Evidence* is a ladder that only rises: what a provider accepted is never
called delivered, and a late failure never takes back what was already proved. A *ceiling* is the highest
confidentiality or personal data that a channel may carry. An attempt without an answer is ``unknown``: a
state of its own, never rounded to sent or failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, get_args

import msgspec

from runner.base.redacted import Redacted
from runner.base.states import AttemptState, Kind, Refusal
from runner.routing.traffic import Rate

Confidentiality = Literal["public", "internal", "confidential", "restricted"]
PersonalData = Literal["none", "contact", "personal", "special", "credentials"]
Evidence = Literal["none", "accepted", "relayed", "delivered", "read", "acked", "authorised"]
Goal = Literal["accepted", "relayed", "delivered", "read", "acked", "authorised"]
Audience = Literal["responder", "executive", "regulator", "affected", "public"]
Availability = Literal["routine", "important", "critical"]
Urgency = Literal["routine", "soon", "immediate"]
DuplicateTolerance = Literal["harmless", "annoying", "harmful"]
OnUnknown = Literal["retry", "wait_then_retry", "failover", "ask"]
AckKind = Literal["none", "reply", "button", "link", "sso"]
AckStrength = Literal["none", "seen", "authorises"]
Idempotency = Literal["none", "key", "txn", "dedup"]
Reconcile = Literal["none", "query"]

About = Literal["", "recipient", "message", "account", "provider"]
"""Subject of an outcome; empty if the other side was never reached."""

AddressState = Literal["", "gone", "stopped"]
"""What an outcome shows of the address itself: it does not exist, or its owner opted out of this kind of channel."""

CONFIDENTIALITY: tuple[Confidentiality, ...] = get_args(Confidentiality)
PERSONAL_DATA: tuple[PersonalData, ...] = get_args(PersonalData)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
"""Lowest first; the index is the rank."""


def carries(ceiling: Confidentiality, wanted: Confidentiality) -> bool:
    """Tell whether a channel with this ceiling may carry a message of that confidentiality."""
    return CONFIDENTIALITY.index(wanted) <= CONFIDENTIALITY.index(ceiling)


def carries_personal(ceiling: PersonalData, wanted: PersonalData) -> bool:
    """Tell whether a channel with this ceiling may carry personal data of that class."""
    return PERSONAL_DATA.index(wanted) <= PERSONAL_DATA.index(ceiling)


def proves(evidence: Evidence, goal: Goal) -> bool:
    """Tell whether the evidence reaches the goal."""
    return EVIDENCE.index(evidence) >= EVIDENCE.index(goal)


def stronger(one: Evidence, other: Evidence) -> Evidence:
    """Return the higher of two rungs: folding receipts in any order, any number of times, ends the same."""
    return one if EVIDENCE.index(one) >= EVIDENCE.index(other) else other


class MessageClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a kind of message demands of whatever carries it."""

    name: str
    confidentiality: Confidentiality = "internal"
    personal_data: PersonalData = "none"
    availability: Availability = "important"
    urgency: Urgency = "soon"
    audience: Audience = "responder"
    goal: Goal = "accepted"
    ack_quorum: Literal["any", "all", "each_role"] | int = "any"
    """How many recipients of one message must reach the goal; ``each_role`` is one for every role addressed."""
    mobilises: bool = False
    """It calls people to an incident: the person who opened it is not paged, and their roles count as filled."""
    duplicate_tolerance: DuplicateTolerance = "annoying"
    on_unknown: OnUnknown = "failover"
    first_wave: int = 1
    """How many channels are used at once, each next one sharing no failure domain with those before."""
    fail_over_after: timedelta = timedelta(minutes=30)
    """How long one channel has to reach the goal before the next is used as well."""
    stale_after: timedelta = timedelta(hours=24)
    """After this the message is worth nothing and is dropped with a word."""
    escalate_after: timedelta | None = None
    """How long each level has before the next one is alerted as well; None without further levels."""
    remind_after: timedelta | None = None
    """How long a recipient has to acknowledge before the message is resent; doubles each time. None without reminders."""
    reminders: int = 3
    """How often one person is reminded at most."""
    re_remind_after: timedelta | None = None
    """How long an acknowledgement holds before it is asked for again; doubles each time. None where for ever."""
    links: tuple[str, ...] = ()
    """Domains besides our own to which links for affected people and the public may lead (R28)."""
    tell_acknowledged: bool = False
    """Whether the recipients are informed that it is acknowledged, and by which person."""

    @property
    def wants_answer(self) -> bool:
        """Whether only a person's own word ends it, so that the word of enough people ends it for all."""
        return self.goal in ("acked", "authorised")


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach people, as the planner sees it: its limits, its evidence, its failure domains."""

    id: str
    adapter: str
    address_kind: str
    """Which contact points fit: ``email``, ``phone``, ``handle``; ``none`` when it needs no address."""
    domains: frozenset[str]
    """Every operator, identity provider, network, machine and carrier it depends on."""
    confidentiality: Confidentiality
    personal_data: PersonalData
    priority: int = 100
    """Lower is tried first."""
    receipts: frozenset[Evidence] = frozenset()
    ack: AckKind = "none"
    ack_strength: AckStrength = "none"
    sim_swappable: bool = False
    e2ee: bool = False
    signed: bool = False
    """Messages are signed, so that the recipient can verify the sender."""
    idempotency: Idempotency = "none"
    key_lifetime: timedelta | None = None
    """How long the provider remembers a key; None while ``idempotency`` is none, or for ever."""
    reconcile: Reconcile = "none"
    recalls: bool = False
    """What was answered in another way can be stopped from ringing here."""
    max_length: int | None = None
    rates: tuple[Rate, ...] = ()
    """What its account allows: each of them holds."""
    hosts: frozenset[str] = frozenset()
    """Those of the domains of which only a person says that they are down: a service that fails proves nothing of its machine."""
    account: str = ""
    """What shares the rates: its own id, or a name that several channels have in common."""
    timeout: timedelta | None = None
    """How long one attempt may take before it counts as unanswered; None for the usual time."""
    quiet: tuple[time, time] | None = None
    """From when to when it does not disturb affected people, in the time of each; None for the usual night."""
    called_back: bool = False
    """Its provider calls us back by HTTP."""
    exercise_safe: bool = False
    """On the allow-list of exercises and tests."""
    rooms: Confidentiality | None = None
    """What a room that its provider opens may hear; None where it opens none."""
    settings: Mapping[str, Any] = {}
    secrets: Mapping[str, str] = {}
    """Name to reference (``env:``, ``file:``, ``keyring:``), never a value."""

    @property
    def honours_key(self) -> bool:
        """Whether a second send with the same key has no second effect."""
        return self.idempotency != "none"


class ChannelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One channel of ``tocsin.yaml``; a missing value is the default of the adapter."""

    adapter: str
    domains: frozenset[str] | None = None
    confidentiality: Confidentiality | None = None
    personal_data: PersonalData | None = None
    priority: int = 100
    quiet: Annotated[
        str, msgspec.Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$(?!\n)")
    ] = ""
    """As ``21:00-08:00``."""
    exercise: bool = False
    rates: tuple[str, ...] | None = None
    """As ``runner.routing.traffic.read_rate`` reads them."""
    account: str = ""
    timeout: str = ""
    """As ``runner.routing.traffic.read_timeout`` reads it."""
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}


class ContactPoint(Redacted, frozen=True, kw_only=True):
    """One address of one person. ``channel`` is a channel's id, or an address kind that several share."""

    SHOWN = ("channel",)

    channel: str
    address: str
    domains: frozenset[str] = frozenset()
    """What the mailbox or number itself depends on, such as the tenant that hosts it."""
    changed_at: datetime | None = None
    verified_at: datetime | None = None
    stopped: Mapping[str, datetime] = {}
    """Adapters over which nothing more may go to this address, because its owner said so → since when."""
    stop_heard: Mapping[str, str] = {}
    """How that was heard, where it was recorded."""
    risk_at: datetime | None = None
    """When a person reported that it can belong to another by now, such as after a new SIM card."""
    consented_at: datetime | None = None
    """When its owner agreed to be texted there."""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One person and every known way to them."""

    person: str
    contacts: tuple[ContactPoint, ...] = ()
    zone: str = ""
    """Their time zone; empty where it is not known."""


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """One usable channel: ``after`` counts from the delivery's start; equal offsets go out together."""

    channel: str
    contact: ContactPoint | None
    after: timedelta
    domains: frozenset[str]


class PlanWarning(msgspec.Struct, frozen=True, kw_only=True):
    """The plan may be used, but a person should know this first."""

    rule: str
    why: str


class DeliveryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How one person is reached: usable channels in order, and every refused one with its reason."""

    message_class: str
    person: str
    steps: tuple[PlanStep, ...]
    refusals: tuple[Refusal, ...]
    warnings: tuple[PlanWarning, ...] = ()
    overridden: tuple[Refusal, ...] = ()
    """Overridden rules that would block a channel of the plan."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The ids of the usable channels, first to try first."""
        return tuple(step.channel for step in self.steps)


class Dispatch(Redacted, frozen=True, kw_only=True):
    """One attempt, ready to leave: what the gateway needs beside the channel and its secrets."""

    SHOWN = ("delivery", "attempt")

    delivery: str
    attempt: int
    idempotency_key: str
    kind: Kind
    audience: Audience
    address: str
    text: str
    at: datetime
    """The attempt's instant, aware: headers and signatures carry it."""
    subject: str = ""
    html: str | None = None
    marking: str = ""
    """Printed above the text: confidentiality, and whatever law or counsel asks for."""
    footer: str = ""
    """Printed below the text: the journal's head, so that copies outside anchor it."""
    deadline: datetime | None = None
    """After this the message is worth nothing."""
    time_limit: timedelta = timedelta(seconds=90)
    """The whole attempt ends within this, whatever the other side does."""
    recall: str | None = None
    """When set, nothing is sent: what has this name at the provider is to stop ringing."""


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one attempt. ``reason`` is safe to keep: no address, body or secret is ever in it."""

    state: AttemptState
    provider_id: str = ""
    evidence: Evidence = "none"
    code: str = ""
    reason: str = ""
    retry_after: timedelta | None = None
    phase: str = ""
    permanent: bool = False
    about: About = ""
    address: AddressState = ""


def refused(reason: str, code: str = "") -> SendResult:
    """Return that nothing was tried, and that to try it again would change nothing."""
    return SendResult(state="rejected", code=code, reason=reason, permanent=True)


class RoomRequest(Redacted, frozen=True, kw_only=True):
    """One attempt to have a room opened, or with ``room`` to have one person let in."""

    SHOWN = ("name", "room")

    kind: Kind
    name: str
    """What it is found again by: opaque, the same for every attempt."""
    title: str
    at: datetime
    room: str = ""
    """The provider's own name of a room that is open."""
    address: str = ""
    """Who is let in."""
    time_limit: timedelta = timedelta(seconds=10)
    """For each request: people wait, and another room may do."""


class HttpCall(Redacted, frozen=True, kw_only=True):
    """One HTTP request of an ``act`` step, with the only hosts it may reach."""

    SHOWN = ("method",)

    kind: Kind
    method: str
    url: str
    allowed_hosts: frozenset[str]
    idempotency_key: str
    at: datetime
    headers: Mapping[str, str] = {}
    body: bytes = b""
    time_limit: timedelta = timedelta(seconds=30)


class CallResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one HTTP call; ``status`` is 0 without an answer, ``body`` is bounded."""

    outcome: SendResult
    status: int = 0
    body: bytes = b""


_MUST_ARRIVE = MessageClass(
    name="urgent-internal",
    availability="critical",
    urgency="immediate",
    goal="acked",
    ack_quorum="each_role",
    mobilises=True,
    first_wave=2,
    fail_over_after=timedelta(minutes=5),
    stale_after=timedelta(hours=12),
    escalate_after=timedelta(minutes=10),
    remind_after=timedelta(minutes=5),
    tell_acknowledged=True,
)

BUILT_IN_CLASSES: Mapping[str, MessageClass] = {
    entry.name: entry
    for entry in (
        _MUST_ARRIVE,
        msgspec.structs.replace(_MUST_ARRIVE, name="urgent-confidential", confidentiality="confidential"),
        MessageClass(
            name="approval-request",
            confidentiality="confidential",
            urgency="immediate",
            goal="authorised",
            duplicate_tolerance="harmful",
            on_unknown="ask",
        ),
        MessageClass(
            name="status-update",
            availability="routine",
            duplicate_tolerance="harmless",
            on_unknown="retry",
            stale_after=timedelta(hours=4),
        ),
        MessageClass(
            name="task-notice",
            duplicate_tolerance="harmless",
            on_unknown="retry",
        ),
        MessageClass(
            name="executive-brief",
            confidentiality="confidential",
            audience="executive",
        ),
        MessageClass(
            name="regulator-contact",
            confidentiality="confidential",
            personal_data="contact",
            audience="regulator",
            duplicate_tolerance="harmful",
            on_unknown="ask",
            stale_after=timedelta(days=7),
        ),
        MessageClass(
            name="affected-notice",
            confidentiality="internal",
            personal_data="personal",
            audience="affected",
            duplicate_tolerance="harmful",
            on_unknown="ask",
            stale_after=timedelta(days=30),
        ),
        MessageClass(
            name="affected-text",
            confidentiality="public",
            audience="affected",
            duplicate_tolerance="harmful",
            on_unknown="ask",
            stale_after=timedelta(days=30),
        ),
        MessageClass(
            name="public-statement",
            confidentiality="public",
            availability="routine",
            audience="public",
            duplicate_tolerance="harmful",
            on_unknown="ask",
        ),
    )
}
"""The classes that a playbook may name without defining them."""
