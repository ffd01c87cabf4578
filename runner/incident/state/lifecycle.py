"""Events of a whole incident: it is opened, runs playbooks, is paused, cancelled, closed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from runner.base.actor import Personal
from runner.base.states import Kind, Profile, Severity
from runner.incident.state.exercise import ExerciseClock


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One use of a playbook in the incident, pinned by digest."""

    id: str
    playbook: str
    version: str
    digest: str
    bundle: str
    """SHA-256 of the stored bundle, which has the steps of both profiles."""
    at: datetime
    profile: Profile = "large"

    @property
    def label(self) -> str:
        """Its playbook and version, and the small profile."""
        return f"{self.playbook} {self.version}{' (small profile)' if self.profile == 'small' else ''}"

    @property
    def plan(self) -> str:
        """Key of its compiled plan: the stored bundle, and the profile that leaves steps out."""
        return self.bundle if self.profile == "large" else f"{self.bundle}/{self.profile}"


class IncidentOpened(Personal, frozen=True, kw_only=True):
    """The incident was opened; its kind never changes."""

    incident: str
    codename: str
    title: str
    kind: Kind
    by: str = ""
    catalogue: str = ""
    clock: ExerciseClock | None = None
    """How its time follows real time; None if it is the same."""


class PlaybookPinned(Personal, frozen=True, kw_only=True):
    """A run of a playbook started in this incident, by digest (at opening, or grafted later)."""

    run: Run
    inputs: Mapping[str, str | int | float | bool | None] = {}
    reason: str = ""


class PlaybookMigrated(Personal, frozen=True, kw_only=True):
    """A run continues with another version of its playbook, as the plan said."""

    run: Run
    kept: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reapprove: tuple[str, ...] = ()
    reason: str = ""


class IncidentPaused(Personal, frozen=True, kw_only=True):
    """Automatic work stopped. Legal clocks continue."""

    reason: str


class IncidentResumed(Personal, frozen=True, kw_only=True):
    """Automatic work continues."""

    reason: str = ""
    set_aside: str = ""
    """The reason of the stop; empty if it was only paused."""


class IncidentCancelled(Personal, frozen=True, kw_only=True):
    """The incident was cancelled: open tasks are cancelled, completed tasks stay."""

    reason: str


class IncidentClosed(Personal, frozen=True, kw_only=True):
    """The incident was closed by a named person."""

    by: str
    reason: str = ""
    left_open: Mapping[str, str] = {}
    """Open duties of a law in force → why each was left open."""
    second: str = ""
    """The person who confirmed it, if that was necessary."""
    dropped: Mapping[str, str] = {}
    """All else that was open, by name → in words."""


class IncidentReopened(Personal, frozen=True, kw_only=True):
    """The incident was reopened: work, clocks and reminders continue."""

    by: str
    reason: str


class SeveritySet(Personal, frozen=True, kw_only=True):
    """The severity of the incident from now on."""

    severity: Severity
    by: str
    before: Severity | Literal[""] = ""
    reason: str = ""


class AccessSet(Personal, frozen=True, kw_only=True):
    """Whether only the people with a role in the incident can see it, from now on."""

    restricted: bool
    by: str
    reason: str


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
    | AccessSet
)
