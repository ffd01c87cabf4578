"""Rules about one text message or call to an affected person: sender, exemption from consent, country of the number (R39 to R45).

Each rule returns a reason to refuse, or nothing, as in ``eligible_channels``; an approver can override each for a channel.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from runner.base.jurisdictions import EU_MEMBERS
from runner.base.states import Refusal
from runner.incident.campaigns.campaign import Contact, Exemption
from runner.routing.messaging import Channel
from runner.routing.sender_names import country_of, name_problem

LONGEST_FREE = 160
"""Characters of a text under the exemption for breaches at banks: a condition of FCC 15-72, recalled and not confirmed."""
MOST_FREE = 3
"""Texts of one event in three days under the same exemption, recalled and not confirmed."""
FINANCIAL = frozenset(
    [
        "glba_institution",
        "ftc_safeguards_institution",
        "reg_sp_institution",
        "bank_occ",
        "bank_fed",
        "bank_fdic",
        "federally_insured_credit_union",
        "nydfs_covered_entity",
    ]
)
"""Kinds of organisations (``organisation.regulated_as``) that the exemption calls financial institutions."""
_AMERICAN = frozenset({"health_and_safety", "bank_breach"})
"""Exemptions of 47 CFR 64.1200 and FCC 15-72."""
_EEA = EU_MEMBERS | {"IS", "LI", "NO"}
_NUMBER, _DATE = re.compile(r"\d(?:[\s()./-]*\d){6,}"), re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}")


class Texting(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules read besides the person: the channel, the organisation, and the text to each person."""

    channel: Channel
    at: datetime
    text: Callable[[Contact], str]
    organisation: str = ""
    financial: bool = False
    earlier: int = 0
    """Campaigns with text messages of this incident in the last three days."""
    fault: str = ""
    """The code with which American carriers refused the sender last."""
    overridden: Mapping[str, str] = {}
    """The rules that an approver overrode, each with the approver and the reason."""


def text_refusals(contact: Contact, texting: Texting | None) -> Iterator[Refusal]:
    """Yield the rules that refuse a text message or call to a person, except those that an approver overrode."""
    if texting is not None:
        yield from (one for one in _against(contact, texting) if one.rule not in texting.overridden)


def text_overrides(contact: Contact, texting: Texting) -> Iterator[Refusal]:
    """Yield the rules that would refuse it, and that an approver overrode."""
    yield from (one for one in _against(contact, texting) if one.rule in texting.overridden)


def _against(contact: Contact, texting: Texting) -> Iterator[Refusal]:
    if not contact.phone:
        return
    country = country_of(contact.phone)
    for number, rule in RULES:
        if why := rule(contact, texting, country):
            yield Refusal(channel="sms", rule=number, why=why)


def _says_number(text: str, contact: Contact) -> bool:
    """Whether a text has a telephone number, besides the reference and dates."""
    return _NUMBER.search(_DATE.sub("", text.replace(contact.person.reference, ""))) is not None


def unanswerable(contact: Contact, one: Texting, country: str) -> str:
    """R39: a text from a name says how else to opt out (47 CFR 64.1200(a)(10)(iii))."""
    if not one.channel.sender_name or _says_number(one.text(contact), contact):
        return ""
    return "the sender is a name that nobody can answer, and the text names no telephone number to opt out"


def exempted(contact: Contact, one: Texting, country: str) -> str:
    """R40: the conditions of an exemption from consent, as far as data can show them."""
    if contact.sms_consent:
        return ""
    if contact.sms_exemption == "eu_notice" and country not in _EEA:
        return "eu_notice: the number is not of the European Economic Area"
    if contact.sms_exemption in _AMERICAN and country not in ("US", ""):
        return f"{contact.sms_exemption}: a law of the United States, and the number is not American"
    if contact.sms_exemption != "bank_breach":
        return ""
    text = one.text(contact)
    conditions = {
        "the facts name no financial institution (organisation.regulated_as)": one.financial,
        "the channel is not recorded as free to the reader (free_to_reader)": one.channel.free_to_reader,
        "the text does not name the organisation": bool(one.organisation) and one.organisation in text,
        "the text names no telephone number": _says_number(text, contact),
        f"the text has more than {LONGEST_FREE} characters": len(text) <= LONGEST_FREE,
        f"{MOST_FREE} texts were planned in 3 days": one.earlier < MOST_FREE,
    }
    return "; ".join(f"bank_breach: {why}" for why, met in conditions.items() if not met)


