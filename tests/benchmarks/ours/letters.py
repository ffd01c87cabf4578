"""P: the whole command that writes a letter to each of n people, as a PDF of their own or in print batches of 100."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path

from runner.__main__ import main as tocsin
from tests.benchmarks import protocol
from tests.benchmarks.letter import BLOCKS, LETTERHEAD, TABLE, jinja, person

FRONT = """\
---
schema: tocsin/notice/v1
id: bench-letter
version: 1.0.0
title: Notice of Data Breach
language: en-US
audience: individuals
slots: [recipient.name, recipient.address, recipient.reference]
---
"""
DUTY = "us-ca-breach/individuals"


def template() -> str:
    """Return the letter as one of our templates."""
    table = "".join(
        f"| {' | '.join(row)} |\n{'|---' * 4 + '|' + chr(10) if not n else ''}" for n, row in enumerate(TABLE)
    )
    shapes = {
        "h1": "# {}\n",
        "h2": "## {}\n",
        "li": "- {}",
        "p": "\n{}\n",
        "lines": "::: lines\n{}\n:::\n",
        "table": "\n{}",
    }
    body = "\n".join(shapes[kind].format(table if kind == "table" else jinja(text)) for kind, text in BLOCKS)
    return FRONT + body


def command(job: protocol.Job, words: str) -> None:
    """Run one command of ours in this process."""
    sys.stdout.flush()
    code = tocsin(["--home", str(job.folder / "home"), *shlex.split(words)])
    if code:
        raise SystemExit(code)


def prepare(job: protocol.Job) -> None:
    """Make a home with an incident and the template, and a list of people."""
    (job.folder / "play.yaml").write_text(
        "schema: tocsin/playbook/v1\nname: bench\nversion: 1.0.0\ntitle: Bench\nroles: {commander: {title: Commander}}\n"
        "steps:\n  - {id: look, task: Look, role: commander}\n"
    )
    command(job, "init")
    (job.folder / "home" / "notices").mkdir(exist_ok=True)
    (job.folder / "home" / "notices" / "bench-letter.md").write_text(template(), encoding="utf-8")
    address = "\\n".join(LETTERHEAD[1:])
    (job.folder / "facts.yaml").write_text(
        "schema: tocsin/facts/v1\nsource: bench\n"
        f'organisation: {{name: {LETTERHEAD[0]}, address: "{address}"}}\n'
    )
    command(job, f"open {job.folder / 'play.yaml'} --yes --facts {job.folder / 'facts.yaml'}")
    with (job.folder / "people.csv").open("w", encoding="utf-8") as file:
        file.write("reference,name,address\n")
        for n in range(1, job.n + 1):
            one = person(n)
            file.write(f'{one["reference"]},{one["name"]},"{one["address"]}"\n')


def measure(job: protocol.Job) -> None:
    """Write the letters; the variant is the size of print batches, or a format."""
    kind = job.variant
    people, out = job.folder / "people.csv", job.folder / "out"
    more = f"--batch {kind}" if kind.isdigit() else f"--to {kind}"
    started = time.perf_counter()
    command(job, f"notice letters bench-letter --people {people} --out {out} --duty {DUTY} {more}")
    seconds = time.perf_counter() - started
    lines = sum(1 for _ in (out / "manifest.jsonl").open())
    if lines != job.n or not any(Path(out).glob("00001/*")):
        raise SystemExit("not every letter was written")
    protocol.report(job, rate=job.n / seconds)


if __name__ == "__main__":
    found = protocol.job()
    prepare(found) if found.phase == "prepare" else measure(found)
