"""The status of an incident: what is mine, what is late, what cannot be proved, what comes next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from runner.base.states import Kind, State
from runner.incident.messages.compromised_traffic import exposures
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.incident.state.work import Failed
from runner.law.duty import DutyStatus
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.do_now import ordered
from runner.reports.core.report import Report, filled
from runner.reports.core.second_person import TwoPersonRow, alone_words, two_person_rows
from runner.reports.core.task_rows import TaskRow, named, task_rows
from runner.reports.incidents.attention import needs_attention
from runner.reports.incidents.duty_lanes import LaneGroup, lane_groups
from runner.reports.law.titles import citation, titled
from runner.reports.messages.messages import DeliveryRow, MessageRow, delivery_rows, message_rows
from runner.reports.messages.rules import OverrideView, override_views
from runner.reports.messages.war_room import RoomView, room_view
from runner.reports.notices.notices import NoticeRow, notice_rows


class PlaybookRef(msgspec.Struct, frozen=True, kw_only=True):
    """A playbook that runs in the incident, as pinned."""

    name: str
    version: str
    digest: str


class Fallen(msgspec.Struct, frozen=True, kw_only=True):
    """A failure domain that is not to be relied on."""

    domain: str
    state: str
    since: datetime
    assumed: bool
    automatic: bool = False
    """Found out by failing, or said in another incident; nobody said it here."""
    sent: tuple[str, ...] = ()
    """Deliveries that went over it since."""
    answered: tuple[str, ...] = ()
    """Those of them whose answer came back over it."""


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
    """Empty until somebody says how severe it is."""
    domains: tuple[Fallen, ...] = ()
    overrides: tuple[OverrideView, ...] = ()
    """Rules of messages that an approver set aside."""
    me: str = ""
    """For whom it was asked."""
    mine: tuple[str, ...] = ()
    """Invocations that are ready and with that person, or with a role of theirs."""
    war_room: RoomView | None = None
    """Where responders talk; without a name where no room can be used."""
    lanes: tuple[LaneGroup, ...] = ()
    """Steps that stand in several lanes that are alike: pages show them as one."""
    second_person: tuple[TwoPersonRow, ...] = ()
    """What needs two people, and whether it counts."""
    alone: str = ""
    """What one person did alone that needs two, and why nobody else is there."""
    organisation: tuple[AttentionItem, ...] = ()
    """What waits for a person beside this incident; ``--check`` does not count it."""
    messages: tuple[MessageRow, ...] = ()
    """What was sent, with how many acknowledgements are there and needed."""
    set_aside: Failed | None = None
    """Automatic work failed so often in a row that only people work on the incident."""


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

    ``others`` is what other incidents, closed with duties open, ask for now.
    """
    duties = titled(duties)
    rows = _about(task_rows(incident, library), duties)
    words = {row.invocation: named(row) for row in rows if row.invocation}
    return filled(
        Status,
        incident,
        incident=incident.id,
        playbooks=tuple(
            PlaybookRef(name=run.playbook, version=run.version, digest=run.digest)
            for run in incident.runs.values()
        ),
        tasks=rows,
        duties=duties,
        deliveries=delivery_rows(incident, words),
        messages=message_rows(incident, words),
        notices=notice_rows(incident),
        needs_attention=ordered((*needs_attention(incident, rows, duties, now, failed), *others)),
        as_of=now,
        domains=_fallen(incident),
        overrides=override_views(incident),
        war_room=room_view(incident),
        me=me,
        mine=tuple(row.invocation for row in rows if _is_mine(incident, row, me)),
        lanes=lane_groups(incident, rows, duties),
        second_person=two_person_rows(incident),
        alone=alone_words(incident),
        organisation=organisation,
        set_aside=failed if failed is not None and failed.aside else None,
    )


def _about(rows: Sequence[TaskRow], duties: Sequence[DutyStatus]) -> tuple[TaskRow, ...]:
    """Return tasks whose lane is about a duty with its article."""
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
    if row.assignee:
        return row.assignee == me
    return any(me in incident.roles.get(role, ()) for role in (row.role, *row.roles) if role)
