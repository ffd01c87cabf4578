"""The demo of a newcomer works, and is short enough to be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 150
"""Lines of output that a newcomer reads."""


@pytest.mark.slow
@pytest.mark.timeout(1800)  # some 40 commands, each a process
def test_the_demo_ends_well_within_its_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "demo" / "demo.py"],
        cwd=ROOT,
        env={**os.environ, "TOCSIN_DEMO_OUTPUT": str(tmp_path / "demo")},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) <= LIMIT
