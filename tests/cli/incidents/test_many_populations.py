"""Thousands of populations: one more of them costs little, however many duties are asked of it.

What is counted are calls of functions, by the profiler: the same on every machine, and no time is measured.
"""

from __future__ import annotations

import cProfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

FEW, MANY = 60, 120
MOST = 17_000
"""Calls that one more population may make. They were 95,000 once, and the duties of 2,500 populations took 38 seconds."""
PLACES = ("DE", "FR", "NL", "US-CA", "US-NY")


def facts(folder: Path, number: int) -> str:
    """Write a list of clients of whom no two have the same numbers."""
    each = "\n".join(
        f"  - id: p{n}\n    data: {{elements: [ssn], encrypted: false, involved: true}}\n"
        f"    people: {{total: {900 + n}, by_jurisdiction: {{{PLACES[n % len(PLACES)]}: {n + 1}}}}}"
        for n in range(number)
    )
    path = folder / "facts.yaml"
    path.write_text(f"schema: tocsin/facts/v1\npopulations:\n{each}\n", encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, AtDesk]]:
    """Two homes, each with an incident about a number of populations."""
    found: dict[int, AtDesk] = {}
    for number in (FEW, MANY):
        folder = tmp_path_factory.mktemp(f"of-{number}")
        found[number] = AtDesk(folder / "home")
        found[number].done("init")
        opening = ("open", "lost-device", "--yes", "--no-work", "--facts", facts(folder, number))
        found[number].done(*opening)
    yield found
    for desk in found.values():
        desk.close()


def calls(desk: AtDesk, words: Sequence[str]) -> int:
    """Return how many calls a command makes."""
    profile = cProfile.Profile()
    profile.runcall(desk.done, *words)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("words", ["duties", "duties --format json", "status", "next"])
def test_an_additional_population_adds_little_cost(homes: dict[int, AtDesk], words: str) -> None:
    few, many = (calls(homes[number], words.split()) for number in (FEW, MANY))
    assert (many - few) / (MANY - FEW) < MOST
    assert many < 2.6 * few
