"""Command ``notice adopt``: import of counsel's Word edits into the notice, after a check."""

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
    file: Annotated[Path, Argument(metavar="FILE.docx", help="Edited Word file.")],
    step: Annotated[
        str, Argument(metavar="[STEP]", help="Notice task. Default: from the name of the file.")
    ] = "",
    override: Annotated[
        str,
        Option(
            "--override",
            metavar="WHY",
            help="Reason of counsel to accept the notice as it is. Stored in the journal.",
        ),
    ] = "",
    yes: Annotated[bool, Option("--yes", help="No question before the import.")] = False,
) -> None:
    """Import an edited Word file as the text of a notice.

    Compares and checks the text, and writes all formats. Tracked changes count as accepted. Earlier approvals are void. The
    new text needs its own approval.

    \b
    Examples:
      tocsin notice adopt short-notice_1a2b3c4d.docx
      tocsin notice adopt edited.docx final --as jonas --yes
    """
    from runner.app.notices.word_import import command, look
    from runner.reports.core.task_rows import numbered

    incident = session.incident()
    adoption = look(session.service, incident, file, step, tuple(numbered(incident)))
    if adoption.same:
        answer(
            session,
            incident,
            f"{adoption.step}: no change; the text is the same as {adoption.pair.new.id}",
        )
        return
    in_person(session, override)
    session.tell(Page(tuple(_page(adoption))))
    if not yes:
        again = f"tocsin notice adopt {file} {adoption.step} --yes"
        session.confirm(f"{session.by}: import this text for {adoption.step}?", again)
    rendered = command(session.service, incident, adoption, override)
    after = session.service.submit(incident.id, rendered)
    tell(session, incident, after, f"Imported the text of {file.name}: {rendered_words(rendered)}")


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
        yield line(f"{count(found.returned.tracked, 'tracked change')} accepted as final text", "warn")
    if found.returned.comments:
        yield line(
            f"{count(found.returned.comments, 'comment')} ignored: comments are not part of the text", "warn"
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
