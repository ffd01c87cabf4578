"""Numbers and names by which commands find a step."""

from __future__ import annotations

import re

from runner.app.core.step_reference import resolve_step
from runner.errors import NotFound, Refused
from runner.incident.state.incident import Incident
from runner.reports.core.action_text import hint_text
from runner.reports.core.task_rows import handle, numbered, task_rows
from tests import scenario as s
from tests.refusals import refused


def find(incident: Incident, text: str) -> str:
    """Find a step as every command does."""
    return resolve_step(incident, text)


def lanes() -> s.World:
    group = s.group("lanes", s.task("one"), s.task("two", after="one"), for_each="['a', 'b']")
    return s.World(s.task("wipe"), group)


def test_a_number_means_the_same_step_for_ever() -> None:
    world = s.World(s.task("first"), s.task("second", after="first"))
    assert numbered(world.incident) == ("main:first#1", "main:second#1")
    world.done("first")
    world.reopen("first")
    assert numbered(world.incident) == ("main:first#2", "main:second#1", "main:first#2")
    assert [find(world.incident, row) for row in "123"] == ["main:first#2", "main:second#1", "main:first#2"]
    rows = {row.invocation: row.row for row in task_rows(world.incident, world.library)}
    assert rows == {"main:first#1": 0, "main:second#1": 2, "main:first#2": 1}


def test_a_loop_keeps_the_numbers_and_names_of_its_steps_from_round_to_round() -> None:
    world = s.World(s.repeat("again", s.task("one"), until="data.encrypted", at_most=3))
    world.fact("data.encrypted", value=False)
    (number,) = [row.row for row in task_rows(world.incident, world.library) if row.step == "one"]
    world.done("again.one")
    assert find(world.incident, "one") == find(world.incident, str(number)) == "main:again.one#2"
    shown = [
        (row.row, row.command_name) for row in task_rows(world.incident, world.library) if row.step == "one"
    ]
    assert shown == [(0, "main:again.one#1"), (number, "one")]


def test_a_name_that_several_steps_had_stays_ambiguous() -> None:
    world = lanes()
    world.done("lanes[a].one")
    with refused("ambiguous", Refused):
        find(world.incident, "one")
    assert find(world.incident, "lanes[a].one") == "main:lanes[a].one#1"


def test_a_bare_id_means_its_newest_invocation() -> None:
    world = s.World(s.task("first"))
    world.done("first")
    world.reopen("first")
    assert find(world.incident, "first") == "main:first#2"
    assert find(world.incident, "first#1") == "main:first#1"
    assert find(world.incident, "main:first#1") == "main:first#1"


def test_a_bare_id_in_several_lanes_is_refused_with_the_choices() -> None:
    world = lanes()
    with refused("ambiguous", Refused) as caught:
        find(world.incident, "one")
    for row in task_rows(world.incident, world.library):
        if row.step == "one":
            assert row.invocation in caught.value.message
            assert str(row.row) in re.findall(r"\w+", caught.value.message)
            assert handle(world.incident, row.invocation) == row.command_name == str(row.row)


def test_every_name_that_a_list_shows_finds_its_own_step() -> None:
    world = lanes()
    for row in task_rows(world.incident, world.library):
        if row.invocation:
            assert find(world.incident, row.command_name) == row.invocation
            assert find(world.incident, str(row.row)) == row.invocation


def test_a_wrong_name_gets_the_nearest_right_one() -> None:
    with refused("unknown_step", NotFound) as caught:
        find(s.World(s.task("wipe")).incident, "wype")
    assert "wipe" in hint_text(caught.value)


def test_a_row_that_is_not_there_is_refused() -> None:
    with refused("unknown_row", NotFound) as caught:
        find(s.World(s.task("wipe")).incident, "9")
    assert "9" in caught.value.message


def test_steps_inside_a_future_container_have_no_number() -> None:
    inner = s.playbook(s.task("inside"), name="inner")
    group = s.group(
        "lanes", s.task("one"), s.repeat("again", s.task("deep"), until="data.encrypted"), after="wipe"
    )
    world = s.World(s.task("wipe"), group, s.call("sub", "inner@1.0.0", after="wipe"), includes=[inner])
    rows = {row.step: row for row in task_rows(world.incident, world.library)}
    assert {"one", "again", "deep", "inside"} <= set(rows)
    assert [rows[name].row for name in ("one", "deep", "inside")] == [0, 0, 0]
    assert rows["lanes"].waits_for == ("wipe",)
    assert rows["one"].waits_for == ("lanes",)


def test_steps_removed_by_a_migration_stay_in_the_list() -> None:
    world = s.World(s.task("wipe"), s.task("old", after="wipe"))
    world.migrate(s.task("wipe"), s.task("new", after="wipe"))
    rows = {row.step: row for row in task_rows(world.incident, world.library)}
    assert (rows["old"].title, rows["old"].state) == ("old", "cancelled")
    assert rows["new"].state == "waiting"
