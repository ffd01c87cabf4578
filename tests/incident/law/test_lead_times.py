"""The remaining time before a filing, from which a deadline computes its latest safe start."""

from __future__ import annotations

from datetime import timedelta

from runner.incident.law.lead_times import _whole as whole
from runner.incident.law.lead_times import lead_time, lead_times
from runner.incident.state import commands as c
from runner.playbook.format import (
    RENDERING,
    After,
    Approve,
    Bundle,
    Due,
    File,
    Notice,
    Playbook,
    Quorum,
    Task,
    Wait,
    WaitFor,
)
from runner.playbook.plan import compile_plan
from tests import scenario as s
from tests.incident.law.test_lanes import APPLIES, DUTY

HOUR = timedelta(hours=1)


def body(*steps):
    playbook = Playbook(schema="tocsin/playbook/v1", name="p", version="1.0.0", title="P", steps=steps)
    return compile_plan(Bundle(playbook=playbook, digest="sha256:p")).bodies[("p", "")]


FACTS = Task(id="facts", task="Facts", due=Due(offset=8 * HOUR))
DRAFT = Notice(id="draft", notice="gdpr-33-initial", after=After(steps=("facts",)))
SIGN = Approve(
    id="sign",
    approve="draft",
    by=Quorum(roles=("counsel",)),
    expires=24 * HOUR,
    after=After(steps=("draft",)),
)
HAND_IN = File(id="file", file="draft", duty="eu/x", due=Due(offset=2 * HOUR), after=After(steps=("sign",)))


def test_the_lead_time_of_a_filing_is_its_longest_path():
    found = body(FACTS, DRAFT, SIGN, HAND_IN)
    assert whole(found, HAND_IN, {}) == 34 * HOUR + RENDERING


def test_ended_steps_add_no_lead_time():
    found = body(FACTS, DRAFT, SIGN, HAND_IN)
    assert whole(found, HAND_IN, {"facts": timedelta(), "draft": timedelta()}) == 26 * HOUR


def test_a_thousand_steps_in_a_row_are_walked_without_recursion():
    row = [Task(id="s0", task="0", due=Due(offset=HOUR))]
    row += [
        Task(id=f"s{n}", task="n", due=Due(offset=HOUR), after=After(steps=(f"s{n - 1}",)))
        for n in range(1, 3_000)
    ]
    assert whole(body(*row), row[-1], {}) == 3_000 * HOUR


def test_a_wait_counts_with_its_duration_and_an_anchored_due_time_with_nothing():
    assert lead_time(Wait(id="w", wait=WaitFor(duration=3 * HOUR))) == 3 * HOUR
    assert lead_time(Task(id="t", task="T", due=Due(offset=-HOUR, anchor="duty", ref="eu/x"))) == timedelta()


def test_a_step_due_hours_before_the_deadline_moves_the_start_that_far():
    check = Task(
        id="check",
        task="Check",
        due=Due(offset=-30 * HOUR, anchor="duty", ref="eu/x"),
        after=After(steps=("draft",)),
    )
    hand_in = File(id="file", file="draft", duty="eu/x", after=After(steps=("check",)))
    found = body(FACTS, DRAFT, check, hand_in)
    assert whole(found, hand_in, {}) == 30 * HOUR
    assert whole(found, hand_in, {"check": timedelta(), "facts": timedelta()}) == RENDERING


def calling() -> s.World:
    """A playbook whose lanes stand in a playbook that another one runs, behind work that is not done yet."""
    limit = Due(offset=8 * HOUR)
    lane = s.group(
        "notify",
        s.notice("draft", duty="item"),
        s.task("complete", after="draft", due=limit),
        s.file("file", "draft", duty="item", after="complete", due=Due(offset=2 * HOUR)),
        for_each="duties('applies')",
    )
    inner = s.playbook(lane, name="inner")
    outer = s.playbook(s.call("lanes", "inner"), name="outer")
    found = s.World(
        s.duties("duties"),
        s.task("before", after="duties"),
        s.call("breach", "outer", after="before"),
        includes=(outer, inner),
        regimes=s.law(s.GDPR),
        facts=APPLIES,
    )
    found.work()
    return found


def test_the_lanes_of_a_playbook_that_has_not_begun_count_whole_and_then_as_far_as_they_are() -> None:
    world = calling()
    assert lead_times(world.incident, world.library)[DUTY] == 10 * HOUR + RENDERING
    world.done("before")
    world.work()
    assert lead_times(world.incident, world.library)[DUTY] == 10 * HOUR
    world.done(f"breach.lanes.notify[{DUTY}].complete")
    assert lead_times(world.incident, world.library)[DUTY] == 2 * HOUR


def test_a_playbook_that_was_left_out_costs_nothing() -> None:
    world = calling()
    world.give(c.SkipStep(step=world.id("breach"), reason="the parent does it"), by="ann")
    assert lead_times(world.incident, world.library) == {}
