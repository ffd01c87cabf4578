"""Decisions at the end of an effect: an outcome, a composed message, a generated notice, or a person's resolution."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.actions import REASON, Action
from runner.base.states import AttemptState, TaskState
from runner.errors import NotFound, Refused, reason_given
from runner.incident.messages.acknowledgement import acknowledged, delivery_of
from runner.incident.messages.escalation import called_off
from runner.incident.messages.receipts import apply_receipt, is_current, state_after_receipts
from runner.incident.messages.room_provisioning import again_at
from runner.incident.messages.update_cadence import GRACE, promised_before
from runner.incident.notices.decide import rendered
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.action_items import action_run
from runner.incident.state.due_times import backoff
from runner.incident.state.incident import Attempt, Domain, Incident
from runner.incident.state.library import Library
from runner.incident.state.quorum import deliveries_of
from runner.incident.state.steps import completion_state
from runner.playbook.format import PEOPLE, Act
from runner.routing.messaging import MessageClass, SendResult
from runner.routing.rule_book import rule_book
from runner.routing.rules import OF_CAMPAIGNS, RULES
from runner.routing.traffic import GONE

APPROVERS = ("commander", "counsel")
"""Roles that can override a rule; if no person has either, any named person can."""
_DIGEST = re.compile(r"[0-9a-f]{12,64}")
KEPT_HERE = frozenset({*(number for number, _ in RULES), "R4", "R10", *OF_CAMPAIGNS})
"""Rules that can block a channel for a message, so that they can be overridden."""


def overridden(incident: Incident, command: c.OverrideRule, by: str) -> e.RuleOverridden:
    """Return the event of an override; raises Refused or NotFound if it is not permitted."""
    _exists(command.rule)
    if command.rule == "R10" and not command.text:
        raise Refused(
            "An override of rule R10 must name one text. Rule R10 cannot be overridden for all credentials.",
            hint="Add --text SHA256. The refusal shows the digest.",
            code="text_missing",
        )
    if command.text and not _DIGEST.fullmatch(command.text):
        raise Refused(
            "The digest of the text must have 12 to 64 hexadecimal digits of its SHA-256.",
            hint="Copy the digest from the refusal.",
            code="bad_digest",
        )
    reason_given(command.reason, "The reason for the override")
    return e.event_of(
        e.RuleOverridden,
        command,
        by=by,
        role=_approver(incident, by),
        reason=command.reason.strip(),
        domains=tuple(sorted(domain.name for domain in incident.domains.values() if domain.state != "up")),
    )


def _exists(number: str) -> None:
    rule = rule_book().get(number)
    if rule is None:
        # another number is another rule: no near name is proposed
        raise NotFound(f'Rule "{number}" does not exist.', hint=Action("message.rules"), code="unknown_rule")
    if rule.firm:
        raise Refused(
            f"Rule {number} has no override: {rule.says}.", hint=Action("message.rules"), code="firm_rule"
        )
    if number not in KEPT_HERE:
        raise Refused(
            f"Rule {number} blocks no channel. An override would change nothing: {rule.says}.",
            code="nothing_to_override",
        )


def _approver(incident: Incident, by: str) -> str:
    """Return the role in which a person approves; empty if no approver was ever named."""
    if not by:
        raise Refused("The override has no named approver.", hint="Add --as PERSON", code="person_missing")
    held = {role: incident.roles.get(role, ()) for role in APPROVERS}
    role = next((role for role, persons in held.items() if by in persons), "")
    if not role and any(held.values()):
        who = "; ".join(f"{role}: {', '.join(persons)}" for role, persons in held.items() if persons)
        raise Refused(
            f'Person "{by}" is not an approver of this incident. Approvers: {who}.',
            hint="Add --as PERSON",
            code="person",
        )
    return role


def trusted_again(before: Domain | None, reason: str) -> None:
    """Raise Refused if a compromised domain would be trusted again without the grounds for it (R5)."""
    if before is not None and before.state == "compromised" and not reason.strip():
        raise Refused(
            f'Failure domain "{before.name}" was {"assumed " if before.assumed else ""}compromised. The reason to trust it again is missing (rule R5).',
            hint='Add --reason WHY, such as "sessions revoked, administrators replaced".',
            code="reason_missing",
        )


def switched(
    incident: Incident, plans: Sequence[e.PlannedDelivery], trigger: str
) -> Iterator[e.ChannelsSwitched]:
    """Yield the changeover of messages whose first channel changed (R5)."""
    moved = [plan for plan in plans if plan.channels[:1] != incident.deliveries[plan.delivery].channels[:1]]
    if not moved:
        return
    left = {name for plan in moved for name in incident.deliveries[plan.delivery].channels[:1]}
    channels = {name for plan in moved for name in plan.channels[:1]}
    # who declared the domain, or overrode the rule, that caused the new plan; nobody for other causes
    declared_by = {domain.declared: domain.by for domain in incident.domains.values()}
    declared_by |= {override.seq: override.by for override in incident.overrides.values()}
    yield e.ChannelsSwitched(
        left=tuple(sorted(left)),
        taken=tuple(sorted(channels)),
        trigger=trigger,
        by=declared_by.get(incident.replan_asked, ""),
        persons=tuple(sorted({plan.person for plan in moved})),
        unverified=tuple(
            sorted({plan.person for plan in moved if {*plan.channels[:1]} & {*plan.unverified}})
        ),
    )


LOST = "the worker stopped before an outcome was recorded: the outcome is unknown"
REPLAN_AGAIN = timedelta(minutes=1)
"""The pause after open deliveries could not be planned again."""


def decide_effect(  # noqa: C901  # one case a command
    incident: Incident, command: c.EffectCommand, by: str, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Return the events of an effect's end."""
    match command:
        case c.AttemptDone(effect=effect, n=n, result=result):
            saved = (e.FactsRecorded(facts=command.facts, by="", step=effect),) if command.facts else ()
            ended = _outcome(incident, effect, n, result, now, library)
            return (*ended, *saved) if ended else ()
        case c.AttemptLost(effect=effect, n=n):
            if _attempt(incident, effect, n).state != "sending":
                return ()
            return _outcome(incident, effect, n, SendResult(state="unknown", reason=LOST), now, library)
        case c.ResolveAttempt():
            return _resolve(incident, command, by, now, library)
        case c.TakeReceipt(event=event):
            return apply_receipt(incident, event)
        case c.Composed(event=event, deputies=deputies):
            return (*_named(incident, deputies), *_composed(incident, event, now))
        case c.Replanned():
            return _replanned(incident, command, now)
        case c.Rendered():
            return rendered(incident, command, by, now)
        case c.EffectFailed(step=step, why=why, deputies=deputies):
            return (*_named(incident, deputies), *_could_not(incident, step, why, library))
        case c.Acknowledge():
            return acknowledged(incident, command)
        case c.NotAnnounced(message=message):
            return (e.event_of(e.AnnouncementDropped, command),) if message in incident.announcing else ()
        case c.Resend() | c.ReportCall() | c.AskReplan():
            return _by_hand(incident, command, by)


