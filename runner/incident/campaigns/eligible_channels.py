"""Eligible channels of one person's notice, in order, and the rule that blocks each other channel.

As in the planner, a rule is a small function that returns a reason to refuse, or nothing; rules only block contact methods. Our
channels send email and text messages. A letter is always the last method; without a postal address, a person has no usable contact.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from runner.base.states import Refusal
from runner.incident.campaigns.campaign import ELECTRONIC, Contact, Ground, Planned, Way
from runner.incident.campaigns.texting import Texting, text_refusals

QUIET_FROM, QUIET_UNTIL = 21, 8
"""Hours of the reader's day in which no text message is sent: a telemarketing rule of the United States, followed as a courtesy (R26)."""
_FREELY = frozenset({"email", "direct_message"})
Offers = Mapping[Way, Refusal | None]
"""For each kind of contact method with a channel: why the planner refuses that channel for these readers, or None."""


def eligible_channels(
    contact: Contact,
    ground: Ground,
    offers: Offers,
    suppressed: Mapping[Way, str],
    texting: Texting | None = None,
) -> Planned:
    """Return the contact methods of one person; ``suppressed`` says why an address of the person may not be used.

    Without ``texting``, the rules about text messages alone are not applied.
    """
    usable: list[Way] = []
    refusals: list[Refusal] = []
    for way in ELECTRONIC:
        refusal = next(_refused(way, contact, ground, offers, suppressed), None)
        if refusal is None and way == "sms":
            refusal = next(text_refusals(contact, texting), None)
        if refusal is None:
            usable.append(way)
        else:
            refusals.append(refusal)
    if contact.person.address:
        usable.append("post")
    else:
        refusals.append(Refusal(channel="post", rule="contact", why="no postal address is known"))
    return Planned(ways=tuple(usable), refusals=tuple(refusals))


def _refused(
    way: Way, contact: Contact, ground: Ground, offers: Offers, suppressed: Mapping[Way, str]
) -> Iterator[Refusal]:
    address = contact.email if way == "email" else contact.phone
    if not address:
        what = "email address" if way == "email" else "phone number"
        yield Refusal(channel=way, rule="contact", why=f"no {what} is known")
    for number, rule in RULES:
        if why := rule(way, contact, ground):
            yield Refusal(channel=way, rule=number, why=why)
    if way not in offers:
        yield Refusal(channel=way, rule="channel", why="no channel is set up for this contact method")
    elif (refusal := offers[way]) is not None:
        yield Refusal(channel=way, rule=refusal.rule, why=refusal.why)
    if why := suppressed.get(way, ""):
        yield Refusal(
            channel=way, rule="R32", why=f"the address is on the suppression list: {why.replace('_', ' ')}"
        )


def next_of_kin(way: Way, contact: Contact, ground: Ground) -> str:
    """R22: the next of kin of a person who has died gets a letter."""
    return "the person has died: the next of kin gets a letter" if contact.deceased else ""


def breached_mailbox(way: Way, contact: Contact, ground: Ground) -> str:
    """R21: the breached account is never used to notify its owner (Cal. Civ. Code 1798.82(j))."""
    if way == "email" and (contact.email_breached or "email" in ground.breached):
        return "the mailbox is one of the breached accounts"
    return ""


def consent_to_text(way: Way, contact: Contact, ground: Ground) -> str:
    """R25: a text message needs recorded consent, or the reason why none is needed (47 CFR 64.1200(a))."""
    if way != "sms" or contact.sms_consent or contact.sms_exemption:
        return ""
    return "no consent to text messages is recorded"


def agreed_to_email(way: Way, contact: Contact, ground: Ground) -> str:
    """R22: under HIPAA the notice is first-class mail, unless the person agreed to email (45 CFR 164.404(d)(1))."""
    if "email_if_agreed" not in ground.forms or "agreed" in contact.basis:
        return ""
    return "a letter, unless the person agreed to electronic notice"


def electronic_notice(way: Way, contact: Contact, ground: Ground) -> str:
    """R23: the form of electronic notice that this law names: consent (15 U.S.C. § 7001), or email as the primary contact method."""
    forms = frozenset(ground.forms)
    if not forms or "email_if_agreed" in forms or forms & (_FREELY if way == "email" else {"direct_message"}):
        return ""
    american = ground.group.jurisdiction.startswith("US") or ground.regime.startswith("us-")
    if "electronic" in forms and (not american or contact.basis & {"esign", "primary"}):
        return ""
    if "electronic_esign" in forms and "esign" in contact.basis:
        return ""
    if forms & {"electronic", "electronic_esign"}:
        return "electronic notice needs the person's consent (15 U.S.C. § 7001); no consent is recorded"
    return f"the law permits only: {', '.join(ground.forms)}"


Rule = Callable[[Way, Contact, Ground], str]
RULES: tuple[tuple[str, Rule], ...] = (
    ("R22", next_of_kin),
    ("R21", breached_mailbox),
    ("R25", consent_to_text),
    ("R22", agreed_to_email),
    ("R23", electronic_notice),
)


def all_awake_at(now: datetime, zones: Collection[str]) -> datetime:
    """Return the next instant at which it is day in all of these zones; if there is none, the last morning of a day."""
    then, last = now, now + timedelta(days=1)
    while (
        (later := max((next_waking_hour(then, ZoneInfo(zone)) for zone in zones), default=then))
        > then
        <= last
    ):
        then = later
    return then


def next_waking_hour(now: datetime, zone: tzinfo) -> datetime:
    """Return the next instant at which a text message may reach a reader in this zone: now, or the morning."""
    local = now.astimezone(zone)
    if QUIET_UNTIL <= local.hour < QUIET_FROM:
        return now
    day = local.date() + timedelta(days=1 if local.hour >= QUIET_FROM else 0)
    return datetime(day.year, day.month, day.day, QUIET_UNTIL, tzinfo=zone).astimezone(now.tzinfo)


def asleep_at(now: datetime, zones: Collection[str]) -> datetime | None:
    """Return when night begins next in one of these zones: no text message may reach a reader after it."""
    return min((_evening(now, ZoneInfo(zone)) for zone in zones), default=None)


def _evening(now: datetime, zone: tzinfo) -> datetime:
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=1 if local.hour >= QUIET_FROM else 0)
    return datetime(day.year, day.month, day.day, QUIET_FROM, tzinfo=zone).astimezone(now.tzinfo)
