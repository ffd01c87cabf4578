"""The tasks of people over time, in the report of a real incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.steps import step_path_with_items
from runner.playbook.format import PEOPLE
from runner.reports.after_action.clock import ClockMark
from runner.reports.charts.figure import Bar, Figure, Key, Line, Look, Mark, Row, TimeScale
from runner.reports.core.formatting import count, span

_NEVER = frozenset({"waiting", "not_applicable"})


def work_of(incident: Incident) -> tuple[Invocation, ...]:
    """Return the tasks of people, in the order in which they became ready."""
    invocations = (
        invocation
        for invocation in incident.invocations.values()
        if invocation.kind in PEOPLE and invocation.state not in _NEVER and invocation.ready_at is not None
    )
    return tuple(sorted(invocations, key=lambda one: (one.ready_at, one.id)))


class TaskTime(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a person, and its lateness at its end or at closing."""

    step: str
    state: str
    due: datetime | None
    ended: datetime | None
    late_seconds: int
    """0 if the task was in time or has no internal target."""


def stop_of(incident: Incident, marks: Sequence[ClockMark], now: datetime) -> datetime:
    """Return the time of closing, or now for an open incident."""
    over = [mark.at for mark in marks if mark.name in ("closed", "cancelled")]
    return over[-1] if over and incident.state in ("closed", "cancelled") else now


def tasks_of(incident: Incident, stop: datetime) -> tuple[TaskTime, ...]:
    """Return the times of the tasks of people."""

    def late(one: Invocation) -> int:
        return max(int(((one.ended_at or stop) - one.due).total_seconds()), 0) if one.due is not None else 0

    return tuple(
        TaskTime(
            step=invocation.id,
            state=invocation.state,
            due=invocation.due,
            ended=invocation.ended_at,
            late_seconds=late(invocation),
        )
        for invocation in work_of(incident)
    )


def tasks_words(found: Sequence[TaskTime]) -> str:
    """Return the totals as text."""
    open_ = [time.late_seconds > 0 for time in found if time.ended is None]
    late = sum(1 for time in found if time.ended is not None and time.late_seconds)
    words = f"{late} ended late, {len(open_)} not done ({sum(open_)} overdue)"
    return (
        f"{count(len(found), 'started task')} of people: {words}. Tasks that did not start are not counted."
    )


def work_figure(
    incident: Incident,
    titles: Mapping[str, str],
    marks: Sequence[ClockMark],
    now: datetime,
    mark: str,
) -> Figure:
    """Return one row for each task of people, from ready to done, in the zone of ``now``."""
    work, stop = work_of(incident), stop_of(incident, marks, now)
    end = max([stop, *(one.ended_at for one in work if one.ended_at is not None)])
    scale = TimeScale(incident.opened_at, end + (end - incident.opened_at) / 50, now.tzinfo or UTC)
    return Figure(
        title="Tasks, from ready to done",
        about=f"Timeline of the tasks. {tasks_words(tasks_of(incident, stop))}",
        mark=mark,
        rows=tuple(_row(one, titles, scale, stop) for one in work),
        axis=scale.axis("time"),
        lines=tuple(
            Line(at=scale.at(mark.at), words=f"{mark.name} {scale.clock(mark.at)}")
            for mark in marks
            if mark.name in ("opened", "closed")
        ),
        key=(
            Key("good", "ready to done"),
            Key("late", "done late"),
            Key("pale", "skipped or cancelled"),
            Key("open", "not done"),
            Key("limit", "internal target"),
        ),
    )


def _row(one: Invocation, titles: Mapping[str, str], scale: TimeScale, stop: datetime) -> Row:
    ready = one.ready_at or stop
    bar = Bar(scale.at(ready), scale.at(one.ended_at or stop), _look(one, stop))
    limit = (Mark(scale.at(one.due), "limit"),) if one.due is not None and one.due <= scale.end else ()
    return Row(
        label=titles.get(one.id, step_path_with_items(one.id)),
        bars=(bar,),
        marks=limit,
        words=_words(one, stop),
    )


def _late(one: Invocation, stop: datetime) -> bool:
    return one.due is not None and (one.ended_at or stop) > one.due


def _look(one: Invocation, stop: datetime) -> Look:
    if one.ended_at is None or one.state in ("failed", "expired", "outcome_unknown"):
        return "open"
    if one.state in ("skipped", "cancelled"):
        return "pale"
    return "late" if _late(one, stop) else "good"


def _words(one: Invocation, stop: datetime) -> str:
    state = one.state.replace("_", " ") if one.ended_at is not None else "not done"
    if one.due is not None and _late(one, stop):
        return f"{state.removesuffix(' late')}, late by {span((one.ended_at or stop) - one.due)}"
    return state
