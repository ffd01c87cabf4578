"""Alerts from monitoring programs: drafts that a person opens as an incident, or dismisses with a reason.

A draft is no incident: it pages nobody and runs no clock. It is in a journal of the organisation, encrypted, with the words of
the sender as they came. Alerts that belong together join one draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.active_incident import OPEN
from runner.app.core.rights import require
from runner.base.actor import Principal
from runner.base.text import nearest
from runner.decoding import json_reader
from runner.errors import Invalid, NotFound, Refused, Usage
from runner.facts.vocabulary.register import Stated
from runner.files.alert_mapping import Alert, load_mapping, read_alerts
from runner.reports.core.page import Block
from runner.reports.core.report import filled
from runner.reports.messages.alerts import AlertRow, AlertsReport, alerts_page

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader

JOURNAL = "alerts"
"""The journal's name; it is not an incident."""
MOST = 200
"""Most drafts of one mapping that wait for a person."""
FLAPS = 100
"""Entries of a draft after which a change counts only every five minutes, as a repetition does."""
_AGAIN = timedelta(minutes=5)
"""Smallest interval between two entries about the same alert, so that a sender cannot fill the disk."""


class _AlertEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    alert: str


class AlertReceived(_AlertEvent, frozen=True, kw_only=True):
    """The first alert of a draft."""

    mapping: str
    sender: str
    """The proof of the program that sent it."""
    content: Alert


class AlertRepeated(_AlertEvent, frozen=True, kw_only=True):
    """One more alert that belongs to a draft, or the end of it."""

    resolved: bool = False


class AlertOpened(_AlertEvent, frozen=True, kw_only=True):
    """A person opened an incident from a draft."""

    incident: str
    by: str


class AlertDismissed(_AlertEvent, frozen=True, kw_only=True):
    """A person dismissed a draft."""

    by: str
    reason: str


_AnyEvent = AlertReceived | AlertRepeated | AlertOpened | AlertDismissed
_READER: Callable[[bytes], _AnyEvent] = json_reader(_AnyEvent)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """One draft as of now."""

    alert: str
    mapping: str
    sender: str
    content: Alert
    received: datetime
    last: datetime
    """The last alert that joined it; repeated ones within five minutes do not count."""
    count: int = 1
    state: Literal["waiting", "opened", "dismissed"] = "waiting"
    resolved: bool = False
    """The sender says that it is over. Only a person ends a draft."""
    incident: str = ""
    by: str = ""
    reason: str = ""


class Drafts(msgspec.Struct, frozen=True, kw_only=True):
    """All drafts by id, oldest first."""

    drafts: dict[str, Draft]
    version: int


def read(service: IncidentService) -> Drafts:
    """Return all drafts."""
    found: dict[str, Draft] = {}
    last = 0
    for seq, at, event in organisation_journal.entries(service, JOURNAL, _READER):
        last = seq
        if isinstance(event, AlertReceived):
            found[event.alert] = filled(Draft, event, received=at, last=at, resolved=event.content.resolved)
        else:
            found[event.alert] = _after(found[event.alert], event, at)
    return Drafts(drafts=found, version=last)


def _after(draft: Draft, event: AlertRepeated | AlertOpened | AlertDismissed, at: datetime) -> Draft:
    match event:
        case AlertRepeated(resolved=resolved):
            return msgspec.structs.replace(draft, last=at, count=draft.count + 1, resolved=resolved)
        case AlertOpened(incident=incident, by=by):
            return msgspec.structs.replace(draft, state="opened", incident=incident, by=by)
        case AlertDismissed(by=by, reason=reason):
            return msgspec.structs.replace(draft, state="dismissed", by=by, reason=reason)


def receive(service: IncidentService, name: str, sender: str, body: bytes) -> tuple[str, ...]:
    """Record the alerts of a request as drafts, and return the ids of their drafts.

    ``service`` is that of the program itself, ``sender`` the proof of the token. Raises Refused if too many drafts wait.
    """
    alerts, now = read_alerts(load_mapping(name, service.folder), body), service.clock.now()
    open_rows = {row.id for row in service.incidents() if row.state in OPEN}
    ids: dict[str, str] = {}

    def decide(book: Drafts) -> list[_AnyEvent]:
        ids.clear()
        events: list[_AnyEvent] = []
        known = _joinable(book.drafts.values(), name, open_rows)
        waiting = sum(one.state == "waiting" and one.mapping == name for one in book.drafts.values())
        for alert in alerts:
            draft = known.get(alert.key)
            if alert.key in ids:
                continue
            if draft is not None:
                ids[alert.key] = draft.alert
                changed = alert.resolved != draft.resolved and draft.count < FLAPS
                if changed or now - draft.last >= _AGAIN:
                    events.append(AlertRepeated(alert=draft.alert, resolved=alert.resolved))
            elif not alert.resolved:  # what is over before anybody heard of it waits for nobody
                ids[alert.key] = service.chance.name("a")
                events.append(AlertReceived(alert=ids[alert.key], mapping=name, sender=sender, content=alert))
        if waiting + sum(isinstance(one, AlertReceived) for one in events) > MOST:
            raise Refused(
                f"{waiting} alerts of {name} wait for a person. No more are taken.",
                hint="Open or dismiss them: tocsin alert list",
                code="too_many_alerts",
            )
        return events

    organisation_journal.change(service, JOURNAL, read, decide)
    return tuple(ids.values())


