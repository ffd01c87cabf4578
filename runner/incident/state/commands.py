"""Commands of a person, or of an effect that has ended. ``decide`` turns each into events or refuses it.

A command does not contain its author: that is the principal, a separate argument of ``decide``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.states import Severity
from runner.incident.state.campaigns import AnyCampaignEvent
from runner.incident.state.documents import DocumentRendered, LettersSigned
from runner.incident.state.events import CustodyAct, FactChange
from runner.incident.state.exercise import Cause, ClockChange, ExerciseBegun, FaultSet, Rating
from runner.incident.state.incident import Run
from runner.incident.state.lifecycle import PlaybookMigrated
from runner.incident.state.messages import MessageComposed, PlannedDelivery, ReceiptTaken
from runner.incident.state.steps import DeputiesNamed
from runner.law.duty import DutyRecord
from runner.playbook.format import Task
from runner.routing.messaging import SendResult
from runner.routing.war_room import Guest, WarRoom


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request to change an incident."""


class StartTask(Command, frozen=True, kw_only=True):
    """Start a task."""

    step: str


class CompleteTask(Command, frozen=True, kw_only=True):
    """Complete a task; ``comment`` says how, ``instead`` how each item was done that an action did not do."""

    step: str
    comment: str = ""
    instead: Mapping[str, str] = {}


class CheckRow(Command, frozen=True, kw_only=True):
    """Mark a checklist item as done, counted from 0, or as not done; ``at_once`` with all other items, without a check of each."""

    step: str
    row: int
    done: bool = True
    at_once: bool = False


class SkipStep(Command, frozen=True, kw_only=True):
    """Skip a task, with the reason."""

    step: str
    reason: str


class CancelStep(Command, frozen=True, kw_only=True):
    """Cancel a task and the tasks that depend only on it."""

    step: str
    reason: str


class FailStep(Command, frozen=True, kw_only=True):
    """Mark a task as failed, with the reason."""

    step: str
    reason: str


class ReopenStep(Command, frozen=True, kw_only=True):
    """Reopen a task as a new invocation, with the reason; ``keeps`` the items that were checked one by one."""

    step: str
    reason: str
    keeps: bool = False


class RetryStep(Command, frozen=True, kw_only=True):
    """Retry a blocked automatic step."""

    step: str
    reason: str = ""


class AssignStep(Command, frozen=True, kw_only=True):
    """Assign a task to a person."""

    step: str
    to: str
    reason: str


class CommentStep(Command, frozen=True, kw_only=True):
    """Add a comment to a task."""

    step: str
    text: str


class Answer(Command, frozen=True, kw_only=True):
    """Answer an ``ask``: the fact it sets, already checked against its type."""

    step: str
    change: FactChange
    grounds: str = ""


class AnswerForm(Command, frozen=True, kw_only=True):
    """Answer fields of a form together, already checked against their types; a null value is the answer "unknown"."""

    step: str
    changes: tuple[FactChange, ...]
    grounds: str = ""


class AnswerUnknown(Command, frozen=True, kw_only=True):
    """Answer "unknown"; the question or the form is asked again at ``ask_again``."""

    step: str
    ask_again: datetime | None = None


class Decide(Command, frozen=True, kw_only=True):
    """Approve or reject exactly the bytes named by ``digest``; ``as_it_was`` is counsel's reason to accept changed facts."""

    step: str
    digest: str
    approved: bool
    reason: str = ""
    as_it_was: str = ""


class RecordFacts(Command, frozen=True, kw_only=True):
    """Record, correct or withdraw facts, already checked against their types."""

    changes: tuple[FactChange, ...]
    grounds: str = ""
    reopens: tuple[str, ...] = ()
    """The forms whose fields are open again: their answers are undone."""
    form: str = ""
    """The form of which these facts were the answer, before a second person had to confirm them."""


class RecordDuty(Command, frozen=True, kw_only=True):
    """Record a filing, a decision not to notify, or a waiver; ``as_it_was`` is counsel's reason to accept changed facts."""

    duty: str
    record: DutyRecord
    step: str = ""
    as_it_was: str = ""


class AssignRole(Command, frozen=True, kw_only=True):
    """Assign a role to persons."""

    role: str
    persons: tuple[str, ...]
    on_call: bool = False
    """Set by a rota, which changes the person with the shift."""


class ChooseRoom(Command, frozen=True, kw_only=True):
    """Choose the war room."""

    room: WarRoom
    trigger: str = ""


class ListGuests(Command, frozen=True, kw_only=True):
    """Set the members of the opened room."""

    room: str
    guests: tuple[Guest, ...]


class RetryRoom(Command, frozen=True, kw_only=True):
    """Retry every room that could not be opened, and every failed invitation."""


class DeclareDomain(Command, frozen=True, kw_only=True):
    """Declare a failure domain compromised, down, or restored."""

    domain: str
    state: Literal["compromised", "down", "up"]
    since: datetime
    reason: str = ""
    assumed: bool = False


