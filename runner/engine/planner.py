"""Which channels may carry a message to a person, in what order, and why each other one may not.

A constraint solver over declared properties, without weights: every rule is one small function that looks at
one channel and answers with a reason to refuse it, or nothing. A channel is used when no rule refuses it.
Rules only ever take channels away, and a fallen domain only ever gives a rule more to refuse, so learning
that one more domain is compromised can never add a channel. A rule keeps its number for ever, since the
refusals in journals carry it; a rule without a number is named by a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from runner.model.messaging import (
    Audience,
    Channel,
    ContactPoint,
    DeliveryPlan,
    MessageClass,
    PlanStep,
    PlanWarning,
    Recipient,
    carries,
    carries_personal,
)
from runner.model.states import Kind, Refusal

OUTSIDERS: frozenset[Audience] = frozenset({"regulator", "affected", "public"})
"""Whom an exercise never reaches, whatever is configured."""


class Compromise(msgspec.Struct, frozen=True, kw_only=True):
    """A failure domain in the attacker's hands, known or assumed by the playbook until triage."""

    domain: str
    since: datetime
    assumed: bool = False


class PlanContext(msgspec.Struct, frozen=True, kw_only=True):
    """What the incident knows that decides over channels."""

    kind: Kind
    started_at: datetime
    """When the incident began, as far back as it is known."""
    compromised: tuple[Compromise, ...] = ()
    down: Mapping[str, datetime] = {}
    """Domain to the instant since when it does not work."""
    affected_credentials: frozenset[str] = frozenset()
    """Address kinds whose accounts were breached, such as ``email``."""
    quarantine_before: timedelta = timedelta(days=7)
    """Contact data changed this long before the start is distrusted as well."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One channel to one person for one class, with all that a rule may look at."""

    message: MessageClass
    channel: Channel
    contact: ContactPoint | None
    context: PlanContext

    @property
    def domains(self) -> frozenset[str]:
        """What the way depends on as a whole: the channel and the mailbox or number at its end."""
        return self.channel.domains | (self.contact.domains if self.contact else frozenset())

    @property
    def authorises(self) -> bool:
        """Whether an answer to this message can decide something."""
        return self.message.goal == "authorised"


Rule = Callable[[Candidate], str | None]
"""Returns why the candidate is refused, in words for a tired person, or None."""


def no_way(one: Candidate) -> str | None:
    """A channel needs an address of the person, except where it needs none."""
    if one.contact is None and one.channel.address_kind != "none":
        return f"no {one.channel.address_kind} contact is known for this channel"
    return None


def _compromised(one: Candidate, *, assumed: bool) -> str | None:
    fallen = sorted(
        (entry.domain, entry.since)
        for entry in one.context.compromised
        if entry.assumed is assumed and entry.domain in one.domains
    )
    if not fallen or (one.message.confidentiality == "public" and not one.authorises):
        return None
    domain, since = fallen[0]
    how = "is assumed compromised until triage says otherwise" if assumed else "is compromised"
    return f"depends on {domain}, which {how} (since {since.isoformat(timespec='minutes')})"


def compromised_domain(one: Candidate) -> str | None:
    """R1: nothing above public, and no approval, over what the attacker may read or control."""
    return _compromised(one, assumed=False)


def assumed_domain(one: Candidate) -> str | None:
    """R2: account and identity incidents begin with the tenant assumed compromised."""
    return _compromised(one, assumed=True)


def outage(one: Candidate) -> str | None:
    """A domain that is down takes every channel in it along."""
    down = sorted(one.domains & one.context.down.keys())
    if not down:
        return None
    since = one.context.down[down[0]].isoformat(timespec="minutes")
    return f"depends on {down[0]}, which is down (since {since})"


def changed_contact(one: Candidate) -> str | None:
    """R7: an address changed around the incident decides nothing until another way has verified it."""
    contact, context = one.contact, one.context
    if contact is None or contact.changed_at is None or not one.authorises:
        return None
    begin = min([context.started_at, *(entry.since for entry in context.compromised)])
    if contact.changed_at < begin - context.quarantine_before:
        return None
    if contact.verified_at is not None and contact.verified_at > contact.changed_at:
        return None
    when = contact.changed_at.isoformat(timespec="minutes")
    return f"this contact was changed at {when} and not verified since, so it cannot carry an approval"


def confidentiality(one: Candidate) -> str | None:
    """R8: a message's confidentiality is at most the channel's ceiling."""
    ceiling, wanted = one.channel.confidentiality, one.message.confidentiality
    return None if carries(ceiling, wanted) else f"carries at most {ceiling}; the message is {wanted}"


def personal_data(one: Candidate) -> str | None:
    """R9: so is the class of personal data in it."""
    ceiling, wanted = one.channel.personal_data, one.message.personal_data
    if carries_personal(ceiling, wanted):
        return None
    return f"carries personal data up to {ceiling!r}; the message holds {wanted!r}"


def credentials(one: Candidate) -> str | None:
    """R10: passwords, keys and codes go over no channel at all."""
    return "no channel carries credentials" if one.message.personal_data == "credentials" else None


def sim_swap(one: Candidate) -> str | None:
    """R13: who can take over a number must not be able to approve with it (NIST SP 800-63B-4)."""
    if one.authorises and one.channel.sim_swappable:
        return "a SIM swap would hand it to somebody else, so it cannot carry an approval"
    return None


