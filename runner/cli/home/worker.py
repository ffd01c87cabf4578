"""Command ``worker``: perform due work once, until a signal, or in the background."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import to_builtins

from runner.actions import Action
from runner.cli.framework.environment import progress, stopped_by_signals
from runner.cli.framework.options import NEEDS_A_PERSON, Commands, Option, Scope, command, group
from runner.cli.framework.progress_line import print_progress
from runner.cli.framework.session import Session
from runner.decoding import from_json
from runner.errors import TocsinError
from runner.reports.core.action_text import encoded

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.workers.choice import Running

EVERY = timedelta(seconds=15)
"""Interval of queries to channels without callbacks."""
PATIENCE = timedelta(seconds=2)
"""Longest wait for one of these channels."""
PING_EVERY = timedelta(minutes=1)
"""Interval of calls to a dead man's switch and to the service manager; both should wait several times as long."""
WEBHOOKS = timedelta(seconds=2)
"""Interval of looks for what webhooks have to send."""
WATCH = timedelta(seconds=1)
"""Interval of the background worker's check for a stop request."""


def add(app: Commands) -> None:
    """Add the commands."""
    from runner.cli.framework.background_worker import start, stop

    inside = group(app, "worker", "")
    for name, one in (("", worker), ("start", start), ("stop", stop), ("status", status)):
        command(inside, name, Scope.ANYWHERE)(one)


def worker(
    session: Session,
    once: Annotated[bool, Option("--once", "End after all due work.")] = False,
    background: Annotated[
        bool, Option("--background", "Internal: the process of tocsin worker start.")
    ] = False,
) -> int:
    """Run a worker until SIGTERM or Ctrl-C. It performs all due work.

    A worker sends messages, generates notices and escalates. With --once, it ends after all due work; the exit code is 4
    if an action is required. To run it in the background: tocsin worker start.

    \b
    Examples:
      tocsin worker
      tocsin worker start
      tocsin worker --once || page-somebody
    """
    if not once:
        _go_on(session, background=background)
        return 0
    from runner.app.home.retention import finish_erasure, is_shredded
    from runner.app.home.workers import ping
    from runner.app.messages.receipt_polling import Collector
    from runner.app.messages.webhooks import WebhookSender
    from runner.cli.framework.progress_line import bars
    from runner.workers.embedded import Worker

    finish_erasure(session.service)
    with bars(session) as shown:
        done = shown.begin("working", None)

        def say(text: str) -> None:
            shown.say(session, text)
            done(1)

        doing = Worker(session.machine, perform=print_progress(session, say))
        try:
            Collector(session.apart(), session.say, PATIENCE).round()
            doing.drain()
            WebhookSender(session.apart(), session.say).round()
        finally:
            doing.close()
        try:
            ping(session.service.home, session.folder, session.now())
        except TocsinError as error:
            session.warn("ping_failed", error.message)
        try:
            _stamp(session)
        except TocsinError as error:
            session.warn("timestamp_failed", error.message)
    troubles = {name: why for name, why in doing.troubles.items() if not is_shredded(session.service, name)}
    for name, why in troubles.items():
        session.warn("work_failed", f"The work of incident {name} failed: {why}")
    return _needs_a_person(session, troubles)


def status(session: Session) -> int:
    """Show the workers that run and the secrets that are missing.

    The exit code is 4 if no worker runs, or if a secret is missing.

    \b
    Example:
      tocsin worker status
    """
    from runner.cli.framework.background_worker import show

    found = show(session)
    return 0 if found["state"] == "running" and not found["lacks"] else NEEDS_A_PERSON


