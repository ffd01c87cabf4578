"""Groups of similar lanes, shown as one line: for example one letter for each of 50 states.

A ``for_each`` opens a lane for one duty. Lanes of one group of steps are similar if they write the same notice to
the same kind of recipient: then one person gathers, one quorum signs, and only the state differs. A step
in three such lanes or more is shown once, with the number of lanes and the earliest "start by".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from runner.base.states import TaskState
from runner.incident.state.expression_view import outwards
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.playbook.format import CONTAINERS
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.formatting import count
from runner.reports.core.task_rows import TaskRow

ENOUGH = 3
"""Smallest number of lanes for a group."""
_FAR = datetime.max.replace(tzinfo=UTC)
_KINDS: Mapping[str, str] = {
    "individuals": "people",
    "data_subjects": "people",
    "service_recipients": "people",
    "clients": "people",
    "data_owner": "owners",
    "controller": "owners",
    "consumer_reporting_agencies": "credit bureaus",
    "prominent_media": "media",
}
"""Kinds of recipients; all others are authorities."""


class LaneGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One step of several similar lanes."""

    step: str
    title: str
    state: TaskState
    notice: str
    """Their notice; empty before a draft."""
    recipient: str
    """``people``, ``authorities``, ``owners``, ``credit bureaus`` or ``media``."""
    count: int
    due: datetime | None
    """The earliest internal target of the steps."""
    start_by: datetime | None
    """The earliest "start by" of their duties."""
    first: str
    """The first invocation to do: its duty is the most urgent."""
    rows: tuple[str, ...]
    """All invocations."""
    duties: tuple[str, ...]


def kind_of(recipient: str) -> str:
    """Return the kind of a recipient."""
    return _KINDS.get(recipient, "authorities")


def lane_groups(
    incident: Incident, rows: Sequence[TaskRow], duties: Sequence[DutyStatus]
) -> tuple[LaneGroup, ...]:
    """Return the steps of several similar lanes, in the order of their first rows."""
    known = {duty.id: duty for duty in duties}
    drafted = {incident.invocations[d.step].scope: d.notice for d in incident.documents.values()}
    alike: dict[tuple[str, ...], list[TaskRow]] = {}
    for row in rows:
        duty = known.get(row.item)
        if duty is None or not row.invocation or row.over or row.kind in CONTAINERS:
            continue
        scope = incident.scopes[incident.invocations[row.invocation].scope]
        lane = next((outward for outward in outwards(incident, scope) if outward.item is not None), scope)
        key = (lane.parent, row.step, row.state, drafted.get(lane.id, ""), kind_of(duty.recipient), row.stuck)
        alike.setdefault(key, []).append(row)
    return tuple(_group(key, found, known) for key, found in alike.items() if len(found) >= ENOUGH)


def _group(key: tuple[str, ...], rows: Sequence[TaskRow], duties: Mapping[str, DutyStatus]) -> LaneGroup:
    starts = {row.invocation: _start(duties[row.item]) for row in rows}
    pressing = min(rows, key=lambda row: (starts[row.invocation] or _FAR, row.due or _FAR, row.row))
    return LaneGroup(
        step=rows[0].step,
        title=rows[0].title,
        state=rows[0].state,
        notice=key[3],
        recipient=key[4],
        count=len(rows),
        due=min((row.due for row in rows if row.due), default=None),
        start_by=min((at for at in starts.values() if at), default=None),
        first=pressing.invocation,
        rows=tuple(row.invocation for row in rows),
        duties=tuple(row.item for row in rows),
    )


def _start(duty: DutyStatus) -> datetime | None:
    return duty.latest_safe_start or duty.due


def folded(rows: Sequence[TaskRow], groups: Sequence[LaneGroup]) -> Iterator[TaskRow | LaneGroup]:
    """Yield rows in their order, each group once in the place of its first row."""
    of = {name: group for group in groups for name in group.rows}
    told: set[str] = set()
    for row in rows:
        group = of.get(row.invocation) if row.invocation else None
        if group is None:
            yield row
        elif group.first not in told:
            told.add(group.first)
            yield group


def words(group: LaneGroup) -> str:
    """Return a group as a line: ``Sign the notice [12 lanes: us-letter to people]``."""
    notice = f"{group.notice} to " if group.notice else "to "
    return f"{group.title} [{group.count} lanes: {notice}{group.recipient}]"


def attention_folded(items: Sequence[AttentionItem], groups: Sequence[LaneGroup]) -> list[AttentionItem]:
    """Return the required actions, with one for similar lanes with the same reason, and one for each person to reach."""
    of = {name: group for group in groups for name in group.rows}
    told: dict[tuple[str, str], list[AttentionItem]] = {}
    for item in items:
        group = of.get(item.ref)
        about = group.first if group else item.person or f"{item.ref} {item.text}"
        told.setdefault((item.kind, about), []).append(item)
    return [_told_once(alike) for alike in told.values()]


def _told_once(alike: Sequence[AttentionItem]) -> AttentionItem:
    others = len(alike) - 1
    what = count(others, "more message") if alike[0].person else f"{count(others, 'more lane')} like it"
    more = f" (and {what})" if others else ""
    return msgspec.structs.replace(alike[0], text=f"{alike[0].text}{more}")


def clocks_folded(
    live: Sequence[DutyStatus], groups: Sequence[LaneGroup]
) -> list[tuple[LaneGroup | None, list[DutyStatus]]]:
    """Return duties in their order, one for each group of similar lanes: the most urgent."""
    of: dict[str, LaneGroup] = {}
    for group in groups:
        for name in group.duties:
            of.setdefault(name, group)
    found: dict[str, tuple[LaneGroup | None, list[DutyStatus]]] = {}
    for duty in live:
        its = of.get(duty.id)
        found.setdefault(its.first if its else duty.id, (its, []))[1].append(duty)
    return [(its if len(alike) > 1 else None, alike) for its, alike in found.values()]
