"""What the scenario of an exercise has fail at an instant: channels, persons, the machine's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runner.incident.state.drill import Fault
from runner.incident.state.exercise_time import time_in
from runner.incident.state.incident import Incident


def faults(incident: Incident, wall: datetime) -> Iterator[Fault]:
    """Yield what fails now."""
    if incident.drill is not None:
        now = time_in(incident, wall)
        yield from (one for one in incident.drill.faults if one.holds(now))


def unreachable(incident: Incident, wall: datetime) -> frozenset[str]:
    """Return the persons who are out of reach."""
    return frozenset(one.ref for one in faults(incident, wall) if one.kind == "person")


def skew(incident: Incident, wall: datetime) -> timedelta:
    """Return by how much the machine's clock is wrong."""
    shifts = [one.shift for one in faults(incident, wall) if one.kind == "clock" and one.shift is not None]
    return sum(shifts, timedelta())
