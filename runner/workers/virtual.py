"""The virtual driver: one incident worked in one thread, in a time that stands until nothing is left to do at it.

The same core and the same loop as for real work; only the clock is another, and whoever would be waited for acts at once.
A fortnight costs what happens in it: an hour in which nothing is due is one assignment to the clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from runner.app.core.incident_service import IncidentService
from runner.effects.simulated import ExerciseSender, Simulation, no_call
from runner.errors import Refused
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.incident.state.steps import step_path
from runner.incident.state.work import AnyWork, StepAttempt
from runner.workers.embedded import Worker

MOMENT = timedelta(seconds=10)
"""What a deed takes."""
ROUNDS = 20_000
"""More deeds than any incident needs: more means that it goes round in circles."""


class VirtualClock:
    """A clock that stands until it is moved, and never goes back."""

    def __init__(self, start: datetime) -> None:
        """Stand at ``start``, aware."""
        self._time, self._wrong = start, timedelta()

    def now(self) -> datetime:
        """Return the virtual instant, as far as the clock is right."""
        return self._time + self._wrong

    def set_wrong(self, shift: timedelta) -> None:
        """Have the clock wrong by so much from now on."""
        self._wrong = shift

    def advance(self, span: timedelta) -> None:
        """Let time pass."""
        self._time += span

    def reach(self, instant: datetime) -> None:
        """Go on to an instant, if it lies ahead."""
        self._time = max(self._time, instant)


class Playing(Protocol):
    """Those who act in the incident."""

    def act(self) -> bool:
        """Do the next thing; tell whether there was one."""

    def learn(self) -> bool:
        """Find out what a step waits for; tell whether there was something."""

    def begins_at(self) -> datetime | None:
        """Return when somebody must begin what was left to the last moment."""


def simulating(service: IncidentService, simulation: Simulation) -> Worker:
    """Return a worker whose effects touch nothing outside: what is sent and called is answered by script."""

    def perform_it(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        from msgspec.structs import replace

        from runner.effects.perform import perform

        if isinstance(work, StepAttempt):
            return simulation.act(work, step_path(work.step))
        door = ExerciseSender(simulation, incident, service.now_in(incident), simulation)
        tools = replace(service.tools(incident), sender=door, call=no_call)
        return perform(work, incident, head, service.library(incident), tools)

    return Worker(service, threads=1, perform=perform_it)


def play(worker: Worker, incident: str, players: Playing, clock: VirtualClock) -> None:
    """Work an incident until nothing is left that a person, a worker or time would do.

    Raises Refused when it goes round in circles, and whatever players raise who do not know what to do.
    """
    service = worker.service
    for _ in range(ROUNDS):
        worker.drain()
        if worker.troubles:
            raise Refused(
                f"it could not be worked on: {next(iter(worker.troubles.values()))}", code="work_failed"
            )
        if players.act():
            clock.advance(MOMENT)
        elif not players.learn() and not _time_passes(service, incident, players, clock):
            return
    raise Refused(
        "it goes round in circles", hint="look at loops and at what is reopened", code="endless_loop"
    )


def _time_passes(service: IncidentService, name: str, players: Playing, clock: VirtualClock) -> bool:
    """Go on to when something is due; tell whether there is such a time while steps are open, or players go on."""
    row = service.store.row(name)
    incident, begins = service.load(name), players.begins_at()
    dues = [one for one in (row.next_due if row else None, begins) if one is not None]
    if not dues or (begins is None and all(invocation.over for invocation in incident.invocations.values())):
        return False
    before = clock.now()
    clock.reach(min(dues))
    return clock.now() > before
