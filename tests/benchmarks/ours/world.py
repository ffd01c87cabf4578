"""A desk on a fresh store, and playbooks of no-op actions, for the measured workloads."""

from __future__ import annotations

import gc
from datetime import timedelta
from pathlib import Path

import msgspec

from runner.app.core.identifiers import RandomIds, SystemClock
from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import Transaction, make_transaction
from runner.base.actor import Principal
from runner.incident.state.commands import AnyCommand, AttemptDone, PinPlaybook
from runner.incident.state.events import IncidentOpened, Recorded
from runner.incident.state.incident import Incident, Run
from runner.incident.state.work import AnyWork, DoAct
from runner.incident.turn.fold import begin
from runner.playbook.format import Act, After, Bundle, Playbook
from runner.playbook.plan import compile_plan
from runner.routing.messaging import SendResult
from runner.routing.organisation import Home
from runner.store.open_store import open_store
from runner.vault.master_key import create_master, open_vault

ACTOR = Principal(person="bench", host="bench", os_user="bench")


def make_desk(folder: Path, url: str = "sqlite:bench.db") -> IncidentService:
    """Return a desk whose store has full durability, in a process that collects as seldom as the program does: as shipped."""
    gc.set_threshold(100_000)
    if not (folder / "master.key").exists():
        create_master("file:master.key", base=folder)
    vault = open_vault("file:master.key", base=folder)
    store = open_store(url, vault, base=folder, create=True)
    return IncidentService(folder, Home(schema="tocsin/home/v1"), store, SystemClock(), RandomIds(), ACTOR)


def in_a_row(steps: int) -> Bundle:
    """Return a playbook of ``steps`` no-op actions, each after the one before."""
    acts = tuple(
        Act(
            id=f"s{n}",
            act="nothing",
            command=("true",),
            timeout=timedelta(seconds=10),
            after=After(steps=(f"s{n - 1}",)) if n else After(),
        )
        for n in range(steps)
    )
    playbook = Playbook(schema="tocsin/playbook/v1", name="bench", version="1.0.0", title="Bench", steps=acts)
    return Bundle(playbook=playbook, digest=f"sha256:bench-{steps}")


def opened(desk: IncidentService, bundle: Bundle, digest: str, number: int) -> Transaction:
    """Return the turn by which one incident is born with its run; nothing is claimed yet."""
    now = desk.clock.now()
    event = IncidentOpened(incident=f"i-{number}", codename=f"bench-{number}", title="Bench", kind="real")
    run = Run(id="bench", playbook="bench", version="1.0.0", digest=bundle.digest, bundle=digest, at=now)
    born = begin(Recorded(1, now, event))
    library = desk.library(msgspec.structs.replace(born, runs={"bench": run}))
    return make_transaction(born, [PinPlaybook(run=run)], now, library, ACTOR, birth=event)


def keep(desk: IncidentService, bundle: Bundle) -> str:
    """Keep a bundle in the store and return its digest."""
    compile_plan(bundle)
    return desk.store.put_blob(None, msgspec.json.encode(bundle))


def nothing(work: AnyWork, incident: Incident, head: str) -> AnyCommand:
    """Perform a no-op effect: it is accepted at once."""
    assert isinstance(work, DoAct)
    return AttemptDone(effect=work.step, n=work.n, result=SendResult(state="accepted"))
