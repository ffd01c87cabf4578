"""Notices: what was rendered, what is missing in it, and the files themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import answer, tell
from runner.cli.framework.output_files import in_person, rendered_words, show_pulled
from runner.cli.framework.session import Session
from runner.cli.notices.letters import letters
from runner.documents.notice import Coverage
from runner.errors import NotFound, Refused, Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Blank, Block, Cell, Page, Table, Tone, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.app.notices.notice_versions import Pair
    from runner.app.notices.word_import import Adoption
    from runner.incident.state.incident import Document, Incident
    from runner.reports.notices.redline import Compared


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


Which = "A rendering: its number, the beginning of its digest, or its id."


def diff(
    session: Session,
    name: Annotated[str, Argument(metavar="NOTICE", help="A notice, a rendering, or a notice step.")],
    older: Annotated[str, Argument(metavar="[A]", help=f"{Which} The one before B otherwise.")] = "",
    newer: Annotated[str, Argument(metavar="[B]", help=f"{Which} The newest otherwise.")] = "",
    since_filed: Annotated[
        bool, Option("--since-filed", help="What changed since the last filing under the same law.")
    ] = False,
    to: Annotated[
        list[str] | None, Option("--to", metavar="FORMAT", help="html, docx; several with commas.")
    ] = None,
    out: Annotated[Path | None, Option("--out", metavar="DIR", help="The folder to write into.")] = None,
) -> None:
    """Show what changed between two renderings of a notice, word by word, and which facts changed it.

    With --out it is written as HTML and as Word with tracked changes.

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
            "--since-filed says itself with what to compare", hint="leave A out", code="options_conflict"
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
        version(one, number_of(incident, one), filed=one.digest in filed) for one in (pair.old, pair.new)
    )
    return compared(before, after, pair.redline, pair.facts)


def _show(session: Session, found: Compared, pair: Pair) -> None:
    from runner.reports.notices.redline import compared_page

    def page() -> Page:
        return compared_page(found, pair.redline)

    session.show(found, page)


Name = Annotated[str, Argument(metavar="NOTICE", help="A notice, a rendering, or a notice step.")]
To = Annotated[
    list[str] | None,
    Option(
        "--to", metavar="FORMAT", help="docx, pdf, html, txt; a form also xlsx, json; several with commas."
    ),
]
Out = Annotated[Path | None, Option("--out", metavar="DIR", help="The folder to write into.")]
Override = Annotated[
    str,
    Option("--override", metavar="WHY", help="Counsel lets it go as it is; the reason is kept."),
]
_TONES: dict[str, Tone] = {"gap": "alarm", "forbidden": "alarm", "to_follow": "warn", "covered": "good"}


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/notice-check/v1"):
    """What the law requires in a notice, against what would stand in it now."""

    notice: str
    complete: bool
    coverage: tuple[Coverage, ...]


def add(app: Commands) -> None:
    """Add ``notice …``."""
    notices = group(
        app, "notice", "Notices to authorities and people: list, render, show, compare, check, pull."
    )
    command(notices, "list")(list_)
    command(notices, "show")(show)
    command(notices, "render", Scope.WRITES)(render)
    command(notices, "check")(check)
    command(notices, "diff")(diff)
    command(notices, "adopt", Scope.WRITES)(adopt)
    command(notices, "pull")(pull)
    command(notices, "letters", Scope.WRITES)(letters)


def list_(session: Session) -> None:
    """List what was rendered, with its gaps and approvals."""
    from runner.reports.notices.notices import notices, notices_page

    report = notices(session.incident())
    session.show(report, lambda: notices_page(report, session.now()))


def show(session: Session, name: Name) -> None:
    """Show one rendering: its gaps, its files by digest, who approved these bytes."""
    from runner.reports.notices.notices import notice, notice_page

    report = notice(session.incident(), name)
    session.show(report, lambda: notice_page(report))


def render(
    session: Session,
    name: Name,
    to: To = None,
    out: Out = None,
    duty: Annotated[str, Option("--duty", help="For a template: the duty that it is about.")] = "",
    override: Override = "",
    gap: Annotated[
        list[str] | None,
        Option("--gap", metavar="NAME=REASON", help="Counsel lets one gap pass, by fact or reference."),
    ] = None,
    drop_edits: Annotated[
        bool, Option("--drop-edits", help="Render anew although the text came from a Word file.")
    ] = False,
) -> None:
    """Render a notice step anew from the facts as they are; an approval of other bytes is void then.

    A template's name renders a draft into --out; nothing of that is recorded. With --override counsel lets the
    notice go in spite of what it lacks or should not say: it is final, and a fact that is missing reads
    "not known at this time". With --gap, once for each, every gap has a reason of its own.

    \b
    Examples:
      tocsin notice render final
      tocsin notice render final --as jonas --override "the authority asked for it today"
      tocsin notice render final --as jonas --gap "people.total=still counted" --gap "33(3)(c)=assessed today"
      tocsin notice render gdpr-33-initial --out drafts --to docx,pdf
    """
    from runner.app.core.step_reference import resolve_step
    from runner.app.notices.notices import render_step
    from runner.reports.core.task_rows import numbered

    incident = session.incident()
    if name in session.service.catalogue(incident).notices:
        _draft(session, incident, name, duty, to or [], out)
        return
    step = resolve_step(incident, name, numbered(incident))
    marked = dict(one.partition("=")[::2] for one in gap or ())
    if not all(name and reason.strip() for name, reason in marked.items()):
        raise Usage("a gap needs its reason", hint="--gap NAME=REASON", code="reason_missing")
    in_person(session, override or "".join(marked.values()))
    _keep_edits(incident, step, drop_edits)
    rendered = render_step(session.service, incident, step, override, marked)
    turn = session.service.act(session.principal, incident.id, [rendered])
    tell(session, turn, rendered_words(rendered))


