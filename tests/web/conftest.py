"""A home whose messages leave through stand-ins of providers, and the server that takes their callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.servers.postgres import kept_in, postgres_server, postgres_url

__all__ = ["kept_in", "postgres_server", "postgres_url"]


@pytest.fixture
def tocsin(tmp_path: Path, kept_in: str) -> Iterator[AtDesk]:
    """A machine with a home."""
    desk = AtDesk(tmp_path / "home", store=kept_in)
    desk.done("init")
    yield desk
    desk.close()
