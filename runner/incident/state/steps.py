"""Events of steps and approvals, and the states and paths of steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from runner.base.actor import Event, Personal
from runner.base.states import TaskState
from runner.decoding import from_json
from runner.facts.vocabulary.register import OPEN, FactChange
from runner.incident.state.incident import ActionItem, Deputy, Invocation
from runner.playbook.format import AddedStep
from runner.playbook.parts import FormField


class TaskAdded(Personal, frozen=True, kw_only=True):
    """A task that is in no playbook, defined here; it is looked up in ``scope``, beside the steps of a run."""

    scope: str
    run: str
    playbook: str
    task: AddedStep
    by: str
    item: str | None = None
    """The duty of the tasks of a notice."""


class ScopeOpened(Personal, frozen=True, kw_only=True):
    """A body of steps started: a lane, an iteration, a called playbook."""

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


class ActionFilled(Personal, frozen=True, kw_only=True):
    """The requests of an action were filled for its items: ``digest`` is what an approval binds to."""

    step: str
    digest: str
    items: tuple[ActionItem, ...]
    by_hand: bool = False
    """The settings have no integration for it: people do it as a task."""


class StepBlocked(Personal, frozen=True, kw_only=True):
    """Its condition is undetermined: these facts are missing. If the list is empty, nothing is missing any more."""

    step: str
    missing: tuple[str, ...]


class StepRescheduled(Personal, frozen=True, kw_only=True):
    """Its due time or its next check changed, with the cause."""

    step: str
    due: datetime | None = None
    wake_at: datetime | None = None
    reason: str = ""


class StepStarted(Event, frozen=True, kw_only=True):
    """A person started it."""

    step: str
    by: str


class StepChecked(Event, frozen=True, kw_only=True):
    """An item of its checklist was marked as done."""

    step: str
    row: int
    by: str
    at_once: bool = False
    """With all other items, in one command."""


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
    """The person on whose behalf ``by`` did it: both count as authors, and neither can approve it."""
    at_once: int = 0
    """How many items of its checklist were marked all at once."""


class StepSettled(Personal, frozen=True, kw_only=True):
    """The engine itself ended it: nothing to do, or everything in it has ended."""

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
    """The program reopened a group for new items: its lanes continue unchanged."""
    keeps: bool = False
    """No error was found: an approval keeps its decisions on the same bytes, a checklist its items."""


class StepAssigned(Personal, frozen=True, kw_only=True):
    """The task was assigned to another person."""

    step: str
    to: str
    reason: str = ""


class StepCommented(Personal, frozen=True, kw_only=True):
    """A comment on a step."""

    step: str
    by: str
    text: str


class StepStuck(Personal, frozen=True, kw_only=True):
    """The step is blocked: a person chooses between retry, skip and cancel."""

    step: str
    why: str


class StepRetried(Personal, frozen=True, kw_only=True):
    """A person, or the retry rule, retries it."""

    step: str
    by: str = ""
    wake_at: datetime | None = None
    reason: str = ""
    generation: int = 0
    """For an action: how many times it was restarted after a refusal; each restart has a new idempotency key."""


class StepOverdue(Event, frozen=True, kw_only=True):
    """Its due time passed while it was open."""

    step: str
    escalate_to: str = ""
    tell: bool = False
    """A first reminder is due."""


class DeputiesNamed(Personal, frozen=True, kw_only=True):
    """An overdue approval escalated: from now on these deputies of its roles may approve."""

    step: str
    deputies: tuple[Deputy, ...] = ()
    without_deputy: tuple[str, ...] = ()
    """Roles of the quorum that have no deputy."""


class StepReminded(Event, frozen=True, kw_only=True):
    """A reminder is due to the assignee."""

    step: str
    count: int


class ReminderFailed(Personal, frozen=True, kw_only=True):
    """No reminder could be sent; the step is unchanged, and the next reminder is still tried."""

    step: str
    count: int
    why: str


class ApprovalGiven(Personal, frozen=True, kw_only=True):
    """One person approved or rejected one digest."""

    step: str
    by: str
    role: str
    digest: str
    approved: bool = True
    reason: str = ""
    os_user: str = ""
    proven_by: str = ""
    roles: tuple[str, ...] = ()
    """Every role of the quorum that the person had, so that later approvals can use the other roles."""
    recorded_by: str = ""
    """The person who recorded it for ``by``: unconfirmed until ``by`` confirms."""


class ApprovalVoided(Event, frozen=True, kw_only=True):
    """The bytes under an approval changed, so it is asked again."""

    step: str
    old: str
    new: str


StepEvent = (
    TaskAdded
    | ScopeOpened
    | StepReady
    | ActionFilled
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
    | DeputiesNamed
    | StepReminded
    | ReminderFailed
    | ApprovalGiven
    | ApprovalVoided
)


def completion_state(invocation: Invocation, at: datetime) -> Literal["done", "done_late"]:
    """Return the state of an invocation that is done at an instant; exactly at the due time is not overdue."""
    return "done_late" if invocation.due is not None and at > invocation.due else "done"


def is_answer(field: FormField, change: FactChange) -> bool:
    """Return whether a recorded fact answers a field with a permitted value.

    An open set (these values, and perhaps more) leaves the question open, too.
    """
    if change.key != field.fact:
        return False
    value = from_json(change.value)
    whole = value is not None and not (isinstance(value, list) and OPEN in value)
    return whole and (not field.choices or value in field.choices)


_LANES = re.compile(r"\[[^\]]*\]|#\d+")


def step_path_with_items(invocation: str) -> str:
    """Return a step's path with its lanes: ``notify[eu-gdpr-33-controller-sa/initial].sign``."""
    return invocation.partition(":")[2].rpartition("#")[0]


def step_path(invocation: str) -> str:
    """Return a step's path inside its playbook: ``notify.sign``."""
    return _LANES.sub("", invocation.partition(":")[2])
