"""Every page with a console block is lived through, and shows what the program shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.consoles import ROOT, differences, write
from tests.golden_files import UPDATES

pytestmark = pytest.mark.slow

PAGES = sorted(
    path
    for path in (*(ROOT / "docs").rglob("*.md"), ROOT / "README.md")
    if "_build" not in path.parts and "```console\n" in path.read_text(encoding="utf-8")
)
FULL_DISK = "/dev/full"
"""A file that takes nothing: it stands for a server that fell silent."""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_shows_the_output_of_the_program(page: Path) -> None:
    if FULL_DISK in page.read_text(encoding="utf-8") and not Path(FULL_DISK).exists():
        pytest.skip(f"this system has no {FULL_DISK}")
    if UPDATES:
        write(page)
    found = [f"$ {command.line}\n{shown}" for command, shown in differences(page)]
    assert found == [], "write the page with TOCSIN_UPDATE_GOLDEN=1 and read the difference"


def test_the_tutorial_is_among_them() -> None:
    assert ROOT / "docs" / "tutorial.md" in PAGES
