"""The picture of a run is what the program shows."""

from __future__ import annotations

from pathlib import Path

from tests.docs.picture import PICTURE, draw
from tests.golden_files import same


def test_the_picture_of_a_run_is_a_run(tmp_path: Path) -> None:
    same(PICTURE, draw(tmp_path))


def test_the_picture_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    drawn = PICTURE.read_text(encoding="utf-8")
    assert "font-face" not in drawn
    assert "url(http" not in drawn
    assert "href=" not in drawn
