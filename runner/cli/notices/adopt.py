"""``notice adopt``: counsel's Word edits become the notice, shown and checked before anything is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Option
from runner.cli.framework.outcome import answer, tell
from runner.cli.framework.output_files import in_person, rendered_words
from runner.cli.framework.session import Session
from runner.reports.core.formatting import count
from runner.reports.core.page import Blank, Block, Page, Tone, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.app.notices.word_import import Adoption


def adopt(
    session: Session,
    file: Annotated[Path, Argument(metavar="FILE.docx", help="The Word file that came back.")],
    step: Annotated[
        str, Argument(metavar="[STEP]", help="The notice step; the file's name tells otherwise.")
    ] = "",
    override: Annotated[
        str, Option("--override", metavar="WHY", help="Counsel lets it go as it is; the reason is kept.")
    ] = "",
    yes: Annotated[bool, Option("--yes", help="Take it without asking.")] = False,
) -> None:
    """Take counsel's edited Word file as the notice's text: it is compared, checked, and written in every format.

    Tracked changes count as accepted. What was approved before is void, and the new text is approved as any other.

    \b
    Examples:
      tocsin notice adopt short-notice_1a2b3c4d.docx
      tocsin notice adopt edited.docx final --as jonas --yes
    """
    from runner.app.core.transaction import Turn
    from runner.app.notices.word_import import command, look
    from runner.reports.core.task_rows import numbered

    incident = session.incident()
    adoption = look(session.service, incident, file, step, tuple(numbered(incident)))
    if adoption.same:
        answer(
            session,
            Turn(before=incident, after=incident),
            f"{adoption.step}: the text is that of {adoption.pair.new.id}: there is nothing to take",
        )
        return
    in_person(session, override)
    session.tell(Page(tuple(_page(adoption))))
    if not yes:
        again = f"tocsin notice adopt {file} {adoption.step} --yes"
        session.confirm(f"{session.by}: take this text for {adoption.step}?", again)
    rendered = command(session.service, incident, adoption, override)
    turn = session.service.act(session.principal, incident.id, [rendered])
    tell(session, turn, f"the text of {file.name} is taken: {rendered_words(rendered)}")


def _page(found: Adoption) -> Iterator[Block]:
    """Yield what differs, what was taken as final, and what the law says of the new text."""
    from runner.reports.notices.redline import redline_blocks

    newest = found.pair.new
    yield line(f"AGAINST {newest.id}", "title")
    yield from redline_blocks(found.pair.redline)
    yield Blank()
    if found.written_from.id != newest.id:
        text = f"the file is of {found.written_from.id}, which {newest.id} has replaced: what changed between them goes back"
        yield line(text, "alarm", hang=2)
    if found.returned.tracked:
        yield line(f"{count(found.returned.tracked, 'tracked change')} taken as final text", "warn")
    if found.returned.comments:
        yield line(
            f"{count(found.returned.comments, 'comment')} left out: they are no part of the text", "warn"
        )
    for coverage in found.coverage:
        if coverage.state in ("gap", "forbidden", "to_check"):
            tone: Tone = "warn" if coverage.state == "to_check" else "alarm"
            yield line(
                f"{coverage.state.replace('_', ' ')}: {coverage.ref} {coverage.item}. {coverage.note}".rstrip(
                    ". "
                ),
                tone,
                hang=2,
            )
