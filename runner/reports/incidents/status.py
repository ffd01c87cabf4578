"""The status of an incident: own tasks, overdue work, unverified deliveries, next tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import msgspec

from runner.actions import Action
from runner.base.states import Kind, Profile, State
from runner.incident.messages.compromised_traffic import exposures
from runner.incident.state.handover import Handover
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import Failed
from runner.law.duty import DutyStatus
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.do_now import ordered
from runner.reports.core.formatting import person_name
from runner.reports.core.report import Report, filled
from runner.reports.core.second_person import TwoPersonRow, alone_words, two_person_rows
from runner.reports.core.task_rows import TaskRow, named, task_rows
from runner.reports.incidents.attention import needs_attention
from runner.reports.incidents.duty_lanes import LaneGroup, lane_groups
from runner.reports.incidents.links import LinkRow
from runner.reports.law.titles import citation, titled
from runner.reports.messages.attention_messages import for_reader
from runner.reports.messages.messages import DeliveryRow, MessageRow, delivery_rows, message_rows
from runner.reports.messages.rules import OverrideView, override_views
from runner.reports.messages.war_room import RoomView, room_view
from runner.reports.notices.notices import NoticeRow, notice_rows


class PlaybookRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A playbook that runs in the incident, as pinned."""

    name: str
    version: str
    digest: str
    profile: Profile = "large"

    def __str__(self) -> str:  # type: ignore[explicit-override]
        """Return its name and version, and the small profile."""
        return f"{self.name} {self.version}{' (small profile)' if self.profile == 'small' else ''}"


class Fallen(msgspec.Struct, frozen=True, kw_only=True):
    """A failure domain that is compromised or down."""

    domain: str
    state: str
    since: datetime
    assumed: bool
    automatic: bool = False
    """Found by failures, or declared in another incident."""
    why: str = ""
    """What failed, how often; or that another incident says so."""
    sent: tuple[str, ...] = ()
    """Deliveries over it since then."""
    answered: tuple[str, ...] = ()
    """Deliveries whose acknowledgement used it."""


class ReceiptDue(msgspec.Struct, frozen=True, kw_only=True):
    """A handover of an exhibit that its receiver has not confirmed."""

    exhibit: int
    name: str
    receiver: str
    giver: str = ""
    differed: tuple[int, ...] = ()
    """The entries in which the digest of the receiver's copy was another."""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold. Its reason is in the list of holds alone."""

    since: datetime
    by: str
    ends: date | None = None
    """The day on which it ends by itself; None if a person has to release it."""
    until: datetime | None = None
    """When a person released it, a few days ago at most."""
    ended_by: str = ""


class Status(Report, frozen=True, kw_only=True, tag="tocsin/status/v1"):
    """The contract's status document; ``needs_attention`` not empty makes ``status --check`` exit with 4."""

    incident: str
    codename: str
    title: str
    kind: Kind
    state: State
    playbooks: tuple[PlaybookRef, ...]
    version: int
    tasks: tuple[TaskRow, ...]
    duties: tuple[DutyStatus, ...]
    deliveries: tuple[DeliveryRow, ...]
    notices: tuple[NoticeRow, ...]
    needs_attention: tuple[AttentionItem, ...]
    as_of: datetime
    opened_at: datetime
    severity: str = ""
    """Empty until a person sets it."""
    restricted: bool = False
    """Only the people with a role in the incident see it."""
    domains: tuple[Fallen, ...] = ()
    overrides: tuple[OverrideView, ...] = ()
    """Rules of messages that an approver overrode."""
    me: str = ""
    """The person of the status."""
    mine: tuple[str, ...] = ()
    """Invocations to do of that person or of their roles."""
    war_room: RoomView | None = None
    """The war room; without a name if no room can be used."""
    lanes: tuple[LaneGroup, ...] = ()
    """Steps of several similar lanes: pages show them as one."""
    second_person: tuple[TwoPersonRow, ...] = ()
    """Acts that need two people, with their state."""
    alone: str = ""
    """Acts of one person alone that need two people, with the reason."""
    organisation: tuple[AttentionItem, ...] = ()
    """Required actions outside this incident; ``--check`` does not count them."""
    messages: tuple[MessageRow, ...] = ()
    """The messages, with the number of present and required acknowledgements."""
    handover: Handover | None = None
    """The newest handover; without ``taken_at`` nobody has accepted it."""
    set_aside: Failed | None = None
    """Automatic work stopped after repeated failures."""
    hold: Hold | None = None
    """The legal hold, or the last one that was released; None without one."""
    receipts: tuple[ReceiptDue, ...] = ()
    """Handovers of evidence whose receipt is open; DO NOW has those of the reader."""
    links: tuple[LinkRow, ...] = ()
    """Other incidents that turned out to be this one; only those that the reader may read."""
    elsewhere: tuple[AttentionItem, ...] = ()
    """What is overdue or due within two hours in other open incidents that the reader may read."""


