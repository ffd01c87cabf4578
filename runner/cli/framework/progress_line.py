"""Progress bars of long work, on standard error and only on a terminal.

Pipes, logs and programs have no bars, and a terminal's scrollback does not contain them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.cli.framework.session import Session
from runner.cli.framework.streams import cleaned
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.incident.state.work import AnyWork, Deliver, token
from runner.reports.core.task_rows import handle

if TYPE_CHECKING:
    from rich.progress import Progress

Seen = Callable[[int], None]


class Bars:
    """The progress bars of one command, one for each part of its work."""

    def __init__(self, progress: Progress | None) -> None:
        """Use Rich's display, or none."""
        self._progress = progress

    def begin(self, words: str, total: int | None) -> Seen:
        """Start a bar, and return the function that advances it. A total of None is unknown."""
        progress = self._progress
        if progress is None:
            return lambda count: None
        task = progress.add_task(words, total=total)
        return lambda count: progress.advance(task, count)

    def say(self, session: Session, text: str) -> None:
        """Write a line to standard error, above the bars."""
        if self._progress is None:
            session.say(text)
        else:
            self._progress.console.print(cleaned(text), markup=False, highlight=False)


@contextmanager
def bars(session: Session) -> Iterator[Bars]:
    """Show bars in this context, at a terminal."""
    if session.json or not session.world.colours(session.world.err):
        yield Bars(None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=session.world.err),
        transient=True,
    )
    with progress:
        yield Bars(progress)


def print_progress(
    session: Session, say: Callable[[str], None] | None = None
) -> Callable[[AnyWork, Incident, str], c.AnyCommand]:
    """Return a performer that writes the result of each part of the work in one line to standard error."""
    tell = say or session.say
    from runner.effects.perform import perform

    service = session.machine

    def performed(work: AnyWork, incident: Incident, head: str) -> c.AnyCommand:
        command = perform(work, incident, head, service.library(incident), service.tools(incident))
        tell(f"{service.clock.now():%H:%M:%S} {incident.codename}: {sentence(work, command, incident)}")
        return command

    return performed


def sentence(work: AnyWork, command: c.AnyCommand, incident: Incident) -> str:
    """Return the result of a part of the work."""
    match command:
        case c.AttemptDone(n=n, result=result):
            what = f"attempt {n} of {token(work).split('|')[1]}"
            over = f" over {work.channel}" if isinstance(work, Deliver) else ""
            why = f" ({result.reason})" if result.reason and result.state != "accepted" else ""
            return f"{what}{over}: {result.state}{why}"
        case c.Composed(event=event):
            about = f"{handle(incident, event.step)}: " if event.step else ""
            return f"{about}message for {len(event.to)} composed"
        case c.Rendered(event=event):
            return (
                f"{handle(incident, event.step)}: {event.notice} generated, {len(event.gaps)} items missing"
            )
        case c.EffectFailed(step=step, why=why):
            return f"{handle(incident, step)}: action required: {why}"
        case _:
            return f"{type(command).__name__} ({incident.version})"
