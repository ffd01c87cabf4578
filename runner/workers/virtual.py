"""Virtual driver: one incident in one thread, in virtual time that advances only when no work is left.

It is the same core and the same loop as for real work, with another clock; nobody is waited for.
A fortnight takes only the time of its events: an hour in which nothing is due is one assignment to the clock.
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
"""How long an action takes."""
ROUNDS = 20_000
"""More actions than any incident needs: more of them are an endless loop."""


class VirtualClock:
    """A clock that changes only when it is moved, and never goes back."""

    def __init__(self, start: datetime) -> None:
        """Start at ``start``, which is aware."""
        self._time, self._wrong = start, timedelta()

    def now(self) -> datetime:
        """Return the virtual instant, with the simulated error of the clock."""
        return self._time + self._wrong

    def set_wrong(self, shift: timedelta) -> None:
        """Set the error of the clock from now on."""
        self._wrong = shift

    def advance(self, span: timedelta) -> None:
        """Advance the clock."""
        self._time += span

    def reach(self, instant: datetime) -> None:
        """Advance to an instant, if it is in the future."""
        self._time = max(self._time, instant)


class Playing(Protocol):
    """The people who act in the incident."""

    def act(self) -> bool:
        """Do the next action; tell whether there was one."""

    def learn(self) -> bool:
        """Find out the facts that a step waits for; tell whether there were any."""

    def begins_at(self) -> datetime | None:
        """Return when somebody must start an action that was left to the last moment."""


def simulating(service: IncidentService, simulation: Simulation) -> Worker:
    """Return a worker whose effects stay in the process: a script answers what is sent and called."""

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
    """Work on an incident until no person, worker or time has anything left to do.

    Raises Refused in an endless loop, and any error of players without a next action.
    """
    service = worker.service
    for _ in range(ROUNDS):
        worker.drain()
        if worker.troubles:
            raise Refused(f"The work failed: {next(iter(worker.troubles.values()))}", code="work_failed")
        if players.act():
            clock.advance(MOMENT)
        elif not players.learn() and not _time_passes(service, incident, players, clock):
            return
    raise Refused(
        "The playbook test does not end.", hint="Check loops and reopened steps.", code="endless_loop"
    )


def _time_passes(service: IncidentService, name: str, players: Playing, clock: VirtualClock) -> bool:
    """Advance to the next due time; tell whether there is one while steps are open, or players continue."""
    row = service.store.row(name)
    incident, begins = service.load(name), players.begins_at()
    dues = [instant for instant in (row.next_due if row else None, begins) if instant is not None]
    if not dues or (begins is None and all(invocation.over for invocation in incident.invocations.values())):
        return False
    before = clock.now()
    clock.reach(min(dues))
    return clock.now() > before
