"""Failing demonstrations from a review of the worker: outcomes that are lost, looks that never come."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import make_transaction
from runner.effects.perform import perform
from runner.errors import StoreLocked, TocsinError
from runner.incident.state import commands as c
from runner.incident.state.events import IncidentOpened, Recorded
from runner.incident.state.incident import Incident, Run
from runner.incident.state.messages import MessageComposed
from runner.incident.state.work import AnyWork, Compose, Deliver, DoAct
from runner.incident.turn.fold import begin
from runner.playbook.format import AnyStep, MessageTemplate, Playbook
from runner.routing.messaging import MessageClass, SendResult
from runner.store.port import Append, NewEvent
from runner.workers.embedded import Worker
from tests.crash.scenario import Boundaries, home, open_desk
from tests.patience import PATIENCE
from tests.scenario import act, bundle, call, change, message, playbook, task

ALERT = {"alert": MessageTemplate(message_class="status-update", text="it begins")}


OPEN: list[IncidentService] = []


def desk_at(folder: Path) -> IncidentService:
    OPEN.append(open_desk(folder, home(1, 1), Boundaries(0), "sqlite:tocsin.db"))
    return OPEN[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().store.close()


def open_incident(
    desk: IncidentService, name: str, *steps: AnyStep, includes: tuple[Playbook, ...] = (), facts: Any = None
) -> None:
    now = desk.clock.now()
    main = bundle(msgspec.structs.replace(playbook(*steps), messages=ALERT), *includes)
    stored = desk.store.put_blob(None, msgspec.json.encode(main))
    run = Run(id="main", playbook="main", version="1.0.0", digest=main.digest, bundle=stored, at=now)
    event = IncidentOpened(incident=name, codename=name, title="Test", kind="real", by="ana")
    born = begin(Recorded(1, now, event))
    library = desk.library(msgspec.structs.replace(born, runs={"main": run}))
    known = tuple(change(key, value) for key, value in (facts or {}).items())
    commands = (
        c.AssignRole(role="lead", persons=("ana",)),
        c.RecordFacts(changes=known),
        c.PinPlaybook(run=run),
    )
    desk.append(desk.principal, [make_transaction(born, commands, now, library, desk.principal, birth=event)])


def accepted(work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
    """A world in which everything works."""
    match work:
        case Deliver(delivery=effect, n=n) | DoAct(step=effect, n=n):
            return c.AttemptDone(effect=effect, n=n, result=SendResult(state="accepted"))
        case Compose(step=step):
            kind = MessageClass(name="alert")
            return c.Composed(
                event=MessageComposed(
                    step=step, message="m1", message_class=kind, body="b", to=("ana",), plans=()
                )
            )
        case _:
            raise AssertionError(work)


class Gate:
    """Holds effects back until it is opened, so that a test decides what happens meanwhile."""

    def __init__(self, count: int, then: Callable[[AnyWork, Incident, str], c.AnyCommand] = accepted) -> None:
        self.begun = threading.Semaphore(0)
        self.open = threading.Event()
        self.count = count
        self.then = then

    def __call__(self, work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
        self.begun.release()
        assert self.open.wait(PATIENCE)
        return self.then(work, incident, head)

    @contextmanager
    def held(self, worker: Worker) -> Iterator[None]:
        """Drain a worker; the body runs while its effects are on their way, and its end lets them land."""
        errors: list[BaseException] = []
        draining = threading.Thread(target=_drain, args=(worker, errors))
        draining.start()
        for _ in range(self.count):
            assert self.begun.acquire(timeout=PATIENCE)
        yield
        self.open.set()
        draining.join(PATIENCE)
        assert not draining.is_alive()
        assert not errors


def _drain(worker: Worker, errors: list[BaseException]) -> None:
    try:
        worker.drain()
    except TocsinError as error:
        errors.append(error)


class Silent:
    """A bell that nobody rings."""

    def listen(self, ring: Callable[[], None]) -> None: ...

    def close(self) -> None: ...


def running(worker: Worker, until: Callable[[], bool]) -> bool:
    """Let a worker go on until something is so, or for as long as the test has patience; tell whether it is so."""
    thread = threading.Thread(target=worker.run, args=(Silent(),))
    thread.start()
    try:
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.1)):
            if until():
                return True
            pause.wait(0.1)
        return False
    finally:
        worker.stop()
        thread.join(PATIENCE)


def test_an_outcome_is_recorded_although_the_store_could_not_be_read_for_a_moment(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    open_incident(desk, "i1", act("x"))
    store = desk.store

    class Moody:
        failures = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def read_payloads(self, *given: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise StoreLocked("somebody else is writing", hint="", code="locked")
            return store.read_payloads(*given)

    moody: Any = Moody()
    desk.repository.store, desk.write = moody, store.append
    gate = Gate(1)
    worker = Worker(desk, perform=gate)
    with gate.held(worker):
        desk_at(tmp_path).act(desk_at(tmp_path).principal, "i1", [c.AddNote(text="a conflict")])
        moody.failures = 1
    worker.drain()
    assert desk_at(tmp_path).load("i1").invocations["main:x#1"].attempts[0].state == "accepted"


def test_a_worker_notices_that_another_one_died_in_the_middle_of_an_action(tmp_path: Path) -> None:
    open_incident(desk_at(tmp_path), "i1", act("x"))
    gate = Gate(1)
    dying = Worker(desk_at(tmp_path), perform=gate)
    draining = threading.Thread(target=_drain, args=(dying, []))
    draining.start()
    assert gate.begun.acquire(timeout=PATIENCE)
    reading, living = desk_at(tmp_path), Worker(desk_at(tmp_path), perform=accepted)

    def noticed() -> bool:
        return not reading.load("i1").sending

    seen = threading.Timer(2.5, dying.close)  # by then the survivor has looked, and found that its peer lives
    seen.start()
    try:
        assert running(living, noticed)
    finally:
        gate.open.set()
        draining.join(PATIENCE)


def test_an_incident_with_an_event_of_a_later_version_does_not_hold_up_the_others(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    open_incident(desk, "i0", act("x"))
    open_incident(desk, "i1", act("x"))
    row = desk.store.row("i0")
    assert row is not None
    later = NewEvent(
        type="FromTheFuture",
        at=desk.clock.now(),
        actor=desk.principal.actor,
        payload=b'{"type":"FromTheFuture"}',
    )
    row = msgspec.structs.replace(row, version=row.version + 1)
    append = Append(incident="i0", expected_version=row.version - 1, events=[later], row=row)
    desk.store.append([append], recorded=desk.clock.now())
    worker = Worker(desk_at(tmp_path), perform=accepted)
    worker.drain()
    assert desk_at(tmp_path).load("i1").invocations["main:x#1"].state == "done"
    assert "i0" in worker.troubles


def test_an_incident_shredded_under_the_worker_does_not_hold_up_the_others(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    open_incident(desk, "i0", message("m"))
    open_incident(desk, "i1", act("x"))
    gate = Gate(2)
    worker = Worker(desk, perform=gate)
    with gate.held(worker):
        desk_at(tmp_path).store.shred("i0")
    assert desk_at(tmp_path).load("i1").invocations["main:x#1"].state == "done"


def test_queued_messages_are_not_sent_over_a_domain_compromised_meanwhile(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    open_incident(desk, "i1", message("m", to=("person:ana", "person:ben")))
    sent: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    class Sender:
        def send(self, channel: Any, dispatch: Any, secrets: Any) -> SendResult:
            sent.append(channel.id)
            begun.set()
            assert go_on.wait(PATIENCE)
            return SendResult(state="accepted", evidence="accepted")

    def performing(work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
        tools = msgspec.structs.replace(desk.tools(incident), sender=Sender())
        return perform(work, incident, head, desk.library(incident), tools)

    worker = Worker(desk, threads=1, perform=performing)
    draining = threading.Thread(target=worker.drain)
    draining.start()
    assert begun.wait(PATIENCE)
    other = desk_at(tmp_path)
    fallen = [
        c.DeclareDomain(domain=domain, state="compromised", since=other.clock.now())
        for domain in other.directory.channels["mail"].domains
    ]
    other.act(other.principal, "i1", fallen)
    go_on.set()
    draining.join(PATIENCE)
    assert sent.count("mail") == 1


SAID = "maria 0170 555"


@pytest.mark.parametrize(
    "command",
    [
        c.AssignStep(step="main:t#1", to="ben", reason=SAID),
        c.ResolveAttempt(effect="main:x#1", happened=True, reason=SAID),
        c.Pause(reason=SAID),
        c.Close(reason=SAID),
        c.CancelIncident(reason=SAID),
    ],
    ids=lambda one: type(one).__name__,
)
def test_reasons_written_by_a_person_are_encrypted(tmp_path: Path, command: c.AnyCommand) -> None:
    desk = desk_at(tmp_path)
    open_incident(desk, "i1", act("x"), task("t"))

    def unanswered(work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
        assert isinstance(work, DoAct)
        return c.AttemptDone(effect=work.step, n=work.n, result=SendResult(state="unknown"))

    Worker(desk, perform=unanswered).drain()
    desk.act(desk.principal, "i1", [command])
    assert SAID.encode() not in _kept(tmp_path)


def test_the_facts_that_a_called_playbook_is_given_are_sealed(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    inner = playbook(task("a"), name="inner")
    step = call("c", "inner", {"who": "incident.summary"})
    open_incident(desk, "i1", step, includes=(inner,), facts={"incident.summary": SAID})
    assert SAID.encode() not in _kept(tmp_path)


def _kept(folder: Path) -> bytes:
    with closing(sqlite3.connect(folder / "tocsin.db")) as connection:
        rows = connection.execute("SELECT payload FROM events").fetchall()
    return b"\n".join(payload for (payload,) in rows)
