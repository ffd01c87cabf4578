"""Entries made for somebody are unconfirmed until that person says so; an approval among them counts from then on."""

from __future__ import annotations

from runner.base.actor import Principal
from runner.errors import Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.incident.turn.decide import decide
from runner.incident.turn.fold import fold
from runner.incident.turn.settle import number, settle
from tests.refusals import refused
from tests.scenario import World, approve, message, task

ROLES = {"counsel": "ann bob", "lead": "cid"}
ANN = Principal(person="ann", os_user="aroot")
BOB = Principal(person="bob")
CID = Principal(person="cid")
CID_FOR_ANN = Principal(person="cid", on_behalf_of="ann", via="phone")


def given(world: World, incident: Incident, *events: e.AnyEvent) -> Incident:
    """Fold events into an incident and let it come to rest."""
    return settle(
        fold(incident, number(incident, world.now, events), world.library), world.now, world.library
    )[0]


def decided(world: World, incident: Incident, command: c.AnyCommand, by: Principal) -> Incident:
    return given(world, incident, *decide(incident, command, by, world.now, world.library))


def written_for_ann(world: World) -> Incident:
    """Bob has approved; cid writes down that ann did as well."""
    world.done("t", by="eve")
    world.sign("s", "bob")
    before = world.incident
    step = world.id("s")
    events = decide(
        before,
        c.Decide(step=step, digest=world.at("t").digest, approved=True),
        CID_FOR_ANN,
        world.now,
        world.library,
    )
    acted = e.ActedOnBehalf(first=before.version + 1, person="ann", by="cid", via="phone", steps=(step,))
    return given(world, before, *events, acted)


def signing() -> World:
    return World(task("t"), approve("s", "t", "counsel", 2, after="t"), roles=ROLES)


def test_an_approval_written_down_counts_once_its_person_confirms_it() -> None:
    world = signing()
    incident = written_for_ann(world)
    (found,) = incident.unconfirmed.values()
    assert (found.person, found.by, found.last - found.first) == ("ann", "cid", 1)
    assert incident.invocations[world.id("s")].state == "ready"
    after = decided(world, incident, c.ConfirmEntry(seq=found.last), ANN)
    assert after.unconfirmed == {}
    signed = after.invocations[world.id("s")]
    assert (signed.state, signed.approvals[-1].os_user) == ("done", "aroot")


def test_confirming_another_entry_than_an_approval_changes_nothing_else() -> None:
    world = World(task("t"))
    first = world.incident.version + 1
    done = decide(world.incident, c.CompleteTask(step=world.id("t")), CID, world.now, world.library)
    acted = e.ActedOnBehalf(first=first, person="ann", by="cid", via="phone", steps=("main:t#1",))
    incident = given(world, world.incident, *done, acted)
    after = decided(world, incident, c.ConfirmEntry(seq=first), ANN)
    assert (after.unconfirmed, after.invocations) == ({}, incident.invocations)


def test_only_the_named_person_confirms_and_only_unconfirmed_entries() -> None:
    world = signing()
    incident = written_for_ann(world)
    (found,) = incident.unconfirmed.values()
    with refused("person", Refused):
        decided(world, incident, c.ConfirmEntry(seq=found.first), BOB)
    with refused("nothing_to_confirm", Refused):
        decided(world, incident, c.ConfirmEntry(seq=1), ANN)


def test_an_entry_marked_as_wrong_is_not_asked_again_and_never_counts() -> None:
    world = signing()
    incident = written_for_ann(world)
    (found,) = incident.unconfirmed.values()
    kept = decided(world, incident, c.CorrectEvent(seq=1, reason="a typing error"), ANN)
    assert kept.unconfirmed == incident.unconfirmed
    after = decided(world, kept, c.CorrectEvent(seq=found.first, reason="I said no"), ANN)
    assert after.unconfirmed == {}
    assert after.invocations[world.id("s")].state == "ready"


def test_a_decision_in_person_cannot_be_recorded_again_on_behalf() -> None:
    world = signing()
    world.done("t", by="eve")
    world.sign("s", "ann")
    command = c.Decide(step=world.id("s"), digest=world.at("t").digest, approved=True)
    with refused("already_decided", Refused) as found:
        decide(world.incident, command, CID_FOR_ANN, world.now, world.library)
    assert "ann" in found.value.message


def test_new_contacts_replan_only_open_deliveries() -> None:
    world = World(message("m"), roles=ROLES)
    assert decide(world.incident, c.AskReplan(person="cid"), CID, world.now, world.library) == ()
    world.perform(world.claim()[0])
    assert decide(world.incident, c.AskReplan(person="ann"), CID, world.now, world.library) == ()
    after = decided(world, world.incident, c.AskReplan(person="cid"), CID)
    assert (after.replan, after.replan_asked) == (True, after.version)
