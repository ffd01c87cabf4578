"""Moving a run to a newer playbook: a plan first, one event, and never a change to what has ended or to a clock."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Incident
from runner.incident.steps.migrate import MigrationPlan, decide_migration, plan_migration
from runner.law.duty import DutyRecord
from runner.playbook import format as p
from tests.refusals import refused
from tests.scenario import (
    GDPR,
    HOUR,
    World,
    act,
    after_any,
    approve,
    ask,
    bundle,
    call,
    duties,
    file,
    group,
    law,
    notice,
    playbook,
    repeat,
    task,
    wait,
)

ROLES = {"lead": "ann bob", "counsel": "cid"}


def planned(
    world: World, *steps: p.AnyStep, version: str = "2.0.0", includes: tuple[p.Playbook, ...] = ()
) -> MigrationPlan:
    new = bundle(playbook(*steps, version=version), *includes)
    return plan_migration(world.incident, "main", new, world.library)


def codes(plan: MigrationPlan) -> list[tuple[str, str]]:
    return [(refusal.code, refusal.step) for refusal in plan.refusals]


def test_a_plan_lists_kept_added_removed_and_changed_steps() -> None:
    world = World(task("a"), task("b"), task("w", after="b"), task("v", after="b"), task("u", after="b"))
    world.done("a")
    plan = planned(
        world,
        task("a", title="new words"),
        task("b"),
        task("w", after="b", title="new"),
        task("n"),
        task("u", after="b"),
    )
    assert plan.kept == ("main:b#1", "main:u#1")
    assert plan.added == ("main:n#1",)
    assert plan.removed == ("main:v#1",)
    assert plan.changed == ("main:w#1",)
    assert plan.changed_after_done == ("main:a#1",)
    assert (plan.old, plan.new, plan.refusals) == ("1.0.0", "2.0.0", ())


def test_a_migration_does_exactly_its_plan() -> None:
    world = World(task("a"), task("b"), task("w", after="b"), task("v", after="b"))
    world.done("a")
    done = world.at("a")
    event = world.migrate(task("a"), task("b"), task("n"), task("w", after="b n"), version="1.1.0")
    assert world.incident.runs["main"].version == "1.1.0"
    assert world.at("a") == done
    assert (event.added, event.removed) == (("main:n#1",), ("main:v#1",))
    assert world.states("b", "n", "w", "v") == ["ready", "ready", "waiting", "cancelled"]
    assert world.replayed() == world.incident


def test_a_waiting_step_takes_its_new_definition() -> None:
    world = World(
        task("a"), ask("q", "data.encrypted", after="a"), approve("s", "a", "lead", after="q"), roles=ROLES
    )
    world.migrate(
        task("a"), task("b"), ask("q", "people.total", after="b"), approve("s", "b", "counsel", after="b q")
    )
    assert world.at("q").sets == "people.total"
    assert world.at("s").subject == "b"
    world.done("b")
    world.answer("q", 3)
    world.sign("s", "cid")
    assert world.state("s") == "done"
    assert world.state("a") == "ready"


def test_a_waiting_step_follows_its_new_predecessors() -> None:
    world = World(task("a"), task("b", after="a"), task("c", when="data.encrypted"))
    world.migrate(task("a"), task("b"), task("c", when="data.encrypted", after="a"))
    assert world.states("b", "c") == ["ready", "waiting"]
    assert world.incident.blocked == frozenset()
    assert world.at("c").missing == ()
    world.done("a")
    assert world.incident.blocked == {"main:c#1"}


def test_a_removed_step_is_cancelled_and_its_followers_use_the_new_version() -> None:
    world = World(task("a"), task("b", after="a"), task("c", after="b"))
    world.migrate(task("a"), task("c", after="a"))
    assert world.at("b").reason
    assert world.states("b", "c") == ["cancelled", "waiting"]
    world.done("a")
    assert world.state("c") == "ready"
    with refused("step_removed", Refused) as found:
        world.reopen("b")
    assert all(part in found.value.message for part in ("main:b#1", "2.0.0"))
    world.give(c.CommentStep(step="main:b#1", text="why?"), by="ann")


def test_a_waiting_step_that_becomes_another_kind_is_removed_and_added() -> None:
    world = World(task("a"), task("b", after="a"), task("z", after="b"))
    plan = planned(world, task("a"), act("b", after="a"), task("z", after="b"))
    assert (plan.removed, plan.added) == (("main:b#1",), ("main:b#2",))
    world.migrate(task("a"), act("b", after="a"), task("z", after=after_any("b", "a")))
    assert world.states("main:b#1", "b") == ["cancelled", "waiting"]
    world.done("a")
    assert world.states("z") == ["ready"]
    assert len(world.work()) == 1


def test_steps_added_to_a_run_that_had_ended_begin() -> None:
    world = World(task("a"))
    world.done("a")
    world.migrate(task("a"), task("b", after="a"))
    assert world.state("b") == "ready"


def test_an_open_group_gets_the_new_steps_in_every_lane_and_an_ended_one_none() -> None:
    world = World(
        group("g", task("a"), for_each="data.elements"),
        group("h", task("a")),
        facts={"data.elements": ["ssn", "name"]},
    )
    world.done("g[ssn].a", "h.a")
    event = world.migrate(
        group("g", task("a"), task("b"), for_each="data.elements"), group("h", task("a"), task("b"))
    )
    assert event.added == ("main:g[ssn].b#1", "main:g[name].b#1")
    assert world.states("g[ssn].b", "g[name].b", "h") == ["ready", "ready", "done"]
    assert "main:h.b" not in world.incident.counts


def test_only_the_running_iteration_of_a_loop_gets_new_steps() -> None:
    world = World(repeat("r", task("a"), until="data.encrypted"), facts={"data.encrypted": False})
    world.done("r.a")
    event = world.migrate(repeat("r", task("a"), task("b"), until="data.encrypted"))
    assert event.added == ("main:r.b#1",)
    world.done("r.a", "r.b")
    assert world.at("r.b").id == "main:r.b#2"


def test_the_next_lane_has_the_new_steps() -> None:
    world = World(group("g", task("a"), for_each="data.elements"), facts={"data.elements": ["ssn"]})
    world.done("g[ssn].a")
    world.migrate(group("g", task("b"), for_each="data.elements"))
    world.fact("data.elements", ["ssn", "name"])
    assert world.state("g[name].b") == "ready"
    assert "main:g[name].a" not in world.incident.counts


@pytest.mark.parametrize("new", [group("g", task("a")), task("z")], ids=["no lanes", "gone"])
def test_an_ended_group_without_lanes_takes_no_late_items(new: p.AnyStep) -> None:
    world = World(group("g", task("a"), for_each="data.elements"), facts={"data.elements": ["ssn"]})
    world.done("g[ssn].a")
    world.migrate(new)
    assert world.incident.live == frozenset()
    world.fact("data.elements", ["ssn", "name"])
    assert world.at("g").id == "main:g#1"


def test_a_called_playbook_moves_with_the_bundle() -> None:
    world = World(call("c", "inner"), includes=[playbook(task("a"), task("b", after="a"), name="inner")])
    event = world.migrate(
        call("c", "inner"), includes=[playbook(task("a"), task("n"), name="inner", version="1.1.0")]
    )
    assert (event.added, event.removed) == (("main:c.n#1",), ("main:c.b#1",))


def test_steps_of_a_removed_container_stay_recorded_and_cannot_be_reopened() -> None:
    inner = playbook(task("a"), approve("s", "a", "lead", after="a"), name="inner")
    world = World(call("c", "inner"), task("z"), includes=[inner], roles=ROLES)
    world.done("c.a", by="eve")
    world.sign("c.s", "ann", digest=world.at("c.a").digest)
    world.migrate(task("z"), includes=[inner])
    assert world.incident.signed == frozenset()
    with refused("step_removed", Refused) as found:
        world.reopen("c.a")
    assert "main:c#1" in found.value.message
    assert world.advance() == []


def test_a_reopened_step_of_an_ended_body_does_not_wait_for_new_steps() -> None:
    world = World(group("g", task("a")))
    world.done("g.a")
    world.migrate(group("g", task("n"), task("a", after="n")))
    world.reopen("g.a")
    assert world.states("g", "g.a") == ["active", "ready"]
    world.done("g.a")
    assert world.state("g") == "done"


def test_the_law_is_looked_at_after_a_migration_took_bodies_away() -> None:
    world = World(group("g", task("a")), task("z"), regimes=law(GDPR))
    world.done("g.a")
    world.migrate(task("z"))
    assert len(world.fact("people.total", 3)) == 2


# ------------------------------------------------------------------------------------------------------- refusals


def test_a_started_step_cannot_be_removed() -> None:
    world = World(
        task("a"),
        act("x"),
        group("g", task("b")),
        call("c", "inner"),
        includes=[playbook(task("d"), name="inner")],
    )
    world.claim()
    plan = planned(world, task("z"))
    assert codes(plan) == [
        ("begun_removed", "main:a#1"),
        ("attempt_sending", "main:x#1"),
        ("container_open", "main:g#1"),
        ("container_open", "main:c#1"),
        ("begun_removed", "main:c.d#1"),
        ("begun_removed", "main:g.b#1"),
    ]
    with refused("begun_removed", Refused) as found:
        world.migrate(task("z"))
    assert [problem.code for problem in found.value.problems] == [code for code, _ in codes(plan)]


def test_a_started_step_cannot_change_its_kind_or_its_due_time() -> None:
    world = World(task("a"), task("b", due=p.Due(offset=HOUR)), task("c"))
    plan = planned(world, act("a"), task("b", due=p.Due(offset=2 * HOUR)), task("c", title="other words"))
    assert codes(plan) == [("kind_changed", "main:a#1"), ("due_changed", "main:b#1")]
    assert plan.changed == ("main:c#1",)


def test_an_open_container_cannot_open_other_bodies() -> None:
    inner, other = playbook(task("d"), name="inner"), playbook(task("d"), name="other")
    world = World(group("g", task("a")), call("c", "inner"), includes=[inner])
    new = (group("g", task("a"), for_each="data.elements"), call("c", "other"))
    assert codes(planned(world, *new, includes=(inner, other))) == [
        ("container_changed", "main:g#1"),
        ("container_changed", "main:c#1"),
    ]


def test_a_run_moves_to_a_newer_version_of_the_same_playbook_only() -> None:
    world = World(task("a"))
    for version in ("1.0.0", "0.9.0", "1.0.0-rc.1"):
        assert codes(planned(world, task("a"), version=version)) == [("not_newer", "")]
    for version in ("1.0.1", "1.1.0-rc.1", "10.0.0+build"):
        assert codes(planned(world, task("a"), version=version)) == []
    other = bundle(playbook(task("a"), name="other", version="2.0.0"))
    assert codes(plan_migration(world.incident, "main", other, world.library)) == [("other_playbook", "")]
    assert codes(plan_migration(world.incident, "x", other, world.library)) == [("run_unknown", "")]


def test_pre_releases_are_in_order() -> None:
    world = World(task("a"))
    world.migrate(task("a"), version="2.0.0-rc.2")
    assert codes(planned(world, task("a"), version="2.0.0-rc.1")) == [("not_newer", "")]
    for version in ("2.0.0-rc.10", "2.0.0-rc.x", "2.0.0"):
        assert codes(planned(world, task("a"), version=version)) == []


@pytest.mark.parametrize("command", [c.Close(reason="over"), c.CancelIncident(reason="over")])
def test_an_ended_incident_is_not_migrated(command: c.AnyCommand) -> None:
    world = World(task("a"))
    world.give(command)
    assert codes(planned(world, task("a"))) == [("incident_over", "")]


def test_a_migration_needs_a_reason() -> None:
    world = World(task("a"))
    new = bundle(playbook(task("a"), version="2.0.0"))
    with refused("reason_missing", Refused):
        decide_migration(world.incident, world.pin(new), new, world.library, " ")


# ------------------------------------------------------------------------------------------------------ approvals


def signed(*, distinct: int = 1) -> World:
    world = World(
        task("t"),
        approve("s", "t", "lead counsel", distinct, after="t"),
        file("f", "t", after="s"),
        roles=ROLES,
    )
    world.done("t", by="eve")
    world.sign("s", "ann")
    return world


def rest(**more: object) -> tuple[p.AnyStep, ...]:
    return (approve("s", "t", "lead counsel", after="t", **more), file("f", "t", after="s"))


def test_an_approval_of_a_changed_subject_is_requested_again() -> None:
    world = signed()
    event = world.migrate(task("t", task="Do it another way"), *rest())
    assert event.reapprove == ("main:s#1",)
    assert world.states("main:s#1", "s") == ["done", "ready"]
    assert world.at("main:s#1").approvals[0].by == "ann"


def test_an_approval_stays_valid_when_only_instructions_change() -> None:
    world = signed()
    event = world.migrate(task("t", instructions="gently", role="lead"), *rest(title="Sign"))
    assert event.reapprove == ()
    assert world.state("s") == "done"


def test_an_approval_begun_under_another_subject_is_asked_again() -> None:
    world = signed(distinct=2)
    event = world.migrate(
        task("t"), task("u"), approve("s", "u", "lead counsel", 2, after="t"), file("f", "t", after="s")
    )
    assert event.reapprove == ("main:s#1",)
    assert world.states("main:s#1", "s") == ["cancelled", "ready"]
    assert world.at("s").subject == "u"


def test_an_approval_of_a_removed_subject_is_requested_again() -> None:
    world = signed()
    plan = planned(world, task("u"), approve("s", "u", "lead", after="u"))
    assert plan.reapprove == ("main:s#1",)


def test_an_approval_that_does_not_reach_the_new_quorum_is_asked_again() -> None:
    world = signed()
    new = (task("t"), approve("s", "t", "lead counsel", 2, after="t"), file("f", "t", after="s"))
    assert planned(world, *new).reapprove == ("main:s#1",)


def test_an_approval_of_a_filed_notice_is_not_requested_again() -> None:
    world = World(
        notice("n"),
        approve("s", "n", "lead", after="n"),
        file("f", "n", after="s"),
        roles=ROLES,
        regimes=law(GDPR),
    )
    world.work()
    world.sign("s", "ann")
    record = DutyRecord(kind="filed", by="ann", at=world.now, reference="REF")
    world.give(c.RecordDuty(duty=f"{GDPR}/initial", record=record, step="main:f#1"), by="ann")
    new = (notice("n", notice="other"), approve("s", "n", "lead", after="n"), file("f", "n", after="s"))
    assert planned(world, *new).reapprove == ()


def test_an_approval_that_has_not_begun_is_only_changed() -> None:
    world = World(
        task("t"), approve("s", "t", "lead", after="t"), approve("o", "nobody", "lead"), roles=ROLES
    )
    plan = planned(
        world,
        task("t", task="otherwise"),
        approve("s", "t", "counsel", after="t"),
        approve("o", "nobody", "lead"),
    )
    assert plan.reapprove == ()
    assert plan.changed == ("main:t#1", "main:s#1")


def test_an_approval_that_became_a_task_is_not_voided() -> None:
    world = signed()
    world.migrate(task("t"), task("s", after="t"), file("f", "t", after="s"))
    assert world.incident.signed == frozenset()
    world.reopen("t")
    world.give(c.CompleteTask(step=world.id("t"), comment="otherwise"), by="eve")
    assert world.at("s").id == "main:s#1"
    world.reopen("s")
    assert world.at("s").kind == "task"


# ----------------------------------------------------------------------------------------------------- properties

NAMES = "abcd"


@st.composite
def bodies(draw: st.DrawFn, depth: int = 1) -> tuple[p.AnyStep, ...]:
    """Small bodies of steps in which each can only follow earlier ones."""
    steps: list[p.AnyStep] = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        before = draw(st.lists(st.sampled_from([s.id for s in steps]), unique=True)) if steps else []
        kinds = ["task", "act", "wait", "due", "group", "lanes"] if depth else ["task", "act", "wait", "due"]
        more = {"after": p.After(steps=tuple(before), join=draw(st.sampled_from(["all", "any"])))}
        match draw(st.sampled_from(kinds)):
            case "task":
                steps.append(task(name, title=draw(st.sampled_from(["", "x"])), **more))
            case "act":
                steps.append(act(name, **more))
            case "wait":
                steps.append(wait(name, duration=HOUR, **more))
            case "due":
                steps.append(
                    task(
                        name,
                        due=p.Due(offset=HOUR),
                        when=draw(st.sampled_from([None, "data.encrypted"])),
                        **more,
                    )
                )
            case "group":
                steps.append(group(name, *draw(bodies(depth=0)), **more))
            case _:
                steps.append(group(name, *draw(bodies(depth=0)), for_each="data.elements", **more))
    return tuple(steps)


def frozen(incident: Incident) -> dict[str, object]:
    """Return what a migration must not touch: all of what ended, and the clocks of what is open."""
    ended = {i.id: i for i in incident.invocations.values() if i.over}
    clocks = {
        i.id: (i.ready_at, i.due, i.wake_at, i.overdue) for i in incident.invocations.values() if not i.over
    }
    legal = {d.id: (d.due, d.verdict, d.overdue) for d in incident.duties.values()}
    return {"ended": ended, "clocks": clocks, "legal": legal}


def busy(world: World, choices: st.DataObject) -> None:
    """Do a few things that people and the program do."""
    for _ in range(choices.draw(st.integers(0, 6))):
        ready = [i.id for i in world.incident.invocations.values() if i.state == "ready" and i.kind == "task"]
        match choices.draw(st.sampled_from(["done", "skip", "work", "advance", "fact"])):
            case "done" if ready:
                world.give(c.CompleteTask(step=choices.draw(st.sampled_from(ready))), by="ann")
            case "skip" if ready:
                world.give(c.SkipStep(step=choices.draw(st.sampled_from(ready)), reason="x"), by="ann")
            case "work":
                world.work()
            case "advance":
                world.advance(HOUR)
            case _:
                world.fact("data.elements", ["ssn", "name"][: choices.draw(st.integers(0, 2))])


def unchanged(before: Incident, after: Incident, cancelled: frozenset[str] = frozenset()) -> None:
    was, now = frozen(before), frozen(after)
    assert was["legal"] == now["legal"]
    for invocation, clock in was["clocks"].items():  # type: ignore[attr-defined]
        if invocation not in cancelled:
            found = after.invocations[invocation]
            assert (found.ready_at, found.due, found.wake_at, found.overdue) == clock
    for invocation, ended in was["ended"].items():  # type: ignore[attr-defined]
        assert after.invocations[invocation] == ended


@given(bodies(), bodies(), st.data())
def test_a_migration_changes_no_ended_invocation_and_no_clock(
    old: tuple[p.AnyStep, ...], new: tuple[p.AnyStep, ...], choices: st.DataObject
) -> None:
    world = World(duties("law"), *old, regimes=law(GDPR))
    busy(world, choices)
    before = world.incident
    plan = planned(world, duties("law"), *new)
    if plan.refusals:
        with pytest.raises(Refused):
            world.migrate(duties("law"), *new)
        assert world.incident is before
        return
    event = world.migrate(duties("law"), *new)
    place = next(n for n, one in enumerate(world.journal) if one.event == event)
    moved = World.folded(world.journal[: place + 1], world.library)
    unchanged(before, moved, frozenset(event.removed))
    assert set(event.added) == set(moved.invocations) - set(before.invocations)
    for name in event.removed:
        assert moved.invocations[name].state == "cancelled"
    counted = {
        scope.id: sum(i.scope == scope.id and not i.over for i in moved.invocations.values())
        for scope in moved.scopes.values()
    }
    assert counted == {scope.id: scope.open for scope in moved.scopes.values()}
    busy(world, choices)
    assert world.replayed() == world.incident


@given(bodies(), bodies(), st.data())
def test_a_graft_changes_no_ended_invocation_and_no_clock(
    old: tuple[p.AnyStep, ...], new: tuple[p.AnyStep, ...], choices: st.DataObject
) -> None:
    world = World(duties("law"), *old, regimes=law(GDPR))
    busy(world, choices)
    before = world.incident
    run = world.pin(bundle(playbook(*new, name="extra")), run="extra")
    world.give(c.PinPlaybook(run=run, reason="it spread"))
    unchanged(before, world.incident)
    grown = set(world.incident.invocations) - set(before.invocations)
    assert grown
    assert all(name.startswith("extra:") for name in grown)
    assert world.replayed() == world.incident


@given(bodies(), st.data())
def test_a_migration_to_the_same_steps_keeps_everything(
    steps: tuple[p.AnyStep, ...], choices: st.DataObject
) -> None:
    world = World(*steps)
    busy(world, choices)
    before = world.incident
    event = world.migrate(*steps)
    assert (event.added, event.removed, event.changed, event.reapprove) == ((), (), (), ())
    assert world.incident.invocations == before.invocations
    assert msgspec.structs.replace(world.incident, runs={}, version=0) == msgspec.structs.replace(
        before, runs={}, version=0
    )
    assert world.said(e.PlaybookMigrated) == [event]
