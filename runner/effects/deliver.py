"""Deliver one attempt whose intent is committed: one channel, one try, one of five outcomes."""

from __future__ import annotations

import msgspec

from runner.effects.answering import how_to_answer, opening, reminding
from runner.effects.compose import Body
from runner.effects.screening import shown_subject
from runner.effects.tools import Tools, at_home, plan_context
from runner.engine.planner import choose
from runner.errors import TocsinError
from runner.model.commands import AttemptDone
from runner.model.incident import Incident
from runner.model.messaging import Channel, Dispatch, SendResult
from runner.model.states import Refusal
from runner.model.traffic import OUTAGE
from runner.model.work import Deliver


def deliver(work: Deliver, incident: Incident, head: str, tools: Tools) -> AttemptDone:
    """Make the attempt and return its outcome; whatever stops it before anything left is ``not_sent``."""
    return AttemptDone(effect=work.delivery, n=work.n, result=_attempt(work, incident, head, tools))


def _attempt(work: Deliver, incident: Incident, head: str, tools: Tools) -> SendResult:
    delivery = incident.deliveries[work.delivery]
    message = incident.messages[delivery.message]
    if delivery.state != "active":
        return SendResult(state="not_sent", reason="nobody has to be told any more")
    channel = tools.directory.channels.get(work.channel)
    if channel is None and work.channel in tools.directory.broken:
        return SendResult(state="not_sent", reason=tools.directory.broken[work.channel])
    if channel is None:
        return SendResult(state="rejected", reason="the channel is no longer configured", permanent=True)
    chosen = choose(
        message.message_class,
        channel,
        tools.directory.recipient(delivery.person),
        at_home(plan_context(incident, tools.now()), tools.directory),
        frozenset(message.traits),
    )
    if isinstance(chosen, Refusal) and chosen.rule == OUTAGE:
        return SendResult(state="not_sent", code=chosen.rule, reason=chosen.why)
    if isinstance(chosen, Refusal):
        return SendResult(state="rejected", code=chosen.rule, reason=chosen.why, permanent=True)
    try:
        body = msgspec.json.decode(tools.blobs.get_blob(message.body), type=Body)
        secrets = {name: tools.secret(reference).reveal() for name, reference in channel.secrets.items()}
        answer = how_to_answer(work, incident, channel, tools)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    dispatch = Dispatch(
        delivery=work.delivery,
        attempt=work.n,
        idempotency_key=work.key,
        kind=incident.kind,
        audience=message.message_class.audience,
        address=chosen.contact.address if chosen.contact is not None else delivery.person,
        text=_within(f"{opening(incident, delivery)}{body.text}", channel),
        subject=f"{reminding(delivery)}{shown_subject(body.subject, message.message_class, channel, incident)}",
        at=tools.now(),
        marking=message.message_class.confidentiality.upper(),
        deadline=(delivery.resent_at or message.at) + message.message_class.stale_after,
        footer=f"Tocsin {incident.codename} · {work.delivery} · journal {head}{answer}",
    )
    return tools.sender.send(channel, dispatch, secrets)


def _within(text: str, channel: Channel) -> str:
    if channel.max_length is None or len(text) <= channel.max_length:
        return text
    return text[: channel.max_length - 1] + "…"
