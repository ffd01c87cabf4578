"""Rendered notices as a person and a script read them: formats by digest, gaps, and who approved these bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote

import msgspec

from runner.actions import Action
from runner.base.states import Kind
from runner.errors import NotFound
from runner.incident.messages.compromised_traffic import exposed_approval
from runner.incident.notices.staleness import ChangedFact, change_words, changes, not_passed
from runner.incident.state.incident import Adoption, AsItWas, Document, Incident, Invocation, Override
from runner.reports.core.formatting import count, moment, short_digest, when
from runner.reports.core.header import Heading, heading_of, list_header, render_header
from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Cells,
    Page,
    Tone,
    do,
    fields,
    flow,
    line,
    paged,
    table,
)
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import handle


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word on a document, and whether it still binds: it does while the bytes are the same."""

    step: str
    by: str
    role: str
    approved: bool
    at: datetime
    binds: bool
    reason: str = ""
    proven_by: str = ""
    recorded_by: str = ""
    """Who wrote it down for ``by``."""
    provisional: bool = False
    """``by`` has not confirmed it: it binds nothing yet."""
    shared_os_user: bool = False
    """Another approver of the same step sat at the same operating-system user."""
    exposed: str = ""
    """Fallen domains through which they were asked for it."""


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rendered notice. ``digest`` is what an approval binds; ``files`` are SHA-256 by format."""

    document: str
    notice: str
    version: str
    duty: str
    step: str
    status: str
    digest: str
    files: Mapping[str, str]
    gaps: tuple[str, ...]
    at: datetime
    by: str
    current: bool
    """No later rendering of the same step has replaced it."""
    approvals: tuple[ApprovalRow, ...] = ()
    approve_step: str = ""
    """The open approval that binds it, by the name that commands take."""
    override: Override | None = None
    """Counsel's word that it may go in spite of what it lacks; null where nobody had to say so."""
    adoption: Adoption | None = None
    """From which Word file its text was taken back; null for the template's own text."""
    stale: bool = False
    """Facts that it read have changed since it was rendered."""
    changed: tuple[ChangedFact, ...] = ()
    """Which, with both values."""
    as_it_was: AsItWas | None = None
    """Counsel's word that it may be approved and filed all the same; null where it does not cover every change."""


class NoticesReport(Report, frozen=True, kw_only=True, tag="tocsin/notices/v1"):
    """All rendered notices of an incident."""

    heading: Heading
    kind: Kind
    notices: tuple[NoticeRow, ...]


class NoticeReport(Report, frozen=True, kw_only=True, tag="tocsin/rendered-notice/v1"):
    """One rendered notice."""

    heading: Heading
    kind: Kind
    notice: NoticeRow


def notice_rows(incident: Incident) -> tuple[NoticeRow, ...]:
    """Return every rendered notice in the order of rendering."""
    newest = {document.step: document.id for document in incident.documents.values()}
    changed = changes(incident, incident.documents.values())
    return tuple(
        _row(incident, document, newest[document.step] == document.id, changed[document.id])
        for document in incident.documents.values()
    )


def _row(
    incident: Incident, document: Document, current: bool, changed: tuple[ChangedFact, ...]
) -> NoticeRow:
    bound = incident.invocations.get(document.step)
    signing = [i for i in incident.invocations.values() if bound is not None and _binds(incident, i, bound)]
    waiting = [i.id for i in signing if i.state in ("ready", "active") and not i.over]
    return filled(
        NoticeRow,
        document,
        document=document.id,
        current=current,
        approvals=tuple(row for i in signing for row in approval_rows(incident, i, document.digest)),
        approve_step=handle(incident, waiting[0]) if waiting else "",
        stale=bool(changed),
        changed=changed,
        as_it_was=document.as_it_was if changed and not not_passed(incident, document, changed) else None,
    )


def _binds(incident: Incident, approval: Invocation, bound: Invocation) -> bool:
    return approval.kind == "approve" and approval.subject == bound.step and approval.scope == bound.scope


