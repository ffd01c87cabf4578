"""Steps inside steps: groups, lanes that grow while the incident lives, loops, called playbooks."""

from __future__ import annotations

import re

import pytest

from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.playbook.format import Due
from tests.refusals import refused
from tests.scenario import HOUR, World, act, approve, ask, call, group, message, playbook, repeat, task

LANES = "data.elements"


def lanes(world: World, *items: str) -> None:
    world.fact(LANES, list(items))


def test_a_group_ends_when_all_of_its_steps_have_ended() -> None:
    world = World(group("g", task("a"), task("b", after="a")), task("c", after="g"))
    assert world.states("g", "g.a", "g.b", "c") == ["active", "ready", "waiting", "waiting"]
    world.done("g.a", "g.b")
    assert world.states("g", "c") == ["done", "ready"]


def test_a_group_that_ends_after_its_due_time_is_done_late() -> None:
    world = World(group("g", task("a"), due=Due(offset=HOUR)))
    world.advance(2 * HOUR)
    world.done("g.a")
    assert world.state("g") == "done_late"


def test_groups_nest_and_an_inner_step_sees_the_outer_ones() -> None:
    world = World(
        task("a"),
        group("g", group("h", task("b", when="step('a').done"), task("c")), task("d", after="h")),
        task("z", after="g"),
    )
    world.done("a")
    assert world.state("g.h.b") == "not_applicable"
    world.done("g.h.c", "g.d")
    assert world.states("g.h", "g", "z") == ["done", "done", "ready"]


def test_a_group_that_does_not_apply_opens_nothing() -> None:
    world = World(group("g", task("a"), when="data.encrypted"), task("b", after="g"))
    world.fact("data.encrypted", False)
    assert world.states("g", "b") == ["not_applicable", "not_applicable"]
    assert list(world.incident.scopes) == ["main:"]


def test_for_each_opens_a_lane_for_each_item_and_names_missing_facts() -> None:
    world = World(group("g", task("a", when="item != 'name'"), for_each=LANES), task("z", after="g"))
    assert world.at("g").missing == (LANES,)
    lanes(world, "ssn", "name", "ssn")
    assert world.states("g[ssn].a", "g[name].a") == ["ready", "not_applicable"]
    assert world.at("g").missing == ()
    world.done("g[ssn].a")
    assert world.states("g", "z") == ["done", "ready"]


def test_for_each_over_nothing_is_done() -> None:
    world = World(group("g", task("a"), for_each=LANES))
    assert world.state("g") == "active"
    lanes(world)
    assert world.state("g") == "done"


def test_a_late_item_opens_its_lane_while_the_group_runs() -> None:
    world = World(group("g", task("a"), for_each=LANES))
    lanes(world, "ssn")
    lanes(world, "ssn", "name")
    assert world.states("g[ssn].a", "g[name].a") == ["ready", "ready"]


def test_a_late_item_reopens_a_group_that_had_ended_and_leaves_the_lanes_done() -> None:
    world = World(group("g", task("a"), for_each=LANES), task("z", after="g"))
    lanes(world, "ssn")
    world.done("g[ssn].a")
    lanes(world, "ssn", "name")
    assert world.states("main:g#1", "g", "g[ssn].a", "g[name].a") == ["done", "active", "done", "ready"]
    assert world.at("g").id == "main:g#2"
    assert "name" in world.said(e.StepReopened)[0].reason.split()
    assert world.state("z") == "ready"
    world.done("g[name].a")
    assert world.state("g") == "done"


def test_a_late_item_revives_the_containers_around_an_ended_group() -> None:
    world = World(
        group("o", group("g", task("a"), for_each=LANES)), task("z", after="o", when="data.encrypted")
    )
    lanes(world, "ssn")
    world.done("o.g[ssn].a")
    assert world.state("o") == "done"
    assert world.incident.blocked == {"main:z#1"}
    lanes(world, "ssn", "name")
    assert world.states("o", "o.g", "o.g[name].a") == ["active", "active", "ready"]
    assert world.incident.blocked == frozenset()
    world.done("o.g[name].a")
    assert world.state("o") == "done"
    assert world.incident.blocked == {"main:z#1"}


def test_a_late_item_in_the_same_breath_as_the_last_answer_is_not_lost() -> None:
    world = World(group("o", group("g", task("a"), for_each=LANES), ask("q", LANES, after="g")))
    lanes(world, "ssn")
    world.done("o.g[ssn].a")
    world.answer("o.q", ["ssn", "name"])
    assert world.states("o", "o.g", "o.g[name].a") == ["active", "active", "ready"]


@pytest.mark.parametrize("how", ["skip", "cancel"])
def test_a_group_that_was_left_out_takes_no_late_items(how: str) -> None:
    world = World(group("g", task("a"), for_each=LANES))
    lanes(world, "ssn")
    getattr(world, how)("g")
    lanes(world, "ssn", "name")
    assert world.at("g").id == "main:g#1"


