"""Events of an incident's journal, one past-tense type for each.

An event says what it means by itself: it carries the resulting state, so that a later version of the engine
folds an old journal to the same incident. The time an event stands for is in its row, not in its payload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from runner.base.event import Event as Event
from runner.base.event import Personal as Personal
from runner.base.event import Stream as Stream
from runner.base.states import Kind, Severity, TaskState
from runner.decoding import json_reader
from runner.facts.vocabulary.register import FactChange as FactChange
from runner.incident.state.campaigns import CampaignMoved as CampaignMoved
from runner.incident.state.campaigns import CampaignPart as CampaignPart
from runner.incident.state.campaigns import CampaignPlanned as CampaignPlanned
from runner.incident.state.campaigns import CampaignResolved as CampaignResolved
from runner.incident.state.campaigns import CampaignStretch as CampaignStretch
from runner.incident.state.campaigns import SubstituteDue as SubstituteDue
from runner.incident.state.campaigns import SubstituteGiven as SubstituteGiven
from runner.incident.state.documents import DocumentRendered as DocumentRendered
from runner.incident.state.documents import NoticeAdopted as NoticeAdopted
from runner.incident.state.documents import NoticeKept as NoticeKept
from runner.incident.state.documents import NoticeOverridden as NoticeOverridden
from runner.incident.state.exercise import ExerciseClock, ExerciseEvent
from runner.incident.state.handover import BriefGiven as BriefGiven
from runner.incident.state.handover import CommandTaken as CommandTaken
from runner.incident.state.incident import Run
from runner.incident.state.messages import AnnouncementDropped as AnnouncementDropped
from runner.incident.state.messages import AttemptEnded as AttemptEnded
from runner.incident.state.messages import AttemptResolved as AttemptResolved
from runner.incident.state.messages import AttemptStarted as AttemptStarted
from runner.incident.state.messages import CallOwed as CallOwed
from runner.incident.state.messages import ChannelsSwitched as ChannelsSwitched
from runner.incident.state.messages import DeliveriesReplanned as DeliveriesReplanned
from runner.incident.state.messages import DeliveryEnded as DeliveryEnded
from runner.incident.state.messages import DeliveryReminded as DeliveryReminded
from runner.incident.state.messages import DeliveryResent as DeliveryResent
from runner.incident.state.messages import DeliveryStuck as DeliveryStuck
from runner.incident.state.messages import EvidenceRaised as EvidenceRaised
from runner.incident.state.messages import LevelFired as LevelFired
from runner.incident.state.messages import MessageComposed as MessageComposed
from runner.incident.state.messages import PlannedDelivery as PlannedDelivery
from runner.incident.state.messages import ReceiptTaken as ReceiptTaken
from runner.incident.state.messages import ReplanAsked as ReplanAsked
from runner.incident.state.messages import ReplanFailed as ReplanFailed
from runner.incident.state.messages import RuleOverridden as RuleOverridden
from runner.incident.state.second_person import SecondPersonAsked as SecondPersonAsked
from runner.incident.state.second_person import SecondPersonConfirmed as SecondPersonConfirmed
from runner.law.duty import DutiesAssessed as DutiesAssessed
from runner.law.duty import DutyChange as DutyChange
from runner.law.duty import DutyRecorded as DutyRecorded
from runner.playbook.format import Task
from runner.routing.war_room import GuestsListed as GuestsListed
from runner.routing.war_room import RoomChosen as RoomChosen
from runner.routing.war_room import RoomRetried as RoomRetried


class IncidentOpened(Personal, frozen=True, kw_only=True):
    """Born, with its kind fixed for ever."""

    incident: str
    codename: str
    title: str
    kind: Kind
    by: str = ""
    catalogue: str = ""
    clock: ExerciseClock | None = None
    """How its time follows the wall's; None where it is the same."""


class PlaybookPinned(Personal, frozen=True, kw_only=True):
    """A playbook begins to run in this incident, by digest (at opening, or grafted later)."""

    run: Run
    inputs: Mapping[str, str | int | float | bool | None] = {}
    reason: str = ""


class PlaybookMigrated(Personal, frozen=True, kw_only=True):
    """A run goes on with another version of its playbook, as the plan said."""

    run: Run
    kept: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reapprove: tuple[str, ...] = ()
    reason: str = ""


class IncidentPaused(Personal, frozen=True, kw_only=True):
    """Automatic work stops. Legal clocks do not."""

    reason: str


class IncidentResumed(Personal, frozen=True, kw_only=True):
    """Automatic work goes on."""

    reason: str = ""
    set_aside: str = ""
    """Why it had been stopped; empty if it was only paused."""


class IncidentCancelled(Personal, frozen=True, kw_only=True):
    """The incident was cancelled: open tasks are cancelled, completed tasks stay."""

    reason: str


class IncidentClosed(Personal, frozen=True, kw_only=True):
    """Over, by decision of a named person."""

    by: str
    reason: str = ""
    left_open: Mapping[str, str] = {}
    """Duties of a law in force that were open → why each was left so."""
    second: str = ""
    """Who confirmed it, where that was needed."""


