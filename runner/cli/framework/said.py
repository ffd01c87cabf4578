"""One line for each piece of work that a worker has done, without anything personal in it."""

from __future__ import annotations

from collections.abc import Callable

from runner.cli.framework.session import Session
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Deliver, token


def aloud(
    session: Session, say: Callable[[str], None] | None = None
) -> Callable[[AnyWork, Incident, str], c.AnyCommand]:
    """Return a performer that says in one line on standard error what each piece of work came to."""
    tell = say or session.say
    from runner.effects.perform import perform

    desk = session.machine

    def performed(work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
        command = perform(work, incident, head, desk.library(incident), desk.tools(incident))
        tell(f"{desk.clock.now():%H:%M:%S} {incident.codename}: {sentence(work, command, incident)}")
        return command

    return performed


def sentence(work: AnyWork, command: c.AnyCommand, incident: Incident) -> str:
    """Return what came of a piece of work."""
    match command:
        case c.AttemptDone(n=n, result=result):
            what = f"attempt {n} of {token(work).split('|')[1]}"
            over = f" over {work.channel}" if isinstance(work, Deliver) else ""
            why = f" ({result.reason})" if result.reason and result.state != "accepted" else ""
            return f"{what}{over}: {result.state}{why}"
        case c.Composed(step=step, to=to):
            return f"{step}: message for {len(to)} composed"
        case c.Rendered(step=step, notice=notice, gaps=gaps):
            return f"{step}: {notice} rendered, {len(gaps)} gaps"
        case c.EffectFailed(step=step, why=why):
            return f"{step}: needs a person: {why}"
        case _:
            return f"{type(command).__name__} ({incident.version})"
