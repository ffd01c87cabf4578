"""``tocsin worker``: do what is due, now or until it is told to stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any

from msgspec import to_builtins

from runner.cli.home import NEEDS_A_PERSON
from runner.cli.options import Commands, Option, Scope, command
from runner.cli.said import aloud
from runner.cli.session import Session
from runner.cli.stopping import stopped_by_signals
from runner.errors import TocsinError

EVERY = timedelta(seconds=15)
"""How often channels are asked whose providers call nobody back."""
PATIENCE = timedelta(seconds=2)
"""How long one of them is waited for when it is silent."""


def add(app: Commands) -> None:
    """Add the command."""
    command(app, "worker", Scope.ANYWHERE)(worker)


def worker(
    session: Session,
    once: Annotated[bool, Option("--once", help="Do what is due and end.")] = False,
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
    from runner.cli.bars import bars
    from runner.drivers.embedded import Worker
    from runner.service.collecting import Collector
    from runner.service.shredded import is_shredded

    with bars(session) as shown:
        done = shown.begin("working", None)

        def say(text: str) -> None:
            shown.say(session, text)
            done(1)

        doing = Worker(session.machine, perform=aloud(session, say))
        try:
            Collector(session.apart(), session.say, PATIENCE).round()
            doing.drain()
        finally:
            doing.close()
    troubles = {name: why for name, why in doing.troubles.items() if not is_shredded(session.desk, name)}
    for name, why in troubles.items():
        session.warn("work_failed", f"{name} could not be worked on: {why}")
    return _needs_a_person(session, troubles)


def _go_on(session: Session) -> None:
    from runner.drivers.choice import make_worker
    from runner.drivers.rounds import Rounds
    from runner.service.collecting import Collector
    from runner.service.workers import dismiss, enlist

    store = session.desk.store
    doing = make_worker(session.machine, perform=aloud(session))
    try:
        enlist(store, doing.name)
        fetching = Collector(session.apart(), session.say, PATIENCE)
        with stopped_by_signals(doing.stop), Rounds(fetching.round, EVERY, session.say):
            session.say(f"worker {doing.name} is working in {session.folder}; stop it with Ctrl-C or SIGTERM")
            doing.run()
    finally:
        dismiss(store, doing.name)
        doing.close()
    session.say(f"worker {doing.name} has stopped")


def _needs_a_person(session: Session, troubles: Mapping[str, str]) -> int:
    """Return the exit code of ``--once``, and say what waits for whom."""
    waiting = list(_waiting(session, troubles))
    if session.json:
        session.show_json({"schema": "tocsin/worker/v1", "needs_attention": waiting})
    for one in waiting if not session.json else ():
        about = f"{one['incident']}: " if one["incident"] else ""
        session.say(f"{about}{one['text']}\n  → {one['command']}")
    return NEEDS_A_PERSON if waiting or troubles else 0


def _waiting(session: Session, troubles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield DO NOW of each incident, and what is missed beside them; one that cannot be read holds up no other."""
    from runner.service.between import do_now, missed
    from runner.views import advice

    for row, found in do_now(session.desk):
        if not isinstance(found, TocsinError):
            yield from ({"incident": row.codename, **to_builtins(one)} for one in found)
        elif found.code == "shredded":
            text = "it was shredded: nothing more can be done in it"
            yield {"incident": row.codename, "text": text, "command": advice.close(row.codename)}
        elif session.json or row.id not in troubles:  # else it was said already
            text = f"it cannot be read: {found.message}"
            yield {"incident": row.codename, "text": text, "command": "tocsin doctor"}
    yield from ({"incident": "", **to_builtins(one)} for one in missed(session.desk))
