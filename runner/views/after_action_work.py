"""The work of people over time: what a real incident's report has in place of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from runner.engine.paths import lane_of
from runner.model.incident import Incident, Invocation
from runner.views.after_action_clock import ClockMark
from runner.views.figure import Bar, Figure, Key, Line, Look, Mark, Row
from runner.views.figure_axis import TimeScale
from runner.views.words import count, span

_PEOPLE = frozenset({"task", "ask", "approve", "file"})
_NEVER = frozenset({"waiting", "not_applicable"})


def work_of(incident: Incident) -> tuple[Invocation, ...]:
    """Return the steps that waited for people, in the order in which they became ready."""
    found = (
        one
        for one in incident.invocations.values()
        if one.kind in _PEOPLE and one.state not in _NEVER and one.ready_at is not None
    )
    return tuple(sorted(found, key=lambda one: (one.ready_at, one.id)))


def work_figure(
    incident: Incident,
    titles: Mapping[str, str],
    marks: Sequence[ClockMark],
    now: datetime,
    mark: str,
) -> Figure:
    """Return a row for each step of people, from when it was ready to when it ended, in the zone of ``now``."""
    work = work_of(incident)
    ends = [at for one in work for at in (one.ended_at, one.due) if at is not None]
    closed = [one.at for one in marks if one.name == "closed"]
    end = max([*closed, *(at for at in ends if closed)], default=now)
    scale = TimeScale(incident.opened_at, end + (end - incident.opened_at) / 50, now.tzinfo or UTC)
    late = sum(1 for one in work if _look(one, end) == "late")
    still = sum(1 for one in work if one.ended_at is None)
    return Figure(
        title="From ready to done, step by step",
        about=(
            f"Timeline of the work. {count(len(work), 'step')} of people; {late} ended late, {still} had not ended "
            "when the report was made."
        ),
        mark=mark,
        rows=tuple(_row(one, titles, scale, end) for one in work),
        axis=scale.axis("time"),
        lines=tuple(
            Line(at=scale.at(one.at), words=f"{one.name} {scale.clock(one.at)}")
            for one in marks
            if one.name in ("opened", "closed")
        ),
        key=(
            Key("good", "ready to done"),
            Key("late", "done late"),
            Key("pale", "skipped or called off"),
            Key("open", "not done"),
            Key("limit", "due"),
        ),
    )


def _row(one: Invocation, titles: Mapping[str, str], scale: TimeScale, end: datetime) -> Row:
    ready = one.ready_at or end
    bar = Bar(scale.at(ready), scale.at(one.ended_at or end), _look(one, end))
    limit = (Mark(scale.at(one.due), "limit"),) if one.due is not None and one.due <= scale.end else ()
    return Row(label=titles.get(one.id, lane_of(one.id)), bars=(bar,), marks=limit, words=_words(one, end))


def _late(one: Invocation, end: datetime) -> bool:
    return one.due is not None and (one.ended_at or end) > one.due


def _look(one: Invocation, end: datetime) -> Look:
    if one.ended_at is None or one.state in ("failed", "expired", "outcome_unknown"):
        return "open"
    if one.state in ("skipped", "cancelled"):
        return "pale"
    return "late" if _late(one, end) else "good"


def _words(one: Invocation, end: datetime) -> str:
    state = one.state.replace("_", " ") if one.ended_at is not None else "not done"
    if one.due is not None and _late(one, end):
        return f"{state.removesuffix(' late')}, late by {span((one.ended_at or end) - one.due)}"
    return state
