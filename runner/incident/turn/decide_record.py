"""Decisions on the record of an incident: facts, duties, roles, failure domains, evidence, notes, and its state."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import count

import msgspec

from runner.actions import Action, assign_role
from runner.base.actor import Principal
from runner.base.text import near_hint
from runner.errors import NotFound, Refused, reason_given
from runner.facts.expression import Expression, Unknown, Value
from runner.facts.expressions.evaluate import truth
from runner.facts.vocabulary.register import nested
from runner.incident.law.decision_not_to_notify import judged, with_evidence
from runner.incident.law.duties import cancel_open_steps
from runner.incident.law.filed import after_filing, filing_of, refuse_more_to_say, same_recipient
from runner.incident.law.moved_deadlines import facts_that_wait, moves, require_grounds, with_facts
from runner.incident.messages.decide import overridden, trusted_again
from runner.incident.messages.war_room import chosen, listed, retried
from runner.incident.notices.decide import letters_signed, notice_added
from runner.incident.notices.staleness import passed
from runner.incident.notices.verification import open_items, refuse_unverified, ticked
from runner.incident.people.custody import custody
from runner.incident.people.second_person import agreed, guarded, with_second
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.future_timestamps import refuse_facts_ahead, refuse_record_ahead, said
from runner.incident.state.incident import Domain, Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPersonAct
from runner.incident.state.steps import completion_state
from runner.incident.steps.kinds import assumed_facts
from runner.incident.turn.decide_close import cancelled, closed
from runner.incident.turn.implicit_answers import implicit_answers
from runner.law.duty import DutyRecord
from runner.law.populations import View


def decide_record(  # noqa: C901  # one case a command
    incident: Incident, command: c.RecordCommand, principal: Principal, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Return the events of a command on the record."""
    by = principal.person
    match command:
        case c.RecordFacts():
            return known(incident, command, by, now, library)
        case c.RecordDuty(record=record):
            refuse_record_ahead(command.duty, record.at, now)
            return _duty(incident, command, by, now, library)
        case c.ConfirmEntry():
            return _confirm(incident, command, principal, now, library)
        case c.DeclareDomain():
            return _declared(incident, command, by)
        case c.ReportDomain():
            return _reported(incident, command)
        case c.OverrideRule():
            return (overridden(incident, command, by),)
        case c.AssignRole():
            return (e.event_of(e.RoleAssigned, command),)
        case c.ChooseRoom():
            return (chosen(incident, command),)
        case c.ListGuests():
            return (listed(incident, command),)
        case c.RetryRoom():
            return (retried(incident, by),)
        case c.RecordCustody(event=act):
            return (custody(incident, act, principal, now),)
        case c.SignLetters(event=event):
            return (letters_signed(incident, event, by),)
        case c.TickItems():
            return ticked(incident, command, by)
        case c.AddNote(privileged=privileged):
            return (e.event_of(e.PrivilegedNoteAdded if privileged else e.NoteAdded, command, by=by),)
        case c.SetSeverity(severity=level):
            before = incident.severity
            return () if level == before else (e.event_of(e.SeveritySet, command, by=by, before=before),)
        case c.SetAccess():
            return _access(incident, command, by)
        case c.AddTask():
            return (_added(incident, command, by, library),)
        case c.AddNotice():
            return notice_added(incident, command, by, library)
        case c.CorrectEvent():
            return (_corrected(incident, command, by),)
        case c.PinPlaybook(run=run):
            if run.id in incident.runs:
                raise Refused(f'Run "{run.id}" is in this incident already.', code="run_exists")
            playbook = library.plans[run.plan].playbook(run.playbook)
            return (e.event_of(e.PlaybookPinned, command), *assumed_facts(incident, playbook))
        case c.MigratePlaybook(event=event):
            return (event,)
        case _:
            return _life(incident, command, by, now, library)


def _corrected(incident: Incident, command: c.CorrectEvent, by: str) -> e.EventCorrected:
    if not 1 <= command.seq <= incident.version:
        raise Refused(
            f'Entry "{command.seq}" does not exist. The journal has {incident.version} entries.',
            code="unknown_event",
        )
    kind = e.PrivilegedEventCorrected if command.seq in incident.streams else e.EventCorrected
    return e.event_of(kind, command, by=by, reason=reason_given(command.reason, "The reason to correct"))


def _declared(incident: Incident, command: c.DeclareDomain, by: str) -> tuple[e.AnyEvent, ...]:
    before, said = incident.domains.get(command.domain), (command.state, command.since, command.assumed)
    own = before.own if before is not None else None
    if own is not None and (own.state, own.since, own.assumed) == said:
        return ()
    if command.state == "up":
        trusted_again(before, command.reason)
    return (e.event_of(e.DomainDeclared, command, by=by),)


