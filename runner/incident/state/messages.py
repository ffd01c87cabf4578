"""Events of a message: composed, planned, attempted, acknowledged, and ended.

Automatic steps use the two events of an attempt, too: the intent, then the outcome, of any effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.actor import Event, Personal
from runner.base.states import AttemptState, Proof, ReceiptKind, Refusal, TaskState
from runner.routing.messaging import MessageClass

REPEATED = "reminder"
"""Why a message repeats another one of its step."""


class MessageComposed(Personal, frozen=True, kw_only=True):
    """A message and its delivery plans exist; nothing has been sent."""

    message: str
    step: str
    message_class: MessageClass
    body: str
    to: tuple[str, ...]
    plans: tuple[PlannedDelivery, ...]
    reason: str = ""
    traits: tuple[str, ...] = ()
    """Properties of its text that rules read, such as a link."""
    requested_by: str = ""
    """The person whose action requested it: that person's own answer authorises nothing."""
    about: str = ""
    """The message whose acknowledgement this message reports."""
    next_update: datetime | None = None
    """The time that its text promises for the next message."""
    late_by: timedelta | None = None
    """How much later it is than the message before it had promised."""
    filled: tuple[str, ...] = ()
    """Addressed roles whose only person opened the incident: no message is sent for them."""
    unheld: tuple[str, ...] = ()
    """Addressed roles without a person."""
    alerted: tuple[str, ...] = ()
    """People who were alerted already by another playbook: no message is sent to them."""


class PlannedDelivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person's plan: usable channels in order, and the blocked ones with their rule."""

    delivery: str
    person: str
    channels: tuple[str, ...]
    goal: Proof
    refusals: tuple[Refusal, ...] = ()
    key_lifetimes: Mapping[str, timedelta | None] = {}
    recalls: tuple[str, ...] = ()
    """Usable channels on which an alarm can be stopped."""
    domains: Mapping[str, tuple[str, ...]] = {}
    """Usable channel → every failure domain of this contact method, with its mailbox or number."""
    overridden: tuple[Refusal, ...] = ()
    """Overridden rules that would block a channel in use."""
    unverified: tuple[str, ...] = ()
    """Usable channels with an unverified address of this person."""
    level: int = 0
    """0 for the recipients, 1 for their deputies, 2 for the escalation contacts."""
    starts_at: datetime | None = None
    """When its level is alerted, without an acknowledgement by then; None at once."""
    stands_for: tuple[str, ...] = ()
    """The deliveries that it replaces."""
    roles: tuple[str, ...] = ()
    """The roles addressed that the person holds."""


class LevelFired(Event, frozen=True, kw_only=True):
    """The people of a level are alerted too; missed levels before it are skipped."""

    message: str
    level: int
    late_by: timedelta = timedelta()
    passed_over: tuple[int, ...] = ()


class DeliveryReminded(Personal, frozen=True, kw_only=True):
    """The same message is resent under a new key: no acknowledgement, or an expired one."""

    delivery: str
    count: int
    why: str = ""


class CallOwed(Personal, frozen=True, kw_only=True):
    """All levels were alerted, reminders had no effect, and the quorum is not met: a person has to call."""

    message: str
    persons: tuple[str, ...]
    why: str = ""


class AnnouncementDropped(Personal, frozen=True, kw_only=True):
    """The recipients of a message could not be informed that it is acknowledged."""

    message: str
    why: str


class DeliveriesReplanned(Personal, frozen=True, kw_only=True):
    """Open deliveries were planned again, because a domain changed or a delivery is resent; changed plans only."""

    plans: tuple[PlannedDelivery, ...] = ()
    reason: str = ""


class ReplanAsked(Personal, frozen=True, kw_only=True):
    """Open deliveries are to be planned again: contacts of a person changed, or a channel was removed."""

    person: str


class ReplanFailed(Personal, frozen=True, kw_only=True):
    """Open deliveries could not be planned again: none is sent before ``retry_at``, when it is tried again."""

    why: str
    retry_at: datetime


class DeliveryEnded(Personal, frozen=True, kw_only=True):
    """The delivery ended: its goal is reached, every channel was tried, or it was cancelled."""

    delivery: str
    state: Literal["satisfied", "exhausted", "cancelled"]
    why: str = ""


class DeliveryStuck(Personal, frozen=True, kw_only=True):
    """Nothing more is sent before a person has resolved an attempt with an unknown outcome."""

    delivery: str
    why: str


class ReceiptTaken(Personal, frozen=True, kw_only=True):
    """A later receipt of a provider for one attempt, with the new state and evidence."""

    delivery: str
    n: int
    kind: ReceiptKind
    event: str
    """A digest of the provider's own name for it: a second receipt with this name is ignored."""
    part: str = ""
    """The provider's name of the message or of a part of it, if the receipt has one."""
    at_provider: datetime | None = None
    code: str = ""
    evidence: Proof = "none"
    state: AttemptState | None = None
    """The attempt's new state; None if it does not change."""


