"""Context of effects: their values and ports, passed as arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
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

ChangeMarks = Callable[[Mapping[str, bytes]], Mapping[str, bytes]]
_HOLD = "law_enforcement.hold."


class Blobs(Protocol):
    """Stores bytes by their SHA-256."""

    def put_blob(self, incident: str | None, data: bytes) -> str:
        """Store bytes and return their digest."""

    def get_blob(self, digest: str) -> bytes:
        """Return bytes by digest."""

    def vouch(self, incident: str, data: bytes) -> bytes:
        """Return 32 bytes for ``data`` that need the incident's key."""

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """Return the marks whose names begin with ``prefix``."""

    def change_marks(self, names: Sequence[str], change: ChangeMarks) -> dict[str, bytes]:
        """Change marks, with no other change at the same time."""


class Sender(Protocol):
    """The interface to the integrations."""

    def send(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> SendResult:
        """Make one attempt."""

    def seal(self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /) -> bytes | SendResult:
        """Return the encrypted message of a channel that seals; empty if it is not really sent."""

    def reconcile(
        self, channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], /
    ) -> SendResult | None:
        """Ask whether an unanswered attempt arrived; None if unknown."""

    def host(self, channel: Channel, order: RoomRequest, secrets: Mapping[str, str], /) -> SendResult:
        """Make one attempt to open a room, or to invite a person."""


class EffectContext(msgspec.Struct, frozen=True, kw_only=True):
    """The values and ports for an effect. ``now`` is read once for each piece of work."""

    blobs: Blobs
    sender: Sender
    call: Callable[[HttpCall], CallResult]
    directory: Directory
    acting: Acting
    notices: Mapping[str, tuple[Notice, str]]
    """Pinned templates: id → front matter and body."""
    secret: Callable[[str], Secret]
    """Return a reference's value; raises a TocsinError without the value."""
    given_secret: Callable[[str], Secret]
    """Return a secret for actions by its name in the settings; raises a TocsinError for other secrets."""
    now: Callable[[], datetime]
    """The incident's time: exercise time in an exercise."""
    wall: Callable[[], datetime]
    """Real time, for messages to the outside."""
    new_id: Callable[[str], str]
    duties: Callable[[Incident, datetime, Library, Sequence[str]], tuple[DutyStatus, ...]]
    """Return the duties of relevant laws and of the laws of the named duties."""
    compromises: Callable[[], Sequence[Compromise]] = tuple
    """What incidents say is compromised now: a message that was planned before is judged again as it leaves."""
    tokens: MutableMapping[str, object] = msgspec.field(default_factory=dict)
    """Access tokens of actions by profile: only in memory."""
    letterhead: Callable[[], bytes] = bytes
    """The organisation's Word file, or empty; raises a TocsinError for an unreadable file."""
    logo: Callable[[], Logo | None] = lambda: None
    """The organisation's logo, or None; raises a TocsinError for an unusable file."""
    public_url: str = ""
    """The public address of the acknowledgement pages; may be empty."""
    privileged: bool = False
    """Whether drafts and cover sheets are marked as privileged."""

    def secrets_of(self, channel: Channel) -> dict[str, str]:
        """Return the values of a channel's secrets; raises a TocsinError."""
        return {name: self.secret(reference).reveal() for name, reference in channel.secrets.items()}


def exercise_time_lag(incident: Incident, tools: EffectContext) -> timedelta:
    """Return the difference between real time and incident time, for example after a pause of an exercise."""
    return tools.wall() - tools.now() if incident.drill is not None else timedelta()


def plan_context(
    incident: Incident, at: datetime | None = None, home: Sequence[Compromise] = ()
) -> PlanContext:
    """Return the planner's view of an incident, now or at another instant; ``home`` is what all incidents say is compromised."""
    own = [d for d in incident.domains.values() if d.state == "compromised"]
    fallen = [Compromise(domain=d.name, since=d.since, assumed=d.assumed) for d in own]
    sure = {one.domain for one in fallen if not one.assumed}
    fallen += [one for one in home if not one.assumed and one.domain not in sure]
    down = {d.name: d.since for d in incident.domains.values() if d.state == "down"}
    breached = any(
        key.endswith("data.elements") and fact.value and "online_credentials" in fact.value
        for key, fact in incident.facts.items()
    )
    return PlanContext(
        kind=incident.kind,
        started_at=incident.opened_at,
        compromised=tuple(fallen),
        suspected=frozenset({one.domain for one in home if one.assumed} - {one.domain for one in fallen}),
        down=down,
        # email, if online credentials are among the breached data
        affected_credentials=frozenset({"email"} if breached else ()),
        overrides=tuple(incident.overrides.values()),
        held_by=_held_by(incident, at),
        at=at,
        simulated=incident.drill is not None,
    )


def with_own_domains(context: PlanContext, directory: Directory) -> PlanContext:
    """Return the context with the home's own systems."""
    return msgspec.structs.replace(context, corporate=directory.corporate)


def _held_by(incident: Incident, at: datetime | None) -> str:
    """Return the agency that delays notices; a delay without dates continues until it is changed."""
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
    """Return a fact's instant, or ``otherwise`` if it is invalid."""
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
