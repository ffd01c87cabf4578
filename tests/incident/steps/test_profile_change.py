"""Changing the profile of an open incident: vanishing steps are cancelled, others continue, returning steps open again."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from runner.base.states import Profile
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.steps.migrate import decide_migration
from runner.playbook import format as p
from runner.playbook.checks.step_map import Map
from tests.playbook.test_profiles import bodies
from tests.refusals import refused
from tests.scenario import World, act, ask, bundle, call, group, playbook, task

STEPS = (
    task("find"),
    task("list", after="find", profile="large"),
    task("isolate", after="list"),
    group("evidence", task("copy"), task("seal", after="copy"), after="find", profile="large"),
    task("close", after="isolate evidence"),
)


def change(
    world: World, profile: Profile, *steps: p.AnyStep, includes: tuple[p.Playbook, ...] = ()
) -> e.PlaybookMigrated:
    """Change the profile of the run; refusals come through."""
    pinned = bundle(playbook(*steps), *includes)
    run = world.pin(pinned, profile=profile)
    event = decide_migration(world.incident, run, pinned, world.library, "two people are here")
    world.give(c.MigratePlaybook(event=event), by="ann")
    return event


def state(world: World, step: str) -> str:
    found = world.incident.invocations[f"main:{step}"]
    return found.state


def test_small_cancels_started_work_that_it_does_not_have_and_large_opens_it_again() -> None:
    world = World(*STEPS)
    world.done("find")
    assert (state(world, "list#1"), state(world, "evidence.copy#1")) == ("ready", "ready")
    world.give(c.StartTask(step="main:list#1"), by="ann")

    event = change(world, "small", *STEPS)
    assert event.run.profile == world.incident.profile == "small"
    assert {state(world, name) for name in ("list#1", "evidence#1", "evidence.copy#1")} == {"cancelled"}
    assert world.incident.invocations["main:list#1"].reason == "two people are here"
    assert world.incident.invocations["main:evidence.copy#1"].reason == "two people are here"
    assert state(world, "isolate#1") == "ready"
    assert state(world, "close#1") == "waiting"
    world.done("isolate")
    assert state(world, "close#1") == "ready"

    event = change(world, "large", *STEPS)
    assert set(event.added) == {"main:list#2", "main:evidence#2"}
    assert state(world, "list#2") == "ready"
    assert state(world, "isolate#1") == "done"
    assert state(world, "evidence.copy#2") == "ready"

    event = change(world, "small", *STEPS)
    assert state(world, "list#2") == "cancelled"


def test_a_step_that_a_person_cancelled_stays_cancelled() -> None:
    world = World(*STEPS)
    world.done("find")
    world.give(c.CancelStep(step="main:list#1", reason="the list exists"), by="ann")
    change(world, "small", *STEPS)
    event = change(world, "large", *STEPS)
    assert event.added == ("main:evidence#2",)


def test_work_that_was_done_stays_done() -> None:
    world = World(*STEPS)
    world.done("find")
    world.done("list")
    change(world, "small", *STEPS)
    event = change(world, "large", *STEPS)
    assert state(world, "list#1") == "done"
    assert event.added == ("main:evidence#2",)


def test_the_steps_of_a_called_playbook_follow_and_a_removed_call_cancels_them() -> None:
    inner = playbook(task("x"), task("y", profile="large"), name="inner")
    steps = (call("always", "inner"), call("often", "inner", profile="large"))
    world = World(*steps, includes=(inner,))
    change(world, "small", *steps, includes=(inner,))
    assert state(world, "always.x#1") == "ready"
    assert {state(world, name) for name in ("always.y#1", "often#1", "often.x#1")} == {"cancelled"}
    change(world, "large", *steps, includes=(inner,))
    assert {state(world, name) for name in ("always.y#2", "often.x#2")} == {"ready"}


def test_an_attempt_in_progress_prevents_the_change() -> None:
    steps = (act("call", profile="large"), task("other"))
    world = World(*steps)
    world.claim()
    with refused("attempt_sending"):
        change(world, "small", *steps)


def test_the_same_profile_is_refused() -> None:
    world = World(*STEPS)
    with refused("not_newer"):
        change(world, "large", *STEPS)


@given(bodies(("all",)), st.lists(st.integers(0, 6), max_size=4), st.lists(st.integers(0, 6), max_size=4))
def test_changes_back_and_forth_leave_every_step_of_the_profile_either_ended_or_open(
    steps: tuple[p.AnyStep, ...], first: list[int], second: list[int]
) -> None:
    world = World(*steps, task("last"))
    steps = (*steps, task("last"))

    def work(numbers: list[int]) -> None:
        for number in numbers:
            ready = sorted(
                one.id
                for one in world.incident.invocations.values()
                if one.kind == "task" and one.state == "ready"
            )
            if ready:
                world.give(c.CompleteTask(step=ready[number % len(ready)]), by="ann")

    changes: list[tuple[Profile, list[int]]] = [("small", first), ("large", second), ("small", first)]
    for profile, numbers in changes:
        work(numbers)
        change(world, profile, *steps)
        there = {place.step.id for place in Map(playbook(*steps), profile=profile).places}
        newest = {one.step: one for one in world.incident.invocations.values()}
        for name, one in newest.items():
            if name not in there:
                assert one.over
        for place in Map(playbook(*steps), profile=profile).places:
            found = newest.get(place.step.id)
            if found is not None and found.state == "waiting" and place.parent is None:
                assert any(not newest[before].over for before in place.step.after.steps)
    while any(one.kind == "task" and one.state == "ready" for one in world.incident.invocations.values()):
        work([0])
    assert all(one.over for one in world.incident.invocations.values())


def test_a_playbook_assumes_facts_at_its_start_and_never_over_a_recorded_one() -> None:
    assumed = {"incident.vector": "ransomware", "incident": {"malicious": True}, "data.encrypted": False}
    inner = msgspec.structs.replace(playbook(task("x"), name="inner"), facts=assumed)
    world = World(
        task("a"),
        call("run", "inner", after="a"),
        ask("why", "incident.vector", after="run", skip_if_known=True),
        includes=(inner,),
        facts={"data.encrypted": True},
    )
    assert "incident.vector" not in world.incident.facts
    world.done("a")
    fact = world.incident.facts["incident.vector"]
    assert (fact.value, fact.source, fact.confidence) == ("ransomware", "playbook inner", "assumed")
    assert world.incident.facts["incident.malicious"].value is True
    assert world.incident.facts["data.encrypted"].value is True
    world.done("run.x")
    assert world.state("why") == "done"
