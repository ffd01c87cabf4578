"""Text forms of a chart: Mermaid for a wiki or a pull request, and its data as JSON.

Every step has a generated name (``n7``), because an id such as ``end`` is a keyword of Mermaid. Texts from playbooks are in
quoted labels. In a label, a number replaces every special character of Mermaid and HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from runner.reports.charts.chart_svg import COLOURS, shown
from runner.reports.charts.playbook_chart import Chart, Node, Path, nodes
from runner.reports.core.report import Report, filled

_PLAIN = frozenset(" .,:?!()/'-_·–=+")


def mermaid(chart: Chart) -> str:
    """Return the chart as a flowchart."""
    names = {one.path: f"n{number}" for number, one in enumerate(nodes(chart.top), start=1)}
    used = sorted({node.progress.state for node in nodes(chart.top) if node.progress is not None})
    about = label(" – ".join(part for part in (chart.mark, chart.title, chart.about) if part))
    return "\n".join(
        (
            "---",
            f'title: "{chart.name} {chart.version}"',
            "---",
            "flowchart TD",
            f"  %% {about}",
            *_body(chart.top, names, "  "),
            *(f"  classDef {state} {_style(state)}" for state in used),
            "",
        )
    )


def _body(box: Node, names: Mapping[Path, str], indent: str) -> Iterator[str]:
    for one in box.inside:
        name = names[one.path]
        if one.inside:
            yield f'{indent}subgraph {name}["{_label(one)}"]'
            yield from _body(one, names, f"{indent}  ")
            yield f"{indent}end"
        else:
            yield f'{indent}{name}["{_label(one)}"]'
        if one.progress is not None:
            yield f"{indent}class {name} {one.progress.state}"
    for start, end in box.edges:
        after = box.inside[end]
        parts = ("any" if after.join == "any" else "", f"if {after.when}" if after.when else "")
        words = ", ".join(filter(None, parts))
        arrow = f'-->|"{label(words)}"|' if words else "-->"
        yield f"{indent}{names[box.inside[start].path]} {arrow} {names[after.path]}"


def _label(one: Node) -> str:
    state = (one.progress.words,) if one.progress is not None else ()
    lines = (f"{one.kind} · {one.path[-1]}", one.title, *one.gate, *one.notes, *state)
    return "<br/>".join(label(line) for line in lines)


def label(text: str) -> str:
    """Return a text for a label: letters, digits and some punctuation unchanged, other characters as numbers."""
    return "".join(one if one.isalnum() or one in _PLAIN else f"#{ord(one)};" for one in shown(text))


def _style(state: str) -> str:
    fill, line = COLOURS[state]
    return f"fill:{fill},stroke:{line},color:#1f2937"


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step; ``after`` has the ids of its predecessors in the same box."""

    step: str
    """The path: the ids of its boxes and its own id, joined by points."""
    kind: str
    title: str
    who: tuple[str, ...]
    due: str
    after: tuple[str, ...]
    join: str
    when: str
    gate: tuple[str, ...]
    often: tuple[str, ...]
    state: str | None
    """The state in a run, if the chart shows a run."""


class ChartReport(Report, frozen=True, kw_only=True, tag="tocsin/chart/v1"):
    """A playbook as a chart; ``about`` is the run and its time, ``mark`` is EXERCISE or TEST."""

    name: str
    version: str
    title: str
    digest: str
    about: str
    mark: str
    steps: tuple[StepReport, ...]


def chart_report(chart: Chart) -> ChartReport:
    """Return a chart as data."""
    return filled(ChartReport, chart, steps=tuple(_steps(chart.top)))


def _steps(box: Node) -> Iterator[StepReport]:
    for one in box.inside:
        yield filled(
            StepReport, one, step=".".join(one.path), state=one.progress.state if one.progress else None
        )
        yield from _steps(one)