def test_late_items_do_not_reopen_an_ended_iteration() -> None:
    world = World(
        repeat("r", group("g", task("a"), for_each=LANES), task("b", after="g"), until="data.encrypted")
    )
    world.fact("data.encrypted", False)
    lanes(world, "ssn")
    world.done("r.g[ssn].a", "r.b")
    assert world.at("r").scopes == ("main:r.1@1", "main:r.1@2")
    lanes(world, "ssn", "name")
    assert [event.step for event in world.said(e.StepReopened)] == []
    assert world.states("r.g[ssn].a", "r.g[name].a") == ["ready", "ready"]


def test_items_that_become_unknown_again_are_named_and_forgotten_when_known() -> None:
    world = World(group("g", task("a"), for_each=LANES))
    lanes(world, "ssn")
    world.fact(LANES, None)
    assert world.at("g").missing == (LANES,)
    lanes(world, "ssn")
    assert world.at("g").missing == ()
    assert world.incident.blocked == frozenset()
    world.done("g[ssn].a")
    assert world.state("g") == "done"


def test_items_that_are_no_list_keep_the_group_waiting() -> None:
    world = World(group("g", task("a"), for_each="data.encrypted"), facts={"data.encrypted": True})
    (wanted,) = world.at("g").missing
    assert wanted != "data.encrypted", "it is known, and no list"


def test_a_list_with_an_unknown_member_waits_for_it() -> None:
    world = World(group("g", task("a"), for_each="['x', risk.to_people]"))
    assert world.at("g").missing == ("risk.to_people",)


def test_undetermined_items_state_the_reason() -> None:
    world = World(group("g", task("a"), for_each="step('q').answer + 1"), ask("q", "incident.summary"))
    world.answer("q", "words")
    (why,) = world.at("g").missing
    assert {"text", "number"} <= set(why.split())


def test_each_population_gets_its_own_lane_by_its_id() -> None:
    world = World(group("g", task("a"), for_each="populations"))
    world.fact("populations.staff.people.total", 3)
    world.fact("populations.customers.people.total", 30)
    assert world.states("g[staff].a", "g[customers].a") == ["ready", "ready"]


def test_a_loop_goes_round_with_new_invocations_until_its_condition_holds() -> None:
    world = World(repeat("r", ask("q", "data.encrypted"), until="step('q').answer"), task("z", after="r"))
    world.answer("r.q", False)
    assert world.at("r.q").id == "main:r.q#2"
    assert world.states("main:r.q#1", "r.q", "r", "z") == ["done", "ready", "active", "waiting"]
    world.answer("r.q", True)
    assert world.states("r", "z") == ["done", "ready"]
    reason = world.at("r").reason
    assert (re.findall(r"\d+", reason), "step('q').answer" in reason) == (["2"], True)


def test_a_loop_with_an_unknown_condition_waits_for_the_fact() -> None:
    world = World(repeat("r", task("a"), until="data.encrypted"))
    world.done("r.a")
    assert world.at("r").missing == ("data.encrypted",)
    assert world.advance() == []
    world.fact("data.encrypted", True)
    assert world.state("r") == "done"


def test_a_loop_that_goes_round_too_often_is_stuck_and_a_fact_can_still_end_it() -> None:
    world = World(repeat("r", task("a"), until="data.encrypted", at_most=2), facts={"data.encrypted": False})
    world.done("r.a")
    world.done("r.a")
    stuck = world.at("r").stuck
    assert (re.findall(r"\d+", stuck), "data.encrypted" in stuck) == (["2"], True)
    assert world.advance() == []
    world.fact("data.encrypted", True)
    assert world.state("r") == "done"


def test_a_blocked_loop_that_is_retried_restarts() -> None:
    world = World(repeat("r", task("a"), until="data.encrypted", at_most=1), facts={"data.encrypted": False})
    world.done("r.a")
    world.retry("r")
    assert world.states("main:r#1", "r", "r.a") == ["cancelled", "active", "ready"]
    assert world.at("r.a").id == "main:r.a#2"


def test_an_iteration_is_known_to_its_steps() -> None:
    world = World(
        repeat("r", task("a", when="iteration > 1"), task("b"), until="step('a').done"),
    )
    world.done("r.b")
    assert world.states("main:r.a#1", "r.a") == ["not_applicable", "ready"]


def test_a_called_playbook_runs_inside_and_reads_its_inputs() -> None:
    inner = playbook(task("a", when="inputs.total > 5"), task("b"), name="inner")
    world = World(call("c", "inner", {"total": "people.total"}), task("z", after="c"), includes=[inner])
    assert world.at("c").missing == ("people.total",)
    world.fact("people.total", 6)
    assert world.states("c", "c.a", "c.b") == ["active", "ready", "ready"]
    world.done("c.a", "c.b")
    assert world.states("c", "z") == ["done", "ready"]