def approval_rows(incident: Incident, invocation: Invocation, digest: str) -> tuple[ApprovalRow, ...]:
    """Return the words given in one approval, each with whether it binds ``digest``."""
    users = [a.os_user for a in invocation.approvals if a.os_user and a.approved]
    return tuple(
        filled(
            ApprovalRow,
            a,
            step=invocation.id,
            binds=bool(digest) and a.digest == digest and not a.void and not a.provisional,
            provisional=a.provisional and not a.void,
            shared_os_user=a.approved and users.count(a.os_user) > 1,
            exposed=exposed_approval(incident, invocation, a),
        )
        for a in invocation.approvals
    )


def notices(incident: Incident) -> NoticesReport:
    """Return the list of rendered notices."""
    return NoticesReport(heading=heading_of(incident), kind=incident.kind, notices=notice_rows(incident))


def notice(incident: Incident, name: str) -> NoticeReport:
    """Return one rendering by its id, or the newest of a notice by its name; raises NotFound."""
    rows = [row for row in notice_rows(incident) if name in (row.document, row.notice)]
    if not rows:
        raise NotFound(
            f"no notice '{name}' was rendered in {incident.codename}",
            hint=rendered_so_far(incident),
            code="unknown_notice",
        )
    return NoticeReport(heading=heading_of(incident), kind=incident.kind, notice=rows[-1])


def rendered_so_far(incident: Incident) -> str:
    """Return which notices there are to choose from, or how one comes into being."""
    known = ", ".join(dict.fromkeys(document.notice for document in incident.documents.values()))
    return f"rendered: {known}" if known else unrendered(incident)


def unrendered(incident: Incident) -> str:
    """Return what to do where nothing was rendered: the command for the first notice step that is not over."""
    steps = [
        invocation
        for invocation in incident.invocations.values()
        if invocation.kind == "notice" and not invocation.over
    ]
    for step in sorted(steps, key=lambda found: found.state == "waiting"):
        name = quote(handle(incident, step.id))
        if step.state == "waiting":
            return f"{step.id} waits, see: tocsin task show {name}"
        return f"render it: tocsin notice render {name}"
    return "no step renders one; a draft from a template: tocsin notice render NOTICE --out DIR"


def notices_page(report: NoticesReport, now: datetime) -> Page:
    """Draw the list, superseded renderings greyed."""
    head = list_header(report.heading, "Notices", now)
    if not report.notices:
        return Page((*head, line("No notice was generated", "dim")))
    return Page((*head, *_listed(report.notices, now)))


def _listed(notices: Sequence[NoticeRow], now: datetime) -> Iterator[Block]:
    """Yield the current notices, then those that are superseded, each with its id below."""
    for current in (True, False):
        found = [row for row in notices if row.current is current]
        if found:
            yield line(f"{'CURRENT' if current else 'SUPERSEDED'} ({len(found)})", "title")
        for row in found:
            yield table((notice_cells(row, now),), 1)
            yield line(row.document, "dim", indent=4)


def notice_cells(row: NoticeRow, now: datetime) -> Cells:
    """Return a notice as cells: name, status, time, digest."""
    tone: Tone = "plain" if row.current else "dim"
    return (
        Cell(f"{row.notice} {row.version}", tone),
        Cell(notice_words(row), tone),
        Cell(when(row.at, now), tone),
        Cell(short_digest(row.digest), "dim"),
    )


def notice_words(row: NoticeRow) -> str:
    """Return where a notice stands: draft or final, its gaps, its approvals."""
    if not row.current:
        return "superseded"
    given = sum(a.binds and a.approved for a in row.approvals)
    refused = sum(a.binds and not a.approved for a in row.approvals)
    parts = [row.status.upper() if row.status == "draft" else row.status]
    if row.stale:
        word = f"CHANGED SINCE APPROVAL: {count(len(row.changed), 'fact')}"
        parts.append(f"{word}, let pass by {row.as_it_was.by}" if row.as_it_was is not None else word)
    if row.override is not None:
        parts.append(f"OVERRIDDEN by {row.override.by}")
    if row.adoption is not None:
        parts.append("from a Word file")
    if row.gaps:
        parts.append(f"missing information ({len(row.gaps)})")
    if given:
        parts.append(count(given, "approval"))
    if refused:
        parts.append(f"rejected by {refused}")
    return ", ".join(parts)


