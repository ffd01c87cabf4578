"""Command ``notice letters``: a letter to every person of a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Option
from runner.cli.framework.session import Session
from runner.errors import warning
from runner.reports.core.page import Block, Cell, line, paged, table

if TYPE_CHECKING:
    from runner.app.notices.letters import Tell, Written


def letters(
    session: Session,
    notice: Annotated[str, Argument(metavar="NOTICE", help="Template with slots, or auto.")],
    people: Annotated[Path, Option("--people", metavar="FILE", help="A CSV file.")],
    out: Annotated[Path, Option("--out", metavar="DIR", help="Folder of this run.")],
    duty: Annotated[
        list[str] | None, Option("--duty", help="Duty, or one for each place. Default: by place.")
    ] = None,
    population: Annotated[
        str, Option("--population", metavar="ID", help="Place, if the list has none.")
    ] = "",
    query: Annotated[str, Option("--query", metavar="SQL", help="SQL query, or a file with it.")] = "",
    to: Annotated[
        list[str] | None,
        Option("--to", metavar="FORMAT", help="Format: pdf, docx, html, txt."),
    ] = None,
    batch: Annotated[int, Option("--batch", metavar="N", help="Letters in one PDF, up to 1,000.")] = 0,
    jobs: Annotated[int, Option("--jobs", metavar="N", help="Processes. Default: one per core.")] = 0,
    fonts: Annotated[
        list[Path] | None, Option("--fonts", metavar="DIR", help="Folder with more fonts.")
    ] = None,
    skip_bad: Annotated[bool, Option("--skip-bad", help="Skip and list invalid rows.")] = False,
    drafts: Annotated[bool, Option("--draft", help="Drafts with missing information. Not recorded.")] = False,
) -> None:
    """Create a letter to every person of a list.

    If a run is interrupted, the same command continues the run. The list has the columns reference, name and address. If
    more than one law can apply, it also has jurisdiction.

    \b
    Examples:
      tocsin notice letters us-letter --people people.csv --out letters
      tocsin notice letters auto --people people.csv --out letters --batch 1000 --skip-bad
    """
    from runner.app.notices.letters import Order, write_letters
    from runner.app.notices.notices import formats_of

    order = Order(
        notice=notice,
        people=people,
        out=out,
        duties=tuple(duty or ()),
        population=population,
        formats=formats_of(to or []) or ("pdf",),
        batch=batch,
        jobs=jobs,
        skip_bad=skip_bad,
        draft=drafts,
        fonts=tuple(str(folder) for folder in fonts or ()),
    )
    incident = session.incident()
    with bar(session, "letters") as tell:
        written = write_letters(session.service, incident, order, tell)
    for said in () if drafts else _unapproved(written):
        session.say(said)
    session.show(written, lambda: _page(written))


def _unapproved(written: Written) -> list[str]:
    """Return a warning for each duty whose letters nobody approved. The letters are created nevertheless."""
    waiting = (group for group in written.groups if not group.approved)
    patterns = dict.fromkeys((group.duty, group.notice, group.version) for group in waiting)
    return [
        warning(
            "not_approved",
            f"{notice} {version} is not approved for {duty}. Approve it before you send the letters.",
        )
        for duty, notice, version in patterns
    ]


@contextmanager
def bar(session: Session, what: str) -> Iterator[Tell]:
    """Show a progress bar at a terminal, else nothing."""
    if not session.world.colours(session.world.err):
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=session.world.err, highlight=False)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


@paged
def _page(written: Written) -> Iterator[Block]:
    rows = tuple(
        (
            " ".join(filter(None, (group.jurisdiction, group.population))) or "everyone",
            f"{group.letters:,}",
            Cell(f"{group.notice} {group.version}", "dim"),
            Cell(group.duty, "dim"),
            Cell(group.status, "warn" if group.status == "draft" else "good"),
        )
        for group in written.groups
    )
    there = written.letters - written.made
    sizes = f"{written.letters:,} letters in {written.files:,} files, {written.pages:,} pages"
    before = f"; {there:,} of them existed already" if there else ""
    yield table(rows, 3, indent=0)
    yield line(f"{sizes}, in {written.folder}{before}", "good")
    if written.rejected:
        yield line(f"{written.rejected:,} invalid rows have no letter: see rejects.csv", "alarm")
    kept = f"recorded as {written.evidence}" if written.evidence else "drafts are not recorded"
    yield line(f"Merkle root {written.root}, {kept}", "dim")
