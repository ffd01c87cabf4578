"""Changes by events about messages, attempts and documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, cast

import msgspec

from runner.incident.apply.builder import IncidentBuilder
from runner.incident.state import events as e
from runner.incident.state.incident import (
    PASSED,
    Adoption,
    AsItWas,
    Attempt,
    Delivery,
    Document,
    MessageRecord,
    Override,
    Tick,
)
from runner.incident.state.quorum import enough_of
from runner.routing.messaging import Goal, proves, stronger


def _composed(draft: IncidentBuilder, event: e.MessageComposed, at: datetime, seq: int) -> None:
    draft.table("messages")[event.message] = MessageRecord(
        id=event.message,
        step=event.step,
        message_class=event.message_class,
        body=event.body,
        at=at,
        to=event.to,
        deliveries=tuple(plan.delivery for plan in event.plans),
        traits=event.traits,
        requested_by=event.requested_by,
        about=event.about,
        next_update=event.next_update,
        filled=event.filled,
        unheld=event.unheld,
        alerted=event.alerted,
    )
    for plan in event.plans:
        draft.table("deliveries")[plan.delivery] = Delivery(
            id=plan.delivery,
            message=event.message,
            step=event.step,
            person=plan.person,
            channels=plan.channels,
            refusals=plan.refusals,
            goal=plan.goal,
            key_lifetimes=plan.key_lifetimes,
            recalls=plan.recalls,
            domains=plan.domains,
            overridden=plan.overridden,
            level=plan.level,
            starts_at=plan.starts_at,
            stands_for=plan.stands_for,
            roles=plan.roles,
        )
        draft.index("moving").add(plan.delivery)
    draft.stir(plan.delivery for plan in event.plans)
    if event.plans:
        draft.index("calling").add(event.message)
    if event.about:
        announced(draft, event.about)
    if event.step and event.reason:
        draft.change(event.step, told=draft.invocation(event.step).reminders)
    elif event.step:
        draft.change(event.step, message=event.message, wake_at=None)


def set_moving(draft: IncidentBuilder, name: str) -> None:
    """Reopen a delivery, and the quorum of its message."""
    delivery: Delivery = draft.read("deliveries")[name]
    draft.index("moving").add(name)
    draft.index("calling").add(delivery.message)
    draft.drop("lapsing", name)


def announced(draft: IncidentBuilder, message: str) -> None:
    """Record that the recipients of a message were informed of its acknowledgement, or cannot be informed."""
    draft.drop("announcing", message)
    messages = draft.table("messages")
    for name in messages[message].deliveries:
        if draft.read("deliveries")[name].state == "cancelled":
            draft.change_delivery(name, told_off=True)
    messages[message] = msgspec.structs.replace(messages[message], announced=True)


def _replanned(draft: IncidentBuilder, event: e.DeliveriesReplanned, at: datetime, seq: int) -> None:
    for plan in event.plans:
        draft.change_delivery(
            plan.delivery,
            channels=plan.channels,
            refusals=plan.refusals,
            key_lifetimes=plan.key_lifetimes,
            recalls=plan.recalls,
            domains={**draft.read("deliveries")[plan.delivery].domains, **plan.domains},
            overridden=plan.overridden,
            state="active",
            stuck="",
        )
        set_moving(draft, plan.delivery)
    draft.put(replan=False, replan_at=None)


def _replan_asked(draft: IncidentBuilder, event: e.ReplanAsked, at: datetime, seq: int) -> None:
    draft.put(replan=True, replan_asked=seq, replan_at=None)


def _not_replanned(draft: IncidentBuilder, event: e.ReplanFailed, at: datetime, seq: int) -> None:
    draft.put(replan_at=event.retry_at)


def _delivery_ended(draft: IncidentBuilder, event: e.DeliveryEnded, at: datetime, seq: int) -> None:
    ended = draft.change_delivery(event.delivery, state=event.state, stuck="")
    draft.index("moving").discard(event.delivery)
    if ended.state == "satisfied":
        _stir_others(draft, ended)
    _concluded(draft, ended)
    set_ringing(draft, ended)


def set_ringing(draft: IncidentBuilder, delivery: Delivery) -> None:
    """Mark the alarms of a delivery for recall if it is acknowledged, or needs no acknowledgement any more."""
    if delivery.ringing and draft.read("messages")[delivery.message].message_class.wants_answer:
        draft.index("recalling").add(delivery.id)
    else:
        draft.drop("recalling", delivery.id)


def _stir_others(draft: IncidentBuilder, reached: Delivery) -> None:
    """Update the quorum: a reached or ended delivery decides whether other people still have to acknowledge."""
    message: MessageRecord = draft.read("messages")[reached.message]
    if not message.message_class.wants_answer:
        return
    table = draft.read("deliveries")
    deliveries = [reached if name == reached.id else table[name] for name in message.deliveries]
    all_ = enough_of(deliveries, message.message_class.ack_quorum)
    by_role = message.message_class.ack_quorum == "each_role"
    draft.stir(
        delivery.id
        for delivery in deliveries
        if delivery.id in draft.read("moving")
        and (all_ or by_role or delivery.stands_for or delivery.id in reached.stands_for)
    )


def _concluded(draft: IncidentBuilder, ended: Delivery) -> None:
    """Check whether this delivery ends its message, and apply the consequences of that end."""
    message: MessageRecord = draft.read("messages")[ended.message]
    rule, moving = message.message_class, draft.read("moving")
    if ended.state == "satisfied" and rule.re_remind_after is not None:
        draft.index("lapsing").add(ended.id)
    goes_on = any(name in moving for name in message.deliveries)
    by_role = rule.ack_quorum == "each_role" and ended.state == "satisfied"
    to_tell = rule.tell_acknowledged and (by_role or not message.announced)
    if goes_on and not to_tell and message.owed is None:
        return
    table = draft.read("deliveries")
    deliveries: list[Delivery] = [table[name] for name in message.deliveries]
    reached = enough_of(deliveries, rule.ack_quorum)
    if reached and message.owed is not None:
        draft.table("messages")[message.id] = msgspec.structs.replace(message, owed=None)
    if to_tell and (by_role or reached):
        draft.index("announcing").add(message.id)
    if not goes_on and (reached or all(delivery.state != "exhausted" for delivery in deliveries)):
        draft.drop("calling", message.id)


def _delivery_stuck(draft: IncidentBuilder, event: e.DeliveryStuck, at: datetime, seq: int) -> None:
    draft.change_delivery(event.delivery, stuck=event.why)


def _evidence(draft: IncidentBuilder, event: e.EvidenceRaised, at: datetime, seq: int) -> None:
    before: Delivery = draft.read("deliveries")[event.delivery]
    fields: dict[str, Any] = {"evidence": stronger(before.evidence, event.evidence)}
    if event.evidence == "none" and event.via == "telephone":
        fields["calls"] = (*before.calls, (at, event.by))
    if proves(event.evidence, "acked"):
        fields |= {"acked_at": at, "acked_via": event.via, "unanswered": 0}
        fields["acked_by"] = event.by if event.via == "telephone" else ""
    if proves(event.evidence, cast(Goal, before.goal)):
        fields["lapsed"] = False
    if event.token:
        fields["spent"] = (*before.spent, event.token)
    draft.change_delivery(event.delivery, **fields)
    _look_again(draft, before)


def _look_again(draft: IncidentBuilder, before: Delivery) -> None:
    """Raise the evidence of a delivery that had failed: it may have reached its goal after all."""
    now: Delivery = draft.read("deliveries")[before.id]
    more = now.evidence != before.evidence or now.lapsed != before.lapsed
    if now.state == "exhausted" and more:
        draft.change_delivery(now.id, state="active")
        set_moving(draft, now.id)


def _resent(draft: IncidentBuilder, event: e.DeliveryResent, at: datetime, seq: int) -> None:
    """Plan a resent message again: since the first plan a channel can be compromised, or a contact added."""
    before: Delivery = draft.read("deliveries")[event.delivery]
    draft.change_delivery(
        event.delivery,
        generation=before.generation + 1,
        resent_at=at,
        evidence="none",
        state="active",
        stuck="",
        reminders=0,
        reminded_at=None,
        unanswered=0,
        acked_at=None,
        lapsed=False,
    )
    set_moving(draft, event.delivery)
    for name in event.revives:
        draft.change_delivery(name, state="active")
        set_moving(draft, name)
    if before.state == "satisfied":
        draft.drop("announcing", before.message)
        _stir_others(draft, before)
    messages = draft.table("messages")
    messages[before.message] = msgspec.structs.replace(messages[before.message], owed=None)
    draft.put(replan=True, replan_asked=seq, replan_at=None)


def _reminded(draft: IncidentBuilder, event: e.DeliveryReminded, at: datetime, seq: int) -> None:
    """Keep the evidence, and ask a recipient who had acknowledged again."""
    before: Delivery = draft.read("deliveries")[event.delivery]
    lapsed = before.lapsed or before.state == "satisfied"
    draft.change_delivery(
        event.delivery,
        state="active",
        reminders=event.count,
        reminded_at=at,
        lapsed=lapsed,
        unanswered=0 if before.state == "satisfied" else before.unanswered + 1,
        stuck="",
    )
    set_moving(draft, event.delivery)
    if before.state == "satisfied":
        _stir_others(draft, before)


def _level_fired(draft: IncidentBuilder, event: e.LevelFired, at: datetime, seq: int) -> None:
    message: MessageRecord = draft.read("messages")[event.message]
    for name in message.deliveries:
        delivery: Delivery = draft.read("deliveries")[name]
        if delivery.level == event.level and delivery.fired_at is None:
            draft.change_delivery(name, fired_at=at)


def _call_owed(draft: IncidentBuilder, event: e.CallOwed, at: datetime, seq: int) -> None:
    messages = draft.table("messages")
    messages[event.message] = msgspec.structs.replace(messages[event.message], owed=at)
    draft.drop("calling", event.message)


def _not_announced(draft: IncidentBuilder, event: e.AnnouncementDropped, at: datetime, seq: int) -> None:
    announced(draft, event.message)


def _attempt_started(draft: IncidentBuilder, event: e.AttemptStarted, at: datetime, seq: int) -> None:
    attempt = Attempt(
        n=event.n,
        key=event.key,
        worker=event.worker,
        started_at=at,
        channel=event.channel,
        item=event.item,
        verifies=event.verifies,
    )
    draft.index("sending").add(f"{event.effect}|{event.n}")
    if event.effect in draft.read("deliveries"):
        before: Delivery = draft.read("deliveries")[event.effect]
        draft.change_delivery(event.effect, attempts=(*before.attempts, attempt))
        return
    if event.effect in draft.read("errands"):
        _errand(draft, event.effect, (*draft.read("errands")[event.effect].attempts, attempt))
        return
    invocation = draft.invocation(event.effect)
    fields: dict[str, Any] = {"attempts": (*invocation.attempts, attempt), "wake_at": None}
    if invocation.ready_at is None:
        fields["ready_at"] = at
    draft.activate(event.effect, state="active", **fields)


def _attempt_ended(draft: IncidentBuilder, event: e.AttemptEnded, at: datetime, seq: int) -> None:
    draft.drop("sending", f"{event.effect}|{event.n}")
    if event.effect in draft.read("deliveries"):
        before: Delivery = draft.read("deliveries")[event.effect]
        draft.change_delivery(
            event.effect,
            attempts=_with_outcome(before.attempts, event, at),
            evidence=stronger(before.evidence, event.evidence),
            stuck="",
        )
        _look_again(draft, before)
        set_ringing(draft, draft.read("deliveries")[event.effect])
        return
    if event.effect in draft.read("errands"):
        _errand(draft, event.effect, _with_outcome(draft.read("errands")[event.effect].attempts, event, at))
        return
    invocation = draft.invocation(event.effect)
    attempts = _with_outcome(invocation.attempts, event, at)
    if invocation.over or event.step_state is None:
        draft.change(event.effect, attempts=attempts)
    elif event.step_state in (*PASSED, "failed", "expired"):
        draft.end(event.effect, at, event.step_state, attempts=attempts, reason=event.reason)
    else:
        draft.change(
            event.effect,
            attempts=attempts,
            state=event.step_state,
            wake_at=event.retry_at,
            stuck="",
        )


def _errand(draft: IncidentBuilder, name: str, attempts: tuple[Attempt, ...]) -> None:
    table = draft.table("errands")
    table[name] = msgspec.structs.replace(table[name], attempts=attempts)


def _with_outcome(attempts: tuple[Attempt, ...], event: e.AttemptEnded, at: datetime) -> tuple[Attempt, ...]:
    """Replace one attempt. An unknown outcome can be resolved later; a known outcome never becomes unknown."""
    return tuple(
        msgspec.structs.replace(
            attempt,
            state=event.state,
            ended_at=at,
            reason=event.reason,
            provider_id=event.provider_id or attempt.provider_id,
            retry_at=event.retry_at,
            resolved_by=event.resolved_by,
            screen=event.screen,
        )
        if attempt.n == event.n
        else attempt
        for attempt in attempts
    )


def _resolved(draft: IncidentBuilder, event: e.AttemptResolved, at: datetime, seq: int) -> None:
    """Replace the provider's outcome by the outcome that a person gave."""

    def with_words(attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
        return tuple(
            msgspec.structs.replace(a, reason=event.reason) if a.n == event.n else a for a in attempts
        )

    if event.effect in draft.read("deliveries"):
        before: Delivery = draft.read("deliveries")[event.effect]
        draft.change_delivery(event.effect, attempts=with_words(before.attempts))
        return
    draft.change(event.effect, attempts=with_words(draft.invocation(event.effect).attempts))


def _rendered(draft: IncidentBuilder, event: e.DocumentRendered, at: datetime, seq: int) -> None:
    same = draft.read("documents").get(event.document)
    if same is not None and same.digest == event.digest:
        draft.table("documents")[same.id] = msgspec.structs.replace(
            same,
            facts=event.facts,
            tree=event.tree or same.tree,
            to_verify=event.to_verify,
            aware=event.aware,
            passages=event.passages,
        )
        return
    draft.table("documents")[event.document] = Document(
        ticks=_carried_over(draft.read("documents").values(), event),
        passages=event.passages,
        id=event.document,
        step=event.step,
        notice=event.notice,
        version=event.version,
        digest=event.digest,
        files=event.files,
        gaps=event.gaps,
        facts=event.facts,
        at=at,
        by=event.by,
        on_behalf_of=event.on_behalf_of,
        duty=event.duty,
        status=event.status,
        tree=event.tree,
        to_verify=event.to_verify,
        aware=event.aware,
    )
    draft.change(event.step, digest=event.digest)


def _carried_over(documents: Iterable[Document], event: e.DocumentRendered) -> dict[str, Tick]:
    """Return the ticks of earlier versions, of items whose sentence is the same byte by byte."""
    return {
        item: msgspec.structs.replace(tick, carried_from=tick.carried_from or before.id)
        for before in documents
        for item, tick in before.ticks.items()
        if (before.notice, before.duty) == (event.notice, event.duty)
        and event.passages.get(item, "") == before.passages.get(item)
    }


def _overridden(draft: IncidentBuilder, event: e.NoticeOverridden, at: datetime, seq: int) -> None:
    override = Override(by=event.by, at=at, reason=event.reason, items=event.items)
    documents = draft.table("documents")
    documents[event.document] = msgspec.structs.replace(documents[event.document], override=override)


def _kept(draft: IncidentBuilder, event: e.NoticeKept, at: datetime, seq: int) -> None:
    was = AsItWas(by=event.by, at=at, reason=event.reason, facts=event.facts)
    documents = draft.table("documents")
    documents[event.document] = msgspec.structs.replace(documents[event.document], as_it_was=was)


def _ticked(draft: IncidentBuilder, event: e.NoticeTicked, at: datetime, seq: int) -> None:
    ticks = dict.fromkeys(event.items, Tick(by=event.by, at=at, reason=event.reason))
    documents = draft.table("documents")
    before: Document = documents[event.document]
    documents[event.document] = msgspec.structs.replace(before, ticks={**before.ticks, **ticks})


def _adopted(draft: IncidentBuilder, event: e.NoticeAdopted, at: datetime, seq: int) -> None:
    adoption = Adoption(by=event.by, at=at, file=event.file, base=event.base, tracked=event.tracked)
    documents = draft.table("documents")
    documents[event.document] = msgspec.structs.replace(documents[event.document], adoption=adoption)


def _letters_signed(draft: IncidentBuilder, event: e.LettersSigned, at: datetime, seq: int) -> None:
    draft.put(letters=(*draft.read("letters"), event))


EFFECTS: dict[type[e.AnyEvent], Callable[[IncidentBuilder, Any, datetime, int], None]] = {
    e.MessageComposed: _composed,
    e.DeliveriesReplanned: _replanned,
    e.ReplanAsked: _replan_asked,
    e.ReplanFailed: _not_replanned,
    e.DeliveryEnded: _delivery_ended,
    e.DeliveryStuck: _delivery_stuck,
    e.EvidenceRaised: _evidence,
    e.DeliveryResent: _resent,
    e.DeliveryReminded: _reminded,
    e.LevelFired: _level_fired,
    e.CallOwed: _call_owed,
    e.AnnouncementDropped: _not_announced,
    e.AttemptStarted: _attempt_started,
    e.AttemptEnded: _attempt_ended,
    e.AttemptResolved: _resolved,
    e.DocumentRendered: _rendered,
    e.NoticeOverridden: _overridden,
    e.NoticeAdopted: _adopted,
    e.NoticeKept: _kept,
    e.LettersSigned: _letters_signed,
    e.NoticeTicked: _ticked,
}
