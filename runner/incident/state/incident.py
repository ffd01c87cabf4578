"""Incident at one moment: the fold of its journal, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from runner.base.states import Kind, Proof, Refusal, Severity, State, TaskState, Verdict
from runner.facts.vocabulary.register import Fact
from runner.incident.state.campaigns import CampaignView as CampaignView
from runner.incident.state.campaigns import SubstituteAsk as SubstituteAsk
from runner.incident.state.documents import Adoption as Adoption
from runner.incident.state.documents import AsItWas as AsItWas
from runner.incident.state.documents import Document as Document
from runner.incident.state.documents import Override as Override
from runner.incident.state.exercise import Drill, Signed
from runner.incident.state.handover import Handover
from runner.incident.state.messages import Attempt as Attempt
from runner.incident.state.messages import Received as Received
from runner.incident.state.second_person import TwoPeople
from runner.law.duty import DutyRecord
from runner.playbook.format import Task
from runner.routing.messaging import MessageClass
from runner.routing.rule_book import RuleOverride
from runner.routing.war_room import WarRoom

PASSED: frozenset[str] = frozenset({"done", "done_late", "skipped", "not_applicable", "cancelled"})
"""States that let followers go on. Failed and expired do so only where the playbook says ``on_failure: continue``."""

FELL_AWAY: frozenset[str] = frozenset({"not_applicable", "cancelled"})
"""States that lead nowhere: a step all of whose ``after`` are in them is skipped too."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What every part of an incident shares: frozen, named fields."""


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
    """Every role of the quorum that the person held; ``role`` is the one that is shown."""
    void: bool = False
    """The bytes it was given for are no longer those to approve."""
    recorded_by: str = ""
    """Who wrote it down for ``by``."""
    provisional: bool = False
    """``by`` has not confirmed it yet: it counts from then on, and ``at`` is then."""
    seq: int = 0


