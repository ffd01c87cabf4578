"""The background worker: start, stop and status."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from threading import Event
from typing import TYPE_CHECKING, Any

from runner.actions import Action
from runner.app.home.workers import BACKGROUND, FOLDER, STARTING, lacking, living, record_file, recorded
from runner.cli.framework.boundary import LOGS
from runner.cli.framework.session import Session
from runner.errors import Refused, StoreLocked, TocsinError
from runner.reports.core import suggested_actions
from runner.reports.core.header import clocked, named_zone
from runner.reports.core.page import Page, Paragraph, do, line

if TYPE_CHECKING:
    from pathlib import Path

    from runner.app.home.workers import Background

UP = 15.0
"""Seconds within which a worker must report that it runs."""
DOWN = 45.0
"""Seconds for a worker to complete its work in progress."""
LOG_LIMIT = 1_000_000
"""Bytes from which a log is rotated when a worker starts."""


def keep_worker(session: Session, *, start: bool = False) -> None:
    """Start the background worker if it stopped, with ``start`` also the first time; warn if it does not run."""
    died = recorded(session.folder) is not None
    if not (died or start) or session.service.home.working.mode == "manual":
        return
    try:
        if living(session.service):
            return
        _begin(session)
    except (OSError, TocsinError) as error:
        why = error.message if isinstance(error, TocsinError) else f"{error.strerror}"
        session.warn("worker_not_started", f"No worker could be started: {why}. See: tocsin worker status")
        return
    if died:
        session.warn(
            "worker_restarted", f"The worker stopped unexpectedly and was started again. See {_log(session)}"
        )
    else:
        session.say("A worker runs in the background. See: tocsin worker status")


def _begin(session: Session) -> None:
    """Start the worker and wait until one runs; raises OSError or TocsinError."""
    from runner.app.core.repository import FileLock

    folder, log = session.folder.absolute(), _log(session)
    child, starting = None, None
    try:
        try:
            starting = FileLock(folder / FOLDER, STARTING)
        except StoreLocked:
            pass  # another command is just starting one
        else:
            log.parent.mkdir(exist_ok=True, mode=0o700)
            if log.exists() and log.stat().st_size > LOG_LIMIT:
                log.replace(log.with_suffix(".old.log"))
            words = ("worker", "--background", "--home", str(folder))
            child = session.world.spawn(words, session.world.environ, folder, log)
        until = time.monotonic() + UP
        while _alive(session) is None:
            if time.monotonic() > until or (child is not None and child.poll() is not None):
                hint = f"Read {log}, then run: tocsin doctor"
                raise Refused("The worker did not start.", hint=hint, code="worker_not_started")
            Event().wait(0.05)
    finally:
        if starting is not None:
            starting.release()
    lacks = lacking(session.service.home, [name for name, value in session.world.environ.items() if value])
    if child is not None and lacks:
        session.warn("worker_lacks", _lacks_words(lacks))


def _alive(session: Session) -> Background | None:
    background = recorded(session.folder)
    return background if background is not None and background.worker in living(session.service) else None


def _log(session: Session) -> Path:
    return session.folder.absolute() / LOGS / "worker.log"


def start(session: Session) -> None:
    """Start the background worker of this home folder.

    The worker runs after you log out. It gets the environment of this command: first set the secrets that tocsin.yaml
    names as env:NAME. The log is logs/worker.log in the home folder. If the worker stops unexpectedly, the next command
    that writes starts it again. With worker: manual in the settings, no command does.

    \b
    Example:
      tocsin worker start
    """
    if _alive(session) is None:
        _begin(session)
    show(session)


def stop(session: Session) -> None:
    """Stop the background worker after its work in progress.

    Only tocsin open and tocsin worker start start a worker again.

    \b
    Example:
      tocsin worker stop
    """
    from runner.app.core.repository import worker_lock_held

    until = time.monotonic() + DOWN
    record_file(session.folder).unlink(missing_ok=True)
    while worker_lock_held(session.folder / FOLDER, BACKGROUND):
        if time.monotonic() > until:
            why = "The worker has not stopped yet. It completes the work in progress."
            raise Refused(why, hint=Action("worker.status"), code="worker_not_stopped")
        Event().wait(0.1)
        record_file(session.folder).unlink(missing_ok=True)  # one that was just starting writes it
    if not session.json:
        session.say("The worker has stopped.")
    show(session)


def show(session: Session) -> dict[str, Any]:
    """Show the state and return it; ``died`` is an unexpected stop, ``lacks`` is null if unknown."""
    alive, workers, home = _alive(session), living(session.service), session.service.home
    gone = "died" if recorded(session.folder) is not None else "stopped"
    found = {
        "schema": "tocsin/worker-status/v1",
        "state": "running" if workers else gone,
        "mode": home.working.mode,
        "workers": workers,
        "pid": alive.pid if alive else None,
        "since": alive.since if alive else None,
        "lacks": lacking(home, alive.environment) if alive else None,
        "log": str(_log(session)),
    }
    session.show(found, lambda: Page(tuple(_lines(session, found))))
    return found


def _lines(session: Session, found: Mapping[str, Any]) -> Iterator[Paragraph]:
    if found["state"] == "running":
        yield line(f"Running: {', '.join(found['workers'])}", "good", hang=2)
    else:
        died = "The worker stopped unexpectedly. " if found["state"] == "died" else ""
        yield line(f"{died}{suggested_actions.NO_WORKER}", "alarm", hang=2)
        yield do(suggested_actions.START_WORKER)
    if found["since"] is not None:
        since = clocked(found["since"], named_zone(session.service.home.organisation.get("zone")))
        words = f"In the background since {since}: process {found['pid']}, log {found['log']}"
        yield line(words, "dim", hang=2)
    if found["lacks"]:
        yield line(_lacks_words(found["lacks"]), "alarm", hang=2)
    elif found["workers"] and found["lacks"] is None:
        yield line("Missing secrets of the worker: unknown.", "warn", hang=2)


def _lacks_words(lacks: tuple[str, ...]) -> str:
    return (
        f"tocsin.yaml names variables that the worker does not have: {', '.join(lacks)}. "
        f"Set the variables, then: tocsin worker stop; tocsin worker start"
    )