class IncidentReopened(Personal, frozen=True, kw_only=True):
    """Closed too early: work, clocks and reminders go on."""

    by: str
    reason: str


class TaskAdded(Personal, frozen=True, kw_only=True):
    """A task that no playbook foresaw, defined here; it is looked up in ``scope``, beside the steps of a run."""

    scope: str
    run: str
    playbook: str
    task: Task
    by: str


class SeveritySet(Personal, frozen=True, kw_only=True):
    """How severe the incident is taken to be, from now on."""

    severity: Severity
    by: str
    before: Severity | Literal[""] = ""
    reason: str = ""


class ScopeOpened(Personal, frozen=True, kw_only=True):
    """A body of steps begins: a lane, an iteration, a called playbook."""

    scope: str
    run: str
    playbook: str
    body: str
    prefix: str
    parent: str = ""
    item: str | None = None
    iteration: int = 1
    inputs: Mapping[str, str | int | float | bool | None] = {}


class StepReady(Event, frozen=True, kw_only=True):
    """All steps before it have ended and its condition is true."""

    step: str
    state: Literal["ready", "active"] = "ready"
    due: datetime | None = None
    wake_at: datetime | None = None
    assignee: str = ""


class StepBlocked(Personal, frozen=True, kw_only=True):
    """Its condition is undetermined: these facts are missing. With none, nothing is missing any more."""

    step: str
    missing: tuple[str, ...]


class StepRescheduled(Personal, frozen=True, kw_only=True):
    """Its due time or its next look changed, with the cause."""

    step: str
    due: datetime | None = None
    wake_at: datetime | None = None
    reason: str = ""


class StepStarted(Event, frozen=True, kw_only=True):
    """A person is on it."""

    step: str
    by: str


class StepChecked(Event, frozen=True, kw_only=True):
    """One row of its checklist was ticked."""

    step: str
    row: int
    by: str
    at_once: bool = False
    """With all other rows, in one command."""


class StepUnchecked(Event, frozen=True, kw_only=True):
    """A checklist item was marked as not done."""

    step: str
    row: int
    by: str


class StepEnded(Personal, frozen=True, kw_only=True):
    """The step ended in a final state, which only reopening changes. ``digest`` names its product."""

    step: str
    state: TaskState
    by: str = ""
    reason: str = ""
    digest: str = ""
    on_behalf_of: str = ""
    """The person for whom ``by`` did it: both count as authors, and neither approves it."""
    at_once: int = 0
    """How many rows of its checklist were ticked all at once."""


class StepSettled(Personal, frozen=True, kw_only=True):
    """The engine itself ended it: nothing to do, or all inside it has ended."""

    step: str
    state: TaskState
    why: str = ""
    digest: str = ""


class StepReopened(Personal, frozen=True, kw_only=True):
    """A new invocation of an ended step; the earlier invocation stays in the journal."""

    step: str
    by: str = ""
    reason: str = ""
    late: bool = False
    """The program's own reopening of a group for items that came up late: its lanes go on as they are."""
    keeps: bool = False
    """Nothing was wrong with it: an approval keeps its voices, which bind the same bytes still, a checklist its ticks."""


class StepAssigned(Personal, frozen=True, kw_only=True):
    """The task was assigned to another person."""

    step: str
    to: str
    reason: str = ""


class StepCommented(Personal, frozen=True, kw_only=True):
    """A remark on a step."""

    step: str
    by: str
    text: str


class StepStuck(Personal, frozen=True, kw_only=True):
    """The step is blocked: a person chooses between retry, skip and cancel."""

    step: str
    why: str


class StepRetried(Personal, frozen=True, kw_only=True):
    """A person, or its retry rule, has it tried again."""

    step: str
    by: str = ""
    wake_at: datetime | None = None
    reason: str = ""
    generation: int = 0
    """For an action: how often it was restarted after a definite refusal; each has an idempotency key."""


class StepOverdue(Event, frozen=True, kw_only=True):
    """Its due time passed while it was open."""

    step: str
    escalate_to: str = ""
    tell: bool = False
    """A first reminder is due."""


class StepReminded(Event, frozen=True, kw_only=True):
    """A reminder is due to the assignee."""

    step: str
    count: int


class ReminderFailed(Personal, frozen=True, kw_only=True):
    """No reminder could be sent; the step is unchanged, and the next reminder is still tried."""

    step: str
    count: int
    why: str


class FactsRecorded(Personal, frozen=True, kw_only=True):
    """Facts were learned, corrected or withdrawn, together."""

    facts: tuple[FactChange, ...]
    by: str
    step: str = ""
    grounds: str = ""
    answers: tuple[str, ...] = ()
    """Open questions that these facts answer implicitly."""
    second: str = ""
    """Who confirmed it, where it moved a deadline later."""