def _reported(incident: Incident, command: c.ReportDomain) -> tuple[e.AnyEvent, ...]:
    """Record a report from outside the incident, unless a person declared the domain here.

    A compromised domain stays compromised, whether it answers or not. A compromise that ends elsewhere leaves what was said here.
    """
    before = incident.domains.get(command.domain)
    if before is not None and before.own is not before and command.state == "up":
        own = before.own or Domain(name=command.domain, state="up", since=command.since, automatic=True)
        return (e.event_of(e.DomainDeclared, own, domain=own.name, reason=command.reason),)
    if before is None:
        stands = command.state == "up"
    elif command.state == "compromised":
        told = not before.automatic or before.since == command.since
        stands = before.state == "compromised" and not before.assumed and told
    elif before.state in (command.state, "compromised"):
        stands = True
    elif before.automatic or command.declared:
        stands = False
    else:
        stands = command.state == "up" or before.since >= command.since
    if stands:
        return ()
    return (e.event_of(e.DomainDeclared, command, automatic=True),)


def known(
    incident: Incident, command: c.RecordFacts, by: str, now: datetime, library: Library, second: str = ""
) -> tuple[e.AnyEvent, ...]:
    """Record facts; a fact answers the open question that sets it.

    A fact that moves a statutory deadline later, or ends a duty, waits alone until a second person confirms it; the others
    count at once. A position of counsel waits, too: it can remove a duty.
    """
    if not command.changes:
        return ()
    positions = tuple(change for change in command.changes if change.key.startswith("claims."))
    if positions and guarded(incident) and not second:
        rest = tuple(change for change in command.changes if change not in positions)
        others = known(incident, msgspec.structs.replace(command, changes=rest), by, now, library)
        taken = e.FactsRecorded(facts=positions, by=by, grounds=command.grounds)
        asked = TwoPersonAct(kind="decide", by=by, reason=command.grounds, facts=positions)
        return (*others, *with_second(incident, asked, (taken,), library.alone, second))
    refuse_facts_ahead(command.changes, now)
    moved = moves(incident, command.changes, now, library) if guarded(incident) and not second else ()
    require_grounds(incident, moved, command.grounds)
    waiting = () if library.alone else facts_that_wait(incident, command.changes, moved, now, library)
    if rest := tuple(change for change in command.changes if waiting and change not in waiting):
        others = known(incident, msgspec.structs.replace(command, changes=rest), by, now, library)
        after, left = with_facts(incident, rest, now), msgspec.structs.replace(command, changes=waiting)
        return (*others, *known(after, left, by, now, library))
    answered = implicit_answers(incident, command, by, now, library)
    recorded = e.FactsRecorded(
        facts=command.changes,
        by=by,
        grounds=command.grounds,
        step=command.form if command.form in answered.steps else "",
        answers=tuple(step for step in answered.steps if step != command.form),
        second=second,
        reopens=command.reopens,
    )
    if not any(move.later for move in moved):
        return (recorded, *answered.ended)
    act = TwoPersonAct(kind="move_clock", by=by, reason=command.grounds, facts=command.changes, moves=moved)
    return with_second(incident, act, (recorded, *answered.ended), library.alone, second)


def _added(incident: Incident, command: c.AddTask, by: str, library: Library) -> e.TaskAdded:
    """Return the event that adds a task under a name that no other step has; raises NotFound for an unknown role.

    It counts as part of the first playbook, whose message classes its reminders use.
    """
    plans = [library.plans[run.plan] for run in incident.runs.values()]
    role = command.task.role
    roles = {*incident.roles, *(name for plan in plans for name in plan.bundle.playbook.roles)}
    if role and role not in roles:
        raise NotFound(
            f'Role "{role}" does not exist in incident "{incident.codename}".',
            hint=near_hint(role, roles, f"roles: {', '.join(sorted(roles))}"),
            code="unknown_role",
        )
    taken = {invocation.step for invocation in incident.invocations.values()}
    taken.update(step for plan in plans for body in plan.bodies.values() for step in body.steps)
    run = next(iter(incident.runs.values()))
    task = msgspec.structs.replace(command.task, id=_free(command.task.task, taken))
    return e.TaskAdded(scope="added:", run=run.id, playbook=run.playbook, task=task, by=by)


