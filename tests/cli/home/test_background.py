"""The background worker: start, restart, stop, and the dead man's switch.

Only homes of this file let commands start one, and each is stopped at the end of its test.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.testing.chaos import ChaosServer, Talk
from runner.app.home.workers import Background, keep_record, record_file
from tests.cli.at_desk import AtDesk, Said
from tests.crash.soaking import at_desk
from tests.patience import PATIENCE
from tests.servers.postgres import BOTH_STORES

pytestmark = pytest.mark.slow
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: reminder
version: 1.0.0
title: Reminder
roles: {commander: {title: Incident commander}}
messages:
  heads-up: {class: task-notice, text: "The second call is due."}
steps:
  - {id: pause, wait: 3s}
  - {id: tell, message: heads-up, to: [role:commander], after: [pause]}
"""


class Machine:
    """A home whose commands run as processes of their own, as a person's do."""

    def __init__(self, folder: Path, store: str = "") -> None:
        """Make the home."""
        self.desk = at_desk(folder / "home", store)
        self.desk.done("init")
        self.playbook = folder / "reminder.yaml"
        self.playbook.write_text(PLAYBOOK, encoding="utf-8")
        self.environ = {"TOCSIN_HOME": str(self.desk.home), "TOCSIN_STATE": str(folder / "state")}
        self.settings()

    def settings(self, **changes: Any) -> None:
        """Write the settings of a home whose commands start workers."""
        self.desk.settings(**{"worker": "auto", **changes})

    def __call__(self, *words: str, **environ: str) -> Said:
        """Run a command."""
        done = subprocess.run(
            [sys.executable, "-m", "runner", *words],
            env={**os.environ, **self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def status(self) -> Any:
        """Return what ``worker status`` says."""
        return self("worker", "status", "--format", "json").json

    def open(self, *words: str) -> Said:
        """Open the incident."""
        said = self("open", str(self.playbook), "--yes", *words)
        assert said.code == 0, said.err
        return said

    def close(self) -> None:
        """Stop the worker, however it is."""
        found = self.status()["pid"]
        if found is not None:
            os.kill(found, signal.SIGKILL)
        record_file(self.desk.home).unlink(missing_ok=True)
        self.desk.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path)
    yield found
    found.close()


@pytest.fixture
def on_each_store(tmp_path: Path, kept_in: str) -> Iterator[Machine]:
    machine = Machine(tmp_path, kept_in)
    yield machine
    machine.close()


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends
        threading.Event().wait(0.05)


def kill(machine: Machine) -> str:
    """Kill the worker as a crash would, and return its name."""
    found = machine.status()
    os.kill(found["pid"], signal.SIGKILL)
    until(lambda: machine.status()["state"] == "died")
    return str(found["workers"][0])


@BOTH_STORES
def test_a_worker_is_there_from_open_to_stop_whatever_ends_it(on_each_store: Machine) -> None:
    machine = on_each_store
    assert machine("worker", "status").code == 4
    machine.open()
    assert machine.status()["state"] == "running"
    until(lambda: "The second call is due" in machine.desk.console)
    first = kill(machine)
    assert machine("status").warnings.count("worker_restarted") == 0
    assert machine.status()["state"] == "died"
    assert "worker_restarted" in machine("note", "looked at the badge reader").warnings
    again = machine.status()
    assert (again["state"], again["workers"] != [first]) == ("running", True)
    assert machine("worker", "stop").code == 0
    assert machine("note", "looked again").warnings == []
    assert machine.status()["state"] == "stopped"


def test_a_background_worker_shows_no_message_on_a_screen_that_nobody_watches(machine: Machine) -> None:
    people = {"maria": {"contacts": [{"channel": "screen", "address": "maria"}]}}
    channels = {"screen": {"adapter": "console", "confidentiality": "confidential"}}
    machine.settings(channels=channels, people=people, roles={"commander": ["maria"]})
    doctor = machine("doctor", "--format", "json").json
    assert "only_on_screens" in [one["code"] for one in doctor["findings"]]
    machine.open()
    sent = machine("message", "send", "Meet at 5", "--to", "commander", "--ask-ack", "--yes")
    assert (sent.code, "(screen)" in sent.out + sent.err) == (0, True)
    waiting = machine("status", "--format", "json").json["needs_attention"]
    assert "unreachable" in [one["kind"] for one in waiting]
    until(lambda: len(_deliveries(machine)) == 2)
    assert {one["evidence"] for one in _deliveries(machine)} == {"none"}
    log = Path(machine.status()["log"]).read_text(encoding="utf-8")
    assert ("Meet" in log, "second" in log) == (False, False)


def test_settings_that_are_newer_than_the_worker_are_reported(machine: Machine) -> None:
    machine("worker", "start")
    config, since = machine.desk.home / "tocsin.yaml", machine.status()["since"]
    at = datetime.fromisoformat(since).timestamp()
    for later, warned in ((-10, False), (10, True)):
        os.utime(config, (at + later, at + later))
        said = machine("webhook", "list")
        found = machine("doctor", "--offline", "--format", "json").json["findings"]
        assert ("worker_outdated" in said.warnings, "worker_outdated" in [one["code"] for one in found]) == (
            warned,
            warned,
        )


def _deliveries(machine: Machine) -> Any:
    return machine("message", "list", "--format", "json").json["deliveries"]


def test_there_is_one_however_many_ask_for_it_at_once(machine: Machine) -> None:
    machine.open("--no-worker")
    words = [sys.executable, "-m", "runner", "worker", "start", "--format", "json"]
    environ = {**os.environ, **machine.environ}
    asked = [subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [json.loads(one.communicate(timeout=PATIENCE)[0]) for one in asked]
    assert len({answer["pid"] for answer in answers}) == 1
    assert machine.status()["workers"] == answers[0]["workers"]
    assert len(answers[0]["workers"]) == 1


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("auto", ["--no-worker"]),
        ("manual", []),
        ("auto", ["--kind", "test"]),
        ("auto", ["--kind", "exercise"]),
    ],
)
def test_open_starts_no_worker_without_need(machine: Machine, mode: str, words: list[str]) -> None:
    machine.settings(worker={"mode": mode})
    machine.open(*words)
    assert machine.status()["state"] == "stopped"


