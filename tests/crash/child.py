"""The child of the crash tests: it forks one run of a story for each line, and is told where that run is to die.

``python -m tests.crash.child SMTP_PORT HTTP_PORT`` reads ``FOLDER KILL_AT URL STORY`` from its standard input, a line for
each run, and answers with the number of boundaries passed or with ``killed``. Every run is a fork of the loaded program
on a home of its own, so that a hundred kills take seconds.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from runner.workers.embedded import Worker
from tests.crash.calling import STORIES, Story
from tests.crash.scenario import Boundaries, SharedClock, ensure_open, open_desk, performing, work

LAZY = (
    "cryptography.hazmat.primitives.ciphers.aead",
    "integrations.discovery",
    "integrations.http.transport",
    "integrations.smtp.session",
    "integrations.webhook",
    "jinja2",
    "runner.documents.template.letter_template",
    "runner.documents.template.template",
    "runner.effects.actions",
    "runner.effects.messages.compose",
    "runner.effects.messages.deliver",
    "runner.effects.gateway.gateway",
    "runner.app.core.directory",
    "runner.store.campaigns.schema",
    "runner.store.postgres.store",
    "runner.store.sqlite.store",
)
"""What the program imports only when it needs it."""


def run_once(folder: Path, smtp: int, http: int, kill_at: int, url: str, story: Story) -> int:
    """Work the incident as far as it goes and return the boundaries passed."""
    boundaries = Boundaries(kill_at)
    folder.mkdir(parents=True, exist_ok=True)
    clock = SharedClock(folder / "clock")
    desk = open_desk(folder, story.home(smtp, http), boundaries, url, clock)
    ensure_open(desk, story.playbook(f"http://127.0.0.1:{http}"), desk.clock.now())
    worker = Worker(desk, threads=1, perform=performing(desk, boundaries))
    work(desk, worker, clock, story.act)
    worker.close()
    desk.store.close()
    clock.close()
    return boundaries.passed


def main() -> None:
    """Fork one run for each line."""
    smtp, http = int(sys.argv[1]), int(sys.argv[2])
    answer_each(
        lambda folder, kill_at, url, story: run_once(
            Path(folder), smtp, http, int(kill_at), url, STORIES[story]
        )
    )


def answer_each(run: Callable[..., int]) -> None:
    """Fork one run for each line, with its words, and answer ``killed`` or what it returned."""
    for module in LAZY:
        with contextlib.suppress(ImportError):
            import_module(module)  # once, for all forks
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.write(writing, str(run(*line.split())).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        sys.stdout.write(("killed" if killed else said or f"failed {status}") + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
