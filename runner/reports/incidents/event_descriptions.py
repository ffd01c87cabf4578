"""One sentence for each type of journal entry: the text of the timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args

import msgspec

from runner.base.states import MARKS
from runner.decoding import from_json
from runner.facts.vocabulary.register import value_words
from runner.incident.state import events as e
from runner.incident.state.campaigns import AnyCampaignEvent
from runner.incident.state.documents import NoticeEvent
from runner.incident.state.exercise import ExerciseEvent
from runner.incident.state.lifecycle import LifecycleEvent
from runner.reports.campaigns.campaigns import campaign_sentence
from runner.reports.core.custody import custody_sentence
from runner.reports.core.formatting import (
    RECEIPTS,
    as_it_was,
    count,
    moment,
    short_digest,
    signatures,
    span,
    unsigned,
)
from runner.reports.core.second_person import act_words, ground_words
from runner.reports.incidents.domain_descriptions import Way, way
from runner.reports.incidents.domain_descriptions import told_why as _because
from runner.reports.incidents.exercise_descriptions import drill_sentence
from runner.reports.law.duties import assessed_words

_STATES = {
    "done": "done",
    "done_late": "done, late",
    "skipped": "skipped",
    "not_applicable": "not needed",
    "failed": "FAILED",
    "expired": "EXPIRED",
    "cancelled": "cancelled",
    "outcome_unknown": "unknown outcome",
}
DETAILS = (
    e.ScopeOpened,
    e.StepRescheduled,
    e.ActionFilled,
    e.StepBlocked,
    e.AttemptStarted,
    e.StepReminded,
    e.StepChecked,
    e.StepUnchecked,
)
"""Entries that a short timeline does not show: later entries imply them."""


class Words(msgspec.Struct, frozen=True):
    """Names in sentences: the title of each task and the recipient of each delivery."""

    titles: Mapping[str, str]
    recipients: Mapping[str, str]
    channels: Mapping[str, str] = {}
    """``effect|n`` → " over" the channel of that attempt, or " for" the item of an action."""

    def step(self, name: str) -> str:
        """Return the title of a task in quotes, else its id."""
        title = self.titles.get(name)
        return f"‘{title}’" if title else name

    def effect(self, name: str) -> str:
        """Return the subject of an attempt: a message to a person, or a task."""
        person = self.recipients.get(name)
        return f"message to {person}" if person else self.step(name)


def is_detail(event: e.AnyEvent) -> bool:
    """Return whether a short timeline omits this entry."""
    quiet = isinstance(event, e.StepSettled) and event.state == "not_applicable"
    nothing = isinstance(event, e.DutiesAssessed) and not event.changes
    return quiet or nothing or isinstance(event, DETAILS)


def describe(event: e.AnyEvent, words: Words) -> str:
    """Return the sentence for an entry. The timeline shows the actor beside it."""
    if isinstance(event, ExerciseEvent | AnyCampaignEvent):
        return drill_sentence(event) if isinstance(event, ExerciseEvent) else campaign_sentence(event)
    if isinstance(event, _Life):
        return _life(event)
    if isinstance(event, Way):
        return way(event)
    if isinstance(event, _Coming):
        return _coming(event, words)
    if isinstance(event, _Going):
        return _going(event, words)
    if isinstance(event, _AboutStep):
        return _about_step(event, words)
    if isinstance(event, _Message | _Calling):
        return _calling(event, words) if isinstance(event, _Calling) else _message(event, words)
    if isinstance(event, _Attempt):
        return _attempt(event, words)
    if isinstance(event, NoticeEvent | e.CustodyEvent):
        return _notice(event) if isinstance(event, NoticeEvent) else custody_sentence(event)
    return _record(event, words)


_Life = LifecycleEvent | e.BriefGiven | e.CommandTaken


def _life(event: _Life) -> str:
    match event:
        case e.IncidentOpened(codename=codename, title=title, kind=kind):
            mark = "" if kind == "real" else f" as {MARKS[kind]}"
            return f"Incident {codename} opened{mark}: {title}"
        case e.BriefGiven(to=to):
            return f"{to} received the handover brief"
        case e.CommandTaken(by=by, role=role, read_back=words):
            return f"{by} took over as {role}. Read-back: {words}"
        case e.PlaybookPinned(run=run, reason=reason):
            return f"Playbook {run.label} started ({short_digest(run.digest)}){_because(reason)}"
        case e.PlaybookMigrated(run=run, reason=reason):
            steps = (("added", event.added), ("removed", event.removed), ("changed", event.changed))
            moved = ", ".join(f"{len(names)} {word}" for word, names in steps if names) or "no task changed"
            return f"Playbook {run.label.replace(' ', ' updated to ', 1)} ({moved}){_because(reason)}"
        case e.IncidentPaused(reason=reason):
            return f"Automatic work paused{_because(reason)}"
        case e.IncidentResumed(reason=reason, set_aside=why):
            return f"Automatic work resumed{f' after repeated failures ({why})' if why else ''}{_because(reason)}"
        case e.IncidentCancelled(reason=reason):
            return f"Incident cancelled{_because(reason)}"
        case e.IncidentClosed() | e.IncidentReopened() | e.SeveritySet() | e.AccessSet():
            return _said_by(event)


def _said_by(event: e.IncidentClosed | e.IncidentReopened | e.SeveritySet | e.AccessSet) -> str:
    by = event.by or "An unnamed person"
    match event:
        case e.IncidentClosed(reason=reason, left_open=left_open, second=second, dropped=dropped):
            duties = "".join(f"; {duty} stays open: {why}" for duty, why in left_open.items())
            more = f"; also open: {', '.join(dropped)}" if dropped else ""
            return f"Incident closed by {by}{_and(second)}{_because(reason)}{duties}{more}"
        case e.IncidentReopened(reason=reason):
            return f"Incident reopened by {by}{_because(reason)}"
        case e.AccessSet(restricted=closed, reason=reason):
            return f"Incident {'restricted to the people with a role in it' if closed else 'open to roles in the home'} by {by}{_because(reason)}"
        case e.SeveritySet(severity=level, before=before, reason=reason):
            return f"Severity {f'changed from {before}' if before else 'set'} to {level} by {by}{_because(reason)}"


def _and(second: str) -> str:
    return f", confirmed by {second}" if second else ""


_Coming = e.ScopeOpened | e.StepReady | e.ActionFilled | e.StepBlocked | e.StepRescheduled | e.StepReopened


def _coming(event: _Coming, words: Words) -> str:
    match event:
        case e.ScopeOpened(parent=parent, item=item, iteration=iteration):
            which = f" for {item}" if item else (f", round {iteration}" if iteration > 1 else "")
            return f"{words.step(parent)} started{which}"
        case e.StepReady(step=step, state=state, due=due, assignee=assignee):
            verb = "to do" if state == "ready" else "started"
            return f"{words.step(step)} {verb}{f', assigned to {assignee}' if assignee else ''}{_due(due)}"
        case e.ActionFilled(step=step, items=items, by_hand=hand):
            names = ", ".join(item.name for item in items) or "no items"
            return f"{words.step(step)}: {'to do by hand' if hand else 'requests filled'} for {names}"
        case e.StepBlocked(step=step, missing=missing):
            return f"{words.step(step)} blocked, missing facts: {', '.join(missing)}"
        case e.StepRescheduled(step=step, due=due, reason=reason):
            return f"{words.step(step)} rescheduled{_due(due)}{_because(reason)}"
        case e.StepReopened(step=step, reason=reason):
            return f"{words.step(step)} reopened{_because(reason)}"


_Going = (
    e.TaskAdded
    | e.StepStarted
    | e.StepChecked
    | e.StepUnchecked
    | e.StepEnded
    | e.StepSettled
    | e.StepAssigned
)


def _going(event: _Going, words: Words) -> str:
    match event:
        case e.TaskAdded(task=task, by=by):
            return f"{by or 'An unnamed person'} added the task ‘{task.title or task.words}’"
        case e.StepStarted(step=step, by=by):
            return f"{by or 'An unnamed person'} started {words.step(step)}"
        case e.StepChecked(step=step, row=row, by=by):
            done = f"as done{' (all items at once)' if event.at_once else ''}"
            return f"{by or 'An unnamed person'} marked item {row + 1} of {words.step(step)} {done}"
        case e.StepUnchecked(step=step, row=row, by=by):
            return f"{by or 'An unnamed person'} marked item {row + 1} of {words.step(step)} as not done"
        case e.StepEnded(step=step, state=state, by=by, reason=reason, at_once=rows):
            who = f" by {by}" if by else ""
            ticked = f", {count(rows, 'checklist item')} marked done at once" if rows else ""
            return f"{words.step(step)} {_STATES.get(state, state)}{who}{ticked}{_because(reason)}"
        case e.StepSettled(step=step, state=state, why=why):
            return f"{words.step(step)} {_STATES.get(state, state)}{_because(why)}"
        case e.StepAssigned(step=step, to=to, reason=reason):
            return f"{words.step(step)} assigned to {to}{_because(reason)}"


def _due(due: datetime | None) -> str:
    return f", internal target {moment(due)}" if due else ""


_AboutStep = (
    e.StepCommented
    | e.StepStuck
    | e.StepRetried
    | e.StepOverdue
    | e.DeputiesNamed
    | e.StepReminded
    | e.ReminderFailed
    | e.ApprovalGiven
    | e.ApprovalVoided
)


def _about_step(event: _AboutStep, words: Words) -> str:
    match event:
        case e.StepCommented(step=step, by=by, text=text):
            return f"{by or 'An unnamed person'} commented on {words.step(step)}: {text}"
        case e.StepStuck(step=step, why=why):
            return f"{words.step(step)} is BLOCKED{_because(why)}"
        case e.StepRetried(step=step, reason=reason):
            return f"{words.step(step)} retried{_because(reason)}"
        case e.StepOverdue(step=step, escalate_to=role):
            return f"{words.step(step)} is OVERDUE{f'; the role {role} is alerted' if role else ''}"
        case e.DeputiesNamed(step=step, deputies=deputies, without_deputy=without):
            named = [f"{one.person} may approve as deputy for {' and '.join(one.roles)}" for one in deputies]
            return (
                f"{words.step(step)}: {'; '.join((*named, *(f'no deputy for {role}' for role in without)))}"
            )
        case e.StepReminded(step=step, count=number):
            return f"Reminder {number} for {words.step(step)}"
        case e.ReminderFailed(step=step, count=number, why=why):
            return f"Reminder {number} for {words.step(step)} could NOT be sent{_because(why)}"
        case e.ApprovalGiven(step=step, by=by, role=role, digest=digest, approved=approved, reason=reason):
            verb = "approved" if approved else "REJECTED"
            proof = f", verified by {event.proven_by}" if event.proven_by else ""
            what = f"{short_digest(digest)} in {words.step(step)}"
            return f"{by} ({role}{proof}) {verb} {what}{_because(reason)}"
        case e.ApprovalVoided(step=step, old=old, new=new):
            return f"{words.step(step)}: approval void, new approval required: {short_digest(old)} changed to {short_digest(new) or 'unknown'}"


_Message = (
    e.MessageComposed
    | e.DeliveriesReplanned
    | e.ReplanAsked
    | e.ReplanFailed
    | e.DeliveryEnded
    | e.DeliveryStuck
    | e.EvidenceRaised
    | e.ReceiptTaken
    | e.DeliveryResent
)


def _message(event: _Message, words: Words) -> str:
    match event:
        case e.MessageComposed():
            return _composed(event, words)
        case e.DeliveriesReplanned(plans=plans, reason=reason):
            moved = "; ".join(f"{p.person} over {', '.join(p.channels) or 'no channel'}" for p in plans)
            return f"Deliveries planned again: {moved or 'no plan changed'}{_because(reason)}"
        case e.ReplanAsked(person=person):
            return f"{person}: contacts changed. Open deliveries are planned again"
        case e.ReplanFailed(why=why, retry_at=retry_at):
            return f"Deliveries could NOT be planned again; next attempt {moment(retry_at)}{_because(why)}"
        case e.DeliveryEnded(delivery=name, state=state, why=why):
            end = {"satisfied": "reached", "exhausted": "NOT REACHED", "cancelled": "cancelled"}[state]
            return f"{_start(words.effect(name))}: {end}{_because(why)}"
        case e.DeliveryStuck(delivery=name, why=why):
            return f"{_start(words.effect(name))} stopped{_because(why)}"
        case e.EvidenceRaised(delivery=name, evidence=evidence, by=by, via=via, note=note):
            how = f" by {via}" if via else ""
            who = f", recorded by {by}" if by else ""
            proved = {"none": "not reached", "acked": "acknowledged"}.get(evidence, evidence)
            return f"{_start(words.effect(name))}: {proved}{how}{who}{_because(note)}"
        case e.ReceiptTaken():
            over = words.channels.get(f"{event.delivery}|{event.n}", "")
            code = f" ({event.code})" if event.code else ""
            receipt = f"{RECEIPTS.get(event.kind, event.kind)}{code}"
            return f"{_start(words.effect(event.delivery))}: receipt for attempt {event.n}{over}: {receipt}"
        case e.DeliveryResent(delivery=name, reason=reason):
            return f"{_start(words.effect(name))} resent{_because(reason)}"


def _composed(event: e.MessageComposed, words: Words) -> str:
    to = ", ".join(event.to)
    if event.about:
        return f"Notice of acknowledgement of {event.about} to {to}"
    refused = sum(len(plan.refusals) for plan in event.plans)
    without = f"; {count(refused, 'channel')} blocked" if refused else ""
    later = ", ".join(plan.person for plan in event.plans if plan.level)
    else_ = f"; escalation contact: {later}" if later else ""
    what = "Reminder" if event.reason == "reminder" else "Message"
    topic = "the time" if event.message.startswith("m-time-") else "legal deadlines"
    by_hand = f"written by {event.requested_by}" if event.requested_by else f"about {topic}"
    about = f"of {words.step(event.step)}" if event.step else by_hand
    opener = f"; not paged, opened the incident: {', '.join(event.filled)}" if event.filled else ""
    opener += f"; alerted already: {', '.join(event.alerted)}" if event.alerted else ""
    nobody = f"; nobody has the role {', '.join(event.unheld)}" if event.unheld else ""
    sentence = (
        f"{what} {about} to {to or 'nobody'} ({event.message_class.name}){without}{else_}{opener}{nobody}"
    )
    late = f"; {span(event.late_by)} after the promised time" if event.late_by else ""
    return f"{sentence}{late}" + (f"; next update {moment(event.next_update)}" if event.next_update else "")


_Calling = e.LevelFired | e.DeliveryReminded | e.CallOwed | e.AnnouncementDropped


def _calling(event: _Calling, words: Words) -> str:
    match event:
        case e.LevelFired(message=name, level=level, late_by=late, passed_over=missed):
            behind = f", {span(late)} late" if late.total_seconds() >= 1 else ""
            over = f"; level {', '.join(map(str, missed))} skipped" if missed else ""
            return f"No acknowledgement of {name}: level {level} alerted{behind}{over}"
        case e.DeliveryReminded(delivery=name, count=n, why=why):
            return f"{_start(words.effect(name))}: reminder {n}{_because(why)}"
        case e.CallOwed(persons=persons, why=why):
            return f"CALL REQUIRED to {', '.join(persons)}{_because(why)}"
        case e.AnnouncementDropped(message=name, why=why):
            return f"Notice of acknowledgement of {name} could NOT be sent{_because(why)}"


_ENDS = {"unknown": "UNKNOWN OUTCOME", "screen": "shown on this screen only"}
_Attempt = e.AttemptStarted | e.AttemptEnded | e.AttemptResolved


def _attempt(event: _Attempt, words: Words) -> str:
    match event:
        case e.AttemptStarted(effect=effect, n=n, channel=channel):
            way = (f" over {channel}" if channel else "") or words.channels.get(f"{effect}|{n}", "")
            return f"{_start(words.effect(effect))}: attempt {n}{way} started"
        case e.AttemptEnded(effect=effect, n=n, state=state, reason=reason, resolved_by=by):
            said = f", recorded by {by}" if by else ""
            return f"{_start(words.effect(effect))}: attempt {n}{words.channels.get(f'{effect}|{n}', '')} {_ENDS.get('screen' if event.screen else state, state.replace('_', ' '))}{said}{_because(reason)}"
        case e.AttemptResolved(effect=effect, n=n, by=by, reason=reason):
            return f"{by or 'An unnamed person'} resolved attempt {n} of {words.effect(effect)}{_because(reason)}"


def _start(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("message") else text


_Correction = e.EventCorrected | e.PrivilegedEventCorrected
_Agreement = e.ActedOnBehalf | e.BehalfConfirmed | e.SecondPersonAsked | e.SecondPersonConfirmed
_Record = (
    e.FactsRecorded
    | e.DutiesAssessed
    | e.DutyRecorded
    | e.NoteAdded
    | e.PrivilegedNoteAdded
    | _Correction
    | _Agreement
)


def _record(event: _Record, words: Words) -> str:
    match event:
        case e.FactsRecorded(facts=facts, step=step, grounds=grounds, second=second):
            said = "; ".join(_fact(fact) for fact in facts)
            asked = f" (answer to {words.step(step)})" if step else ""
            return f"{said}{asked}{_and(second)}{_because(grounds)}"
        case e.DutiesAssessed(changes=changes, because=because):
            moved = assessed_words(changes)
            cause = f" (because of {', '.join(because)})" if because else ""
            return f"Duties assessed: {moved}{cause}"
        case e.DutyRecorded(duty=duty, record=record):
            proof = record.reference or record.receipt
            with_proof = f", proof {proof}" if proof else ""
            late = f", reason for the delay: {record.late_reason}" if record.late_reason else ""
            text = f", text {short_digest(record.digest)}" if record.digest else ""
            done = f"{record.kind.replace('_', ' ')}{ground_words(record.ground, record.evidence)}{signatures(record.signed)}{with_proof}{text}{late}{unsigned(record.unsigned, record.accepted)}{as_it_was(record.as_it_was)}"
            again = f"; open again if {record.watch.source}" if record.watch is not None else ""
            return f"{duty}: {done}{_because(record.reason)}{again}"
        case e.NoteAdded(text=text, about=about) | e.PrivilegedNoteAdded(text=text, about=about):
            return f"Note{f' (about {moment(about)})' if about else ''}: {text}"
        case e.EventCorrected(seq=seq, reason=reason):
            return f"Entry {seq} marked as wrong{_because(reason)}"
        case _:
            return _agreement(event)


def _agreement(event: _Agreement) -> str:
    match event:
        case e.ActedOnBehalf(first=first, person=person, by=by, via=via):
            return f"{by} acted on behalf of {person} via {via} from entry {first} to this entry. Provisional until {person} confirms"
        case e.BehalfConfirmed(first=first, by=by):
            return f"{by} confirmed the entries on their behalf from entry {first}"
        case e.SecondPersonAsked(act=act):
            stands = (
                f"NO SECOND PERSON: {act.alone}" if act.alone else "awaiting confirmation by a second person"
            )
            return f"{act.by} wants to {act_words(act)}, {stands}{_because(act.reason)}"
        case e.SecondPersonConfirmed(entry=entry, by=by):
            return f"{by} confirmed entry {entry} as the second person"


def _notice(event: NoticeEvent) -> str:
    match event:
        case e.DocumentRendered(notice=notice, version=version, digest=digest, gaps=gaps, status=status):
            holes = f", {count(len(gaps), 'missing item')}" if gaps else ""
            return f"Notice {notice} {version} generated as {status}{holes} ({short_digest(digest)})"
        case e.NoticeOverridden(digest=digest, by=by, reason=reason, items=items):
            lacks = "; ".join(items)
            return f"Notice {short_digest(digest)} OVERRIDDEN by {by}{_because(reason)} (accepted: {lacks})"
        case e.NoticeKept(digest=digest, by=by, reason=reason, facts=facts):
            since = ", ".join(facts)
            return f"Notice {short_digest(digest)} accepted AS IT WAS by {by}{_because(reason)} (changed facts: {since}; a supplement is required)"
        case e.LettersSigned(kind="mailed", people=people, mailed=mailed, by=by, reason=reason):
            return f"{by} signed off {mailed:,} mailed letters of {people:,}{_because(reason)}"
        case e.LettersSigned(run=run, people=people, texts=texts, samples=samples, by=by):
            read = f"{count(len(texts), 'text')}, after reading {count(len(samples), 'sample')}"
            return f"{by} approved {people:,} letters ({run}) in {read}"
        case e.NoticeTicked(digest=digest, by=by, items=items, reason=reason):
            return f"Notice {short_digest(digest)} verified by {by}{_because(reason)}: {'; '.join(items)}"
        case e.NoticeAdopted(digest=digest, by=by, base=base, tracked=tracked):
            taken = f", {count(tracked, 'tracked change')} accepted" if tracked else ""
            return f"Text of notice {short_digest(digest)} imported from a Word file by {by}, compared with {short_digest(base)}{taken}"


def _fact(change: e.FactChange) -> str:
    estimate = f" ({change.confidence})" if change.confidence != "confirmed" else ""
    return f"{change.key} = {value_words(from_json(change.value))}{estimate}"


_KINDS: Mapping[str, Sequence[object]] = {
    "incident": (_Life,),
    "task": (_Coming, _Going, _AboutStep),
    "approval": (e.ApprovalGiven, e.ApprovalVoided),
    "notice": (NoticeEvent,),
    "fact": (e.FactsRecorded,),
    "duty": (e.DutiesAssessed, e.DutyRecorded),
    "note": (e.NoteAdded, e.PrivilegedNoteAdded, e.CustodyEvent, _Correction),
    "people": (Way, _Agreement),
    "message": (_Message, _Calling, _Attempt, e.ChannelsSwitched),
    "exercise": (ExerciseEvent,),
    "campaign": (AnyCampaignEvent,),
}
KINDS = tuple(_KINDS)
"""The kinds of entries that a reader can choose; if two kinds name an event, the later kind applies."""
_KIND_OF: Mapping[str, str] = {
    arg.__name__: kind
    for kind, unions in _KINDS.items()
    for union in unions
    for arg in get_args(union) or (union,)
}


def kind_of(event_type: str) -> str:
    """Return the kind of entry for the name of an event type."""
    return _KIND_OF.get(event_type, "")
