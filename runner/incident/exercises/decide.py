"""What controllers and evaluators of an exercise may do: set its clock, release an inject, freeze it, observe and rate.

The kind of an incident is fixed at birth: none of this is possible in a real one, and nothing turns an exercise into one.
"""

from __future__ import annotations

from datetime import datetime

from runner.errors import NotFound, Refused
from runner.incident.state import commands as c
from runner.incident.state.exercise import (
    OVER,
    ClockChange,
    Drill,
    ExerciseBegun,
    ExerciseClock,
    ExerciseClockSet,
    ExerciseEvent,
    FaultSet,
    InjectDeferred,
    InjectReleased,
    ObservationMade,
    RatingGiven,
    ReportSigned,
)
from runner.incident.state.incident import Incident


def decide_drill(incident: Incident, command: c.DrillCommand, now: datetime) -> tuple[ExerciseEvent, ...]:
    """Return what it brings about; raises Refused outside of an exercise, and where its stage does not allow it.

    Only a report is signed of a real incident as well, once that is closed.
    """
    if isinstance(command, c.SignReport):
        return (_signed(incident, command),)
    if incident.kind == "real" or incident.drill is None:
        raise Refused(
            f"{incident.codename} is no exercise",
            hint="an exercise is begun as one: tocsin drill run FILE",
            code="not_an_exercise",
        )
    drill = incident.drill
    match command:
        case c.BeginExercise():
            return _begin(drill, command)
        case c.SetExerciseClock():
            return (_clock(incident, drill, command, now),)
        case c.Observe():
            return (_observe(command),)
        case c.Rate():
            return (_rate(incident, drill, command),)
        case c.ReleaseInject() | c.DeferInject() | c.SetFault():
            _running(incident, drill)
            return (_happening(drill, command),)


def _signed(incident: Incident, command: c.SignReport) -> ReportSigned:
    if incident.drill is not None and incident.drill.plan:
        _over(incident, incident.drill, "its report is signed")
    elif incident.state != "closed":
        raise Refused(
            f"{incident.codename} is {incident.state}: its report is signed once it is closed",
            hint="close it: tocsin close",
            code="not_closed",
        )
    return ReportSigned(by=command.by, digest=command.digest, files=command.files, heads=command.heads)


def _begin(drill: Drill, command: c.BeginExercise) -> tuple[ExerciseEvent, ...]:
    if drill.plan:
        raise Refused(f"the exercise {drill.name} has begun already", code="already_begun")
    return (
        ExerciseBegun(
            name=command.name,
            title=command.title,
            exercise_type=command.exercise_type,
            plan=command.plan,
            marking=command.marking,
            live=command.live,
            head=command.head,
        ),
    )


def _clock(incident: Incident, drill: Drill, command: c.SetExerciseClock, now: datetime) -> ExerciseClockSet:
    if why := ("" if drill.stage in _FROM[command.change] else f"it is {drill.stage}"):
        raise Refused(f"{incident.codename} cannot be {command.change}: {why}", code="exercise_stage")
    at = now
    if command.change == "jumped":
        if command.to is None or command.to < now:
            raise Refused("an exercise jumps ahead only", hint="--to INSTANT, or --to next", code="not_ahead")
        at = command.to
    standing = command.change in ("paused", "frozen", "ended") or (
        command.change == "jumped" and drill.stage == "paused"
    )
    rate = 0.0 if standing else command.rate
    clock = ExerciseClock(wall=command.wall, at=at, rate=rate)
    return ExerciseClockSet(change=command.change, clock=clock, by=command.by, reason=command.reason)


_FROM: dict[ClockChange, tuple[str, ...]] = {
    "begun": ("planned",),
    "paused": ("running",),
    "resumed": ("paused",),
    "jumped": ("running", "paused"),
    "frozen": ("planned", "running", "paused"),
    "ended": ("running", "paused", "frozen"),
}


def _running(incident: Incident, drill: Drill) -> None:
    if drill.stage not in ("running", "paused"):
        raise Refused(f"the exercise {incident.codename} is {drill.stage}", code="exercise_stage")


def _happening(drill: Drill, command: c.ReleaseInject | c.DeferInject | c.SetFault) -> ExerciseEvent:
    match command:
        case c.SetFault(kind=kind, ref=ref, until=until, shift=shift):
            return FaultSet(kind=kind, ref=ref, until=until, shift=shift)
        case c.DeferInject(number=number, by=by, reason=reason):
            if not reason.strip():
                raise Refused(
                    "leaving an inject out needs a reason", hint="add --reason '…'", code="reason_missing"
                )
            _not_yet(drill, number)
            return InjectDeferred(number=number, by=by, reason=reason.strip())
        case c.ReleaseInject(number=number, cause=cause, planned=planned, by=by):
            _not_yet(drill, number)
            return InjectReleased(number=number, cause=cause, planned=planned, by=by)


def _not_yet(drill: Drill, number: str) -> None:
    if number in drill.released:
        raise Refused(
            f"inject {number} was released at {drill.released[number].at:%Y-%m-%d %H:%M %Z}",
            code="already_released",
        )
    if number in drill.deferred:
        raise Refused(f"inject {number} was left out: {drill.deferred[number]}", code="already_skipped")


def _observe(command: c.Observe) -> ObservationMade:
    if not command.text.strip():
        raise Refused("an observation needs its words", code="words_missing")
    return ObservationMade(
        by=command.by,
        text=command.text.strip(),
        objective=command.objective,
        question=command.question,
        kind=command.kind,
        about=command.about,
    )


def _over(incident: Incident, drill: Drill, what: str) -> None:
    if drill.stage not in OVER:
        raise Refused(
            f"{incident.codename} is {drill.stage}: {what} once the exercise is over",
            hint="note what you see: tocsin drill observe '…'",
            code="exercise_stage",
        )


def _rate(incident: Incident, drill: Drill, command: c.Rate) -> RatingGiven:
    if not command.target:
        raise NotFound("which target is rated?", code="target_missing")
    _over(incident, drill, "ratings are given")
    proposed = command.proposed.partition(":")[0]
    if proposed and proposed != command.rating and not command.note.strip():
        raise Refused(
            f"a rating other than the proposed one ({command.proposed}) needs a note",
            hint="add --note '…'",
            code="note_missing",
        )
    return RatingGiven(
        target=command.target,
        rating=command.rating,
        by=command.by,
        note=command.note.strip(),
        proposed=command.proposed,
    )
