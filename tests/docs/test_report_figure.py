"""The figure of an exercise in the documentation is what the program draws."""

from __future__ import annotations

from pathlib import Path

from tests.docs.report_figure import PICTURE, draw
from tests.golden_files import same


def test_the_figure_of_an_exercise_is_one_that_was_played(tmp_path: Path) -> None:
    same(PICTURE, draw(tmp_path))