class ReportDomain(Command, frozen=True, kw_only=True):
    """Report to an incident that a failure domain is compromised, down or restored elsewhere."""

    domain: str
    state: Literal["compromised", "down", "up"]
    since: datetime
    reason: str = ""
    declared: bool = False
    """A person decided it in another incident: this overrides an earlier declaration of a person here."""


class OverrideRule(Command, frozen=True, kw_only=True):
    """Override a message rule, as its approver, for a channel, a class, a person or a text; empty applies to all."""

    rule: str
    reason: str
    channel: str = ""
    message_class: str = ""
    person: str = ""
    text: str = ""


class RecordCustody(Command, frozen=True, kw_only=True):
    """Record an evidence file whose bytes are stored, describe it, hand it over, or confirm its receipt."""

    event: CustodyAct


class SignLetters(Command, frozen=True, kw_only=True):
    """Approve a run of letters, or sign off the number that was mailed."""

    event: LettersSigned


class TickItems(Command, frozen=True, kw_only=True):
    """Confirm items of a notice that only a person can check, in exactly the text named by ``digest``."""

    step: str
    digest: str
    items: tuple[str, ...]
    reason: str = ""
    """Why a contradiction among them is accepted."""


class AddNote(Command, frozen=True, kw_only=True):
    """Add a log entry."""

    text: str
    about: datetime | None = None
    privileged: bool = False


class Pause(Command, frozen=True, kw_only=True):
    """Stop automatic work."""

    reason: str


class Resume(Command, frozen=True, kw_only=True):
    """Resume automatic work. ``set_aside`` is the reason of the stop; it needs a reason to undo."""

    reason: str = ""
    set_aside: str = ""


class CancelIncident(Command, frozen=True, kw_only=True):
    """Cancel the incident."""

    reason: str


class Close(Command, frozen=True, kw_only=True):
    """Close the incident; open work needs a reason, and each open duty of a law in force one of its own."""

    reason: str = ""
    leave_open: Mapping[str, str] = {}


class Reopen(Command, frozen=True, kw_only=True):
    """Reopen a closed incident."""

    reason: str


class AddTask(Command, frozen=True, kw_only=True):
    """Add a task that is in no playbook; the task's id is made from its title."""

    task: Task


class AddNotice(Command, frozen=True, kw_only=True):
    """Add the tasks of one notice that no step makes, or that corrects a filed one: its text, its approval, its filing."""

    duty: str
    notice: str = "auto"
    """The template."""


class SetSeverity(Command, frozen=True, kw_only=True):
    """Set the severity of the incident."""

    severity: Severity
    reason: str = ""


class SetAccess(Command, frozen=True, kw_only=True):
    """Restrict the incident to the people with a role in it, or end that."""

    restricted: bool
    reason: str


class CorrectEvent(Command, frozen=True, kw_only=True):
    """Mark an earlier entry as wrong."""

    seq: int
    reason: str


class RecordCampaign(Command, frozen=True, kw_only=True):
    """Record an event of a campaign of notices to many people."""

    event: AnyCampaignEvent


class ConfirmEntry(Command, frozen=True, kw_only=True):
    """Confirm entry ``seq``, as the second person, or as the person on whose behalf it was recorded."""

    seq: int


class PinPlaybook(Command, frozen=True, kw_only=True):
    """Start (or graft) a run of a pinned playbook."""

    run: Run
    inputs: Mapping[str, str | int | float | bool | None] = {}
    reason: str = ""


class MigratePlaybook(Command, frozen=True, kw_only=True):
    """Move a run to another version of its playbook, as ``decide_migration`` permits."""

    event: PlaybookMigrated


class ResolveAttempt(Command, frozen=True, kw_only=True):
    """Resolve an attempt with an unknown outcome."""

    effect: str
    happened: bool
    reason: str


class Resend(Command, frozen=True, kw_only=True):
    """Send a delivery again under a new key."""

    delivery: str
    reason: str


class AskReplan(Command, frozen=True, kw_only=True):
    """Plan the open deliveries to a person again: the contacts changed."""

    person: str


class ReportCall(Command, frozen=True, kw_only=True):
    """Record whether a phone call reached the person of a delivery."""

    delivery: str
    reached: bool
    note: str = ""


class Acknowledge(Command, frozen=True, kw_only=True):
    """Record that a person acknowledged a message, over any channel."""

    person: str
    """The author: only the recipient of the delivery can acknowledge."""
    delivery: str
    via: str
    note: str = ""
    token: str = ""
    """A digest of the link that was used."""
    sim_swappable: bool = False
    domains: frozenset[str] = frozenset()
    """The failure domains of the channel that was used."""
    authorises: bool = False
    """Whether the channel may carry a decision, by the planner's rules."""


class Composed(Command, frozen=True, kw_only=True):
    """Record a composed message as ``event`` says, with the plans of its deliveries."""

    event: MessageComposed
    deputies: DeputiesNamed | None = None
    """For a reminder of an approval."""