class Invocation(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One time a step is reached. ``id`` is ``run:[group.]step#n``."""

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
    assignee: str = ""
    started_by: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_for: str = ""
    """The person on whose behalf ``ended_by`` ended it."""
    reason: str = ""
    digest: str = ""
    """SHA-256 of what the step produced, where an approval can bind to it."""
    attempts: tuple[Attempt, ...] = ()
    approvals: tuple[Approval, ...] = ()
    wake_at: datetime | None = None
    """When time alone changes it: a retry, a wait, an expiry, "ask again"."""
    stuck: str = ""
    """Why a person must choose between retry, skip and cancel."""
    checked: tuple[int, ...] = ()
    """Checklist rows ticked, counted from 0."""
    at_once: tuple[int, ...] = ()
    """Of these, the rows that were ticked all at once."""
    sets: str = ""
    """The fact that an ``ask`` sets."""
    subject: str = ""
    """The step whose product an ``approve`` binds."""
    message: str = ""
    """The message that a ``message`` step composed."""
    over: bool = False
    """Ended for good: nothing leaves this but reopening, which makes a new invocation."""
    told: int = 0
    """Reminders that were composed as messages, or could not be."""
    generation: int = 0
    """How often a person had an action begin anew that had been definitely refused."""
    scopes: tuple[str, ...] = ()
    """Bodies that this container opened."""


class Scope(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One opened body of steps: a run's root, a group's lane, a loop's iteration, a called playbook."""

    id: str
    run: str
    playbook: str
    body: str
    """The id of the container step inside the playbook; empty for its root."""
    prefix: str
    """What stands before a step's id in its invocations' ids."""
    parent: str = ""
    """The container's invocation."""
    item: str | None = None
    iteration: int = 1
    inputs: Mapping[str, object] = {}
    open: int = 0
    """Invocations in it that have not ended."""
    added: tuple[Task, ...] = ()
    """Tasks that no playbook foresaw: this scope has these, and no steps of a playbook."""


class Run(Value, frozen=True, kw_only=True):
    """One use of a playbook in the incident, pinned by digest."""

    id: str
    playbook: str
    version: str
    digest: str
    bundle: str
    """SHA-256 of the stored bundle."""
    at: datetime


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
    """Channels on which a message can be stopped from ringing."""
    domains: Mapping[str, tuple[str, ...]] = {}
    """Channel → every failure domain of this way, also of one that is used no more."""
    overridden: tuple[Refusal, ...] = ()
    """Rules that would refuse a channel in use, and that an approver set aside."""
    evidence: Proof = "none"
    state: Literal["active", "satisfied", "exhausted", "cancelled"] = "active"
    attempts: tuple[Attempt, ...] = ()
    stuck: str = ""
    """The question that only a person can answer."""
    generation: int = 0
    resent_at: datetime | None = None
    """When a person had it sent again; its time counts from there."""
    level: int = 0
    starts_at: datetime | None = None
    """When its level is told, if nobody has answered by then."""
    fired_at: datetime | None = None
    """When its level was told."""
    stands_for: tuple[str, ...] = ()
    """The deliveries in whose place it is."""
    roles: tuple[str, ...] = ()
    """The roles addressed that the person holds."""
    told_off: bool = False
    """After it was cancelled its recipient was informed who acknowledged."""
    reminders: int = 0
    """How often this generation was sent again by itself."""
    reminded_at: datetime | None = None
    unanswered: int = 0
    """How many reminders were sent since the last answer, or in vain from the beginning."""
    acked_at: datetime | None = None
    acked_via: str = ""
    lapsed: bool = False
    """What was answered is too old to rely on: it is asked for again."""
    spent: tuple[str, ...] = ()
    """Digests of the links by which it was acknowledged."""

    @property
    def ringing(self) -> tuple[Attempt, ...]:
        """The attempts that may ring on after the message was acknowledged over another channel, or cancelled."""
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
    """What its text holds that rules ask about."""
    requested_by: str = ""
    """Whose doing asked for it."""
    about: str = ""
    """The message whose acknowledgement this one tells of."""
    next_update: datetime | None = None
    """When its text says that the next one comes."""
    owed: datetime | None = None
    """Since when a person has to call, because all contacts were alerted and not enough have answered."""
    announced: bool = False
    """Those who were reached were told that it is acknowledged, or could not be."""
    filled: tuple[str, ...] = ()
    """Roles addressed that only the opener of the incident holds: nobody is paged for them."""
    unheld: tuple[str, ...] = ()
    """Roles addressed that nobody held."""


class Evidence(Value, frozen=True, kw_only=True):
    """An evidence file."""

    id: str
    name: str
    sha256: str
    size: int
    by: str
    at: datetime
    source: str = ""


class DutyView(Value, frozen=True, kw_only=True):
    """What the last assessment said of one duty, plus what people recorded for it."""

    id: str
    verdict: Verdict
    due: datetime | None = None
    provisional: bool = False
    missing: tuple[str, ...] = ()
    overdue: bool = False
    in_sight: bool = True
    """False while it depends on what the organisation is or where people live (see ``DutyStatus.in_sight``)."""
    settled: bool = False
    """Facts say that it was filed, or it is past its due time and held: time alone does not make it overdue."""
    waits: bool = False
    """Its clock begins with something that has not happened, as a stage that is filed or letters that are sent: no lane yet."""
    record: DutyRecord | None = None
    entry: int = 0
    """The journal's number of the record, also after it lapsed."""
    reopened: DutyRecord | None = None
    """A record that has lapsed: facts took the decision's ground away, or it is said to be wrong."""
    reopened_why: str = ""
    earlier: tuple[DutyRecord, ...] = ()
    """What was recorded before ``record``, oldest first: a later decision never takes an earlier one away."""


class Domain(Value, frozen=True, kw_only=True):
    """A failure domain's standing in this incident."""

    name: str
    state: Literal["compromised", "down", "up"]
    since: datetime
    by: str = ""
    assumed: bool = False
    """The playbook assumes it until triage says otherwise."""
    automatic: bool = False
    """Found out by failing and by probing, or declared in another incident: nobody said it here."""
    declared: int = 0
    """The entry that said so last."""
    falls: tuple[tuple[datetime, datetime | None], ...] = ()
    """From when to when it was compromised; the last one may go on."""


class Behalf(Value, frozen=True, kw_only=True):
    """Entries that one person recorded on behalf of another, who has not confirmed them."""

    first: int
    last: int
    person: str
    by: str
    via: str
    at: datetime
    steps: tuple[str, ...] = ()


class RoomTask(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One task at the provider of a war room: to open it, or to let in one person; ``left_out`` is the reason against it."""

    id: str
    room: str
    channel: str
    person: str = ""
    """Who is let in; empty for the opening."""
    left_out: str = ""
    attempts: tuple[Attempt, ...] = ()
    given_up: int = 0
    """How many of its attempts were made before a person retried it."""


class Incident(Value, frozen=True, kw_only=True):
    """The whole state. ``version`` is the number of the last event folded in."""

    id: str
    codename: str
    title: str
    kind: Kind
    opened_at: datetime
    opened_by: str = ""
    state: State = "open"
    severity: Severity | Literal[""] = ""
    """Empty until somebody says how severe it is."""
    version: int = 0
    catalogue: str = ""
    """SHA-256 of the pinned law and notice templates."""
    drill: Drill | None = None
    """The exercise that it is; None in a real incident."""
    handover: Handover | None = None
    """The newest brief for whoever takes over."""
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
    """What stood before: the event that recorded it, and the fact, oldest first."""
    roles: Mapping[str, tuple[str, ...]] = {}
    on_call: frozenset[str] = frozenset()
    """Roles that a rota hands round."""
    war_room: WarRoom | None = None
    """Where responders talk; without a name where no room can be used, None where none was ever chosen."""
    errands: Mapping[str, RoomTask] = {}
    messages: Mapping[str, MessageRecord] = {}
    deliveries: Mapping[str, Delivery] = {}
    documents: Mapping[str, Document] = {}
    evidence: Mapping[str, Evidence] = {}
    duties: Mapping[str, DutyView] = {}
    domains: Mapping[str, Domain] = {}
    overrides: Mapping[int, RuleOverride] = {}
    """Rules that an approver set aside, by the entry that says so."""
    campaigns: Mapping[str, CampaignView] = {}
    unconfirmed: Mapping[int, Behalf] = {}
    """What was done on behalf of people who have not confirmed it, by its first entry."""
    second_person: Mapping[int, TwoPeople] = {}
    """What needed two people, by the entry that asked for it."""
    agenda: frozenset[str] = frozenset()
    """Invocations to look at again because something that they depend on changed."""
    blocked: frozenset[str] = frozenset()
    """Invocations whose condition is unknown."""
    active: frozenset[str] = frozenset()
    """Invocations that are ready or active: the only ones that time can change."""
    live: frozenset[str] = frozenset()
    """Newest invocations of groups with ``for_each``, watched for late items."""
    signed: frozenset[str] = frozenset()
    """Approvals that were given: void as soon as what they bind has other bytes."""
    moving: frozenset[str] = frozenset()
    """Deliveries that are not over."""
    looks: Mapping[str, datetime] = {}
    """Of these, when something follows by itself for each; one that only an event can move is not here."""
    sends: Mapping[str, datetime] = {}
    """Of these, from when an attempt may be claimed."""
    calling: frozenset[str] = frozenset()
    """Messages of which it is not settled yet whether enough people were reached."""
    lapsing: frozenset[str] = frozenset()
    """Deliveries whose acknowledgement holds for a while only."""
    announcing: frozenset[str] = frozenset()
    """Acknowledged messages of which those who were reached may still have to be told."""
    recalling: frozenset[str] = frozenset()
    """Deliveries that may ring on although they were acknowledged or cancelled."""
    sending: frozenset[str] = frozenset()
    """Effects (invocation, delivery or errand ids) with a claim whose outcome is not recorded."""
    assess: bool = False
    """Facts or records changed since the duties were last assessed."""
    assessed: bool = False
    looked: int = 0
    """The event by which all facts up to it, and all records, were assessed; 0 when anything may have changed."""
    replan: bool = False
    """A failure domain rose or fell, or a delivery is sent again: open deliveries may need another plan."""
    replan_asked: int = 0
    """The last event that asked for it: a plan made before that event is out of date."""
    reports: tuple[Signed, ...] = ()
    replan_at: datetime | None = None
    """It could not be done; it is tried again then, and nothing is sent before."""

    def holder(self, effect: str) -> Delivery | Invocation | RoomTask | None:
        """Return whose attempts an effect's are, None where there is no such effect."""
        return self.deliveries.get(effect) or self.invocations.get(effect) or self.errands.get(effect)
