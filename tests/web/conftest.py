"""A home whose messages leave through stand-ins of providers, and the server that takes their callbacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine with a home."""
    found = AtDesk(tmp_path / "home")
    found.done("init")
    return found
