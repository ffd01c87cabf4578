"""Rule book of messages: each rule with its source, jurisdiction, date and confidence.

A rule's number never changes, because refusals in journals contain it; a rule without a number has a word as its name. The rules
inform and are not legal advice: a named approver with a recorded reason can override all except the firm rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

KeptBy = Literal["planner", "composer", "sender", "answers", "bulk", "notices", "home", "journal", "people"]
"""Code that applies a rule; ``people`` means that the program reminds, and only people can apply it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: its sentence, its source, and the code that applies it."""

    number: str
    says: str
    kept_by: KeptBy
    source: str
    jurisdiction: str = "everywhere"
    as_of: str = "2026-11"
    """Date of the last check of the source: year and month."""
    confirmed: bool = True
    """Whether the source was read, not only cited from memory."""
    firm: bool = False
    """No approver can override it."""


_PRACTICE = "good practice in incident response"
_OWN = "design of this program"
_CHANNELS = (
    Rule(
        number="R1",
        says="a compromised failure domain carries only public messages, and no approvals",
        kept_by="planner",
        source="CISA and partners, AA20-245A: hold all communications out of band",
    ),
    Rule(
        number="R2",
        says="account and identity incidents start with the tenant assumed compromised",
        kept_by="planner",
        source="CISA and partners, AA20-245A",
    ),
    Rule(
        number="R3",
        says="a critical message has two channels without a shared failure domain, one of them outside the organisation's systems",
        kept_by="planner",
        source="NIST SP 800-61r2: several separate means of communication",
    ),
    Rule(
        number="R4",
        says="above internal, the subject and the push preview contain no incident data",
        kept_by="sender",
        source=f"{_PRACTICE}: previews cross the push services and lie open on locked screens",
    ),
    Rule(
        number="R5",
        says="each change of channel is recorded, and a compromised failure domain is trusted again only with a reason",
        kept_by="journal",
        source=f"{_PRACTICE}: a gate for the integrity of channels",
    ),
    Rule(
        number="R6",
        says="contacts come from Tocsin's own database, never from a directory that can be compromised",
        kept_by="home",
        source="NIST SP 800-61r2: contact lists that do not depend on the network",
    ),
    Rule(
        number="R7",
        says="an address that changed near the incident carries no approval until it is verified out-of-band",
        kept_by="planner",
        source="NIST SP 800-63B-4: a changed number is a new authenticator to bind",
        jurisdiction="US, as good practice elsewhere",
    ),
)
_CONTENT = (
    Rule(
        number="R8",
        says="a message's confidentiality is at most the limit of the channel",
        kept_by="planner",
        source="CISA, Mobile Communications Best Practice Guidance (2024)",
        jurisdiction="US, as good practice elsewhere",
    ),
    Rule(
        number="R9",
        says="the class of personal data in a message is at most the limit of the channel",
        kept_by="planner",
        source="GDPR Art. 5(1)(f) and 32; for health data 45 CFR 164.312(e)",
        jurisdiction="EU; US",
        confirmed=False,
    ),
    Rule(
        number="R10",
        says="no channel carries passwords, keys, codes, complete card numbers or social security numbers",
        kept_by="composer",
        source=_PRACTICE,
    ),
    Rule(
        number="R11",
        says="the rules check the completed text and subject, never the template",
        kept_by="composer",
        source=_OWN,
        firm=True,
    ),
    Rule(
        number="R12",
        says="a bounce returns the headers, not the text",
        kept_by="sender",
        source="RFC 3461 section 4.3: RET=HDRS",
        firm=True,
    ),
)
_FRAUD = (
    Rule(
        number="R13",
        says="a phone number alone cannot approve",
        kept_by="planner",
        source="NIST SP 800-63B-4: the telephone network is a restricted authenticator",
        jurisdiction="US, as good practice elsewhere",
    ),
    Rule(
        number="R14",
        says="a text message to affected people contains no link",
        kept_by="planner",
        source=f"{_PRACTICE}: links teach people to fall for fraud, and carriers filter them",
    ),
    Rule(
        number="R15",
        says="a message to responders carries a code that only the organisation can create",
        kept_by="answers",
        source=_PRACTICE,
    ),
    Rule(
        number="R16",
        says="a notice names the organisation's contact and advises to give no password to anyone; otherwise a person checks",
        kept_by="notices",
        source=_PRACTICE,
    ),
    Rule(
        number="R17",
        says="a link acknowledges once, for one person, for a limited time, and only by pressing a button",
        kept_by="answers",
        source=f"{_PRACTICE}: mail scanners open links",
        firm=True,
    ),
    Rule(
        number="R18",
        says="an address with a reported risk is treated like a changed address",
        kept_by="planner",
        source="NIST SP 800-63B-4: risk indicators such as device swap, SIM change, number porting",
        jurisdiction="US, as good practice elsewhere",
    ),
    Rule(
        number="R19",
        says="email to an authority is signed (S/MIME), or the plan warns; people check that the domain signs too and imitates no other",
        kept_by="planner",
        source="requirements of large mailbox providers for senders",
    ),
    Rule(
        number="R20",
        says="webhooks are signed over id, time and body",
        kept_by="sender",
        source="Standard Webhooks",
        firm=True,
    ),
)
_LAW = (
    Rule(
        number="R21",
        says="a breached account is never used to notify its owner",
        kept_by="planner",
        source="Cal. Civ. Code 1798.82(j)(5); EDPB Guidelines 9/2022",
        jurisdiction="US-CA; EU",
        confirmed=False,
    ),
    Rule(
        number="R22",
        says="health notices are sent by first-class mail unless the person agreed to electronic mail",
        kept_by="bulk",
        source="45 CFR 164.404(d)",
        jurisdiction="US",
    ),
    Rule(
        number="R23",
        says="electronic notice under state law needs consent, or email as the primary contact method",
        kept_by="bulk",
        source="15 USC 7001 and the states' breach laws",
        jurisdiction="US states",
    ),
    Rule(
        number="R24",
        says="Tocsin counts the thresholds of substitute notice; above a threshold it opens a task and sends nothing",
        kept_by="bulk",
        source="45 CFR 164.404(d)(2) and the states' breach laws",
        jurisdiction="US",
    ),
    Rule(
        number="R25",
        says="a text message to affected people needs consent, and never follows an opt-out (STOP)",
        kept_by="planner",
        source="47 CFR 64.1200(a)(10)",
        jurisdiction="US",
    ),
    Rule(
        number="R26",
        says="affected people are not called or texted at night; a person decides about a deadline in the night",
        kept_by="planner",
        source="47 CFR 64.1200(c)(1), a rule for telemarketing, kept as a courtesy",
        jurisdiction="US",
        confirmed=False,
    ),
    Rule(
        number="R27",
        says="a delay for law enforcement applies to affected people and the public, and to nobody else",
        kept_by="planner",
        source="45 CFR 164.412 and the states' breach laws",
        jurisdiction="US",
        confirmed=False,
    ),
    Rule(
        number="R28",
        says="links in breach notices lead to the organisation, authorities and named services; no click counters, no external pictures",
        kept_by="planner",
        source="EDPB Guidelines 9/2022: a message of its own",
        jurisdiction="EU, as good practice elsewhere",
        confirmed=False,
    ),
)
_BULK = (
    Rule(
        number="R29",
        says="one person receives one notice, whatever the number of attempts",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R30",
        says="a pilot batch is sent first; many bounces or complaints pause the rest until a person decides",
        kept_by="bulk",
        source=_PRACTICE,
    ),
    Rule(
        number="R31",
        says="rate limits apply to each provider and each destination",
        kept_by="bulk",
        source="requirements of large mailbox providers for senders",
    ),
    Rule(
        number="R32",
        says="the suppression list records each reason separately: bounce, complaint, STOP, manual",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R33",
        says="a campaign that cannot meet the deadline is refused before it starts, with the calculation",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R34",
        says="returned letters and bounces both count as not delivered",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R35",
        says="every person to notify ends as notified, substituted, exempt or pending, and the sum is correct",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R36",
        says="an exercise uses allow-listed channels and contacts nobody outside the organisation",
        kept_by="planner",
        source=_OWN,
        firm=True,
    ),
    Rule(
        number="R37",
        says="any clear request to stop is an opt-out; a person decides unclear requests within 10 business days",
        kept_by="answers",
        source="47 CFR 64.1200(a)(10)",
        jurisdiction="US",
    ),
)
_WORDS = (
    Rule(
        number="outage",
        says="a channel is not used while one of its failure domains is down",
        kept_by="planner",
        source=_OWN,
    ),
    Rule(
        number="contact",
        says="a channel needs an address of the person, unless the channel needs no address",
        kept_by="planner",
        source=_OWN,
        firm=True,
    ),
    Rule(
        number="settings",
        says="a channel with invalid settings is not used",
        kept_by="home",
        source=_OWN,
        firm=True,
    ),
)
RULE_BOOK: Mapping[str, Rule] = {
    rule.number: rule for part in (_CHANNELS, _CONTENT, _FRAUD, _LAW, _BULK, _WORDS) for rule in part
}
"""Every rule by its number or word."""


class RuleOverride(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One override of an incident; an empty field applies to all."""

    seq: int
    """The number of the journal entry: correcting that entry undoes the override."""
    rule: str
    by: str
    """The approver."""
    role: str
    at: datetime
    reason: str
    channel: str = ""
    message_class: str = ""
    person: str = ""
    text: str = ""
    """SHA-256 of the subject and text that can be sent although they contain secrets."""
    domains: frozenset[str] = frozenset()
    """Domains that were compromised at the override: it does not cover domains that are compromised later."""

    def covers(self, rule: str, channel: str, message_class: str, person: str) -> bool:
        """Return whether it overrides a rule for this channel, class and person."""
        return (
            self.rule == rule
            and self.channel in ("", channel)
            and self.message_class in ("", message_class)
            and self.person in ("", person)
        )
