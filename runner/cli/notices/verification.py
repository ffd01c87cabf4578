"""Commands before the signature of notices: verify items, and compare all texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.options import Argument, Option
from runner.cli.framework.outcome import tell
from runner.cli.framework.output_files import in_person
from runner.cli.framework.session import Session
from runner.errors import Usage

if TYPE_CHECKING:
    from runner.incident.state.incident import Document, Incident

Name = Annotated[str, Argument("NOTICE", "Notice, version of a notice, or notice task.")]


def tick(
    session: Session,
    name: Name,
    numbers: Annotated[
        list[int] | None,
        Argument("[ITEM]...", "Numbers of the items. Default: all that are shown."),
    ] = None,
    digest: Annotated[
        str, Option("--digest SHA256", "Exact version that you read. Then name the items.")
    ] = "",
    reason: Annotated[
        str,
        Option("--reason WHY", "Reason to accept a contradiction. Stored in the journal."),
    ] = "",
) -> None:
    """Confirm content of a notice that only a person can verify.

    Shows the text and its open items, and asks. An approval or a filing needs every item. Your name is recorded. If the
    text changes, verify it again. A contradiction needs a reason.

    \b
    Examples:
      tocsin notice tick final --as petra
      tocsin notice tick final 1 2 --as petra --digest sha256:9f2c…
    """
    from runner.app.notices.notice_versions import items_named, versions
    from runner.incident.state.commands import TickItems
    from runner.reports.core.formatting import whole_digest
    from runner.reports.notices.notices import notice

    in_person(session, "tick")
    incident = session.incident()
    document = versions(incident, name)[-1]
    if digest and not numbers:
        raise Usage(
            "The items are missing.",
            hint=f"tocsin notice show {document.id}",
            code="argument_missing",
        )
    items, every = (
        items_named(incident, document, numbers or ()),
        notice(incident, document.id).notice.to_verify,
    )
    if not digest and items:
        _ask(session, incident, document, " ".join(str(every.index(item) + 1) for item in items))
    bound = whole_digest(digest or document.digest, document.digest)
    made = TickItems(step=document.step, digest=bound, items=items, reason=reason)
    turn = session.service.act(session.principal, incident.id, [made] if items else [])
    left = notice(turn.after, document.id).notice.open_items
    tell(session, turn, f"{document.notice}: {len(items)} verified by {session.by}, {left} open")


def _ask(session: Session, incident: Incident, document: Document, listed: str) -> None:
    """Show the text and its items, and ask once."""
    from runner.app.notices.notice_versions import enclosed_texts, tree_of
    from runner.documents.write import write
    from runner.reports.core.page import Page
    from runner.reports.core.task_rows import handle
    from runner.reports.notices.notices import notice, verification_blocks

    if document.tree:
        words = write(tree_of(session.reader, incident, document).document, "txt").decode()
        words += enclosed_texts(session.reader, incident, document)
        session.read(f"DOCUMENT to verify: {document.id}, {document.status}\n\n{words}")
    session.tell(Page(tuple(verification_blocks(notice(incident, document.id).notice))))
    again = f"tocsin notice tick {handle(incident, document.step)} {listed} --digest {document.digest}"
    session.confirm(f"{session.by}: you read the text and items {listed} are right?", again)


def consistency(session: Session) -> None:
    """Compare numbers, dates and the word "aware" in all notices.

    Shows contradictions between facts, texts and lists of people. A contradiction blocks approvals and filings until the
    facts agree, or a person accepts it: tocsin notice tick NOTICE --reason WHY
    """
    from runner.app.notices.consistency import compare_all
    from runner.reports.notices.consistency import consistency_page

    report = compare_all(session.service, session.reader, session.incident())
    session.show(report, lambda: consistency_page(report))
