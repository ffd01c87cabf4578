"""Generated notices as data and as text: formats by digest, missing information, and approvals of the exact version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from shlex import quote

import msgspec

from runner.actions import Action, set_fact
from runner.base.states import Kind
from runner.base.text import cut
from runner.documents.notice import Coverage
from runner.errors import NotFound
from runner.incident.law.filed import filed_differences, filed_digests
from runner.incident.messages.compromised_traffic import exposed_approval
from runner.incident.notices.staleness import ChangedFact, change_words, changes, not_passed, recorded_as
from runner.incident.notices.verification import Contradiction, contradictions, current_texts, items_of
from runner.incident.state.documents import answerable
from runner.incident.state.incident import Adoption, AsItWas, Document, Incident, Invocation, Override, Tick
from runner.incident.state.library import Library
from runner.reports.core.formatting import count, here, moment, short_digest, when
from runner.reports.core.header import Heading, heading_of, list_header, render_header
from runner.reports.core.page import (
    Blank,
    Block,
    Cell,
    Cells,
    Page,
    Table,
    Tone,
    arrow,
    do,
    fields,
    flow,
    line,
    paged,
    table,
)
from runner.reports.core.report import Report, filled
from runner.reports.core.task_rows import handle
from runner.reports.notices.awaited import Awaited, awaited, awaited_blocks


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person's decision on a document. ``binds`` is true while the exact version is the same."""

    step: str
    by: str
    role: str
    approved: bool
    at: datetime
    binds: bool
    reason: str = ""
    proven_by: str = ""
    recorded_by: str = ""
    """Who recorded the decision for ``by``."""
    provisional: bool = False
    """``by`` has not confirmed the decision."""
    shared_os_user: bool = False
    """Another approver of the same step used the same operating-system user."""
    exposed: str = ""
    """Compromised domains that the request for the decision used."""


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a notice. An approval binds ``digest``; ``files`` are SHA-256 by format."""

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
    """No later version of the same step, and no later step of the same notice and duty, supersedes it."""
    approvals: tuple[ApprovalRow, ...] = ()
    approve_step: str = ""
    """The open approval for it, by its name in commands."""
    override: Override | None = None
    """Counsel's override of missing or forbidden content; null without one."""
    adoption: Adoption | None = None
    """The Word file that the text was imported from; null for the text of the template."""
    stale: bool = False
    """Facts of the notice changed after this version was generated."""
    changed: tuple[ChangedFact, ...] = ()
    """The changed facts, with both values."""
    as_it_was: AsItWas | None = None
    """Counsel's acceptance of the changes; null if it does not cover every change."""
    to_verify: tuple[str, ...] = ()
    """Content that only a person can verify, and contradictions, in the order of their numbers in ``tocsin notice tick``."""
    ticks: Mapping[str, Tick] = {}
    """Who verified an item, or accepted a contradiction."""
    filed: bool = False

    @property
    def answered(self) -> tuple[str, ...]:
        """The gaps whose facts were recorded after this version was generated: the text is only out of date."""
        keys = sorted(fact.fact for fact in self.changed if fact.after is not None)
        paths = ((gap, gap.partition(": ")[2].removesuffix("[]")) for gap in self.gaps)
        return tuple(gap for gap, path in paths if path and recorded_as(path, keys))

    @property
    def open_gaps(self) -> tuple[str, ...]:
        """The gaps without the answered ones."""
        answered = self.answered
        return tuple(gap for gap in self.gaps if gap not in answered)

    @property
    def open_items(self) -> int:
        """The number of items that nobody has verified."""
        return sum(item not in self.ticks for item in self.to_verify)


class NoticesReport(Report, frozen=True, kw_only=True, tag="tocsin/notices/v1"):
    """All notices of an incident."""

    heading: Heading
    kind: Kind
    notices: tuple[NoticeRow, ...]


class NoticeReport(Report, frozen=True, kw_only=True, tag="tocsin/rendered-notice/v1"):
    """One version of a notice."""

    heading: Heading
    kind: Kind
    notice: NoticeRow
    awaits: tuple[Awaited, ...] = ()


