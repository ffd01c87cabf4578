"""What every test shares: an environment without the user's home and state, Hypothesis profiles, and the mark of homes in PostgreSQL.

The network is closed in pyproject.toml: tests reach the loopback and Unix sockets, nothing else.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings

from runner import decoding
from runner.law.regime import Regime
from runner.playbook.format import Bundle
from runner.playbook.pinned import Contents, PinnedNotice

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

# Each command reads the law and the playbook that its incident has pinned: nothing changes them, so a process of the tests decodes the
# same bytes once. This was a sixth of the whole run.
PINNED = frozenset({Regime, Contents, Bundle, dict[str, PinnedNotice], tuple[msgspec.Raw, ...]})


class DecodedOnce:
    """A decoder that keeps what it made."""

    def __init__(self, decoder: msgspec.json.Decoder[Any]) -> None:
        """Take the decoder."""
        self._made = functools.lru_cache(maxsize=1024)(decoder.decode)

    def decode(self, body: decoding.Json) -> Any:
        """Return the value of these bytes."""
        return self._made(body if isinstance(body, str) else bytes(body))


def _decoder(kind: Any, made: Callable[[Any], Any] = decoding._decoder) -> Any:
    return _once(kind) if kind in PINNED else made(kind)


@functools.cache
def _once(kind: Any, made: Callable[[Any], Any] = decoding._decoder) -> DecodedOnce:
    return DecodedOnce(made(kind))


decoding._decoder = _decoder  # type: ignore[assignment]

STORE = Path(__file__).parent / "store"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what keeps a home in PostgreSQL: `make tiers` runs it. The tests of the store prove both stores in `make test`."""
    for item in items:
        if item.get_closest_marker("postgres") and STORE not in item.path.parents:
            item.add_marker("twin")
