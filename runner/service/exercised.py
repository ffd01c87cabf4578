"""Exercises that were played with people, as they are on record; what was played without them (kind test) is not among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runner.errors import TocsinError
from runner.model.exercise import Exercise
from runner.model.incident import Incident
from runner.service.drills import plan_of

if TYPE_CHECKING:
    from runner.service.desk import Desk

Exercised = tuple[Incident, Exercise]


def exercised(desk: Desk) -> tuple[Exercised, ...]:
    """Return every exercise that was begun, the one begun last first; one that can be read no more is left out."""
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
