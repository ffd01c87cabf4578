"""What controllers and evaluators did in an exercise, a sentence each, as the timeline tells it."""

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
    "begun": "StartEx: the exercise begins",
    "paused": "PauseEx: exercise time stands",
    "resumed": "ResumeEx: exercise time goes on",
    "jumped": "Exercise time jumps to",
    "frozen": "REAL WORLD: the exercise is frozen",
    "ended": "EndEx: the exercise is over",
}
_CAUSES = {
    "time": "at its time",
    "step": "after what the players did",
    "fact": "after what became known",
    "missed": "since what was expected did not come",
    "hand": "by a controller",
}


def drill_sentence(event: ExerciseEvent) -> str:
    """Return what happened."""
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
            return f"Inject {number} left out: {reason}"
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