def status(
    incident: Incident,
    library: Library,
    duties: Sequence[DutyStatus],
    now: datetime,
    me: str = "",
    organisation: tuple[AttentionItem, ...] = (),
    failed: Failed | None = None,
    others: tuple[AttentionItem, ...] = (),
) -> Status:
    """Return the status as of ``now``; ``duties`` are those of the same incident at the same instant.

    ``others`` are the required actions of other incidents, closed with open duties.
    """
    duties = titled(duties)
    rows = _about(task_rows(incident, library), duties)
    words = {row.invocation: named(row) for row in rows if row.invocation}
    found = filled(
        Status,
        incident,
        incident=incident.id,
        playbooks=tuple(
            PlaybookRef(name=run.playbook, version=run.version, digest=run.digest, profile=run.profile)
            for run in incident.runs.values()
        ),
        tasks=rows,
        duties=duties,
        deliveries=delivery_rows(incident, words),
        messages=message_rows(incident, words),
        notices=notice_rows(incident),
        needs_attention=ordered((*needs_attention(incident, library, rows, duties, now, failed), *others)),
        as_of=now,
        domains=_fallen(incident),
        overrides=override_views(incident),
        receipts=tuple(
            ReceiptDue(
                exhibit=one.number,
                name=one.name,
                receiver=given.receiver,
                giver=given.giver,
                differed=given.differed,
            )
            for one in incident.evidence.values()
            for given in one.handovers
            if not given.receipt
        ),
        war_room=room_view(incident),
        lanes=lane_groups(incident, rows, duties),
        second_person=two_person_rows(incident),
        alone=alone_words(incident),
        organisation=organisation,
        set_aside=failed if failed is not None and failed.aside else None,
    )
    return status_for(found, incident, me)


def status_for(found: Status, incident: Incident, me: str) -> Status:
    """Return the status of the same incident for another person."""
    mine = tuple(row.invocation for row in found.tasks if _is_mine(incident, row, me))
    own = {str(one.entry) for one in found.second_person if one.by == me and one.confirmers}
    others = (
        item
        for item in for_reader(found.needs_attention, me)
        if item.kind != "receipt" and not (item.kind == "second_person" and item.ref in own)
    )
    asked = ordered((*others, *_receipts(found, me)), mine)
    return msgspec.structs.replace(found, me=me, mine=mine, needs_attention=asked)


def _receipts(found: Status, me: str) -> Iterator[AttentionItem]:
    """Yield the receipts of evidence that only the reader can confirm."""
    for one in found.receipts:
        if one.receiver == me:
            where = {"incident": found.codename} if found.state in ("closed", "cancelled") else {}
            yield AttentionItem(
                kind="receipt",
                severity="medium",
                rank=6,
                ref=str(one.exhibit),
                text=f"Confirm the receipt of exhibit {one.exhibit} from {person_name(one.giver)}",
                who=person_name(me),
                detail="The digest of your copy differed" if one.differed else "",
                action=Action("evidence.receive", str(one.exhibit), {"as": me, **where}),
            )


def _about(rows: Sequence[TaskRow], duties: Sequence[DutyStatus]) -> tuple[TaskRow, ...]:
    """Return the tasks; a task of a duty's lane has the article of the duty."""
    articles = {duty.id: citation(duty) for duty in duties}
    return tuple(
        msgspec.structs.replace(row, about=articles[row.item]) if row.item in articles else row
        for row in rows
    )


def _fallen(incident: Incident) -> tuple[Fallen, ...]:
    exposed = exposures(incident)
    return tuple(
        filled(
            Fallen,
            d,
            domain=d.name,
            sent=tuple(one.delivery for one in exposed if one.domain == d.name),
            answered=tuple(one.delivery for one in exposed if one.domain == d.name and one.acknowledged),
        )
        for d in incident.domains.values()
        if d.state != "up"
    )


def _is_mine(incident: Incident, row: TaskRow, me: str) -> bool:
    if not me or row.over or row.state not in ("ready", "active", "outcome_unknown", "failed", "expired"):
        return False
    if row.awaits or row.approvers or row.lacking:
        return me in row.approvers
    if row.assignee:
        return row.assignee == me
    roles = (row.role, *row.roles)
    return me in row.deputies or any(me in incident.roles.get(role, ()) for role in roles if role)