def test_a_called_playbook_waits_for_an_unknown_input_rather_than_running_without() -> None:
    inner = playbook(task("a"), name="inner")
    world = World(
        call("c", "inner", {"total": "people.total"}, when="data.encrypted"),
        includes=[inner],
        facts={"data.encrypted": True},
    )
    assert world.states("c") == ["waiting"]
    assert world.incident.blocked == {"main:c#1"}


def test_an_input_that_is_not_a_plain_value_is_unknown_inside() -> None:
    inner = playbook(task("a", when="inputs.elements is empty"), name="inner")
    world = World(call("c", "inner", {"elements": LANES}), includes=[inner], facts={LANES: []})
    assert world.at("c.a").missing == ("elements",)


def test_item_is_the_nearest_one_around() -> None:
    world = World(
        group("g", group("h", task("a", when="item == 'ssn'")), for_each=LANES),
        task("z", when="data.encrypted"),
        facts={LANES: ["ssn"]},
    )
    assert world.state("g[ssn].h.a") == "ready"


@pytest.mark.parametrize(("how", "state"), [("skip", "skipped"), ("cancel", "cancelled")])
def test_steps_in_a_container_end_with_it(how: str, state: str) -> None:
    world = World(
        group("g", group("h", task("a")), task("b"), act("x", after="b"), message("m")), task("z", after="g")
    )
    getattr(world, how)("g")
    assert world.states("g", "g.h", "g.h.a", "g.b", "g.x", "g.m") == [state, *["cancelled"] * 5]
    assert len({world.at(name).reason for name in ("g.h", "g.h.a", "g.b", "g.x", "g.m")} - {""}) == 1
    assert [world.incident.scopes[name].open for name in ("main:g.1", "main:g.h.1")] == [0, 0]
    assert world.work() == []


def test_a_failed_group_stays_failed_while_its_steps_end() -> None:
    world = World(group("g", task("a")))
    world.fail("g")
    world.done("g.a")
    assert world.state("g") == "failed"
    world.give(c.CompleteTask(step=world.id("g")), by="ann")
    assert world.state("g") == "done"


def test_reopening_a_group_does_everything_in_it_again() -> None:
    world = World(group("g", task("a"), task("b", after="a")))
    world.done("g.a", "g.b")
    world.reopen("g")
    assert world.states("main:g#1", "g", "main:g.a#1", "g.a", "g.b") == [
        "done",
        "active",
        "done",
        "ready",
        "waiting",
    ]
    world.done("g.a", "g.b")
    assert world.state("g") == "done"


def test_reopening_a_for_each_does_every_lane_again() -> None:
    world = World(group("g", task("a"), for_each=LANES), facts={LANES: ["ssn"]})
    world.done("g[ssn].a")
    world.reopen("g")
    assert world.states("g", "g[ssn].a") == ["active", "ready"]
    assert world.at("g[ssn].a").id == "main:g[ssn].a#2"


def test_reopening_inside_an_ended_group_opens_the_groups_around_it() -> None:
    world = World(group("g", group("h", task("a"))), task("z", after="g"))
    world.done("g.h.a")
    world.done("z")
    world.reopen("g.h.a")
    assert world.states("g", "g.h", "g.h.a", "z") == ["active", "active", "ready", "done"]
    world.done("g.h.a")
    assert world.states("g", "g.h") == ["done", "done"]


@pytest.mark.parametrize("name", ["main:g.a#1", "main:g#1"])
def test_only_the_newest_of_its_kind_is_reopened(name: str) -> None:
    world = World(group("g", task("a")))
    world.done("g.a")
    world.reopen("g")
    world.done("g.a")
    with refused("superseded"):
        world.give(c.ReopenStep(step=name, reason="again"), by="ann")


def test_a_step_of_an_ended_iteration_cannot_be_reopened() -> None:
    world = World(repeat("r", task("a"), until="data.encrypted"), facts={"data.encrypted": False})
    world.done("r.a")
    with refused("superseded"):
        world.give(c.ReopenStep(step="main:r.a#1", reason="again"), by="ann")


def test_an_approval_inside_a_group_that_is_voided_opens_the_group_again() -> None:
    world = World(task("t"), group("g", approve("s", "t", "lead")), roles={"lead": "ann bob"})
    world.done("t", by="bob")
    world.sign("g.s", "ann")
    assert world.state("g") == "done"
    world.reopen("t")
    world.give(c.CompleteTask(step=world.id("t"), comment="otherwise"), by="bob")
    assert world.states("g", "g.s") == ["active", "ready"]


def test_a_container_with_nothing_to_open_is_left_alone() -> None:
    world = World(group("g", task("a"), for_each=LANES), facts={LANES: ["ssn"]})
    world.done("g[ssn].a")
    assert world.incident.live == {"main:g#1"}
    assert world.advance() == []
