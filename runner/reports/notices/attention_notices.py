"""Required actions about notices: filings without approval, and notices whose facts changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.actions import Action
from runner.incident.law.duties import BINDING
from runner.incident.law.filed import NOTHING_FURTHER, all_differences, corrected_by
from runner.incident.notices.staleness import change_words, changes, not_passed
from runner.incident.notices.verification import standing_texts
from runner.incident.state.incident import Incident
from runner.incident.state.library import Library
from runner.law.duty import DutyStatus
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.formatting import count, standing
from runner.reports.core.task_rows import TaskRow, handle, named

_NAMED = 3
"""Most notices that are named one by one."""


def unsigned_filings(
    incident: Incident, rows: Mapping[str, TaskRow], labels: Mapping[str, str]
) -> Iterator[AttentionItem]:
    """Yield the filings without approval, while the approval is open."""
    for duty in incident.duties.values():
        for name in duty.record.unsigned if duty.record is not None else ():
            if name in rows and not rows[name].over:
                yield AttentionItem(
                    kind="filed_unsigned",
                    ref=duty.id,
                    since=duty.record.at if duty.record is not None else None,
                    text=f"{labels.get(duty.id, duty.id)}: filed without approval. Still open: {named(rows[name])}",
                    who=rows[name].who,
                    action=suggested_actions.row_step(rows[name]),
                )


def filed_differently(
    incident: Incident, library: Library, labels: Mapping[str, str], duties: Sequence[DutyStatus]
) -> Iterator[AttentionItem]:
    """Yield the filings whose texts state facts that have another value now, each with the next act of its correction."""
    acts = {one.id: one.next.action for one in duties if one.next is not None}
    for duty, differs in all_differences(incident):
        words = "; ".join(change_words(one, incident.zone) for one in differs)
        yield AttentionItem(
            kind="filing_differs",
            ref=duty,
            since=max(incident.facts[one.fact].at for one in differs),
            text=f"{labels.get(duty, duty)}: filed, now different. {words}",
            action=acts.get(duty) or Action("notice.render", corrected_by(incident, duty, library)),
        )


def stale_notices(incident: Incident) -> Iterator[AttentionItem]:
    """Yield the outdated newest notice of each open duty: the one to sign or file, else the draft."""
    used = {(i.scope, i.subject) for i in incident.invocations.values() if i.kind in ("approve", "file")}
    live = ("applies", "unknown")
    done = {one.id for one in incident.duties.values() if one.record is not None or one.verdict not in live}
    newest = [one for one in standing_texts(incident) if one.duty not in done]
    steps = {one.step: incident.invocations[one.step] for one in newest}
    signed = [one for one in newest if (steps[one.step].scope, steps[one.step].step) in used]
    duties = {one.duty for one in signed}
    asked = [one for one in newest if one in signed or one.duty not in duties]
    changed = changes(incident, asked)
    stale = [(one, found) for one in asked if (found := not_passed(incident, one, changed[one.id]))]
    each = [
        (one.step, one.notice, found, Action("notice.render", handle(incident, one.step)))
        for one, found in stale
    ]
    if len(each) > _NAMED:
        facts = {one.fact: one for _, found in stale for one in found}
        each = [("notices", f"{len(stale)} notices", tuple(facts.values()), Action("notice.list"))]
    for ref, name, found, action in each:
        more = f"; {count(len(found) - 2, 'more fact')}" if found[2:] else ""
        text = (
            f"{name}: facts changed. {'; '.join(change_words(one, incident.zone) for one in found[:2])}{more}"
        )
        yield AttentionItem(kind="notice_stale", ref=ref, text=text, action=action)


def reopened_duties(
    incident: Incident,
    rows: Mapping[str, TaskRow],
    duties: Sequence[DutyStatus],
    labels: Mapping[str, str],
) -> Iterator[AttentionItem]:
    """Yield the records of duties that are no longer valid; the next act is before another decision."""
    known = {duty.id: duty for duty in duties}
    for duty in incident.duties.values():
        if duty.reopened is None or duty.record is not None:
            continue
        found = known.get(duty.id)
        name = labels.get(duty.id, duty.id)
        said = f"{name}: {standing(duty.reopened.kind)} is no longer valid: {duty.reopened_why}"
        ways = [(said, suggested_actions.decide_again(duty.id))]
        if duty.verdict in BINDING:
            act = found.next if found is not None else None
            file = suggested_actions.record_filed(duty.id)
            own = [row for row in rows.values() if row.item == duty.id]
            live = {row.invocation.rpartition("#")[0] for row in own if row.state != "cancelled"}
            off = [row for row in own if row.invocation.rpartition("#")[0] not in live][:1]
            differs = next(all_differences(incident, duty.id.partition("/")[0]), None)
            ways = [(said, act.action if act is not None and act.action is not None else file)]
            ways += [
                (f"{named(row)} was cancelled", suggested_actions.reopen(row.command_name)) for row in off
            ]
            if duty.reopened.ground == NOTHING_FURTHER and differs is not None:
                words, other = (
                    "decide that no correction is owed",
                    suggested_actions.no_correction(differs[0]),
                )
            else:
                words, other = "confirm the decision not to notify", suggested_actions.decide_again(duty.id)
            ways.append((f"{name}: or {words}", other))
        for text, action in ways:
            yield AttentionItem(kind="duty_reopened", ref=duty.id, text=text, action=action)