def notice_rows(incident: Incident) -> tuple[NoticeRow, ...]:
    """Return every version of every notice, oldest first; those of the same time by step."""
    current = {document.id for document in current_texts(incident)}
    changed = changes(incident, incident.documents.values())
    found, filed = contradictions(incident), filed_digests(incident)
    return tuple(
        _row(
            incident,
            document,
            document.id in current,
            changed[document.id],
            found,
            document.digest in filed,
        )
        for document in sorted(incident.documents.values(), key=lambda one: (one.at, one.step))
    )


def _row(
    incident: Incident,
    document: Document,
    current: bool,
    changed: tuple[ChangedFact, ...],
    found: tuple[Contradiction, ...],
    filed: bool,
) -> NoticeRow:
    bound = incident.invocations.get(document.step)
    if filed:  # a correction that was filed since ends the difference
        left = {one.fact for one in filed_differences(incident, document.duty)}
        changed = tuple(one for one in changed if one.fact in left)
    about = ("approve", bound.step, bound.scope) if bound is not None else None
    signing = [i for i in incident.invocations.values() if (i.kind, i.subject, i.scope) == about]
    waiting = [i.id for i in signing if i.state in ("ready", "active") and not i.over]
    return filled(
        NoticeRow,
        document,
        document=document.id,
        current=current,
        approvals=tuple(row for i in signing for row in approval_rows(incident, i, document.digest)),
        approve_step=handle(incident, waiting[0]) if waiting else "",
        filed=filed,
        stale=bool(changed),
        changed=changed,
        to_verify=items_of(incident, document, found) if current else document.to_verify,
        as_it_was=document.as_it_was if changed and not not_passed(incident, document, changed) else None,
    )


def approval_rows(incident: Incident, invocation: Invocation, digest: str) -> tuple[ApprovalRow, ...]:
    """Return the decisions in one approval, each with whether it binds ``digest``."""
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
    """Return the list of notices."""
    return NoticesReport(heading=heading_of(incident), kind=incident.kind, notices=notice_rows(incident))


def notice(incident: Incident, name: str, library: Library | None = None) -> NoticeReport:
    """Return one version by its id, or the newest version of a notice by its name; raises NotFound.

    With the incident's library it also has the tasks that the approval waits for.
    """
    rows = [row for row in notice_rows(incident) if name in (row.document, row.notice)]
    if not rows:
        raise NotFound(
            f'Incident "{incident.codename}" has no notice "{name}".',
            hint=rendered_so_far(incident),
            code="unknown_notice",
        )
    awaits = (
        awaited(incident, library, [row.step for row in rows[-1:] if row.current])
        if library is not None
        else ()
    )
    return NoticeReport(heading=heading_of(incident), kind=incident.kind, notice=rows[-1], awaits=awaits)


def rendered_so_far(incident: Incident) -> str:
    """Return the names of the notices, or the command that generates one."""
    known = ", ".join(dict.fromkeys(document.notice for document in incident.documents.values()))
    return f"Use one of: {known}" if known else unrendered(incident)


def unrendered(incident: Incident) -> str:
    """Return the command for the first notice step that has not ended."""
    steps = [
        invocation
        for invocation in incident.invocations.values()
        if invocation.kind == "notice" and not invocation.over
    ]
    for step in sorted(steps, key=lambda found: found.state == "waiting"):
        name = quote(handle(incident, step.id))
        if step.state == "waiting":
            return f"See the task: tocsin task show {name}"
        return f"Generate the notice: tocsin notice render {name}"
    return "Generate the notice of a duty: tocsin notice render DUTY"


def notices_page(report: NoticesReport, now: datetime, tasks: Sequence[str] = ()) -> Page:
    """Draw the list, superseded versions in grey; ``tasks`` has the tasks in the order of their row numbers."""
    head = list_header(report.heading, "Notices", now)
    if not report.notices:
        return Page((*head, flow(Cell("No notice was generated", "dim"), arrow(Action("duty.list")))))
    return Page((*head, *_listed(report.notices, now, tasks)))


def _listed(notices: Sequence[NoticeRow], now: datetime, tasks: Sequence[str]) -> Iterator[Block]:
    """Yield the current notices, then those that are superseded, each with its id below."""
    for current in (True, False):
        found = [row for row in notices if row.current is current]
        if found:
            yield line(f"{'CURRENT' if current else 'SUPERSEDED'} ({len(found)})", "title")
        for row in found:
            yield table((notice_cells(row, now),), 1)
            number = f"{tasks.index(row.step) + 1}  " if row.step in tasks else ""
            yield line(f"{number}{row.document}", "dim", indent=4)


