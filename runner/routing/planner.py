"""Planner of messages: the channels to a person in order, and the reason for each blocked channel.

A constraint solver over declared properties, without weights: a channel is used if no rule of ``rules.py`` blocks it, or an
approver overrode each rule that does. Of several suitable addresses of a channel the first unblocked one is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from runner.base.instants import is_zone
from runner.base.states import Refusal
from runner.routing.messaging import (
    Audience,
    Channel,
    ContactPoint,
    DeliveryPlan,
    MessageClass,
    PlanStep,
    PlanWarning,
    Recipient,
)
from runner.routing.rules import Candidate, PlanContext, against, refusal

SIGNED_TO: frozenset[Audience] = frozenset({"regulator"})
"""Audiences that can verify our mail only by its signature (R19): responders have a code in each message (R15)."""
NIGHT = (time(21), time(8))
"""Default quiet hours of a channel."""


def contact_points(channel: Channel, contacts: Sequence[ContactPoint]) -> tuple[ContactPoint, ...]:
    """Return the person's suitable contact points: those of the channel itself, else those of its kind."""
    own = tuple(point for point in contacts if point.channel == channel.id)
    return own or tuple(point for point in contacts if point.channel == channel.address_kind)


def choose(
    message: MessageClass,
    channel: Channel,
    recipient: Recipient,
    context: PlanContext,
    traits: frozenset[str] = frozenset(),
) -> Candidate | Refusal:
    """Return the first contact point that no rule blocks, or the reason against the first one.

    The sender checks this again just before sending: a planned channel can be compromised meanwhile.
    """
    points: tuple[ContactPoint | None, ...] = contact_points(channel, recipient.contacts) or (None,)
    first, *others = (
        Candidate(
            message=message,
            channel=channel,
            contact=point,
            context=context,
            person=recipient.person,
            traits=traits,
        )
        for point in points
    )
    refused = refusal(first)
    if refused is None:
        return first
    free = next((other for other in others if refusal(other) is None), None)
    return refused if free is None else free


def plan(
    message: MessageClass,
    channels: Sequence[Channel],
    recipient: Recipient,
    context: PlanContext,
    traits: frozenset[str] = frozenset(),
) -> DeliveryPlan:
    """Plan one message class to one person: the usable channels in order, the blocked ones with reasons."""
    usable: list[Candidate] = []
    refused: list[Refusal] = []
    for channel in sorted(channels, key=lambda entry: (entry.priority, entry.id)):
        chosen = choose(message, channel, recipient, context, traits)
        if isinstance(chosen, Refusal):
            refused.append(chosen)
        else:
            usable.append(chosen)
    ordered = _spread(usable, message.first_wave)
    overridden = tuple(pair for candidate in ordered for pair in against(candidate))
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
        warnings=(
            *(
                PlanWarning(
                    rule=refused.rule,
                    why=f"{refused.channel} {refused.why}; sent with a rule override by {entry.by} ({entry.reason})",
                )
                for refused, entry in overridden
            ),
            *_apart(message, ordered, context),
            *_suspected(ordered, context),
            *_unsigned(message, ordered),
            *_asleep(message, ordered, recipient, context),
        ),
        overridden=tuple(refused for refused, _ in overridden),
    )


def offset(message: MessageClass, index: int) -> timedelta:
    """Return the latest start of the channel at ``index``, counted from the delivery's start."""
    return message.fail_over_after * max(0, index - max(1, message.first_wave) + 1)


def _spread(usable: Sequence[Candidate], wave: int) -> tuple[Candidate, ...]:
    """Move channels forward so that the first channels share no failure domain, if possible."""
    rest = list(usable)
    front: list[Candidate] = []
    held: frozenset[str] = frozenset()
    while rest and len(front) < wave:
        apart = next((candidate for candidate in rest if not candidate.alarm & held), None)
        if apart is None:
            break
        rest.remove(apart)
        front.append(apart)
        held |= apart.alarm
    return (*front, *rest)


