"""A wrong clock does no harm: what time alone ends is held until a second clock, or a person, confirms the time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.app.core.trusted_clock import CLOCK, GAP, PATIENCE, TrustedClock
from runner.app.home.figures import unready
from tests.cli.at_desk import AtDesk, Machine
from tests.servers.needed import absent

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BADGE = """\
schema: tocsin/playbook/v1
name: lost-badge
version: 1.0.0
title: Lost badge
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
messages:
  heads-up: {class: urgent-internal, text: "A badge is missing.", to: [role:counsel], escalate_to: [role:commander]}
steps:
  - {id: tell, message: heads-up}
  - {id: block, task: Block the badge, role: commander, due: 15m, on_overdue: {remind: 1h}}
  - {id: pause, wait: 4h}
  - {id: report, task: Write the report, role: commander}
  - {id: sign, approve: report, by: {roles: [counsel]}, expires: 4h, after: [report]}
"""


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def desk(tmp_path: Path, machine: Machine) -> Iterator[AtDesk]:
    """A machine with an incident in which much can end by time."""
    made = AtDesk(tmp_path / "home", clock=machine)
    made.done("init")
    made.settings()
    (tmp_path / "badge.yaml").write_text(BADGE, encoding="utf-8")
    made.done("open", str(tmp_path / "badge.yaml"), "--yes")
    made.done("task", "done", "report")
    yield made
    made.close()


def kinds(desk: AtDesk) -> list[str]:
    """Return the types of all entries."""
    return [str(one["type"]) for one in timeline(desk)]


def timeline(desk: AtDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk("timeline", "--all", "--format", "json").json["entries"]
    return found


def states(desk: AtDesk) -> dict[str, str]:
    return {one["step"]: one["state"] for one in desk("task", "list", "--format", "json").json["tasks"]}


def questions(desk: AtDesk) -> int:
    return desk.console.count("confirm the time")


ENDS = {"StepOverdue", "DeliveryEnded", "StepSettled", "StepStuck"}


def ends(desk: AtDesk) -> int:
    return sum(kind in ENDS for kind in kinds(desk))


def test_a_clock_set_back_counts_on_from_the_newest_entry_and_says_so(desk: AtDesk, machine: Machine) -> None:
    machine.time -= 3 * DAY
    said = desk("note", "in the past")
    assert (said.code, said.warnings) == (0, ["clock_behind"])
    assert desk("status").warnings[:1] == ["clock_behind"]
    machine.time += 3 * DAY
    machine.advance(MINUTE)
    assert desk("note", "at the right time").warnings == []
    assert [one["at"][:16] for one in timeline(desk)][-2:] == ["2026-11-24T09:00", "2026-11-24T09:01"]


def test_two_minutes_back_are_no_setback(desk: AtDesk, machine: Machine) -> None:
    machine.time -= 2 * MINUTE
    assert desk("note", "nearly").warnings == []


def test_without_a_second_clock_a_command_without_a_terminal_changes_nothing(
    desk: AtDesk, machine: Machine
) -> None:
    before = kinds(desk)
    machine.time += 3 * DAY
    said = desk("note", "future")
    assert (said.code, said.error) == (4, "time_unconfirmed")
    assert desk("note", "future", "--format", "json").json["code"] == "time_unconfirmed"
    assert kinds(desk) == before
    machine.time -= 3 * DAY
    assert desk("note", "now").warnings == []


def test_a_person_at_a_terminal_confirms_the_time_or_sets_the_clock(desk: AtDesk, machine: Machine) -> None:
    machine.time += 3 * DAY
    refused = desk("note", "future", types="n\n")
    assert (refused.code, refused.error) == (1, "not_confirmed")
    assert desk("note", "after a long night", types="y\n").code == 0
    assert timeline(desk)[-1]["at"][:10] == "2026-11-27" or "StepOverdue" in kinds(desk)
    assert desk("note", "again").code == 0


def test_a_second_clock_that_agrees_says_when_no_process_ran(desk: AtDesk, machine: Machine) -> None:
    machine.server = True
    machine.advance(3 * DAY)
    assert desk("note", "three days later").warnings == ["no_process_ran"]
    assert "StepOverdue" in kinds(desk)


def test_a_second_clock_that_disagrees_confirms_nothing(desk: AtDesk, machine: Machine) -> None:
    machine.server = True
    machine.time += 3 * DAY
    assert desk("note", "future").code == 4


def test_an_hour_without_a_process_is_no_gap_and_neither_is_one_without_an_incident(
    desk: AtDesk, machine: Machine
) -> None:
    machine.advance(GAP)
    assert desk("note", "an hour later").warnings == []
    desk.closed("--reason", "found")
    machine.advance(3 * DAY)
    assert desk("person", "list").warnings == []


def test_a_worker_holds_the_ends_and_asks_the_commander_once(desk: AtDesk, machine: Machine) -> None:
    before = ends(desk)
    machine.time += 3 * DAY
    said = desk("worker", "--once")
    assert (said.code, said.warnings) == (4, ["time_unconfirmed"])
    desk("worker", "--once")
    assert unready(desk.office()) == ("time_unconfirmed",)
    assert (ends(desk), questions(desk)) == (before, 1)
    assert (states(desk)["pause"], states(desk)["sign"]) == ("active", "ready")
    machine.time -= 3 * DAY
    desk("worker", "--once")
    assert (ends(desk), desk("note", "right again").warnings) == (before, [])


def test_after_ten_minutes_alerts_go_on_and_ends_stay_held(desk: AtDesk, machine: Machine) -> None:
    machine.time += 2 * timedelta(hours=1)
    desk("worker", "--once")
    before = ends(desk)
    assert "DeliveryReminded" not in kinds(desk)
    for _ in range(3):
        machine.advance(PATIENCE / 2)
        desk("worker", "--once")
    assert "DeliveryReminded" in kinds(desk)
    assert "LevelFired" in kinds(desk)
    assert ends(desk) == before
    assert desk("doctor", "--repair", "--offline").code in (0, 4)
    desk("worker", "--once")
    assert "StepOverdue" in kinds(desk)


def test_entries_at_an_unconfirmed_time_do_not_carry_the_time_with_them(
    desk: AtDesk, machine: Machine
) -> None:
    machine.time += 3 * DAY
    desk("worker", "--once")
    machine.time -= 3 * DAY
    machine.advance(MINUTE)
    assert desk("note", "at the right time").warnings == []
    assert timeline(desk)[-1]["at"][:16] == "2026-11-24T09:01"


def test_the_doctor_names_the_latest_time_and_confirms_the_clock(desk: AtDesk, machine: Machine) -> None:
    machine.time += 3 * DAY
    assert desk("note", "confirmed by mistake", types="y\n").code == 0
    machine.time -= 3 * DAY
    assert findings(desk)["clock_behind"] == "error"
    assert findings(desk, "--repair")["clock_behind"] == "mended"
    assert desk("note", "right").warnings == []
    assert findings(desk) == {"": "warning"}, "an entry bears a later time"


def findings(desk: AtDesk, *more: str) -> dict[str, str]:
    found = desk("doctor", "--offline", "--format", "json", *more).json["findings"]
    return {one["code"]: one["severity"] for one in found if one["area"] == "clock"}


def test_a_clock_that_is_right_costs_no_commit(desk: AtDesk) -> None:
    with desk.office().store as store:
        assert [name for name in store.marks() if name.startswith(CLOCK)] == [f"{CLOCK}desk"]
        before = store.changed()
        office = desk.office()
        assert TrustedClock.of(office).problem() is None
        assert store.changed() == before


@pytest.mark.postgres
def test_the_server_of_the_database_is_a_second_clock(
    tmp_path: Path, machine: Machine, postgres_url: str
) -> None:
    machine.time = datetime.now(UTC) - 2 * GAP
    desk = AtDesk(tmp_path / "home", clock=machine, store=postgres_url)
    desk.done("init")
    desk.settings()
    (tmp_path / "badge.yaml").write_text(BADGE, encoding="utf-8")
    desk.done("open", str(tmp_path / "badge.yaml"), "--yes")
    machine.time += 2 * GAP
    assert desk("note", "two hours later").warnings == ["no_process_ran"]
    desk.close()


@pytest.mark.parametrize("days", [-3, 3])
def test_a_machine_with_a_wrong_clock_spoils_no_incident(tmp_path: Path, days: int) -> None:
    faketime = shutil.which("faketime") or absent("faketime", "apt-get install faketime")
    home, command = tmp_path / "home", (sys.executable, "-m", "runner")
    environ = {**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_STATE": str(tmp_path / "state")}

    def run(*words: str, shift: bool = False) -> subprocess.CompletedProcess[str]:
        before = (faketime, "-f", f"{days:+}d") if shift else ()
        return subprocess.run(
            (*before, *command, *words),
            check=False,
            capture_output=True,
            text=True,
            env=environ,
            stdin=subprocess.DEVNULL,
        )

    made = AtDesk(home)
    assert run("init", "--as", "maria").returncode == 0
    made.settings()
    (tmp_path / "badge.yaml").write_text(BADGE, encoding="utf-8")
    opened = run("open", str(tmp_path / "badge.yaml"), "--yes", "--as", "maria")
    assert opened.returncode == 0, opened.stderr
    note = run("note", "wrong", "--as", "maria", shift=True)
    [code] = re.findall(r"^(?:Warning|Error) \[(clock_behind|time_unconfirmed)\]", note.stderr, re.MULTILINE)
    assert (note.returncode, code) == ((4, "time_unconfirmed") if days > 0 else (0, "clock_behind"))
    run("worker", "--once", shift=True)
    right = run("note", "right", "--as", "maria")
    assert (right.returncode, "clock_behind" in right.stderr) == (0, False)
    entries = run("timeline", "--all", "--format", "json").stdout
    assert not {"StepOverdue", "StepStuck"} & {*re.findall(r'"type":"(\w+)"', entries)}
