"""Profiles of a playbook: the order without the steps of the other profile, and what `validate` says."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.base.states import Profile
from runner.playbook.checks.step_map import Map, Place
from runner.playbook.format import After, AnyStep, Playbook
from runner.playbook.normalise import lower
from runner.playbook.profiles import MixedJoin, joined, playbook_of_profile
from runner.playbook.reading import read_playbook
from runner.yamlfile.source import scan
from tests.scenario import group, playbook, task


@st.composite
def bodies(draw: st.DrawFn, joins: tuple[Literal["all", "any"], ...], depth: int = 1) -> tuple[AnyStep, ...]:
    """Up to seven steps in an order without a cycle, some of one profile only, and groups of such steps."""
    steps: list[AnyStep] = []
    for number in range(draw(st.integers(1, 7 if depth else 3))):
        earlier = [step.id for step in steps]
        before = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        after = After(steps=tuple(before), join=draw(st.sampled_from(joins)))
        profile: Profile | None = draw(st.sampled_from([None, "small", "large"]))
        name = f"{'outer' if depth else 'inner'}{number}"
        if depth and draw(st.integers(0, 3)) == 0:
            inner = draw(bodies(joins, 0))
            steps.append(group(name, *inner, after=after, profile=profile))
        else:
            steps.append(task(name, after=after, profile=profile))
    return tuple(steps)


def restricted(whole: Map, kept: Map) -> tuple[dict[Place, Place], list[Place]]:
    """Each step of a profile with the same step of the whole file."""
    everywhere = {place.where: place for place in whole.places}
    return {place: everywhere[place.where] for place in kept.places}, kept.places


@given(bodies(("all",)), st.sampled_from(["small", "large"]))
def test_the_order_of_a_profile_is_the_order_of_the_file_without_the_other_steps(
    steps: tuple[AnyStep, ...], profile: Profile
) -> None:
    made = playbook(*steps)
    whole, kept = Map(made), Map(made, profile=profile)
    same, places = restricted(whole, kept)
    for one in places:
        for other in places:
            assert kept.surely_before(one, other) == whole.surely_before(same[one], same[other])
            assert kept.perhaps_before(one, other) == whole.perhaps_before(same[one], same[other])


@given(bodies(("all", "any")), st.sampled_from(["small", "large"]))
def test_steps_that_certainly_come_first_are_the_same_with_any_unless_no_list_can_say_so(
    steps: tuple[AnyStep, ...], profile: Profile
) -> None:
    made = playbook(*steps)
    whole, kept = Map(made), Map(made, profile=profile)
    same, places = restricted(whole, kept)
    for body, members in whole.bodies.items():
        there = {place.step.id for place in places if same[place].parent is body}
        removed = {place.step.id: place.step.after for place in members if place.step.id not in there}
        for place in members:
            try:
                joined(place.step.after, removed)
            except MixedJoin:
                assume(False)
    for one in places:
        for other in places:
            assert kept.surely_before(one, other) == whole.surely_before(same[one], same[other])


@given(bodies(("all", "any")), st.sampled_from(["small", "large"]))
def test_a_profile_has_its_steps_only_and_no_empty_group(
    steps: tuple[AnyStep, ...], profile: Profile
) -> None:
    kept = Map(playbook(*steps), profile=profile)
    for place in kept.places:
        assert place.step.profile in (None, profile)
        assert set(place.step.after.steps) <= set(kept.siblings[place.parent])
        if "steps" in place.step.__struct_fields__:
            assert place.step.inner


def of(text: str) -> Playbook:
    read = read_playbook(scan(HEAD + text, "test.yaml"))
    assert read.playbook is not None
    assert not read.problems
    return read.playbook


HEAD = """
schema: tocsin/playbook/v1
name: test
version: 1.0.0
title: Test
"""
JOINS = [
    ("[a]", "{any: [p, q]}", After(steps=("p", "q"), join="any")),
    ("{any: [a]}", "[p, q]", After(steps=("p", "q"))),
    ("[a, q]", "[p, q]", After(steps=("p", "q"))),
    ("{any: [a, q]}", "{any: [p]}", After(steps=("p", "q"), join="any")),
    ("{any: [a, q]}", "[]", After()),
    ("[a, q]", "[]", After(steps=("q",))),
    ("[a, r]", "{any: [p, q]}", None),
    ("{any: [a, r]}", "[p, q]", None),
]


@pytest.mark.parametrize(("after", "removed", "expected"), JOINS)
def test_a_step_after_a_removed_step_comes_after_its_predecessors(
    after: str, removed: str, expected: After | None
) -> None:
    text = f"""
