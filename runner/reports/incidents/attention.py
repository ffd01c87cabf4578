"""Required actions, each with its command; ``do_now`` orders them.

All come from the state of the incident. Two depend on the time: an attempt without an outcome, and due work without a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

import msgspec

from runner.actions import assign_role, set_fact
from runner.facts.vocabulary.register import nested
from runner.incident.messages.failover import Policy
from runner.incident.state.exercise import OVER
from runner.incident.state.incident import Delivery, Incident, Invocation
from runner.incident.state.library import Library
from runner.incident.state.work import Failed
from runner.law.duty import DutyStatus, NextAct
from runner.law.relevance import ELSEWHERE, nearness, questions, unknown_organisation
from runner.playbook.format import PEOPLE
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem
from runner.reports.core.do_now import containment, do_now, is_due, must_begin
from runner.reports.core.formatting import aside_words, elapsed_since, person_name
from runner.reports.core.second_person import awaiting
from runner.reports.core.task_rows import TaskRow, asking, named
from runner.reports.law.duties import FAR
from runner.reports.law.next_act import lane_act
from runner.reports.law.titles import citation, duty_label, question_words
from runner.reports.messages.attention_messages import (
    call_owed,
    campaigns,
    compromised_deliveries,
    deliveries,
    missed_updates,
)
from runner.reports.messages.war_room import nowhere
from runner.reports.notices.attention_notices import (
    filed_differently,
    reopened_duties,
    stale_notices,
    unsigned_filings,
)

_CRITICAL = timedelta(hours=4)
"""Time before a deadline from which the duty is critical."""
_ASKED, _NAMED = 3, 4
"""Most questions about further laws at one time, and most duties that are named for one fact."""
NO_DEADLINES = "No legal deadline can be shown before this is known"
RESTORED = "restored from the backup "
"""How the reason of a pause begins that a restore recorded."""
IDLE = timedelta(minutes=5)
"""Time after which due work without a worker is reported."""


def needs_attention(
    incident: Incident,
    library: Library,
    rows: Sequence[TaskRow],
    duties: Sequence[DutyStatus],
    now: datetime,
    failed: Failed | None = None,
) -> tuple[AttentionItem, ...]:
    """Return the required actions in the order of DO NOW. A cancelled incident has none.

    A closed incident has only open duties and acts that await a second person. An exercise
    that ended is to be rated and closed. ``failed`` is the number of failures of automatic work in a row.
    """
    if incident.state == "cancelled":
        return ()
    if incident.state == "closed":
        return do_now([*awaiting(incident), *pressing_on(incident, duties, now)], incident, rows, duties, now)
    if incident.drill is not None and incident.drill.stage in OVER:
        return (_over(incident),)
    begun = {row.invocation: row for row in rows if row.invocation}
    labels = {duty.id: duty_label(duty) for duty in duties}
    items = [
        *_set_aside(incident, failed),
        *_organisation(incident, library),
        *containment(begun.values(), now),
        *_paused(incident),
        *_steps(incident, begun, duties, now),
        *deliveries(incident, now),
        *_silence(incident, begun, now),
        *_duties(duties, now),
        *reopened_duties(incident, begun, duties, labels),
        *unsigned_filings(incident, begun, labels),
        *filed_differently(incident, library, labels, duties),
        *stale_notices(incident),
        *_facts(incident, library, begun, duties),
        *_roles(incident, rows),
        *_unconfirmed(incident, begun),
        *awaiting(incident),
        *compromised_deliveries(incident, begun),
        *campaigns(incident),
        *missed_updates(incident, now),
        *nowhere(incident),
    ]
    return do_now(items, incident, rows, duties, now)


def pressing_on(incident: Incident, duties: Sequence[DutyStatus], now: datetime) -> Iterator[AttentionItem]:
    """Yield the duties of a closed incident that are overdue or past "start by", each with its incident in the command.

    The clock of an undetermined duty runs all the same: the fact that decides the duty is asked for.
    """
    for duty in duties if incident.kind == "real" else ():
        doubt = duty.verdict == "unknown" and duty.in_sight
        asked = next(iter(duty.missing_facts), "") if doubt else ""
        state = "undetermined" if doubt else "open"
        for item in _duties([msgspec.structs.replace(duty, verdict="applies") if doubt else duty], now):
            action = set_fact(asked, incident.facts.get(asked)) if asked else item.action
            yield msgspec.structs.replace(
                item,
                rank=2,
                text=f"{item.text} ({state} in the closed incident {incident.codename})",
                action=suggested_actions.extended(action, incident=incident.codename),
            )


def _over(incident: Incident) -> AttentionItem:
    """Return the only required action of an ended exercise."""
    return AttentionItem(
        kind="exercise_over",
        severity="low",
        ref=incident.id,
        since=incident.drill.ended_at if incident.drill is not None else None,
        text="The exercise ended. Rate it, write the report, then close the exercise",
        action=suggested_actions.close_exercise(incident.codename),
    )


def _paused(incident: Incident) -> Iterator[AttentionItem]:
    if incident.state == "paused":
        why = f": {incident.paused_why.rstrip('.')}" if incident.paused_why else ""
        restored = incident.paused_why.startswith(RESTORED)
        yield AttentionItem(
            kind="paused",
            severity="critical" if restored else "medium",
            ref=incident.id,
            text=f"The incident is paused{why}. Automatic work stopped. Legal deadlines continue",
            detail="Compare phones and mailboxes with tocsin message list, then resume" if restored else "",
            action=suggested_actions.resume(),
        )


def _set_aside(incident: Incident, failed: Failed | None) -> Iterator[AttentionItem]:
    if failed is not None and failed.aside:
        yield AttentionItem(
            kind="set_aside",
            severity="critical",
            ref=incident.id,
            since=failed.at,
            text=f"{aside_words(failed)}. Legal deadlines continue",
            action=suggested_actions.resume(incident.codename),
        )


def _organisation(incident: Incident, library: Library) -> Iterator[AttentionItem]:
    """Yield the questions without whose answer no law applies: an empty list of deadlines would be false calm."""
    known = {path for path, fact in incident.facts.items() if fact.value is not None}
    for path in unknown_organisation(known) if library.regimes else ():
        yield AttentionItem(
            kind="organisation_unknown",
            severity="critical",
            ref=path,
            text=question_words(path),
            detail=NO_DEADLINES,
            action=set_fact(path, incident.facts.get(path)),
        )


def _steps(
    incident: Incident, rows: Mapping[str, TaskRow], duties: Sequence[DutyStatus], now: datetime
) -> Iterator[AttentionItem]:
    for name in sorted(incident.active):
        invocation, row = incident.invocations[name], rows[name]
        if invocation.stuck or invocation.state == "outcome_unknown":
            yield from _stuck(incident, invocation, row)
        elif invocation.due is not None and is_due(row, now):
            who, detail, action = lane_act(row, duties)
            yield AttentionItem(
                kind="overdue",
                ref=name,
                since=invocation.due,
                due=invocation.due,
                text=named(row),
                who=who,
                detail=detail,
                action=action,
            )
            yield from (
                AttentionItem(
                    kind="alternate_missing",
                    ref=role,
                    text=f"{named(row)}: no deputy for {role}",
                    detail="Assign the role to one more person who can approve",
                    action=assign_role(role, also=True),
                )
                for role in invocation.without_deputy
                if len(incident.roles.get(role, ())) < 2
            )


def _stuck(incident: Incident, invocation: Invocation, row: TaskRow) -> Iterator[AttentionItem]:
    since = invocation.attempts[-1].ended_at if invocation.attempts else invocation.ready_at
    if invocation.state == "outcome_unknown":
        yield AttentionItem(
            kind="outcome_unknown",
            severity="critical",
            ref=invocation.id,
            since=since,
            text=f"{named(row)}: unknown outcome",
            detail="Find out what happened, then resolve it",
            action=suggested_actions.retry_step(row.state, row.command_name),
        )
        return
    if any(call_owed(incident, one) for one in _deliveries_of(incident, invocation)):
        return
    rejected = invocation.kind == "approve" and any(not a.approved for a in invocation.approvals)
    yield AttentionItem(
        kind="rejected" if rejected else "stuck",
        ref=invocation.id,
        since=invocation.approvals[-1].at if rejected else since,
        text=f"{named(row)}: {invocation.stuck}",
        who=row.who if rejected else "",
        action=suggested_actions.retry_step(row.state, row.command_name),
    )


def _deliveries_of(incident: Incident, invocation: Invocation) -> list[Delivery]:
    message = incident.messages.get(invocation.message)
    return [incident.deliveries[name] for name in message.deliveries] if message else []


def _silence(incident: Incident, rows: Mapping[str, TaskRow], now: datetime) -> Iterator[AttentionItem]:
    holders: list[tuple[str, str, Delivery | Invocation]] = [
        (d.id, f"Message to {person_name(d.person)}", d)
        for d in incident.deliveries.values()
        if d.state == "active"
    ]
    holders += [(n, named(rows[n]), incident.invocations[n]) for n in sorted(incident.active)]
    for ref, words, holder in holders:
        for attempt in holder.attempts:
            if attempt.state == "sending" and now - attempt.started_at > Policy().attempt_limit:
                yield AttentionItem(
                    kind="no_outcome",
                    ref=ref,
                    since=attempt.started_at,
                    text=f"{words}: attempt {attempt.n} has no outcome {elapsed_since(attempt.started_at, now)}",
                    detail="Its worker may have stopped",
                    action=suggested_actions.WORK,
                )
    if incident.state != "open":
        return
    for name in sorted(incident.active):
        invocation = incident.invocations[name]
        wake = invocation.wake_at
        if wake is not None and now - wake > IDLE and invocation.kind not in PEOPLE and not invocation.stuck:
            yield AttentionItem(
                kind="not_worked",
                ref=name,
                since=wake,
                text=f"{named(rows[name])}: due {elapsed_since(wake, now)}, no worker performed the work",
                action=suggested_actions.WORK,
            )


def _duties(duties: Sequence[DutyStatus], now: datetime) -> Iterator[AttentionItem]:
    """Yield the duties whose work must begin, and those that only have to be filed, each with its next act."""
    for duty in duties:
        if duty.verdict == "applies" and duty.state == "claimed":
            yield AttentionItem(
                kind="duty_claimed",
                ref=duty.id,
                text=f"{duty_label(duty)}: {duty.notes[0]}",
                action=suggested_actions.confirm_sent(duty.id),
            )
        if duty.verdict != "applies" or duty.state not in ("open", "overdue"):
            continue
        act = duty.next or NextAct(act="file", action=suggested_actions.record_filed(duty.id))
        if duty.state == "overdue":
            yield _near(duty, act, now, kind="duty_overdue")
        elif must_begin(duty, now):
            yield _near(duty, act, now)
        elif duty.next is not None and act.act == "file" and not act.blocked_by:
            yield _near(duty, act, now, kind="duty_to_file")


def _near(
    duty: DutyStatus,
    act: NextAct,
    now: datetime,
    kind: Literal["clock", "duty_overdue", "duty_to_file"] = "clock",
) -> AttentionItem:
    start = duty.latest_safe_start
    passed = start is not None and start <= now and kind == "clock"
    doubt = "start time unconfirmed" if duty.provisional and kind != "duty_overdue" else ""
    hurry = "the work should have started" if passed else ""
    blocked = f"{act.act}: {act.blocked_by}" if act.blocked_by else ""
    ready = "ready to file" if kind == "duty_to_file" else ""
    pressing = kind == "duty_overdue" or passed or (duty.due is not None and duty.due - now < _CRITICAL)
    words = ", ".join(filter(None, (hurry, doubt, ready, blocked)))
    return AttentionItem(
        kind=kind,
        severity="critical" if pressing else "high",
        ref=duty.id,
        since=duty.due if kind == "duty_overdue" else start if passed else None,
        due=duty.due,
        text=duty_label(duty),
        who=act.who,
        detail=words[:1].upper() + words[1:],
        action=act.action or suggested_actions.record_filed(duty.id),
    )


def _facts(
    incident: Incident, library: Library, rows: Mapping[str, TaskRow], duties: Sequence[DutyStatus]
) -> Iterator[AttentionItem]:
    doubted = {one.key for people in incident.second_person.values() for one in people.doubted}
    for path, holds_up in blocking_facts(incident, library, rows, duties).items():
        if path in doubted:
            continue  # its confirmation is asked for
        asked = asking(path, rows.values())
        yield AttentionItem(
            kind="fact_missing",
            severity="medium",
            ref=path,
            text=question_words(path, asked.title if asked is not None and asked.sets else ""),
            who=asked.who if asked is not None else "",
            detail="; ".join(holds_up),
            action=suggested_actions.answer(path, asked, incident.facts.get(path)),
        )


def blocking_facts(
    incident: Incident, library: Library, rows: Mapping[str, TaskRow], duties: Sequence[DutyStatus]
) -> dict[str, tuple[str, ...]]:
    """Return the missing facts, and what depends on each, in words.

    A duty has only the fact that decides most here: the others may never be needed.
    """
    steps: dict[str, list[str]] = {}
    open_duties: dict[str, list[str]] = {}
    exempt: dict[str, list[str]] = {}
    clocks: dict[str, list[str]] = {}
    offices: dict[str, list[str]] = {}
    for row in sorted(rows.values(), key=lambda row: row.invocation):
        for path in row.missing if row.invocation in incident.blocked or row.kind == "form" else ():
            if not path.startswith(("step(", "duty(", "duties")):
                steps.setdefault(path, []).append(named(row))
    for duty in (duty for duty in duties if duty.state in ("open", "overdue", "held")):
        facts = {fact for exemption in duty.unless for fact in exemption.missing}
        exempting = [fact for fact in duty.missing_facts if fact in facts][:1]
        others = [fact for fact in duty.missing_facts if fact not in facts][:1]
        waits = open_duties if duty.verdict == "unknown" and duty.in_sight else {}
        waits = clocks if duty.verdict == "applies" and duty.provisional else waits
        for path, of in (*((fact, exempt) for fact in exempting), *((other, waits) for other in others)):
            of.setdefault(path, []).append(citation(duty) or duty.id)
        if duty.verdict == "applies" and duty.authority is not None and duty.authority.asks:
            offices.setdefault(duty.authority.asks, []).append(citation(duty) or duty.id)
    near, where = nearness(nested(incident.facts)), library.jurisdictions()
    far = [
        (d, d.missing, (near(where.get(d.id.partition("/")[0], ())), d.due or FAR))
        for d in incident.duties.values()
        if d.verdict == "unknown" and not d.in_sight and d.record is None
    ]
    remote = {duty.id for duty, _, (distance, _) in far if distance >= ELSEWHERE}
    for path, held in islice(questions(far).items(), _ASKED):
        # Nothing points to these places yet: a law there that asks about residents alone is not named.
        open_duties.setdefault(path, []).extend(duty.id for duty in held if duty.id not in remote)
    return {
        path: (
            *((f"Needed for: {_list(steps[path])}",) if path in steps else ()),
            *((_decides(open_duties[path]),) if path in open_duties else ()),
            *((f"Decides an exemption from {_duty_list(exempt[path])}",) if path in exempt else ()),
            *((f"Sets the deadline of {_duty_list(clocks[path])}",) if path in clocks else ()),
            *((f"Names the authority for {_duty_list(offices[path])}",) if path in offices else ()),
        )
        for path in dict.fromkeys((*clocks, *open_duties, *exempt, *offices, *steps))
    }


def _decides(duties: Sequence[str]) -> str:
    if not duties:
        return "Decides which laws of other places apply"
    return f"Decides whether {_duty_list(duties)} {'apply' if len(duties) > 1 else 'applies'}"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:2])
    return f"{shown} and {len(names) - 2} more" if len(names) > 2 else shown


def _duty_list(names: Sequence[str]) -> str:
    """Return the names of a few duties, or the number of many."""
    return _list(names) if len(names) <= _NAMED else f"{len(names)} duties"


def _roles(incident: Incident, rows: Sequence[TaskRow]) -> Iterator[AttentionItem]:
    """Yield the roles that nobody has and that a step needs now, or that a message was for."""
    wanted: dict[str, list[str]] = {}
    for row in rows:
        if row.state in ("ready", "active") and not row.assignee and not row.over:
            for role in row.roles:
                if not incident.roles.get(role):
                    wanted.setdefault(role, []).append(named(row))
    for message in incident.messages.values():
        for role in message.unheld:
            if not incident.roles.get(role):
                step = next((named(row) for row in rows if row.invocation == message.step), message.step)
                wanted.setdefault(role, []).append(step)
    for role, steps in wanted.items():
        yield AttentionItem(
            kind="role_unheld",
            severity="medium",
            ref=role,
            text=f"Nobody has the role {role}",
            detail=f"Needed for: {_list(steps)}",
            action=assign_role(role),
        )


def _unconfirmed(incident: Incident, rows: Mapping[str, TaskRow]) -> Iterator[AttentionItem]:
    """Yield the entries on behalf of people who have not confirmed them."""
    for behalf in incident.unconfirmed.values():
        steps = [named(rows[name]) for name in behalf.steps if name in rows]
        what = _list(steps) if steps else f"entry {behalf.first}"
        yield AttentionItem(
            kind="unconfirmed",
            severity="medium",
            ref=str(behalf.first),
            since=behalf.at,
            text=f"{what}: recorded by {person_name(behalf.by)} for {person_name(behalf.person)} ({behalf.via})",
            who=person_name(behalf.person),
            detail="Awaiting confirmation",
            action=suggested_actions.confirm(behalf.first, behalf.person),
        )
