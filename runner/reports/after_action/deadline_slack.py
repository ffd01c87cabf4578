"""How near each legal deadline was: in an after-action report as a table and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec

from runner.documents.tree import Table
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.reports.charts.figure import Bar, Figure, Key, Line, Look, Row
from runner.reports.charts.figure_axis import MarginScale
from runner.reports.core.formatting import count, span
from runner.reports.core.report_blocks import table, time


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """One duty with a deadline: what had been left of its time when it was dealt with, or is left now."""

    duty: str
    due: datetime
    state: str
    """``filed``, ``decided_not_to_notify``, ``waived``, or ``open`` where nothing is on record."""
    at: datetime
    """When that was recorded; of an open one, the report's own time."""
    margin_seconds: int
    """Below nothing where it was late."""

    @property
    def margin(self) -> timedelta:
        """What was left; negative where it was late."""
        return timedelta(seconds=self.margin_seconds)


def margins_of(incident: Incident, duties: Sequence[DutyStatus], now: datetime) -> tuple[Margin, ...]:
    """Return the duties that apply and have an instant by which they are due."""
    return tuple(
        _margin(duty.id, duty.due, incident, now)
        for duty in duties
        if duty.verdict == "applies" and duty.due is not None
    )


def _margin(duty: str, due: datetime, incident: Incident, now: datetime) -> Margin:
    view = incident.duties.get(duty)
    record = view.record if view is not None else None
    at = record.at if record is not None else now
    return Margin(
        duty=duty,
        due=due,
        state=record.kind if record is not None else "open",
        at=at,
        margin_seconds=int((due - at).total_seconds()),
    )


def margins_table(found: Sequence[Margin], zone: tzinfo) -> Table:
    """Return a line for each deadline."""
    heads = ("Duty", "Due", "State", "At", "Margin")
    return table(
        heads,
        [
            (
                margin.duty,
                time(margin.due, zone),
                margin.state.replace("_", " "),
                time(margin.at, zone),
                _left(margin),
            )
            for margin in found
        ],
    )


def _left(one: Margin) -> str:
    return f"late by {span(one.margin)}" if one.margin_seconds < 0 else f"{span(one.margin)} left"


def margins_words(found: Sequence[Margin]) -> str:
    """Return the numbers in one sentence."""
    late = [margin for margin in found if margin.margin_seconds < 0]
    still = sum(1 for margin in found if margin.state == "open")
    least = min(found, key=lambda one: one.margin_seconds)
    return (
        f"Of {count(len(found), 'deadline')} {len(late)} passed unmet, {still} stood open when the report was made; "
        f"the least margin had {least.duty}: {_left(least)}."
    )


def margins_figure(found: Sequence[Margin], mark: str) -> Figure:
    """Return a row for each deadline: its bar goes to the right for what was left, to the left for what it was late."""
    lengths = [margin.margin for margin in found]
    scale = MarginScale(-min(lengths, default=timedelta(0)), max(lengths, default=timedelta(0)))
    return Figure(
        title="What was left of each deadline when it was dealt with",
        about=f"Margin to each legal deadline. {margins_words(found)}",
        mark=mark,
        rows=tuple(
            Row(
                label=margin.duty,
                bars=(Bar(scale.at(timedelta(0)), scale.at(margin.margin), _look(margin)),),
                words=f"{'' if margin.state == 'filed' else margin.state.replace('_', ' ') + ', '}{_left(margin)}",
            )
            for margin in found
        ),
        axis=scale.axis("late < deadline > time left, on a logarithmic scale"),
        lines=(Line(at=scale.at(timedelta(0)), words="deadline"),),
        key=(
            Key("good", "filed in time"),
            Key("late", "filed or decided late"),
            Key("open", "still open"),
            Key("pale", "decided not to notify, or waived, in time"),
        ),
    )


def _look(one: Margin) -> Look:
    if one.state == "open":
        return "open"
    if one.margin_seconds < 0:
        return "late"
    return "good" if one.state == "filed" else "pale"
