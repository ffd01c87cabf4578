"""Fair scheduling of incidents in a worker: the order in a round, leases, and failed turns.

Incidents that failed are worked on one at a time, so that the next crash of a process shows which of them caused it.
``runner.app.core.suspended_incidents`` explains how failures are counted, and stored where a crash cannot lose them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from runner.app.core.suspended_incidents import Tries
from runner.errors import Sealed, StoreCorrupt, StoreError, TocsinError
from runner.incident.state.commands import AnyCommand
from runner.incident.state.work import AnyWork, token
from runner.workers.visit_results import COMPUTED, Outcome

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import WorkerHandle
    from runner.app.core.transaction import Transaction
    from runner.app.core.trusted_clock import TrustedClock

TURN = timedelta(minutes=1)
"""How long one turn, or one effect that only computes, may take: a longer one counts as a failure."""
SHARE = timedelta(seconds=30)
"""How long a command about one incident works on the others, too."""
OVERRAN = f"the work took more than {TURN.seconds} seconds"


class Fairness:
    """The work sharing of one worker; only its loop uses it."""

    def __init__(self, service: IncidentService, handle: WorkerHandle, time: TrustedClock) -> None:
        """Start without a failure."""
        self._service = service
        self._time = time
        self._tries = Tries(service, handle)
        self._computed: dict[str, str] = {}
        self._turning: set[str] = set()
        self._failing: set[str] = set()
        self._own = ""
        self._enough: timedelta | None = None
        self.rounds = 0
        """The number of rounds of the loop: it shows that the loop is alive."""
        self.attempts = 0
        """Attempts to connect to a lost database again: no round is possible, but the worker is alive."""
        self.left = False
        """No more work was started in other incidents, because a person waits for one."""

    def wait_for(self, own: str) -> None:
        """Work on one incident without a limit and on the others for a limited time; without a name, on all alike."""
        self._own, self._enough = own, self._time.passed() + SHARE if own else None

    def look(self) -> None:
        """Read the failures that other workers recorded."""
        self._tries.look(self._time.counted())

    def begin(self, commands: dict[str, list[AnyCommand]], waited: set[str]) -> set[str]:
        """Start a round: remove the suspended incidents and all but one of those that failed; return those.

        Outcomes are always recorded. Waiting incidents are first, then those that failed less often.
        """
        self.rounds += 1
        failed, later = self._tries.failed, set[str]()
        if failed:
            waiting = [name for name, given in commands.items() if name in failed and not given]
            again = [name for name in waiting if not failed[name].aside]
            again.sort(key=lambda name: (name not in waited, failed[name].times))
            later = {*(again if self._suspects_compute() else again[1:])}
            for name in waiting:
                if failed[name].aside or name in later:
                    del commands[name]
        self._turning = {*commands} - failed.keys()
        self._hold()
        return later

    def end(self) -> None:
        """End the turns of a round: only effects that compute are in progress from now on."""
        self._turning = set()
        self._failing = set()
        self._hold()

    def close(self) -> None:
        """Record that no work is in progress any more."""
        self._tries.begin((), self._time.counted)

    def is_stuck(self, hungry: Iterable[str]) -> bool:
        """Tell whether incidents wait for their turn although no running work would start it."""
        return not self._tries.failed.keys().isdisjoint(hungry) and not self._suspects_compute()

    def started(self, work: AnyWork) -> None:
        """Record the start of an effect. One with an intent in the journal needs no second record."""
        if isinstance(work, COMPUTED):
            self._computed[token(work)] = work.incident

    def landed(self, outcome: Outcome) -> None:
        """Record the end of an effect."""
        self._computed.pop(token(outcome.work), None)
        if outcome.slow:
            self._fail(outcome.work.incident, OVERRAN)

    def measured(self, name: str, prepare: Callable[[], Transaction]) -> Transaction:
        """Prepare a turn. Of an incident that failed before, only its own turn is recorded: a kill from outside rarely hits that."""
        began, suspect = self._time.passed(), name in self._tries.failed
        if suspect:
            self._hold(name)
        try:
            turn = prepare()
        finally:
            if suspect:
                self._hold()
        if self.is_slow(began):
            self._fail(name, OVERRAN)
        return turn

    def is_slow(self, began: timedelta) -> bool:
        """Tell whether work that started then takes longer than the limit."""
        return self._time.passed() - began > TURN

    def blame(self, name: str, error: Exception) -> None:
        """Count an error of the incident itself, not of the store, or of settings that cannot be read."""
        try:
            if isinstance(error, TocsinError):
                self._service.directory  # noqa: B018  # people and channels are read here
        except TocsinError:
            return
        if not isinstance(error, StoreError) or isinstance(error, StoreCorrupt):
            self._fail(name, error.code if isinstance(error, TocsinError) else type(error).__name__)

    def committed(self, turn: Transaction, outcomes: list[AnyCommand]) -> None:
        """Record a turn in the journal: it ends a row of failures, unless an effect is only about to be computed."""
        begun = any(isinstance(work, COMPUTED) for work in turn.work)
        if turn.incident.id not in self._failing and (outcomes or not begun):
            self._tries.passed(turn.incident.id)

    def rests(self, name: str) -> bool:
        """Tell whether no more work of an incident is started: it is suspended, or a person waits for another one."""
        failed = self._tries.failed.get(name)
        if failed is not None and failed.aside:
            return True
        if self._enough is None or name == self._own or self._time.passed() <= self._enough:
            return False
        self.left = True
        return True

    def _fail(self, name: str, why: str) -> None:
        """Count a failure, once in a round."""
        if name not in self._failing:
            self._failing.add(name)
            self._tries.fail(name, why, self._time.counted())

    def _suspects_compute(self) -> bool:
        return not self._tries.failed.keys().isdisjoint(self._computed.values())

    def _hold(self, *more: str) -> None:
        """Record the incidents whose work could end this process now."""
        self._tries.begin({*self._turning, *more, *self._computed.values()}, self._time.counted)


def append(
    service: IncidentService, turns: Sequence[Transaction], trouble: Callable[[str, Exception], object]
) -> Sequence[str | None]:
    """Commit turns together; if one of them cannot be written, each alone, and None for that one."""
    try:
        return service.append(service.principal, turns)
    except Exception as error:
        if isinstance(error, StoreError) and not isinstance(error, Sealed):
            raise
        if len(turns) > 1:
            return [head for turn in turns for head in append(service, [turn], trouble)]
        trouble(turns[0].incident.id, error)
        return [None]


RESERVE = 4
"""Threads that no single incident can fill."""
KEPT = 256
"""Incidents kept folded in memory between turns."""


GRACE = timedelta(seconds=30)
"""How long a clean stop waits for running effects."""
POLL = timedelta(seconds=1)
"""How often a store is asked for commits without a wake-up."""
LOST_LOOK = timedelta(seconds=5)
"""How often claims of other workers are checked: one of them may have stopped."""
PATIENCE = 5
"""How often ``drain`` tries again to record outcomes after the store failed."""
