"""On a shared store: what one worker hears of a provider reaches incidents that no worker has in hand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from runner.app.core.incident_service import IncidentService
from runner.app.core.transaction import make_transaction
from runner.incident.state import commands as c
from runner.incident.state.events import IncidentOpened, Recorded
from runner.incident.state.incident import Incident, Run
from runner.incident.state.messages import MessageComposed, PlannedDelivery
from runner.incident.state.work import AnyWork, Compose, Deliver, Replan
from runner.incident.turn.fold import begin
from runner.playbook.format import Bundle, Message, MessageTemplate, Playbook, Wait, WaitFor
from runner.routing.circuit_breaker import IN_A_ROW
from runner.routing.messaging import ChannelConfig, MessageClass, SendResult
from runner.workers.choice import attach
from runner.workers.postgres.worker import QueueWorker
from tests.patience import PATIENCE
from tests.servers.postgres import postgres_server, postgres_url
from tests.workers.postgres.test_queue import QUICK
from tests.workers.runs import born, keep, make_desk, until

__all__ = ["postgres_server", "postgres_url"]

pytestmark = pytest.mark.postgres
KIND = MessageClass(name="task-notice", on_unknown="failover")
PERSONS = tuple(f"p{n}" for n in range(IN_A_ROW))


def with_channels(desk: IncidentService) -> IncidentService:
    chat = ChannelConfig(
        adapter="webhook", domains=frozenset({"messenger"}), settings={"url": "http://127.0.0.1:9/"}
    )
    home = msgspec.structs.replace(desk.home, channels={"chat": chat})
    return IncidentService(desk.folder, home, desk.store, desk.clock, desk.chance, desk.principal)


@pytest.fixture
def desk(tmp_path: Path, postgres_url: str) -> Iterator[IncidentService]:
    made = with_channels(make_desk(tmp_path, postgres_url))
    attach(made)
    yield made
    made.store.close()


def perform(work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
    """A world in which one of two channels answers nothing."""
    match work:
        case Compose(step=step):
            plans = tuple(
                PlannedDelivery(
                    delivery=f"d-{person}", person=person, channels=("chat", "pager"), goal="accepted"
                )
                for person in PERSONS
            )
            return c.Composed(
                event=MessageComposed(
                    step=step, message="m", message_class=KIND, body="b", to=PERSONS, plans=plans
                )
            )
        case Deliver(delivery=delivery, n=n, channel="chat"):
            return c.AttemptDone(effect=delivery, n=n, result=SendResult(state="unknown", about="provider"))
        case Deliver(delivery=delivery, n=n):
            return c.AttemptDone(
                effect=delivery, n=n, result=SendResult(state="accepted", evidence="accepted")
            )
        case Replan():
            return c.Replanned(plans=(), reason="a domain fell", asked=incident.replan_asked)
        case _:
            raise AssertionError(work)


def open_message(desk: IncidentService, name: str) -> None:
    """Open an incident that tells everybody at once."""
    now = desk.clock.now()
    book = Playbook(
        schema="tocsin/playbook/v1",
        name="tell",
        version="1.0.0",
        title="Tell",
        messages={"alert": MessageTemplate(message_class="task-notice", text="it begins")},
        steps=(Message(id="tell", message="alert", to=("role:lead",)),),
    )
    digest = desk.store.put_blob(None, msgspec.json.encode(Bundle(playbook=book, digest="sha256:tell")))
    run = Run(id="run", playbook="tell", version="1.0.0", digest="sha256:tell", bundle=digest, at=now)
    event = IncidentOpened(incident=name, codename=name, title="Tell", kind="real")
    incident = begin(Recorded(1, now, event))
    library = desk.library(msgspec.structs.replace(incident, runs={"run": run}))
    commands = [c.AssignRole(role="lead", persons=PERSONS), c.PinPlaybook(run=run)]
    desk.append(
        desk.principal, [make_transaction(incident, commands, now, library, desk.principal, birth=event)]
    )


def test_a_failed_domain_is_reported_to_an_idle_incident(desk: IncidentService) -> None:
    wait = Wait(id="wait", wait=WaitFor(duration=timedelta(hours=2)))
    desk.append(desk.principal, [born(desk, keep(desk, (wait,)), "i-quiet")])
    own = with_channels(make_desk(desk.folder, desk.home.store))
    worker = QueueWorker(own, perform=perform, pace=QUICK)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        until(lambda: bool(desk.load("i-quiet").active))
        open_message(desk, "i-loud")

        def told(name: str) -> bool:
            domain = desk.load(name).domains.get("host:127.0.0.1:9")
            return domain is not None and domain.state == "down" and domain.automatic

        until(lambda: told("i-loud") and told("i-quiet"))
        until(lambda: {d.state for d in desk.load("i-loud").deliveries.values()} == {"satisfied"})
    finally:
        worker.stop()
        thread.join(PATIENCE)
        worker.close()
        own.store.close()
    assert not thread.is_alive()
