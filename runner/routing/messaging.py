"""Vocabulary of messages: class, channel, contact method, plan, attempt, evidence.

Theory. There are two orders. *Evidence* only rises: a message accepted by a provider is never
called delivered, and a late failure never lowers earlier evidence. A *ceiling* is the highest
confidentiality or personal data that a channel may carry. An attempt without an answer is ``unknown``: a
state of its own, never shown as sent or failed.
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

About = Literal["", "recipient", "message", "destination", "account", "provider"]
"""Subject of an outcome; empty if the provider was not reached."""

AddressState = Literal["", "gone", "stopped"]
"""Finding of an outcome about the address: it does not exist, or its owner opted out of this kind of channel."""

CONFIDENTIALITY: tuple[Confidentiality, ...] = get_args(Confidentiality)
PERSONAL_DATA: tuple[PersonalData, ...] = get_args(PersonalData)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)
"""Lowest first; the index is the rank."""


def carries(ceiling: Confidentiality, wanted: Confidentiality) -> bool:
    """Return whether a channel with this ceiling may carry a message of that confidentiality."""
    return CONFIDENTIALITY.index(wanted) <= CONFIDENTIALITY.index(ceiling)


def carries_personal(ceiling: PersonalData, wanted: PersonalData) -> bool:
    """Return whether a channel with this ceiling may carry personal data of that class."""
    return PERSONAL_DATA.index(wanted) <= PERSONAL_DATA.index(ceiling)


def proves(evidence: Evidence, goal: Goal) -> bool:
    """Return whether the evidence reaches the goal."""
    return EVIDENCE.index(evidence) >= EVIDENCE.index(goal)


def stronger(one: Evidence, other: Evidence) -> Evidence:
    """Return the higher level: receipts in any order, also repeated, give the same result."""
    return one if EVIDENCE.index(one) >= EVIDENCE.index(other) else other


class MessageClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requirements of a kind of message for its delivery."""

    name: str
    confidentiality: Confidentiality = "internal"
    personal_data: PersonalData = "none"
    availability: Availability = "important"
    urgency: Urgency = "soon"
    audience: Audience = "responder"
    goal: Goal = "accepted"
    ack_quorum: Literal["any", "all", "each_role"] | int = "any"
    """How many recipients of one message must reach the goal; ``each_role`` means one recipient of every addressed role."""
    mobilises: bool = False
    """It pages people to an incident: the person who opened it is not paged, and their roles count as filled."""
    duplicate_tolerance: DuplicateTolerance = "annoying"
    on_unknown: OnUnknown = "failover"
    first_wave: int = 1
    """How many channels are used at once, without a shared failure domain."""
    fail_over_after: timedelta = timedelta(minutes=30)
    """How long one channel has to reach the goal before the next is used as well."""
    stale_after: timedelta = timedelta(hours=24)
    """After this the message is useless and is dropped with a note."""
    escalate_after: timedelta | None = None
    """Time of each level before the next one is alerted as well; None without further levels."""
    remind_after: timedelta | None = None
    """Time to acknowledge before the message is resent; doubles each time. None without reminders."""
    reminders: int = 3
    """How often one person is reminded at most."""
    re_remind_after: timedelta | None = None
    """Time after which an acknowledgement must be renewed; doubles each time. None means never."""
    links: tuple[str, ...] = ()
    """Further domains to which links for affected people and the public may lead (R28)."""
    tell_acknowledged: bool = False
    """Whether the recipients are informed of the acknowledgement and its person."""

    @property
    def wants_answer(self) -> bool:
        """Whether only acknowledgements end it, so that enough acknowledgements end it for all recipients."""
        return self.goal in ("acked", "authorised")


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel for the planner: its limits, its evidence, its failure domains."""

    id: str
    adapter: str
    address_kind: str
    """Kinds of contact points: ``email``, ``phone``, ``handle``, ``subscription``; ``none`` if it needs no address."""
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
    seals: bool = False
    """Each message is encrypted and stored before it is sent; a repetition sends the stored bytes."""
    signed: bool = False
    """Messages are signed, so that the recipient can verify the sender."""
    idempotency: Idempotency = "none"
    key_lifetime: timedelta | None = None
    """How long the provider remembers a key; None without ``idempotency``, or for ever."""
    reconcile: Reconcile = "none"
    recalls: bool = False
    """A call can be stopped here after an acknowledgement over another channel."""
    max_length: int | None = None
    push: frozenset[str] = frozenset()
    """Services through which it wakes a phone: without them its messages arrive in silence (R3)."""
    rates: tuple[Rate, ...] = ()
    """Rate limits of its account; all of them apply."""
    hosts: frozenset[str] = frozenset()
    """Domains that only a person can declare down: a failing service does not show that its machine is down."""
    server: frozenset[str] = frozenset()
    """The domains whose outage its failures show by themselves; for another one two channels must fail."""
    account: str = ""
    """Account of the rates: the channel's own id, or a name shared by several channels."""
    timeout: timedelta | None = None
    """Time of one attempt before it counts as unanswered; None for the default."""
    quiet: tuple[time, time] | None = None
    """Quiet hours for affected people, in the time zone of each person; None for the default night."""
    called_back: bool = False
    """Its provider sends callbacks by HTTP."""
    exercise_safe: bool = False
    """On the allow-list of exercises and tests."""
    rooms: Confidentiality | None = None
    """Confidentiality limit of rooms that its provider opens; None if it opens none."""
    screen: bool = False
    """It shows messages on the terminal of the process that sends."""
    sender_name: str = ""
    """The name that readers see in place of a number; nobody can answer it (R39, R42)."""
    registered: frozenset[str] = frozenset()
    """Countries in which the sender is registered with the networks (R42, R43)."""
    free_to_reader: bool = False
    """Its texts cost the reader nothing and count against no plan (R40)."""
    answers_stop: bool = False
    """Tocsin answers STOP and HELP, because the provider does not (R38)."""
    spoken: bool = False
    """It reads the text aloud in a call (R44)."""
    stop_by_key: bool = False
    """A key in the call is an opt-out."""
    unwatched: bool = False
    """No person watches that process: a background worker would write the message into its log."""
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
    push: frozenset[str] | None = None
    confidentiality: Confidentiality | None = None
    personal_data: PersonalData | None = None
    priority: int = 100
    quiet: Annotated[
        str, msgspec.Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$(?!\n)")
    ] = ""
    """Form: ``21:00-08:00``."""
    exercise: bool = False
    registered: frozenset[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$(?!\n)")]] = frozenset()
    """Countries in which the sender name or number is registered with the networks."""
    free_to_reader: bool = False
    rates: tuple[str, ...] | None = None
    """Form of ``runner.routing.traffic.read_rate``."""
    account: str = ""
    timeout: str = ""
    """Form of ``runner.routing.traffic.read_timeout``."""
    settings: dict[str, Any] = {}
    secrets: dict[str, str] = {}


class ContactPoint(Redacted, frozen=True, kw_only=True):
    """One address of one person. ``channel`` is a channel's id, or an address kind that several share."""

    SHOWN = ("channel",)

    channel: str
    address: str
    domains: frozenset[str] = frozenset()
    """Failure domains of the mailbox or number itself, such as the tenant that hosts it."""
    changed_at: datetime | None = None
    verified_at: datetime | None = None
    stopped: Mapping[str, datetime] = {}
    """Adapters that must not send to this address any more, because its owner opted out → since when."""
    stop_heard: Mapping[str, str] = {}
    """How the opt-out arrived, if recorded."""
    risk_at: datetime | None = None
    """When a person reported that it may have a new owner, such as after a new SIM card."""
    consented_at: datetime | None = None
    """When its owner gave consent to text messages."""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """One person and every known contact method."""

    person: str
    contacts: tuple[ContactPoint, ...] = ()
    zone: str = ""
    """Their time zone; empty if not known."""


class PlanStep(msgspec.Struct, frozen=True, kw_only=True):
    """One usable channel: ``after`` counts from the delivery's start; equal offsets are sent together."""

    channel: str
    contact: ContactPoint | None
    after: timedelta
    domains: frozenset[str]


class PlanWarning(msgspec.Struct, frozen=True, kw_only=True):
    """The plan can be used, but a person should read this first."""

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
        """The ids of the usable channels, in order of use."""
        return tuple(step.channel for step in self.steps)


class Dispatch(Redacted, frozen=True, kw_only=True):
    """One attempt, ready to send: the data for the gateway, without the channel and its secrets."""

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
    """Printed above the text: confidentiality, and any marking that law or counsel requires."""
    footer: str = ""
    """Printed below the text: the journal's head, so that copies outside anchor it."""
    campaign: str = ""
    """``CAMPAIGN:NOTICE`` for one of many messages."""
    deadline: datetime | None = None
    """After this the message is useless."""
    time_limit: timedelta = timedelta(seconds=90)
    """Time limit of the whole attempt, whatever the provider does."""
    sealed: bytes = b""
    """The encrypted message as stored; empty for a channel that does not seal, and for a message that is not repeated."""
    recall: str | None = None
    """When set, nothing is sent: the provider must stop the call of this name."""


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of one attempt. ``reason`` is safe to store: it never contains an address, body or secret."""

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
    screen: bool = False
    """The message was shown on the screen of this process only."""


def refused(reason: str, code: str = "") -> SendResult:
    """Return that nothing was tried, and that to try it again would change nothing."""
    return SendResult(state="rejected", code=code, reason=reason, permanent=True)


class RoomRequest(Redacted, frozen=True, kw_only=True):
    """One attempt to open a room, or with ``room`` to invite one person."""

    SHOWN = ("name", "room")

    kind: Kind
    name: str
    """Lookup name: opaque, the same for every attempt."""
    title: str
    at: datetime
    room: str = ""
    """The provider's own name of the open room."""
    address: str = ""
    """The invited person."""
    time_limit: timedelta = timedelta(seconds=10)
    """For each request: people wait, and another room may work."""


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
    public: bool = False
    """Only a public address may be called."""
    ca_file: str = ""
    """PEM file of the trusted authorities, instead of the public ones."""


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
