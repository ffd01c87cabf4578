"""How far an incident is with each step of a playbook: what stands on the steps of a chart.

A step inside a loop, or in a lane for each of several things, is told once with all its times counted: ``2 done,
1 ready``. Its colour is that of the most pressing one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from runner.incident.state.incident import Incident, Invocation, Scope
from runner.reports.charts.chart_svg import COLOURS
from runner.reports.charts.playbook_chart import Path, Progress

URGENCY = tuple(COLOURS)
"""All that a step can be, what needs a person first."""
_WORDS = {
    "stuck": "needs a decision",
    "overdue": "overdue",
    "outcome_unknown": "outcome unknown",
    "done_late": "done late",
    "not_applicable": "not applicable",
}


def progress(incident: Incident, run: str) -> Mapping[Path, Progress]:
    """Return how far each step of a run is; a step that is not in it has not been reached."""
    found: dict[Path, list[str]] = {}
    for invocation in incident.invocations.values():
        scope = incident.scopes[invocation.scope]
        if (
            scope.run == run
            and not scope.added
            and incident.latest.get(f"{scope.id}|{invocation.step}") == invocation.id
        ):
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
    words = [_WORDS.get(state, state) for state in order]
    if len(states) == 1:
        return Progress(order[0], words[0])
    parts = (f"{counted[state]} {word}" for state, word in zip(order, words, strict=True))
    return Progress(order[0], ", ".join(parts))