def test_a_manual_home_starts_none_again(machine: Machine) -> None:
    machine.settings(worker="manual")
    machine.open()
    assert machine("worker", "start").code == 0
    kill(machine)
    assert machine("note", "nothing begins").warnings == []
    assert machine.status()["state"] == "died"


def test_a_service_that_works_is_enough(machine: Machine) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "runner", "worker"],
        env={**os.environ, **machine.environ},
        stderr=subprocess.PIPE,
        text=True,
    ) as service:
        assert service.stderr is not None
        assert "w-" in service.stderr.readline()
        machine.open()
        found = machine.status()
        service.terminate()
        service.communicate(timeout=PATIENCE)
    assert (found["state"], found["pid"], found["lacks"]) == ("running", None, None)


def test_secrets_that_its_environment_lacks_are_named_and_their_values_are_nowhere(machine: Machine) -> None:
    channels = {
        "screen": {"adapter": "console", "settings": {"path": str(machine.desk.home / "console.txt")}},
        "pager": {
            "adapter": "webhook",
            "settings": {"url": "https://hooks.example.org/x"},
            "secrets": {"signing": "env:PAGER_KEY"},
        },
    }
    machine.settings(channels=channels, act={"hosts": [], "secrets": {"edr": "env:EDR_TOKEN"}})
    said = machine("worker", "start", PAGER_KEY="whsec_hunter2hunter2")
    assert (said.code, said.warnings) == (0, ["worker_lacks"])
    shown = machine("worker", "status", "--format", "json")
    assert (shown.code, shown.json["lacks"]) == (4, ["EDR_TOKEN"])
    paths = [path for path in machine.desk.home.rglob("*") if path.is_file()]
    assert not [path for path in paths if b"hunter2" in path.read_bytes()]
    others = [
        path
        for path in (record_file(machine.desk.home), Path(shown.json["log"]))
        if path.stat().st_mode & 0o077
    ]
    assert others == []


def test_a_worker_that_cannot_start_is_reported_and_the_command_succeeds(machine: Machine) -> None:
    machine.settings(worker={"ping": "env:NO_SUCH_VARIABLE"}, store="sqlite:tocsin.db")
    (machine.desk.home / "logs").write_text("a file where the folder should be", encoding="utf-8")
    said = machine.open()
    assert "worker_not_started" in said.warnings
    assert machine("list", "--format", "json").json["incidents"]


def test_a_record_of_a_process_that_is_gone_stops_and_starts_nothing_else(tocsin: AtDesk) -> None:
    (tocsin.home / "workers").mkdir(exist_ok=True)
    gone = Background(worker="w-gone", pid=os.getpid(), since=tocsin.clock.now(), environment=())
    keep_record(tocsin.home, gone)
    assert tocsin("worker", "status", "--format", "json").json["state"] == "died"
    assert tocsin("worker", "stop").code == 0
    assert tocsin("worker", "status", "--format", "json").json["state"] == "stopped"


def test_options_before_the_verb_are_refused_and_not_lost(tocsin: AtDesk) -> None:
    said = tocsin("worker", "--home", "/nowhere", "status")
    assert (said.code, said.error) == (2, "option_too_early")


class Switch:
    """A dead man's switch that counts the calls."""

    def __init__(self, status: str = "200 OK") -> None:
        self.calls: list[str] = []
        self._status = status
        self.server = ChaosServer(self._answer)

    def _answer(self, talk: Talk) -> None:
        talk.hear_request()
        self.calls.append(bytes(talk.heard).split()[1].decode())
        talk.say(f"HTTP/1.1 {self._status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    @property
    def url(self) -> str:
        """Return the address to call."""
        return f"http://127.0.0.1:{self.server.port}/s3cret-path"


def test_continuous_and_single_workers_call_the_dead_mans_switch(machine: Machine) -> None:
    switch = Switch()
    with switch.server:
        machine.settings(worker={"mode": "auto", "ping": "env:PING_URL"})
        url = switch.url
        assert machine("worker", "--once", PING_URL=url).code == 0
        assert switch.calls == ["/s3cret-path"]
        assert machine("worker", "start", PING_URL=url).code == 0
        until(lambda: len(switch.calls) == 2)


def test_a_failing_dead_mans_switch_stops_no_worker_and_stays_secret(machine: Machine) -> None:
    switch = Switch("500 Internal Server Error")
    with switch.server:
        machine.settings(worker={"ping": switch.url})
        said = machine("worker", "--once")
    assert (said.code, said.warnings) == (0, ["ping_failed"])
    silent = machine("worker", "--once")
    assert (silent.code, silent.warnings) == (0, ["ping_failed"])
    assert "s3cret" not in said.err + silent.err


@pytest.mark.parametrize(
    "worker", ["always", {"mode": "auto", "ping": "command:curl"}, {"ping": "hc-ping.com/x"}]
)
def test_settings_that_say_nothing_clear_are_refused(tocsin: AtDesk, worker: Any) -> None:
    tocsin.settings(worker=worker)
    said = tocsin("worker", "status")
    assert (said.code, said.error) == (1, "bad_settings")
