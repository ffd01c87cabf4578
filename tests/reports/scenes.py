"""Incidents as real runs of the engine leave them, for the views to show; and comparing a page with its golden file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from runner.base.actor import Actor
from runner.base.states import Refusal
from runner.incident.law.duties import duty_statuses
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.messages import MessageComposed
from runner.playbook import format as p
from runner.reports.core.action_text import encoded, typed
from runner.reports.core.page import Page, plain
from runner.reports.incidents.status import Status, status
from runner.reports.law.next_act import with_next
from runner.routing.messaging import MessageClass
from runner.store.port import StoredEvent
from tests import scenario as s
from tests.golden_files import FOLDER, same

GOLDEN = FOLDER / "views"
DUTY = f"{s.GDPR}/initial"
URGENT = MessageClass(
    name="urgent-confidential", goal="acked", ack_quorum="all", fail_over_after=timedelta(minutes=5)
)
CAREFUL = MessageClass(name="regulator-contact", on_unknown="ask", duplicate_tolerance="harmful")
FACTS = {
    "incident.summary": "A laptop was taken from a train",
    "incident.discovered_at": "2026-11-24T08:30:00Z",
    "incident.impact": ["confidentiality"],
    "organisation.role": ["controller"],
    "organisation.country": "DE",
    "data.involved": True,
}


def compare(name: str, page: Page, width: int = 80) -> None:
    """Compare a whole page with its golden file."""
    text = plain(typed(page), width)
    assert max(len(line) for line in text.splitlines()) <= width
    same(GOLDEN / f"{name}.txt", text)


def lost_device() -> tuple[p.AnyStep, ...]:
    """Return the steps of a playbook with a bit of everything."""
    return (
        s.task(
            "wipe",
            task="Send the remote wipe",
            role="lead",
            due=p.Due(offset=s.HOUR),
            checklist=("Find the serial number", "Send the wipe", "Note the answer"),
            instructions="Use the second console.\nThe first one belongs to the tenant.",
            phase="containment",
            csf=("RS.MI-01",),
        ),
        s.ask(
            "encrypted",
            "data.encrypted",
            title="Was the disk encrypted?",
            role="lead",
            due=p.Due(offset=2 * s.HOUR),
        ),
        s.message("tell", title="Tell the responders"),
        s.duties("duties", title="Assess the duties", after="encrypted"),
        s.group(
            "notices",
            s.notice("notice", duty="item", title="Write the notice"),
            s.approve("sign", "notice", "counsel lead", 2, title="Approve the notice", after="notice"),
            s.file("file", "notice", duty="item", role="counsel", title="File the notice", after="sign"),
            title="For every duty",
            for_each="duties('applies')",
            after="duties",
        ),
    )


def opened(**more: object) -> s.World:
    """Return an incident that has just been opened, nothing performed yet."""
    roles = {"lead": "ann bob", "counsel": "eve"}
    return s.World(*lost_device(), **{"roles": roles, "regimes": s.law(s.GDPR), "facts": FACTS, **more})


def signing(**more: object) -> s.World:
    """Return an incident whose notice waits for two approvals, an hour and a half after its opening."""
    world = opened(**more)
    world.work()
    world.advance(timedelta(minutes=40))
    wipe = world.id("wipe")
    world.give(*(c.CheckRow(step=wipe, row=row) for row in range(3)), by="bob")
    world.done("wipe")
    world.fact("risk.to_people", "risk")
    world.answer("encrypted", False)
    world.work()
    world.advance(timedelta(minutes=50))
    return world


def sign(world: s.World, by: str) -> None:
    """Approve the first lane's notice."""
    bound = world.at(f"notices[{DUTY}].notice").digest
    world.sign(f"notices[{DUTY}].sign", by, digest=bound)


def trouble() -> s.World:
    """Return an incident in which much has gone wrong."""
    world = s.World(
        s.act("isolate", title="Isolate the laptop"),
        s.act("block", title="Block the account"),
        s.message("tell", title="Tell the responders"),
        s.task("call", task="Telephone the carrier", role="desk", due=p.Due(offset=s.HOUR)),
        s.notice("notice", title="Write the notice"),
        s.approve("sign", "notice", "lead", title="Approve the notice", after="notice"),
        s.task("crypto", task="Ask for the key", role="lead", when="data.encrypted"),
        s.task("review", task="Review the logs", assignee="bob", after="call"),
        s.task("order", task="Order a new laptop", role="lead", due=p.Due(offset=s.HOUR * 9)),
        roles={"lead": "ann bob"},
        message_class=URGENT,
    )
    world.outcomes["isolate"] = [s.UNKNOWN]
    world.outcomes["block"] = [s.REJECTED]
    world.outcomes["mail"] = [s.ACCEPTED, s.UNKNOWN]
    world.outcomes["sms"] = [s.REJECTED] * 2
    world.work()
    world.give(
        c.DeclareDomain(domain="m365-tenant", state="compromised", since=world.now, assumed=True), by="ann"
    )
    world.sign("sign", "ann", approved=False)
    world.give(c.ReportCall(delivery=world.delivery("ann").id, reached=True), by="bob")
    for _ in range(12):
        world.advance(timedelta(minutes=10))
        world.work()
    return world


def refused(world: s.World) -> None:
    """Send bob a message whose first channel the plan refuses."""
    step = world.at("tell").id
    plan = e.PlannedDelivery(
        delivery="d9",
        person="bob",
        channels=("pager",),
        goal="accepted",
        refusals=(Refusal(channel="mail", rule="R1", why="depends on m365-tenant, which is compromised"),),
    )
    world.give(
        c.Composed(
            event=MessageComposed(
                step=step, message="m9", message_class=CAREFUL, body="b9", to=("bob",), plans=(plan,)
            )
        )
    )
    world.outcomes["pager"] = [s.UNKNOWN]
    world.work()


def shown(world: s.World, me: str = "") -> Status:
    """Return the status as of the world's now."""
    duties = duty_statuses(world.incident, world.now, world.library)
    duties = with_next(world.incident, world.library, duties, world.now)
    return status(world.incident, world.library, duties, world.now, me)


def stored(
    world: s.World, actors: dict[int, Actor] | None = None, at: dict[int, datetime] | None = None
) -> Sequence[StoredEvent]:
    """Return the world's journal as a store keeps it; ``actors`` by event, the program itself elsewhere."""
    return [
        StoredEvent(
            incident="i1",
            seq=one.seq,
            type=type(one.event).__name__,
            stream=one.event.stream,
            at=(at or {}).get(one.seq, one.at),
            exercise_at=None,
            recorded=one.at,
            clock_offset_ms=None,
            actor=(actors or {}).get(one.seq, Actor(claimed="tocsin")),
            payload=e.encode(one.event),
            personal=one.event.personal,
            hash="0" * 64,
        )
        for one in world.journal
    ]


def document(report: object) -> dict[str, Any]:
    """Return a report as a program that reads its JSON gets it."""
    found: dict[str, Any] = msgspec.json.decode(encoded(report))
    return found
