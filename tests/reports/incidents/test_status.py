"""What a tired commander sees first, and what a script reads."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from runner.incident.state import commands as c
from runner.reports.core.action_text import command_text, typed
from runner.reports.core.formatting import read_in
from runner.reports.core.page import plain
from runner.reports.core.task_rows import TaskRow
from runner.reports.incidents.recommendations import task_item
from runner.reports.incidents.status_page import status_page
from tests import scenario as s
from tests.reports import scenes

CONTRACT = [
    "incident",
    "codename",
    "title",
    "kind",
    "state",
    "playbooks",
    "version",
    "tasks",
    "duties",
    "deliveries",
    "notices",
    "needs_attention",
]
TASK = ["step", "invocation", "kind", "title", "state", "assignee", "due"]
ATTENTION = [
    *("kind", "severity", "ref", "since", "text", "command", "action", "rank", "due", "who", "detail"),
    "person",
]


def test_an_incident_just_opened_shows_all_that_is_to_come() -> None:
    scenes.compare("status.opened", status_page(scenes.shown(scenes.opened(), "ann")))


def test_a_running_incident_shows_clocks_approvals_and_my_tasks() -> None:
    scenes.compare("status.signing", status_page(scenes.shown(scenes.signing(kind="exercise"), "eve")))


def test_everything_shows_ended_steps() -> None:
    with read_in(ZoneInfo("Europe/Berlin")):
        page = status_page(scenes.shown(scenes.signing()), everything=True)
    scenes.compare("status.everything", page)


def test_trouble_comes_first_with_the_command_that_deals_with_it() -> None:
    scenes.compare("status.trouble", status_page(scenes.shown(scenes.trouble(), "bob")))


def test_a_narrow_terminal_still_shows_every_word() -> None:
    scenes.compare("status.narrow", status_page(scenes.shown(scenes.trouble(), "bob")), 44)


def test_the_json_has_the_keys_of_the_contract_first_and_in_its_order() -> None:
    document = scenes.document(scenes.shown(scenes.trouble()))
    assert document["schema"] == "tocsin/status/v1"
    assert list(document)[1 : len(CONTRACT) + 1] == CONTRACT
    assert list(document["tasks"][0])[: len(TASK)] == TASK
    assert list(document["needs_attention"][0]) == ATTENTION
    assert set(document["playbooks"][0]) == {"name", "version", "digest"}


def test_a_duty_that_is_late_is_the_worst_thing() -> None:
    world = scenes.signing()
    world.advance(timedelta(hours=80))
    first = scenes.shown(world).needs_attention[0]
    assert (first.kind, first.severity, first.ref) == ("duty_overdue", "critical", scenes.DUTY)
    assert "approve" in command_text(first.action)  # the text is not approved: nobody can file it


def test_a_clock_waits_for_a_person_from_twelve_hours_on() -> None:
    world = scenes.signing()
    world.advance(timedelta(hours=50))
    assert "clock" not in {item.kind for item in scenes.shown(world).needs_attention}
    world.advance(timedelta(hours=10))
    assert "clock" in {item.kind for item in scenes.shown(world).needs_attention}


def test_an_attempt_without_an_outcome_is_said_out_loud_after_a_while() -> None:
    world = s.World(s.act("isolate"))
    world.claim()
    assert scenes.shown(world).needs_attention == ()
    world.now += timedelta(minutes=4)
    (found,) = scenes.shown(world).needs_attention
    assert (found.kind, command_text(found.action)) == ("no_outcome", "tocsin worker --once")


def test_due_work_without_a_worker_is_reported() -> None:
    world = s.World(s.message("tell"))
    world.advance(timedelta(minutes=6))
    assert [item.kind for item in scenes.shown(world).needs_attention] == ["not_worked"]


def test_a_paused_incident_asks_to_be_resumed() -> None:
    world = s.World(s.task("one"))
    world.give(c.Pause(reason="night"))
    assert "paused" in {item.kind for item in scenes.shown(world).needs_attention}


def test_an_unheld_role_is_reported_once() -> None:
    world = s.World(s.task("one", role="desk"), s.task("two", role="desk"))
    (found,) = [item for item in scenes.shown(world).needs_attention if item.kind == "role_unheld"]
    assert (found.ref, command_text(found.action)) == ("desk", "tocsin role assign desk PERSON")


@pytest.mark.parametrize("end", [c.Close(reason="over"), c.CancelIncident(reason="no breach")])
def test_an_ended_incident_needs_no_action(end: c.AnyCommand) -> None:
    world = scenes.trouble()
    world.give(end)
    assert scenes.shown(world, "bob").needs_attention == ()


def test_a_missing_fact_names_all_that_it_holds_up_in_one_line() -> None:
    found = {item.ref: item for item in scenes.shown(scenes.trouble()).needs_attention}
    assert "Ask for the key" in found["data.encrypted"].detail
    assert (
        command_text(found["data.encrypted"].action) == "tocsin fact set data.encrypted=VALUE --source SOURCE"
    )


def test_a_lane_without_undue_delay_precedes_one_with_two_months() -> None:
    world = scenes.opened()
    found = scenes.shown(world)
    row = next(task for task in found.tasks if task.invocation and task.state == "ready")
    later = {"due": None, "latest_safe_start": world.now + timedelta(days=59)}
    slow = msgspec.structs.replace(found.duties[0], id="us-xx/slow", verdict="applies", **later)
    prompt = msgspec.structs.replace(
        slow, id="us-xx/prompt", due_kind="no_number", internal_target=world.now + timedelta(days=3)
    )
    rows = tuple(
        msgspec.structs.replace(row, item=item, due=None, invocation=f"t[{item}]", row=number)
        for number, item in enumerate(("", slow.id, prompt.id), start=1)
    )
    shown = msgspec.structs.replace(found, tasks=rows, duties=(slow, prompt), mine=())
    ready = plain(typed(status_page(shown))).partition("TO DO (3)\n")[2]
    assert ready.index(prompt.id) < ready.index(slow.id)
    assert task_item(rows[2], shown).due == prompt.internal_target


def waiting(n: int, **changes: object) -> TaskRow:
    """Return a step that waits for the one before it."""
    before = f"step-{n - 1}"
    row = TaskRow(
        step=f"step-{n}",
        invocation=f"main:step-{n}#1",
        kind="task",
        title=f"Do thing {n}",
        state="waiting",
        assignee="",
        due=None,
        row=n,
        waits_for=(before,),
    )
    return msgspec.structs.replace(row, **changes)


def test_a_large_playbook_shows_the_next_tasks_and_counts_the_rest() -> None:
    rows = [waiting(n) for n in range(100, 170)]
    rows[60] = waiting(160, missing=("data.encrypted",), waits_for=())
    rows[50] = waiting(150, waits_for=("wipe",))
    found = msgspec.structs.replace(scenes.shown(scenes.opened()), tasks=tuple(rows))
    page = plain(typed(status_page(found)), 120)
    assert "NEXT (70 tasks) → tocsin task list" in page
    assert [n for n in range(100, 170) if f"Do thing {n} " in page] == [100, 150, 160]
    whole = plain(typed(status_page(found, everything=True)), 120)
    assert whole.count("Do thing") == 70


def test_the_latest_done_tasks_are_shown_and_the_rest_counted() -> None:
    at = s.T0 + timedelta(minutes=1)
    ended = [
        waiting(n, state="done", over=True, waits_for=(), ended_at=at + timedelta(minutes=(n * 7) % 40))
        for n in range(1, 41)
    ]
    ended.append(waiting(41, state="not_applicable", over=True, ended_at=at + timedelta(hours=1)))
    found = msgspec.structs.replace(scenes.shown(scenes.opened()), tasks=tuple(ended))
    page = plain(typed(status_page(found)), 120)
    assert page.count("Do thing") == 3
    assert "RECENTLY DONE (3 of 41)" in page
    assert "Do thing 17 " in page, "which ended 39 minutes later"
