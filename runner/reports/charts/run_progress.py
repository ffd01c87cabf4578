"""The progress of an incident for each step of a playbook chart.

A step inside a loop or a group with items has one box with counts: ``2 done, 1 to do``. The most urgent state determines the
colour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from runner.incident.state.incident import Incident, Invocation, Scope
from runner.reports.charts.chart_svg import COLOURS
from runner.reports.charts.playbook_chart import Path, Progress
from runner.reports.core.task_rows import STATE_WORDS

URGENCY = tuple(COLOURS)
"""All states of a step, the most urgent first."""
_WORDS = {**STATE_WORDS, "stuck": "blocked", "overdue": "overdue"}


def progress(incident: Incident, run: str) -> Mapping[Path, Progress]:
    """Return the progress of each step of a run; a step without an entry was not reached."""
    found: dict[Path, list[str]] = {}
    for invocation in incident.invocations.values():
        scope = incident.scopes[invocation.scope]
        newest = incident.latest.get(f"{scope.id}|{invocation.step}") == invocation.id
        if scope.run == run and not scope.added and newest:
            found.setdefault(_path(incident, scope, invocation), []).append(_state(invocation))
    return {path: _progress(states) for path, states in found.items()}


def _path(incident: Incident, scope: Scope, invocation: Invocation) -> Path:
    path: Path = (invocation.step,)
    while scope.parent:
        outer = incident.invocations[scope.parent]
        path = (outer.step, *path)
        scope = incident.scopes[outer.scope]
    return path


def _state(invocation: Invocation) -> str:
    if invocation.stuck and not invocation.over:
        return "stuck"
    return "overdue" if invocation.overdue and not invocation.over else invocation.state


def _progress(states: list[str]) -> Progress:
    counted = Counter(states)
    order = sorted(counted, key=URGENCY.index)
    words = [_WORDS[state] for state in order]
    if len(states) == 1:
        return Progress(order[0], words[0])
    parts = (f"{counted[state]} {word}" for state, word in zip(order, words, strict=True))
    return Progress(order[0], ", ".join(parts))
