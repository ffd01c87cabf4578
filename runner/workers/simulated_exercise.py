"""Conduct of an exercise: release due injects, perform the resulting work, wait for the next inject.

In an exercise with people, controllers use commands elsewhere, and the journal connects both. Without people, the
simulated responders act at once and the clock moves from one due time to the next, in a sandbox.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.exercises import exercises
from runner.app.exercises.simulated_responders import Players
from runner.app.incidents.open_incident import commit_opening
from runner.app.playbooks import sandbox
from runner.base.instants import parse_instant
from runner.effects.simulated import Simulation
from runner.files.exercise_file import Loaded
from runner.incident.exercises.exercise_plan import Exercise, ScenarioEvent
from runner.incident.exercises.injects import next_inject
from runner.incident.state.exercise import OVER
from runner.incident.state.exercise_time import wall_time
from runner.incident.state.incident import Incident
from runner.playbook.catalogue import Catalog
from runner.playbook.playbook_test import Case, PlaybookTests, Usual
from runner.playbook.playbook_test_file import TestFile, with_called
from runner.workers.embedded import Worker
from runner.workers.virtual import VirtualClock, play, simulating

POLL = timedelta(seconds=1)
"""How often the journal is checked for the commands of controllers and players."""
Told = Callable[[ScenarioEvent], None]


class Conductor:
    """Runs one exercise with people until it ends, or until it is stopped."""

    def __init__(self, service: IncidentService, name: str, tell: Told) -> None:
        """``tell`` gets each inject when it is released."""
        self._service, self._name, self._tell = service, name, tell
        self._stopping = threading.Event()
        self._plan = exercises.plan_of(service, service.load(name))

    def stop(self) -> None:
        """End ``run``; the exercise continues in the journal. Safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> Incident:
        """Run until the exercise has ended; return it."""
        began = self._service.clock.now()
        while not self._stopping.is_set():
            incident = self.step()
            if incident.drill is None or incident.drill.stage in OVER:
                return incident
            if exercises.overran(self._service, incident, self._plan, began):
                why = f"longer than {self._plan.safety.max_wall_time}"
                return exercises.set_clock(self._service, self._name, "ended", reason=why).after
            self._stopping.wait(self._pause(incident).total_seconds())
        return self._service.load(self._name)

    def step(self) -> Incident:
        """Release due injects, do the resulting work, and return the exercise after it."""
        for event in exercises.release_due(self._service, self._name, self._plan):
            self._tell(event)
        exercises.end_due(self._service, self._name, self._plan)
        worker = Worker(self._service)
        try:
            worker.drain()
        finally:
            worker.close()
        return self._service.load(self._name)

    def _pause(self, incident: Incident) -> timedelta:
        now = self._service.clock.now()
        row = self._service.store.row(self._name)
        inject = wall_time(incident, next_inject(self._plan, incident, self._service.now_in(incident)))
        dues = [
            instant
            for instant in (inject, row.next_due if row else None)
            if instant is not None and instant > now
        ]
        return min([POLL, *(due - now for due in dues)])


@contextmanager
def unattended(
    loaded: Loaded, catalog: Catalog, cache: Path | None, tell: Told
) -> Iterator[tuple[IncidentService, Incident]]:
    """Simulate an exercise to its end, as a test; yield the service of its sandbox and the incident.

    The script inherits the usual answers in the tests of the called playbooks, as the tests of a playbook do. The
    sandbox ends with the context. Its incident has the kind ``test``, so it does not count for readiness.
    """
    usual = Usual(**msgspec.structs.asdict(loaded.exercise.script))
    script = with_called(usual, loaded.bundle, Path(loaded.file), catalog)
    plan = msgspec.structs.replace(loaded.exercise, script=script)
    start = parse_instant(plan.clock.start or "2026-01-05T09:00:00Z")
    clock = VirtualClock(start)
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-drill-", ignore_cleanup_errors=True) as folder,
        sandbox.sandbox_home(Path(folder), _as_tests(loaded), clock, catalog.classes) as service,
    ):
        pinned = sandbox.pin(service, catalog, cache or Path(folder) / "cache", _as_tests(loaded))
        near = catalog.beside_of(Path(loaded.file))
        opening = exercises.prepare_drill(service, loaded, kind="test", catalog=near, pinned=pinned)
        name = commit_opening(service, opening).after.id
        exercises.set_clock(service, name, "begun")
        cast = SimulatedExercise(service, name, plan, clock, tell)
        worker = simulating(service, Simulation(plan.script.channels, plan.script.acts))
        try:
            play(worker, name, cast, clock)
        finally:
            worker.close()
        if not exercises.end_due(service, name, plan):
            exercises.set_clock(service, name, "ended", reason="played to its end")
        yield service, service.load(name)


class SimulatedExercise:
    """Simulated responders, and the scenario."""

    def __init__(
        self, service: IncidentService, name: str, plan: Exercise, clock: VirtualClock, tell: Told
    ) -> None:
        self._service, self._name, self._plan, self._tell = service, name, plan, tell
        self._clock = clock
        self._players = Players(service, name, plan.script, sleep=clock.advance)

    def act(self) -> bool:
        """Do the due work, otherwise the next action of a player; nothing after EndEx."""
        released = exercises.release_due(self._service, self._name, self._plan)
        for event in released:
            self._tell(event)
        if released:
            self._clock.set_wrong(exercises.skewed(self._service, self._name))
        if released or self._is_over():
            return bool(released)
        return self._players.act()

    def learn(self) -> bool:
        """Find out the facts that a step waits for."""
        return not self._is_over() and self._players.learn()

    def _is_over(self) -> bool:
        return exercises.end_due(self._service, self._name, self._plan)

    def begins_at(self) -> datetime | None:
        """Return when the scenario continues by itself, or a player ends an action that takes time."""
        if self._is_over():
            return None
        incident = self._service.load(self._name)
        comes = (
            next_inject(self._plan, incident, self._service.now_in(incident)),
            self._players.begins_at(),
        )
        times = (wall_time(incident, come) for come in comes)
        return min((time for time in times if time is not None), default=None)


def _as_tests(loaded: Loaded) -> TestFile:
    """Return the exercise as the incident of a sandbox."""
    plan = loaded.exercise
    roles: dict[str, tuple[str, ...]] = {}
    for participant in plan.participants:
        if participant.plays:
            roles[participant.plays] = (*roles.get(participant.plays, ()), participant.person)
    channels = {
        fault.channel: ("accepted",) for event in plan.events for fault in event.faults if fault.channel
    }
    usual = sandbox.with_channels(plan.script, tuple(channels))
    tests = PlaybookTests(
        schema="tocsin/playbook-test/v1",
        playbook=plan.playbook,
        cases=(Case(name=plan.title),),
        usual=Usual(**msgspec.structs.asdict(usual), profile=plan.profile),
        organisation=dict(plan.organisation),
        roles=roles,
        laws=plan.laws,
    )
    return TestFile(file=loaded.file, tests=tests, playbook=loaded.playbook, bundle=loaded.bundle)
