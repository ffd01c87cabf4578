"""What happens to an incident as a whole: it is opened, runs playbooks, is paused, cancelled, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from runner.base.actor import Personal
from runner.base.states import Kind, Severity
from runner.incident.state.exercise import ExerciseClock
from runner.incident.state.incident import Run


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


class SeveritySet(Personal, frozen=True, kw_only=True):
    """How severe the incident is taken to be, from now on."""

    severity: Severity
    by: str
    before: Severity | Literal[""] = ""
    reason: str = ""


LifecycleEvent = (
    IncidentOpened
    | PlaybookPinned
    | PlaybookMigrated
    | IncidentPaused
    | IncidentResumed
    | IncidentCancelled
    | IncidentClosed
    | IncidentReopened
    | SeveritySet
)
