"""The rules by which messages are planned and written, each with its source, its jurisdiction, its date and how sure we are.

A rule keeps its number for ever, since the refusals in journals carry it; a rule without a number is named by a word. The rules
inform and are no legal advice: all but the firm ones give way to a named approver with a reason, on the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

KeptBy = Literal["planner", "composer", "sender", "answers", "bulk", "notices", "home", "journal", "people"]
"""Who holds to a rule; ``people`` means that the program reminds of it, and nobody but people can keep it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: what it says in one sentence, on what ground, and who keeps it."""

    number: str
    says: str
    kept_by: KeptBy
    source: str
    jurisdiction: str = "everywhere"
    as_of: str = "2026-11"
    """Until when the source was looked at: year and month."""
    confirmed: bool = True
    """Whether the source was read, and not only remembered."""
    firm: bool = False
    """No approver can set it aside."""


_PRACTICE = "good practice in incident response"


_OWN = "how this program is made"


_CHANNELS = (
    Rule(
        number="R1",
        says="nothing above public, and no approval, over what the attacker may read or control",
        kept_by="planner",
        source="CISA and partners, AA20-245A: hold all communications out of band",
    ),
    Rule(
        number="R2",
        says="account and identity incidents begin with the tenant assumed compromised",
        kept_by="planner",
        source="CISA and partners, AA20-245A",
    ),
    Rule(
        number="R3",
        says="a critical message has two channels that cannot fall together, one of them outside the company's own systems",
        kept_by="planner",
        source="NIST SP 800-61r2: several separate means of communication",
    ),
    Rule(
        number="R4",
        says="above internal, the subject and the push preview say nothing",
        kept_by="sender",
        source=f"{_PRACTICE}: previews cross the push services and lie open on locked screens",
    ),
    Rule(
        number="R5",
        says="a switch of channel is an event, and trust in a fallen domain comes back only with its grounds",
        kept_by="journal",
        source=f"{_PRACTICE}: a gate for the integrity of channels",
    ),
    Rule(
        number="R6",
        says="contacts come from our own store, never from a directory that may have fallen",
        kept_by="home",
        source="NIST SP 800-61r2: contact lists that do not hang on the network",
    ),
    Rule(
        number="R7",
        says="an address changed around the incident decides nothing until another way has verified it",
        kept_by="planner",
        source="NIST SP 800-63B-4: a changed number is a new authenticator to bind",
        jurisdiction="US, as good practice elsewhere",
    ),
)


_CONTENT = (
    Rule(
        number="R8",
        says="a message's confidentiality is at most the channel's ceiling",
        kept_by="planner",
        source="CISA, Mobile Communications Best Practice Guidance (2024)",
        jurisdiction="US, as good practice elsewhere",
    ),
    Rule(
        number="R9",
        says="so is the class of personal data in it",
        kept_by="planner",
        source="GDPR Art. 5(1)(f) and 32; for health data 45 CFR 164.312(e)",
        jurisdiction="EU; US",
        confirmed=False,
    ),
    Rule(
        number="R10",
        says="passwords, keys, codes, whole card and social security numbers go over no channel at all",
        kept_by="composer",
        source=_PRACTICE,
    ),
    Rule(
        number="R11",
        says="what is judged is the text as filled in, with its subject, never the template",
        kept_by="composer",
        source=_OWN,
        firm=True,
    ),
    Rule(
        number="R12",
        says="a bounce brings back the headers, and not the text",
        kept_by="sender",
        source="RFC 3461 section 4.3: RET=HDRS",
        firm=True,
    ),
)


_FRAUD = (
    Rule(
        number="R13",
        says="who can take over a number must not be able to approve with it",
        kept_by="planner",
        source="NIST SP 800-63B-4: the telephone network is a restricted authenticator",
        jurisdiction="US, as good practice elsewhere",
    ),
    Rule(
        number="R14",
        says="a text message to affected people holds no link",
        kept_by="planner",
        source=f"{_PRACTICE}: links teach people to fall for fraud, and carriers filter them",
    ),
    Rule(
        number="R15",
        says="a message to responders carries a code that only we can have made",
        kept_by="answers",
        source=_PRACTICE,
    ),
    Rule(
        number="R16",
        says="a notice says how we are reached, and that we ask for no password; where it is not found, a person is asked to look",
        kept_by="notices",
        source=_PRACTICE,
    ),
    Rule(
        number="R17",
        says="a link acknowledges once, for one person, for a while, and only when it is pressed",
        kept_by="answers",
        source=f"{_PRACTICE}: mail scanners open links",
        firm=True,
    ),
    Rule(
        number="R18",
        says="an address of which somebody reports a risk is distrusted like a changed one",
        kept_by="planner",
        source="NIST SP 800-63B-4: risk indicators such as device swap, SIM change, number porting",
        jurisdiction="US, as good practice elsewhere",
    ),
    Rule(
        number="R19",
        says="mail to an authority is signed (S/MIME), or the plan warns; its domain signs as well and is no look-alike, which people see to",
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
        says="nobody is told of a breach through the account that was breached",
        kept_by="planner",
        source="Cal. Civ. Code 1798.82(j)(4); EDPB Guidelines 9/2022",
        jurisdiction="US-CA; EU",
        confirmed=False,
    ),
    Rule(
        number="R22",
        says="health notices go by first-class mail unless the person agreed to electronic mail",
        kept_by="bulk",
        source="45 CFR 164.404(d)",
        jurisdiction="US",
    ),
    Rule(
        number="R23",
        says="electronic notice under state law needs consent, or mail as the primary way of contact",
        kept_by="bulk",
        source="15 USC 7001 and the states' breach laws",
        jurisdiction="US states",
    ),
    Rule(
        number="R24",
        says="the thresholds of substitute notice are counted; crossing one opens a task and does nothing by itself",
        kept_by="bulk",
        source="45 CFR 164.404(d)(2) and the states' breach laws",
        jurisdiction="US",
    ),
    Rule(
        number="R25",
        says="a text message to affected people needs their consent, and nobody is texted who said STOP",
        kept_by="planner",
        source="47 CFR 64.1200(a)(10)",
        jurisdiction="US",
    ),
    Rule(
        number="R26",
        says="affected people are not called or texted at night; a deadline within the night is a decision for a person",
        kept_by="planner",
        source="47 CFR 64.1200(c)(1), a rule for telemarketing, kept as a courtesy",
        jurisdiction="US",
        confirmed=False,
    ),
    Rule(
        number="R27",
        says="a hold of law enforcement keeps back what affected people and the public are told, and nothing else",
        kept_by="planner",
        source="45 CFR 164.412 and the states' breach laws",
        jurisdiction="US",
        confirmed=False,
    ),
    Rule(
        number="R28",
        says="mail and notices about a breach lead to us, to authorities and to whom they name; no click counter, no picture from elsewhere",
        kept_by="planner",
        source="EDPB Guidelines 9/2022: a message of its own",
        jurisdiction="EU, as good practice elsewhere",
        confirmed=False,
    ),
)


_BULK = (
    Rule(
        number="R29", says="one person is owed one notice, by however many tries", kept_by="bulk", source=_OWN
    ),
    Rule(
        number="R30",
        says="a small part goes first; many bounces or complaints stop the rest until a person says otherwise",
        kept_by="bulk",
        source=_PRACTICE,
    ),
    Rule(
        number="R31",
        says="rates hold for each provider and each destination",
        kept_by="bulk",
        source="requirements of large mailbox providers for senders",
    ),
    Rule(
        number="R32",
        says="why somebody is not written to is kept apart: bounce, complaint, STOP, by hand",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R33",
        says="what cannot be done in time is refused before it begins, with the arithmetic",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(number="R34", says="returned post and bounces both mean unreachable", kept_by="bulk", source=_OWN),
    Rule(
        number="R35",
        says="every owed person ends as notified, substituted, exempt or open, and the sum is right",
        kept_by="bulk",
        source=_OWN,
    ),
    Rule(
        number="R36",
        says="an exercise reaches allow-listed channels and nobody outside the house",
        kept_by="planner",
        source=_OWN,
        firm=True,
    ),
    Rule(
        number="R37",
        says="any reasonable way of saying stop is one; a person judges within ten business days what is not clear",
        kept_by="answers",
        source="47 CFR 64.1200(a)(10)",
        jurisdiction="US",
    ),
)


_WORDS = (
    Rule(
        number="outage",
        says="a domain that is down takes every channel in it along",
        kept_by="planner",
        source=_OWN,
    ),
    Rule(
        number="contact",
        says="a channel needs an address of the person, except where it needs none",
        kept_by="planner",
        source=_OWN,
        firm=True,
    ),
    Rule(
        number="settings",
        says="a channel that cannot be used as it is configured is not used",
        kept_by="home",
        source=_OWN,
        firm=True,
    ),
)


RULE_BOOK: Mapping[str, Rule] = {
    one.number: one for part in (_CHANNELS, _CONTENT, _FRAUD, _LAW, _BULK, _WORDS) for one in part
}
"""Every rule by its number or word."""


class RuleOverride(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One override as it stands in an incident; what is empty holds for all."""

    seq: int
    """The journal's number of the entry: correcting that entry takes the override back."""
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
    """SHA-256 of the subject and text that may go in spite of what was found in them."""
    domains: frozenset[str] = frozenset()
    """Domains that had fallen when it was given: of one that falls later nothing was known, so nothing is allowed."""

    def covers(self, rule: str, channel: str, message_class: str, person: str) -> bool:
        """Tell whether it sets a rule aside for this channel, class and person."""
        return (
            self.rule == rule
            and self.channel in ("", channel)
            and self.message_class in ("", message_class)
            and self.person in ("", person)
        )
