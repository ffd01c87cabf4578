"""Incident at one moment: the fold of its journal, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from runner.base.actor import Stream
from runner.base.states import Kind, Profile, Proof, Refusal, Severity, State, TaskState, Verdict
from runner.facts.vocabulary.register import Fact
from runner.incident.state.campaigns import CampaignView as CampaignView
from runner.incident.state.campaigns import SubstituteAsk as SubstituteAsk
from runner.incident.state.documents import Adoption as Adoption
from runner.incident.state.documents import AsItWas as AsItWas
from runner.incident.state.documents import Document as Document
from runner.incident.state.documents import LettersSigned as LettersSigned
from runner.incident.state.documents import Override as Override
from runner.incident.state.documents import Tick as Tick
from runner.incident.state.exercise import Drill, Signed
from runner.incident.state.handover import Handover
from runner.incident.state.lifecycle import Run as Run
from runner.incident.state.messages import ActionItem as ActionItem
from runner.incident.state.messages import Attempt as Attempt
from runner.incident.state.messages import Received as Received
from runner.incident.state.record import Behalf as Behalf
from runner.incident.state.record import ExhibitHandover as ExhibitHandover
from runner.incident.state.second_person import Deputy as Deputy
from runner.incident.state.second_person import TwoPeople
from runner.law.duty import DutyRecord
from runner.playbook.format import AddedStep
from runner.routing.messaging import MessageClass
from runner.routing.rule_book import RuleOverride
from runner.routing.war_room import WarRoom

PASSED: frozenset[str] = frozenset({"done", "done_late", "skipped", "not_applicable", "cancelled"})
"""States that permit the next steps to start. Failed and expired do so only if the playbook says ``on_failure: continue``."""

FELL_AWAY: frozenset[str] = frozenset({"not_applicable", "cancelled"})
"""States that start no other step: a step is skipped if all of its ``after`` have these states."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """The base of every part of an incident: frozen, named fields."""


class Approval(Value, frozen=True, kw_only=True):
    """One person's decision on one digest."""

    by: str
    role: str
    digest: str
    at: datetime
    approved: bool = True
    reason: str = ""
    os_user: str = ""
    proven_by: str = ""
    roles: tuple[str, ...] = ()
    """Every role of the quorum that the person had; ``role`` is the one to show."""
    void: bool = False
    """The approved bytes have changed."""
    recorded_by: str = ""
    """The person who recorded it for ``by``."""
    provisional: bool = False
    """``by`` has not confirmed it yet: it counts from the confirmation, and ``at`` is then that time."""
    seq: int = 0


