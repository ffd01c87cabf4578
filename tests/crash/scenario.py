"""A whole incident worked by a script that can be killed anywhere and begun again.

A boundary is each moment just before and just after a commit, and just before and just after an effect. What is done by
whom is a story of ``tests.crash.calling``; the one told here is an incident that is simply worked. ``tests.crash.child``
runs them.
"""

from __future__ import annotations

import os
import signal
import struct
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from runner.app.core.identifiers import Clock, RandomIds, SystemClock
from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import make_transaction
from runner.base.actor import Principal
from runner.effects.perform import perform
from runner.incident.state import commands as c
from runner.incident.state.events import FactChange, IncidentOpened, Recorded
from runner.incident.state.incident import Incident, Run
from runner.incident.state.work import AnyWork
from runner.incident.turn.fold import begin
from runner.incident.turn.settle import next_wakeup
from runner.playbook.format import (
    Act,
    After,
    Approve,
    Ask,
    Bundle,
    HttpCall,
    Message,
    MessageTemplate,
    Playbook,
    Quorum,
    Retry,
    Role,
    Task,
)
from runner.routing.messaging import ChannelConfig, ContactPoint
from runner.routing.organisation import Acting, Home, Person
from runner.store.open_store import open_store
from runner.vault.master_key import create_master, open_vault
from runner.workers.embedded import Worker

INCIDENT = "i-crash"
_JUMPED = struct.Struct("d")
SIGNING = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def playbook(http: str) -> Playbook:
    """Return a playbook with a message over two channels, two calls, a question, an approval and a task."""
    call = HttpCall(url=f"{http}/isolate", idempotent=True)
    once = HttpCall(url=f"{http}/page", idempotent=False)
    return Playbook(
        schema="tocsin/playbook/v1",
        name="crash",
        version="1.0.0",
        title="Crash",
        roles={"commander": Role(title="Commander"), "counsel": Role(title="Counsel")},
        messages={
            "alert": MessageTemplate(message_class="status-update", text="{{ incident.codename }} begins"),
            "once": MessageTemplate(message_class="task-notice", text="{{ incident.codename }} again"),
        },
        steps=(
            Message(id="alert", message="alert", to=("role:commander", "role:counsel")),
            Act(id="isolate", act="isolate", http=call, retry=Retry(times=5, wait=timedelta(milliseconds=1))),
            Act(id="page", act="page", http=once, after=After(steps=("isolate",))),
            Ask(id="how_many", ask="How many?", sets="people.total", role="commander"),
            Approve(
                id="sign", approve="how_many", by=Quorum(roles=("counsel",)), after=After(steps=("how_many",))
            ),
            Message(id="tell", message="once", to=("role:counsel",), after=After(steps=("sign",))),
            Task(id="last", task="Write it down", role="commander", after=After(steps=("tell", "page"))),
        ),
    )


def home(smtp: int, http: int, host: str = "127.0.0.1") -> Home:
    """Return an organisation of two people, reached by mail and by a signed webhook."""
    mail = {"host": host, "port": smtp, "sender": "tocsin@example.org", "tls": "none"}
    return Home(
        schema="tocsin/home/v1",
        people={
            name: Person(
                name=name,
                contacts=(
                    ContactPoint(channel="mail", address=f"{name}@example.org"),
                    ContactPoint(channel="hook", address=name),
                ),
            )
            for name in ("ana", "ben")
        },
        roles={"commander": ("ana",), "counsel": ("ben",)},
        channels={
            "mail": ChannelConfig(adapter="smtp", priority=10, settings=mail),
            "hook": ChannelConfig(
                adapter="webhook",
                priority=20,
                settings={"url": f"http://{host}:{http}/hook"},
                secrets={"signing": "file:signing"},
            ),
        },
        act=Acting(hosts=frozenset({host})),
    )


class SharedClock:
    """The machine's clock plus what was jumped over, the same for all processes that share its file."""

    def __init__(self, file: Path) -> None:
        """Begin at the machine's time where the file is new."""
        self._file = os.open(file, os.O_RDWR | os.O_CREAT)
        if not os.fstat(self._file).st_size:
            os.pwrite(self._file, _JUMPED.pack(0.0), 0)

    def now(self) -> datetime:
        """Return the time as every process sees it."""
        (jumped,) = _JUMPED.unpack(os.pread(self._file, _JUMPED.size, 0))
        return SystemClock().now() + timedelta(seconds=jumped)

    def jump_to(self, instant: datetime) -> None:
        """Go forward to an instant; never back."""
        (jumped,) = _JUMPED.unpack(os.pread(self._file, _JUMPED.size, 0))
        ahead = max((instant - self.now()).total_seconds(), 0.0)
        os.pwrite(self._file, _JUMPED.pack(jumped + ahead), 0)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)


