"""Delivery of one committed attempt: one channel, one try, one of five outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from runner.base.states import Refusal
from runner.decoding import from_json
from runner.effects.context import EffectContext, exercise_time_lag, plan_context, with_own_domains
from runner.effects.messages.compose import Body
from runner.effects.messages.content_screening import shown_subject
from runner.effects.messages.reply_instructions import how_to_answer, opening, reminding
from runner.effects.simulated import is_really_sent
from runner.errors import TocsinError
from runner.incident.state.commands import AttemptDone, TakeReceipt
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.messages import Attempt, ReceiptTaken
from runner.incident.state.work import Deliver, Recall
from runner.routing.messaging import Channel, Dispatch, SendResult
from runner.routing.planner import choose
from runner.routing.traffic import GONE, OUTAGE


def deliver(work: Deliver, incident: Incident, head: str, tools: EffectContext) -> AttemptDone:
    """Make the attempt and return its outcome; whatever stops it before anything left is ``not_sent``."""
    return AttemptDone(effect=work.delivery, n=work.n, result=_attempt(work, incident, head, tools))


def _attempt(work: Deliver, incident: Incident, head: str, tools: EffectContext) -> SendResult:
    delivery = incident.deliveries[work.delivery]
    if delivery.state != "active":
        return SendResult(state="not_sent", reason="the message is no longer needed")
    channel = tools.directory.channels.get(work.channel)
    if channel is None and work.channel in tools.directory.broken:
        return SendResult(state="not_sent", reason=tools.directory.broken[work.channel])
    if channel is None:
        return SendResult(
            state="rejected", code=GONE, reason="the channel is no longer configured", permanent=True
        )
    ready = _ready(work, incident, head, channel, tools)
    return ready if isinstance(ready, SendResult) else _asked(channel, *ready, tools)


def recall(work: Recall, incident: Incident, tools: EffectContext) -> TakeReceipt:
    """Stop an attempt from ringing; what cannot be stopped is told."""
    delivery = incident.deliveries[work.delivery]
    attempt = next(attempt for attempt in delivery.attempts if attempt.n == work.n)
    result = _recalled(attempt, delivery, incident, tools)
    done = result.state == "accepted"
    return TakeReceipt(
        event=ReceiptTaken(
            delivery=delivery.id,
            n=attempt.n,
            kind="recalled" if done else "not_recalled",
            event=f"recall {attempt.n}",
            code="" if done else result.reason,
        )
    )


def _recalled(attempt: Attempt, delivery: Delivery, incident: Incident, tools: EffectContext) -> SendResult:
    channel = tools.directory.channels.get(attempt.channel)
    if channel is None:
        return SendResult(state="not_sent", reason="the channel is no longer configured")
    dispatch = Dispatch(
        delivery=delivery.id,
        attempt=attempt.n,
        idempotency_key=attempt.key,
        kind=incident.kind,
        audience=incident.messages[delivery.message].message_class.audience,
        address=delivery.person,
        subject="",
        text="",
        at=tools.now() + exercise_time_lag(incident, tools),
        recall=attempt.provider_id,
    )
    try:
        needed = channel.secrets if is_really_sent(incident, channel, delivery.id) else {}
        secrets = {name: tools.secret(reference).reveal() for name, reference in needed.items()}
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    return tools.sender.send(channel, dispatch, secrets)


def ask_again(work: Deliver, began: datetime, incident: Incident, tools: EffectContext) -> SendResult | None:
    """Ask the provider what became of an attempt that has no answer; None where that cannot be told."""
    channel = tools.directory.channels.get(work.channel)
    if channel is None or channel.reconcile == "none":
        return None
    ready = _ready(work, incident, "", channel, tools)
    if isinstance(ready, SendResult):
        return None
    dispatch, secrets = ready
    return tools.sender.reconcile(channel, msgspec.structs.replace(dispatch, at=began), secrets)


def _ready(
    work: Deliver, incident: Incident, head: str, channel: Channel, tools: EffectContext
) -> tuple[Dispatch, Mapping[str, str]] | SendResult:
    """Return what leaves and the secrets that it leaves with, or what keeps it from leaving."""
    delivery = incident.deliveries[work.delivery]
    message = incident.messages[delivery.message]
    chosen = choose(
        message.message_class,
        channel,
        tools.directory.recipient(delivery.person),
        with_own_domains(plan_context(incident, tools.now()), tools.directory),
        frozenset(message.traits),
    )
    if isinstance(chosen, Refusal) and chosen.rule == OUTAGE:
        return SendResult(state="not_sent", code=chosen.rule, reason=chosen.why)
    if isinstance(chosen, Refusal):
        return SendResult(state="rejected", code=chosen.rule, reason=chosen.why, permanent=True)
    try:
        body = from_json(tools.blobs.get_blob(message.body), Body)
        needed = channel.secrets if is_really_sent(incident, channel, work.delivery) else {}
        secrets = {name: tools.secret(reference).reveal() for name, reference in needed.items()}
        answer = how_to_answer(work, incident, channel, tools)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    late = exercise_time_lag(incident, tools)  # receivers and certificates count by the wall
    dispatch = Dispatch(
        delivery=work.delivery,
        attempt=work.n,
        idempotency_key=work.key,
        kind=incident.kind,
        audience=message.message_class.audience,
        address=chosen.contact.address if chosen.contact is not None else delivery.person,
        text=_within(f"{opening(incident, delivery)}{body.text}", channel),
        subject=f"{reminding(delivery)}{shown_subject(body.subject, message.message_class, channel, incident)}",
        at=tools.now() + late,
        marking=message.message_class.confidentiality.upper(),
        deadline=(delivery.resent_at or message.at) + message.message_class.stale_after + late,
        footer=f"Tocsin {incident.codename} · {work.delivery} · journal {head}{answer}",
    )
    return dispatch, secrets


def _asked(
    channel: Channel, dispatch: Dispatch, secrets: Mapping[str, str], tools: EffectContext
) -> SendResult:
    """Send; where no answer came and the provider can be asked, ask it once, at once.

    Only that it has the message is believed so soon: it may still be taking what it does not show yet.
    """
    result = tools.sender.send(channel, dispatch, secrets)
    if result.state != "unknown":
        return result
    found = tools.sender.reconcile(channel, dispatch, secrets)
    return found if found is not None and found.state == "accepted" else result


def _within(text: str, channel: Channel) -> str:
    if channel.max_length is None or len(text) <= channel.max_length:
        return text
    return text[: channel.max_length - 1] + "…"
