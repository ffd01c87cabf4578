"""What every test shares: Hypothesis profiles, chosen by the machine, and the mark of the tests that need PostgreSQL for a home.

The network is closed in pyproject.toml: tests reach the loopback and Unix sockets, nothing else.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dev", max_examples=50, deadline=timedelta(seconds=2))
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

STORE = Path(__file__).parent / "store"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what keeps a home in PostgreSQL: `make tiers` runs it. The tests of the store prove both stores in `make test`."""
    for item in items:
        if item.get_closest_marker("postgres") and STORE not in item.path.parents:
            item.add_marker("twin")