def breached_account(one: Candidate) -> str | None:
    """R21: nobody is told of a breach through the account that was breached (Cal. Civ. Code 1798.82(j)(4))."""
    contact = one.contact
    if contact is None or one.message.audience != "affected":
        return None
    if {one.channel.address_kind, contact.channel} & one.context.affected_credentials:
        return f"the {one.channel.address_kind} account is among the breached credentials"
    return None


def exercise(one: Candidate) -> str | None:
    """R36: an exercise reaches allow-listed channels and nobody outside the house."""
    if one.context.kind == "real":
        return None
    if one.message.audience in OUTSIDERS:
        return f"an incident of kind {one.context.kind} never reaches the audience {one.message.audience!r}"
    if not one.channel.exercise_safe:
        return f"not on the allow-list of channels for an incident of kind {one.context.kind}"
    return None


def stopped(one: Candidate) -> str | None:
    """R25: whoever said STOP on a channel gets nothing more over it, and stays owed the message by another."""
    since = one.contact.stopped.get(one.channel.adapter) if one.contact is not None else None
    return (
        f"they asked for no more messages over it at {since.isoformat(timespec='minutes')}" if since else None
    )


RULES: tuple[tuple[str, Rule], ...] = (
    ("R36", exercise),
    ("R10", credentials),
    ("R1", compromised_domain),
    ("R2", assumed_domain),
    ("outage", outage),
    ("R8", confidentiality),
    ("R9", personal_data),
    ("R13", sim_swap),
    ("R21", breached_account),
    ("R7", changed_contact),
    ("R25", stopped),
    ("contact", no_way),
)
"""In the order a reader cares: the first that refuses is the one that is printed."""


def refusal(one: Candidate, rules: Sequence[tuple[str, Rule]] = RULES) -> Refusal | None:
    """Return the first rule that refuses the candidate, in words, or None when all allow it."""
    for number, rule in rules:
        if why := rule(one):
            return Refusal(channel=one.channel.id, rule=number, why=why)
    return None


def contact_points(channel: Channel, contacts: Sequence[ContactPoint]) -> tuple[ContactPoint, ...]:
    """Return the person's points that fit: those given for the channel itself, else those of its kind."""
    own = tuple(point for point in contacts if point.channel == channel.id)
    return own or tuple(point for point in contacts if point.channel == channel.address_kind)


def choose(
    message: MessageClass, channel: Channel, contacts: Sequence[ContactPoint], context: PlanContext
) -> Candidate | Refusal:
    """Return the first contact point that no rule refuses, or the refusal of the first one.

    The sender asks this again, just before it sends: what was planned may have fallen since.
    """
    points: tuple[ContactPoint | None, ...] = contact_points(channel, contacts) or (None,)
    first, *others = (
        Candidate(message=message, channel=channel, contact=point, context=context) for point in points
    )
    refused = refusal(first)
    if refused is None:
        return first
    free = next((one for one in others if refusal(one) is None), None)
    return refused if free is None else free


def plan(
    message: MessageClass, channels: Sequence[Channel], recipient: Recipient, context: PlanContext
) -> DeliveryPlan:
    """Plan one message class to one person: the usable channels in order, the refused ones with reasons."""
    usable: list[Candidate] = []
    refused: list[Refusal] = []
    for channel in sorted(channels, key=lambda entry: (entry.priority, entry.id)):
        found = choose(message, channel, recipient.contacts, context)
        if isinstance(found, Refusal):
            refused.append(found)
        else:
            usable.append(found)
    ordered = _spread(usable, message.first_wave)
    return DeliveryPlan(
        message_class=message.name,
        person=recipient.person,
        steps=tuple(
            PlanStep(
                channel=one.channel.id,
                contact=one.contact,
                after=offset(message, index),
                domains=one.domains,
            )
            for index, one in enumerate(ordered)
        ),
        refusals=tuple(refused),
        warnings=_warnings(message, ordered),
    )


def offset(message: MessageClass, index: int) -> timedelta:
    """Return when the channel at ``index`` joins in at the latest, counted from the delivery's start."""
    return message.fail_over_after * max(0, index - max(1, message.first_wave) + 1)


def _spread(usable: Sequence[Candidate], wave: int) -> tuple[Candidate, ...]:
    """Move channels forward so that the first wave shares no failure domain, where that is possible."""
    rest = list(usable)
    front: list[Candidate] = []
    held: frozenset[str] = frozenset()
    while rest and len(front) < wave:
        apart = next((one for one in rest if not one.domains & held), None)
        if apart is None:
            break
        rest.remove(apart)
        front.append(apart)
        held |= apart.domains
    return (*front, *rest)


def _warnings(message: MessageClass, usable: Sequence[Candidate]) -> tuple[PlanWarning, ...]:
    """R3: a critical message wants two channels that cannot fall together."""
    if not usable:
        return (PlanWarning(rule="R3", why="no channel may carry this: reach the person by telephone"),)
    if message.availability != "critical":
        return ()
    apart = any(not one.domains & other.domains for one in usable for other in usable if one is not other)
    if apart:
        return ()
    shared = frozenset.intersection(*(one.domains for one in usable))
    names = ", ".join(sorted(shared)) or "shared failure domains"
    why = (
        f"only one channel is usable ({usable[0].channel.id})" if len(usable) == 1 else f"all hang on {names}"
    )
    return (PlanWarning(rule="R3", why=f"a critical message wants two channels that fail apart; {why}"),)
