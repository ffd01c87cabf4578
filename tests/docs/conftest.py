"""Fixtures of the documentation's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk


@pytest.fixture
def nowhere(tmp_path: Path) -> AtDesk:
    """A machine without a home."""
    return AtDesk(tmp_path / "home")
