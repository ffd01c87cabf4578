"""Changes by events about the incident itself, its facts, duties, people and failure domains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from runner.decoding import from_json
from runner.facts.vocabulary.register import Fact
from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.handover import Handover
from runner.incident.state.incident import Behalf, Domain, DutyView, Evidence, ExhibitHandover
from runner.incident.state.second_person import TwoPeople
from runner.incident.state.steps import is_answer
from runner.routing.rule_book import RuleOverride


def _paused(draft: IncidentBuilder, event: e.IncidentPaused, at: datetime, seq: int) -> None:
    draft.put(state="paused", paused_why=event.reason)


def _resumed(draft: IncidentBuilder, event: e.IncidentResumed, at: datetime, seq: int) -> None:
    draft.put(state="open")


def _cancelled(draft: IncidentBuilder, event: e.IncidentCancelled, at: datetime, seq: int) -> None:
    draft.put(state="cancelled")
    _stop_everything(draft, at, "incident cancelled")


def _closed(draft: IncidentBuilder, event: e.IncidentClosed, at: datetime, seq: int) -> None:
    draft.put(state="closed")
    for entry, request in list(draft.read("second_person").items()):
        if request.act.kind in ("close", "cancel") and request.state == "awaiting":
            draft.table("second_person").pop(entry)


def _reopened(draft: IncidentBuilder, event: e.IncidentReopened, at: datetime, seq: int) -> None:
    draft.put(state="open")


def _access(draft: IncidentBuilder, event: e.AccessSet, at: datetime, seq: int) -> None:
    draft.put(restricted=event.restricted)


def _severity(draft: IncidentBuilder, event: e.SeveritySet, at: datetime, seq: int) -> None:
    draft.put(severity=event.severity)


def _stop_everything(draft: IncidentBuilder, at: datetime, reason: str) -> None:
    for invocation in list(draft.read("invocations").values()):
        if not draft.invocation(invocation.id).over:
            draft.end(invocation.id, at, "cancelled", reason=reason)
    deliveries = draft.table("deliveries")
    for name in draft.read("moving"):
        deliveries[name] = replace(deliveries[name], state="cancelled")
    draft.stir(draft.read("moving"))
    for index in ("moving", "agenda", "live"):
        draft.index(index).clear()


def _facts(draft: IncidentBuilder, event: e.FactsRecorded, at: datetime, seq: int) -> None:
    table, numbers = draft.table("facts"), draft.table("fact_events")
    for change in event.facts:
        if change.key in table:
            superseded = draft.table("superseded")
            superseded[change.key] = (
                *superseded.get(change.key, ()),
                (numbers[change.key], table[change.key]),
            )
        table[change.key] = Fact(
            key=change.key,
            value=from_json(change.value),
            source=change.source,
            by=event.by,
            at=at,
            confidence=change.confidence,
            supersedes=numbers.get(change.key),
        )
        numbers[change.key] = seq
    for name in {event.step, *event.answers, *event.reopens}:
        if name and draft.invocation(name).kind == "form":
            _field_answers(draft, event, name)
    draft.put(assess=True)


def _field_answers(draft: IncidentBuilder, event: e.FactsRecorded, name: str) -> None:
    """Mark the fields of a form as answered, or as open again."""
    form = draft.invocation(name)
    step = draft.library.body(draft.read("runs"), draft.read("scopes")[form.scope]).steps.get(form.step)
    changed = {change.key for change in event.facts}
    if name in event.answers:
        asks = step.asks if step is not None else ()
        changed = {one.key for one in event.facts for field in asks if is_answer(field, one)}
    if name in event.reopens:
        draft.change(name, answered=tuple(path for path in form.answered if path not in changed))
        return
    people = dict.fromkeys((*form.answered_by, event.by, event.on_behalf_of))
    draft.change(
        name,
        answered=tuple(path for path in form.fields if path in changed or path in form.answered),
        answered_by=tuple(person for person in people if person),
    )


def _assessed(draft: IncidentBuilder, event: e.DutiesAssessed, at: datetime, seq: int) -> None:
    table = draft.table("duties")
    for change in event.changes:
        before: DutyView | None = table.get(change.duty)
        table[change.duty] = DutyView(
            id=change.duty,
            verdict=change.verdict,
            due=change.due,
            provisional=change.provisional,
            missing=change.missing,
            overdue=change.overdue,
            in_sight=change.in_sight,
            settled=change.settled,
            waits=change.waits,
            applied=(change.verdict == "applies" and change.in_sight)
            or (change.verdict == "unknown" and before is not None and before.applied),
            record=before.record if before and not change.reopened else None,
            entry=before.entry if before else 0,
            reopened=before.record if before and change.reopened else before.reopened if before else None,
            reopened_why=change.reopened or (before.reopened_why if before else ""),
            earlier=before.earlier if before else (),
            corrections=before.corrections if before else {},
        )
    # a duty whose decision was revoked is open again, and only the next assessment says whether it is overdue
    again = any(change.reopened for change in event.changes)
    draft.put(assess=again, assessed=True, looked=0 if again else seq)


def _recorded(draft: IncidentBuilder, event: e.DutyRecorded, at: datetime, seq: int) -> None:
    table = draft.table("duties")
    before = table.get(event.duty) or DutyView(id=event.duty, verdict="unknown")
    replaced, after_filing = before.record or before.reopened, event.record.adds_to
    if (
        before.record is not None and before.record.kind == "filed"
    ):  # a filing stays; what follows stands beside it
        after_filing = (event.duty, *after_filing)
    else:
        table[event.duty] = replace(
            before,
            record=event.record,
            entry=seq,
            reopened=None,
            reopened_why="",
            earlier=(*before.earlier, replaced) if replaced is not None else before.earlier,
        )
    for name in after_filing:
        table[name] = replace(table[name], corrections={**table[name].corrections, seq: event.record})
    draft.put(assess=True, looked=0)


def _role(draft: IncidentBuilder, event: e.RoleAssigned, at: datetime, seq: int) -> None:
    draft.table("roles")[event.role] = event.persons
    if event.on_call:
        draft.index("on_call").add(event.role)
    else:
        draft.drop("on_call", event.role)


def _briefed(draft: IncidentBuilder, event: e.BriefGiven, at: datetime, seq: int) -> None:
    draft.put(
        handover=Handover(
            entry=seq,
            to=event.to,
            by=event.by,
            at=at,
            version=event.version,
            digest=event.digest,
            role=event.role or "commander",
        )
    )


def _taken_over(draft: IncidentBuilder, event: e.CommandTaken, at: datetime, seq: int) -> None:
    before: Handover = draft.read("handover")
    draft.put(handover=replace(before, taken_at=at, read_back=event.read_back))


def _domain(draft: IncidentBuilder, event: e.DomainDeclared, at: datetime, seq: int) -> None:
    before = draft.read("domains").get(event.domain)
    elsewhere = event.automatic and event.state == "compromised"
    draft.table("domains")[event.domain] = Domain(
        name=event.domain,
        state=event.state,
        since=event.since,
        by=event.by,
        assumed=event.assumed,
        why=event.reason if event.automatic else "",
        automatic=event.automatic,
        declared=seq,
        falls=_falls(before, event),
        kept=event.kept,
        before=before.own if elsewhere and before is not None else None,
    )
    draft.stir(draft.read("moving"))
    _plan_anew(draft, seq)


def _falls(before: Domain | None, event: e.DomainDeclared) -> tuple[tuple[datetime, datetime | None], ...]:
    """Start a compromise, correct the start of the current one, or end it."""
    known = before.falls if before is not None else ()
    going_on = bool(known) and known[-1][1] is None
    ended = known[:-1] if going_on else known
    if event.state == "compromised":
        return (*ended, (event.since, None))
    return (*ended, (known[-1][0], max(event.since, known[-1][0]))) if going_on else known


def _overridden(draft: IncidentBuilder, event: e.RuleOverridden, at: datetime, seq: int) -> None:
    draft.table("overrides")[seq] = RuleOverride(
        seq=seq,
        rule=event.rule,
        by=event.by,
        role=event.role,
        at=at,
        reason=event.reason,
        channel=event.channel,
        message_class=event.message_class,
        person=event.person,
        text=event.text,
        domains=frozenset(event.domains),
    )
    _plan_anew(draft, seq)


def _plan_anew(draft: IncidentBuilder, seq: int) -> None:
    if draft.read("moving"):
        draft.put(replan=True, replan_asked=seq, replan_at=None)


def _remark(draft: IncidentBuilder, event: object, at: datetime, seq: int) -> None:
    """Leave the state as it is: a remark is only in the journal."""


def _attached(draft: IncidentBuilder, event: e.EvidenceAttached, at: datetime, seq: int) -> None:
    table = draft.table("evidence")
    table[event.evidence] = Evidence(
        id=event.evidence,
        name=event.name,
        sha256=event.sha256,
        size=event.size,
        by=event.by,
        at=at,
        source=event.source,
        number=len(table) + 1,
    )


def _handed_over(draft: IncidentBuilder, event: e.ExhibitHandedOver, at: datetime, seq: int) -> None:
    table = draft.table("evidence")
    made = ExhibitHandover(entry=seq, receiver=event.receiver, giver=event.giver)
    known = table[event.evidence]
    table[event.evidence] = replace(known, handovers=(*known.handovers, made))


def _answered(
    draft: IncidentBuilder, event: e.ExhibitReceived | e.ExhibitDiffered, at: datetime, seq: int
) -> None:
    def answered(one: ExhibitHandover) -> ExhibitHandover:
        if one.entry != event.entry:
            return one
        if isinstance(event, e.ExhibitDiffered):
            return replace(one, differed=(*one.differed, seq))
        return replace(one, receipt=seq)

    _change_handovers(draft, event.evidence, answered)


def _change_handovers(
    draft: IncidentBuilder, evidence: str, change: Callable[[ExhibitHandover], ExhibitHandover | None]
) -> None:
    """Change the handovers of an exhibit; those that become None are dropped."""
    known = draft.read("evidence")[evidence]
    handovers = tuple(one for one in map(change, known.handovers) if one is not None)
    if handovers != known.handovers:
        draft.table("evidence")[evidence] = replace(known, handovers=handovers)


def _custody_corrected(draft: IncidentBuilder, wrong: int) -> None:
    """Drop a handover that is marked as wrong; without its receipt, a handover is open again."""

    def without(one: ExhibitHandover) -> ExhibitHandover | None:
        left = tuple(entry for entry in one.differed if entry != wrong)
        receipt = 0 if one.receipt == wrong else one.receipt
        return None if one.entry == wrong else replace(one, receipt=receipt, differed=left)

    for name in list(draft.read("evidence")):
        _change_handovers(draft, name, without)


def _corrected(draft: IncidentBuilder, event: e.EventCorrected, at: datetime, seq: int) -> None:
    """Stop asking for confirmation of an entry that is marked as wrong; the entry and its consequences stay.

    The action on the duty does not count any more: the duty is open, and the law is assessed again. A rule
    whose override the entry was is in force again.
    """
    if event.seq in draft.read("streams"):
        draft.table("streams")[seq] = draft.read("streams")[event.seq]
    if event.seq in draft.read("overrides"):
        draft.table("overrides").pop(event.seq)
        _plan_anew(draft, seq)
        return
    asked = draft.read("second_person").get(event.seq)
    if asked is not None and asked.state == "awaiting":
        draft.table("second_person").pop(event.seq)
        return
    _custody_corrected(draft, event.seq)
    for first, entries in draft.read("unconfirmed").items():
        if first <= event.seq <= entries.last:
            draft.table("unconfirmed").pop(first)
            break
    for duty in list(draft.read("duties").values()):
        if event.seq in duty.corrections:
            left = {entry: record for entry, record in duty.corrections.items() if entry != event.seq}
            draft.table("duties")[duty.id] = duty = replace(duty, corrections=left)
            draft.put(assess=True, looked=0)
        if duty.entry == event.seq:
            draft.table("duties")[duty.id] = replace(
                duty,
                record=None,
                reopened=duty.record or duty.reopened,
                reopened_why=f"entry {event.seq} is wrong: {event.reason}",
            )
            draft.put(assess=True, looked=0)
            return


def _on_behalf(draft: IncidentBuilder, event: e.ActedOnBehalf, at: datetime, seq: int) -> None:
    draft.table("unconfirmed")[event.first] = Behalf(
        first=event.first,
        last=seq,
        person=event.person,
        by=event.by,
        via=event.via,
        at=at,
        steps=event.steps,
    )


def _confirmed(draft: IncidentBuilder, event: e.BehalfConfirmed, at: datetime, seq: int) -> None:
    """An approval that was recorded on behalf of a person counts from now on as that person's own."""
    behalf: Behalf = draft.table("unconfirmed").pop(event.first)
    for name in behalf.steps:
        approvals = tuple(
            replace(approval, provisional=False, at=at, os_user=event.os_user, proven_by=event.proven_by)
            if approval.provisional and behalf.first <= approval.seq <= behalf.last
            else approval
            for approval in draft.invocation(name).approvals
        )
        if approvals != draft.invocation(name).approvals:
            draft.change(name, approvals=approvals)


