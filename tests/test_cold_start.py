"""The program, started cold: nothing dies of what several threads of it do for the first time at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_every_class_can_be_decoded_by_eight_threads_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.first_decodes"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 500
