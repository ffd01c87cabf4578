"""Command ``notice diff``: changes between two versions of a notice, by words and by fact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Option
from runner.cli.framework.output_files import show_pulled
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.reports.core.page import Page

if TYPE_CHECKING:
    from runner.app.notices.notice_versions import Pair
    from runner.incident.state.incident import Incident
    from runner.reports.notices.redline import Compared

Which = "Version: its number, the start of its digest, or its id."


def diff(
    session: Session,
    name: Annotated[str, Argument(metavar="NOTICE", help="Notice, version of a notice, or notice task.")],
    older: Annotated[str, Argument(metavar="[A]", help=f"{Which} Default: the one before B.")] = "",
    newer: Annotated[str, Argument(metavar="[B]", help=f"{Which} Default: the newest.")] = "",
    since_filed: Annotated[
        bool, Option("--since-filed", help="Changes since the last filing under the same law.")
    ] = False,
    to: Annotated[
        list[str] | None, Option("--to", metavar="FORMAT", help="Formats with commas: html, docx.")
    ] = None,
    out: Annotated[Path | None, Option("--out", metavar="DIR", help="Folder to write into.")] = None,
) -> None:
    """Compare two versions of a notice, by words and by facts.

    With --out, writes the comparison as HTML and as Word with tracked changes.

    \b
    Examples:
      tocsin notice diff gdpr-33-initial
      tocsin notice diff gdpr-33-initial 1 3 --to docx --out review
      tocsin notice diff nis2-final --since-filed
    """
    from runner.app.notices import notice_versions

    incident = session.incident()
    if since_filed and older:
        raise Usage(
            "--since-filed sets the version to compare with.", hint="Remove A", code="options_conflict"
        )
    choose = notice_versions.since_filed if since_filed else None
    old, new = (
        choose(incident, name, newer) if choose else notice_versions.chosen(incident, name, older, newer)
    )
    pair = notice_versions.compare(session.service, old, new)
    if out is None:
        _show(session, report(incident, pair), pair)
        return
    author = pair.after.document.context.stationery.name or incident.codename
    formats = notice_versions.redline_formats(to or [])
    show_pulled(session, notice_versions.save(pair, formats, out, author))


def report(incident: Incident, pair: Pair) -> Compared:
    """Return a comparison as a report: which renderings, and what changed."""
    from runner.app.notices.notice_versions import number_of
    from runner.reports.notices.redline import compared, version

    filed = {view.record.digest for view in incident.duties.values() if view.record is not None}
    before, after = (
        version(document, number_of(incident, document), filed=document.digest in filed)
        for document in (pair.old, pair.new)
    )
    return compared(before, after, pair.redline, pair.facts)


def _show(session: Session, found: Compared, pair: Pair) -> None:
    from runner.reports.notices.redline import compared_page

    def page() -> Page:
        return compared_page(found, pair.redline)

    session.show(found, page)
