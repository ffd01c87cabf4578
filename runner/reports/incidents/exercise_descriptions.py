"""Timeline sentences for the acts of controllers and evaluators in an exercise."""

from __future__ import annotations

from typing import assert_never

from runner.incident.state.exercise import (
    ExerciseBegun,
    ExerciseClockSet,
    ExerciseEvent,
    FaultSet,
    InjectDeferred,
    InjectReleased,
    ObservationMade,
    RatingGiven,
    ReportSigned,
)

_CHANGES = {
    "begun": "StartEx: the exercise started",
    "paused": "PauseEx: exercise time stopped",
    "resumed": "ResumeEx: exercise time continues",
    "jumped": "Exercise time moved to",
    "frozen": "REAL WORLD: the exercise is frozen",
    "ended": "EndEx: the exercise ended",
}
_CAUSES = {
    "time": "at its scheduled time",
    "step": "after an action of the players",
    "fact": "after a new fact",
    "missed": "after an expected action was missing",
    "hand": "by a controller",
}


def drill_sentence(event: ExerciseEvent) -> str:
    """Return the sentence for an entry."""
    match event:
        case ExerciseBegun(title=title, name=name, exercise_type=kind):
            return f"Exercise {name} ({kind}): {title}"
        case ExerciseClockSet():
            words = _CHANGES.get(event.change, event.change)
            if event.change == "jumped":
                words = f"{words} {event.clock.at:%Y-%m-%d %H:%M %Z}"
            return f"{words}{f': {event.reason}' if event.reason else ''}"
        case InjectReleased(number=number, cause=cause):
            return f"Inject {number} released, {_CAUSES.get(cause, cause)}"
        case InjectDeferred(number=number, reason=reason):
            return f"Inject {number} skipped: {reason}"
        case FaultSet(kind=kind, ref=ref, until=until):
            return f"{kind.capitalize()} {ref} fails{f' until {until:%Y-%m-%d %H:%M %Z}' if until else ''}"
        case ObservationMade(kind=kind, text=text, objective=objective):
            return f"{kind.capitalize()}{f' on {objective}' if objective else ''}: {text}"
        case RatingGiven(target=target, rating=rating, note=note):
            return f"{target} rated {rating}{f': {note}' if note else ''}"
        case ReportSigned(by=by, digest=digest):
            return f"{by} signed the after-action report {digest}"
        case _:
            assert_never(event)
