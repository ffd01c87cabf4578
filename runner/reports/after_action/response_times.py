"""Response times of an after-action report: acknowledgements and margins to legal deadlines, as tables and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from statistics import median
from typing import Literal

import msgspec

from runner.base.instants import parse_duration
from runner.documents.tree import Table
from runner.incident.exercises.exercise_plan import DISCUSSION, Action, Exercise
from runner.incident.exercises.injects import deadline, step_is
from runner.incident.state.exercise import Drill
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.steps import step_path_with_items
from runner.law.duty import DutyStatus
from runner.reports.charts.figure import Bar, Figure, Key, Line, Look, MarginScale, Mark, Row, SpanScale
from runner.reports.core.formatting import count, span
from runner.reports.core.report_blocks import table, time

Outcome = Literal["in_time", "late", "never", "out_of_reach", "no_way", "called_off"]
"""``out_of_reach``: not reachable in the scenario; ``no_way``: no usable channel; ``called_off``: paging stopped, because
enough other people acknowledged or the task ended.
"""
_WORDS: dict[Outcome, str] = {
    "in_time": "in time",
    "late": "late",
    "never": "not acknowledged",
    "out_of_reach": "not reachable in the scenario",
    "no_way": "no usable channel",
    "called_off": "paging stopped",
}
_MISSING: tuple[Outcome, ...] = ("never", "out_of_reach", "no_way")
_FAR = 4
"""The figure omits a target that is more than this many times the slowest answer: the answers would be too close together."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person that required or received an acknowledgement."""

    person: str
    message: str
    asked: datetime
    acknowledged: datetime | None
    took_seconds: int | None
    target_seconds: int
    """The target of the exercise, else the time before failover of the message class."""
    outcome: Outcome


def answers_of(incident: Incident, plan: Exercise | None) -> tuple[Answer, ...]:
    """Return the answers in order of their messages; none for a discussion, because it sends no messages."""
    if plan is not None and plan.type in DISCUSSION:
        return ()
    return tuple(
        _answer(delivery, incident, plan)
        for delivery in incident.deliveries.values()
        if not delivery.waits and (delivery.goal in ("acked", "authorised") or delivery.acked_at is not None)
    )


def _answer(one: Delivery, incident: Incident, plan: Exercise | None) -> Answer:
    message = incident.messages[one.message]
    label = step_path_with_items(one.step) or message.message_class.name
    asked = one.attempts[0].started_at if one.attempts else one.fired_at or message.at
    allowed = [max(timedelta(0), by - asked) for by in _expected(one, incident, plan)]
    target = min(allowed, default=message.message_class.fail_over_after)
    took = max(timedelta(0), one.acked_at - asked) if one.acked_at is not None else None
    return Answer(
        person=one.person,
        message=label,
        asked=asked,
        acknowledged=one.acked_at,
        took_seconds=int(took.total_seconds()) if took is not None else None,
        target_seconds=int(target.total_seconds()),
        outcome=_outcome(one, took, target, incident.drill),
    )


def _outcome(one: Delivery, took: timedelta | None, target: timedelta, drill: Drill | None) -> Outcome:
    if took is not None:
        return "in_time" if took <= target else "late"
    if one.state == "cancelled":
        return "called_off"
    if not one.attempts:
        return "no_way"
    faults = drill.faults if drill is not None else ()
    unreachable = any(fault.kind == "person" and fault.ref == one.person for fault in faults)
    return "out_of_reach" if unreachable else "never"


def _expected(one: Delivery, incident: Incident, plan: Exercise | None) -> Iterator[datetime]:
    """Yield the times at which the exercise expects the message."""
    drill = incident.drill
    if plan is None or drill is None or drill.begun_at is None:
        return

    def meant(action: Action) -> bool:
        return bool(action.message) and step_is(one.step, action.message)

    for target in (target for objective in plan.objectives for target in objective.targets):
        for task in target.tasks:
            if meant(task) and task.within is not None:
                yield drill.begun_at + parse_duration(task.within)
    for event in plan.events:
        found = (deadline(event, action, drill) for action in event.expected if meant(action))
        yield from (by for by in found if by is not None)


def answers_table(found: Sequence[Answer], zone: tzinfo) -> Table:
    """Return one row for each message to each person."""

    def row(one: Answer) -> tuple[str, ...]:
        times = (time(one.asked, zone), time(one.acknowledged, zone))
        took = _seconds(one.took_seconds) if one.took_seconds is not None else ""
        return (one.person, one.message, *times, took, _seconds(one.target_seconds), _WORDS[one.outcome])

    heads = ("Person", "Message", "Sent", "Acknowledged", "Time taken", "Target", "Result")
    return table(heads, map(row, found))


def _seconds(number: int) -> str:
    return span(timedelta(seconds=number))


def median_seconds(found: Sequence[Answer]) -> int | None:
    """Return the median of the acknowledged messages, or None."""
    took = [answer.took_seconds for answer in found if answer.took_seconds is not None]
    return round(median(took)) if took else None


