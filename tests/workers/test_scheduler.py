"""Schedulers in processes of their own, on either store: one firing for all of them, and none lost when one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.exercises.test_drills import EXERCISE
from tests.servers.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
pytestmark = pytest.mark.slow

DIES = """\
import os, signal, sys
from pathlib import Path
from runner.workers.schedule_runner import ScheduleRunner
from runner.app.exercises import schedules
from runner.app.core.identifiers import RandomIds, SystemClock
from runner.app.home.open_home import open_service
from runner.base.actor import Principal

desk = open_service(Path(sys.argv[1]), Principal(person="tocsin", os_user="test"), clock=SystemClock(), chance=RandomIds())
alive = desk.store.register_worker("doomed")
schedules.take(desk, "doomed", lambda: 0.0)
if sys.argv[2] == "opened":
    firer = ScheduleRunner(desk, "doomed", lambda: 0.0, None, lambda event: None)
    for schedule, firing in schedules.in_hand(desk, "doomed"):
        firer.happen(schedule, firing)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def scheduled(request: pytest.FixtureRequest, tmp_path: Path) -> AtDesk:
    """A home whose exercise was to come twice since it was scheduled."""
    tocsin = AtDesk(tmp_path / "home")
    tocsin.done("init")
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    tocsin.settings(**({"store": url} if url else {}))
    if url:
        tocsin.done("doctor", "--repair")
    folder = tocsin.home / "exercises"
    folder.mkdir()
    (folder / "lost-badge.yaml").write_text(PLAYBOOK, encoding="utf-8")
    (folder / "badge-evening.yaml").write_text(EXERCISE, encoding="utf-8")
    tocsin.clock.time = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    tocsin.done("drill", "schedule", "badge-evening", "--every", "1h")
    tocsin.clock.time = datetime.now(UTC)
    return tocsin


def begin(tocsin: AtDesk, *words: str) -> subprocess.Popen[str]:
    """Start a process of the program."""
    return subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        env={**os.environ, "TOCSIN_HOME": str(tocsin.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(tocsin: AtDesk) -> list[str]:
    """Return the states of the firings, the oldest first."""
    found: Any = tocsin("drill", "schedules", "--format", "json").json
    return [fired["state"] for schedule in found["schedules"] for fired in schedule["firings"]]


def incidents(tocsin: AtDesk) -> list[str]:
    """Return the codenames of all incidents."""
    return [incident["codename"] for incident in tocsin("list", "--format", "json").json["incidents"]]


def test_one_of_several_schedulers_opens_a_firing_and_all_stop_cleanly(scheduled: AtDesk) -> None:
    going_on = [begin(scheduled, "scheduler") for _ in range(2)]
    looking = [begin(scheduled, "drill", "run", "--due") for _ in range(2)]
    told = "".join(one.communicate()[1] for one in looking)
    assert {one.returncode for one in looking} <= {0, 4}, told
    for one in going_on:
        assert one.stderr is not None
        assert str(scheduled.home) in one.stderr.readline(), "it says that it has begun"
        one.send_signal(signal.SIGTERM)
    told += "".join(one.communicate()[1] for one in going_on)
    assert [one.returncode for one in going_on] == [0, 0], told
    assert states(scheduled) == ["missed", "opened"]
    assert len(incidents(scheduled)) == 1
    (codename,) = incidents(scheduled)
    once = [codename in line for line in told.splitlines() if "badge-evening" in line]
    assert sorted(once) == [False, True], "the missed one and the open one are told by one of them each"


@pytest.mark.parametrize("when", ["recorded", "opened"])
def test_a_firing_of_a_killed_scheduler_is_taken_over_once(scheduled: AtDesk, when: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", DIES, str(scheduled.home), when],
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert states(scheduled) == ["missed", "claimed"]
    assert len(incidents(scheduled)) == (when == "opened")
    scheduled.clock.time = datetime.now(UTC)
    said = scheduled("drill", "run", "--due")
    assert said.code == 0, said.err
    assert states(scheduled) == ["missed", "opened"]
    (codename,) = incidents(scheduled)
    assert codename in said.err


def test_the_conductor_starts_an_exercise_opened_by_a_schedule(scheduled: AtDesk) -> None:
    assert scheduled("drill", "run", "--due").code == 4  # one was missed
    conducting = begin(scheduled, "drill", "run", "--go-on", *incidents(scheduled))
    assert conducting.stderr is not None
    number, *words = conducting.stderr.readline().split()
    assert (number, "caller" in words) == ("1", True)
    conducting.send_signal(signal.SIGTERM)
    _, told = conducting.communicate()
    assert conducting.returncode == 0, told
    assert scheduled("drill", "show", "--format", "json").json["stage"] == "running"
