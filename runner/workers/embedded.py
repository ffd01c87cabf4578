"""Embedded driver: one loop that writes, a pool that performs effects, and wake-up signals from other writers.

The loop is the only writer of its process. It takes all arrivals (outcomes of effects, a wake-up, a timer), prepares
a turn for every incident concerned, and commits them together: group commit. Only then does the pool get the work of
those turns, because an intent must be durable before its effect. If an outcome meets another process's commit, it is
decided again on the newer incident; an intent that does is dropped, with its work.

The loop blocks on one queue. Once a second the store is asked for commits whose writer cannot send a wake-up.

The same loop serves a queue that names the incidents to work on (``serve`` and ``visit``): then it works on no other.

No incident delays another: one uses at most ``threads`` threads, and there are some more. Turns that got no thread
are prepared again in every round, with those of all others. ``fairness`` has the rest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from runner.actions import Action
from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import Transaction, row_of
from runner.app.core.trusted_clock import TrustedClock
from runner.errors import Sealed, StoreError, TocsinError
from runner.incident.state.commands import AnyCommand
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, token
from runner.workers.channel_health import ChannelHealth, may_send
from runner.workers.fairness import GRACE, KEPT, LOST_LOOK, PATIENCE, POLL, RESERVE, Fairness, append
from runner.workers.pending_visits import PendingVisits
from runner.workers.pool import Pool
from runner.workers.visit_results import (
    COMPUTED,
    PASSING,
    Arrival,
    Inbox,
    Outcome,
    Performer,
    Probed,
    Visit,
    VisitResult,
    answer,
    lease_lost,
    lost_claims,
    not_started,
    performed,
    probe_token,
    with_tools,
    words,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from runner.workers.wakeup import WakeupSocket


class Worker:
    """One process's worker.

    ``run`` works until ``stop``; ``drain`` until no work is left now; ``serve`` works on visited incidents.
    """

    def __init__(
        self, service: IncidentService, *, threads: int = 8, perform: Performer | None = None
    ) -> None:
        """Prove to the store that this worker is alive, from now until ``close``."""
        self.service = service
        self.name = service.chance.name("w")
        self._handle = service.store.register_worker(self.name)
        self._perform = perform or partial(with_tools, service)
        self.spread: Callable[[Sequence[str]], Iterable[str]] = list
        """Asks the workers that work on incidents to check them; returns the incidents of this worker."""
        self._threads = threads
        self._size = threads + min(RESERVE, threads - 1)
        self._pool = Pool(self._size)
        self._inbox = Inbox()
        self._known: dict[str, Incident] = {}
        self._doing: set[str] = set()
        self._starting: list[tuple[AnyWork, Incident, str]] = []
        self._kept: dict[str, list[AnyCommand]] = {}
        self._hungry: set[str] = set()
        self._draining = False
        self.time = TrustedClock.of(service)
        self.fairness = Fairness(service, self._handle, self.time)
        self._outside = ChannelHealth(service, self.time)
        self._looked = self.time.counted()
        self._visits = PendingVisits()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._token = ""
        self._scans = False
        self.troubles: dict[str, str] = {}
        """Incidents that could not be worked on, with the reason."""

    # --- ways to run ---------------------------------------------------------------------------------------

    def run(self, bell: WakeupSocket) -> None:
        """Work until ``stop``; then take no new work, wait for running work, and record it."""
        threading.Thread(target=bell.listen, args=(self.wake,), daemon=True).start()
        try:
            look = self._scans = True
            while not self._stopping.is_set():
                self._round(look)
                look = self._wait(looked=look)
            self._finish(self.time.counted() + GRACE)
        finally:
            bell.close()

    def drain(self, own: str = "") -> None:
        """Do all work that is possible now; return when only time, a person or another worker can add more.

        With ``own``, work on other incidents is limited in time: a person waits for this one.
        """
        self._draining = True
        self.fairness.wait_for(own)
        try:
            self._round(look=True)
            tries = 0
            while self._doing or self._kept or self._hungry:
                self._round(look=False, arrived=self._inbox.first() if self._doing else [])
                tries = tries + 1 if self._kept and not self._doing else 0
                if tries > PATIENCE:
                    raise StoreError(
                        "The outcomes could not be recorded.",
                        hint=Action("worker.run", args={"once": True}),
                        code="unrecorded",
                    )
            self._rested()
        finally:
            self._draining = False

    def serve(self) -> None:
        """Work on visited incidents until ``stop`` and the end of running work; then take no more visits.

        An error of the store ends it; callers that wait for a visit get the error, too.
        """
        ending: VisitResult | BaseException = VisitResult(work=True)
        try:
            while not self._stopping.is_set():
                self._round(
                    look=False,
                    arrived=self._inbox.first(POLL if self._kept else self._outside.patience()),
                )
                self._rested()
            self._finish(self.time.counted() + GRACE)
        except BaseException as error:
            ending = error
            raise
        finally:
            self._stopping.set()
            self._ended.set()
            for item in self._inbox.visits():
                self._visits.came(item)
            self._visits.end(ending)

    def renew(self) -> list[str]:
        """Make ``serve`` possible after its database was away, or raise StoreError; return the incidents whose last entries are gone.

        What was claimed and did not start is not started: others may have continued it.
        """
        self._handle.renew()
        store, known = self.service.store, self._known
        lost = [name for name in known if store.head(name).version < known[name].version]
        known.clear()
        while self._starting:
            self._inbox.put(not_started(self._starting.pop()[0]))
        self._stopping.clear()
        self._ended.clear()
        return lost

    def visit(self, incident: str) -> Future[VisitResult]:
        """Make ``serve`` check an incident; the future is done when nothing of it is in progress here any more."""
        from concurrent.futures import Future

        done: Future[VisitResult] = Future()
        if not self._stopping.is_set():
            self._inbox.put(Visit(incident, done))
            if not self._ended.is_set():
                return done
        answer(done, VisitResult(work=True))
        return done

    def glance(self, incident: str) -> None:
        """Make ``serve`` check an incident if a caller is waiting for it: another process has changed it."""
        self._inbox.put(Visit(incident))

    def stop(self) -> None:
        """End ``run`` or ``serve`` cleanly; safe to call from a signal handler."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Make ``run`` check the store."""
        self._inbox.put(None)

    def close(self) -> None:
        """Release the pool and the proof that the worker is alive."""
        self._pool.close()
        self.fairness.close()
        self._handle.release()

    # --- the loop -----------------------------------------------------------------------------------------

    def _wait(self, looked: bool) -> bool:
        """Block until an arrival or a due time; tell whether to check the store.

        Work that was due at the last check, and still is, waits for something other than time.
        """
        self._rested()
        now = self.time.counted()
        due = self.service.store.next_due(now if looked else None)
        due = min((at for at in (due, self._outside.next_look(now)) if at is not None), default=None)
        pause = POLL if due is None else min(POLL, max(due - now, timedelta(milliseconds=5)))
        arrived = self._inbox.first(pause)
        if not arrived:
            return self._time_to_look(due) or self._others_wrote()
        if arrived == [None]:
            return True
        self._round(look=False, arrived=arrived)
        return self._time_to_look(due)

    def _time_to_look(self, due: datetime | None) -> bool:
        """Tell whether work is due, or the claims of others were not checked for long, whatever arrives."""
        now = self.time.counted()
        return bool(self._kept) or (due is not None and due <= now) or now - self._looked >= LOST_LOOK

    def _others_wrote(self) -> bool:
        token = self.service.store.changed()
        changed, self._token = token != self._token, token
        return changed

    def _round(self, look: bool, arrived: Iterable[Arrival] = ()) -> None:
        """One group commit: all arrivals, and the due work if the store is checked."""
        looked: set[str] = set()
        arrivals = [*arrived, *self._inbox.rest()]
        look = sum(self._took(item, looked) for item in arrivals) > 0 or look
        self._outside.hear(arrivals)
        commands = {name: [*kept] for name, kept in self._kept.items()}
        if look:
            self._looked = self.time.counted()
            looked.update(self.service.store.due(self.time.now()))
        if looked:
            self.service.forget_directory()
        if look or looked:
            self._outside.refresh()
            self.fairness.look()
        looked.update(self.spread(self._outside.news()))
        for name in sorted(looked | self._hungry):
            commands.setdefault(name, [])
        touched = [*commands, *self.troubles]
        self._hungry = self.fairness.begin(commands, self._hungry)
        self._kept = {}  # not before: until here the store can fail
        self._record(commands, looked)
        self.fairness.end()
        self.time.keep()
        self._launch()
        if self.fairness.is_stuck(self._hungry):
            self.wake()
        self._probe()
        self._leave(touched)

    def _took(self, one: Arrival, looked: set[str]) -> bool:
        """Sort the arrivals; tell whether they require a check of the store."""
        match one:
            case Outcome():
                self._landed(one)
                if isinstance(one.command, StoreError):
                    self._in_trouble(one.work.incident, one.command)
                else:
                    self._kept.setdefault(one.work.incident, []).append(one.command)
            case Probed():
                self._doing.discard(probe_token(one.probe))
            case Visit():
                looked.update([one.incident] if self._visits.came(one) else ())
            case None:
                return self._scans
        return False

    def _probe(self) -> None:
        """Start the probes that are due in the pool."""
        for probe in () if self._stopping.is_set() else self._outside.probes():
            self._doing.add(probe_token(probe))
            self._pool.submit([partial(self._outside.look_at, probe, self._inbox)])

    def _landed(self, outcome: Outcome) -> None:
        self._doing.discard(token(outcome.work))
        self.fairness.landed(outcome)
        self._visits.landed(outcome.work.incident)

    def _record(self, commands: dict[str, list[AnyCommand]], looked: set[str]) -> None:
        """Commit until no other process was faster. If the store fails, the commands are kept, and nothing is claimed without them."""
        try:
            while commands:
                commands = self._commit(commands, looked)
        except StoreError as error:
            if self._draining and not any(commands.values()):  # nothing to keep, and a caller waits
                raise
            for name, given in commands.items():
                self._in_trouble(name, error)
                self._kept.update({name: given} if given else {})
            if not isinstance(error, PASSING):
                raise

    def _commit(self, commands: dict[str, list[AnyCommand]], looked: set[str]) -> dict[str, list[AnyCommand]]:
        """Commit a turn of each incident; return those that another process had changed, to be decided again."""
        turns = self._turns(commands, looked)
        writing = [turn for turn in turns if turn.append is not None]
        if writing and not self._handle.held():
            raise lease_lost()
        heads = iter(append(self.service, writing, self._in_trouble))
        again: dict[str, list[AnyCommand]] = {}
        for turn in turns:
            head = next(heads) if turn.append is not None else "unchanged"
            if head:
                self._remember(turn.incident)
                self._start(turn, head)
                self.fairness.committed(turn, commands[turn.incident.id])
                continue
            self._known.pop(turn.incident.id, None)
            if head is not None:
                again[turn.incident.id] = commands[turn.incident.id]
        return again

    def _turns(self, commands: Mapping[str, list[AnyCommand]], looked: set[str]) -> Sequence[Transaction]:
        """Prepare a turn of each incident that can be worked on."""

        def prepared() -> list[Transaction]:
            tried = (self._tried(name, given, name in looked) for name, given in commands.items())
            return [turn for turn in tried if turn is not None]

        if not may_send(self._known, commands):
            return prepared()
        return self._outside.turns(prepared)

    def _tried(self, name: str, commands: list[AnyCommand], looking: bool) -> Transaction | None:
        """Prepare a turn; an incident that cannot be worked on must not delay the others.

        No outcome is lost: outcomes that the store cannot store now are kept, and a refused one removes no other.
        """
        try:
            turn = self.fairness.measured(name, partial(self._turn, name, commands, looking))
        except StoreError as error:
            if commands and not isinstance(error, Sealed):
                self._kept[name] = commands
            return self._in_trouble(name, error)
        except TocsinError as error:
            if len(commands) > 1:
                for command in commands[1:]:
                    self._kept.setdefault(name, []).append(command)
                return self._tried(name, commands[:1], looking)
            return self._in_trouble(name, error)
        except Exception as error:  # noqa: BLE001  # a bug of ours in one incident is not the end of the others
            return self._in_trouble(name, error)
        self._visits.turned(name, turn)
        self.troubles.pop(name, None)
        return turn

    def _in_trouble(self, name: str, error: Exception) -> Transaction | None:
        """Record why an incident has no turn now."""
        self._known.pop(name, None)
        self.troubles[name] = words(error)
        self.fairness.blame(name, error)
        return None

    def _turn(self, name: str, commands: list[AnyCommand], looking: bool) -> Transaction:
        known = self._known.get(name)
        if known is not None and not looking:
            incident = known
        else:
            incident = self.service.load(name) if known is None else self.service.repository.refresh(known)
        lost = [*lost_claims(incident, self._held)] if looking else []
        worker = "" if self._stopping.is_set() or self.fairness.rests(name) else self.name
        told = [*commands, *lost, *self._outside.reports(incident)]
        rooms, now = self._outside.rooms_of(incident), self.time.now()
        turn = self.service.prepare(
            incident, told, worker=worker, room=self._room(name), rooms=rooms, now=now
        )
        self._outside.took(turn)
        if turn.more:
            self._hungry.add(name)
        return turn

    def _room(self, name: str) -> int:
        """How many effects may be claimed now: an effect that would wait in the pool is not claimed."""
        free = self._size - len(self._doing) - len(self._starting)
        return max(min(free, self._threads - self._visits.flying(name)), 0)

    def _held(self, worker: str, effect: str) -> bool:
        """Tell whether a claimed effect is in progress: here, or in a worker that is alive."""
        return effect in self._doing if worker == self.name else self.service.store.worker_alive(worker)

    def _rested(self) -> None:
        """Store snapshots of incidents with many new events while nothing is in progress."""
        if not self._doing:
            for incident in self._known.values():
                self.service.repository.keep_snapshot(incident)

    def _remember(self, incident: Incident) -> None:
        self._known.pop(incident.id, None)
        self._known[incident.id] = incident
        while len(self._known) > KEPT:
            self._known.pop(next(iter(self._known)))

    def _leave(self, touched: Iterable[str]) -> None:
        """Answer the callers of visits to an incident of which nothing is in progress or waits for quota."""
        for name in touched:
            if name not in self._hungry:
                self._visits.leave(name, self._left)

    def _left(self, turn: Transaction | None) -> VisitResult:
        """Return the state of an incident after a turn; one that could not be worked on has none."""
        if turn is None or turn.incident.id in self.troubles:
            return VisitResult()
        if turn.append is not None:
            row = turn.append.row
        else:
            now, library = self.time.now(), self.service.library(turn.incident)
            row = row_of(turn.incident, now, library, rooms=self._outside.rooms_of(turn.incident))
        return VisitResult(row.next_due, self._stopping.is_set() and row.has_work)

    def _start(self, turn: Transaction, head: str) -> None:
        for work in turn.work:
            if (name := token(work)) not in self._doing:
                self._doing.add(name)
                self._visits.began(work.incident)
                self.fairness.started(work)
                anchor = f"{turn.incident.version}:sha256:{head}" if turn.append is not None else ""
                self._starting.append((work, turn.incident, anchor))

    def _launch(self) -> None:
        """Give durable work to the pool; a drain with a single task does it itself."""
        starting, self._starting = self._starting, []
        if self._draining and len(starting) == 1 and len(self._doing) == 1:
            self._do(*starting[0])
            return
        self._pool.submit(partial(self._do, *work) for work in starting)

    def _do(self, work: AnyWork, incident: Incident, head: str) -> None:
        """Perform one piece of work; any failure is returned as an outcome.

        It uses the newest incident that this worker knows: a domain may be compromised since the claim.
        """
        began, known = self.time.passed(), self._known.get(incident.id, incident)
        incident = max(incident, known, key=lambda one: one.version)
        command = performed(self._perform, work, incident, head)
        slow = isinstance(work, COMPUTED) and self.fairness.is_slow(began)
        self._inbox.put(Outcome(work, command, slow))

    def _finish(self, until: datetime) -> None:
        while self._doing and (left := until - self.time.counted()) > timedelta():
            self._round(look=False, arrived=self._inbox.first(left))
