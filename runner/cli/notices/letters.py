"""Command ``notice letters``: a letter to every person of a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

from runner.cli.framework.options import Argument, Option
from runner.cli.framework.outcome import tell
from runner.cli.framework.output_files import in_person
from runner.cli.framework.session import Session
from runner.errors import Usage, warning
from runner.reports.core.page import Block, Page, line, paged, table
from runner.reports.notices.letters import groups_table

if TYPE_CHECKING:
    from runner.app.notices.letters import Tell, Written


Repeated = Annotated[str, Option("--repeated keep|drop", "Rows with the name and address of an earlier row.")]
AcceptCounts = Annotated[str, Option("--accept-counts WHY", "Reason why the list differs from the facts.")]


def letters(
    session: Session,
    notice: Annotated[str, Argument("NOTICE", "Template with slots, or auto.")],
    people: Annotated[Path, Option("--people FILE", "A CSV file.")],
    out: Annotated[Path, Option("--out DIR", "Folder of this run.")],
    duty: Annotated[
        list[str] | None, Option("--duty", "Duty, or one for each place. Default: by place.")
    ] = None,
    population: Annotated[str, Option("--population ID", "Place, if the list has none.")] = "",
    to: Annotated[list[str] | None, Option("--to FORMAT", "Format: pdf, docx, html, txt.")] = None,
    batch: Annotated[int, Option("--batch N", "Letters in one PDF, up to 1,000.")] = 0,
    fonts: Annotated[list[Path] | None, Option("--fonts DIR", "Folder with more fonts.")] = None,
    skip_bad: Annotated[bool, Option("--skip-bad", "Skip and list invalid rows.")] = False,
    drafts: Annotated[bool, Option("--draft", "Drafts with missing information. Not recorded.")] = False,
    repeated: Repeated = "",
    accept_counts: AcceptCounts = "",
) -> None:
    """Create a letter to every person of a list.

    If a run is interrupted, the same command continues the run. The list has the columns reference, name and address. If
    more than one law can apply, it also has jurisdiction. Letters are drafts until sign-letters approved their text and list.

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
        skip_bad=skip_bad,
        draft=drafts,
        fonts=tuple(str(folder) for folder in fonts or ()),
        repeated=_repeated(repeated),
        accept_counts=accept_counts,
    )
    with bar(session, "letters") as tell:
        written = write_letters(session.service, session.incident(), order, tell)
    for unserved in written.unserved:
        session.say(
            warning(
                "duty_unserved",
                f"No letter of this list serves {unserved}. Use --duty, or record the exemption: tocsin duty decide DUTY",
            )
        )
    for text in written.unchosen():
        session.say(warning("unchosen_language", text))
    for said in () if drafts else _unapproved(written):
        session.say(said)
    session.show(written, lambda: _page(written))


def _unapproved(written: Written) -> list[str]:
    """Return a warning for each text that nobody approved for this list. Its letters are marked as drafts."""
    waiting = (group for group in written.groups if not group.approved)
    patterns = dict.fromkeys((group.duty, group.notice, group.version) for group in waiting)
    return [
        warning(
            "not_approved",
            f"{notice} {version} for {duty} is not approved for this list. Its letters are marked DRAFT. "
            f"Counsel runs: tocsin notice sign-letters {quote(written.folder)}",
        )
        for duty, notice, version in patterns
    ]


def _repeated(given: str) -> Literal["", "keep", "drop"]:
    known: dict[str, Literal["", "keep", "drop"]] = {"": "", "keep": "keep", "drop": "drop"}
    if given not in known:
        raise Usage(
            f'--repeated "{given}" is unknown.', hint="Use --repeated keep|drop", code="unknown_answer"
        )
    return known[given]


def sign_letters(
    session: Session,
    folder: Annotated[Path, Argument("DIR", "Folder of the letters.")],
    size: Annotated[int, Option("--sample N", "Letters to read of each text.")] = 3,
    tick: Annotated[list[int] | None, Option("--tick N", "Item that you verified in the letters.")] = None,
    yes: Annotated[bool, Option("--yes", "You read the sample. No question.")] = False,
) -> None:
    """Approve letters after reading a sample of each text.

    The approval is valid for this list, its number of people, the templates and the texts. Then make the letters again in
    another folder. Content that only a person can verify, and that no notice has ticked, needs --tick.

    \b
    Examples:
      tocsin notice sign-letters drafts --as jonas
      tocsin notice sign-letters drafts --as jonas --tick 1 --tick 2
    """
    from runner.app.notices.letter_approval import approval, items_to_verify, run_of, samples

    incident = session.incident()
    in_person(session, "letters")
    run, found = run_of(incident, folder)
    read = samples(lambda name: (folder / name).read_bytes(), found, max(size, 1))
    rows = [(" ".join(filter(None, one.group)) or "everyone", str(folder / one.file)) for one in read]
    session.tell(Page((line("READ THESE LETTERS", "title"), table(rows, 1, indent=2))))
    verified = items_to_verify(incident, found, folder, tick or ())
    if not yes:
        question = f"{session.by}: did you read them, and do you approve all {found.letters:,} letters?"
        session.confirm(question, "Add --yes")
    turn = session.service.act(session.principal, incident.id, [approval(run, found, read, verified)])
    tell(session, turn, f"Approved: {found.letters:,} letters. Make them again with another --out DIR")


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
    there = written.letters - written.made
    sizes = f"{written.letters:,} letters in {written.files:,} files, {written.pages:,} pages"
    before = f"; {there:,} of them existed already" if there else ""
    yield groups_table(written.groups)
    yield line(f"{sizes}, in {written.folder}{before}", "good")
    for said in written.differences:
        yield line(f"Accepted difference: {said}", "warn")
    if written.dropped:
        yield line(f"{written.dropped:,} rows repeat a person and have no letter", "warn")
    if written.rejected:
        yield line(f"{written.rejected:,} invalid rows have no letter: see rejects.csv", "alarm")
    kept = f"recorded as {written.evidence}" if written.evidence else "drafts are not recorded"
    yield line(f"Merkle root {written.root}, {kept}", "dim")
