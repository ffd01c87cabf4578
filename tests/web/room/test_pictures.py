"""Pictures of every page for the docs: on a desk, light and dark, and on a phone. ``make pictures`` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.web.room.table import TABLE
from tests.golden_files import UPDATES
from tests.web.room.room import Served
from tests.web.room.test_browser import PHONE, drill, every_page, logged_in, step

DOCS = Path(__file__).parents[3] / "docs"
FOLDER, PAGE = DOCS / "_static" / "room", DOCS / "reference" / "pictures.md"
DESK = {"viewport": {"width": 1000, "height": 800}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": DESK,
    "dark": {**DESK, "color_scheme": "dark"},
    "phone": PHONE,
}
ABOUT = """\
# Pictures of the pages

Each page of `tocsin serve`, light and dark, and on a phone of 360 pixels. `make pictures` makes them from the incident of the tests.
"""
__all__ = ["drill", "step"]


def page_of_pictures(names: list[str]) -> str:
    """Return the page of the docs that shows them."""
    rows = [
        f"\n## {name.capitalize()}\n\n"
        + "\n".join(f"![{name}, {look}](../_static/room/{name}-{look}.jpg)" for look in LOOKS)
        for name in names
    ]
    return ABOUT + "\n".join(rows) + "\n"


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.nightly
def test_every_page_can_be_shown_on_a_desk_and_on_a_phone(
    browser: Any, room: Served, step: str, drill: str, tmp_path: Path
) -> None:
    folder = FOLDER if UPDATES else tmp_path
    folder.mkdir(exist_ok=True)
    paths = every_page(room, step, drill)
    for look, options in LOOKS.items():
        with logged_in(browser, room, **options) as page:
            for name, path in paths.items():
                page.goto(f"{room.url}{path}")
                page.screenshot(path=folder / f"{name}-{look}.jpg", type="jpeg", quality=45)
    if UPDATES:
        PAGE.write_text(page_of_pictures(list(paths)), encoding="utf-8")
    assert len(list(folder.iterdir())) == len(paths) * len(LOOKS)


def test_the_docs_show_the_pages_of_the_table() -> None:
    shown = {row.operation for row in TABLE}
    pictured = {path.stem.rpartition("-")[0] for path in FOLDER.glob("*.jpg")}
    # A delivery, an alert, a campaign and letters are not in the home of the tests.
    assert shown - pictured <= {"message", "alert", "campaign", "samples", "run"}
    assert pictured <= shown
