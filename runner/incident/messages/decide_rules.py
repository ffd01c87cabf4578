"""Decisions on rule overrides, on trust in a restored failure domain, and on changes of channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from runner.base.text import nearest
from runner.errors import NotFound, Refused
from runner.incident.state import commands as c
from runner.incident.state import events as e
from runner.incident.state.incident import Domain, Incident
from runner.routing.rule_book import RULE_BOOK
from runner.routing.rules import RULES

APPROVERS = ("commander", "counsel")
"""Roles that can override a rule; if no person has either, any named person can."""
_DIGEST = re.compile(r"[0-9a-f]{12,64}")
KEPT_HERE = frozenset({*(number for number, _ in RULES), "R4", "R10"})
"""Rules that stand between a message and a channel, so that setting them aside means something."""


def overridden(incident: Incident, command: c.OverrideRule) -> e.RuleOverridden:
    """Return the event of an override; raises Refused or NotFound where it may not be."""
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
    if not command.reason.strip():
        raise Refused(
            "The reason for the override is missing.", hint="Add --reason WHY", code="reason_missing"
        )
    return e.RuleOverridden(
        rule=command.rule,
        by=command.by,
        role=_approver(incident, command.by),
        reason=command.reason.strip(),
        channel=command.channel,
        message_class=command.message_class,
        person=command.person,
        text=command.text,
        domains=tuple(sorted(domain.name for domain in incident.domains.values() if domain.state != "up")),
    )


def _exists(number: str) -> None:
    rule = RULE_BOOK.get(number)
    if rule is None:
        near = nearest(number, RULE_BOOK)
        hint = f'Write "{near}", the nearest name.' if near else "tocsin message rules"
        raise NotFound(f'Rule "{number}" does not exist.', hint=hint, code="unknown_rule")
    if rule.firm:
        raise Refused(
            f"Rule {number} has no override: {rule.says}.", hint="tocsin message rules", code="firm_rule"
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
    """Raise Refused where a compromised domain would be trusted again without its grounds (R5)."""
    if before is not None and before.state == "compromised" and not reason.strip():
        raise Refused(
            f'Failure domain "{before.name}" was {"assumed " if before.assumed else ""}compromised. The reason to trust it again is missing (rule R5).',
            hint='Add --reason WHY, such as "sessions revoked, administrators replaced".',
            code="reason_missing",
        )


def switched(
    incident: Incident, plans: Sequence[e.PlannedDelivery], trigger: str
) -> Iterator[e.ChannelsSwitched]:
    """Yield that messages change over, where the channel that comes first is another one than before (R5)."""
    moved = [plan for plan in plans if plan.channels[:1] != incident.deliveries[plan.delivery].channels[:1]]
    if not moved:
        return
    left = {name for plan in moved for name in incident.deliveries[plan.delivery].channels[:1]}
    channels = {name for plan in moved for name in plan.channels[:1]}
    yield e.ChannelsSwitched(
        left=tuple(sorted(left)),
        taken=tuple(sorted(channels)),
        trigger=trigger,
        by=_decider(incident),
        persons=tuple(sorted({plan.person for plan in moved})),
        unverified=tuple(
            sorted({plan.person for plan in moved if {*plan.channels[:1]} & {*plan.unverified}})
        ),
    )


def _decider(incident: Incident) -> str:
    """Return the person who declared the domain, or overrode the rule, that caused the new plan; empty for other causes."""
    declared_by = {domain.declared: domain.by for domain in incident.domains.values()}
    declared_by |= {override.seq: override.by for override in incident.overrides.values()}
    return declared_by.get(incident.replan_asked, "")
