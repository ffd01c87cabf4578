"""Decision to close an incident: what is open is named, and a duty that is open or may apply needs two people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from runner.actions import Action
from runner.base.text import near_hint
from runner.errors import Problem, Refused, reason_given
from runner.incident.law.duties import LIVE, local_words, near_statuses
from runner.incident.people.second_person import guarded, with_second
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.expression_view import title_of
from runner.incident.state.incident import DutyView, Incident
from runner.incident.state.library import Library
from runner.incident.state.second_person import TwoPersonAct
from runner.law.duty import DutyStatus

_ORGANISATION = ("organisation.country", "organisation.role")


def closed(
    incident: Incident, command: c.Close, by: str, now: datetime, library: Library, second: str = ""
) -> tuple[e.AnyEvent, ...]:
    """Return the end of an incident, or the request to a second person; raises Refused, with all open work."""
    owed = left_open(incident, now, library)
    reason, reasons = command.reason.strip(), _reasons(command, owed)
    found = tuple(_open(incident, owed, library, now))
    work = found or any(not invocation.over for invocation in incident.invocations.values())
    unsaid = [status for status in owed if status.id not in reasons]
    if (owed and (unsaid if guarded(incident) else not reason)) or (work and not reason):
        raise _refusal(incident, owed, found)
    ended: tuple[e.AnyEvent, ...] = (
        *_kept(incident),
        e.IncidentClosed(
            by=by,
            reason=reason,
            left_open=reasons,
            second=second,
            dropped={one.file: one.message for one in found if one.code != "open_duty"},
        ),
    )
    clocks = {*_ORGANISATION, *(one.id for one in incident.duties.values() if one.due)} - reasons.keys()
    doubts = {name: why for name, why in _doubts(incident, library).items() if name in clocks}
    if not owed and not doubts:
        return ended
    act = TwoPersonAct(kind="close", by=by, reason=reason, left_open=reasons, doubts=doubts)
    return with_second(incident, act, ended, library.alone, second)


def _kept(incident: Incident) -> Iterator[e.AnyEvent]:
    """Yield the word that each domain that a person declared stays compromised after a real incident."""
    for domain in incident.domains.values() if incident.kind == "real" else ():
        own = domain.own
        if own is not None and own.state == "compromised" and not (own.assumed or own.kept):
            yield e.event_of(e.DomainDeclared, own, domain=own.name, kept=True, reason="the incident ended")


def cancelled(
    incident: Incident, reason: str, by: str, now: datetime, library: Library, second: str = ""
) -> tuple[e.AnyEvent, ...]:
    """Return the cancellation, or the request to a second person if the law is undetermined in a real incident.

    Raises Refused with duties that apply and are not done: a close gives reasons for each.
    """
    ended: tuple[e.AnyEvent, ...] = (*_kept(incident), e.IncidentCancelled(reason=reason))
    if incident.kind != "real":
        return ended
    owed = left_open(incident, now, library)
    if owed:
        raise Refused(
            f"{_count(len(owed), 'legal duties', 'legal duty')} {'is' if len(owed) == 1 else 'are'} not done.",
            hint="Close it instead: tocsin close --reason WHY --leave-open DUTY=WHY",
            code="open_duties",
            problems=tuple(_open(incident, owed, library, now)),
        )
    doubts = _doubts(incident, library)
    if not doubts:
        return ended
    act = TwoPersonAct(kind="cancel", by=by, reason=reason, left_open=doubts)
    return with_second(incident, act, ended, library.alone, second)


def _doubts(incident: Incident, library: Library) -> dict[str, str]:
    """Return what may be owed in a real incident: undetermined duties, and what nobody said about the organisation."""
    if incident.kind != "real":
        return {}
    known = {name: one.value for name, one in incident.facts.items()}
    unsaid = [fact for fact in _ORGANISATION if library.regimes and not known.get(fact)]
    return {
        **dict.fromkeys(unsaid, "unknown: without it no deadline can be shown"),
        **{one.id: f"undetermined: {', '.join(one.missing)}" for one in undetermined(incident)},
    }


def undetermined(incident: Incident) -> list[DutyView]:
    """Return the duties that may apply: facts are missing, and no person decided."""
    duties = incident.duties.values()
    return [one for one in duties if one.verdict == "unknown" and one.in_sight and one.record is None]


def left_open(incident: Incident, now: datetime, library: Library) -> list[DutyStatus]:
    """Return the duties of a law in force that apply and are not done, in order of due time."""
    if not library.regimes:
        return []
    applied = {name for name, one in incident.duties.items() if one.applied}  # an answer may be unknown since
    found = near_statuses(incident, now, library)
    statuses = [one for one in found if is_open(one) or (one.id in applied and is_doubtful(one))]
    far = datetime.max.replace(tzinfo=UTC)
    return sorted(statuses, key=lambda duty: (duty.due or far, duty.id))


def still_running(incident: Incident, now: datetime, library: Library) -> list[DutyStatus]:
    """Return the open duties, and the undetermined ones with a deadline: their clocks run all the same."""
    owed = left_open(incident, now, library)
    known = {one.id for one in owed}
    near = near_statuses(incident, now, library) if library.regimes else ()
    return owed + [one for one in near if one.due and is_doubtful(one) and one.id not in known]


def open_work(incident: Incident, now: datetime, library: Library) -> tuple[Problem, ...]:
    """Return all that is open: duties of a law in force, undetermined duties, messages, campaigns, requests, domains, and tasks."""
    return tuple(_open(incident, left_open(incident, now, library), library, now))


def is_open(duty: DutyStatus) -> bool:
    """Tell whether a duty applies and is not done."""
    return duty.verdict == "applies" and duty.state in LIVE and duty.in_sight


def is_doubtful(duty: DutyStatus) -> bool:
    """Tell whether a near duty is undetermined and not done."""
    return duty.verdict == "unknown" and duty.state in LIVE and duty.in_sight


def _reasons(command: c.Close, owed: Sequence[DutyStatus]) -> dict[str, str]:
    known = [status.id for status in owed]
    for duty, reason in command.leave_open.items():
        if duty not in known:
            raise Refused(
                f'Duty "{duty}" is not open in this incident.',
                hint=near_hint(duty, known) or Action("duty.list"),
                code="unknown_duty",
            )
        reason_given(reason, f'The reason to leave duty "{duty}" open', f"Add --leave-open {duty}=WHY")
    return {duty: reason.strip() for duty, reason in command.leave_open.items()}


def _refusal(incident: Incident, owed: Sequence[DutyStatus], problems: tuple[Problem, ...]) -> Refused:
    begun = [invocation for invocation in incident.invocations.values() if not invocation.over]
    later = sum(invocation.state == "waiting" for invocation in begun)
    counts = (_count(len(owed), "legal duties", "legal duty"), _count(len(begun), "tasks", "task"))
    verb = "is" if len(owed) + len(begun) == 1 else "are"
    words = [f"{' and '.join(count for count in counts if count)} {verb} not done."]
    if not any(counts):
        undetermined = any(problem.code == "undetermined_duty" for problem in problems)
        words = ["Legal duties are undetermined." if undetermined else "Not everything is done."]
    words += [f"Not started: {_count(later, 'tasks', 'task')}."] if later else []
    first = next((status.due for status in owed if status.due is not None), None)
    words += [f"Next deadline: {local_words(first, incident)}."] if first else []
    hint = "To close with open tasks, add --reason WHY"
    if owed and guarded(incident):
        each = " ".join(f"--leave-open {status.id}=WHY" for status in owed)
        hint = f"tocsin close --reason WHY {each}. Counsel or an executive then runs: tocsin confirm ENTRY"
    return Refused(" ".join(words), hint=hint, code="open_work", problems=problems)


def _count(number: int, many: str, single: str) -> str:
    return f"{number} {single if number == 1 else many}" if number else ""


def _open(
    incident: Incident, owed: Sequence[DutyStatus], library: Library, now: datetime
) -> Iterator[Problem]:
    """Yield all that is open, by name: duties, deliveries, campaigns, requests, compromised domains, and tasks."""
    for duty in owed:
        due = f"due {local_words(duty.due, incident)}" if duty.due else duty.standard or "no fixed deadline"
        late = ", OVERDUE" if duty.due is not None and duty.due < now else ""
        yield _problem(duty.id, "open_duty", f"{duty.citation or duty.id}, to {duty.recipient}, {due}{late}")
    for name, why in _doubts(incident, library).items():
        code = "organisation_unknown" if name in _ORGANISATION else "undetermined_duty"
        yield _problem(name, code, why, "warning")
    for name in sorted(incident.moving):
        yield _problem(name, "open_message", f"message to {incident.deliveries[name].person}", "warning")
    yield from _under_way(incident)
    later = {one.id for one in incident.invocations.values() if one.kind == "approve" and not one.over}
    for name in sorted(incident.active | later):
        step = library.step(incident, name)
        code = "open_approval" if incident.invocations[name].kind == "approve" else "open_task"
        yield _problem(name, code, title_of(step), "warning")


def _under_way(incident: Incident) -> Iterator[Problem]:
    """Yield campaigns, requests to other people, and compromised domains."""
    for campaign in incident.campaigns.values():
        if campaign.state != "done":
            words = f"notice to {_count(campaign.owed, 'people', 'person') or 'nobody'} is {campaign.state}"
            yield _problem(campaign.id, "open_campaign", words, "warning")
    for behalf in incident.unconfirmed.values():
        words = f"{behalf.person} has not confirmed what {behalf.by} recorded"
        yield _problem(str(behalf.first), "unconfirmed", words, "warning")
    for asked in incident.second_person.values():
        if asked.state == "awaiting" and asked.act.kind not in ("close", "cancel"):
            words = f"no second person has confirmed what {asked.act.by} asked for"
            yield _problem(str(asked.entry), "unconfirmed", words, "warning")
    for domain in incident.domains.values():
        if domain.state == "compromised" and incident.kind == "real":  # it ends with an exercise
            words = f"compromised{' (assumed)' if domain.assumed else ''}"
            yield _problem(domain.name, "compromised_domain", words, "warning")


def _problem(ref: str, code: str, message: str, severity: str = "error") -> Problem:
    return Problem(file=ref, line=0, column=0, severity=severity, code=code, message=message)
