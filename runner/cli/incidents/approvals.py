"""Commands ``approve`` and ``reject``: a decision about one exact version, named by its digest.

Void approvals are given again together, each with the changes since the earlier approval.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action
from runner.cli.framework.completion import steps as complete_steps
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command
from runner.cli.framework.outcome import tell
from runner.cli.framework.output_files import in_person, private_file
from runner.cli.framework.session import Session
from runner.cli.incidents.tasks import Step, find
from runner.errors import Refused, Usage
from runner.reports.core.formatting import whole_digest

if TYPE_CHECKING:
    from runner.incident.state.incident import Incident
    from runner.reports.incidents.task import TaskReport

Steps = Annotated[
    list[str] | None, Argument("STEP...", "Tasks by id, id#n or row number.", autocompletion=complete_steps)
]
Digest = Annotated[str, Option("--digest SHA256", "Digest of the version you read. Default: asks.")]
Digests = Annotated[
    list[str] | None,
    Option("--digest SHA256", "Digest of the version you read, one for each task. Default: asks."),
]
AsItWas = Annotated[
    str, Option("--as-it-was REASON", "Reason to approve a text although facts changed since. Counsel only.")
]


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "approve", Scope.WRITES)(approve)
    command(app, "reject", Scope.WRITES)(reject)


def approve(
    session: Session,
    step: Steps = None,
    digest: Digests = None,
    reason: Reason = "",
    void: Annotated[
        bool, Option("--void", "All your approvals that are void because the document changed.")
    ] = False,
    same: Annotated[
        bool, Option("--same", "All your approvals of the same text, for every duty that it serves.")
    ] = False,
    as_it_was: AsItWas = "",
    out: Annotated[
        Path | None, Option("--out PATH", "Folder for all formats of the document, or one file.")
    ] = None,
) -> None:
    """Approve the exact version shown.

    Shows the document and its changes since the last approval. Afterwards shows which approvals are still needed.
    If facts changed after the text was generated, the approval is refused. Counsel can approve it with --as-it-was.

    \b
    Examples:
      tocsin approve sign --as maria
      tocsin approve sign --as maria --digest sha256:9f2c…
      tocsin approve --void --as maria
      tocsin approve sign --same --as maria
      tocsin approve sign --as maria --out notice.pdf
      tocsin approve sign --as jonas --as-it-was "the deadline ends at noon"
    """
    from runner.app.incidents.approvals import approval, same_text, void_approvals

    in_person(session, as_it_was)
    incident = session.incident()
    names = [find(session, text)[1] for text in step or ()]
    voided = void_approvals(session.service, session.principal, incident) if void else []
    names += [one for one in voided if one not in names]
    if not names and not void:
        raise Usage(
            "The task is missing.",
            hint="tocsin approve STEP, or for all void approvals: tocsin approve --void",
            code="argument_missing",
        )
    if not names:
        raise Refused("None of your approvals is void.", hint=Action("incident.status"), code="nothing_void")
    others = same_text(session.service, session.principal, incident, names)
    if same:
        names += others
    elif others:
        session.warn(
            "same_text", f"The same text awaits your approval in {', '.join(others)}. To approve all: --same"
        )
    if out is not None:
        library = session.service.library(incident)
        _write(session, incident, [approval(incident, name, library) for name in names], out)
    _decide(session, incident, names, digest or (), reason, approved=True, as_it_was=as_it_was)


def reject(session: Session, step: Step, digest: Digest = "", reason: Reason = "") -> None:
    """Reject the exact version shown. Needs --reason."""
    incident, name = find(session, step)
    _decide(session, incident, [name], [digest] if digest else [], reason, approved=False)


def _decide(
    session: Session,
    incident: Incident,
    names: Sequence[str],
    digests: Sequence[str],
    reason: str,
    *,
    approved: bool,
    as_it_was: str = "",
) -> None:
    from runner.app.incidents.approvals import approval, decide_on, refuse_early, refuse_rejection

    if not approved:
        refuse_rejection(session.principal)
    library = session.service.library(incident)
    person = session.options.on_behalf_of or session.by
    refuse_early(session.service, incident, names, person, approved=approved)
    reports = [approval(incident, name, library) for name in names]
    if len(digests) == 1 and len({report.subject_digest for report in reports}) == 1:
        digests = [*digests] * len(names)
    if digests and len(digests) != len(names):
        raise Usage(
            f"{len(names)} tasks have {len(digests)} digests.",
            hint="Add one --digest for each task, in the order of the tasks.",
            code="digest_count",
        )
    if not digests:
        _show(session, incident, reports, approved=approved)
    for report in reports:
        _flag(session, report)
    current = [report.subject_digest for report in reports]
    bound = list(map(whole_digest, digests or current, current))
    turn, given = decide_on(
        session.service,
        session.principal,
        incident.id,
        tuple(zip(names, bound, strict=True)),
        approved=approved,
        reason=reason,
        as_it_was=as_it_was,
    )
    tell(session, turn, _done(session, names, approved=approved), approvals=given)


def _done(session: Session, names: Sequence[str], *, approved: bool) -> str:
    person, listed = session.options.on_behalf_of, ", ".join(names)
    if person:
        return f"Recorded: {person} approves {listed}. The approval counts after {person} confirms it."
    return f"{listed} {'is' if len(names) == 1 else 'are'} {'approved' if approved else 'rejected'} by {session.by}"


def _show(session: Session, incident: Incident, reports: Sequence[TaskReport], *, approved: bool) -> None:
    """Show the document and its changes since the last approval, and ask once."""
    from runner.reports.incidents.task import task_page

    shown: set[str] = set()
    for report in reports:
        if not report.subject_digest:
            raise Refused(
                f'Task "{report.task.step}" has no document to decide on yet.',
                hint=Action("incident.status"),
                code="nothing_to_approve",
            )
        session.tell(task_page(report, session.now()))
        if report.subject_digest not in shown:
            _show_change(session, incident, report)
            _show_document(session, incident, report)
        shown.add(report.subject_digest)
    verb = "approve" if approved else "reject"
    what = reports[0].subject_digest if len(reports) == 1 else f"these {len(reports)}"
    typed = " ".join(report.task.command_name or report.task.step for report in reports)
    bound = " ".join(f"--digest {report.subject_digest}" for report in reports)
    who = session.options.on_behalf_of or session.by
    session.confirm(f"{who}: {verb} {what}?", f"tocsin {verb} {typed} {bound}")


def _show_change(session: Session, incident: Incident, report: TaskReport) -> None:
    """Show the redline against the approved version, else against the previous version."""
    from runner.app.notices.notice_versions import change_since
    from runner.reports.notices.redline import change_page

    if found := change_since(session.reader, incident, report):
        pair, approved = found
        session.tell(
            change_page(pair.redline, pair.facts, "APPROVAL" if approved else "THE PREVIOUS VERSION")
        )


def _show_document(session: Session, incident: Incident, report: TaskReport) -> None:
    """Show the text of a notice."""
    from runner.app.notices.notice_versions import document_of, enclosed_texts, tree_of
    from runner.documents.write import write

    document = document_of(incident, report)
    if document is not None and document.tree:
        words = write(tree_of(session.reader, incident, document).document, "txt").decode()
        words += enclosed_texts(session.reader, incident, document)
        session.read(f"DOCUMENT to approve: {document.id}, {document.status}\n\n{words}")


def _write(session: Session, incident: Incident, reports: Sequence[TaskReport], out: Path) -> None:
    """Write the exact version to approve, and show the path."""
    from runner.app.notices.counsel_export import file_name
    from runner.app.notices.notice_versions import document_of

    for report in reports:
        document = document_of(incident, report)
        if document is None:
            raise Refused(
                f'Task "{report.task.step}" approves no document.', hint="Remove --out", code="no_document"
            )
        one = out.suffix.removeprefix(".") in document.files
        forms = (out.suffix.removeprefix("."),) if one else tuple(document.files)
        for form in forms:
            path = out if one else out / file_name(incident, document, form)
            with suppress(OSError):  # writing says why
                path.parent.mkdir(parents=True, exist_ok=True)
            private_file(path, session.reader.document(incident, document.id, form))
            session.say(str(path))


def _flag(session: Session, report: TaskReport) -> None:
    """Warn if one system user acts for several approvers; the journal records it as well."""
    from runner.app.incidents.approvals import others_of_user

    incident = session.incident()
    if same := others_of_user(session.principal, incident, report.task.invocation):
        session.warn(
            "one_user",
            f"The system user {session.principal.os_user} acted for {', '.join(same)} "
            f"in this approval, and now acts for {session.by}. Every report names this.",
        )
