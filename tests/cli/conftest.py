"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.servers.postgres import kept_in, postgres_server, postgres_url

__all__ = ["kept_in", "postgres_server", "postgres_url"]


@pytest.fixture
def nowhere(tmp_path: Path, kept_in: str) -> Iterator[AtDesk]:
    """A machine without a home."""
    desk = AtDesk(tmp_path / "home", store=kept_in)
    yield desk
    desk.close()


@pytest.fixture
def tocsin(nowhere: AtDesk) -> AtDesk:
    """A machine with the home of a small organisation, whose messages go to a file."""
    nowhere.done("init")
    nowhere.settings()
    return nowhere


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """A small playbook's file."""
    path = tmp_path / "lost-badge.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    return path


@pytest.fixture
def incident(tocsin: AtDesk, playbook: Path) -> AtDesk:
    """The same machine with an incident that runs."""
    tocsin.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    return tocsin
