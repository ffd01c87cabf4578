"""May a rule of messages be set aside, may a fallen domain be trusted again, and did messages change over to other channels."""

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
"""Roles whose holders may set a rule aside; where nobody holds either, any named person may."""
_DIGEST = re.compile(r"[0-9a-f]{12,64}")
KEPT_HERE = frozenset({*(number for number, _ in RULES), "R4", "R10"})
"""Rules that stand between a message and a channel, so that setting them aside means something."""


def overridden(incident: Incident, command: c.OverrideRule) -> e.RuleOverridden:
    """Return the event of an override; raises Refused or NotFound where it may not be."""
    _exists(command.rule)
    if command.rule == "R10" and not command.text:
        raise Refused(
            "R10 is set aside for one text alone, and never for credentials as such",
            hint="the refusal names the text: --text SHA256",
            code="text_missing",
        )
    if command.text and not _DIGEST.fullmatch(command.text):
        raise Refused(
            "a text is named by 12 to 64 hexadecimal digits of its SHA-256",
            hint="as the refusal shows it",
            code="bad_digest",
        )
    if not command.reason.strip():
        raise Refused("setting a rule aside needs a reason", hint="add --reason '…'", code="reason_missing")
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
    found = RULE_BOOK.get(number)
    if found is None:
        near = nearest(number, RULE_BOOK)
        hint = f"did you mean {near}?" if near else "see: tocsin message rules"
        raise NotFound(f"there is no rule '{number}'", hint=hint, code="unknown_rule")
    if found.firm:
        raise Refused(
            f"{number} cannot be set aside: {found.says}", hint="see: tocsin message rules", code="firm_rule"
        )
    if number not in KEPT_HERE:
        raise Refused(
            f"{number} refuses no channel, so there is nothing to set aside: {found.says}",
            code="nothing_to_override",
        )


def _approver(incident: Incident, by: str) -> str:
    """Return the role in which somebody approves; empty where no approver was ever named."""
    if not by:
        raise Refused(
            "setting a rule aside needs a named approver", hint="add --as PERSON", code="person_missing"
        )
    held = {role: incident.roles.get(role, ()) for role in APPROVERS}
    role = next((role for role, persons in held.items() if by in persons), "")
    if not role and any(held.values()):
        who = "; ".join(f"{role}: {', '.join(persons)}" for role, persons in held.items() if persons)
        raise Refused(f"{by} is no approver of this incident ({who})", hint="add --as PERSON", code="person")
    return role


def trusted_again(before: Domain | None, reason: str) -> None:
    """Raise Refused where a compromised domain would be trusted again without its grounds (R5)."""
    if before is not None and before.state == "compromised" and not reason.strip():
        raise Refused(
            f"{before.name} was {'assumed ' if before.assumed else ''}compromised: to trust it again needs the grounds (R5)",
            hint="add --reason 'sessions revoked, administrators replaced, checked by …'",
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
    """Return who declared the domain, or set the rule aside, for which it was planned anew; nobody for anything else."""
    said = {domain.declared: domain.by for domain in incident.domains.values()}
    said |= {override.seq: override.by for override in incident.overrides.values()}
    return said.get(incident.replan_asked, "")
