"""``tocsin worker``: do what is due, now, until it is told to stop, or in the background."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import to_builtins

from runner.cli.framework.environment import stopped_by_signals
from runner.cli.framework.options import NEEDS_A_PERSON, Commands, Option, Scope, command, group
from runner.cli.framework.progress_line import print_progress
from runner.cli.framework.session import Session
from runner.errors import TocsinError

if TYPE_CHECKING:
    from runner.workers.choice import Running

EVERY = timedelta(seconds=15)
"""How often channels are asked whose providers call nobody back."""
PATIENCE = timedelta(seconds=2)
"""How long one of them is waited for when it is silent."""
PING_EVERY = timedelta(minutes=1)
"""How often a dead man's switch is called; it should wait for several times as long."""
WATCH = timedelta(seconds=1)
"""How often the worker in the background looks whether it is still wanted."""


def add(app: Commands) -> None:
    """Add the commands."""
    from runner.cli.framework.background_worker import start, stop

    inside = group(app, "worker", "")
    for name, one in (("", worker), ("start", start), ("stop", stop), ("status", status)):
        command(inside, name, Scope.ANYWHERE)(one)


def worker(
    session: Session,
    once: Annotated[bool, Option("--once", help="Do what is due and end.")] = False,
    background: Annotated[
        bool, Option("--background", help="What start runs: end with worker stop. A home has one.")
    ] = False,
) -> int:
    """Send, render and act on what is due, until SIGTERM or Ctrl-C; tocsin worker start does it in the background.

    With --once it ends when nothing is left to do now, with 4 if something needs a person.

    \b
    Examples:
      tocsin worker
      tocsin worker start
      tocsin worker --once || page-somebody
    """
    if not once:
        _go_on(session, background=background)
        return 0
    from runner.app.home.workers import ping
    from runner.app.incidents.shredded import is_shredded
    from runner.app.messages.receipt_polling import Collector
    from runner.cli.framework.progress_line import bars
    from runner.workers.embedded import Worker

    with bars(session) as shown:
        done = shown.begin("working", None)

        def say(text: str) -> None:
            shown.say(session, text)
            done(1)

        doing = Worker(session.machine, perform=print_progress(session, say))
        try:
            Collector(session.apart(), session.say, PATIENCE).round()
            doing.drain()
        finally:
            doing.close()
        try:
            ping(session.service.home, session.folder, session.now())
        except TocsinError as error:
            session.warn("ping_failed", error.message)
    troubles = {name: why for name, why in doing.troubles.items() if not is_shredded(session.service, name)}
    for name, why in troubles.items():
        session.warn("work_failed", f"{name} could not be worked on: {why}")
    return _needs_a_person(session, troubles)


def status(session: Session) -> int:
    """Show whether a worker runs, and which secrets of the environment it lacks.

    Exits with 4 if none runs, or if it lacks one.

    \b
    Example:
      tocsin worker status
    """
    from runner.cli.framework.background_worker import show

    found = show(session)
    return 0 if found["state"] == "running" and not found["lacks"] else NEEDS_A_PERSON


def _go_on(session: Session, *, background: bool) -> None:
    from runner.app.home.workers import BACKGROUND, FOLDER, dismiss, enlist
    from runner.app.messages.receipt_polling import Collector
    from runner.store.worker_lock import FileLock
    from runner.workers.choice import make_worker
    from runner.workers.periodic import PeriodicTask

    store, end = session.service.store, "Ctrl-C or SIGTERM"
    with ExitStack() as ending:
        if background:
            ending.callback(FileLock(session.folder / FOLDER, BACKGROUND).release)
        doing = make_worker(session.machine, perform=print_progress(session))
        ending.callback(doing.close)
        ending.callback(dismiss, store, doing.name)
        enlist(store, doing.name)
        rounds = [(Collector(session.apart(), session.say, PATIENCE).round, EVERY)]
        if session.service.home.working.ping:
            rounds.append((_pinging(session, doing), PING_EVERY))
        if background:
            end = "tocsin worker stop"
            rounds.append((_watching(session, doing), WATCH))
        ending.enter_context(stopped_by_signals(doing.stop))
        for act, pause in rounds:
            ending.enter_context(PeriodicTask(act, pause, session.say))
        since = f"{session.now():%Y-%m-%d %H:%M:%S} UTC"
        session.say(f"worker {doing.name} is working in {session.folder} since {since}; stop it with {end}")
        doing.run()
    session.say(f"worker {doing.name} has stopped")


def _watching(session: Session, doing: Running) -> Callable[[], None]:
    """Write the worker in the background down, and return what stops it when somebody has removed the record."""
    from runner.app.home.workers import Background, keep_record, record_file

    names = tuple(sorted(name for name, value in session.world.environ.items() if value))
    background = Background(worker=doing.name, pid=os.getpid(), since=session.now(), environment=names)
    keep_record(session.folder, background)
    return lambda: None if record_file(session.folder).exists() else doing.stop()


def _pinging(session: Session, doing: Running) -> Callable[[], None]:
    """Return what calls the dead man's switch while the worker's own loop comes round, and not when it hangs."""
    from runner.app.home.workers import ping

    seen = -1

    def act() -> None:
        nonlocal seen
        before, seen = seen, doing.worker.fairness.rounds
        doing.worker.wake()
        if seen != before:
            ping(session.service.home, session.folder, session.now())

    return act


def _needs_a_person(session: Session, troubles: Mapping[str, str]) -> int:
    """Return the exit code of ``--once``, and say what waits for whom."""
    waiting = list(_waiting(session, troubles))
    if session.json:
        session.show_json({"schema": "tocsin/worker/v1", "needs_attention": waiting})
    for one in waiting if not session.json else ():
        about = f"{one['incident']}: " if one["incident"] else ""
        words = " · ".join(filter(None, (one["text"], one.get("who"), one.get("detail"))))
        session.say(f"{about}{words}\n  → {one['command']}")
    return NEEDS_A_PERSON if waiting or troubles else 0


def _waiting(session: Session, troubles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield DO NOW of each incident, and what is missed beside them; one that cannot be read holds up no other."""
    from runner.app.exercises.between import do_now, missed
    from runner.reports.core import suggested_actions

    for row, found in do_now(session.service):
        if not isinstance(found, TocsinError):
            yield from ({"incident": row.codename, **to_builtins(one)} for one in found)
        elif found.code == "shredded":
            text = "it was shredded: nothing more can be done in it"
            yield {"incident": row.codename, "text": text, "command": suggested_actions.close(row.codename)}
        elif session.json or row.id not in troubles:  # else it was said already
            text = f"it cannot be read: {found.message}"
            yield {"incident": row.codename, "text": text, "command": "tocsin doctor"}
    yield from ({"incident": "", **to_builtins(item)} for item in missed(session.service))
