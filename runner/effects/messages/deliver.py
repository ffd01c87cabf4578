"""Delivery of one committed attempt: one channel, one try, one of five outcomes; with reply instructions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from runner.base.states import Refusal
from runner.base.text import cut
from runner.decoding import from_json
from runner.effects.context import EffectContext, exercise_time_lag, plan_context, with_own_domains
from runner.effects.messages.compose import Body
from runner.effects.messages.content_screening import shown_subject
from runner.effects.messages.informing import named_with_roles
from runner.effects.messages.sealed_message import sealed
from runner.effects.simulated import is_really_sent
from runner.errors import TocsinError
from runner.incident.state.commands import AttemptDone, TakeReceipt
from runner.incident.state.incident import Delivery, Incident
from runner.incident.state.messages import Attempt, ReceiptTaken
from runner.incident.state.quorum import deliveries_of
from runner.incident.state.work import Deliver, Recall
from runner.routing.messaging import Channel, Dispatch, SendResult, refused
from runner.routing.planner import choose
from runner.routing.rules import OUTSIDERS
from runner.routing.traffic import GONE, OUTAGE
from runner.vault.derived_tokens import ack_code, ack_link


def deliver(work: Deliver, incident: Incident, head: str, tools: EffectContext) -> AttemptDone:
    """Make the attempt and return its outcome; a failure before the send is ``not_sent``."""
    return AttemptDone(effect=work.delivery, n=work.n, result=_attempt(work, incident, head, tools))


def _attempt(work: Deliver, incident: Incident, head: str, tools: EffectContext) -> SendResult:
    delivery = incident.deliveries[work.delivery]
    if delivery.state != "active":
        return SendResult(state="not_sent", reason="the message is no longer needed")
    try:  # until the send, an error is no doubt: also that of a store that was just lost
        channel = tools.directory.channels.get(work.channel)
        if channel is None and work.channel in tools.directory.broken:
            return SendResult(state="not_sent", reason=tools.directory.broken[work.channel])
        if channel is None:
            return refused("the channel is no longer configured", GONE)
        ready = _ready(work, incident, head, channel, tools)
        if isinstance(ready, SendResult):
            return ready
        dispatch, secrets = ready
        prepared = sealed(incident.id, channel, dispatch, secrets, tools)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    if isinstance(prepared, SendResult):
        return prepared
    result = tools.sender.send(channel, prepared, secrets)
    if channel.screen and result.state == "accepted" and incident.kind == "real":
        # Only this process shows it: it reaches whoever opened the incident, and nobody else.
        if delivery.person == incident.opened_by:
            return result
        wanted = incident.messages[delivery.message].message_class.wants_answer
        return msgspec.structs.replace(result, screen=True, evidence="none" if wanted else result.evidence)
    if result.state != "unknown":
        return result
    # No answer: ask the provider once, at once, if possible. Only "accepted" counts so early:
    # the provider may still be processing the message.
    found = tools.sender.reconcile(channel, *ready)
    return found if found is not None and found.state == "accepted" else result


def recall(work: Recall, incident: Incident, tools: EffectContext) -> TakeReceipt:
    """Stop a paging attempt, and record whether that worked."""
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
    """Stop it by its key, and where the message can be changed also write there who acknowledged it.

    If a rule blocks the channel now, nothing is written there: then the message has no text.
    """
    channel = tools.directory.channels.get(attempt.channel)
    if channel is None:
        return SendResult(state="not_sent", reason="the channel is no longer configured")
    work = Deliver(
        incident=incident.id, delivery=delivery.id, n=attempt.n, channel=channel.id, key=attempt.key
    )
    try:
        secrets = _secrets(incident, channel, delivery.id, tools)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    ready = _ready(work, incident, "", channel, tools)
    dispatch = _dispatch(work, incident, tools) if isinstance(ready, SendResult) else ready[0]
    if dispatch.text:
        said = [one for one in deliveries_of(incident, delivery.message) if one.state == "satisfied"]
        who = named_with_roles(incident, tools, said)
        state, line = (
            ("Acknowledged", f"{who} acknowledged this message.")
            if who
            else ("Cancelled", "This message was cancelled.")
        )
        dispatch = msgspec.structs.replace(
            dispatch,
            subject=f"{state}: {dispatch.subject}",
            text=cut(f"{line}\n\n{dispatch.text}", channel.max_length),
            footer=f"Tocsin {incident.codename} · {delivery.id}",
        )
    return tools.sender.send(channel, msgspec.structs.replace(dispatch, recall=attempt.provider_id), secrets)


def _dispatch(work: Deliver, incident: Incident, tools: EffectContext) -> Dispatch:
    """Return the key of a message without its text and without an address."""
    delivery = incident.deliveries[work.delivery]
    return Dispatch(
        delivery=work.delivery,
        attempt=work.n,
        idempotency_key=work.key,
        kind=incident.kind,
        audience=incident.messages[delivery.message].message_class.audience,
        address=delivery.person,
        text="",
        at=tools.now() + exercise_time_lag(incident, tools),  # receivers and certificates use real time
    )


def _secrets(incident: Incident, channel: Channel, delivery: str, tools: EffectContext) -> dict[str, str]:
    """Return the secrets for a message; raises TocsinError. A simulated message needs none."""
    return tools.secrets_of(channel) if is_really_sent(incident, channel, delivery) else {}


def ask_again(work: Deliver, began: datetime, incident: Incident, tools: EffectContext) -> SendResult | None:
    """Ask the provider for the outcome of an unanswered attempt; None if unknown."""
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
    """Return the message and its secrets, or the outcome that prevents the send."""
    delivery = incident.deliveries[work.delivery]
    message = incident.messages[delivery.message]
    chosen = choose(
        message.message_class,
        channel,
        tools.directory.recipient(delivery.person),
        with_own_domains(plan_context(incident, tools.now(), tools.compromises()), tools.directory),
        frozenset(message.traits),
    )
    if isinstance(chosen, Refusal) and chosen.rule == OUTAGE:
        return SendResult(state="not_sent", code=chosen.rule, reason=chosen.why)
    if isinstance(chosen, Refusal):
        return refused(chosen.why, chosen.rule)
    try:
        body = from_json(tools.blobs.get_blob(message.body), Body)
        secrets = _secrets(incident, channel, work.delivery, tools)
        answer = how_to_answer(work, incident, channel, tools)
    except TocsinError as error:
        return SendResult(state="not_sent", reason=error.message)
    late = exercise_time_lag(incident, tools)
    dispatch = msgspec.structs.replace(
        _dispatch(work, incident, tools),
        address=chosen.contact.address if chosen.contact is not None else delivery.person,
        text=cut(f"{opening(incident, delivery)}{body.text}", channel.max_length),
        subject=f"{reminding(delivery)}{shown_subject(body.subject, message.message_class, channel, incident)}",
        marking=message.message_class.confidentiality.upper(),
        deadline=(delivery.resent_at or message.at) + message.message_class.stale_after + late,
        footer=f"Tocsin {incident.codename} · {work.delivery} · journal {head}{answer}",
    )
    return dispatch, secrets


LINK_HOLDS = timedelta(hours=24)
"""The longest validity of a link; never longer than the validity of the message."""


PAGE = "ack"
"""The path of the pages below the public address: ``PUBLIC_URL/ack/LINK``."""


def opening(incident: Incident, delivery: Delivery) -> str:
    """Return the reason why a deputy or escalation contact gets the message."""
    since = f"{incident.messages[delivery.message].at:%H:%M} UTC"
    if delivery.stands_for:
        others = ", ".join(dict.fromkeys(incident.deliveries[name].person for name in delivery.stands_for))
        return f"You get this message as deputy of {others}: no acknowledgement since {since}.\n\n"
    if delivery.level:
        return f"This message is escalated to you: no acknowledgement since {since}.\n\n"
    return ""


def reminding(delivery: Delivery) -> str:
    """Return the prefix of the subject for a repeated message."""
    return f"Reminder {delivery.reminders}: " if delivery.reminders else ""


def how_to_answer(work: Deliver, incident: Incident, channel: Channel, tools: EffectContext) -> str:
    """Return the end of the footer: the code that proves the origin, and the link if allowed.

    Messages to outsiders have neither, because they have their own reference. No link over a channel where a new owner of the
    number would get it.
    """
    delivery = incident.deliveries[work.delivery]
    message = incident.messages[delivery.message]
    kind = message.message_class
    if kind.audience in OUTSIDERS:
        return ""
    vouch = tools.blobs.vouch
    room = incident.war_room.address if incident.war_room is not None else ""
    code = f"{f' · war room: {room}' if room else ''} · code {ack_code(vouch, incident.id, delivery.id)}"
    if not kind.wants_answer or not tools.public_url or channel.sim_swappable:
        return code
    ends = min(tools.now() + LINK_HOLDS, stale(incident, delivery)) + exercise_time_lag(incident, tools)
    link = ack_link(vouch, incident.id, delivery.id, delivery.person, work.n, ends)
    return f"{code} · acknowledge: {tools.public_url.rstrip('/')}/{PAGE}/{link}"


def stale(incident: Incident, delivery: Delivery) -> datetime:
    """Return the expiry time of a delivery."""
    message = incident.messages[delivery.message]
    return (delivery.resent_at or message.at) + message.message_class.stale_after
