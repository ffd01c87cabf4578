"""Required actions about messages: people who were not reached, compromised channels, notices to many, late updates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from runner.actions import Action
from runner.incident.messages.compromised_traffic import exposed_approval, exposures
from runner.incident.messages.escalation import called_off, callers
from runner.incident.messages.update_cadence import broken_promises
from runner.incident.state.incident import CampaignView, Delivery, Incident
from runner.incident.state.quorum import awaited
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem, AttentionKind
from runner.reports.core.formatting import count, missed_calls, person_name, person_names, when
from runner.reports.core.task_rows import TaskRow, handle, named
from runner.routing.messaging import proves

NOT_LEFT = frozenset({"not_sent", "rejected", "throttled"})
"""Outcomes of an attempt after which no provider has the message."""


def for_reader(items: Iterable[AttentionItem], me: str) -> tuple[AttentionItem, ...]:
    """Return required actions for their reader: nobody calls himself, the recipient of a message acknowledges it."""
    return tuple(
        replace(
            item,
            kind="acknowledge",
            rank=4,
            text="Read and acknowledge your message",
            who="",
            detail="",
            action=Action("message.show", item.ref),
        )
        if me and item.person == me
        else item
        for item in items
    )


def missed_updates(incident: Incident, now: datetime) -> Iterator[AttentionItem]:
    """Yield overdue promised updates."""
    for promise in broken_promises(incident, now):
        promised = promise.next_update or now
        yield AttentionItem(
            kind="update_missed",
            ref=promise.step,
            since=promised,
            due=promised,
            text=f"Send the update that {handle(incident, promise.step)} promised",
            action=suggested_actions.TASKS,
        )


def compromised_deliveries(incident: Incident, rows: Mapping[str, TaskRow]) -> Iterator[AttentionItem]:
    """Yield acknowledgements and approvals over a compromised domain: ask again out-of-band."""
    for exposure in exposures(incident):
        if exposure.acknowledged:
            yield AttentionItem(
                kind="exposed",
                ref=exposure.delivery,
                since=exposure.at,
                text=f"{person_name(exposure.person)} acknowledged through {exposure.domain}, which is compromised",
                detail="Ask again out-of-band",
                action=suggested_actions.call(exposure.delivery),
            )
    for name, row in rows.items():
        invocation = incident.invocations[name]
        for given in invocation.approvals:
            if row.superseded or not given.approved or given.void:
                continue
            if domain := exposed_approval(incident, invocation, given):
                yield AttentionItem(
                    kind="exposed",
                    ref=name,
                    since=given.at,
                    text=f"{named(row)}: {person_name(given.by)} approved through {domain}, which was compromised",
                    detail="Ask again out-of-band",
                    action=suggested_actions.reopen(row.command_name),
                )


def deliveries(incident: Incident, now: datetime) -> Iterator[AttentionItem]:
    """Yield people who were not reached, and unknown outcomes."""
    for delivery in incident.deliveries.values():
        if delivery.stuck:
            yield AttentionItem(
                kind="outcome_unknown",
                severity="critical",
                ref=delivery.id,
                since=delivery.attempts[-1].ended_at if delivery.attempts else None,
                text=f"{person_name(delivery.person)}: {delivery.stuck}",
                detail="Find out what happened, then resolve it",
                action=suggested_actions.resolve(delivery.id),
            )
        elif call_owed(incident, delivery):
            yield _call(incident, delivery)
        elif on_screen(incident, delivery):
            yield _call(incident, delivery, "shown on this screen only")
        elif nothing_left(incident, delivery):
            yield AttentionItem(
                kind="unreachable",
                severity="critical",
                ref=delivery.id,
                since=delivery.attempts[0].started_at,
                text=f"{person_name(delivery.person)}: not delivered{_missed(delivery)}",
                person=delivery.person,
                who=person_names(callers(incident, delivery)),
                detail=f"{attempted_channels(delivery)} failed. Call, then record",
                action=suggested_actions.call(delivery.id),
            )
        elif delivery.state == "active" and not (delivery.channels or delivery.waits or incident.replan):
            down = ", ".join(sorted(d.name for d in incident.domains.values() if d.state == "down"))
            yield AttentionItem(
                kind="unreachable",
                ref=delivery.id,
                since=delivery.attempts[-1].started_at if delivery.attempts else None,
                text=f"{person_name(delivery.person)}: no usable contact method{_missed(delivery)}",
                person=delivery.person,
                who=person_names(callers(incident, delivery)),
                detail=f"{f'Down: {down}' if down else 'No channel is left'}. Call, then record",
                action=suggested_actions.call(delivery.id),
            )
        elif is_in_doubt(incident, delivery):
            yield _doubt(incident, delivery, now)


def on_screen(incident: Incident, delivery: Delivery) -> bool:
    """Return whether a message was shown on the screen of its sender and nowhere else, and its recipient has not confirmed it."""
    message = incident.messages[delivery.message]
    left = [attempt for attempt in delivery.attempts if attempt.state == "accepted"]
    if not left or not all(attempt.screen for attempt in left) or proves(delivery.evidence, "read"):
        return False
    if message.about or delivery.waits or delivery.state == "cancelled" or called_off(incident, delivery):
        return False
    return not message.message_class.wants_answer or delivery in awaited(incident, message.id)


def is_in_doubt(incident: Incident, delivery: Delivery) -> bool:
    """Return whether all attempts of an awaited delivery are unknown or failed, and at least one is unknown."""
    if delivery.state != "active" or delivery.waits or called_off(incident, delivery):
        return False
    states = {attempt.state for attempt in delivery.attempts if not attempt.resolved_by}
    doubtful = delivery.evidence == "none" and "unknown" in states and "accepted" not in states
    return doubtful and is_awaited(incident, delivery)


def is_awaited(incident: Incident, delivery: Delivery) -> bool:
    """Return whether the person's acknowledgement is awaited."""
    message = incident.messages[delivery.message]
    wanted = message.message_class.wants_answer and not message.about
    return wanted and delivery in awaited(incident, message.id)