def _go_on(session: Session, *, background: bool) -> None:
    from runner.app.core.proof.checkpoints import EVERY as CHECKPOINT_EVERY
    from runner.app.core.repository import FileLock
    from runner.app.home.workers import BACKGROUND, FOLDER, dismiss, enlist
    from runner.app.messages.receipt_polling import Collector
    from runner.app.messages.webhooks import WebhookSender
    from runner.workers.choice import make_worker
    from runner.workers.periodic import PeriodicTask

    service, end = session.service, "Ctrl-C or SIGTERM"
    session.watched(not background and session.world.err.isatty())
    with ExitStack() as ending:
        if background:
            ending.callback(FileLock(session.folder / FOLDER, BACKGROUND).release)

        def again() -> None:
            enlist(service, doing.name)
            service.checkpoints.look()

        doing = make_worker(session.machine, perform=print_progress(session), say=session.say, again=again)
        ending.callback(doing.close)
        ending.callback(dismiss, service, doing.name)
        enlist(service, doing.name)
        rounds = [(Collector(session.apart(), session.say, PATIENCE).round, EVERY)]
        rounds.append((WebhookSender(session.apart(), session.say).round, WEBHOOKS))
        rounds.append((_upkeep(service), CHECKPOINT_EVERY))
        rounds.append((partial(_stamp, session), CHECKPOINT_EVERY))
        rounds.append((_pinging(session, doing), PING_EVERY))
        if background:
            end = "tocsin worker stop"
            rounds.append((_watching(session, doing), WATCH))
        ending.enter_context(stopped_by_signals(doing.stop))
        for act, pause in rounds:
            ending.enter_context(PeriodicTask(act, pause, session.say))
        since = f"{session.now():%Y-%m-%d %H:%M:%S} UTC"
        session.say(f"Worker {doing.name} runs in {session.folder} since {since}. Stop it with {end}")
        doing.run()
    session.say(f"Worker {doing.name} stopped")


def _upkeep(service: IncidentService) -> Callable[[], None]:
    """Return the round that finishes an erasure and makes a checkpoint."""
    from runner.app.home.retention import finish_erasure

    def act() -> None:
        finish_erasure(service)
        service.checkpoints.round(service.clock.now())

    return act


def _watching(session: Session, doing: Running) -> Callable[[], None]:
    """Record the background worker, and return the check that stops it if the record was removed."""
    from runner.app.home.workers import Background, keep_record, record_file

    names = tuple(sorted(name for name, value in session.world.environ.items() if value))
    background = Background(worker=doing.name, pid=os.getpid(), since=session.now(), environment=names)
    keep_record(session.folder, background)
    return lambda: None if record_file(session.folder).exists() else doing.stop()


def _stamp(session: Session) -> None:
    """Ask the timestamp authority, if the settings name one and it is time."""
    from runner.app.home.workers import ask_authority

    ask_authority(session.service)


def _pinging(session: Session, doing: Running) -> Callable[[], None]:
    """Return the call of the dead man's switch, if any; it stops if the worker's loop hangs, or has no database."""
    from runner.app.home.workers import ping

    fairness, seen = doing.worker.fairness, -1
    turned = progress(lambda: fairness.rounds + fairness.attempts)

    def act() -> None:
        nonlocal seen
        turned()
        before, seen = seen, fairness.rounds
        doing.worker.wake()
        if seen != before:
            ping(session.service.home, session.folder, session.now())

    return act


def _needs_a_person(session: Session, troubles: Mapping[str, str]) -> int:
    """Return the exit code of ``--once``, and show the required actions."""
    waiting = from_json(encoded(list(_waiting(session, troubles))))
    if session.json:
        session.show_json({"schema": "tocsin/worker/v1", "needs_attention": waiting})
    for item in waiting if not session.json else ():
        about = f"{item['incident']}: " if item["incident"] else ""
        session.say(f"{about}{item['text']}\n  → {item['command']}")
    return NEEDS_A_PERSON if waiting or troubles else 0


def _waiting(session: Session, troubles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield DO NOW of each incident, and missed scheduled runs; an unreadable incident does not stop the others."""
    from runner.app.exercises.organisation_attention import do_now, missed

    for row, found in do_now(session.service):
        if not isinstance(found, TocsinError):
            yield from ({"incident": row.codename, **to_builtins(item)} for item in found)
        elif found.code == "shredded":
            text = "the personal data was erased; no work is possible"
            yield {"incident": row.codename, "text": text, "action": Action("incident.close", row.codename)}
        elif session.json or row.id not in troubles:  # else it was said already
            text = f"the incident cannot be read: {found.message}"
            yield {"incident": row.codename, "text": text, "action": Action("home.doctor")}
    yield from ({"incident": "", **to_builtins(item)} for item in missed(session.service))
