"""A figure of an after-action report, as the page on exercises shows it: a scenario as it was played.

``make golden`` plays the exercise of ``tests/cli/exercises/reported.py`` and writes ``docs/_static/played.svg``; a
test compares it with what the program draws today.
"""

from __future__ import annotations

from pathlib import Path

from runner.app.exercises.after_action import source_of
from runner.reports.after_action.scenario import played_figure
from runner.reports.after_action.source import numbers_of
from runner.reports.charts.figure_svg import pictures
from tests.cli.at_desk import AtDesk
from tests.cli.exercises import reported
from tests.docs.consoles import ROOT

PICTURE = ROOT / "docs" / "_static" / "played.svg"


def draw(folder: Path) -> str:
    """Play the exercise in a folder and return its timeline, on white: pages may be dark."""
    tocsin = AtDesk(folder / "home")
    tocsin.done("init")
    reported.played(reported.staffed(tocsin), folder)
    desk = tocsin.office()
    source = source_of(desk, desk.load(desk.find("amber-falcon")))
    tocsin.close()
    scenario = numbers_of(source).scenario
    assert scenario is not None
    (made,) = pictures(played_figure(scenario, source.marks, "EXERCISE"))
    head, _, rest = made.svg.partition(">\n")
    return f'{head}>\n<rect width="{made.width:g}" height="{made.height:g}" fill="#ffffff"/>\n{rest}'
