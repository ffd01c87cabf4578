"""One approval as a person reads it before the decision: the document, what changed, its files, and what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from runner.app.incidents.approvals import approval, part_of, same_text
from runner.app.notices.notice_versions import change_since, document_of, enclosed_texts
from runner.incident.steps.approvals import Tally, tally
from runner.playbook.format import Approve
from runner.reports.core.page import Block, Page
from runner.reports.incidents.signing import Part, signing_page
from runner.reports.incidents.task import TaskReport, legal_deadline
from runner.reports.notices.redline import change_page

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.reader import Reader
    from runner.base.actor import Principal
    from runner.incident.state.incident import Document, Incident


class ToSign(NamedTuple):
    """One approval with all that it binds."""

    report: TaskReport
    tally: Tally
    part: Part
    same: tuple[str, ...]
    """The reader's other open approvals of the same text."""
    page: Page
    text: str
    """The notice and its enclosures; empty for another subject."""
    document: Document | None


def to_sign(
    service: IncidentService, reader: Reader, principal: Principal, incident: Incident, name: str
) -> ToSign:
    """Return an approval as a person reads it before the decision; raises Refused for another kind of task."""
    library, invocation = service.library(incident), incident.invocations[name]
    report, step = approval(incident, name, library), cast("Approve", library.step(incident, name))
    part = part_of(incident, invocation, step, principal.person)
    document, given = document_of(incident, report), tally(incident, invocation, step)
    same = tuple(same_text(service, principal, incident, [name]))
    blocks: tuple[Block, ...] = ()
    words = ""
    if document is not None and (part != "role" or reader.may("notice.read", incident)):
        there = report.legal_deadline or legal_deadline(incident, library, document.duty)
        report = msgspec.structs.replace(report, legal_deadline=there)
        if "txt" in document.files:
            words = reader.document(incident, document.id, "txt").decode()
            words += enclosed_texts(reader, incident, document)
        if found := change_since(reader, incident, report):
            pair, signed = found
            since = "THE APPROVED VERSION" if signed else "THE PREVIOUS VERSION"
            blocks = change_page(pair.redline, pair.facts, since).blocks
    page = signing_page(report, given, part, same, blocks, service.now_in(incident))
    return ToSign(report, given, part, same, page, words, document)
