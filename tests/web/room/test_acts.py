"""What people do on the page of a task: the commands of the command line, a stale form refused, nothing typed lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from runner.web.room.acts.table import ACTING
from runner.web.room.table import BY_OPERATION, act_address, address
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.room import Served, landlord

TASK = BY_OPERATION["task"]


@pytest.fixture
def step(room: Served, desk: AtDesk) -> str:
    """A task of Maria's, beside those of the playbook."""
    return landlord(desk)


def page(room: Served, reader: requests.Session, step: str) -> str:
    return room.get(reader, address(TASK, room.codename, step)).text


def mark(text: str) -> str:
    return re.findall(r'name="mark" value="(\w+)"', text)[0]


def act(room: Served, reader: requests.Session, verb: str, step: str, **given: str) -> requests.Response:
    given.setdefault("mark", mark(page(room, reader, step)))
    return reader.post(
        f"{room.url}{act_address(TASK, verb, room.codename, step)}",
        data=given,
        allow_redirects=False,
        timeout=PATIENCE,
    )


def shown(desk: AtDesk, step: str) -> Any:
    return desk("task", "show", step, "--format", "json").json


def test_a_task_is_started_commented_and_done(room: Served, desk: AtDesk, step: str) -> None:
    maria = room.reader("maria")
    assert act(room, maria, "start", step).status_code == 303
    assert shown(desk, step)["task"]["state"] == "active"
    assert act(room, maria, "comment", step, text="nobody answers").status_code == 303
    answer = act(room, maria, "done", step, comment="reached at last")
    assert (answer.status_code, answer.headers["location"]) == (303, address(TASK, room.codename, step))
    found = shown(desk, step)
    assert found["task"]["state"] == "done"
    assert [one["text"] for one in found["comments"]] == ["nobody answers"]
    entries = desk("timeline", "--all", "--format", "json").json["entries"]
    assert {entry["proven_by"] for entry in entries if "landlord" in entry["text"]} == {None, "login:test"}


def test_a_task_is_assigned_failed_skipped_and_opened_again(room: Served, desk: AtDesk, step: str) -> None:
    maria = room.reader("maria")
    assert act(room, maria, "assign", step, person="jonas", reason="on the spot").status_code == 303
    assert shown(desk, step)["task"]["assignee"] == "jonas"
    assert act(room, maria, "skip", step, reason="not needed").status_code == 303
    assert shown(desk, step)["task"]["state"] == "skipped"
    assert act(room, maria, "reopen", step, reason="needed after all").status_code == 303


def test_a_stale_form_is_refused_and_what_was_typed_stays(room: Served, desk: AtDesk, step: str) -> None:
    maria = room.reader("maria")
    before = mark(page(room, maria, step))
    desk.done("task", "start", step, "--as", "jonas")
    answer = act(room, maria, "done", step, mark=before, comment="a long <text> of mine")
    assert (answer.status_code, "a long &lt;text&gt; of mine" in answer.text) == (412, True)
    assert shown(desk, step)["task"]["state"] == "active"
    assert mark(answer.text) != before
    assert act(room, maria, "done", step, mark=mark(answer.text), comment="again").status_code == 303


def test_an_error_of_the_service_is_said_and_what_was_typed_stays(
    room: Served, desk: AtDesk, step: str
) -> None:
    maria = room.reader("maria")
    answer = act(room, maria, "fail", step, reason="  ")
    assert (answer.status_code, "data-error" in answer.text) == (409, True)
    answer = act(room, maria, "assign", step, person="nobody-known", reason="because of me")
    assert (answer.status_code, 'value="because of me"' in answer.text) == (409, True)
    assert shown(desk, step)["task"]["state"] == "ready"


def test_a_person_without_the_right_sees_no_form_and_cannot_act(
    room: Served, desk: AtDesk, step: str
) -> None:
    maria, ada = room.reader("maria"), room.reader("ada")
    known = mark(page(room, maria, step))
    text = page(room, ada, step)
    offered = set(re.findall(r'data-draft="(\w+)"', text))
    assert offered == {"start", "done", "fail", "comment"}
    for verb in ("assign", "skip", "reopen", "unknown"):
        answer = act(room, ada, verb, step, mark=known, person="ada", reason="mine")
        assert (answer.status_code, answer.content) == (404, room.get(ada, "/nothing").content), verb
    assert shown(desk, step)["task"]["state"] == "ready"


def test_a_stranger_and_another_site_change_nothing(room: Served, desk: AtDesk, step: str) -> None:
    maria = room.reader("maria")
    known = mark(page(room, maria, step))
    target = f"{room.url}{act_address(TASK, 'start', room.codename, step)}"
    stranger = requests.post(target, data={"mark": known}, headers={"Origin": room.url}, timeout=PATIENCE)
    assert stranger.status_code == 401
    foreign = maria.post(
        target, data={"mark": known}, headers={"Origin": "http://evil.test"}, timeout=PATIENCE
    )
    assert foreign.status_code == 403
    assert room.get(maria, target.removeprefix(room.url)).status_code == 405
    assert shown(desk, step)["task"]["state"] == "ready"


def test_every_act_is_offered_somewhere_or_needs_a_state(room: Served, desk: AtDesk, step: str) -> None:
    maria = room.reader("maria")
    offered = set(re.findall(r'data-draft="(\w+)"', page(room, maria, step)))
    act(room, maria, "done", step)
    offered |= set(re.findall(r'data-draft="(\w+)"', page(room, maria, step)))
    # Items and answers are in the test with a playbook that has them.
    assert offered == ACTING["task"].acts.keys() - {"check", "answer"}