def unknown_night(contact: Contact, one: Texting, country: str) -> str:
    """R41: without a time zone, the night of the reader is unknown."""
    return "" if contact.zone or country else "the number shows no time zone: add the column zone"


def named_sender(contact: Contact, one: Texting, country: str) -> str:
    """R42: a sender name that networks block, or show as a likely scam."""
    return name_problem(country, one.channel.registered, one.at) if one.channel.sender_name else ""


def refused_route(contact: Contact, one: Texting, country: str) -> str:
    """R43: American carriers refused the sender, because its registration is missing."""
    if country != "US" or not one.fault:
        return ""
    return f"American carriers refuse this sender (code {one.fault}): register it, then test it with an American number"


def spoken(contact: Contact, one: Texting, country: str) -> str:
    """R44: a call with an artificial voice begins with the name, and has a number to call and a key to opt out."""
    if not one.channel.spoken:
        return ""
    text = one.text(contact)
    conditions = {
        "the text does not begin with the name of the organisation": bool(one.organisation)
        and text.startswith(one.organisation),
        "the text names no telephone number": _says_number(text, contact),
        "no key ends further calls (stop_key)": one.channel.stop_by_key,
    }
    return "; ".join(f"artificial voice: {why}" for why, met in conditions.items() if not met)


Rule = Callable[[Contact, Texting, str], str]
RULES: tuple[tuple[str, Rule], ...] = (
    ("R40", exempted),
    ("R42", named_sender),
    ("R43", refused_route),
    ("R39", unanswerable),
    ("R44", spoken),
    ("R41", unknown_night),
)


class Texted:
    """Counts of the readers who get a text message first, for the warnings of a plan."""

    def __init__(self) -> None:
        """Start empty."""
        self.countries = Counter[str]()
        self.exemptions = Counter[Exemption]()
        self._unchecked = Counter[str]()
        self._last_check = ""

    def add(self, contact: Contact) -> None:
        """Count one reader."""
        country = country_of(contact.phone)
        self.countries[country or "unknown"] += 1
        self._last_check = max(self._last_check, contact.number_checked)
        if not contact.sms_consent:
            self.exemptions[contact.sms_exemption] += 1  # type: ignore[index]  # checked when the list was read
        elif country == "US" and not contact.number_checked >= (contact.consented_on or "0"):
            self._unchecked[contact.consented_on] += 1

    @property
    def old_consents(self) -> int:
        """American numbers whose consent is older than the last check for new owners, and not confirmed by a check (R45)."""
        return sum(
            people
            for day, people in self._unchecked.items()
            if not self._last_check or day < self._last_check
        )

    def warnings(self, channel: Channel) -> Iterator[str]:
        """Yield what a person should read before the plan is sent."""
        if (people := self.countries["US"]) and "US" not in channel.registered and not channel.sender_name:
            yield (
                f"{people:,} readers have American numbers. No registration of {channel.id} with American carriers is recorded (R43). "
                f"They refuse texts without it. Register brand and campaign, or verify a toll-free number. Then set registered: [US]."
            )
        for exemption, people in sorted(self.exemptions.items()):
            yield f"{people:,} readers without consent, by the exemption {exemption}: {_EXEMPTIONS[exemption]} (R40)."
        if self.old_consents:
            yield (
                f"{self.old_consents:,} consents of American numbers are old. No later check shows that the number still has "
                "the same owner. Check the Reassigned Numbers Database (R45, not confirmed)."
            )


_EXEMPTIONS: Mapping[Exemption, str] = {
    "health_and_safety": "it covers only dangers to health and safety, 47 CFR 64.1200(a)(1), and no breach as such",
    "bank_breach": "the customer gave this number, and the text has no advertising, FCC 15-72 ¶¶ 127-139. The limits of 160 characters and 3 texts in 3 days are not confirmed",
    "eu_notice": "a notice without advertising, Directive 2002/58/EC Art. 13, not confirmed",
}