def notice_cells(row: NoticeRow, now: datetime) -> Cells:
    """Return a notice as cells: name, status, time, digest."""
    tone: Tone = "plain" if row.current else "dim"
    return (
        Cell(f"{row.notice} {row.version}", tone, about=f"notice/{row.document}"),
        Cell(notice_words(row), tone),
        Cell(when(row.at, now), tone),
        Cell(short_digest(row.digest), "dim"),
    )


_COVERAGE: Mapping[str, Tone] = {"gap": "alarm", "forbidden": "alarm", "to_follow": "warn", "covered": "good"}


def coverage_table(coverage: Iterable[Coverage]) -> Table:
    """Draw the required and forbidden content of a notice, each with its state."""
    return table(
        (
            (
                Cell(one.state.replace("_", " "), _COVERAGE.get(one.state, "dim")),
                Cell(one.ref, "dim"),
                "; ".join(part for part in (one.item, ", ".join(one.facts), one.note, _quoted(one)) if part),
            )
            for one in coverage
        ),
        2,
        indent=0,
    )


def open_facts(coverage: Iterable[Coverage]) -> Iterator[Block]:
    """Yield the command that records each fact that the text lacks, or says in other words."""
    lines = (one for one in coverage if one.state in ("gap", "to_follow", "to_check"))
    for path in dict.fromkeys(path for one in lines for path in one.facts):
        yield flow(Cell(f"{path}  ", "warn"), "→ ", Cell("", "command", set_fact(path)), indent=2, hang=2)


def _quoted(one: Coverage) -> str:
    return f"“{cut(one.sentence, 120)}”" if one.sentence else ""


def papers(incident: Incident) -> dict[str, str]:
    """Return the status of the newest notice by duty."""
    return {
        row.duty: f"{row.notice}: {notice_words(row)}"
        for row in notice_rows(incident)
        if row.current and row.duty
    }


def notice_words(row: NoticeRow) -> str:
    """Return the status of a notice: draft or final, missing information, approvals."""
    if not row.current:
        return "filed, superseded" if row.filed else "superseded"
    given = sum(a.binds and a.approved for a in row.approvals)
    refused = sum(a.binds and not a.approved for a in row.approvals)
    parts = ["filed" if row.filed else row.status.upper() if row.status == "draft" else row.status]
    if row.stale:
        approved = any(one.approved for one in row.approvals)
        word = "CHANGED SINCE APPROVAL" if approved else "OUT OF DATE"
        word = f"{'later facts differ' if row.filed else word}: {count(len(row.changed), 'fact')}"
        parts.append(f"{word}, accepted by {row.as_it_was.by}" if row.as_it_was is not None else word)
    if row.override is not None:
        parts.append(f"OVERRIDDEN by {row.override.by}")
    if row.adoption is not None:
        parts.append("from a Word file")
    if row.open_gaps:
        parts.append(f"missing information ({len(row.open_gaps)})")
    if row.open_items:
        parts.append(f"to verify ({row.open_items})")
    if given:
        parts.append(count(given, "approval"))
    if refused:
        parts.append(f"rejected by {refused}")
    return ", ".join(parts)


@paged
def notice_page(report: NoticeReport) -> Iterator[Block]:
    """Draw one notice: status, missing information, files, approvals."""
    row = report.notice
    yield from render_header(report.heading, f"Notice {row.notice} {row.version} · version {row.document}")
    made = f"{moment(row.at)}{f' by {row.by}' if row.by else ''}"
    facts = (("Status", notice_words(row)), ("Duty", row.duty), ("Generated", made), ("Digest", row.digest))
    yield fields(facts)
    yield from override_blocks(row)
    yield from gap_blocks(row)
    yield from verification_blocks(row)
    yield Blank()
    yield line("FILES", "title")
    yield table(((fmt, Cell(digest, "dim")) for fmt, digest in row.files.items()), 1)
    yield from approval_blocks(row.approvals)
    if report.awaits:
        yield Blank()
    yield from awaited_blocks(report.awaits)
    missing = answerable(row.open_gaps)
    if row.current and (missing or row.approve_step):
        act = Action("step.approve", row.approve_step, {"digest": row.digest})
        yield Blank()
        yield do(set_fact(missing[0]) if missing else act)


