"""The report says who is better and by how much, for rates and for seconds alike."""

from __future__ import annotations

from tests.benchmarks.measure import Result
from tests.benchmarks.plan import BOUNDS, ENTRIES, TARGETS, WORKLOADS, Entry, Role
from tests.benchmarks.report import TITLES, Line, table, targets, times_better


def entry(name: str, role: Role) -> Entry:
    return Entry("W1", name, role, ".venv", n=1_000)


def test_more_steps_a_second_are_better():
    assert times_better(Result(4_000, rate=True), Result(1_000, rate=True)) == 4


def test_fewer_seconds_are_better():
    assert times_better(Result(0.5, rate=False), Result(2, rate=False)) == 4


def test_a_table_shows_the_median_the_range_and_why_someone_is_missing():
    lines = [
        Line(entry("tocsin", Role.OURS), tuple(Result(value, rate=True) for value in (3_900, 4_000, 9_000))),
        Line(entry("peer", Role.PEER), (Result(1_000, rate=True),)),
        Line(entry("absent", Role.PEER), (), "it is not installed"),
    ]
    assert table("W1", lines).splitlines()[1:] == [
        "         median      min      max      n  tocsin is",
        "tocsin  4,000/s  3,900/s  9,000/s  1,000",
        "peer    1,000/s  1,000/s  1,000/s  1,000     4.00 x",
        "absent        -",
        "  absent: not measured: it is not installed",
    ]


def test_a_missed_target_says_by_how_much():
    lines = {
        "W1": [
            Line(entry("tocsin", Role.OURS), (Result(3_000, rate=True),)),
            Line(entry("dbos tuned", Role.PEER), (Result(1_000, rate=True),)),
            Line(entry("sqlite commits", Role.LIMIT), (Result(5_000, rate=True),)),
        ]
    }
    assert targets(lines).splitlines()[1:] == [
        "  W1 tocsin against dbos tuned: at least 4.00 x: MISSED, 3.00 x, 25 % short",
        "  W1 tocsin against dbos: at least 6.00 x: not measured",
        "  W1 tocsin against sqlite commits: at least 0.50 x: reached, 0.60 x",
    ]


def test_a_bound_is_kept_or_missed():
    held = [Line(Entry("M", "tocsin", Role.OURS, ".venv", n=1_000), (Result(81, rate=False, memory=True),))]
    assert targets({"M": held}).splitlines()[-1] == "  M tocsin: at most 80 MB: MISSED, 81 MB"
    assert "not measured" in targets({"M": [held[0]._replace(results=())]})


def test_every_workload_has_a_title_and_contestants():
    assert set(WORKLOADS) == {found.workload for found in ENTRIES} == TITLES.keys()


def test_every_target_names_contestants_of_the_plan():
    contestants = {(found.workload, found.name) for found in ENTRIES}
    assert all((bound.workload, bound.name) in contestants for bound in BOUNDS)
    assert all({(goal.workload, goal.name), (goal.workload, goal.against)} <= contestants for goal in TARGETS)
