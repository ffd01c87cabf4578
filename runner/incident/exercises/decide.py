"""Decisions of exercise controllers and evaluators: clock, injects, freeze, observations, ratings.

The kind of an incident never changes: a real incident refuses all of this, and never becomes an exercise.
"""

from __future__ import annotations

from datetime import datetime

from runner.actions import Action, Slot
from runner.errors import NotFound, Refused, reason_given
from runner.incident.state import commands as c
from runner.incident.state.events import event_of
from runner.incident.state.exercise import (
    OVER,
    ClockChange,
    Drill,
    ExerciseClock,
    ExerciseClockSet,
    ExerciseEvent,
    InjectDeferred,
    InjectReleased,
    ObservationMade,
    RatingGiven,
    ReportSigned,
)
from runner.incident.state.incident import Incident


def decide_drill(
    incident: Incident, command: c.DrillCommand, by: str, now: datetime
) -> tuple[ExerciseEvent, ...]:
    """Return the events; raises Refused outside of an exercise, or if its stage does not permit the command.

    A real incident permits only the signature of a report, once the incident is closed.
    """
    if isinstance(command, c.SignReport):
        return (_signed(incident, command, by),)
    if incident.kind == "real" or incident.drill is None:
        raise Refused(
            f'Incident "{incident.codename}" is not an exercise.',
            hint=Action("drill.run", Slot("FILE", "file")),
            code="not_an_exercise",
        )
    drill = incident.drill
    match command:
        case c.BeginExercise():
            if drill.plan:
                raise Refused(f'Exercise "{drill.name}" was started already.', code="already_begun")
            return (command.event,)
        case c.SetExerciseClock():
            return (_clock(incident, drill, command, by, now),)
        case c.Observe():
            return (_observe(command, by),)
        case c.Rate():
            return (_rate(incident, drill, command, by),)
        case c.ReleaseInject() | c.DeferInject() | c.SetFault():
            if drill.stage not in ("running", "paused"):
                raise Refused(f'Exercise "{incident.codename}" is {drill.stage}.', code="exercise_stage")
            return (_happening(drill, command, by),)


def _signed(incident: Incident, command: c.SignReport, by: str) -> ReportSigned:
    if incident.drill is not None and incident.drill.plan:
        _over(incident, incident.drill, "The report can be signed after the exercise.")
    elif incident.state != "closed":
        raise Refused(
            f'Incident "{incident.codename}" is {incident.state}. Only the report of a closed incident can be signed.',
            hint=Action("incident.close"),
            code="not_closed",
        )
    return event_of(ReportSigned, command, by=by)


def _clock(
    incident: Incident, drill: Drill, command: c.SetExerciseClock, by: str, now: datetime
) -> ExerciseClockSet:
    if why := ("" if drill.stage in _FROM[command.change] else f"the exercise is {drill.stage}"):
        raise Refused(
            f'Exercise "{incident.codename}" cannot be {command.change}: {why}.', code="exercise_stage"
        )
    at = now
    if command.change == "jumped":
        if command.to is None or command.to < now:
            raise Refused(
                "The exercise clock can only jump forward.",
                hint="Add --to INSTANT, or --to next.",
                code="not_ahead",
            )
        at = command.to
    standing = command.change in ("paused", "frozen", "ended") or (
        command.change == "jumped" and drill.stage == "paused"
    )
    rate = 0.0 if standing else command.rate
    clock = ExerciseClock(wall=command.wall, at=at, rate=rate)
    return ExerciseClockSet(change=command.change, clock=clock, by=by, reason=command.reason)


_FROM: dict[ClockChange, tuple[str, ...]] = {
    "begun": ("planned",),
    "paused": ("running",),
    "resumed": ("paused",),
    "jumped": ("running", "paused"),
    "frozen": ("planned", "running", "paused"),
    "ended": ("running", "paused", "frozen"),
}


def _happening(drill: Drill, command: c.ReleaseInject | c.DeferInject | c.SetFault, by: str) -> ExerciseEvent:
    match command:
        case c.SetFault(event=event):
            return event
        case c.DeferInject(number=number, reason=reason):
            why = reason_given(reason, "The reason to skip the inject")
            _not_yet(drill, number)
            return InjectDeferred(number=number, by=by, reason=why)
        case c.ReleaseInject(number=number):
            _not_yet(drill, number)
            return event_of(InjectReleased, command, by=by)


def _not_yet(drill: Drill, number: str) -> None:
    if number in drill.released:
        raise Refused(
            f'Inject "{number}" was released at {drill.released[number].at:%Y-%m-%d %H:%M %Z}.',
            code="already_released",
        )
    if number in drill.deferred:
        raise Refused(f'Inject "{number}" was skipped: {drill.deferred[number]}', code="already_skipped")


def _observe(command: c.Observe, by: str) -> ObservationMade:
    if not command.text.strip():
        raise Refused("The observation has no text.", code="words_missing")
    return event_of(ObservationMade, command, by=by, text=command.text.strip())


def _over(incident: Incident, drill: Drill, what: str) -> None:
    if drill.stage not in OVER:
        raise Refused(
            f'Exercise "{incident.codename}" is {drill.stage}. {what}',
            hint=Action("drill.observe", args={"text": Slot("TEXT")}),
            code="exercise_stage",
        )


def _rate(incident: Incident, drill: Drill, command: c.Rate, by: str) -> RatingGiven:
    if not command.target:
        raise NotFound("The target of the rating is missing.", code="target_missing")
    _over(incident, drill, "Targets can be rated after the exercise.")
    proposed = command.proposed.partition(":")[0]
    if proposed and proposed != command.rating and not command.note.strip():
        raise Refused(
            f"The rating differs from the proposed rating ({command.proposed}). The note is missing.",
            hint="Add --note WHY",
            code="note_missing",
        )
    return event_of(RatingGiven, command, by=by, note=command.note.strip())
