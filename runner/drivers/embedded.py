"""The embedded driver: one loop that writes, a pool that performs, and a poke from whoever else has written.

The loop is the only writer of its process. It takes what has come in (outcomes of effects, a poke, a timer), prepares
a turn for every incident concerned, and commits them together: group commit. Only then does the work of those turns go
to the pool, because an intent must be durable before its effect. An outcome that meets somebody else's commit is
decided anew on the newer incident; an intent that does is dropped, with its work.

Waiting is blocking on one queue: with outcomes and pokes there is nothing to poll; once a second the store is asked
whether a commit came from where no poke can.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec

from runner.drivers.poke import Bell
from runner.effects.perform import perform
from runner.engine.plan import Library
from runner.errors import TocsinError
from runner.model.commands import AnyCommand, AttemptDone, AttemptLost, EffectFailed, Replanned
from runner.model.incident import Incident
from runner.model.messaging import SendResult
from runner.model.work import AnyWork, Compose, Deliver, DoAct, Render, Replan, token
from runner.service.desk import Desk
from runner.service.ledger import Turn

POLL = timedelta(seconds=1)
"""How often a store is asked for foreign commits that rang no bell."""
GRACE = timedelta(seconds=30)
"""How long a clean stop waits for effects that have begun."""
KEPT = 256
"""Incidents kept folded in memory between turns."""

Performer = Callable[[AnyWork, Incident, str], AnyCommand]


class Outcome(msgspec.Struct, frozen=True):
    """What came back from the pool."""

    work: AnyWork
    command: AnyCommand


class Worker:
    """One process's worker. ``run`` goes on until ``stop``; ``drain`` goes on until nothing is left to do now."""

    def __init__(self, desk: Desk, *, threads: int = 8, perform: Performer | None = None) -> None:
        """Prove to the store that this worker lives, from now until ``close``."""
        self.desk = desk
        self.name = desk.chance.name("w")
        self._handle = desk.store.register_worker(self.name)
        self._perform = perform or self._with_tools
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="effect")
        self._inbox: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()
        self._known: dict[str, Incident] = {}
        self._doing: set[str] = set()
        self._stopping = threading.Event()
        self._token = ""
        self.troubles: dict[str, str] = {}
        """Incidents that could not be worked on, and why."""

    # --- the two ways to go on ----------------------------------------------------------------------------

    def run(self, bell: Bell) -> None:
        """Work until ``stop``; then take no more, wait for what has begun, and record it."""
        listener = threading.Thread(target=bell.listen, args=(self.wake,), daemon=True)
        listener.start()
        try:
            look = True
            while not self._stopping.is_set():
                self._round(look)
                look = self._wait()
            self._finish(self.desk.clock.now() + GRACE)
        finally:
            bell.close()

    def drain(self) -> None:
        """Do what can be done now, and return when only time, a person or another worker can bring more."""
        self._round(look=True)
        while self._doing:
            self._round(look=False, arrived=[self._inbox.get()])

    def stop(self) -> None:
        """End ``run`` cleanly; safe to call from a signal handler."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Have the loop look at the store."""
        self._inbox.put(None)

    def close(self) -> None:
        """Let the pool and the proof of life go."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._handle.release()

    # --- the loop -----------------------------------------------------------------------------------------

    def _wait(self) -> bool:
        """Block until something arrives or time makes something due; tell whether to look at the store."""
        pause = POLL
        due = self.desk.store.next_due()
        if due is not None:
            pause = min(pause, max(due - self.desk.clock.now(), timedelta(milliseconds=5)))
        try:
            first = self._inbox.get(timeout=pause.total_seconds())
        except queue.Empty:
            return (due is not None and due <= self.desk.clock.now()) or self._others_wrote()
        if first is None:
            return True
        self._round(look=False, arrived=[first])
        return False

    def _others_wrote(self) -> bool:
        token = self.desk.store.changed()
        changed, self._token = token != self._token, token
        return changed

    def _round(self, look: bool, arrived: Iterable[Outcome | None] = ()) -> None:
        """One group commit: everything that has arrived, and what is due if we look."""
        outcomes = [*arrived, *self._rest()]
        commands: dict[str, list[AnyCommand]] = {}
        for outcome in outcomes:
            if outcome is not None:
                self._doing.discard(token(outcome.work))
                commands.setdefault(outcome.work.incident, []).append(outcome.command)
        if look or None in outcomes:
            for name in self.desk.store.due(self.desk.clock.now()):
                commands.setdefault(name, [])
        while commands:
            commands = self._commit(commands)

    def _rest(self) -> list[Outcome | None]:
        found: list[Outcome | None] = []
        while True:
            try:
                found.append(self._inbox.get_nowait())
            except queue.Empty:
                return found

    def _commit(self, commands: dict[str, list[AnyCommand]]) -> dict[str, list[AnyCommand]]:
        """Commit a turn of each incident; return those that somebody else had changed, to be decided anew."""
        turns = [turn for name, given in commands.items() if (turn := self._tried(name, given)) is not None]
        writing = [turn for turn in turns if turn.append is not None]
        heads = iter(self.desk.append(writing))
        again: dict[str, list[AnyCommand]] = {}
        for turn in turns:
            head = next(heads) if turn.append is not None else "unchanged"
            if head:
                self._remember(turn.incident)
                self._start(turn, head)
            else:
                self._known.pop(turn.incident.id, None)
                again[turn.incident.id] = commands[turn.incident.id]
        return again

    def _tried(self, name: str, commands: list[AnyCommand]) -> Turn | None:
        """Prepare a turn; one incident that cannot be read must not hold up the others."""
        try:
            return self._turn(name, commands)
        except TocsinError as error:
            self._known.pop(name, None)
            self.troubles[name] = error.message
            return None

    def _turn(self, name: str, commands: list[AnyCommand]) -> Turn:
        known = self._known.get(name)
        if known is None:
            incident = self.desk.load(name)
        else:
            incident = known if commands else self.desk.refresh(known)
        lost = [*self._lost(incident)] if not commands else []
        worker = "" if self._stopping.is_set() else self.name
        return self.desk.turn(incident, [*commands, *lost], worker=worker)

    def _lost(self, incident: Incident) -> Iterable[AttemptLost]:
        """Name the claims whose worker is gone: their outcome is unknown from now on."""
        for claim in sorted(incident.sending):
            effect, _, n = claim.rpartition("|")
            holder = incident.deliveries.get(effect) or incident.invocations[effect]
            attempt = next(a for a in holder.attempts if a.n == int(n))
            if attempt.worker != self.name and not self.desk.store.worker_alive(attempt.worker):
                yield AttemptLost(effect=effect, n=attempt.n)

    def _remember(self, incident: Incident) -> None:
        self._known.pop(incident.id, None)
        self._known[incident.id] = incident
        while len(self._known) > KEPT:
            self._known.pop(next(iter(self._known)))

    def _start(self, turn: Turn, head: str) -> None:
        for work in turn.work:
            if (name := token(work)) not in self._doing:
                self._doing.add(name)
                self._pool.submit(self._do, work, turn.incident, head)

    def _do(self, work: AnyWork, incident: Incident, head: str) -> None:
        """Perform one piece of work in the pool; whatever goes wrong comes back as an outcome."""
        try:
            command = self._perform(work, incident, head)
        except TocsinError as error:
            command = failed(work, error.message)
        except Exception as error:  # noqa: BLE001  # the effect may have happened: that is all that is known
            command = failed(work, f"our fault ({type(error).__name__})")
        self._inbox.put(Outcome(work, command))

    def _with_tools(self, work: AnyWork, incident: Incident, head: str) -> AnyCommand:
        library: Library = self.desk.library(incident)
        return perform(work, incident, head, library, self.desk.tools(incident))

    def _finish(self, until: datetime) -> None:
        while self._doing and (left := until - self.desk.clock.now()) > timedelta():
            try:
                self._round(look=False, arrived=[self._inbox.get(timeout=left.total_seconds())])
            except queue.Empty:
                return


def failed(work: AnyWork, why: str) -> AnyCommand:
    """Return the command for work that broke: unknown where the world may have been touched."""
    match work:
        case Deliver(delivery=effect, n=n) | DoAct(step=effect, n=n):
            return AttemptDone(effect=effect, n=n, result=SendResult(state="unknown", reason=why))
        case Compose(step=step) | Render(step=step):
            return EffectFailed(step=step, why=why)
        case Replan():
            return Replanned(plans=(), reason=why)
