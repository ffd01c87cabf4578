"""``tocsin worker``: do what is due, now or until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

from runner.cli.home import NEEDS_A_PERSON
from runner.cli.options import Scope, command
from runner.cli.said import aloud
from runner.cli.session import WORKER, Session


def add(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "worker", Scope.ANYWHERE)(worker)


def worker(
    session: Session,
    once: Annotated[bool, typer.Option("--once", help="Do what is due and end.")] = False,
) -> int:
    """Send, render and act on what is due, until SIGTERM or Ctrl-C.

    With --once it ends when nothing is left to do now, with 4 if something needs a person.

    \b
    Examples:
      tocsin worker
      tocsin worker --once || page-somebody
    """
    if not once:
        _go_on(session)
        return 0
    from runner.drivers.embedded import Worker

    doing = Worker(session.machine, perform=aloud(session))
    try:
        doing.drain()
    finally:
        doing.close()
    for name, why in doing.troubles.items():
        session.say(f"warning: {name} could not be worked on: {why}")
    return _needs_a_person(session, bool(doing.troubles))


def _go_on(session: Session) -> None:
    from runner.drivers.choice import make_worker

    store = session.desk.store
    doing = make_worker(session.machine, perform=aloud(session))
    try:
        store.set_setting(WORKER, doing.name)
        with _stopped_by_signals(doing.stop):
            session.say(f"worker {doing.name} is working in {session.folder}; stop it with Ctrl-C or SIGTERM")
            doing.run()
    finally:
        if store.setting(WORKER) == doing.name:
            store.set_setting(WORKER, None)
        doing.close()
    session.say(f"worker {doing.name} has stopped")


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Have SIGTERM and Ctrl-C stop the worker cleanly while this lasts."""

    def heard(number: int, frame: FrameType | None) -> None:
        stop()

    before = {one: signal.signal(one, heard) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _needs_a_person(session: Session, troubled: bool) -> int:
    """Return the exit code of ``--once``, and say what waits for whom."""
    from runner.cli.looking import read_status
    from runner.model.people import STREAM

    desk = session.desk
    waiting = []
    for row in desk.store.rows():
        if row.kind == STREAM or row.state not in ("open", "paused"):
            continue
        found = read_status(session, desk.load(row.id))
        waiting += [(found.codename, one) for one in found.needs_attention]
    report = {
        "schema": "tocsin/worker/v1",
        "needs_attention": [
            {"incident": name, "text": one.text, "command": one.command} for name, one in waiting
        ],
    }
    if session.json:
        session.show_json(report)
    for name, one in waiting if not session.json else ():
        session.say(f"{name}: {one.text}\n  → {one.command}")
    return NEEDS_A_PERSON if waiting or troubled else 0