def _free(title: str, taken: set[str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    name = words if words[:1].isalpha() else f"task-{words}".strip("-")
    return next(free for n in count(1) if (free := name if n == 1 else f"{name}-{n}") not in taken)


def _confirm(
    incident: Incident, command: c.ConfirmEntry, principal: Principal, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Confirm an entry as the second person, or as the person on whose behalf it was recorded; only once."""
    by, os_user, proven_by = principal.person, principal.os_user, principal.proven_by or ""
    act = agreed(incident, command.seq, by)
    if act is not None:
        agreement = e.SecondPersonConfirmed(entry=command.seq, by=by, os_user=os_user, proven_by=proven_by)
        return (agreement, *_again(incident, act, by, now, library))
    behalfs = [
        behalf for behalf in incident.unconfirmed.values() if behalf.first <= command.seq <= behalf.last
    ]
    if not behalfs:
        raise Refused(
            f'Entry "{command.seq}" is not awaiting confirmation.',
            hint=Action("incident.status"),
            code="nothing_to_confirm",
        )
    if by != behalfs[0].person:
        raise Refused(
            f'Only "{behalfs[0].person}" can confirm this entry: it was recorded on behalf of "{behalfs[0].person}".',
            hint=Action("entry.confirm", str(behalfs[0].first), {"as": behalfs[0].person}),
            code="person",
        )
    return (e.BehalfConfirmed(first=behalfs[0].first, by=by, os_user=os_user, proven_by=proven_by),)


def _again(
    incident: Incident, act: TwoPersonAct, second: str, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Decide an act that needed two people from the present state of the incident, in both names."""
    if act.record is not None:
        signed = msgspec.structs.replace(act.record, signed=(*act.record.signed, second), at=now)
        again = c.RecordDuty(duty=act.duty, record=signed)
        return _duty(incident, again, act.by, now, library, second=second)
    if act.facts:
        record = c.RecordFacts(changes=act.facts, grounds=act.reason, form=act.step)
        return known(incident, record, act.by, now, library, second=second)
    if incident.state == "closed":
        raise Refused(f'Incident "{incident.codename}" is closed already.', code="incident_closed")
    if act.kind == "cancel":
        return cancelled(incident, act.reason, act.by, now, library, second=second)
    close = c.Close(reason=act.reason, leave_open=act.left_open)
    return closed(incident, close, act.by, now, library, second=second)


def _access(incident: Incident, command: c.SetAccess, by: str) -> tuple[e.AnyEvent, ...]:
    """Return the new access; raises Refused if nobody in the incident could lead it, or end the restriction."""
    if command.restricted == incident.restricted:
        return ()
    reason = reason_given(
        command.reason, f"The reason to {'restrict' if command.restricted else 'unrestrict'}"
    )
    if command.restricted and not incident.roles.get("commander"):
        raise Refused(
            "Nobody has the role commander in this incident: nobody could see or lead it.",
            hint=assign_role("commander"),
            code="nobody_leads",
        )
    return (e.AccessSet(restricted=command.restricted, by=by, reason=reason),)


def _life(
    incident: Incident,
    command: c.Pause | c.Resume | c.CancelIncident | c.Close | c.Reopen,
    by: str,
    now: datetime,
    library: Library,
) -> tuple[e.AnyEvent, ...]:
    match command:
        case c.Pause(reason=reason):
            if incident.state == "paused":
                raise Refused(f'Incident "{incident.codename}" is paused already.', code="already_paused")
            return (e.IncidentPaused(reason=reason_given(reason, "The reason to pause")),)
        case c.Resume(reason=reason, set_aside=why):
            if why:
                return (
                    e.IncidentResumed(reason=reason_given(reason, "The reason to resume"), set_aside=why),
                )
            if incident.state != "paused":
                raise Refused(f'Incident "{incident.codename}" is not paused.', code="not_paused")
            return (e.IncidentResumed(reason=reason),)
        case c.CancelIncident(reason=reason):
            return cancelled(incident, reason_given(reason, "The reason to cancel"), by, now, library)
        case c.Close():
            return closed(incident, command, by, now, library)
        case c.Reopen(reason=reason):
            if incident.state != "closed":
                raise Refused(
                    f'Incident "{incident.codename}" is {incident.state}, not closed.', code="not_closed"
                )
            return (e.IncidentReopened(by=by, reason=reason_given(reason, "The reason to reopen")),)


def _duty(
    incident: Incident, command: c.RecordDuty, by: str, now: datetime, library: Library, second: str = ""
) -> tuple[e.AnyEvent, ...]:
    duty = incident.duties.get(command.duty)
    if duty is None:
        hint = near_hint(command.duty, incident.duties) or Action("duty.list", args={"all": True})
        raise Refused(
            f'Duty "{command.duty}" does not exist in this incident.', hint=hint, code="unknown_duty"
        )
    record = command.record
    filed = filing_of(incident, command.duty)
    if record.kind == "no_correction" or filed is not None:
        record = after_filing(incident, command.duty, record)
    if record.kind != "filed":
        reason_given(record.reason, "The reason for the decision, or for the waiver,")
    sent = duty.settled and any(
        key.startswith("incident.individual_notice_sent_at.") for key in incident.facts
    )
    confirmed = sent and record.reason.strip()  # a person confirms the fact that people were notified
    if record.kind == "filed" and not (record.reference.strip() or record.receipt or confirmed):
        raise Refused("The filing has no reference number and no receipt.", code="proof_missing")
    if record.watch is not None:
        _not_yet(incident, record.watch)
    binds = record.kind == "filed" and duty.verdict != "advisory" and filed is None
    late = binds and duty.due is not None and record.at > duty.due
    if duty.due is not None and late and not record.late_reason.strip():
        raise Refused(
            f"The filing is late: the deadline was {said(duty.due)}. The reason for the delay is missing.",
            hint="Add --late-reason WHY",
            code="late_reason",
        )
    record = with_evidence(incident, command.duty, record, now, library)
    if record.kind == "filed":
        word, record = _as_it_was(incident, command, by)
        others = same_recipient(command.duty, library)
        adds_to = tuple(name for name in others if filing_of(incident, name) is not None)
        record = msgspec.structs.replace(record, adds_to=adds_to)
        recorded = e.DutyRecorded(duty=command.duty, record=record, step=command.step)
        return (*word, recorded, *_file_steps(incident, command, by))
    recorded = e.DutyRecorded(duty=command.duty, record=record, step=command.step)
    refuse_more_to_say(incident, command.duty, record)
    done: tuple[e.AnyEvent, ...] = (recorded, *cancel_open_steps(incident, command.duty, record))
    if not judged(incident, command.duty, record, now, library):
        return done
    act = TwoPersonAct(kind="decide", by=by, reason=record.reason, duty=command.duty, record=record)
    return with_second(incident, act, done, library.alone, second)


def _as_it_was(
    incident: Incident, command: c.RecordDuty, by: str
) -> tuple[tuple[e.AnyEvent, ...], DutyRecord]:
    """Return counsel's decision on a text that was out of date when it was filed, and the record with its reason."""
    record = command.record
    filed = [d for d in incident.documents.values() if record.digest and d.digest == record.digest]
    if not filed:
        return (), record
    if not record.reason.strip():
        refuse_unverified(incident, filed[-1])
    record = msgspec.structs.replace(record, accepted=open_items(incident, filed[-1]))
    word = passed(incident, filed[-1], by, command.as_it_was, record.at)
    known = filed[-1].as_it_was
    reason = command.as_it_was.strip() or (known.reason if known is not None else "")
    return word, msgspec.structs.replace(record, as_it_was=reason)


def _not_yet(incident: Incident, watch: Expression) -> None:
    """Raise Refused if the watched condition of a decision cannot become true: the decision would be revoked at once."""
    view = View(nested(incident.facts))
    if truth(watch, view) is not True:
        return
    known = ((path, view.fact(path)) for path in watch.facts)
    facts = ", ".join(f"{path} is {_shown(value)}" for path, value in known if not isinstance(value, Unknown))
    raise Refused(
        f"The watched condition is true already: {watch.source}{f' ({facts})' if facts else ''}.",
        hint="Decide on the current facts, or watch for another condition.",
        code="watch",
    )


def _shown(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _file_steps(incident: Incident, command: c.RecordDuty, by: str) -> tuple[e.AnyEvent, ...]:
    """A recorded filing ends the ``file`` step that waited for it; a step that may not start yet stays visible."""
    if not command.step:
        return ()
    invocation = incident.invocations.get(command.step)
    if invocation is None:
        raise NotFound(
            f'Task "{command.step}" does not exist in incident "{incident.codename}".',
            hint=Action("task.list"),
            code="unknown_step",
        )
    if invocation.kind != "file":
        raise Refused(
            f'Task "{command.step}" is of kind {invocation.kind}. A filing belongs to a task of kind file.',
            code="not_a_filing",
        )
    if invocation.over or invocation.state == "waiting":
        return ()
    return (
        e.StepEnded(
            step=command.step,
            state=completion_state(invocation, command.record.at),
            by=by,
            reason=command.record.reference,
            digest=command.record.digest,
        ),
    )