steps:
  - {{id: p, task: P}}
  - {{id: q, task: Q}}
  - {{id: r, task: R}}
  - {{id: a, task: A, profile: large, after: {removed}}}
  - {{id: b, task: B, after: {after}}}
"""
    steps = {step.id: step for step in of(text).steps}
    if expected is None:
        with pytest.raises(MixedJoin):
            joined(steps["b"].after, {"a": steps["a"].after})
    else:
        kept = {step.id: step for step in playbook_of_profile(of(text), "small").steps}
        assert kept["b"].after == expected
        assert "a" not in kept


def test_roles_and_messages_of_removed_steps_are_not_needed() -> None:
    text = """
roles: {lead: {title: L}, helper: {title: H}, unused: {title: U}, told: {title: T}}
messages: {all: {class: status-update, text: Hi, to: [role:told]}}
steps:
  - {id: a, task: A, role: lead}
  - {id: b, task: B, role: helper, profile: large}
  - {id: c, message: all, profile: large}
"""
    assert list(playbook_of_profile(of(text), "small").roles) == ["lead", "unused"]
    assert not playbook_of_profile(of(text), "small").messages
    assert list(playbook_of_profile(of(text), "large").roles) == ["lead", "helper", "unused", "told"]


def test_a_playbook_without_profiles_is_the_same_in_each() -> None:
    made = of("steps: [{id: a, task: A}]")
    assert playbook_of_profile(made, "small") is made


def test_defaults_apply_to_steps_without_the_key_whose_kind_has_it() -> None:
    text = """
defaults: {role: lead, phase: containment, on_overdue: {remind: 1h, escalate: boss}}
roles: {lead: {title: L}, boss: {title: B}}
steps:
  - {id: a, task: A, due: 1h}
  - {id: b, task: B, role: boss, phase: recovery, due: 1h, on_overdue: {remind: 2h}}
  - {id: c, wait: 1h}
  - {id: d, approve: a, by: {roles: [boss]}, due: 1h, after: [a]}
  - id: g
    defaults: {phase: eradication}
    group: G
    steps: [{id: e, task: E}]
"""
    steps = {step.id: step for step in of(text).steps}
    assert (steps["a"].role, steps["a"].phase) == ("lead", "containment")
    assert steps["a"].on_overdue is not None
    assert steps["a"].on_overdue.escalate == "boss"
    assert (steps["b"].role, steps["b"].phase) == ("boss", "recovery")
    assert steps["b"].on_overdue is not None
    assert steps["b"].on_overdue.escalate == ""
    assert (steps["c"].phase, steps["c"].on_overdue) == ("containment", None)
    assert steps["d"].on_overdue is not None
    assert (steps["d"].on_overdue.escalate, steps["d"].on_overdue.remind) == (
        "deputies",
        steps["a"].on_overdue.remind,
    )
    assert steps["g"].phase == "containment"
    (inner,) = steps["g"].inner
    assert (inner.phase, inner.role) == ("eradication", "lead")


def test_lowering_keeps_the_position_of_each_default() -> None:
    source = scan(HEAD + "defaults: {role: lead}\nsteps: [{id: a, task: A}, {id: b, wait: 1h}]", "test.yaml")
    assert lower(source).inherited == {("steps", 0, "role"): ("defaults", "role")}
