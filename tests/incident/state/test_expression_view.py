"""What a condition sees from where it stands, and the words that stand for a step."""

from __future__ import annotations

import pytest

from runner.facts.expression import Unknown
from runner.incident.state.expression_view import ScopeView, find_step, item_of, title_of
from runner.playbook.format import AnyStep
from runner.playbook.plan import compile_plan, walk
from tests.scenario import (
    GDPR,
    World,
    act,
    approve,
    ask,
    bundle,
    call,
    duties,
    file,
    group,
    law,
    message,
    notice,
    playbook,
    repeat,
    task,
    wait,
)


def seen(world: World, scope: str = "main:") -> ScopeView:
    return ScopeView(world.incident, world.incident.scopes[scope], world.library)


def test_a_step_that_was_never_reached_is_unknown() -> None:
    assert seen(World(task("a"))).step("b") == Unknown(("step('b')",))


def test_an_open_step_has_no_answer_and_no_end_yet() -> None:
    parts = seen(World(task("a"))).step("a")
    assert not isinstance(parts, Unknown)
    assert parts["done"] is False
    assert parts["answer"] == Unknown(("step('a').answer",))
    assert parts["ended_at"] == Unknown(("step('a').ended_at",))


def test_duties_are_unknown_before_the_law_was_looked_at() -> None:
    view = seen(World(task("a")))
    assert view.duties("applies") == Unknown(("duties",))
    assert view.duty("x/y") == Unknown(("duty('x/y')",))


def test_an_unknown_duty_names_its_missing_facts() -> None:
    parts = seen(World(duties("d"), regimes=law(GDPR))).duty(f"{GDPR}/initial")
    assert not isinstance(parts, Unknown)
    assert isinstance(parts["applies"], Unknown)
    assert parts["applies"].missing != ()
    assert (parts["unknown"], parts["verdict"], parts["filed"]) == (True, "unknown", False)


def test_names_exist_only_where_something_gives_them() -> None:
    world = World(group("g", task("a"), for_each="data.elements"), facts={"data.elements": ["ssn"]})
    assert seen(world).name("item") == Unknown(("item",))
    assert seen(world).name("iteration") == 1
    assert seen(world, "main:g[ssn].1").name("item") == "ssn"
    assert seen(world).name("inputs") == {}


def test_an_item_resolves_to_the_duty_of_its_own_lane() -> None:
    world = World(
        group("g", group("h", task("a")), for_each="data.elements"), facts={"data.elements": ["a/b"]}
    )
    scopes = world.incident.scopes
    assert item_of(world.incident, scopes["main:g[a/b].h.1"], "item") == "a/b"
    assert item_of(world.incident, scopes["main:"], "item") == "item"
    assert item_of(world.incident, scopes["main:"], "x/y") == "x/y"


def test_a_step_is_found_outwards_and_never_inwards() -> None:
    world = World(task("a"), group("g", task("b")))
    scopes = world.incident.scopes
    assert find_step(world.incident, scopes["main:g.1"], "a") == world.at("a")
    assert find_step(world.incident, scopes["main:"], "b") is None


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (task("s", title="Wipe it", task="wipe"), "Wipe it"),
        (task("s", task="Send the wipe"), "Send the wipe"),
        (ask("s", "data.encrypted"), "s?"),
        (act("s"), "s"),
        (group("s", task("a")), "s"),
        (repeat("s", task("a"), until="data.encrypted"), "s"),
        (message("s"), "Message: alert"),
        (approve("s", "t", "lead"), "Approve: t"),
        (notice("s"), "Notice: gdpr-33-initial"),
        (file("s", "t"), "File: t"),
        (call("s", "inner"), "Playbook: inner"),
        (duties("s"), "Assess duties: all"),
        (wait("s", fact="people.total"), "Wait: s"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:9],
)
def test_every_step_has_a_title(step: AnyStep, words: str) -> None:
    assert title_of(step) == words


def test_a_plan_knows_its_playbooks_and_walks_every_step() -> None:
    inner = playbook(task("x"), name="inner")
    main = playbook(task("a"), group("g", repeat("r", task("b"), until="data.encrypted")), call("c", "inner"))
    plan = compile_plan(bundle(main, inner))
    assert plan.playbook("main") is main
    assert plan.playbook("inner") is inner
    assert [step.id for step in walk(main.steps)] == ["a", "g", "r", "b", "c"]
    assert set(plan.bodies) == {("main", ""), ("main", "g"), ("main", "r"), ("inner", "")}
