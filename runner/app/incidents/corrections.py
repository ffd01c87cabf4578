"""Taking an entry back: it stays, marked as wrong, and its effect is reversed; or it is refused with the command that does that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import Refused
from runner.incident.law.moved_deadlines import moves
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.exercise import ObservationMade
from runner.incident.state.incident import Incident
from runner.playbook.format import PEOPLE, QUESTIONS
from runner.reports.incidents.event_descriptions import describe
from runner.reports.incidents.timeline import words_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import StoredEvent, Turn

_MARKED = (
    e.NoteAdded, e.StepCommented, ObservationMade, e.EvidenceAttached, e.ExhibitDescribed, e.ExhibitHandedOver,
    e.ExhibitReceived, e.ExhibitDiffered, e.DutyRecorded, e.RuleOverridden, e.ActedOnBehalf,
)  # fmt: skip
"""Entries that a mark alone takes back: they are words only, or the fold reverses them."""
_REVERSED = (
    e.StepReopened, e.StepChecked, e.StepUnchecked, e.StepEnded, e.FactsRecorded, e.DeliveryResent, e.SeveritySet,
    e.AccessSet,
)  # fmt: skip
_NEWEST = (e.RoleAssigned, e.SeveritySet, e.AccessSet, e.EvidenceRaised, e.DeliveryResent, e.DomainDeclared)
"""Entries that end the effect of an earlier one about the same role, delivery or domain."""
_FACTS = e.FactsRecorded.__name__
_REOPEN = "tocsin task reopen {0.step} --reason WHY"
_COMMANDS: Mapping[type, str] = {
    **dict.fromkeys((e.StepEnded, e.StepSettled, e.StepChecked), _REOPEN),
    e.StepAssigned: "tocsin task assign {0.step} PERSON --reason WHY",
    e.FactsRecorded: "tocsin fact set {0.facts[0].key}=VALUE --source SOURCE --grounds WHY",
    e.EvidenceRaised: "tocsin call {0.delivery} --reached",
    e.DomainDeclared: "tocsin domain declare-up {0.domain} --reason WHY, or: tocsin domain declare-down {0.domain}",
    e.SeveritySet: "tocsin severity LEVEL",
    e.IncidentPaused: "tocsin resume",
    e.IncidentClosed: "tocsin reopen --reason WHY",
    e.ApprovalGiven: "tocsin reject {0.step} --reason WHY",
}
"""The command that takes back what an event did, if no mark does."""
_AFTER_THE_END = (e.FactsRecorded, e.SeveritySet, e.IncidentClosed)
"""Those whose command a closed incident accepts."""


class Corrected(NamedTuple):
    """What a correction marks: for a proposal, the decision that a second person made of it."""

    entry: int
    reopened: tuple[str, ...]
    """The duties that are open again."""
    commands: tuple[c.AnyCommand, ...]
    """The commands that reverse the effect."""


def corrected_by(service: IncidentService, incident: Incident, entry: int) -> Corrected:
    """Return what a correction of an entry would mark and reverse; raises Refused with the command that does it instead."""
    entry = decision_of(incident, entry) or entry
    duties = (duty for duty in incident.duties.values() if duty.record is not None)
    rows = list(service.read(service.principal).events(incident))[: incident.version]
    back = taken_back(service, incident, rows, entry) if 1 <= entry <= len(rows) else ()
    return Corrected(entry, tuple(duty.id for duty in duties if duty.entry == entry), back)


def correct(
    service: IncidentService, name: str, entry: int, reason: str
) -> tuple[Turn, Corrected, tuple[str, ...]]:
    """Take an entry back; return the turn, what was marked, and what else changed, in sentences.

    Raises Refused without a reason, for an entry that does not exist, or with the command that takes it back.
    """
    found = Corrected(entry, (), ())

    def make(incident: Incident) -> tuple[c.AnyCommand, ...]:
        nonlocal found
        found = corrected_by(service, incident, entry)
        return (*found.commands, c.CorrectEvent(seq=found.entry, reason=reason))

    turn = service.act(service.principal, name, make)
    return turn, found, reversed_words(service, turn.after, [one.event for one in turn.events])


def reversed_words(
    service: IncidentService, incident: Incident, events: Sequence[e.AnyEvent]
) -> tuple[str, ...]:
    """Return the sentences of the events that reversed an effect."""
    words = words_of(incident, service.library(incident))
    return tuple(describe(event, words) for event in events if isinstance(event, _REVERSED))


def taken_back(
    service: IncidentService, incident: Incident, rows: Sequence[StoredEvent], entry: int
) -> tuple[c.AnyCommand, ...]:
    """Return the commands that reverse an entry; none if it has no effect any more, or if its mark reverses it.

    Raises Refused with the command that does it instead.
    """
    row = rows[entry - 1]
    event = event_of(row) if row.payload is not None else None  # withheld, or erased
    if event is None or isinstance(event, _MARKED) or _is_over(incident, event, rows[entry:]):
        return ()
    asked, unconfirmed = incident.second_person.get(entry), incident.unconfirmed.values()
    waits = asked is not None and (asked.state == "awaiting" or asked.act.record is not None)
    if waits or (isinstance(event, e.SecondPersonAsked) and asked is None):
        return ()
    back = _back(service, incident, event, rows, entry)
    if back is None and any(one.first <= entry <= one.last for one in unconfirmed):
        return ()
    if back is None:
        words = words_of(incident, service.library(incident))
        raise Refused(
            f"Entry {entry} cannot be taken back: {describe(event, words)}.",
            hint=_instead(incident, event, rows[: entry - 1]),
            code="cannot_undo",
        )
    return back


def event_of(row: StoredEvent) -> e.AnyEvent:
    """Return the event of an entry."""
    return e.decode(row.payload or b"")


def _about(event: e.AnyEvent) -> tuple[str, str]:
    """Return what an event is about: a later one about the same replaces it."""
    name = getattr(event, "role", getattr(event, "domain", ""))
    return getattr(event, "delivery", type(event).__name__), name


def _is_over(incident: Incident, event: e.AnyEvent, later: Sequence[StoredEvent]) -> bool:
    """Tell whether an entry has no effect any more, because of a later one."""
    match event:
        case e.StepChecked(step=step, row=row):
            return row not in incident.invocations[step].checked
        case e.StepUnchecked(step=step, row=row):
            return row in incident.invocations[step].checked
        case e.StepEnded(step=step, state=state):
            one = incident.invocations[step]
            return one.state != state or incident.latest[f"{one.scope}|{one.step}"] != step
        case e.TaskAdded(scope=scope, task=task):
            return incident.invocations[incident.latest[f"{scope}|{task.id}"]].over
        case _ if isinstance(event, _NEWEST):
            names = {kind.__name__ for kind in _NEWEST}
            newer = (event_of(row) for row in later if row.type in names and row.payload)
            return any(_about(one) == _about(event) for one in newer)
        case _:
            return False


def _back(
    service: IncidentService, incident: Incident, event: e.AnyEvent, rows: Sequence[StoredEvent], entry: int
) -> tuple[c.AnyCommand, ...] | None:
    """Return the commands that restore the state before the event of an entry; None if there are none."""
    match event:
        case e.StepChecked(step=step, row=row) | e.StepUnchecked(step=step, row=row):
            again = c.CheckRow(step=step, row=row, done=isinstance(event, e.StepUnchecked))
            return None if incident.invocations[step].over else (again,)
        case e.StepEnded(step=step) if incident.invocations[step].kind in PEOPLE - {"approve"}:
            answer = _answer(service, incident, step, rows, entry)
            return answer or tuple(_reopened(incident, (step,)))
        case e.AccessSet(restricted=restricted):
            return (c.SetAccess(restricted=not restricted, reason="taken back"),)
        case e.SeveritySet(before=before) if before:
            return (c.SetSeverity(severity=before, reason="taken back"),)
        case e.TaskAdded(scope=scope, task=task):
            return (c.CancelStep(step=incident.latest[f"{scope}|{task.id}"], reason="taken back"),)
        case e.EvidenceRaised(delivery=name, evidence=evidence) if evidence != "none":
            return (c.Resend(delivery=name, reason="taken back"),)
        case e.FactsRecorded():
            return _facts(service, incident, event, rows, entry)
        case _:
            return None


def _answer(
    service: IncidentService, incident: Incident, step: str, rows: Sequence[StoredEvent], entry: int
) -> tuple[c.AnyCommand, ...]:
    """Return the commands that take back the answer that ended a question with this entry."""
    if incident.invocations[step].kind not in QUESTIONS:
        return ()
    said = ((row.seq, event_of(row)) for row in reversed(rows[:entry]) if row.type == _FACTS and row.payload)
    for number, event in said:
        if isinstance(event, e.FactsRecorded) and step in (event.step, *event.answers):
            return taken_back(service, incident, rows, number)
    return ()


def _facts(
    service: IncidentService,
    incident: Incident,
    event: e.FactsRecorded,
    rows: Sequence[StoredEvent],
    entry: int,
) -> tuple[c.AnyCommand, ...] | None:
    """Return the commands that restore the values before; None if a second person is needed for one of them."""
    mine = [change for change in event.facts if incident.fact_events[change.key] == entry]
    if not mine:
        return ()
    changes = _before(rows, entry, mine)
    now, library = service.now_in(incident), service.library(incident)
    positions = any(change.key.startswith("claims.") for change in changes)
    if positions or any(move.later for move in moves(incident, changes, now, library)):
        return None
    asked = [name for name in (event.step, *event.answers) if name]
    forms = tuple(name for name in asked if incident.invocations[name].kind == "form")
    record = c.RecordFacts(changes=changes, grounds="taken back", reopens=forms)
    return (record, *_reopened(incident, asked if incident.state in ("open", "paused") else ()))


def _reopened(incident: Incident, steps: Sequence[str]) -> Iterator[c.ReopenStep]:
    for step in steps:
        one = incident.invocations[step]
        newest = incident.latest[f"{one.scope}|{one.step}"] == step
        if one.over and newest:
            yield c.ReopenStep(step=step, reason="taken back", keeps=True)


def _before(
    rows: Sequence[StoredEvent], entry: int, facts: Sequence[e.FactChange]
) -> tuple[e.FactChange, ...]:
    """Return the earlier values of the same facts that nobody marked as wrong; unknown if there is none."""
    known = {change.key: e.FactChange(key=change.key) for change in facts}
    read = (_FACTS, e.EventCorrected.__name__)
    told = [(row.seq, event_of(row)) for row in rows if row.type in read and row.payload]
    wrong = {event.seq for _, event in told if isinstance(event, e.EventCorrected)}
    for number, event in told:
        if isinstance(event, e.FactsRecorded) and number < entry and number not in wrong:
            known |= {change.key: change for change in event.facts if change.key in known}
    return tuple(known.values())


def _instead(incident: Incident, event: e.AnyEvent, rows: Sequence[StoredEvent]) -> str:
    """Return the one command that takes back what an event did after these entries."""
    asked = incident.second_person.get(len(rows) + 1)
    asked = incident.second_person[event.entry] if isinstance(event, e.SecondPersonConfirmed) else asked
    if asked is not None and asked.act.kind == "close":
        return _COMMANDS[e.IncidentClosed]
    if isinstance(event, e.RoleAssigned):
        held = (event_of(row) for row in rows if row.type == e.RoleAssigned.__name__)
        before = [one.persons for one in held if isinstance(one, e.RoleAssigned) and one.role == event.role]
        found = f"tocsin role assign {event.role} {' '.join(before[-1]) if before else 'PERSON'}"
    else:
        found = _COMMANDS.get(type(event), "").format(event)
    if not found:
        return "Say in a note what is wrong: tocsin note TEXT"
    late = incident.state == "closed" and not isinstance(event, _AFTER_THE_END)
    return f"{_COMMANDS[e.IncidentClosed]}, then: {found}" if late else found


def decision_of(incident: Incident, proposal: int) -> int:
    """Return the entry of the decision that a second person made of a proposal; 0 without one that counts."""
    asked = incident.second_person.get(proposal)
    duty = incident.duties.get(asked.act.duty) if asked is not None and asked.state != "awaiting" else None
    if asked is None or duty is None or duty.record is None or asked.act.record is None:
        return 0
    wanted, found = asked.act.record, duty.record
    same = (wanted.kind, wanted.reason) == (found.kind, found.reason) and duty.entry > proposal
    return duty.entry if same else 0
