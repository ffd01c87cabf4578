"""Exercises as they are on record: those that were played with people, and how far those are that go on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.app.exercises.exercises import plan_of
from runner.errors import TocsinError
from runner.incident.exercises.exercise_plan import Exercise
from runner.incident.state.incident import Incident
from runner.reports.incidents.incidents import Playing
from runner.store.port import IncidentRow

if TYPE_CHECKING:
    from runner.app.core.incident_service import Desk

Exercised = tuple[Incident, Exercise]


def exercised(desk: Desk) -> tuple[Exercised, ...]:
    """Return every exercise that was begun, the one begun last first; one that was shredded is left out.

    What was played without people (kind ``test``) is not among them.
    """
    return tuple(sorted(_begun(desk), key=_started, reverse=True))


def _begun(desk: Desk) -> Iterator[Exercised]:
    for row in desk.store.rows():
        if row.kind != "exercise":
            continue
        try:
            incident = desk.load(row.id)
            if incident.drill is None or not incident.drill.plan or incident.drill.started is None:
                continue
            yield incident, plan_of(desk, incident)
        except TocsinError as error:
            if error.code != "shredded":
                raise


def _started(found: Exercised) -> float:
    drill = found[0].drill
    return drill.started.timestamp() if drill is not None and drill.started is not None else 0.0


def playing(desk: Desk, rows: Iterable[IncidentRow]) -> dict[str, Playing]:
    """Return how far exercises are that are not closed, by id; one that cannot be read is left out."""
    found: dict[str, Playing] = {}
    for row in rows:
        if row.kind == "real" or row.state not in ("open", "paused"):
            continue
        with suppress(TocsinError):  # a list shows what there is, whatever is wrong with one of them
            incident = desk.load(row.id)
            if incident.drill is not None and incident.drill.plan:
                found[row.id] = Playing(stage=incident.drill.stage, time=desk.now_in(incident))
    return found