def _joinable(drafts: Iterable[Draft], name: str, open_rows: set[str]) -> Mapping[str, Draft]:
    """Return by key the drafts that later alerts join: those that wait, and those whose incident is open."""
    return {
        one.content.key: one
        for one in drafts
        if one.mapping == name
        and (one.state == "waiting" or (one.state == "opened" and one.incident in open_rows))
    }


def draft(service: IncidentService, name: str) -> Draft:
    """Return a draft that waits; raises NotFound, and Refused if a person opened or dismissed it."""
    found = read(service).drafts
    if name not in found:
        close = nearest(name, found)
        hint = f"Use {close}" if close else "Show all: tocsin alert list --all"
        raise NotFound(f'Alert "{name}" does not exist.', hint=hint, code="unknown_alert")
    if found[name].state != "waiting":
        raise Refused(
            f'Alert "{name}" is {found[name].state} already, by {found[name].by}.',
            hint="Show all: tocsin alert list --all",
            code="alert_ended",
        )
    return found[name]


def facts_of(one: Draft) -> tuple[Stated, ...]:
    """Return what an alert says of an incident: when it was discovered. Only a person says when somebody became aware."""
    at = min(one.content.at or one.received, one.received)  # the clock of the sender may be ahead
    source = f"alert {one.alert} from {one.mapping}, sent with {one.sender}"
    return (Stated(key="incident.discovered_at", value=at, source=source),)


def incident_of(one: Draft) -> str:
    """Return the id of the incident that a person opens from a draft: always the same, so that two people open one."""
    return f"i-{one.alert.partition('-')[2]}"


def opened(service: IncidentService, principal: Principal, name: str) -> None:
    """Record that a person opened the incident of a draft; nothing if that is recorded."""
    one = read(service).drafts.get(name)
    if one is None or one.state != "opened":
        incident = incident_of(draft(service, name))
        _end(service, principal, name, AlertOpened(alert=name, incident=incident, by=principal.person))


def dismiss(service: IncidentService, principal: Principal, name: str, reason: str) -> None:
    """Record that a draft is nothing, and why; raises Usage without a reason, and Refused if somebody opened it."""
    if not reason.strip():
        raise Usage("The reason is missing.", hint="Add --reason 'planned load test'", code="reason_missing")
    _end(service, principal, name, AlertDismissed(alert=name, by=principal.person, reason=reason.strip()))


def _end(service: IncidentService, principal: Principal, name: str, event: _AnyEvent) -> None:
    require(service.read(principal).may("alert.handle"), principal, "open or dismiss alerts")

    def decide(book: Drafts) -> list[_AnyEvent]:
        draft(service, name)
        return [event]

    organisation_journal.change(service, JOURNAL, read, decide)


def report(
    service: IncidentService, reader: Reader | None = None, *, everything: bool = False
) -> AlertsReport:
    """Return the drafts that wait, oldest first; with ``everything`` all. A reader gets names only of incidents that it may read."""
    names = {row.id: row.codename for row in (reader or service).incidents()}
    rows = tuple(
        filled(
            AlertRow,
            one,
            one.content,
            codename=names.get(one.incident, ""),
            playbook=_suggested(service, one.mapping) if one.state == "waiting" else "",
        )
        for one in read(service).drafts.values()
        if everything or one.state == "waiting"
    )
    return AlertsReport(as_of=service.clock.now(), alerts=rows)


def _suggested(service: IncidentService, mapping: str) -> str:
    """Return the playbook that a mapping suggests; empty if the mapping is gone or wrong meanwhile."""
    with suppress(NotFound, Invalid):
        return load_mapping(mapping, service.folder).playbook
    return ""


def shown(service: IncidentService, reader: Reader, name: str) -> AlertsReport:
    """Return one draft, also one that ended; raises NotFound."""
    found = report(service, reader, everything=True)
    one = tuple(row for row in found.alerts if row.alert == name)
    if not one:
        draft(service, name)
    return msgspec.structs.replace(found, alerts=one)


def waiting_blocks(service: IncidentService, *, commands: bool = True) -> tuple[Block, ...]:
    """Return the alerts that wait, for a page of all incidents; nothing without any."""
    return alerts_page(report(service), commands=commands).blocks if waiting(service)[0] else ()


def waiting(service: IncidentService) -> tuple[int, datetime | None]:
    """Return the number of drafts that wait, and when the oldest came; cheap without alerts."""
    if not service.store.head(JOURNAL).version:
        return 0, None
    found = [one.received for one in read(service).drafts.values() if one.state == "waiting"]
    return len(found), min(found, default=None)
