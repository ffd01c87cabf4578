"""Simulated responders who follow a playbook, with scripted deviations, for tests and exercises.

Simulated responders are deterministic. They do the open step with the earliest due time first. A person with the role does
the step, and scripted deviations come before the normal action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import msgspec

from runner.app.incidents import facts
from runner.app.law import duties, filings
from runner.app.notices import notices
from runner.base.actor import Principal
from runner.base.instants import parse_duration
from runner.errors import Refused
from runner.incident.exercises.injects import unreachable
from runner.incident.law.decision_not_to_notify import NONE, statute_grounds
from runner.incident.notices import decide
from runner.incident.notices.staleness import blocking
from runner.incident.notices.verification import open_items
from runner.incident.state import commands as c
from runner.incident.state.expression_view import item_of
from runner.incident.state.incident import Incident, Invocation
from runner.incident.state.steps import step_path, step_path_with_items
from runner.incident.steps.approvals import authors, subject
from runner.playbook import format as p
from runner.playbook.format import PEOPLE, SCRIPTED
from runner.playbook.playbook_test import Behaviour
from runner.reports.core.task_rows import open_fields

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

SOURCE = "simulated responder"
REASON = "as things stood"
LEAD = timedelta(minutes=5)
"""With ``last_moment``, a step starts this long before its due time."""
NEVER = datetime.max.replace(tzinfo=UTC)
_T = TypeVar("_T")
_ENDINGS: dict[str, Callable[..., c.AnyCommand]] = {
    "skip": c.SkipStep,
    "cancel": c.CancelStep,
    "fail": c.FailStep,
    "retry": c.RetryStep,
}


class Stranded(Refused):
    """A responder cannot continue: the behaviour has no answer, person or next action."""


class Players:
    """The simulated responders of one incident."""

    def __init__(
        self,
        service: IncidentService,
        incident: str,
        behaviour: Behaviour,
        *,
        last_moment: bool = False,
        sleep: Callable[[timedelta], None],
    ) -> None:
        """Take the behaviour; ``sleep`` advances time."""
        self._service, self._name = service, incident
        self._behaviour = behaviour
        self._answers = dict(behaviour.answers)
        self._deeds = {step: list(deeds) for step, deeds in behaviour.deeds.items()}
        self._last_moment, self._sleep = last_moment, sleep
        self._left_alone: set[str] = set()
        """Message steps without acknowledgements."""
        self._busy: dict[str, datetime] = {}
        """Invocation → end of the work on it."""

    @property
    def _incident(self) -> Incident:
        return self._service.load(self._name)

    @property
    def _now(self) -> datetime:
        return self._service.now_in(self._incident)

    # --- the next thing -----------------------------------------------------------------------------------

    def act(self) -> bool:
        """Do the next action of a person; false if there is none."""
        incident = self._incident
        if self._confirmed(incident):
            return True
        open_ = [incident.invocations[name] for name in sorted(incident.active)]
        ended = [one for name in incident.latest.values() if _halted(one := incident.invocations[name])]
        for invocation in sorted((*open_, *ended), key=lambda one: (one.kind != "message", one.due or NEVER)):
            if self._deed(incident, invocation):
                return True
        return False

    def learn(self) -> bool:
        """Record the next scripted fact that a step needs; false if there is none."""
        incident = self._incident
        library = self._service.library(incident)
        for name in sorted(incident.blocked | incident.live | incident.active):
            step = library.step(incident, name)
            fields = open_fields(incident, incident.invocations[name], step, library)
            waiting = (path for field in fields for path in field.missing)
            for fact in (*incident.invocations[name].missing, *waiting):
                if text := self._behaviour.learns.get(fact):
                    self._record([text])
                    return True
        return False

    def begins_at(self) -> datetime | None:
        """Return the next time at which a responder must start or finish a step."""
        incident, now = self._incident, self._now
        times = [self._busy[name] for name in incident.active if name in self._busy]
        if self._last_moment:
            dues = (incident.invocations[name].due for name in incident.active)
            times += [due - LEAD for due in dues if due is not None]
        return min((time for time in times if time > now), default=None)

    # --- one step -----------------------------------------------------------------------------------------

    def _deed(self, incident: Incident, invocation: Invocation) -> bool:
        step = self._service.library(incident).step(incident, invocation.id)
        if invocation.kind in PEOPLE and self._at_it(invocation) > self._now:
            return False
        lined_up = _of(self._deeds, invocation, [])
        halted = _halted(invocation)
        if lined_up and (halted or invocation.kind in SCRIPTED):
            return self._otherwise(lined_up.pop(0), invocation, step)
        if invocation.over:
            return False
        if self._last_moment and invocation.kind in PEOPLE and self._can_wait(incident, invocation):
            return False
        if halted:
            raise Stranded(
                f'Step "{step_path(invocation.id)}" is blocked: {invocation.stuck}.',
                hint="Add the next action to deeds:",
                code="step_stuck",
            )
        return self._as_asked(incident, invocation, step)

    def _as_asked(self, incident: Incident, invocation: Invocation, step: p.AnyStep) -> bool:
        match step:
            case p.Message():
                return self._acknowledge(incident, invocation)
            case p.Task():
                self._complete(invocation, step)
            case p.Ask():
                self._answer(invocation, step)
            case p.Form():
                return self._fill(incident, invocation, step)
            case p.Approve():
                self._decide(incident, invocation, step, approved=True)
            case p.File():
                self._hand_in(incident, invocation, step)
            case _:
                return False
        return True

    def _at_it(self, invocation: Invocation) -> datetime:
        """Return the end of the work on a step, counted from the first call."""
        span = _of(self._behaviour.takes, invocation, "0m")
        return self._busy.setdefault(invocation.id, self._now + parse_duration(span))

    def _can_wait(self, incident: Incident, invocation: Invocation) -> bool:
        """Tell whether a step can wait: it is due later, or has no due time while other steps have one."""
        if invocation.due is not None:
            return invocation.due > self._now + LEAD
        return any(incident.invocations[name].due is not None for name in incident.active)

    def _complete(self, invocation: Invocation, step: p.Task) -> None:
        """Record the findings of a task, mark its checklist items as done, and complete it."""
        self._record(_of(self._behaviour.finds, invocation, ()))
        by = self._holder(invocation, step.role)
        rows = [c.CheckRow(step=invocation.id, row=n) for n in range(len(step.checklist))]
        self._do(by, *rows, c.CompleteTask(step=invocation.id, comment="done"))

    def _answer(self, invocation: Invocation, step: p.Ask) -> None:
        value = _of(self._answers, invocation, None)
        if not isinstance(value, str):
            raise _no_answer(invocation, step.ask)
        service = self._at(self._holder(invocation, step.role))
        facts.record_answer(service, self._name, invocation.id, value, SOURCE, "confirmed", REASON)

    def _fill(self, incident: Incident, invocation: Invocation, step: p.Form) -> bool:
        """Answer the open fields of a form together; false if its other fields wait for facts."""
        given = _of(self._answers, invocation, ())
        texts = {
            text.partition("=")[0].strip(): text for text in ([given] if isinstance(given, str) else given)
        }
        fields = open_fields(incident, invocation, step, self._service.library(incident))
        open_ = [one.field for one in fields if one.state == "open"]
        said = [texts[field.fact] for field in open_ if field.fact in texts]
        if said:
            service = self._at(self._holder(invocation, step.role))
            facts.record_form(service, self._name, invocation.id, said, SOURCE, grounds=REASON)
        elif open_:
            raise _no_answer(invocation, f"{open_[0].fact}: {open_[0].ask}")
        return bool(said)

    def _decide(self, incident: Incident, invocation: Invocation, step: p.Approve, *, approved: bool) -> None:
        """Record the decision of the next permitted person with one of the roles."""
        bound = subject(incident, invocation, step)
        if approved and self._rendered_again(incident, bound):
            return
        approvals = [approval for approval in invocation.approvals if not approval.void]
        barred = {approval.by for approval in approvals} | (authors(incident, bound) if bound else set())
        for role in step.by.roles:
            if step.by.every_role and any(role in approval.roles for approval in approvals):
                continue
            for person in self._holders(role):
                if person not in barred:
                    texts = decide.renderings(incident, bound.id)[-1:] if approved and bound else []
                    checked = [
                        c.TickItems(step=text.step, digest=text.digest, items=items, reason=REASON)
                        for text in texts
                        if (items := open_items(incident, text))
                    ]
                    made = c.Decide(
                        step=invocation.id,
                        digest=bound.digest if bound else "",
                        approved=approved,
                        reason="" if approved else REASON,
                    )
                    self._do(person, *checked, made)
                    return
        raise Stranded(
            f'No person can decide step "{step_path(invocation.id)}".',
            hint="Add people to roles:",
            code="no_approver",
        )

    def _rendered_again(self, incident: Incident, bound: Invocation | None) -> bool:
        """Regenerate an outdated text; false if the text is current."""
        made = decide.renderings(incident, bound.id) if bound is not None else []
        if not made or not blocking(incident, made[-1]):
            return False
        again = notices.render_step(self._service, incident, made[-1].step)
        self._service.act(
            self._service.principal,
            self._name,
            [msgspec.structs.replace(again, event=msgspec.structs.replace(again.event, by=""))],
        )
        return True

    def _hand_in(self, incident: Incident, invocation: Invocation, step: p.File) -> None:
        """Record a filing, with a reason if it is late."""
        duty = item_of(incident, incident.scopes[invocation.scope], step.duty)
        known = incident.duties.get(duty)
        now = self._now
        late = known is not None and known.due is not None and now > known.due
        service = self._at(self._holder(invocation, step.role))
        made = filings.filing(
            service,
            incident,
            duty,
            at=now,
            reference="REHEARSED",
            receipt=None,
            late_reason=REASON if late else "",
            step=invocation.id,
        )
        service.act(service.principal, self._name, made)

    def _acknowledge(self, incident: Incident, invocation: Invocation) -> bool:
        """Acknowledge a message for all reachable recipients."""
        if invocation.id in self._left_alone:
            return False
        open_ = [
            one
            for name in sorted(incident.moving)
            if (one := incident.deliveries[name]).step == invocation.id and not one.waits
        ]
        gone = unreachable(incident, self._service.clock.now())
        open_ = [delivery for delivery in open_ if delivery.person not in gone]
        for delivery in open_:
            self._do(delivery.person, c.ReportCall(delivery=delivery.id, reached=True))
        return bool(open_)

    # --- otherwise ----------------------------------------------------------------------------------------

    def _otherwise(self, deed: str, invocation: Invocation, step: p.AnyStep) -> bool:
        """Do a scripted deviation."""
        word, _, rest = deed.partition(" ")
        match word:
            case "skip" | "cancel" | "fail" | "retry":
                by = self._anybody()
                self._do(by, _ENDINGS[word](step=invocation.id, reason=REASON))
            case "reject" if isinstance(step, p.Approve):
                self._decide(self._incident, invocation, step, approved=False)
            case "unknown":
                by = self._holder(invocation, getattr(step, "role", ""))
                again = None if getattr(step, "unknown_as", "") else self._now + timedelta(hours=1)
                self._do(by, c.AnswerUnknown(step=invocation.id, ask_again=again))
            case "unreached":
                self._left_alone.add(invocation.id)
            case "sleep":
                self._sleep(parse_duration(rest))
            case "learn":
                self._record([rest])
            case _:
                self._elsewhere(word, rest)
        return True

    def _elsewhere(self, word: str, rest: str) -> None:
        """Do a scripted action outside the step: decide on a duty, declare a domain, or reopen a step."""
        by = self._anybody()
        first, _, more = rest.partition(" ")
        match word:
            case "reopen":
                if more:
                    given = self._answers.get(first, "")
                    self._answers[first] = more if isinstance(given, str) else (*given, more)
                self._do(by, c.ReopenStep(step=self._newest(first), reason=REASON))
            case "render":
                self._do(by, notices.render_step(self._at(by), self._incident, self._newest(rest)))
            case "domain" if first in ("compromised", "down", "up"):
                now = self._now
                declared = c.DeclareDomain(domain=more, state=first, since=now, reason=REASON)  # type: ignore[arg-type]
                self._do(by, declared)
            case "not-to-notify" | "waive":
                for duty in self._meant(rest):
                    kind: duties.Decided = "waived" if word == "waive" else "decided_not_to_notify"
                    self._decide_duty(by, duty, kind)
            case _:
                raise Stranded(
                    f'Deed "{word} {rest}" is unknown.',
                    hint="Use a verb for deeds from the reference page.",
                    code="unknown_deed",
                )

    def _decide_duty(self, by: str, duty: str, kind: duties.Decided) -> None:
        """Record a person's decision on a duty."""
        by = next(iter(self._holders("counsel")), by)
        ground = "" if kind == "waived" else self._ground(duty)
        made = duties.decision(self._at(by), duty, kind, self._now, REASON, ground=ground)
        self._do(by, made)

    def _ground(self, duty: str) -> str:
        """Return the exemption that the facts support, else an exemption that the verdict names, else ``NONE``."""
        law = self._service.library(self._incident).regime(duty.partition("/")[0])
        status = next(
            (row for row in self._service.near_duties(self._incident, also=(duty,)) if row.id == duty), None
        )
        if law is None or status is None:
            return NONE
        known = statute_grounds(law, status)
        met = (exemption.ground for exemption in status.unless if exemption.met)
        return next(iter((*met, *(reason.code for reason in status.because if reason.code in known))), NONE)

    def _confirmed(self, incident: Incident) -> bool:
        """Confirm the next entry that needs a second person; false if there is none."""
        for people in incident.second_person.values():
            if people.state == "awaiting":
                able = (
                    who for role in people.act.roles for who in self._holders(role) if who != people.act.by
                )
                who = next(able, "")
                if not who:
                    raise Stranded(
                        f"No person can confirm entry {people.entry}. It needs the role {' or '.join(people.act.roles)}.",
                        hint="Add people to roles:",
                        code="no_approver",
                    )
                self._do(who, c.ConfirmEntry(seq=people.entry))
                return True
        return False

    def _meant(self, text: str) -> Iterator[str]:
        """Yield a duty by its name, or all duties with a reason or an exemption of this code: ``because:risk_unlikely``."""
        word, _, code = text.partition(":")
        if word != "because":
            yield text
            return
        for duty in self._service.duties(self._incident):
            if code in (*(reason.code for reason in duty.because), *(other.ground for other in duty.unless)):
                yield duty.id

    def _newest(self, path: str) -> str:
        for name in self._incident.latest.values():
            if path in (step_path(name), step_path_with_items(name)):
                return name
        raise Stranded(
            f'Step "{path}" has not started.', hint="Move the deed to a later step.", code="not_reached"
        )

    # --- who ----------------------------------------------------------------------------------------------

    def _do(self, person: str, *commands: c.AnyCommand) -> None:
        self._service.act(_principal(person), self._name, commands)

    def _record(self, assignments: Sequence[str]) -> None:
        if assignments:
            facts.record_facts(
                self._at(self._anybody()), self._name, assignments, SOURCE, "confirmed", REASON
            )

    def _holders(self, role: str) -> tuple[str, ...]:
        incident = self._incident
        held = incident.roles.get(role, ()) or self._service.directory.roles.get(role, ())
        gone = unreachable(incident, self._service.clock.now())
        return tuple(role for role in held if role not in gone)

    def _holder(self, invocation: Invocation, role: str) -> str:
        """Return the person for a step: the assignee, else the first person with the role, else any person."""
        return invocation.assignee or next(iter(self._holders(role)), "") or self._anybody()

    def _anybody(self) -> str:
        held = (persons[0] for _, persons in sorted(self._incident.roles.items()) if persons)
        return next(held, "somebody")

    def _at(self, person: str) -> IncidentService:
        """Return the service with a person as principal."""
        found = copy(self._service)
        found.principal = _principal(person)
        return found


def _no_answer(invocation: Invocation, asked: str) -> Stranded:
    return Stranded(
        f'No answer for step "{step_path(invocation.id)}": {asked}',
        hint="Add the answer to answers:",
        code="answer_missing",
    )


def _of(table: Mapping[str, _T], invocation: Invocation, otherwise: _T) -> _T:
    """Return the behaviour for a step: for this item of a list, else for the step."""
    return table.get(step_path_with_items(invocation.id)) or table.get(step_path(invocation.id)) or otherwise


def _principal(person: str) -> Principal:
    """Return the principal of a person at their own machine."""
    return Principal(person=person, host=f"desk-of-{person}", os_user=person)


def _halted(invocation: Invocation) -> bool:
    """Tell whether a step needs a decision of a person to continue."""
    return bool(invocation.stuck) or invocation.state in ("failed", "expired")
