"""What becomes of a test whose real server is not on this machine: it is skipped, unless somebody counts on it.

TOCSIN_SERVERS names the servers that are here (``.ci/run`` does that, of those it put here). One of them that a test
then does not find is a failure: nobody reads which tests a machine skips every day.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
"""What finds barriers on a web page; ``make servers`` brings it."""


def absent(name: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it where the server was said to be here."""
    said = f"NOT TESTED: no {name} on this machine ({remedy})"
    if name in os.environ.get("TOCSIN_SERVERS", "").split():
        pytest.fail(said + ", and TOCSIN_SERVERS says that it is here")
    pytest.skip(said)
