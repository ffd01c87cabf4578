"""One measurement: start a contestant in a folder of its own, read its line or time its command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.environments import HERE, ROOT, programs
from tests.benchmarks.plan import Entry
from tests.benchmarks.protocol import STARTED

LIMIT_SECONDS = 600


class Result(NamedTuple):
    """What one round gave: ``value`` in steps/s when ``rate``, in megabytes when ``memory``, else in seconds."""

    value: float
    rate: bool
    memory: bool = False


class Unmeasured(Exception):
    """This contestant cannot be measured here; the message says why."""


def prepare(entry: Entry, folder: Path, extra: Mapping[str, str]) -> None:
    """Run the entry's preparation once, in ``folder``; a script that kills itself when it is ready is welcome to."""
    if not (HERE / entry.prepare).exists():
        raise Unmeasured(f"{entry.prepare} is not written yet")
    python = str(programs(entry.environment) / "python")
    done = _run(_script(python, entry, entry.prepare, folder, "prepare"), folder, extra)
    if done.returncode not in (0, -9):
        raise Unmeasured(f"its preparation failed: {_last(done.stderr)}")


def measure(entry: Entry, prepared: Path | None, extra: Mapping[str, str]) -> Result:
    """Run one round, in an empty folder or in a copy of ``prepared``."""
    with _folder(prepared) as folder:
        if entry.command:
            return _whole_command(entry, folder, extra)
        if not (HERE / entry.script).exists():
            raise Unmeasured(f"{entry.script} is not written yet")
        python = str(programs(entry.environment) / "python")
        done = _run(_script(python, entry, entry.script, folder, "measure"), folder, extra)
        if done.returncode != 0:
            raise Unmeasured(f"it failed ({done.returncode}): {_last(done.stderr)}")
        return _read(done.stdout)


def _script(python: str, entry: Entry, script: str, folder: Path, phase: str) -> list[str]:
    arguments = [entry.workload, "--n", str(entry.n), "--folder", str(folder), "--phase", phase]
    return [python, str(HERE / script), *arguments, *(["--variant", entry.variant] if entry.variant else [])]


def _whole_command(entry: Entry, folder: Path, extra: Mapping[str, str]) -> Result:
    command = [part.format(bin=programs(entry.environment), folder=folder) for part in entry.command]
    if not Path(command[0]).exists():
        raise Unmeasured(f"{command[0]} is not there")
    started = time.perf_counter()
    done = _run(command, folder, extra)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise Unmeasured(f"it failed ({done.returncode}): {_last(done.stderr or done.stdout)}")
    return Result(seconds, rate=False)


def _run(command: list[str], folder: Path, extra: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TOCSIN"))
    }
    paths = f"{HERE}{os.pathsep}{ROOT}"
    environment = {**inherited, **extra, "PYTHONPATH": paths, STARTED: repr(time.monotonic())}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as slow:
        raise Unmeasured(f"it did not end within {LIMIT_SECONDS} s") from slow


def _read(output: str) -> Result:
    for line in reversed(output.splitlines()):
        if line.startswith('{"workload"'):
            result = json.loads(line)
            rate, memory = "rate" in result, "megabytes" in result
            return Result(result["rate" if rate else "megabytes" if memory else "seconds"], rate, memory)
    raise Unmeasured("it printed no result")


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "it said nothing"


@contextmanager
def _folder(prepared: Path | None) -> Iterator[Path]:
    """Yield a folder that is thrown away after the round; on the disk of the project, since that is what is measured."""
    with tempfile.TemporaryDirectory(dir=ROOT / ".bench", prefix="round-") as name:
        folder = Path(name) / "own"
        if prepared is None:
            folder.mkdir()
        else:
            shutil.copytree(prepared, folder)
        yield folder
