"""The scenario as played, compared with the plan: a table, and a figure with exercise time and real time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import zip_longest

from runner.documents.tree import Table
from runner.incident.exercises.exercise_plan import Exercise, ScenarioEvent
from runner.incident.state.exercise import Observation
from runner.reports.after_action.clock import ClockMark, wall_of
from runner.reports.charts.figure import Bar, Figure, Key, Line, Mark, Row, TimeScale
from runner.reports.core.formatting import count, span
from runner.reports.core.report_blocks import table, time
from runner.reports.exercises.exercise import EVENTS, DrillReport, EventReport, Expectation

_MINUTE = timedelta(minutes=1)


def played_table(report: DrillReport, plan: Exercise) -> Table:
    """Return one row for each scenario event: planned, released, expected and done."""
    heads = ("No.", "Scenario event", "Planned", "Released", "Expected actions")
    zone = report.exercise_time.tzinfo or UTC
    return table(heads, [_line(*pair, zone) for pair in zip(report.events, plan.events, strict=True)])


def _line(one: EventReport, event: ScenarioEvent, zone: tzinfo) -> tuple[str, ...]:
    expected = "\n".join(
        f"{each.action}: {time(each.done, zone) if each.done else 'not done'}{f', due {time(each.by, zone)}' if each.by else ''}"
        for each in one.expected
    )
    released = f"{time(one.released, zone)} ({one.cause})" if one.released else EVENTS[one.state]
    after = f"after {event.after}" if event.after else "manual" if event.by_hand else "when a fact is set"
    return (one.number, one.title, time(one.planned, zone) or after, released, expected)


def played_figure(report: DrillReport, marks: Sequence[ClockMark], mark: str) -> Figure:
    """Return one row for each scenario event."""
    zone = report.exercise_time.tzinfo or UTC
    instants = [at for event in report.events for at in _instants(event)]
    scale = _scale(marks, instants, report.exercise_time, zone)
    return _figure(
        "Planned, released and done",
        f"Timeline of the exercise. {_counted(report.events)}",
        tuple(_row(event, scale) for event in report.events),
        (scale, marks, mark),
        (
            Key("planned", "planned"),
            Key("released", "released"),
            Key("answered", "done in time"),
            Key("answered_late", "done late"),
            Key("missed", "not done"),
            Key("limit", "target time"),
        ),
    )


def talked_figure(
    plan: Exercise, said: Sequence[Observation], marks: Sequence[ClockMark], now: datetime, mark: str
) -> Figure:
    """Return one row for each discussion question, with the times of its answers, in the zone of ``now``."""
    scale = _scale(marks, [observation.at for observation in said], now, now.tzinfo or UTC)
    questions = [each for module in plan.modules for each in module.questions]
    answered = {observation.question for observation in said if observation.question}
    rows = ((each, [answer.at for answer in said if answer.question == each.id]) for each in questions)
    return _figure(
        "Times of the recorded answers",
        f"Timeline of the discussion. {len(answered)} of {count(len(questions), 'question')} answered.",
        tuple(
            Row(
                label=f"{each.id} {each.text}",
                marks=tuple(Mark(scale.at(at), "answered") for at in times),
                words=count(len(times), "answer") if times else "no answer recorded",
            )
            for each, times in rows
        ),
        (scale, marks, mark),
        (Key("answered", "answer recorded"),),
    )


def _figure(
    title: str,
    about: str,
    rows: tuple[Row, ...],
    on: tuple[TimeScale, Sequence[ClockMark], str],
    key: tuple[Key, ...],
) -> Figure:
    scale, marks, mark = on
    jumped = any(mark.name == "jump" for mark in marks)
    return Figure(
        title=title,
        about=about,
        mark=mark,
        rows=rows,
        axis=scale.axis(
            "exercise time", lambda at: scale.clock(wall_of(marks, at)), f"real time, {scale.offset}"
        ),
        lines=tuple(_lines(marks, scale)),
        key=(*key, *([Key("dashed", "clock jump")] if jumped else [])),
    )


def _scale(
    marks: Sequence[ClockMark], instants: Sequence[datetime], now: datetime, zone: tzinfo
) -> TimeScale:
    """Return a scale from StartEx to the last time, planned or actual."""
    begin = next((mark.at for mark in marks if mark.name == "StartEx"), now)
    over = [mark.at for mark in marks if mark.name in ("EndEx", "REAL WORLD")]
    end = max([*instants, *(over or [now])])
    return TimeScale(begin, end + (end - begin) / 50, zone)


def _instants(one: EventReport) -> Iterator[datetime]:
    shown = (one.planned, one.released, *(at for each in one.expected for at in (each.by, each.done)))
    yield from (at for at in shown if at is not None)


def _lines(marks: Sequence[ClockMark], scale: TimeScale) -> Iterator[Line]:
    """Yield one line for each mark; a pause is one line, because it starts and ends at one exercise time."""
    for one, after in zip_longest(marks, marks[1:]):
        resumed = after is not None and (one.name, after.name) == ("PauseEx", "ResumeEx")
        if one.name == "jump":
            yield Line(at=scale.at(one.at), dashed=True)
        elif resumed:
            wall = f"{scale.clock(one.wall)} to {scale.clock(after.wall)}"
            yield Line(
                at=scale.at(one.at), words=f"PauseEx, ResumeEx {scale.clock(one.at)} (real time {wall})"
            )
        elif one.name not in ("opened", "closed", "cancelled", "ResumeEx"):
            words = f"{one.name} {scale.clock(one.at)} (real time {scale.clock(one.wall)})"
            yield Line(at=scale.at(one.at), words=words)


def _row(one: EventReport, scale: TimeScale) -> Row:
    begin = one.released or one.planned
    done = [each.done for each in one.expected if each.done is not None]
    took = begin is not None and max(done, default=begin) > begin
    bars = (Bar(scale.at(begin), scale.at(max(done)), "pale"),) if begin is not None and took else ()
    return Row(
        label=f"{one.number} {one.title}", bars=bars, marks=tuple(_marks(one, scale)), words=_words(one)
    )


def _marks(one: EventReport, scale: TimeScale) -> Iterator[Mark]:
    if one.planned is not None:
        yield Mark(scale.at(one.planned), "planned")
    if one.released is not None:
        yield Mark(scale.at(one.released), "released")
    for each in one.expected:
        if each.by is not None:
            yield Mark(scale.at(each.by), "limit")
        if each.done is not None:
            yield Mark(scale.at(each.done), "answered_late" if _late(each) else "answered")
        elif each.by is not None:
            yield Mark(scale.at(each.by), "missed")


def _late(one: Expectation) -> bool:
    return one.done is not None and one.by is not None and one.done > one.by


def _words(one: EventReport) -> str:
    said = [_released(one)]
    missing = sum(1 for each in one.expected if each.done is None)
    if one.expected and (one.state == "released" or one.category == "expected_action"):
        late = [each.done - each.by for each in one.expected if _late(each) and each.done and each.by]
        if missing:
            of = "" if missing == len(one.expected) else f"{missing} of {len(one.expected)} "
            said.append(f"{of}not done")
        elif late:
            said.append(f"done, late by {span(max(late))}")
        else:
            released = one.released
            before = released is not None and all(each.done and each.done < released for each in one.expected)
            said.append("done before release" if before else "done in time")
    return ", ".join(part for part in said if part)


def _released(one: EventReport) -> str:
    if one.released is not None:
        late = one.released - one.planned if one.planned is not None else timedelta(0)
        return f"released {span(late)} late" if late >= _MINUTE else ""
    if one.state == "left out":
        return EVENTS[one.state]
    if one.category == "expected_action":
        return ""
    return "not needed" if one.category == "contingency" else "not released"


def _counted(events: Sequence[EventReport]) -> str:
    expected = [
        each
        for event in events
        for each in event.expected
        if event.state == "released" or event.category == "expected_action"
    ]
    late = sum(map(_late, expected))
    missing = sum(event.done is None for event in expected)
    released = sum(event.released is not None for event in events)
    return (
        f"{released} of {count(len(events), 'scenario event')} released. {count(len(expected), 'expected action')}: "
        f"{late} done late, {missing} not done."
    )
