"""Simultaneous commands of people or programs: all are recorded, or the last one exits with 5."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.app.core.conflict_retry import LIMIT, LONGEST, Backoff
from runner.app.incidents.facts import record_facts
from tests.cli.at_desk import AtDesk, Clock
from tests.servers.postgres import BOTH_STORES

AT_ONCE = 25


def recorded(tocsin: AtDesk) -> list[str]:
    """Return what is on record of the number of people, in order."""
    told = tocsin("fact", "history", "people.total", "--format", "json").json
    return [str(one["value"]) for one in told["history"]]


@BOTH_STORES
def test_all_commands_that_come_at_once_are_recorded(incident: AtDesk) -> None:
    def give(number: int) -> int:
        words = ("fact", "set", f"people.total={number}", "--source", "x", "--no-work")
        return AtDesk(incident.home, store=incident.store)(*words).code

    with ThreadPoolExecutor(AT_ONCE) as people:
        assert set(people.map(give, range(AT_ONCE))) == {0}
    assert sorted(recorded(incident), key=int) == [str(number) for number in range(AT_ONCE)]
    assert incident("audit", "verify").code == 0


def test_all_processes_that_come_at_once_are_recorded(incident: AtDesk) -> None:
    words = ("fact", "set", "--source", "x", "--no-work", "--home", str(incident.home))
    incident.clock.time = datetime.now(UTC)  # the processes have the machine's clock
    incident.done("note", "the others come")
    begun = [
        subprocess.Popen(
            [sys.executable, "-m", "runner", *words, f"people.total={number}"],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(6)
    ]
    assert [one.wait() for one in begun] == [0] * 6
    assert sorted(recorded(incident)) == [str(number) for number in range(6)]


class Busy(Clock):
    """A clock at each reading of which somebody else has just recorded a fact; it is always their turn."""

    def __init__(self, other: AtDesk) -> None:
        super().__init__()
        self._desk = other.office("jonas")
        self._desk.store.gate(self._desk.find(None))
        self._count = 0

    def now(self) -> datetime:
        self._count += 1
        record_facts(self._desk, self._desk.find(None), [f"people.total={self._count}"], "x", "confirmed")
        return super().now()


def test_a_command_always_blocked_by_others_waits_and_reports_stale(incident: AtDesk) -> None:
    pauses: list[timedelta] = []
    late = AtDesk(
        incident.home, clock=Busy(incident), backoff=Backoff(pause=pauses.append, fraction=lambda: 0.75)
    )
    said = late("fact", "set", "people.minimum=1", "--source", "x", "--no-work")
    assert (said.code, said.error) == (5, "stale")
    assert LIMIT <= sum(pauses, timedelta()) < LIMIT + LONGEST
    longest = pauses.index(max(pauses))
    assert pauses[: longest + 1] == sorted(pauses[: longest + 1]), "it waits longer while others are first"
    assert pauses[longest:] == sorted(pauses[longest:], reverse=True), "and less, the longer it has waited"
    assert "people.minimum" not in incident.done("fact", "show")


def test_a_command_without_competing_writers_does_not_wait(incident: AtDesk) -> None:
    pauses: list[timedelta] = []
    alone = AtDesk(incident.home, backoff=Backoff(pause=pauses.append, fraction=lambda: 0.5))
    alone.done("fact", "set", "people.total=1", "--source", "x")
    assert pauses == []
