"""The state of an exercise for its controllers: scenario, expected actions, discussion and ratings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

import msgspec

from runner.actions import PERSON, Action, Argument, Slot
from runner.base.instants import parse_duration
from runner.incident.exercises.exercise_plan import Artefact, Exercise, Module, ScenarioEvent
from runner.incident.exercises.injects import deadline, met
from runner.incident.exercises.ratings import ratings, unconfirmed
from runner.incident.state.exercise import Drill
from runner.incident.state.incident import Incident
from runner.reports.core.header import clocked, zone_of
from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Cells,
    Paragraph,
    Tone,
    arrow,
    flow,
    line,
    paged,
    table,
)
from runner.reports.core.report import Report, filled
from runner.reports.exercises.ratings import Ratings, ratings_blocks, ratings_report


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """One expected action of the players."""

    action: str
    by: datetime | None
    done: datetime | None
    critical: bool


class EventReport(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario event as played; all times are exercise time."""

    number: str
    title: str
    category: str
    state: str
    """``waiting``, ``released`` or ``left out``."""
    planned: datetime | None
    released: datetime | None
    cause: str
    to: tuple[str, ...]
    via: str
    text: str
    artefact: Artefact | None
    expected: tuple[Expectation, ...]


class AnswerReport(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to a question."""

    by: str
    at: datetime
    text: str


class QuestionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A discussion question with its answers."""

    id: str
    text: str
    objective: str
    answers: tuple[AnswerReport, ...]


class ModuleReport(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a discussion: the situation and the questions."""

    id: str
    title: str
    text: str
    questions: tuple[QuestionReport, ...]


class DrillReport(Report, frozen=True, kw_only=True, tag="tocsin/drill/v1"):
    """The state of an exercise."""

    incident: str
    codename: str
    kind: str
    name: str
    title: str
    exercise_type: str
    marking: str
    stage: str
    exercise_time: datetime
    begun: datetime | None
    ended: datetime | None
    events: tuple[EventReport, ...]
    modules: tuple[ModuleReport, ...]
    ratings: Ratings


def drill_report(incident: Incident, plan: Exercise, now: datetime) -> DrillReport:
    """Return the state at an instant of exercise time; all times are in the zone of the exercise."""
    drill = incident.drill
    if drill is None:
        raise ValueError("no exercise")
    zone = zone_of(incident, plan.clock.start)
    return filled(
        DrillReport,
        plan,
        incident=incident.id,
        codename=incident.codename,
        kind=incident.kind,
        exercise_type=plan.type,
        stage=drill.stage,
        exercise_time=now.astimezone(zone),
        begun=_there(drill.begun_at, zone),
        ended=_there(drill.ended_at, zone),
        events=tuple(_event(event, incident, zone) for event in plan.events),
        modules=tuple(_module(module, drill, zone) for module in plan.modules),
        ratings=ratings_report(incident, plan),
    )


def _event(event: ScenarioEvent, incident: Incident, zone: tzinfo) -> EventReport:
    drill = incident.drill
    released = drill.released.get(event.number) if drill is not None else None
    left_out = drill is not None and event.number in drill.deferred
    begun = drill.begun_at if drill is not None else None
    planned = begun + parse_duration(event.at) if event.at is not None and begun is not None else None
    return filled(
        EventReport,
        event,
        state="released" if released else "left out" if left_out else "waiting",
        planned=_there(planned, zone),
        released=_there(released.at, zone) if released else None,
        cause=released.cause if released else "",
        expected=tuple(
            Expectation(
                action=one.words,
                by=_there(deadline(event, one, drill), zone) if drill is not None else None,
                done=_there(met(one, incident), zone),
                critical=one.critical,
            )
            for one in event.expected
        ),
    )


def _module(module: Module, drill: Drill, zone: tzinfo) -> ModuleReport:
    def answers(question: str) -> tuple[AnswerReport, ...]:
        said = (observation for observation in drill.observations if observation.question == question)
        return tuple(filled(AnswerReport, answer, at=answer.at.astimezone(zone)) for answer in said)

    return filled(
        ModuleReport,
        module,
        questions=tuple(
            filled(QuestionReport, question, answers=answers(question.id)) for question in module.questions
        ),
    )


def _there(at: datetime | None, zone: tzinfo) -> datetime | None:
    return at.astimezone(zone) if at is not None else None


def unmet(report: DrillReport) -> tuple[str, ...]:
    """Return the critical actions of released injects that were late or not done; if none, the exercise passed."""
    return tuple(
        f"{event.number}: {one.action} {'done late' if one.done else 'not done'}"
        for event in report.events
        for one in event.expected
        if event.state == "released"
        and one.critical
        and (_undone(one, report.ended) if one.done is None else one.by is not None and one.done > one.by)
    )


def _undone(one: Expectation, ended: datetime | None) -> bool:
    """Tell whether an action that was not done was due before EndEx."""
    return one.by is None or ended is None or one.by <= ended


def behind_plan(report: DrillReport) -> tuple[str, ...]:
    """Return the numbers of the overdue injects."""
    waiting = [event for event in report.events if event.state == "waiting" and report.stage == "running"]
    timed = [event for event in waiting if event.category in ("inject", "other")]
    return tuple(one.number for one in timed if one.planned and one.planned < report.exercise_time)


_TONES: dict[str, Tone] = {"released": "good", "left out": "dim", "waiting": "plain"}
EVENTS = {"released": "released", "left out": "skipped", "waiting": "waiting"}


@paged
def drill_page(report: DrillReport) -> Iterator[Block]:
    """Draw the state of an exercise."""
    yield flow(Cell(report.marking, "marking"), f"  {report.codename} · {report.title}", hang=2)
    time = clocked(report.exercise_time, report.exercise_time.tzinfo or UTC)
    yield flow(Cell(report.stage.upper(), "title"), f" · exercise time {time}")
    if report.events:
        yield Blank()
        yield table(map(_row, report.events), 3, indent=0)
    if behind := behind_plan(report):
        go_on = arrow(Action("drill.run", args={"go_on": report.codename}))
        yield flow(Cell(f"INJECTS OVERDUE ({len(behind)}): {', '.join(behind)}", "alarm"), go_on, hang=2)
    for event in report.events:
        for one in event.expected:
            if one.by is not None or event.state == "released":
                yield _expected(event.number, one)
    for module in report.modules:
        yield from _discussion(module)
    yield from ratings_blocks(report.ratings)


def _row(one: EventReport) -> Cells:
    when = one.released or one.planned
    return (
        Cell(one.number, "command"),
        Cell(EVENTS[one.state], _TONES[one.state]),
        Cell(_time(when) if when else "manual", "dim"),
        one.title,
        Cell(f"{one.via} to {', '.join(one.to)}" if one.to else one.via, "dim"),
    )


def _expected(number: str, one: Expectation) -> Paragraph:
    by = f" (by {_time(one.by)})" if one.by else ""
    done = Cell("not done yet")
    if one.done is not None:
        late = one.by is not None and one.done > one.by
        done = Cell(f"done {_time(one.done)}{', late' if late else ''}", "warn" if late else "good")
    return flow(f"{number}: {one.action}{by}: ", done, indent=2, hang=2)


@paged
def discussion_page(report: DrillReport) -> Iterator[Block]:
    """Draw the texts and questions for a facilitator, with commands for answers and the end."""
    for module in report.modules:
        yield from _discussion(module)
    how = (
        ("Record an answer", Cell("", "command", _observe(Slot("ID"), **{"as": PERSON}))),
        ("Show the answers", Cell("", "command", Action("drill.show"))),
        ("End the discussion", Cell("", "command", Action("drill.end"))),
    )
    yield Blank()
    yield line("In another window:")
    yield table(how, 1)


def _observe(question: str | Slot, **more: Argument) -> Action:
    return Action("drill.observe", args={"text": Slot("…", "text"), "question": question, **more})


def _discussion(module: ModuleReport) -> Iterator[Block]:
    yield Blank()
    yield line(f"{module.id}  {module.title}", "title")
    yield line(" ".join(module.text.split()), indent=2, hang=2)
    for question in module.questions:
        yield flow(Cell(f"{question.id}  ", "command"), question.text, indent=2, hang=6)
        for answer in question.answers:
            said = f"{answer.text} ({answer.by}, {_time(answer.at)})"
            yield line(said, "good", indent=6, hang=6)
        if not question.answers:
            how = arrow(_observe(question.id))
            yield flow("No answer yet", how, indent=6, hang=6)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def told(event: ScenarioEvent) -> str:
    """Return the text of a released inject for the players."""
    to = f" to {', '.join(event.to)}" if event.to else ""
    sender = f" from {event.sender}" if event.sender else ""
    return f"{event.number} {event.title} [{event.via}{to}{sender}]{f': {event.text}' if event.text else ''}"


def handed_out(event: ScenarioEvent) -> Iterator[str]:
    """Yield the lines of the artefact that players get with an inject."""
    yield from (f"  {line}" for line in (event.artefact.lines if event.artefact is not None else ()))


def remaining_items(incident: Incident, plan: Exercise) -> Iterator[str]:
    """Yield the remaining tasks in order, each with its command."""
    if missing := unconfirmed(ratings(plan, incident)):
        yield f"Rate the targets {', '.join(missing)}: tocsin drill rate {missing[0]} -i {incident.codename}"
    if incident.drill is not None and not incident.reports:
        yield f"Sign the report: tocsin drill report -i {incident.codename}"
    yield f"Record action items: tocsin improvement add --from {incident.codename}"
    if incident.state != "closed":
        yield f"Close the exercise: tocsin drill end --close -i {incident.codename}"
