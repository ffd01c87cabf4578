"""Work for effects, as values: actions outside the engine, or actions that take time."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from runner.incident.state.action_items import ActionRun, ItemState
from runner.playbook.format import Act


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of due work in one incident."""

    incident: str


class Compose(Work, frozen=True, kw_only=True):
    """Write a message's text from facts and plan its deliveries. ``reminder`` is for an overdue step."""

    step: str
    template: str
    to: tuple[str, ...] = ()
    reminder: bool = False


class Announce(Work, frozen=True, kw_only=True):
    """Inform the recipients of a message that it is acknowledged."""

    message: str


class Render(Work, frozen=True, kw_only=True):
    """Render the notice of a step."""

    step: str
    notice: str
    duty: str
    formats: tuple[str, ...]


class Deliver(Work, frozen=True, kw_only=True):
    """Send one attempt of a delivery; its intent is committed."""

    delivery: str
    n: int
    channel: str
    key: str


class Recall(Work, frozen=True, kw_only=True):
    """Stop the alarm of an attempt that was acknowledged on another channel. Twice has no effect, so it needs no claim."""

    delivery: str
    n: int


class StepAttempt(Work, frozen=True, kw_only=True):
    """One attempt of a step with an external effect; its intent is committed."""

    step: str
    n: int
    key: str


class DoAct(StepAttempt, frozen=True, kw_only=True):
    """Do one attempt of an automatic action."""

    action: Act
    time_limit: timedelta
    run: ActionRun | None = None
    """The action template, with its requests; ``item`` is the one to do."""
    item: ItemState | None = None


class Host(Work, frozen=True, kw_only=True):
    """Make one attempt to open a war room, or to invite a person; its intent is committed."""

    errand: str
    n: int
    channel: str
    key: str


class Replan(Work, frozen=True, kw_only=True):
    """Plan every open delivery again, because a failure domain was compromised or restored."""


def token(work: AnyWork) -> str:
    """Return the token of a piece of work: the same work, requested twice, has the same token."""
    match work:
        case Deliver(delivery=effect, n=n) | StepAttempt(step=effect, n=n) | Host(errand=effect, n=n):
            return f"{work.incident}|{effect}|{n}"
        case Compose(step=step, reminder=reminder):
            return f"{work.incident}|{step}|{'reminder' if reminder else 'compose'}"
        case Announce(message=message):
            return f"{work.incident}|{message}|announce"
        case Recall(delivery=delivery, n=n):
            return f"{work.incident}|{delivery}|{n}|recall"
        case Replan():
            return f"{work.incident}|replan"
        case Render(step=step):
            return f"{work.incident}|{step}|render"


AnyWork = Replan | Compose | Announce | Render | Deliver | Recall | DoAct | Host
TIMES = 3
"""How many times in a row work on an incident may fail before only people work on it."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """How many times in a row work on one incident failed, and the last reason and time."""

    times: int
    why: str
    at: datetime

    @property
    def aside(self) -> bool:
        """Whether the incident is set aside after a repeated failure."""
        return self.times >= TIMES


def opening_of(room: str) -> str:
    """Return the id of the request to open a room."""
    return f"room:{room}"