def _keep_edits(incident: Incident, step: str, drop: bool) -> None:
    from runner.incident.notices.decide import renderings

    documents = renderings(incident, step)
    if documents and documents[-1].adoption is not None and not drop:
        raise Refused(
            f"the text of {step} was taken back from a Word file of {documents[-1].adoption.by}: rendering loses these edits",
            hint=f"tocsin notice render {step} --drop-edits, or edit it in Word again: tocsin notice pull",
            code="edits_lost",
        )


def _draft(
    session: Session, incident: Incident, name: str, duty: str, to: list[str], out: Path | None
) -> None:
    from runner.app.notices.notices import about_duty, draft, formats_of, save_draft

    if out is None:
        raise Usage(
            f"{name} is a template: its draft is on no record",
            hint="say where it goes: --out DIR",
            code="option_missing",
        )
    notice, document = draft(session.service, incident, name, duty)
    about = about_duty(notice, duty)
    show_pulled(session, save_draft(session.service, document, formats_of(to) or ("docx",), out, about))


def check(
    session: Session,
    name: Name,
    duty: Annotated[str, Option("--duty", help="The duty it is about.")] = "",
) -> int:
    """Check a template against what the law requires, with the facts as they are; exits with 1 on gaps.

    \b
    Example:
      tocsin notice check gdpr-33-initial
    """
    from runner.app.notices.notices import coverage
    from runner.documents.contents.coverage import complete

    incident = session.incident()
    template = _template_of(incident, name)
    lines = coverage(session.service, incident, template, duty)
    report = Checked(notice=template, complete=complete(lines), coverage=lines)
    session.show(report, lambda: _check_page(report))
    return 0 if report.complete else 1


def _template_of(incident: Incident, name: str) -> str:
    """Return the template behind a rendering's or a step's name; any other name is a template's own."""
    made = [d.notice for d in incident.documents.values() if name in (d.id, d.step, _step_of(incident, d))]
    return made[-1] if made else name


def _step_of(incident: Incident, document: Document) -> str:
    return incident.invocations[document.step].step


def _check_page(report: Checked) -> Page:
    rows = tuple(
        (
            Cell(coverage.state.replace("_", " "), _TONES.get(coverage.state, "dim")),
            Cell(coverage.ref, "dim"),
            Cell(
                "; ".join(part for part in (coverage.item, ", ".join(coverage.facts), coverage.note) if part)
            ),
        )
        for coverage in report.coverage
    )
    verdict = "nothing that the law requires is missing" if report.complete else "something is missing"
    tone: Tone = "good" if report.complete else "alarm"
    return Page((Table(rows=rows, elastic=2, indent=0), line(f"{report.notice}: {verdict}", tone)))


def pull(
    session: Session,
    name: Annotated[str, Argument(metavar="[NOTICE]", help="One notice; all otherwise.")] = "",
    to: To = None,
    out: Out = None,
    everything: Annotated[bool, Option("--all", help="Replaced renderings, too.")] = False,
) -> None:
    """Write a folder for counsel: the kept files, exactly the bytes that approvals bind, and what is known of them.

    Cover sheets, redlines against the version before, coverage, duties and the manifest are for the house only.

    \b
    Examples:
      tocsin notice pull --out notices
      tocsin notice pull gdpr-33-initial --to pdf --out .
    """
    from runner.app.notices.counsel_export import pull as pulled
    from runner.app.notices.notices import formats_of
    from runner.cli.framework.progress_line import bars

    incident = session.incident()
    documents = _documents(incident, name, everything)
    folder = out or Path(f"{incident.codename}-notices")
    with bars(session) as shown:
        seen = shown.begin("writing notices", len(documents))
        files = pulled(session.service, incident, documents, formats_of(to or []), folder, seen)
    show_pulled(session, files)


def _documents(incident: Incident, name: str, everything: bool) -> list[Document]:
    newest = {document.step: document.id for document in incident.documents.values()}
    documents = [
        document
        for document in incident.documents.values()
        if not name or name in (document.notice, document.id, document.step, _step_of(incident, document))
    ]
    if not documents:
        from runner.reports.notices.notices import rendered_so_far

        raise NotFound(
            f"no notice '{name}' was rendered" if name else "no notice was rendered yet",
            hint=rendered_so_far(incident),
            code="unknown_notice" if name else "not_rendered",
        )
    return [document for document in documents if everything or newest[document.step] == document.id]
