"""What every test shares: an environment without the user's home and state, Hypothesis profiles, and the mark of homes in PostgreSQL.

The network is closed in pyproject.toml: tests reach the loopback and Unix sockets, nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# What a test starts inherits this: nothing of the person who runs the tests is read or changed.
for name in ("TOCSIN_HOME", "TOCSIN_CACHE", "TOCSIN_PERSON", "TOCSIN_PAGER", "NO_COLOR", "FORCE_COLOR"):
    os.environ.pop(name, None)
os.environ |= {"TOCSIN_STATE": "", "TERM": "xterm"}

# A busy machine is slow, which says nothing of the code.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", PATIENT, max_examples=50)
settings.register_profile("ci", PATIENT, max_examples=200, derandomize=True, print_blob=True)
settings.register_profile("thorough", PATIENT, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

STORE = Path(__file__).parent / "store"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what keeps a home in PostgreSQL: `make tiers` runs it. The tests of the store prove both stores in `make test`."""
    for item in items:
        if item.get_closest_marker("postgres") and STORE not in item.path.parents:
            item.add_marker("twin")
