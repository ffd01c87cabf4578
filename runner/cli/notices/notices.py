"""Commands of notices: list, show, generate, check, export."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import answer, tell
from runner.cli.framework.output_files import in_person, rendered_words, show_pulled
from runner.cli.framework.session import Session
from runner.cli.notices.letters import letters, sign_letters
from runner.cli.notices.verification import consistency, tick
from runner.errors import NotFound, Usage
from runner.reports.core.action_text import typed
from runner.reports.core.page import Page, Tone, line, plain
from runner.reports.notices.notices import coverage_table

if TYPE_CHECKING:
    from runner.app.notices.notices import Checked
    from runner.incident.state.incident import Incident


Name = Annotated[str, Argument("NOTICE", "Notice, version of a notice, or notice task.")]
To = Annotated[
    list[str] | None,
    Option("--to FORMAT", "Formats with commas: docx, pdf, html, txt; a form also xlsx, json."),
]
Out = Annotated[Path | None, Option("--out DIR", "Folder to write into.")]
Override = Annotated[
    str,
    Option("--override WHY", "Reason of counsel to accept the notice as it is. Stored in the journal."),
]


def adopt(
    session: Session,
    file: Annotated[Path, Argument("FILE.docx", "Edited Word file.")],
    step: Annotated[str, Argument("[STEP]", "Notice task. Default: from the name of the file.")] = "",
    override: Override = "",
    yes: Annotated[bool, Option("--yes", "No question before the import.")] = False,
) -> None:
    """Import an edited Word file as the text of a notice.

    Compares and checks the text, and writes all formats. Tracked changes count as accepted. Earlier approvals are void. The
    new text needs its own approval.

    \b
    Examples:
      tocsin notice adopt short-notice_1a2b3c4d.docx
      tocsin notice adopt edited.docx final --as jonas --yes
    """
    from runner.app.core.repository import Turn
    from runner.app.incidents.evidence import read
    from runner.app.notices.word_import import LARGEST, adoption_page, command, look

    incident = session.incident()
    adoption = look(session.service, session.reader, incident, file.name, read(file, LARGEST), step)
    if adoption.same:
        answer(
            session,
            Turn(before=incident, after=incident),
            f"{adoption.step}: no change; the text is the same as {adoption.pair.new.id}",
        )
        return
    in_person(session, override)
    session.tell(adoption_page(adoption, session.by))
    if not yes:
        again = f"tocsin notice adopt {file} {adoption.step} --yes"
        session.confirm(f"{session.by}: import this text for {adoption.step}?", again)
    rendered = command(session.service, incident, adoption, override)
    turn = session.service.act(session.principal, incident.id, [rendered])
    tell(session, turn, f"Imported the text of {file.name}: {rendered_words(rendered)}")


Which = "Version: its number, the start of its digest, or its id."


def diff(
    session: Session,
    name: Name,
    older: Annotated[str, Argument("[A]", f"{Which} Default: the one before B.")] = "",
    newer: Annotated[str, Argument("[B]", f"{Which} Default: the newest.")] = "",
    since_filed: Annotated[
        bool, Option("--since-filed", "Changes since the last filing under the same law.")
    ] = False,
    to: Annotated[list[str] | None, Option("--to FORMAT", "Formats with commas: html, docx.")] = None,
    out: Out = None,
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
    from runner.app.notices.notices import formats_of
    from runner.reports.notices.redline import compared_page

    incident = session.incident()
    if since_filed and older:
        raise Usage(
            "--since-filed sets the version to compare with.", hint="Remove A", code="options_conflict"
        )
    old, new = (
        notice_versions.since_filed(incident, name, newer)
        if since_filed
        else notice_versions.chosen(incident, name, older, newer)
    )
    pair = notice_versions.compare(session.reader, incident, old, new)
    if out is None:
        report = notice_versions.comparison(incident, pair)
        session.show(report, lambda: compared_page(report, pair.redline))
        return
    author = pair.after.document.context.stationery.name or incident.codename
    formats = formats_of(to or [], notice_versions.FORMATS) or notice_versions.FORMATS
    show_pulled(session, notice_versions.save(pair, formats, out, author))


def add(app: Commands) -> None:
    """Add ``notice …``."""
    notices = group(app, "notice", "Manage notices: list, show, generate, compare, check, export.")
    command(notices, "list")(list_)
    command(notices, "show")(show)
    command(notices, "render", Scope.WRITES)(render)
    command(notices, "check")(check)
    command(notices, "tick", Scope.WRITES)(tick)
    command(notices, "consistency")(consistency)
    command(notices, "diff")(diff)
    command(notices, "adopt", Scope.WRITES)(adopt)
    command(notices, "pull")(pull)
    command(notices, "letters", Scope.WRITES)(letters)
    command(notices, "sign-letters", Scope.WRITES)(sign_letters)


def list_(session: Session) -> None:
    """List the notices with missing information and approvals."""
    from runner.reports.core.task_rows import numbered
    from runner.reports.notices.notices import notices, notices_page

    incident = session.incident()
    report = notices(incident)
    session.show(report, lambda: notices_page(report, session.now(), numbered(incident)))


def show(session: Session, name: Name) -> None:
    """Show one version of a notice with files and approvals."""
    from runner.app.notices.notice_versions import named
    from runner.reports.notices.notices import notice, notice_page

    incident = session.incident()
    report = notice(incident, named(incident, name)[-1].id, session.service.library(incident))
    session.show(report, lambda: notice_page(report))


def render(
    session: Session,
    name: Annotated[str, Argument("NOTICE", "Duty, notice, version of a notice, or notice task.")],
    to: To = None,
    out: Out = None,
    duty: Annotated[str, Option("--duty", "Duty of a template.")] = "",
    override: Override = "",
    gap: Annotated[
        list[str] | None,
        Option("--gap NAME=REASON", "Reason of counsel for one missing item, by fact or reference."),
    ] = None,
    drop_edits: Annotated[bool, Option("--drop-edits", "Drop the Word edits of the text.")] = False,
) -> None:
    """Generate a notice from the current facts.

    Approvals of an earlier version are void. With a duty, makes its notice before a playbook does: its tasks take the
    notice over. With --out and the name of a template, writes a draft into the folder and records nothing.
    With --override, counsel accepts a notice with missing or forbidden content. The notice is final. A missing fact
    reads "not known at this time". With --gap, each missing item has its own reason.

    \b
    Examples:
      tocsin notice render eu-gdpr-33-controller-sa/initial
      tocsin notice render gdpr-33-initial
      tocsin notice render final --as jonas --override "the authority asked for it today"
      tocsin notice render final --as jonas --gap "people.total=still counted" --gap "33(3)(c)=assessed today"
      tocsin notice render gdpr-33-initial --out drafts --to docx,pdf
    """
    from runner.app.core.step_reference import resolve_step
    from runner.app.notices.notice_versions import versions
    from runner.app.notices.notices import (
        notice_step,
        reasons_for_gaps,
        refuse_lost_edits,
        render_duty,
        render_step,
    )

    incident = session.incident()
    template = name in session.service.catalogue(incident).notices
    recorded = any(name in (text.notice, text.id) for text in incident.documents.values())
    if template and (out is not None or not recorded):
        _draft(session, incident, name, duty, to or [], out)
        return
    marked = reasons_for_gaps(gap or ())
    in_person(session, override or "".join(marked.values()))
    about = name if name in incident.duties and not recorded else ""
    if about:
        step = notice_step(incident, about)
    else:
        step = versions(incident, name)[-1].step if recorded else resolve_step(incident, name)
    if not drop_edits:
        refuse_lost_edits(incident, step)
    _warn_author(session, incident, step)
    made = (
        render_duty(session.service, incident, about, override, marked)
        if about
        else (render_step(session.service, incident, step, override, marked),)
    )
    turn = session.service.act(session.principal, incident.id, made)
    tell(session, turn, rendered_words(made[-1]))


def _warn_author(session: Session, incident: Incident, step: str) -> None:
    """Warn an author who could approve this text: who writes it cannot, and who can."""
    from runner.app.incidents.approvals import if_written

    if words := if_written(session.service, incident, step, session.options.on_behalf_of or session.by):
        session.warn("author_cannot_approve", words)


def _draft(
    session: Session, incident: Incident, name: str, duty: str, to: list[str], out: Path | None
) -> None:
    from msgspec.structs import replace

    from runner.app.notices.notices import draft, formats_of, save

    if out is None:
        raise Usage(
            f'"{name}" is a template. Its draft is not recorded, so it needs a folder.',
            hint="Add --out DIR. Or make the notice of a duty: tocsin notice render DUTY",
            code="option_missing",
        )
    notice, document = draft(session.service, incident, name, duty)
    about = duty or next(iter(notice.duties), "")
    files = save(document, formats_of(to) or ("docx",), out, session.service.letterhead, about)
    unapproved = (replace(file, status="not approved") if file.status == "final" else file for file in files)
    show_pulled(session, tuple(unapproved))


def check(
    session: Session,
    name: Name,
    duty: Annotated[str, Option("--duty", "Duty of the notice.")] = "",
) -> int:
    """Check a notice for required and forbidden content.

    With a task or a version, checks the recorded text; with a template, a draft from the current facts. The exit code is 1
    if information is missing, or if an item is not verified.

    \b
    Examples:
      tocsin notice check gdpr-33-initial
      tocsin notice check final
    """
    from runner.app.notices.notice_versions import named
    from runner.app.notices.notices import check_content

    incident = session.incident()
    if name not in session.service.catalogue(incident).notices:
        with suppress(NotFound):  # the check names the nearest notice
            name = named(incident, name)[-1].id
    report = check_content(session.service, session.reader, incident, name, duty)
    session.show(report, lambda: _check_page(report))
    return 0 if report.complete else 1


def _check_page(report: Checked) -> Page:
    changed = [line(f"Changed since: {fact}", "alarm", hang=2) for fact in report.changed]
    missing = any(coverage.state in ("gap", "forbidden") for coverage in report.coverage)
    verdict = "information is missing" if missing else "no required information is missing"
    if report.to_verify:
        verify = f"to verify ({len(report.to_verify)})"
        verdict = f"{verdict}, {verify}" if missing else verify
    elif report.changed and not missing:
        verdict = "out of date"
    tone: Tone = "good" if report.complete else "alarm"
    return Page((coverage_table(report.coverage), *changed, line(f"{report.notice}: {verdict}", tone)))


def pull(
    session: Session,
    name: Annotated[str, Argument("[NOTICE]", "Notice. Default: all notices.")] = "",
    to: To = None,
    out: Out = None,
    everything: Annotated[bool, Option("--all", "Also superseded versions, and every duty.")] = False,
) -> None:
    """Export the files of notices for counsel.

    The folder to-file has the final, current and approved versions, byte for byte as approved, with their enclosures. The
    folder filed has filed texts, whatever changed since. The folder privileged has drafts, cover sheets, redlines
    against the earlier version, coverage, duties and the manifest.
    Files of an earlier pull that no longer go out are moved to the folder older.

    \b
    Examples:
      tocsin notice pull --out notices
      tocsin notice pull gdpr-33-initial --to pdf --out .
    """
    from runner.app.notices.counsel_export import pull as pulled
    from runner.app.notices.counsel_export import to_export
    from runner.app.notices.notices import formats_of
    from runner.cli.framework.progress_line import bars

    incident = session.incident()
    documents = to_export(incident, name, everything=everything)
    folder = out or Path(f"{incident.codename}-notices")

    def draw(page: Page) -> str:
        return plain(typed(page), 100)

    with bars(session) as shown:
        seen = shown.begin("writing notices", len(documents))
        files = pulled(
            session.service,
            session.reader,
            incident,
            documents,
            formats_of(to or []),
            folder,
            draw,
            seen,
            everything=everything,
        )
    show_pulled(session, files)