class ApprovalGiven(Personal, frozen=True, kw_only=True):
    """One person said yes or no to one digest."""

    step: str
    by: str
    role: str
    digest: str
    approved: bool = True
    reason: str = ""
    os_user: str = ""
    proven_by: str = ""
    roles: tuple[str, ...] = ()
    """Every role of the quorum that the person held, so that later ones can be fitted round it."""
    recorded_by: str = ""
    """Who wrote it down for ``by``: provisional until ``by`` confirms."""


class ApprovalVoided(Event, frozen=True, kw_only=True):
    """The bytes under an approval changed, so it is asked again."""

    step: str
    old: str
    new: str


class RoleAssigned(Personal, frozen=True, kw_only=True):
    """The persons of a role in this incident, from now on."""

    role: str
    persons: tuple[str, ...]
    on_call: bool = False
    """Set by a rota, which changes it with the shift."""


class DomainDeclared(Personal, frozen=True, kw_only=True):
    """A failure domain fell to the attacker, went down, or is up again."""

    domain: str
    state: Literal["compromised", "down", "up"]
    since: datetime
    by: str = ""
    reason: str = ""
    assumed: bool = False
    automatic: bool = False
    """Automatic: attempts failed, a probe succeeded, or it was declared in another incident."""


class EvidenceAttached(Personal, frozen=True, kw_only=True):
    """An evidence file was recorded."""

    evidence: str
    name: str
    sha256: str
    size: int
    by: str
    source: str = ""


class NoteAdded(Personal, frozen=True, kw_only=True):
    """A line in the log, of the time it speaks of."""

    by: str
    text: str
    about: datetime | None = None


class PrivilegedNoteAdded(NoteAdded, frozen=True, kw_only=True):
    """A note for counsel: its own stream, so that it can be withheld."""

    stream: ClassVar[Stream] = "privileged"


class EventCorrected(Personal, frozen=True, kw_only=True):
    """An earlier entry was wrong; both stay."""

    seq: int
    by: str
    reason: str


class ActedOnBehalf(Personal, frozen=True, kw_only=True):
    """The entries from ``first`` up to this one were made for ``person``: provisional until that person confirms."""

    first: int
    person: str
    by: str
    via: str
    steps: tuple[str, ...] = ()


class BehalfConfirmed(Personal, frozen=True, kw_only=True):
    """The person for whom the entries from ``first`` on were recorded confirms them."""

    first: int
    by: str
    os_user: str = ""
    proven_by: str = ""


AnyEvent = (
    ExerciseEvent
    | BriefGiven
    | CommandTaken
    | IncidentOpened
    | PlaybookPinned
    | PlaybookMigrated
    | IncidentPaused
    | IncidentResumed
    | IncidentCancelled
    | IncidentClosed
    | IncidentReopened
    | SeveritySet
    | TaskAdded
    | ScopeOpened
    | StepReady
    | StepBlocked
    | StepRescheduled
    | StepStarted
    | StepChecked
    | StepUnchecked
    | StepEnded
    | StepSettled
    | StepReopened
    | StepAssigned
    | StepCommented
    | StepStuck
    | StepRetried
    | StepOverdue
    | StepReminded
    | ReminderFailed
    | FactsRecorded
    | ApprovalGiven
    | ApprovalVoided
    | MessageComposed
    | DeliveriesReplanned
    | ReplanAsked
    | ReplanFailed
    | DeliveryEnded
    | DeliveryStuck
    | EvidenceRaised
    | ReceiptTaken
    | DeliveryResent
    | LevelFired
    | DeliveryReminded
    | CallOwed
    | AnnouncementDropped
    | AttemptStarted
    | AttemptEnded
    | AttemptResolved
    | DocumentRendered
    | NoticeOverridden
    | NoticeAdopted
    | NoticeKept
    | DutiesAssessed
    | DutyRecorded
    | RoleAssigned
    | RoomChosen
    | GuestsListed
    | RoomRetried
    | DomainDeclared
    | RuleOverridden
    | ChannelsSwitched
    | EvidenceAttached
    | NoteAdded
    | PrivilegedNoteAdded
    | EventCorrected
    | ActedOnBehalf
    | BehalfConfirmed
    | SecondPersonAsked
    | SecondPersonConfirmed
    | CampaignPlanned
    | CampaignMoved
    | CampaignStretch
    | CampaignResolved
    | SubstituteDue
    | SubstituteGiven
)


class Recorded(msgspec.Struct, frozen=True):
    """An event with its place and time in the journal, as folding needs it."""

    seq: int
    at: datetime
    event: AnyEvent


ENCODER = msgspec.json.Encoder(order="sorted")
READER: Callable[[bytes], AnyEvent] = json_reader(AnyEvent)


def encode(event: AnyEvent) -> bytes:
    """Return the payload bytes: canonical JSON, keys sorted."""
    return ENCODER.encode(event)


def decode(payload: bytes) -> AnyEvent:
    """Return the event of payload bytes; unknown types raise ``msgspec.ValidationError``."""
    return READER(payload)