class Boundaries:
    """Counts the moments at which a kill could matter, and kills this process at one of them."""

    def __init__(self, kill_at: int) -> None:
        """Kill at the ``kill_at``-th boundary; 0 never kills."""
        self.passed = 0
        self._kill_at = kill_at

    def pass_one(self) -> None:
        """Pass one boundary, or die at it."""
        self.passed += 1
        if self.passed == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class MarkedStore:
    """A store with a boundary before and after every commit; everything else is the real store's."""

    def __init__(self, store: Any, boundaries: Boundaries) -> None:
        """Stand in front of a real store."""
        self._store = store
        self._boundaries = boundaries

    def __getattr__(self, name: str) -> Any:
        """Leave the rest to the real store."""
        return getattr(self._store, name)

    def append(self, batch: Sequence[Any], **rest: Any) -> Any:
        """Append between two boundaries."""
        self._boundaries.pass_one()
        done = self._store.append(batch, **rest)
        self._boundaries.pass_one()
        return done

    def change_marks(self, names: Sequence[str], change: Any, **rest: Any) -> Any:
        """Change what is known of the world between two boundaries; the clock is noted whenever there is time for it."""
        if any(name.startswith("clock/") for name in names):
            return self._store.change_marks(names, change, **rest)
        self._boundaries.pass_one()
        done = self._store.change_marks(names, change, **rest)
        self._boundaries.pass_one()
        return done


def open_desk(
    folder: Path, settings: Home, boundaries: Boundaries, url: str, clock: Clock | None = None
) -> IncidentService:
    """Return a desk whose commits are boundaries."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "master.key").exists():
        create_master("file:master.key", base=folder)
        (folder / "signing").write_text(SIGNING)
        (folder / "signing").chmod(0o600)
    store = open_store(url, open_vault("file:master.key", base=folder), base=folder, create=True)
    return IncidentService(
        folder, settings, MarkedStore(store, boundaries), clock or SystemClock(), RandomIds(), ANA
    )


def ensure_open(desk: IncidentService, book: Playbook, now: datetime, name: str = INCIDENT) -> None:
    """Open an incident unless it is there."""
    if desk.store.row(name) is not None:
        return
    bundle = Bundle(playbook=book, digest="sha256:crash")
    digest = desk.store.put_blob(None, msgspec.json.encode(bundle))
    run = Run(id="crash", playbook="crash", version="1.0.0", digest=bundle.digest, bundle=digest, at=now)
    event = IncidentOpened(incident=name, codename=name, title="Crash", kind="real", by="ana")
    born = begin(Recorded(1, now, event))
    library = desk.library(msgspec.structs.replace(born, runs={"crash": run}))
    roles = [c.AssignRole(role=r, persons=p) for r, p in desk.home.roles.items()]
    turn = make_transaction(born, [*roles, c.PinPlaybook(run=run)], now, library, desk.principal, birth=event)
    desk.append(desk.principal, [turn])


def work(
    desk: IncidentService,
    worker: Worker,
    clock: SharedClock,
    act: Callable[[IncidentService, Incident], bool],
) -> Incident:
    """Let people act, let the worker do its part, jump over waits, until everything is over."""
    while True:
        worker.drain()
        incident = desk.load(INCIDENT)
        due = next_wakeup(incident, clock.now(), desk.library(incident))
        if act(desk, incident):
            continue
        if incident.sending:
            threading.Event().wait(0.01)  # a server takes a moment to notice that the worker is gone
        elif due is None or over(incident):
            return incident
        else:
            clock.jump_to(due)


def over(incident: Incident) -> bool:
    """Tell whether every step and every delivery has ended."""
    return not incident.moving and all(i.over for i in incident.invocations.values())


ANA, BEN = (Principal(person=person, host="test", os_user="test") for person in ("ana", "ben"))


def next_command(incident: Incident) -> tuple[Principal, c.AnyCommand] | None:
    """Return what a person would do next, and who."""
    for invocation in incident.invocations.values():
        if invocation.over or invocation.state == "waiting":
            continue
        if invocation.kind == "ask":
            change = FactChange(key="people.total", value=msgspec.Raw(b"42"), source="count")
            return ANA, c.Answer(step=invocation.id, change=change)
        if invocation.kind == "approve":
            digest = incident.invocations["crash:how_many#1"].digest
            return BEN, c.Decide(step=invocation.id, digest=digest, approved=True)
        if invocation.kind == "task":
            return ANA, c.CompleteTask(step=invocation.id, comment="written")
        if invocation.state == "outcome_unknown":
            resolve = c.ResolveAttempt(effect=invocation.id, happened=True, reason="the pager shows it")
            return ANA, resolve
    return None


def performing(
    desk: IncidentService, boundaries: Boundaries
) -> Callable[[AnyWork, Incident, str], c.AnyCommand]:
    """Return the real performer between two boundaries."""

    def do(task: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
        boundaries.pass_one()
        done = perform(task, incident, head, desk.library(incident), desk.tools(incident))
        boundaries.pass_one()
        return done

    return do
