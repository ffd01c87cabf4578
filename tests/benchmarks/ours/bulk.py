"""B: a personal mail to each of n people over one connection, claims and outcomes durable; the whole ``bulk send``."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import protocol
from tests.cli.at_desk import AtDesk
from tests.cli.campaigns.test_bulk import opened
from tests.servers.postfix import postfix_program, running_postfix

HERE = Path(__file__).parents[1]
NOTICE = "our-letter"


@contextmanager
def sink(script: str = "sink.py") -> Iterator[int]:
    """Run a server (a mail server, unless told) in its own process, and yield its port."""
    with subprocess.Popen([sys.executable, str(HERE / script)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


@contextmanager
def relay(variant: str) -> Iterator[int]:
    """Run the relay that a variant names, and yield its port: a sink, or with ``postfix`` a real one before a sink."""
    with sink() as port:
        if variant != "postfix":
            yield port
            return
        program = postfix_program()
        if program is None:
            raise SystemExit("Postfix is not installed")
        with running_postfix(program, port) as server:
            yield server.port


def write_list(path: Path, n: int) -> None:
    """Write n people."""
    with path.open("w", encoding="utf-8") as file:
        file.write("reference,name,address,jurisdiction,email\n")
        for number in range(1, n + 1):
            file.write(
                f'K{number},Zoë Person {number},"{number} Elm Road",DE,person{number}@people{number % 50}.example\n'
            )


def configure(desk: AtDesk, port: int) -> None:
    """Give the home a relay at this port."""
    mail = {
        "adapter": "smtp",
        "personal_data": "personal",
        "rates": ["1000000/s"],
        "settings": {"host": "127.0.0.1", "port": port, "sender": "notice@breach.example", "tls": "none"},
    }
    desk.settings(channels={**desk.channels["channels"], "relay": mail})


def write_home(desk: AtDesk) -> None:
    """Make a home with a letter and an incident, and have the letter approved."""
    from tests.cli.campaigns.test_bulk import LETTER, TEXT, approve

    desk.done("init")
    configure(desk, 25)
    notices = desk.home / "notices"
    notices.mkdir()
    (notices / "our-letter.md").write_text(LETTER, encoding="utf-8")
    (notices / "our-text.md").write_text(TEXT, encoding="utf-8")
    opened(desk)
    approve(desk)


def prepare(job: protocol.Job) -> None:
    """Make a home with an approved letter, and plan the list."""
    desk = AtDesk(job.folder / "home")
    write_home(desk)
    write_list(job.folder / "people.csv", job.n)
    people = str(job.folder / "people.csv")
    started = time.perf_counter()
    desk.done("bulk", "plan", NOTICE, "--people", people, "--canary-wait", "0s")
    sys.stderr.write(f"planned {job.n} in {time.perf_counter() - started:.1f} s\n")


def measure(job: protocol.Job) -> None:
    """Send to all of them."""
    desk = AtDesk(job.folder / "home")
    with relay(job.variant) as port:
        configure(desk, port)
        desk.world()  # the tests' law is compiled once for a process: not ours to measure
        started = time.perf_counter()
        said = desk(
            "bulk",
            "send",
            NOTICE,
            "--people",
            "people.csv",
            "--yes",
            "--no-wait",
            "--accept-counts",
            "made",
            "--format",
            "json",
        )
        seconds = time.perf_counter() - started
    if said.code or said.json["outcomes"] != {"accepted": job.n}:
        raise SystemExit(f"not everybody was sent to: {said.out[:300]} {said.err[:300]}")
    protocol.report(job, rate=job.n / seconds)


if __name__ == "__main__":
    found = protocol.job()
    if found.phase == "prepare":
        prepare(found)
    else:
        measure(found)