class Invocation(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One activation of a step. ``id`` is ``run:[group.]step#n``."""

    id: str
    step: str
    scope: str
    n: int
    kind: str
    state: TaskState = "waiting"
    missing: tuple[str, ...] = ()
    """Facts that its condition waits for."""
    ready_at: datetime | None = None
    due: datetime | None = None
    overdue: bool = False
    reminders: int = 0
    reminded_at: datetime | None = None
    escalated_to: str = ""
    deputies: tuple[Deputy, ...] = ()
    """For an overdue approval: the deputies who may approve."""
    without_deputy: tuple[str, ...] = ()
    """Its roles without a deputy."""
    assignee: str = ""
    started_by: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_for: str = ""
    """The person on whose behalf ``ended_by`` ended it."""
    reason: str = ""
    digest: str = ""
    """SHA-256 of the step's product, if an approval can bind to it."""
    attempts: tuple[Attempt, ...] = ()
    approvals: tuple[Approval, ...] = ()
    wake_at: datetime | None = None
    """When time alone changes it: a retry, a wait, an expiry, "ask again"."""
    stuck: str = ""
    """Why a person must choose between retry, skip and cancel."""
    checked: tuple[int, ...] = ()
    """Checklist items that are done, counted from 0."""
    at_once: tuple[int, ...] = ()
    """Of these, the items that were marked all at once."""
    sets: str = ""
    """The fact that an ``ask`` sets."""
    fields: tuple[str, ...] = ()
    """The facts that a ``form`` asks for."""
    answered: tuple[str, ...] = ()
    """Of these, the facts that were answered here, also with "unknown"."""
    answered_by: tuple[str, ...] = ()
    """The authors of these answers, and the persons on whose behalf they acted."""
    subject: str = ""
    """The step whose product an ``approve`` binds."""
    message: str = ""
    """The message that a ``message`` step composed."""
    over: bool = False
    """Ended for good: only reopening, with a new invocation, continues."""
    told: int = 0
    """Reminders that were composed as messages, or failed."""
    generation: int = 0
    """How many times a person restarted a refused action."""
    scopes: tuple[str, ...] = ()
    """Bodies that this container opened."""
    items: tuple[ActionItem, ...] = ()
    retried_at: int = -1
    """How many attempts there were when a person last retried an action; -1 if nobody did."""
    retry_entry: int = 0
    """The entry of that retry."""


class Scope(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One opened body of steps: a run's root, a group's lane, a loop's iteration, a called playbook."""

    id: str
    run: str
    playbook: str
    body: str
    """The id of the container step inside the playbook; empty for its root."""
    prefix: str
    """The prefix of a step's id in its invocations' ids."""
    parent: str = ""
    """The container's invocation."""
    item: str | None = None
    iteration: int = 1
    inputs: Mapping[str, object] = {}
    open: int = 0
    """Invocations in it that have not ended."""
    added: tuple[AddedStep, ...] = ()
    """Added steps that are in no playbook: only this scope has them."""


class Delivery(Value, frozen=True, kw_only=True):
    """One message to one person: its plan, its attempts, its evidence."""

    id: str
    message: str
    step: str
    person: str
    channels: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    goal: Proof
    key_lifetimes: Mapping[str, timedelta | None] = {}
    """Channels that honour an idempotency key, and for how long."""
    recalls: tuple[str, ...] = ()
    """Channels on which an alarm can be stopped."""
    domains: Mapping[str, tuple[str, ...]] = {}
    """Channel → every failure domain of this contact method, also for a channel that is not used any more."""
    overridden: tuple[Refusal, ...] = ()
    """Overridden rules that would block a channel in use."""
    evidence: Proof = "none"
    state: Literal["active", "satisfied", "exhausted", "cancelled"] = "active"
    attempts: tuple[Attempt, ...] = ()
    stuck: str = ""
    """The question that only a person can answer."""
    generation: int = 0
    resent_at: datetime | None = None
    """When a person had it sent again; its time counts from then."""
    level: int = 0
    starts_at: datetime | None = None
    """When its level is alerted, without an acknowledgement by then."""
    fired_at: datetime | None = None
    """When its level was alerted."""
    stands_for: tuple[str, ...] = ()
    """The deliveries that it replaces."""
    roles: tuple[str, ...] = ()
    """The roles addressed that the person holds."""
    told_off: bool = False
    """Its recipient was informed, after the cancellation, who acknowledged."""
    reminders: int = 0
    """How many times this generation was resent automatically."""
    reminded_at: datetime | None = None
    unanswered: int = 0
    """How many reminders were sent since the last answer, or without effect since the start."""
    acked_at: datetime | None = None
    acked_via: str = ""
    acked_by: str = ""
    """Who recorded a call that reached the recipient; empty for the recipient's own acknowledgement."""
    calls: tuple[tuple[datetime, str], ...] = ()  # that did not reach the recipient: when, recorded by whom
    lapsed: bool = False
    """The acknowledgement is too old to rely on: it is requested again."""
    spent: tuple[str, ...] = ()
    """Digests of the links that were used to acknowledge it."""

    @property
    def ringing(self) -> tuple[Attempt, ...]:
        """The attempts whose alarm may continue after the message was acknowledged over another channel, or cancelled."""
        if self.state not in ("satisfied", "cancelled"):
            return ()
        return tuple(
            attempt
            for attempt in self.attempts
            if attempt.state in ("accepted", "unknown")
            and attempt.channel in self.recalls
            and attempt.channel != self.acked_via
            and not any("recalled" in got.kind for got in attempt.receipts)
        )

    @property
    def waits(self) -> bool:
        """Whether its level has not been alerted yet."""
        return self.level > 0 and self.fired_at is None and self.resent_at is None


class MessageRecord(Value, frozen=True, kw_only=True):
    """A message as composed: the class and digest; its text is a sealed blob."""

    id: str
    step: str
    message_class: MessageClass
    body: str
    """SHA-256 of the sealed body blob."""
    at: datetime
    to: tuple[str, ...] = ()
    deliveries: tuple[str, ...] = ()
    traits: tuple[str, ...] = ()
    """Properties of its text that rules read."""
    requested_by: str = ""
    """The person whose action requested it."""
    about: str = ""
    """The message whose acknowledgement this message reports."""
    next_update: datetime | None = None
    """The time that its text promises for the next message."""
    owed: datetime | None = None
    """When a call by a person became due, because all contacts were alerted and too few have acknowledged."""
    announced: bool = False
    """The recipients were informed that it is acknowledged, or could not be informed."""
    filled: tuple[str, ...] = ()
    alerted: tuple[str, ...] = ()
    unheld: tuple[str, ...] = ()
    """Not sent to: roles whose only person opened the incident, people alerted by another playbook, roles without a person."""


class Evidence(Value, frozen=True, kw_only=True):
    """An evidence file."""

    id: str
    name: str
    sha256: str
    size: int
    by: str
    at: datetime
    source: str = ""
    number: int = 0
    """The number of the exhibit, from 1, in the order in which the files were stored."""
    handovers: tuple[ExhibitHandover, ...] = ()


class DutyView(Value, frozen=True, kw_only=True):
    """The last assessment of one duty, with people's records for it."""

    id: str
    verdict: Verdict
    due: datetime | None = None
    provisional: bool = False
    missing: tuple[str, ...] = ()
    overdue: bool = False
    in_sight: bool = True
    """False while it depends on the kind of organisation or on where people live (see ``DutyStatus.in_sight``)."""
    settled: bool = False
    """Facts say that it was filed, or that it is overdue and delayed: time alone does not make it overdue."""
    waits: bool = False
    """Its clock starts with a future event, as the filing of a stage or the sending of letters: no lane yet."""
    applied: bool = False
    """It applies, or it did and is undetermined since: only two people end it, in however many steps."""
    record: DutyRecord | None = None
    entry: int = 0
    """The journal's number of the record, also after it was voided."""
    reopened: DutyRecord | None = None
    """A void record: facts removed the decision's ground, or it is marked as wrong."""
    reopened_why: str = ""
    earlier: tuple[DutyRecord, ...] = ()
    """The records before ``record``, oldest first: a later decision removes no earlier one."""
    corrections: Mapping[int, DutyRecord] = {}
    """By entry, what followed a filing: filed corrections, of this duty or a later stage, and decisions that none is owed."""


class Domain(Value, frozen=True, kw_only=True):
    """The state of a failure domain in this incident."""

    name: str
    state: Literal["compromised", "down", "up"]
    since: datetime
    by: str = ""
    assumed: bool = False
    """The playbook assumes it until triage says otherwise."""
    why: str = ""
    """What failed, how often, if that was detected."""
    automatic: bool = False
    """Detected by failures and probes, or declared in another incident: no person declared it here."""
    declared: int = 0
    """The newest entry about it."""
    falls: tuple[tuple[datetime, datetime | None], ...] = ()
    """The times of its compromises; the last one may not have ended."""
    kept: bool = False
    """It is still compromised after the end of the incident."""
    before: Domain | None = None
    """What was said of it here, while a compromise in another incident counts instead."""

    @property
    def own(self) -> Domain | None:
        """What was said of it here, without the word of another incident."""
        return self.before if self.automatic and self.state == "compromised" else self


class RoomTask(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One task at the provider of a war room: to open it, or to invite one person; ``left_out`` is the reason against it."""

    id: str
    room: str
    channel: str
    person: str = ""
    """The invited person; empty for the opening."""
    left_out: str = ""
    attempts: tuple[Attempt, ...] = ()
    given_up: int = 0
    """How many of its attempts were before a person's retry."""


class Incident(Value, frozen=True, kw_only=True):
    """The whole state. ``version`` is the number of the last event folded in."""

    id: str
    codename: str
    title: str
    kind: Kind
    opened_at: datetime
    opened_by: str = ""
    state: State = "open"
    paused_why: str = ""
    """The reason of its last pause."""
    severity: Severity | Literal[""] = ""
    """Empty until a person sets the severity."""
    restricted: bool = False
    """Only the people with a role in the incident can see it; roles in the home do not count."""
    version: int = 0
    catalogue: str = ""
    """SHA-256 of the pinned law and notice templates."""
    drill: Drill | None = None
    """The exercise; None in a real incident."""
    handover: Handover | None = None
    """The newest handover brief."""
    runs: Mapping[str, Run] = {}
    scopes: Mapping[str, Scope] = {}
    invocations: Mapping[str, Invocation] = {}
    latest: Mapping[str, str] = {}
    """``scope|step`` → the newest invocation."""
    counts: Mapping[str, int] = {}
    """Prefix and step → invocations so far."""
    facts: Mapping[str, Fact] = {}
    fact_events: Mapping[str, int] = {}
    superseded: Mapping[str, tuple[tuple[int, Fact], ...]] = {}
    """The earlier values: the event that recorded each, and the fact, oldest first."""
    roles: Mapping[str, tuple[str, ...]] = {}
    on_call: frozenset[str] = frozenset()
    """Roles that a rota assigns."""
    war_room: WarRoom | None = None
    """The place where responders talk; without a name if no room can be used, None if none was ever chosen."""
    errands: Mapping[str, RoomTask] = {}
    messages: Mapping[str, MessageRecord] = {}
    deliveries: Mapping[str, Delivery] = {}
    documents: Mapping[str, Document] = {}
    evidence: Mapping[str, Evidence] = {}
    duties: Mapping[str, DutyView] = {}
    domains: Mapping[str, Domain] = {}
    overrides: Mapping[int, RuleOverride] = {}
    """Overridden rules, by the entry of the override."""
    streams: Mapping[int, Stream] = {}
    """The entries outside the operational stream. A correction has the stream of the entry that it corrects, in an older journal too."""
    campaigns: Mapping[str, CampaignView] = {}
    unconfirmed: Mapping[int, Behalf] = {}
    """Entries on behalf of people who have not confirmed them, by the first entry."""
    second_person: Mapping[int, TwoPeople] = {}
    """Acts that need two people, by the entry of the request."""
    agenda: frozenset[str] = frozenset()
    """Invocations to check again because something that they depend on changed."""
    blocked: frozenset[str] = frozenset()
    """Invocations whose condition is unknown."""
    active: frozenset[str] = frozenset()
    """Invocations that are ready or active: the only ones that time can change."""
    live: frozenset[str] = frozenset()
    """Newest invocations of groups with ``for_each``, watched for late items."""
    signed: frozenset[str] = frozenset()
    """Given approvals: void as soon as the approved bytes change."""
    moving: frozenset[str] = frozenset()
    """Deliveries that have not ended."""
    looks: Mapping[str, datetime] = {}
    """Of these, when each changes automatically; one that only an event can change is not here."""
    sends: Mapping[str, datetime] = {}
    """Of these, from when an attempt may be claimed."""
    calling: frozenset[str] = frozenset()
    """Messages that may still need more acknowledgements or deliveries."""
    lapsing: frozenset[str] = frozenset()
    """Deliveries whose acknowledgement expires."""
    announcing: frozenset[str] = frozenset()
    """Acknowledged messages whose recipients may still have to be informed."""
    recalling: frozenset[str] = frozenset()
    """Deliveries whose alarm may continue although they were acknowledged or cancelled."""
    sending: frozenset[str] = frozenset()
    """Effects (ids of invocations, deliveries or room tasks) with a claim whose outcome is not recorded."""
    assess: bool = False
    """Facts or records changed since the duties were last assessed."""
    assessed: bool = False
    looked: int = 0
    """The event up to which all facts and records were assessed; 0 if anything may have changed."""
    replan: bool = False
    """A failure domain was compromised or restored, or a delivery is resent: open deliveries may need another plan."""
    replan_asked: int = 0
    """The last event that required it: a plan made before that event is out of date."""
    reports: tuple[Signed, ...] = ()
    letters: tuple[LettersSigned, ...] = ()
    """Approvals of runs of letters, and the numbers that were mailed, oldest first."""
    replan_at: datetime | None = None
    """The planning failed; it is tried again then, and nothing is sent before."""

    @property
    def profile(self) -> Profile:
        """The profile of its first playbook; playbooks that are added later have it too."""
        return next((run.profile for run in self.runs.values()), "large")

    @property
    def zone(self) -> tzinfo:
        """The zone of the organisation; UTC until it is recorded."""
        fact = self.facts.get("organisation.zone")
        return ZoneInfo(str(fact.value)) if fact is not None and fact.value else UTC

    def holder(self, effect: str) -> Delivery | Invocation | RoomTask | None:
        """Return the owner of an effect's attempts, None if there is no such effect."""
        return self.deliveries.get(effect) or self.invocations.get(effect) or self.errands.get(effect)
