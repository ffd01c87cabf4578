"""A request whose process died is answered at once: with its outcome, done again, or as unknown; it is never done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from runner.app.core.incident_service import IncidentService
from runner.app.people import idempotency, tokens
from runner.base.actor import Principal
from runner.incident.state.commands import CommentStep
from runner.incident.state.incident import Incident
from runner.web.room.openapi import BASE
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.patience import PATIENCE
from tests.refusals import refused
from tests.web.room.room import Served, served

KEY = "k-1"
MACHINE = Path("/proc/sys/kernel/random/boot_id")

pytestmark = [
    pytest.mark.skipif(not MACHINE.exists(), reason="NOT TESTED: this system has no /proc"),
    pytest.mark.parametrize(
        "kept_in", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
    ),
]


def body(text: str) -> bytes:
    return json.dumps({"text": text}).encode()


def path(codename: str) -> str:
    return f"{BASE}/incidents/{codename}/act/task/comment/block"


class Program:
    """A program with a token, and processes that begin its requests and die."""

    def __init__(self, desk: AtDesk, room: Served) -> None:
        self.desk, self.room = desk, room
        self.scopes = ("--scope", "incident.read", "--scope", "task.act")
        self.secret = desk.done("token", "create", "bot", "--owner", "maria", *self.scopes).strip()

    def dies(self, key: str, text: str, *, recorded: bool) -> None:
        """Begin a request in a process that ends before the answer, before or after its append."""
        given = (self.desk.home, self.desk.store, self.desk.clock.time.isoformat(), self.room.codename)
        words = (*map(str, given), self.secret, key, text, "recorded" * recorded)
        subprocess.run([sys.executable, "-m", __name__, *words], check=True, timeout=PATIENCE)

    def sends(self, text: str, key: str = KEY) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key}
        address = f"{self.room.url}{path(self.room.codename)}"
        return requests.post(address, data=body(text), headers=headers, timeout=PATIENCE)

    @property
    def comments(self) -> list[str]:
        shown = self.desk("task", "show", "block", "--format", "json").json
        return [one["text"] for one in shown["comments"]]


@pytest.fixture
def program(tocsin: AtDesk, tmp_path: Path) -> Iterator[Program]:
    tocsin.settings()
    (tmp_path / "badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes")
    with served(tocsin) as room:
        yield Program(tocsin, room)


def test_what_was_not_recorded_is_done_at_once_and_once(program: Program) -> None:
    program.dies(KEY, "Called", recorded=False)
    program.desk.done("note", "an entry of somebody else")
    first, again = program.sends("Called"), program.sends("Called")
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert ["idempotency-replayed" in one.headers for one in (first, again)] == [False, True]
    assert program.comments == ["Called"]


def test_what_was_recorded_is_answered_at_once_and_not_done_again(program: Program) -> None:
    program.sends("Before", "k-0")
    program.dies(KEY, "Called", recorded=True)
    program.sends("After", "k-2")
    first, again = program.sends("Called"), program.sends("Called")
    assert (first.status_code, first.json()["verb"], again.content) == (200, "comment", first.content)
    assert "idempotency-replayed" in first.headers
    assert program.comments == ["Before", "Called", "After"]


def test_what_another_request_of_the_token_can_have_recorded_is_unknown_at_once(program: Program) -> None:
    program.dies("k-0", "Other", recorded=False)
    program.dies(KEY, "Called", recorded=True)
    for key, text in ((KEY, "Called"), ("k-0", "Other"), (KEY, "Called")):
        answer = program.sends(text, key)
        assert (answer.status_code, answer.json()["code"]) == (409, "key_outcome_unknown"), key
    assert program.comments == ["Called"]


def test_another_request_does_not_take_the_key_of_a_dead_process(program: Program) -> None:
    program.dies(KEY, "Called", recorded=False)
    assert program.sends("Not this").json()["code"] == "key_reused"
    assert program.sends("Called").status_code == 200


@pytest.mark.parametrize("known", ["no process", "another machine"])
def test_a_process_that_cannot_be_judged_keeps_its_two_minutes(program: Program, known: str) -> None:
    program.dies(KEY, "Called", recorded=False)
    office = program.desk.office()
    [name] = office.marks("api-key/")

    def elsewhere(marks: dict[str, bytes]) -> dict[str, bytes]:
        kept = json.loads(marks[name])
        kept["process"] = "" if known == "no process" else f"0000 pid:[1] {kept['process'].split()[-1]}"
        return {name: json.dumps(kept).encode()}

    office.change_marks((name,), elsewhere)
    assert program.sends("Called").json()["code"] == "key_in_progress"
    program.desk.clock.advance(timedelta(minutes=2))
    assert program.sends("Called").json()["code"] == "key_outcome_unknown"
    assert program.comments == []


def test_what_the_database_commits_for_a_dead_process_is_not_done_again(program: Program) -> None:
    program.dies(KEY, "Called", recorded=False)
    desk = program.desk.office()
    who = tokens.find(desk, program.secret)
    assert who is not None
    incident = desk.load(desk.find(program.room.codename))
    request = f"{path(program.room.codename)}\0\0".encode() + body("Called")
    _, answer, guard = idempotency.begin(desk, who, KEY, request, incident)
    guard()
    comment(desk, who, incident, "Called")
    with refused("key_outcome_unknown"):
        guard()
    assert answer is None


def comment(office: IncidentService, who: Principal, incident: Incident, text: str) -> None:
    step = next(one for one in incident.invocations if ":block#" in one)
    office.of(who).act(who, incident.id, [CommentStep(step=step, text=text)])


def _die(
    home: str, store: str, now: str, codename: str, secret: str, key: str, text: str, recorded: str
) -> None:
    desk = AtDesk(Path(home), store=store)
    desk.clock.time = datetime.fromisoformat(now)
    office = desk.office()
    who = tokens.find(office, secret)
    assert who is not None
    incident = office.load(office.find(codename))
    idempotency.begin(office, who, key, f"{path(codename)}\0\0".encode() + body(text), incident)
    if recorded:
        comment(office, who, incident, text)
    os._exit(0)


if __name__ == "__main__":
    _die(*sys.argv[1:])