def _named(incident: Incident, named: e.DeputiesNamed | None) -> tuple[e.AnyEvent, ...]:
    """Record the deputies of an overdue approval, unless it has ended or the same deputies are recorded."""
    if named is None:
        return ()
    approval = incident.invocations[named.step]
    same = (named.deputies, named.without_deputy) == (approval.deputies, approval.without_deputy)
    return () if approval.over or same or not approval.overdue else (named,)


def _could_not(incident: Incident, step: str, why: str, library: Library) -> tuple[e.AnyEvent, ...]:
    """Record a message or notice that cannot be made: a failure if the playbook ignores failures, otherwise a question.

    A task stays as it is if no reminder could be sent.
    """
    invocation = incident.invocations[step]
    if invocation.over or invocation.stuck == why:
        return ()
    if invocation.kind in PEOPLE:
        owed = invocation.told < invocation.reminders
        return (e.ReminderFailed(step=step, count=invocation.reminders, why=why),) if owed else ()
    if library.step(incident, step).on_failure == "continue":
        return (e.StepSettled(step=step, state="failed", why=why),)
    return (e.StepStuck(step=step, why=why),)


def _attempt(incident: Incident, effect: str, n: int) -> Attempt:
    holder = incident.holder(effect)
    attempts = [a for a in holder.attempts if a.n == n] if holder is not None else []
    if not attempts:
        raise NotFound(
            f'Attempt {n} of "{effect}" does not exist in incident "{incident.codename}".',
            code="unknown_attempt",
        )
    return attempts[0]


