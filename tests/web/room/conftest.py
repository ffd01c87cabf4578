"""A home with one breach, its room, and a browser where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.servers.needed import AXE, absent
from tests.web.room.room import Served, a_breach, served

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AtDesk]:
    """A machine with a home in which a breach is open."""
    made = AtDesk(tmp_path / "home")
    made.done("init")
    yield made
    made.close()


@pytest.fixture
def room(desk: AtDesk, tmp_path: Path) -> Iterator[Served]:
    """The room of that home."""
    with served(desk, a_breach(desk, tmp_path)) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium; what needs it is skipped without it.

    Not for the session: while it is there, an event loop runs in this thread, and tests of other modules begin their own.
    """
    if CHROMIUM is None:
        absent("chromium", "Debian: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def axe() -> None:
    """Skip a test that looks for barriers where nothing finds them, before it begins."""
    if not AXE.exists():
        absent("axe", "make servers")
