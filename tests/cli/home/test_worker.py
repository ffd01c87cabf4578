"""A running worker process, the commands beside it, and shell completion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "runner"]


@contextmanager
def a_worker(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a worker and wait until it says that it works."""
    child = subprocess.Popen(
        [*COMMAND, "worker"],
        env={**os.environ, "TOCSIN_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    try:
        assert str(home) in child.stderr.readline()
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_stops_cleanly_on_a_signal(tocsin: AtDesk, number: signal.Signals) -> None:
    with a_worker(tocsin.home) as child:
        child.send_signal(number)
        _, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    assert "w-" in err


def test_beside_a_worker_a_command_leaves_the_work_to_it_and_wakes_it(tocsin: AtDesk, playbook: Path) -> None:
    with a_worker(tocsin.home) as child:
        environ = {**os.environ, "TOCSIN_HOME": str(tocsin.home)}
        words = ["open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711"]
        subprocess.run([*COMMAND, *words], env=environ, check=True, capture_output=True, timeout=PATIENCE)
        assert child.stderr is not None
        said = [child.stderr.readline() for _ in range(3)]
        assert "message for 2 composed" in said[0]
        assert [line.strip().endswith("over screen: accepted") for line in said[1:]] == [True, True]
    assert tocsin.console.count("A badge is missing") == 2


def test_a_worker_that_was_killed_keeps_no_command_from_working(tocsin: AtDesk, playbook: Path) -> None:
    with a_worker(tocsin.home) as child:
        child.kill()
        child.wait(timeout=PATIENCE)
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    assert tocsin.console.count("A badge is missing") == 2


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [
        ("tocsin stat", 1, "status"),
        ("tocsin task sho", 2, "show"),
        ("tocsin status amber", 2, "amber-falcon"),
        ("tocsin task done blo", 3, "block"),
        ("tocsin playbook show lost-d", 3, "lost-device"),
    ],
)
def test_the_shell_is_offered_commands_incidents_steps_and_playbooks(
    incident: AtDesk, words: str, position: int, offered: str
) -> None:
    done = subprocess.run(
        COMMAND,
        env={
            **os.environ,
            "TOCSIN_HOME": str(incident.home),
            "_TOCSIN_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(position),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert offered in done.stdout.split()


def test_watching_is_left_with_ctrl_c_and_piped_it_writes_a_page_when_something_changed(
    incident: AtDesk,
) -> None:
    environ = {**os.environ, "TOCSIN_HOME": str(incident.home)}
    with subprocess.Popen(
        [*COMMAND, "watch"],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # ignored where tests run behind a shell
    ) as child:
        try:
            assert child.stdout is not None
            assert any("amber-falcon" in line for line in iter(child.stdout.readline, ""))
            incident.done("note", "something happened")
            assert any("amber-falcon" in line for line in iter(child.stdout.readline, ""))
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=PATIENCE)
        finally:
            child.kill()
    assert child.returncode == 0


def test_an_ascii_terminal_stops_no_command(incident: AtDesk) -> None:
    environ = {**os.environ, "TOCSIN_HOME": str(incident.home), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*COMMAND, "next"], env=environ, capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0
    assert "→".encode() in done.stdout
