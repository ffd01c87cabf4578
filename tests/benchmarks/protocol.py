"""What a workload's script is told and what it prints; runs in every peer's environment, so it needs nothing."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

STARTED = "TOCSIN_BENCH_STARTED"
"""Holds the monotonic clock, in seconds, at the moment the process was asked for; that clock is the system's."""


class Job(NamedTuple):
    """One measurement: ``n`` steps or items; ``folder`` is the script's own."""

    workload: str
    n: int
    folder: Path
    variant: str
    phase: str


def job() -> Job:
    """Read the job from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--variant", default="")
    parser.add_argument("--phase", choices=["prepare", "measure"], default="measure")
    given = parser.parse_args()
    return Job(given.workload, given.n, given.folder, given.variant, given.phase)


def since_start() -> float:
    """Return the seconds since this process was asked for, its interpreter's start included."""
    return time.monotonic() - float(os.environ[STARTED])


def report(
    job: Job, *, rate: float | None = None, seconds: float | None = None, megabytes: float | None = None
) -> None:
    """Print the result: ``rate`` in steps/s, ``seconds`` or ``megabytes``."""
    result = {"workload": job.workload, "n": job.n}
    if rate is not None:
        result["rate"] = rate
    if seconds is not None:
        result["seconds"] = seconds
    if megabytes is not None:
        result["megabytes"] = megabytes
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