class EvidenceRaised(Personal, frozen=True, kw_only=True):
    """The evidence of a delivery rose: an acknowledgement, a call."""

    delivery: str
    evidence: Proof
    by: str = ""
    via: str = ""
    note: str = ""
    token: str = ""
    """A digest of the link that was used; the link cannot be used again."""


class DeliveryResent(Personal, frozen=True, kw_only=True):
    """A person asked to resend the same message under a new key."""

    delivery: str
    by: str
    reason: str
    revives: tuple[str, ...] = ()
    """The deliveries that its acknowledgement had cancelled, and that go on."""


class AttemptStarted(Event, frozen=True, kw_only=True):
    """The intent: committed before the effect. ``effect`` is a delivery's or an invocation's id."""

    effect: str
    n: int
    key: str
    worker: str
    channel: str = ""
    item: int | None = None
    """The item of an action, as its place in the invocation's items."""
    verifies: bool = False
    """A read that must show the effect of the action."""


class AttemptEnded(Event, frozen=True, kw_only=True):
    """The outcome. For an automatic step, ``step_state`` is the next state of the step.

    ``reason`` is the provider's, without personal data; a person's words are in ``AttemptResolved``.
    """

    effect: str
    n: int
    state: AttemptState
    reason: str = ""
    provider_id: str = ""
    evidence: Proof = "none"
    retry_at: datetime | None = None
    step_state: TaskState | None = None
    resolved_by: str = ""
    screen: bool = False
    """The message was only shown on the screen of the process that sent it."""


class AttemptResolved(Personal, frozen=True, kw_only=True):
    """How a person resolved an attempt with an unknown outcome; its end is an ``AttemptEnded``."""

    effect: str
    n: int
    by: str
    reason: str


class RuleOverridden(Personal, frozen=True, kw_only=True):
    """A named approver overrode a rule, with the reason; an empty field applies to all."""

    rule: str
    by: str
    reason: str
    role: str = ""
    """The role that the approver holds."""
    channel: str = ""
    message_class: str = ""
    person: str = ""
    text: str = ""
    domains: tuple[str, ...] = ()
    """Domains that were compromised then; the override covers no other domain."""


class ChannelsSwitched(Personal, frozen=True, kw_only=True):
    """Open messages use other channels from now on: the old one, the new one, the reason, and the person who decided."""

    left: tuple[str, ...]
    taken: tuple[str, ...]
    trigger: str
    by: str = ""
    """The person who decided it; empty if the program detected it."""
    persons: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    """Of these persons, those with an unverified address on their new channel."""


class Received(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A later receipt of a provider for an attempt, and when it arrived here."""

    kind: ReceiptKind
    event: str
    at: datetime
    part: str = ""
    code: str = ""


class ActionItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One account, host or other item on which an action runs; ``digest`` of its invocation is that of the requests."""

    item: str = ""
    inputs: Mapping[str, str] = {}
    refused: str = ""
    """Why the action does not run on it, such as an entry of the settings' never-list."""

    @property
    def name(self) -> str:
        """The item for people."""
        return self.item or ", ".join(self.inputs.values())


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One try of an effect. ``sending`` is the claim, committed before the effect starts."""

    n: int
    key: str
    """Idempotency key: the same for every try of the same logical effect on one channel."""
    worker: str
    started_at: datetime
    state: AttemptState = "sending"
    channel: str = ""
    ended_at: datetime | None = None
    reason: str = ""
    provider_id: str = ""
    retry_at: datetime | None = None
    resolved_by: str = ""
    receipts: tuple[Received, ...] = ()
    item: int | None = None
    """The place of its item in the items of an action."""
    verifies: bool = False
    screen: bool = False
    """It was only shown on the screen of the process that sent it: evidence of nothing about its recipient."""


def failure_reason(attempt: Attempt) -> str:
    """Return why an attempt that the provider had accepted failed later, in words."""
    last = next((receipt for receipt in reversed(attempt.receipts) if receipt.kind in GAVE_UP), None)
    code = f" ({last.code})" if last and last.code else ""
    if last and last.kind == "stopped":
        return f"the person opted out of messages over this channel{code}"
    return f"the provider accepted the message, then failed permanently{code}"


GAVE_UP: frozenset[ReceiptKind] = frozenset({"failed", "stopped"})
MessageEvent = (
    AnnouncementDropped
    | AttemptEnded
    | AttemptResolved
    | AttemptStarted
    | CallOwed
    | ChannelsSwitched
    | DeliveriesReplanned
    | DeliveryEnded
    | DeliveryReminded
    | DeliveryResent
    | DeliveryStuck
    | EvidenceRaised
    | LevelFired
    | MessageComposed
    | ReceiptTaken
    | ReplanAsked
    | ReplanFailed
    | RuleOverridden
)
