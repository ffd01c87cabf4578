"""M: what `bulk plan` and then `bulk send` hold at most, each a command of its own, for a list of n people."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import protocol
from tests.benchmarks.ours.bulk import NOTICE, configure, sink, write_home, write_list
from tests.cli.at_desk import AtDesk

HOLDS = 1024 * 1024 if sys.platform == "darwin" else 1024
"""Units of ``ru_maxrss`` in a megabyte."""


def prepare(job: protocol.Job) -> None:
    """Make a home with an approved letter, and a list."""
    desk = AtDesk(job.folder / "home")
    desk.clock.time = datetime.now(UTC)  # the commands have a clock of their own
    write_home(desk)
    write_list(job.folder / "people.csv", job.n)


def held(home: Path, *words: str) -> float:
    """Run one command to its end, and return the megabytes that it held at most."""
    command = [sys.executable, "-m", "runner", "bulk", *words, NOTICE, "--people", "people.csv"]
    process = subprocess.Popen(
        command, env={**os.environ, "TOCSIN_HOME": str(home)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}")
    return usage.ru_maxrss / HOLDS


def measure(job: protocol.Job) -> None:
    """Plan and send."""
    home = job.folder / "home"
    with sink() as port:
        configure(AtDesk(home), port)
        plan = held(home, "plan", "--canary-wait", "0s")
        send = held(home, "send", "--yes", "--no-wait", "--accept-counts", "made")
    sys.stderr.write(f"plan {plan:.0f} MB, send {send:.0f} MB\n")
    protocol.report(job, megabytes=max(plan, send))


if __name__ == "__main__":
    found = protocol.job()
    if found.phase == "prepare":
        prepare(found)
    else:
        measure(found)
