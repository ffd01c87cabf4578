"""Context of effects: their values and ports, passed as arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from runner.base.instants import parse_instant
from runner.documents.notice import Notice
from runner.documents.tree import Logo
from runner.errors import NotFound
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.duty import DutyStatus
from runner.routing.message_classes import Written, laid_over
from runner.routing.messaging import (
    BUILT_IN_CLASSES,
    CallResult,
    Channel,
    Dispatch,
    HttpCall,
    MessageClass,
    RoomRequest,
    SendResult,
)
from runner.routing.organisation import Acting, Directory
from runner.routing.rules import Compromise, PlanContext
from runner.vault.secrets import Secret

_HOLD = "law_enforcement.hold."


class Blobs(Protocol):
    """Where bytes are kept by their SHA-256."""

    def put_blob(self, incident: str | None, data: bytes) -> str:
        """Keep bytes and return their digest."""

    def get_blob(self, digest: str) -> bytes:
        """Return bytes by digest."""

    def vouch(self, incident: str, data: bytes) -> bytes:
        """Return 32 bytes that only a holder of the incident's key can tell for ``data``."""


class Sender(Protocol):
    """The door to the integrations."""

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> SendResult:
        """Make one attempt."""

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /
    ) -> SendResult | None:
        """Ask whether an unanswered attempt arrived; None when it cannot be told."""

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str], /) -> SendResult:
        """Make one attempt to have a room opened, or somebody let in."""


class EffectContext(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an effect may use. ``now`` is read once for each piece of work."""

    blobs: Blobs
    sender: Sender
    call: Callable[[HttpCall], CallResult]
    directory: Directory
    acting: Acting
    notices: Mapping[str, tuple[Notice, str]]
    """Pinned templates: id → front matter and body."""
    secret: Callable[[str], Secret]
    """A reference's value; raises a TocsinError without the value in it."""
    given_secret: Callable[[str], Secret]
    """A secret that actions may have, by its name in the settings; raises as well where it is none of those."""
    now: Callable[[], datetime]
    """The incident's own time: an exercise's, where it is one."""
    wall: Callable[[], datetime]
    """The time that everybody else has: what leaves carries it."""
    new_id: Callable[[str], str]
    duties: Callable[[Incident, datetime, Library], tuple[DutyStatus, ...]]
    letterhead: Callable[[], bytes] = bytes
    """The firm's own Word file, empty where there is none; raises a TocsinError where it cannot be read."""
    logo: Callable[[], Logo | None] = lambda: None
    """The firm's logo, None where none is named; raises a TocsinError where it cannot be used."""
    public_url: str = ""
    """Where people reach the pages of acknowledgement; empty where they do not."""
    privileged: bool = False
    """Whether drafts and cover sheets are marked as privileged."""

    def secrets_of(self, channel: Channel) -> dict[str, str]:
        """Return the values of a channel's secrets; raises a TocsinError."""
        return {name: self.secret(reference).reveal() for name, reference in channel.secrets.items()}


def exercise_time_lag(incident: Incident, tools: EffectContext) -> timedelta:
    """Return by how much the incident's own time is behind the wall: an exercise's is, once it was paused."""
    return tools.wall() - tools.now() if incident.drill is not None else timedelta()


def plan_context(incident: Incident, at: datetime | None = None) -> PlanContext:
    """Return what the planner has to know of an incident, as of now or another instant."""
    fallen = [d for d in incident.domains.values() if d.state == "compromised"]
    down = {d.name: d.since for d in incident.domains.values() if d.state == "down"}
    breached = any(
        key.endswith("data.elements") and fact.value and "online_credentials" in fact.value
        for key, fact in incident.facts.items()
    )
    return PlanContext(
        kind=incident.kind,
        started_at=incident.opened_at,
        compromised=tuple(Compromise(domain=d.name, since=d.since, assumed=d.assumed) for d in fallen),
        down=down,
        # mail, as soon as online credentials are among the data that were breached
        affected_credentials=frozenset({"email"} if breached else ()),
        overrides=tuple(incident.overrides.values()),
        held_by=_held_by(incident, at),
        at=at,
        simulated=incident.drill is not None,
    )


def with_own_domains(context: PlanContext, directory: Directory) -> PlanContext:
    """Return the same with what the home knows: which systems are its own."""
    return msgspec.structs.replace(context, corporate=directory.corporate)


def _held_by(incident: Incident, at: datetime | None) -> str:
    """Return which agency holds notices back; a hold whose dates are not known holds until somebody says otherwise."""
    told = {
        key: fact.value
        for key, fact in incident.facts.items()
        if key.startswith(_HOLD) and fact.value is not None
    }
    if not told:
        return ""
    begin, until = told.get(f"{_HOLD}from"), told.get(f"{_HOLD}until")
    ahead = begin is not None and at is not None and _instant(begin, at) > at
    if ahead or (until is not None and at is not None and at > _instant(until, at)):
        return ""
    return str(told.get(f"{_HOLD}agency") or "a law-enforcement agency")


def _instant(value: object, otherwise: datetime) -> datetime:
    """Return a fact's instant; one that cannot be read holds."""
    try:
        return parse_instant(str(value))
    except ValueError:
        return otherwise


def message_class(name: str, directory: Directory | None = None, own: Written | None = None) -> MessageClass:
    """Return a message class: a playbook's own, else the home's, else a built-in one; raises NotFound."""
    known = laid_over(directory.classes if directory is not None else BUILT_IN_CLASSES, own or {})
    if name not in known:
        raise NotFound(
            f'Message class "{name}" does not exist.',
            hint="Check classes in tocsin.yaml.",
            code="unknown_message_class",
        )
    return known[name]
