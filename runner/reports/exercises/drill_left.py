"""What is still to do once an exercise is over: ratings, the report, what it showed, and to close it."""

from __future__ import annotations

from collections.abc import Iterator

from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.exercises.ratings import ratings, unconfirmed
from runner.incident.state.incident import Incident
from runner.reports.core.suggested_actions import close_exercise


def what_is_left(incident: Incident, plan: Exercise) -> Iterator[str]:
    """Yield it in order, each with its command; a report that was signed is done."""
    if missing := unconfirmed(ratings(plan, incident)):
        yield f"not rated yet: {', '.join(missing)}: tocsin drill rate {missing[0]} -i {incident.codename}"
    if incident.drill is not None and not incident.reports:
        yield f"no report is signed yet: tocsin drill report -i {incident.codename}"
    yield f"what is to be better: tocsin improvement add --from {incident.codename}"
    if incident.state != "closed":
        yield f"then close it: {close_exercise(incident.codename)}"