def next_attempt(incident: Incident, delivery: Delivery) -> datetime | None:
    """Return the time of the next attempt for a delivery; None without one."""
    return incident.sends.get(delivery.id) or incident.looks.get(delivery.id)


def _doubt(incident: Incident, delivery: Delivery, now: datetime) -> AttentionItem:
    """Return the warning that a person may not have the message, with the time of the next attempt."""
    again = next_attempt(incident, delivery)
    then = f"next attempt {when(again, now)}" if again is not None and again > now else "next attempt due now"
    return AttentionItem(
        kind="outcome_unknown",
        ref=delivery.id,
        since=delivery.attempts[-1].ended_at,
        text=f"Outcome unknown, {then}",
        who=person_name(delivery.person),
        detail="Call, or wait for the next attempt",
        action=suggested_actions.call(delivery.id),
        person=delivery.person,
    )


def nothing_left(incident: Incident, delivery: Delivery) -> bool:
    """Return whether every channel of a message was tried and no provider accepted the message."""
    if delivery.state != "active" or delivery.level or called_off(incident, delivery):
        return False
    message = incident.messages[delivery.message]
    if message.about or message.message_class.availability != "critical":
        return False
    attempts = delivery.attempts
    untried = set(delivery.channels) - {attempt.channel for attempt in attempts}
    return bool(attempts) and not untried and all(attempt.state in NOT_LEFT for attempt in attempts)


def campaigns(incident: Incident) -> Iterator[AttentionItem]:
    """Yield campaigns that are paused, unknown outcomes, and decisions on substitute notice."""
    for campaign in incident.campaigns.values():
        if campaign.state == "paused":
            stopped = f"was paused by {person_name(campaign.by)}" if campaign.by else "stopped"
            text = f"Sending {campaign.notice} to {campaign.list_name} {stopped}: {campaign.reason}"
            yield _campaign(
                "bulk_paused",
                campaign,
                text,
                suggested_actions.bulk("bulk.resume", campaign.notice, campaign.list_name),
            )
        if campaign.unknown:
            text = f"{campaign.notice} to {campaign.list_name}: unknown outcome for {count(campaign.unknown, 'person', 'people')}"
            yield _campaign(
                "bulk_unknown",
                campaign,
                text,
                suggested_actions.bulk("bulk.status", campaign.notice, campaign.list_name),
            )
        for ask in campaign.asks:
            if ask.why:
                action = suggested_actions.bulk(
                    "bulk.substitute", campaign.notice, campaign.list_name, place=ask.place
                )
                yield _campaign("substitute_notice", campaign, f"{ask.place}: {ask.why}", action)


def _campaign(kind: AttentionKind, one: CampaignView, text: str, action: Action) -> AttentionItem:
    return AttentionItem(kind=kind, ref=one.id, since=one.at, text=text, action=action)


def attempted_channels(delivery: Delivery) -> str:
    """Return the attempts for a delivery in words."""
    if not delivery.channels and not delivery.attempts:
        return "No channel may carry the message"
    used = dict.fromkeys(attempt.channel for attempt in delivery.attempts)
    return f"{count(len(delivery.attempts), 'attempt')} by {', '.join(used) or 'no channel'}"


def _missed(delivery: Delivery) -> str:
    words = missed_calls(len(delivery.calls), *delivery.calls[-1]) if delivery.calls else ""
    return f"; {words}" if words else ""


def _call(incident: Incident, delivery: Delivery, why: str = "") -> AttentionItem:
    """Return the call to make; it is a task of the commander until it is done."""
    message = incident.messages[delivery.message]
    has_it = delivery.state == "active" or delivery.lapsed or proves(delivery.evidence, "delivered")
    answered = "did not acknowledge" if has_it else "was not reached"
    return AttentionItem(
        kind="unreachable",
        severity="critical" if message.message_class.availability == "critical" else "high",
        ref=delivery.id,
        since=message.owed or (delivery.attempts[-1].started_at if delivery.attempts else None),
        text=f"{person_name(delivery.person)}{f': {why}' if why else f' {answered}'}{_missed(delivery)}",
        who=person_names(callers(incident, delivery)),
        detail=f"{attempted_channels(delivery)}. Call, then record",
        action=suggested_actions.call(delivery.id),
        person=delivery.person,
    )


def call_owed(incident: Incident, delivery: Delivery) -> bool:
    """Return whether a call to the recipient of a message is required."""
    message = incident.messages[delivery.message]
    if delivery.level or message.about or called_off(incident, delivery):
        return False
    step = incident.invocations.get(delivery.step)
    if message.owed is not None:
        owed = delivery.state in ("active", "exhausted")
    else:
        owed = delivery.state == "exhausted" and (step is None or not step.over)
    return owed and delivery in awaited(incident, message.id)
