"""What of messages waits for a person: who was not reached, what came through a fallen domain, notices to many, broken promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from runner.incident.messages.compromised_traffic import exposed_approval, exposures
from runner.incident.messages.delivery_schedule import called_off
from runner.incident.messages.update_cadence import broken_promises
from runner.incident.state.incident import CampaignView, Delivery, Incident
from runner.incident.state.quorum import awaited
from runner.reports.core import suggested_actions
from runner.reports.core.attention_item import AttentionItem, AttentionKind
from runner.reports.core.formatting import count, moment
from runner.reports.core.task_rows import TaskRow, handle, named

_NOT_LEFT = frozenset({"not_sent", "rejected", "throttled"})


def missed_updates(incident: Incident, now: datetime) -> Iterator[AttentionItem]:
    """Updates that were promised and did not come: people wait, and nobody says why."""
    for promise in broken_promises(incident, now):
        promised = promise.next_update or now
        yield AttentionItem(
            kind="update_missed",
            severity="high",
            ref=promise.step,
            since=promised,
            text=f"the update after {handle(incident, promise.step)} was promised for {moment(promised)} and did not go out",
            command="tocsin task list",
        )


def compromised_deliveries(incident: Incident, rows: Mapping[str, TaskRow]) -> Iterator[AttentionItem]:
    """Answers and approvals that came through a domain after it fell: somebody must ask again over another way."""
    for exposure in exposures(incident):
        if exposure.acknowledged:
            yield AttentionItem(
                kind="exposed",
                severity="high",
                ref=exposure.delivery,
                since=exposure.at,
                text=f"{exposure.person} answered over {exposure.domain}, which had fallen: ask them over another way",
                command=suggested_actions.call(exposure.delivery),
            )
    for name, row in rows.items():
        invocation = incident.invocations[name]
        for given in invocation.approvals:
            if row.superseded or not given.approved or given.void:
                continue
            if domain := exposed_approval(incident, invocation, given):
                yield AttentionItem(
                    kind="exposed",
                    severity="high",
                    ref=name,
                    since=given.at,
                    text=f"{named(row)}: {given.by} was asked through {domain}, which had fallen, and approved: ask them again",
                    command=suggested_actions.reopen(row.command_name),
                )


def deliveries(incident: Incident) -> Iterator[AttentionItem]:
    """Who was not reached, and what nobody knows of."""
    for delivery in incident.deliveries.values():
        if delivery.stuck:
            yield AttentionItem(
                kind="outcome_unknown",
                severity="critical",
                ref=delivery.id,
                since=delivery.attempts[-1].ended_at if delivery.attempts else None,
                text=f"message to {delivery.person}: {delivery.stuck}",
                command=suggested_actions.resolve(delivery.id),
            )
        elif call_owed(incident, delivery):
            yield _call(incident, delivery)
        elif nothing_left(incident, delivery):
            yield AttentionItem(
                kind="unreachable",
                severity="critical",
                ref=delivery.id,
                since=delivery.attempts[0].started_at,
                text=f"nothing has left to {delivery.person} yet ({attempted_channels(delivery)}): do not wait for it, telephone them",
                command=suggested_actions.call(delivery.id),
            )
        elif delivery.state == "active" and not (delivery.channels or delivery.waits or incident.replan):
            down = ", ".join(sorted(d.name for d in incident.domains.values() if d.state == "down"))
            yield AttentionItem(
                kind="unreachable",
                severity="high",
                ref=delivery.id,
                since=delivery.attempts[-1].started_at if delivery.attempts else None,
                text=f"{delivery.person} cannot be reached while {down or 'no channel'} is down: telephone them",
                command=suggested_actions.call(delivery.id),
            )


def nothing_left(incident: Incident, delivery: Delivery) -> bool:
    """Tell whether every channel for a message that must arrive was tried, and none has taken it: trying on may not help."""
    if delivery.state != "active" or delivery.level or called_off(incident, delivery):
        return False
    message = incident.messages[delivery.message]
    if message.about or message.message_class.availability != "critical":
        return False
    untried = set(delivery.channels) - {attempt.channel for attempt in delivery.attempts}
    return (
        bool(delivery.attempts)
        and not untried
        and all(attempt.state in _NOT_LEFT for attempt in delivery.attempts)
    )


def campaigns(incident: Incident) -> Iterator[AttentionItem]:
    """Campaigns that stopped by themselves, outcomes that nobody knows, and substitute notice that a person decides on."""
    for campaign in incident.campaigns.values():
        if campaign.state == "paused" and not campaign.by:
            text = f"sending {campaign.notice} to {campaign.list_name} stopped: {campaign.reason}"
            yield _campaign(
                "bulk_paused",
                campaign,
                text,
                suggested_actions.bulk("resume", campaign.notice, campaign.list_name),
            )
        if campaign.unknown:
            text = f"{count(campaign.unknown, 'reader')} of {campaign.list_name}: nobody knows whether {campaign.notice} left"
            yield _campaign(
                "bulk_unknown",
                campaign,
                text,
                suggested_actions.bulk("status", campaign.notice, campaign.list_name),
            )
        for ask in campaign.asks:
            if ask.why:
                told = suggested_actions.bulk(
                    "substitute", campaign.notice, campaign.list_name, f"--place {ask.place}"
                )
                yield _campaign("substitute_notice", campaign, f"{ask.place}: {ask.why}", told)


def _campaign(kind: AttentionKind, one: CampaignView, text: str, command: str) -> AttentionItem:
    return AttentionItem(kind=kind, severity="high", ref=one.id, since=one.at, text=text, command=command)


def attempted_channels(delivery: Delivery) -> str:
    """Return what was tried for a delivery, in words."""
    if not delivery.channels and not delivery.attempts:
        return "no channel may carry the message"
    used = dict.fromkeys(attempt.channel for attempt in delivery.attempts)
    return f"{count(len(delivery.attempts), 'attempt')} over {', '.join(used) or 'nothing'}"


def _call(incident: Incident, delivery: Delivery) -> AttentionItem:
    """Whose turn it is to telephone stands with it: it is the commander's task until it is done."""
    message = incident.messages[delivery.message]
    answered = "has not answered" if delivery.state == "active" or delivery.lapsed else "was not reached"
    who = ", ".join(incident.roles.get("commander", ()))
    whose = f"{who}, telephone them" if who and who != delivery.person else "telephone them"
    return AttentionItem(
        kind="unreachable",
        severity="critical" if message.message_class.availability == "critical" else "high",
        ref=delivery.id,
        since=message.owed or (delivery.attempts[-1].started_at if delivery.attempts else None),
        text=f"{delivery.person} {answered} ({attempted_channels(delivery)}): {whose}, then say so",
        command=suggested_actions.call(delivery.id),
    )


def call_owed(incident: Incident, delivery: Delivery) -> bool:
    """Tell whether somebody has to telephone the person for whom a message is meant."""
    message = incident.messages[delivery.message]
    if delivery.level or message.about or called_off(incident, delivery):
        return False
    step = incident.invocations.get(delivery.step)
    if message.owed is not None:
        owed = delivery.state in ("active", "exhausted")
    else:
        owed = delivery.state == "exhausted" and (step is None or not step.over)
    return owed and delivery in awaited(incident, message.id)