class NotAnnounced(Command, frozen=True, kw_only=True):
    """Record that the reached persons cannot be informed of the acknowledgement."""

    message: str
    why: str


class Replanned(Command, frozen=True, kw_only=True):
    """Record that open deliveries were planned again because a domain changed or a delivery is resent."""

    plans: tuple[PlannedDelivery, ...]
    reason: str
    asked: int = 0
    """The event that the planning answers (the ``Incident.replan_asked`` that it saw); 0 if it failed."""


class Rendered(Command, frozen=True, kw_only=True):
    """Record a generated notice as ``event`` says; ``event.by`` is the person who requested it, empty if it was automatic."""

    event: DocumentRendered
    override: str = ""
    """Why counsel makes it final despite ``items``."""
    items: tuple[str, ...] = ()
    adopted: str = ""
    """SHA-256 of the Word file with the imported text."""
    base: str = ""
    tracked: int = 0


class EffectFailed(Command, frozen=True, kw_only=True):
    """Record that composing or generating failed; a person decides."""

    step: str
    why: str
    deputies: DeputiesNamed | None = None


class AttemptDone(Command, frozen=True, kw_only=True):
    """Record the end of an attempt with one of the five outcomes."""

    effect: str
    n: int
    result: SendResult
    facts: tuple[FactChange, ...] = ()
    """Facts from the answer of an action."""


class TakeReceipt(Command, frozen=True, kw_only=True):
    """Record a later receipt of a provider for an attempt; ``decide`` sets its evidence."""

    event: ReceiptTaken


class AttemptLost(Command, frozen=True, kw_only=True):
    """Record that the worker of an attempt stopped: the outcome is unknown."""

    effect: str
    n: int


class BeginExercise(Command, frozen=True, kw_only=True):
    """Name the exercise plan of this incident."""

    event: ExerciseBegun


class SetExerciseClock(Command, frozen=True, kw_only=True):
    """Start, pause, resume, jump, freeze or end an exercise; ``wall`` is the real time."""

    change: ClockChange
    wall: datetime
    rate: float = 1.0
    to: datetime | None = None
    reason: str = ""


class ReleaseInject(Command, frozen=True, kw_only=True):
    """Release an inject."""

    number: str
    cause: Cause = "hand"
    planned: datetime | None = None


class DeferInject(Command, frozen=True, kw_only=True):
    """Skip an inject."""

    number: str
    reason: str


class SetFault(Command, frozen=True, kw_only=True):
    """Simulate a failure in an exercise."""

    event: FaultSet


class Observe(Command, frozen=True, kw_only=True):
    """Record an observation of an exercise, or an answer to a discussion question."""

    text: str
    objective: str = ""
    question: str = ""
    kind: Literal["observation", "strength", "improvement", "answer"] = "observation"
    about: str = ""


class Rate(Command, frozen=True, kw_only=True):
    """Rate a target of an exercise; ``proposed`` is the rating of the rule, with its reason."""

    target: str
    rating: Rating
    note: str = ""
    proposed: str = ""


class GiveBrief(Command, frozen=True, kw_only=True):
    """Give a handover brief to a person for a role; it ends with entry ``version``."""

    to: str
    role: str = "commander"
    version: int
    digest: str


class TakeCommand(Command, frozen=True, kw_only=True):
    """Take over incident command, with a read-back of the brief."""

    role: str
    read_back: str


class SignReport(Command, frozen=True, kw_only=True):
    """Sign an after-action report, byte for byte; its files are stored."""

    digest: str
    files: Mapping[str, str]
    heads: Mapping[str, str] = {}


StepCommand = (
    StartTask
    | CompleteTask
    | CheckRow
    | SkipStep
    | CancelStep
    | FailStep
    | ReopenStep
    | RetryStep
    | AssignStep
    | CommentStep
    | Answer
    | AnswerForm
    | AnswerUnknown
    | Decide
)
RecordCommand = (
    RecordFacts
    | RecordDuty
    | AssignRole
    | ChooseRoom
    | ListGuests
    | RetryRoom
    | DeclareDomain
    | ReportDomain
    | OverrideRule
    | RecordCustody
    | SignLetters
    | TickItems
    | AddNote
    | Pause
    | Resume
    | CancelIncident
    | Close
    | Reopen
    | CorrectEvent
    | SetSeverity
    | SetAccess
    | AddTask
    | AddNotice
    | ConfirmEntry
    | PinPlaybook
    | MigratePlaybook
)
EffectCommand = (
    ResolveAttempt
    | Resend
    | AskReplan
    | ReportCall
    | Acknowledge
    | NotAnnounced
    | Composed
    | Replanned
    | Rendered
    | EffectFailed
    | AttemptDone
    | AttemptLost
    | TakeReceipt
)
DrillCommand = (
    BeginExercise | SetExerciseClock | ReleaseInject | DeferInject | SetFault | Observe | Rate | SignReport
)
AnyCommand = (
    StepCommand | RecordCommand | EffectCommand | DrillCommand | GiveBrief | TakeCommand | RecordCampaign
)