@paged
def notice_page(report: NoticeReport) -> Iterator[Block]:
    """Draw one notice: what it is, what is missing in it, its files, its approvals."""
    row = report.notice
    yield from render_header(report.heading, f"notice {row.notice} {row.version}, rendering {row.document}")
    made = f"{moment(row.at)}{f' by {row.by}' if row.by else ''}"
    facts = (("standing", notice_words(row)), ("duty", row.duty), ("made", made), ("digest", row.digest))
    yield fields(facts)
    yield from override_blocks(row)
    if row.gaps:
        yield Blank()
        yield line("GAPS, visible in the text", "title")
    for gap in row.gaps:
        yield line(f"– {gap}", "warn" if gap.startswith("missing") else "plain", indent=2, hang=2)
    yield Blank()
    yield line("FILES", "title")
    yield table(((fmt, Cell(digest, "dim")) for fmt, digest in row.files.items()), 1)
    yield from approval_blocks(row.approvals)
    if row.approve_step and row.current:
        yield Blank()
        yield do(Action("step.approve", row.approve_step, {"digest": row.digest}))


def override_blocks(row: NoticeRow) -> Iterator[Block]:
    """Yield what changed since, who let a notice go as it is, why, and in spite of what; whose Word file it is from."""
    if row.stale:
        yield Blank()
        yield line("STALE: facts changed since it was rendered", "alarm")
        for fact in row.changed:
            yield line(f"– {change_words(fact)}", "alarm", indent=2, hang=2)
    if (word := row.as_it_was) is not None:
        said = f"AS IT WAS, by {word.by}, {moment(word.at)}: {word.reason}"
        yield line(f"{said}; a supplement is to follow", "alarm", hang=2)
    if (waived := row.override) is not None:
        yield Blank()
        yield line(f"OVERRIDDEN by {waived.by}, {moment(waived.at)}: {waived.reason}", "alarm", hang=2)
        for item in waived.items:
            yield line(f"– {item}", "alarm", indent=2, hang=2)
    if (took := row.adoption) is not None:
        tracked = f", {count(took.tracked, 'tracked change')} taken as final" if took.tracked else ""
        said = f"TEXT from a Word file that {took.by} took back, {moment(took.at)}{tracked}"
        yield Blank()
        yield line(said, "warn", hang=2)


def approval_blocks(approvals: tuple[ApprovalRow, ...]) -> Iterator[Block]:
    """Yield the approvals: who, in which role, whether it binds, and what weakens it."""
    if not approvals:
        return
    yield Blank()
    yield line("APPROVALS", "title")
    for approval in approvals:
        word = "approved" if approval.approved else "REJECTED"
        void = "" if approval.binds else " – void: the bytes have changed since"
        if approval.provisional:
            said = f"said {approval.recorded_by}; does not count before {approval.by} confirms"
            void = f" – PROVISIONAL: {said}"
        reason = f": {approval.reason}" if approval.reason else ""
        proof = f"proved by {approval.proven_by}" if approval.proven_by else "claimed, not proved"
        tone: Tone = "dim" if not approval.binds else ("good" if approval.approved else "alarm")
        yield flow(
            f"{approval.by} ({approval.role}) ",
            Cell(f"{word}{reason}{void}", tone),
            Cell(f"  {moment(approval.at)}, {proof}", "dim"),
            indent=2,
            hang=2,
        )
        if approval.exposed:
            words = f"was asked through {approval.exposed}, which was compromised. Ask again over another channel."
            yield line(words, "alarm", indent=4, hang=2)
        if approval.shared_os_user:
            yield line("same operating-system user as another approver", "alarm", indent=4, hang=2)
