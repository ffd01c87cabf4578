"""D: an exercise played without people, in virtual time: a fortnight of ransomware, or a stretch in which nothing is due."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import protocol
from tests.benchmarks.environments import ROOT

if TYPE_CHECKING:
    from runner.playbook.catalogue import Catalog

SHIPPED = Path("playbooks/exercises/encrypted-weekend.yaml")
FORTNIGHT = timedelta(days=14)
EVERY = timedelta(hours=4)
PLAYS = 15
INJECT = (
    '  - {{number: "r{n}", title: A report, category: inject, kind: contextual, at: {hours}h, via: phone,'
    ' sender: a ward, to: [commander], text: "Number {n} of a long fortnight."}}\n'
)
QUIET_PLAYBOOK = """\
schema: tocsin/playbook/v1
name: quiet
version: 1.0.0
title: Nothing is due
roles: {{commander: {{title: Incident commander}}}}
steps:
  - {{id: first, task: Begin, role: commander}}
  - {{id: rest, wait: {span}, after: [first]}}
  - {{id: last, task: End, role: commander, after: [rest]}}
"""
QUIET_EXERCISE = """\
schema: tocsin/exercise/v1
name: quiet
title: Nothing is due
type: functional
playbook: quiet.yaml
laws: []
objectives: [{id: O1, text: It ends, capability: Planning, targets: [{id: T1, text: It ended, tasks: [{step: last}]}]}]
"""


def exercise(job: protocol.Job) -> Path:
    """Write what is played: the weekend that ships, gone on for a fortnight, or one wait as long as the variant says."""
    made = job.folder / "exercise.yaml"
    if job.variant:
        (job.folder / "quiet.yaml").write_text(QUIET_PLAYBOOK.format(span=job.variant), encoding="utf-8")
        made.write_text(QUIET_EXERCISE, encoding="utf-8")
        return made
    times = range(1, FORTNIGHT // EVERY + 1)
    more = "".join(INJECT.format(n=n, hours=n * EVERY // timedelta(hours=1)) for n in times)
    weekend = (ROOT / SHIPPED).read_text(encoding="utf-8")
    weekend = re.sub(r"(?m)^ends: .*\n|^    jump_to: .*\n", "", weekend)
    made.write_text(weekend.replace("events:\n", f"events:\n{more}", 1), encoding="utf-8")
    return made


def played(file: Path, catalog: Catalog, cache: Path) -> tuple[int, timedelta]:
    """Play an exercise to its end and return how many events it has, and how long it was by its own clock."""
    from runner.files.exercise_file import load_exercise
    from runner.workers.simulated_exercise import unattended

    loaded = load_exercise(str(file), catalog)
    with unattended(loaded, catalog, cache, lambda event: None) as (desk, incident):
        return incident.version, desk.now_in(incident) - incident.opened_at


def quiet(file: Path, catalog: Catalog, cache: Path) -> float:
    """Return the seconds of the quickest of several plays in a process that has begun.

    Imports take longer than a quiet year. Every play makes the same calls, so what is slower than another was disturbed.
    """
    taken = []
    for _ in range(PLAYS + 1):
        started = time.perf_counter()
        events, _length = played(file, catalog, cache)
        taken.append(time.perf_counter() - started)
        assert events < 20
    return min(taken[1:])


def main() -> None:
    from runner.playbook.catalogue import Catalog

    job = protocol.job()
    cache = job.folder / "cache"
    catalog = Catalog(None, cache=cache)
    file = exercise(job)
    if job.phase == "prepare":
        played(file, catalog, cache)  # the law is compiled once for a home: not ours to measure
        return
    if job.variant:
        protocol.report(job, seconds=quiet(file, catalog, cache))
        return
    started = time.perf_counter()
    events, length = played(file, catalog, cache)
    seconds = time.perf_counter() - started
    assert length >= FORTNIGHT
    protocol.report(job, rate=events / seconds)


if __name__ == "__main__":
    main()