def gap_blocks(row: NoticeRow) -> Iterator[Block]:
    """Yield the missing information, and apart from it what was recorded since: the text must be generated again."""
    if row.open_gaps:
        yield Blank()
        yield line(f"MISSING INFORMATION ({len(row.open_gaps)})", "title")
    for gap in row.open_gaps:
        yield line(f"– {gap}", "warn" if gap.startswith("missing") else "plain", indent=2, hang=2)
    if row.answered:
        yield Blank()
        yield line(f"OUT OF DATE: RECORDED SINCE THIS VERSION ({len(row.answered)})", "title")
        yield line("Generate the notice from the present facts", "warn", indent=2)
    for gap in row.answered:
        yield line(f"– {gap.partition(': ')[2]}", indent=2, hang=2)


def override_blocks(row: NoticeRow) -> Iterator[Block]:
    """Yield the changed facts, the acceptance or override with its reason, and the imported Word file."""
    if row.stale:
        yield Blank()
        yield line("CHANGED FACTS since this version was generated", "alarm")
        for fact in row.changed:
            yield line(f"– {change_words(fact, here())}", "alarm", indent=2, hang=2)
    if (word := row.as_it_was) is not None:
        said = f"ACCEPTED AS IT WAS by {word.by}, {moment(word.at)}: {word.reason}"
        yield line(f"{said}. A supplement is required", "alarm", hang=2)
    if (waived := row.override) is not None:
        yield Blank()
        yield line(f"OVERRIDDEN by {waived.by}, {moment(waived.at)}: {waived.reason}", "alarm", hang=2)
        for item in waived.items:
            yield line(f"– {item}", "alarm", indent=2, hang=2)
    if (took := row.adoption) is not None:
        tracked = f", {count(took.tracked, 'tracked change')} accepted" if took.tracked else ""
        said = f"TEXT FROM A WORD FILE, imported by {took.by}, {moment(took.at)}{tracked}"
        yield Blank()
        yield line(said, "warn", hang=2)


def verification_blocks(row: NoticeRow) -> Iterator[Block]:
    """Yield the items that a person verifies, with numbers and ticks."""
    if row.to_verify:
        yield Blank()
        yield line(f"TO VERIFY ({row.open_items} of {len(row.to_verify)} open)", "title")
    for number, item in enumerate(row.to_verify, 1):
        tick = row.ticks.get(item)
        why = f": {tick.reason}" if tick is not None and tick.reason else ""
        word = f"verified by {tick.by}, {moment(tick.at)}{why}" if tick is not None else "open"
        if tick is not None and tick.carried_from:
            word += f", carried over from {tick.carried_from}: its text is the same"
        yield flow(
            f"{number:>2}  ", Cell(item), Cell(f"  {word}", "good" if tick else "warn"), indent=2, hang=4
        )


def approval_blocks(approvals: tuple[ApprovalRow, ...]) -> Iterator[Block]:
    """Yield the approvals: person, role, validity, and warnings."""
    if not approvals:
        return
    yield Blank()
    yield line("APPROVALS", "title")
    for approval in approvals:
        word = "approved" if approval.approved else "REJECTED"
        void = "" if approval.binds else " – void: the document changed"
        if approval.provisional:
            void = f" – recorded by {approval.recorded_by}; does not count until {approval.by} confirms"
        reason = f": {approval.reason}" if approval.reason else ""
        proof = f"verified by {approval.proven_by}" if approval.proven_by else "claimed"
        tone: Tone = "dim" if not approval.binds else ("good" if approval.approved else "alarm")
        yield flow(
            f"{approval.by} ({approval.role}) ",
            Cell(f"{word}{reason}{void}", tone),
            Cell(f"  {moment(approval.at)}, {proof}", "dim"),
            indent=2,
            hang=2,
        )
        if approval.exposed:
            words = f"The request used {approval.exposed}, which was compromised. Ask again out-of-band."
            yield line(words, "alarm", indent=4, hang=2)
        if approval.shared_os_user:
            yield line("Same operating-system user as another approver", "alarm", indent=4, hang=2)