def _asked(draft: IncidentBuilder, event: e.SecondPersonAsked, at: datetime, seq: int) -> None:
    draft.table("second_person")[seq] = TwoPeople(entry=seq, at=at, act=event.act)


def _agreed(draft: IncidentBuilder, event: e.SecondPersonConfirmed, at: datetime, seq: int) -> None:
    table = draft.table("second_person")
    table[event.entry] = replace(
        table[event.entry], second=event.by, second_os_user=event.os_user, confirmed_at=at
    )


def _again(draft: IncidentBuilder, event: object, at: datetime, seq: int) -> None:
    """Refuse a second first event: it created the incident."""


RECORDS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.IncidentOpened: _again,
    e.IncidentPaused: _paused,
    e.IncidentResumed: _resumed,
    e.IncidentCancelled: _cancelled,
    e.IncidentClosed: _closed,
    e.IncidentReopened: _reopened,
    e.SeveritySet: _severity,
    e.AccessSet: _access,
    e.FactsRecorded: _facts,
    e.DutiesAssessed: _assessed,
    e.DutyRecorded: _recorded,
    e.RoleAssigned: _role,
    e.BriefGiven: _briefed,
    e.CommandTaken: _taken_over,
    e.DomainDeclared: _domain,
    e.RuleOverridden: _overridden,
    e.ChannelsSwitched: _remark,
    e.EvidenceAttached: _attached,
    e.ExhibitDescribed: _remark,
    e.ExhibitHandedOver: _handed_over,
    e.ExhibitReceived: _answered,
    e.ExhibitDiffered: _answered,
    e.NoteAdded: _remark,
    e.PrivilegedNoteAdded: _remark,
    e.EventCorrected: _corrected,
    e.PrivilegedEventCorrected: _corrected,
    e.ActedOnBehalf: _on_behalf,
    e.BehalfConfirmed: _confirmed,
    e.SecondPersonAsked: _asked,
    e.SecondPersonConfirmed: _agreed,
}