def _apart(message: MessageClass, usable: Sequence[Candidate], context: PlanContext) -> Iterator[PlanWarning]:
    """R3: a critical message needs two channels without a shared failure domain, and one outside the company's systems."""
    if not usable:
        yield PlanWarning(rule="R3", why="every channel is blocked: call the person")
    elif message.availability == "critical":
        for why in (_together(usable), _inside(usable, context)):
            if why:
                yield PlanWarning(rule="R3", why=f"a critical message needs {why}")


_PUSH = {"apns": "the push service of Apple", "fcm": "the push service of Google"}
"""Names of failure domains that a reader may not know."""


def _together(usable: Sequence[Candidate]) -> str:
    if any(not one.alarm & other.alarm for one in usable for other in usable if one is not other):
        return ""
    shared = frozenset.intersection(*(candidate.alarm for candidate in usable))
    names = ", ".join(_PUSH.get(name, name) for name in sorted(shared)) or "shared failure domains"
    why = (
        f"only one channel is usable ({usable[0].channel.id})"
        if len(usable) == 1
        else f"all channels depend on {names}"
    )
    return f"two channels without a shared failure domain; {why}"


def _inside(usable: Sequence[Candidate], context: PlanContext) -> str:
    inside = [candidate.domains & context.corporate for candidate in usable]
    if not all(inside):
        return ""
    named = ", ".join(sorted(frozenset().union(*inside)))
    return f"a channel outside the organisation's systems; all channels depend on {named}"


def _suspected(usable: Sequence[Candidate], context: PlanContext) -> Iterator[PlanWarning]:
    """R2: what a playbook assumes blocks channels in its own incident alone."""
    for one in usable:
        for domain in sorted(one.domains & context.suspected):
            why = f"{one.channel.id} depends on {domain}, which another incident assumes compromised"
            yield PlanWarning(rule="R2", why=why)


def _unsigned(message: MessageClass, usable: Sequence[Candidate]) -> Iterator[PlanWarning]:
    """R19: an authority can distinguish our mail from a forged one only by its signature."""
    mail = (candidate.channel for candidate in usable if candidate.channel.address_kind == "email")
    bare = ", ".join(channel.id for channel in mail if not channel.signed)
    if message.audience in SIGNED_TO and bare:
        why = f"email over {bare} is not signed, so the reader cannot detect a forgery (sign: smime)"
        yield PlanWarning(rule="R19", why=why)


def _asleep(
    message: MessageClass, usable: Sequence[Candidate], recipient: Recipient, context: PlanContext
) -> Iterator[PlanWarning]:
    """R26, R41: a person decides whether to send to affected people at night; nothing is delayed silently."""
    if context.at is None or message.urgency == "immediate":
        return
    loud: dict[str, tuple[datetime, time]] = {}
    for candidate in usable:
        if candidate.texts_people and candidate.contact is not None:
            hours = candidate.channel.quiet or NIGHT
            known = is_zone(recipient.zone)
            zones = (recipient.zone,) if known else zones_of(candidate.contact.address)
            if not zones:
                why = f"no time zone of this person is known, and {candidate.channel.id} is not quiet: decide whether to wait"
                yield PlanWarning(rule="R41", why=why)
            for at in (context.at.astimezone(ZoneInfo(zone)) for zone in zones):
                if _quiet(at, hours):
                    loud[candidate.channel.id] = at, hours[1]
    if loud:
        at, ends = next(iter(loud.values()))
        names = ", ".join(loud)
        why = f"the local time of this person is {at:%H:%M}, and {names} is not quiet before {ends:%H:%M}: decide whether to wait"
        yield PlanWarning(rule="R26", why=why)


def _quiet(at: datetime, hours: tuple[time, time]) -> bool:
    begin, end = hours
    now = at.time()
    return begin <= now < end if begin <= end else now >= begin or now < end


def zones_of(number: str) -> tuple[str, ...]:
    """Return every possible zone of a telephone number; if the number gives none, those of its country (R26)."""
    import phonenumbers as numbers
    from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

    try:
        read = numbers.parse(number)
    except numbers.NumberParseException:
        return ()
    regions = numbers.region_codes_for_country_code(read.country_code or 0)
    examples = (example for region in regions if (example := numbers.example_number(region)) is not None)
    found = (time_zones_for_number(number) for number in (read, *examples))
    return next((zones for zones in found if zones != (UNKNOWN_TIMEZONE,)), ())
