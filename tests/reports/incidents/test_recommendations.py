"""Three things to do now, in the order in which they matter."""

from __future__ import annotations

from runner.reports.incidents.recommendations import next_actions, next_page
from tests import scenario as s
from tests.reports import scenes


def test_late_and_blocked_tasks_come_before_calls_tasks_roles_and_questions() -> None:
    world = scenes.trouble()
    found = next_actions(scenes.shown(world, "bob"), 20)
    kinds = [item.kind for item in found.next]
    wanted = ("overdue", "acknowledge", "ready", "role_unheld", "fact_missing")
    assert [kinds.index(kind) for kind in wanted] == sorted(kinds.index(kind) for kind in wanted)
    assert {"outcome_unknown", "overdue", "stuck", "rejected"} >= set(kinds[: kinds.index("acknowledge")])


def test_three_things_are_shown_and_the_rest_is_counted() -> None:
    scenes.compare("next.trouble", next_page(next_actions(scenes.shown(scenes.trouble(), "bob"))))


def test_my_ready_steps_come_by_their_due_time() -> None:
    scenes.compare("next.opened", next_page(next_actions(scenes.shown(scenes.opened(kind="test"), "ann"))))


def test_a_page_without_actions_states_so() -> None:
    world = s.World(s.task("wipe"))
    world.done("wipe")
    scenes.compare("next.nothing", next_page(next_actions(scenes.shown(world))))


def test_the_json_names_each_command_once() -> None:
    document = scenes.document(next_actions(scenes.shown(scenes.trouble(), "bob"), 20))
    commands = [one["command"] for one in document["next"]]
    assert document["schema"] == "tocsin/next/v1"
    assert len(commands) == len(set(commands))
