"""`make bench`: every contestant in interleaved rounds, each in its own process, environment and folder."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import environments, measure, report
from tests.benchmarks.measure import Result, Unmeasured
from tests.benchmarks.plan import ENTRIES, WORKLOADS, Entry
from tests.servers.postgres import postgres_programs, running_postgres

POSTGRES = "TOCSIN_BENCH_POSTGRES"


class Contest:
    """The contestants that are still in, what each has given so far, and why the others are out."""

    def __init__(self, entries: Sequence[Entry], postgres: str, scratch: Path) -> None:
        self.entries = entries
        self.extra = {POSTGRES: postgres} if postgres else {}
        self.scratch = scratch
        self.prepared: dict[Entry, Path] = {}
        self.results: dict[Entry, list[Result]] = {entry: [] for entry in entries}
        self.out: dict[Entry, str] = {}

    def enter(self, entry: Entry, uv: str) -> None:
        """Make the environment and run the preparation of one contestant."""
        try:
            if entry.needs_postgres and not self.extra:
                raise Unmeasured(
                    "PostgreSQL is not installed; or give --postgres URL of a database that may be filled"
                )
            environments.prepare(entry.environment, uv)
            if entry.prepare:
                folder = self.scratch / str(self.entries.index(entry))
                folder.mkdir()
                measure.prepare(entry, folder, self.extra)
                self.prepared[entry] = folder
        except Unmeasured as reason:
            self.out[entry] = str(reason)
        except subprocess.CalledProcessError:
            self.out[entry] = "its environment could not be made"

    def round(self, number: int) -> None:
        """Let each contestant run once."""
        for entry in self.entries:
            if entry in self.out:
                continue
            print(f"round {number}: {entry.workload} {entry.name}", file=sys.stderr)
            try:
                self.results[entry].append(measure.measure(entry, self.prepared.get(entry), self.extra))
            except Unmeasured as reason:
                self.out[entry] = str(reason)

    def lines(self) -> Mapping[str, Sequence[report.Line]]:
        """Return the results by workload, in the plan's order."""
        found: dict[str, list[report.Line]] = {}
        for entry in self.entries:
            results = tuple(self.results[entry])
            found.setdefault(entry.workload, []).append(report.Line(entry, results, self.out.get(entry, "")))
        return found


def as_json(lines: Mapping[str, Sequence[report.Line]]) -> str:
    """Return every round's figure, for a later comparison."""
    rows = [
        {
            "workload": line.entry.workload,
            "name": line.entry.name,
            "n": line.entry.n,
            "unit": "per second" if result.rate else "megabytes" if result.memory else "seconds",
            "value": result.value,
        }
        for group in lines.values()
        for line in group
        for result in line.results
    ]
    return json.dumps(rows, indent=1)


def title() -> str:
    """Return what the figures were measured on."""
    return (
        f"Tocsin benchmarks: Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores. Figures are medians of interleaved rounds; trust the ratios."
    )


@contextmanager
def database(given: str, entries: Sequence[Entry]) -> Iterator[str]:
    """Yield ``given``, or the URL of a server of our own when one of ``entries`` needs it; empty where there is none."""
    if given or not any(entry.needs_postgres for entry in entries):
        yield given
        return
    programs = postgres_programs()
    if programs is None:
        yield ""
        return
    # As durable as a server comes: the tests' own switch that off.
    with running_postgres(programs, "-c fsync=on") as server:
        yield server.new_database()


def main() -> int:
    """Run the benchmarks; 0 unless none of what was asked for could be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(WORKLOADS), help="workloads, comma-separated")
    parser.add_argument("--match", default="", help="only contestants with this in their name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--uv", default=".uv/bin/uv")
    parser.add_argument(
        "--postgres", default=os.environ.get(POSTGRES, ""), help="URL of a database that may be filled"
    )
    parser.add_argument("--json", type=Path, help="also write every round's figure to this file")
    given = parser.parse_args()

    uv = given.uv if Path(given.uv).exists() else shutil.which("uv") or given.uv
    chosen = given.only.split(",")
    entries = [entry for entry in ENTRIES if entry.workload in chosen and given.match in entry.name]
    environments.PEERS.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=environments.PEERS, prefix="prepared-") as scratch,
        database(given.postgres, entries) as url,
    ):
        contest = Contest(entries, url, Path(scratch))
        for entry in entries:
            contest.enter(entry, uv)
        for number in range(1, given.rounds + 1):
            contest.round(number)
    lines = contest.lines()
    print(report.whole(lines, title()))
    if given.json:
        given.json.write_text(as_json(lines), encoding="utf-8")
    return 0 if any(contest.results.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
