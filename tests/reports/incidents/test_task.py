"""One step in full."""

from __future__ import annotations

from datetime import timedelta

from runner.base.actor import Principal
from runner.incident.state import commands as c
from runner.reports.core.action_text import typed
from runner.reports.core.page import plain
from runner.reports.incidents.task import TaskReport, task, task_page
from tests import scenario as s
from tests.reports import scenes

SIGN = f"notices[{scenes.DUTY}].sign"


def report(world: s.World, step: str) -> TaskReport:
    return task(world.incident, world.library, world.at(step).id)


def test_a_task_shows_its_checklist_with_numbers_and_its_instructions() -> None:
    world = scenes.opened(kind="exercise")
    world.give(c.StartTask(step=world.id("wipe")), c.CheckRow(step=world.id("wipe"), row=0), by="bob")
    scenes.compare("task.checklist", task_page(report(world, "wipe"), world.now))


def test_a_question_shows_the_fact_that_it_sets() -> None:
    world = scenes.opened()
    scenes.compare("task.question", task_page(report(world, "encrypted"), world.now))


def test_an_approval_shows_its_subject_and_shared_machines() -> None:
    world = scenes.signing()
    bound = world.at(f"notices[{scenes.DUTY}].notice").digest
    for who in ("eve", "ann"):
        decision = c.Decide(step=world.id(SIGN), digest=bound, approved=True)
        world.give(decision, by=Principal(person=who, os_user="shared"))
    found = report(world, SIGN)
    assert [approval.shared_os_user for approval in found.approvals] == [True, True]
    scenes.compare("task.approval", task_page(found, world.now))


def test_a_message_shows_its_deliveries_and_an_act_its_attempts() -> None:
    world = scenes.trouble()
    scenes.compare("task.message", task_page(report(world, "tell"), world.now))
    scenes.compare("task.act", task_page(report(world, "isolate"), world.now))


def test_comments_are_read_from_the_journal() -> None:
    world = s.World(s.task("wipe"))
    world.give(c.CommentStep(step=world.id("wipe"), text="no answer yet"), by="bob")
    report = task(world.incident, world.library, world.id("wipe"), scenes.stored(world))
    assert "COMMENTS\n  09:00  bob  no answer yet" in plain(typed(task_page(report, world.now)))


def test_a_step_done_again_shows_the_earlier_time() -> None:
    world = s.World(s.task("wipe"))
    world.done("wipe")
    world.advance(timedelta(minutes=5))
    world.reopen("wipe")
    found = report(world, "wipe")
    assert [(other.invocation, other.state) for other in found.others] == [("main:wipe#1", "done")]
    scenes.compare("task.reopened", task_page(found, world.now))


def test_a_step_that_has_ended_recommends_nothing() -> None:
    world = s.World(s.task("wipe"))
    world.done("wipe")
    assert "→" not in plain(typed(task_page(report(world, "wipe"), world.now)))


LOOSE = {"must": False, "at_once": False}


def test_the_json_counts_checklist_rows_from_one() -> None:
    document = scenes.document(report(scenes.opened(), "wipe"))
    assert document["schema"] == "tocsin/task/v1"
    assert document["checklist"][0] == {"row": 1, "text": "Find the serial number", "done": False, **LOOSE}
