"""Medians, ranges and ratios as text: above 1 the ratio says how many times better we are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from tests.benchmarks.measure import Result
from tests.benchmarks.plan import BOUNDS, TARGETS, WORKLOADS, Bound, Entry, Role, Target

TITLES = {
    "W1": "one run of 1,000 effect steps in a row",
    "W2": "1,000 runs of 10 steps, 50 at a time",
    "W3": "process start to the first new step, 10,000 steps recorded",
    "W4": "process start to the first step done",
    "V": "validate 200 steps, the whole command",
    "L": "load all law, imports included",
    "A": "judge incidents by all law, once it is loaded",
    "P": "print a letter to each of n people, the whole command",
    "B": "a personal mail to each of n people over one connection, the whole command",
    "H": "a message to each of n people over HTTP, the whole command",
    "E": "a message to each of n people by mail, the whole command",
    "D": "a fortnight of exercise without people, in events",
    "Q": "an exercise in which nothing is due for so long, the whole of it",
    "N": "plan n people over 20 channels",
    "C": "start-up, the whole command",
    "M": "what a worker holds that has looked at 1,000 open incidents; what bulk plan and bulk send hold for a list",
}


class Line(NamedTuple):
    """A contestant and its rounds; none of them when it was not measured, for the reason in ``why``."""

    entry: Entry
    results: tuple[Result, ...]
    why: str = ""

    @property
    def middle(self) -> Result | None:
        """Return the median of the rounds."""
        if not self.results:
            return None
        return self.results[0]._replace(value=median(result.value for result in self.results))


def times_better(ours: Result, theirs: Result) -> float:
    """Return how many times better ``ours`` is: more a second, or fewer seconds or megabytes."""
    return ours.value / theirs.value if ours.rate else theirs.value / ours.value


def table(workload: str, lines: Sequence[Line]) -> str:
    """Return one workload's table, ours first, with a ratio column for each of ours."""
    ours = [line for line in lines if line.entry.role is Role.OURS and line.middle]
    head = ["", "median", "min", "max", "n", *(f"{line.entry.name} is" for line in ours)]
    rows = [head, *(_row(line, ours) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    text = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    missing = [f"  {line.entry.name}: not measured: {line.why}" for line in lines if not line.results]
    return "\n".join([f"{workload}: {TITLES[workload]}", *text, *missing])


def _row(line: Line, ours: Sequence[Line]) -> list[str]:
    middle = line.middle
    if middle is None:
        return [line.entry.name, "-", "", "", "", *("" for _ in ours)]
    values = [result.value for result in line.results]
    figures = [_figure(middle._replace(value=value)) for value in (middle.value, min(values), max(values))]
    ratios = [
        "" if own is line or own.middle is None else f"{times_better(own.middle, middle):.2f} x"
        for own in ours
    ]
    return [line.entry.name, *figures, f"{line.entry.n:,}", *ratios]


def _figure(result: Result) -> str:
    if result.rate:
        return f"{result.value:,.0f}/s"
    if result.memory:
        return f"{result.value:,.0f} MB"
    return f"{result.value * 1000:,.0f} ms" if result.value < 10 else f"{result.value:,.1f} s"


def targets(lines: Mapping[str, Sequence[Line]]) -> str:
    """Return what was to be reached and whether it was."""
    return "\n".join(
        [
            "To reach:",
            *(_verdict(target, lines[target.workload]) for target in TARGETS if target.workload in lines),
            *(_within(bound, lines[bound.workload]) for bound in BOUNDS if bound.workload in lines),
        ]
    )


def _verdict(target: Target, lines: Sequence[Line]) -> str:
    found = {line.entry.name: line.middle for line in lines}
    ours, theirs = found.get(target.name), found.get(target.against)
    what = f"  {target.workload} {target.name} against {target.against}: at least {target.times:.2f} x"
    if ours is None or theirs is None:
        return f"{what}: not measured"
    times = times_better(ours, theirs)
    if times >= target.times:
        return f"{what}: reached, {times:.2f} x"
    return f"{what}: MISSED, {times:.2f} x, {100 * (1 - times / target.times):.0f} % short"


def _within(bound: Bound, lines: Sequence[Line]) -> str:
    found = next((line.middle for line in lines if line.entry.name == bound.name), None)
    what = f"  {bound.workload} {bound.name}: at most {bound.at_most:,.0f} MB"
    if found is None:
        return f"{what}: not measured"
    return f"{what}: {'reached' if found.value <= bound.at_most else 'MISSED'}, {_figure(found)}"


def whole(lines: Mapping[str, Sequence[Line]], title: str) -> str:
    """Return the whole report."""
    tables = [table(workload, lines[workload]) for workload in WORKLOADS if workload in lines]
    return "\n\n".join([title, *tables, targets(lines)])
