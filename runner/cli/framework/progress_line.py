"""Bars on long work: on a terminal only, on standard error, gone when the work is done.

Pipes, logs and programs never see one, and nothing of it stays in a terminal's scrollback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.cli.framework.session import Session
from runner.cli.framework.streams import cleaned

if TYPE_CHECKING:
    from rich.progress import Progress

Seen = Callable[[int], None]


class Bars:
    """The bars of one command, one for each piece of its work."""

    def __init__(self, progress: Progress | None) -> None:
        """Take Rich's display, or nothing where none is shown."""
        self._progress = progress

    def begin(self, words: str, total: int | None) -> Seen:
        """Begin a bar; what is returned is told how much more was done. A total of None is not known."""
        progress = self._progress
        if progress is None:
            return lambda count: None
        task = progress.add_task(words, total=total)
        return lambda count: progress.advance(task, count)

    def say(self, session: Session, text: str) -> None:
        """Say a line beside the answer: above the bars, where there are any."""
        if self._progress is None:
            session.say(text)
        else:
            self._progress.console.print(cleaned(text), markup=False, highlight=False)


@contextmanager
def bars(session: Session) -> Iterator[Bars]:
    """Show bars while this lasts, where a person can see them."""
    if session.json or not session.world.colours(session.world.err):
        yield Bars(None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=session.world.err),
        transient=True,
    )
    with shown:
        yield Bars(shown)