def answers_words(found: Sequence[Answer]) -> str:
    """Return the numbers in one sentence."""
    middle = median_seconds(found)
    asked = count(len(found), "acknowledgement")
    numbers = Counter(answer.outcome for answer in found)
    counted = ", ".join(f"{numbers[each]} {words}" for each, words in _WORDS.items() if numbers[each])
    half = f"; median {_seconds(middle)}" if middle is not None else ""
    return f"{asked} required: {counted}{half}."


def answers_figure(found: Sequence[Answer], mark: str) -> Figure:
    """Return one row for each person: a dot for each message, a bar to the median, a hollow bar without an answer."""
    took = [answer.took_seconds for answer in found if answer.took_seconds is not None]
    targets = {answer.target_seconds for answer in found}
    near = {target for target in targets if not took or target <= _FAR * max(60, *took)}
    scale = SpanScale(timedelta(seconds=max([*took, *near], default=0) * 1.08))
    middle = median_seconds(found)
    people = {answer.person: [each for each in found if each.person == answer.person] for answer in found}
    half = timedelta(seconds=middle or 0)
    return Figure(
        title="From the first attempt to the acknowledgement, by person",
        about=f"Time to acknowledge, by person. {answers_words(found)}",
        mark=mark,
        rows=tuple(_row(person, theirs, near, scale) for person, theirs in people.items()),
        axis=scale.axis("after the first attempt"),
        lines=(Line(at=scale.at(half), words=f"median {span(half)}"),) if middle is not None else (),
        key=(
            Key("answered", "acknowledged in time"),
            Key("answered_late", "late"),
            Key("pale", "median of the person"),
            Key("open", "not acknowledged"),
            *([Key("limit", "target")] if near else []),
        ),
    )


def _row(person: str, theirs: Sequence[Answer], near: set[int], scale: SpanScale) -> Row:
    def at(seconds: int) -> float:
        return scale.at(timedelta(seconds=seconds))

    middle = median_seconds(theirs)
    missing = any(response.outcome in _MISSING for response in theirs)
    bars = [Bar(at(middle or 0), 1.0, "open")] if missing else []
    bars += [Bar(0.0, at(middle), "pale")] if middle is not None else []
    marks = [Mark(at(one), "limit") for one in sorted(near & {each.target_seconds for each in theirs})]
    marks += [
        Mark(at(response.took_seconds), "answered" if response.outcome == "in_time" else "answered_late")
        for response in theirs
        if response.took_seconds is not None
    ]
    return Row(label=person, bars=tuple(bars), marks=tuple(marks), words=_said(theirs, middle))


def _said(theirs: Sequence[Answer], middle: int | None) -> str:
    answered = sum(response.took_seconds is not None for response in theirs)
    numbers = Counter(response.outcome for response in theirs)
    said = [_seconds(middle)] if middle is not None else []
    if answered > 1:
        said = [f"{said[0]} (median of {answered})"]
    for outcome in (*_MISSING, "called_off"):
        if n := numbers[outcome]:
            said.append(f"{f'{n} ' if len(theirs) > 1 else ''}{_WORDS[outcome]}")
    return ", ".join(said)


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """One duty with a deadline, and the time left when it ended or when the report was made."""

    duty: str
    due: datetime
    state: str
    """``filed``, ``decided_not_to_notify``, ``waived``, or ``open`` without a record."""
    at: datetime
    """The time of the record; for an open duty, the time of the report."""
    margin_seconds: int
    """Negative if late."""

    @property
    def margin(self) -> timedelta:
        """The time left; negative if late."""
        return timedelta(seconds=self.margin_seconds)


def margins_of(incident: Incident, duties: Sequence[DutyStatus], now: datetime) -> tuple[Margin, ...]:
    """Return the duties that apply and have a fixed deadline."""
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
    """Return one row for each deadline."""
    rows = (
        (one.duty, time(one.due, zone), one.state.replace("_", " "), time(one.at, zone), _left(one))
        for one in found
    )
    return table(("Duty", "Statutory deadline", "State", "Time", "Margin"), rows)


def _left(one: Margin) -> str:
    return f"late by {span(one.margin)}" if one.margin_seconds < 0 else f"{span(one.margin)} left"


def margins_words(found: Sequence[Margin]) -> str:
    """Return the numbers in one sentence."""
    late = [margin for margin in found if margin.margin_seconds < 0]
    still = sum(1 for margin in found if margin.state == "open")
    least = min(found, key=lambda one: one.margin_seconds)
    return (
        f"{count(len(found), 'legal deadline')}: {len(late)} missed, {still} open. "
        f"Smallest margin: {least.duty}, {_left(least)}."
    )


def margins_figure(found: Sequence[Margin], mark: str) -> Figure:
    """Return one row for each deadline: a bar to the right shows time left, a bar to the left shows lateness."""
    lengths = [margin.margin for margin in found]
    scale = MarginScale(-min(lengths, default=timedelta(0)), max(lengths, default=timedelta(0)))
    return Figure(
        title="Margin to each legal deadline",
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
            Key("open", "open"),
            Key("pale", "decided not to notify, or waived, in time"),
        ),
    )


def _look(one: Margin) -> Look:
    if one.state == "open":
        return "open"
    if one.margin_seconds < 0:
        return "late"
    return "good" if one.state == "filed" else "pale"