def _outcome(
    incident: Incident, effect: str, n: int, result: SendResult, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    """Record the outcome of an attempt whose outcome is unknown; ignore any other.

    The provider's own answer replaces a person's resolution of an unanswered attempt.
    """
    before = _attempt(incident, effect, n)
    doubtful = before.state in ("sending", "unknown") or before.resolved_by
    if not doubtful or (result.state == "unknown" and before.state != "sending"):
        return ()
    result = state_after_receipts(before, result)
    retry_at = None if result.retry_after is None else now + result.retry_after
    state: TaskState | None = None
    left = ""
    invocation = incident.invocations.get(effect)
    if invocation is not None and not invocation.over and (run := action_run(incident, invocation, library)):
        ended = msgspec.structs.replace(before, state=result.state, reason=result.reason, ended_at=now)
        state, retry_at, left = run.outcome((ended,), now, result.retry_after)
    elif invocation is not None:
        state, retry_at = _step_outcome(incident, effect, n, result, now, library)
    elif effect in incident.errands:
        retry_at = again_at(incident.errands[effect], result, now)
    event = e.AttemptEnded(
        effect=effect,
        n=n,
        state=result.state,
        reason=result.reason,
        provider_id=result.provider_id,
        evidence=result.evidence if _counts(incident, effect, before) else "none",
        retry_at=retry_at,
        step_state=state,
        screen=result.screen,
    )
    if result.code == GONE and effect in incident.moving:
        return event, e.ReplanAsked(person=incident.deliveries[effect].person)
    return (event, e.StepStuck(step=effect, why=left)) if left else (event,)


def _counts(incident: Incident, effect: str, attempt: Attempt) -> bool:
    """Tell whether an attempt's success counts as evidence: not if a person had the message sent again since."""
    delivery = incident.deliveries.get(effect)
    return delivery is None or is_current(incident, delivery, attempt)


def _step_outcome(
    incident: Incident, effect: str, n: int, result: SendResult, now: datetime, library: Library
) -> tuple[TaskState | None, datetime | None]:
    """Return the next state of an automatic step after an outcome: done, failed, unknown, or a retry at an instant.

    It is None if the step has ended, or if a later attempt is in progress and decides.
    """
    invocation = incident.invocations[effect]
    if invocation.over:
        return None, None
    if result.state == "accepted":
        return completion_state(invocation, now), None
    if any(a.state == "sending" and a.n != n for a in invocation.attempts):
        return None, None
    step = library.step(incident, effect)
    if result.state == "rejected" or not isinstance(step, Act):
        return "failed", None
    tries = len(invocation.attempts)
    again = now + max(backoff(step.retry, tries), result.retry_after or timedelta())
    if result.state == "unknown":
        repeatable = step.on_unknown == "retry" or (step.http is not None and step.http.idempotent)
        return ("active", again) if repeatable and tries <= step.retry.times else ("outcome_unknown", None)
    return ("active", again) if tries <= step.retry.times else ("failed", None)


def _resolve(
    incident: Incident, command: c.ResolveAttempt, by: str, now: datetime, library: Library
) -> tuple[e.AnyEvent, ...]:
    effect = command.effect
    holder = incident.deliveries.get(effect) or incident.invocations.get(effect)
    if holder is None:
        raise NotFound(
            f'Delivery or task "{effect}" does not exist.',
            hint=Action("message.list"),
            code="unknown_delivery",
        )
    doubtful = [a for a in holder.attempts if a.state == "unknown" and not a.resolved_by]
    if not doubtful:
        raise Refused(
            f'Every attempt of "{effect}" has a known outcome.',
            hint=Action("message.show", effect),
            code="nothing_to_resolve",
        )
    reason_given(command.reason, "The reason for the outcome", "Add --reason WHY: how you know the outcome.")
    state = _resolved_step(incident, command, now, library)
    return tuple(
        event for attempt in doubtful for event in _settled_by(incident, command, by, attempt, now, state)
    )


def _settled_by(
    incident: Incident,
    command: c.ResolveAttempt,
    by: str,
    attempt: Attempt,
    now: datetime,
    step_state: TaskState | None,
) -> tuple[e.AnyEvent, ...]:
    """Return the outcome that a person reports, and the person's evidence apart from it, encrypted."""
    effect, by = command.effect, by or "unnamed"
    proved = command.happened and _counts(incident, effect, attempt)
    ended = e.AttemptEnded(
        effect=effect,
        n=attempt.n,
        state="accepted" if command.happened else "not_sent",
        reason="resolved by a person",
        evidence="accepted" if proved else "none",
        retry_at=now if step_state == "active" else None,
        step_state=step_state,
        resolved_by=by,
    )
    return ended, e.AttemptResolved(effect=effect, n=attempt.n, by=by, reason=command.reason.strip())


def _resolved_step(
    incident: Incident, command: c.ResolveAttempt, now: datetime, library: Library
) -> TaskState | None:
    """Return the next state of the step after a person's resolution: done, or a retry unless one has started."""
    invocation = incident.invocations.get(command.effect)
    if invocation is None or invocation.over:
        return None
    if invocation.items and (run := action_run(incident, invocation, library)):
        state: AttemptState = "accepted" if command.happened else "not_sent"
        told = [
            msgspec.structs.replace(a, state=state, ended_at=now, resolved_by="a person")
            for a in invocation.attempts
            if a.state == "unknown"
        ]
        return run.outcome(told, now)[0]
    if command.happened:
        return completion_state(invocation, now)
    return None if any(a.state == "sending" for a in invocation.attempts) else "active"


def _composed(incident: Incident, event: e.MessageComposed, now: datetime) -> tuple[e.AnyEvent, ...]:
    """Record a composed message, unless it is cancelled or was composed before.

    The times of its levels are fixed here and never change.
    """
    if event.about and event.about not in incident.announcing:
        return ()
    invocation, reminder = incident.invocations.get(event.step), event.reason == e.REPEATED
    if invocation is not None:
        settled = invocation.told >= invocation.reminders if reminder else bool(invocation.message)
        if settled or invocation.over or (not reminder and invocation.state != "active"):
            return ()
    plans = tuple(_timed(plan, event.message_class, now) for plan in event.plans)
    late_by = None if event.about or reminder else _late(incident, event.step, now)
    return (msgspec.structs.replace(event, plans=plans, late_by=late_by),)


def _late(incident: Incident, step: str, now: datetime) -> timedelta | None:
    promised = promised_before(incident, step)
    return now - promised if promised is not None and now > promised + GRACE else None


def _timed(plan: e.PlannedDelivery, kind: MessageClass, now: datetime) -> e.PlannedDelivery:
    after = kind.escalate_after
    if plan.level == 0 or after is None:
        return plan
    return msgspec.structs.replace(plan, starts_at=now + after * plan.level)


def _replanned(incident: Incident, command: c.Replanned, now: datetime) -> tuple[e.AnyEvent, ...]:
    """Change only deliveries that are open and have a new plan; mark the request as done.

    Plans from before the last request are ignored; a plan that could not be made is requested again later.
    """
    if not incident.replan:
        return ()
    if not command.asked:
        return (e.ReplanFailed(why=command.reason, retry_at=now + REPLAN_AGAIN),)
    if command.asked != incident.replan_asked:
        return ()
    changed = [
        plan
        for plan in command.plans
        if plan.delivery in incident.moving
        and (plan.channels, plan.refusals, plan.overridden)
        != (
            incident.deliveries[plan.delivery].channels,
            incident.deliveries[plan.delivery].refusals,
            incident.deliveries[plan.delivery].overridden,
        )
    ]
    replanned = e.DeliveriesReplanned(plans=tuple(changed), reason=command.reason)
    return (replanned, *switched(incident, changed, command.reason))


def _by_hand(
    incident: Incident, command: c.Resend | c.ReportCall | c.AskReplan, by: str
) -> tuple[e.AnyEvent, ...]:
    if isinstance(command, c.AskReplan):
        open_ = any(incident.deliveries[name].person == command.person for name in incident.moving)
        return (e.ReplanAsked(person=command.person),) if open_ else ()
    found = delivery_of(incident, command.delivery)
    match command:
        case c.Resend(delivery=delivery, reason=reason):
            reason_given(reason, "The reason to resend")
            if called_off(incident, found):
                raise Refused(
                    f'Delivery "{delivery}" was cancelled with task "{found.step}".',
                    hint=Action("task.reopen", found.step, {"reason": REASON}),
                    code="called_off",
                )
            others = deliveries_of(incident, found.message) if found.state == "satisfied" else []
            alerted = max((one.level for one in others if not one.waits), default=0)
            # A level below it was passed over: it stays cancelled.
            back = (one for one in others if not one.waits or one.level > alerted)
            revives = tuple(one.id for one in back if one.state == "cancelled")
            return (e.DeliveryResent(delivery=delivery, by=by, reason=reason.strip(), revives=revives),)
        case c.ReportCall(reached=reached):
            if not reached and found.state == "satisfied" and found.acked_via == "telephone":
                raise Refused(
                    f'"{found.person}" was reached by telephone already, as the journal says.',
                    hint=f"If that was wrong: tocsin message retry {found.id} --reason WHY",
                    code="reached_already",
                )
            proof = "acked" if reached else "none"
            return (e.event_of(e.EvidenceRaised, command, by=by, via="telephone", evidence=proof),)
