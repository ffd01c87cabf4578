"""A chart as data, for programs that draw or check it themselves: one entry for each step, boxes before what is in them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from runner.reports.charts.playbook_chart import Chart, Node


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step; ``after`` names the steps beside it that come before it, by their ids."""

    step: str
    """Its path: the ids of the boxes around it and its own, with points."""
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
    """How far it is, where a run is drawn."""


class ChartReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/chart/v1"):
    """A playbook as a chart; ``about`` says whose run it shows and as of when, ``mark`` whether that is no real one."""

    name: str
    version: str
    title: str
    digest: str
    about: str
    mark: str
    steps: tuple[StepReport, ...]


def chart_report(chart: Chart) -> ChartReport:
    """Return a chart as data."""
    return ChartReport(
        name=chart.name,
        version=chart.version,
        title=chart.title,
        digest=chart.digest,
        about=chart.about,
        mark=chart.mark,
        steps=tuple(_steps(chart.top)),
    )


def _steps(box: Node) -> Iterator[StepReport]:
    for one in box.inside:
        yield StepReport(
            step=".".join(one.path),
            kind=one.kind,
            title=one.title,
            who=one.who,
            due=one.due,
            after=one.after,
            join=one.join,
            when=one.when,
            gate=one.gate,
            often=one.often,
            state=one.progress.state if one.progress else None,
        )
        yield from _steps(one)
