"""Rules over one channel to one person: each is a function that returns a reason to block, or nothing.

The text of a rule, its source, and whether an approver can override it are in ``rule_book.csv``. Rules only
remove channels, and a further compromised domain only blocks more. An override removes one rule, for the domains
that were compromised at that time: so also with overrides, one more compromised domain can never add a channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from runner.base.states import Kind, Refusal
from runner.routing.messaging import Audience, Channel, ContactPoint, MessageClass, carries, carries_personal
from runner.routing.rule_book import RuleOverride, rule_book
from runner.routing.sender_names import country_of, name_problem

OUTSIDERS: frozenset[Audience] = frozenset({"regulator", "affected", "public"})
"""Audiences that an exercise never contacts, whatever the settings."""
HELD_BACK: frozenset[Audience] = frozenset({"affected", "public"})
"""Audiences whose messages a delay for law enforcement blocks."""
FALLEN: frozenset[str] = frozenset({"R1", "R2", "outage"})
"""Rules about compromised domains: an override of them covers only the domains that were compromised at that time."""
OF_CAMPAIGNS = frozenset({"R39", "R40", "R41", "R43"})
"""Rules about text messages that only campaigns apply, person by person."""
LINK = "link"
"""The trait of a text with a web address."""
FOREIGN_LINK = "foreign_link"
"""The trait of a link outside the organisation and the services of the class, or of a link that counts its readers."""


class Compromise(msgspec.Struct, frozen=True, kw_only=True):
    """A failure domain in the attacker's hands, known or assumed by the playbook until triage."""

    domain: str
    since: datetime
    assumed: bool = False


class PlanContext(msgspec.Struct, frozen=True, kw_only=True):
    """Data of the incident and the home that the rules read."""

    kind: Kind
    started_at: datetime
    """Earliest known start of the incident."""
    compromised: tuple[Compromise, ...] = ()
    suspected: frozenset[str] = frozenset()
    """Domains that the playbook of another incident assumes compromised: a warning."""
    down: Mapping[str, datetime] = {}
    """Domain to the instant since which it is down."""
    affected_credentials: frozenset[str] = frozenset()
    """Address kinds whose accounts were breached, such as ``email``."""
    quarantine_before: timedelta = timedelta(days=7)
    """Contact data changed this long before the start is distrusted as well."""
    overrides: tuple[RuleOverride, ...] = ()
    held_by: str = ""
    """The law enforcement authority that delays notices, during the delay."""
    corporate: frozenset[str] = frozenset()
    """Domains of the company's own identity provider, network, mail and chat."""
    at: datetime | None = None
    """Time of the plan; None if nobody is alerted now."""
    simulated: bool = False
    """It is an exercise without real sending: every channel can be simulated."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One channel to one person for one class, with all data that a rule reads."""

    message: MessageClass
    channel: Channel
    contact: ContactPoint | None
    context: PlanContext
    person: str = ""
    traits: frozenset[str] = frozenset()
    """Traits of the text that a rule reads, such as ``link``."""

    @property
    def domains(self) -> frozenset[str]:
        """Failure domains of the channel and of the mailbox or number together."""
        return self.channel.domains | (self.contact.domains if self.contact else frozenset())

    @property
    def alarm(self) -> frozenset[str]:
        """Everything that must work before it wakes its recipient: also the push services (R3)."""
        return self.domains | self.channel.push

    @property
    def authorises(self) -> bool:
        """Whether an answer to this message can decide something."""
        return self.message.goal == "authorised"

    @property
    def texts_people(self) -> bool:
        """Whether the channel texts or calls affected people."""
        return self.message.audience == "affected" and self.channel.address_kind == "phone"


Rule = Callable[[Candidate], str | None]
"""Returns a plain reason to block the candidate, or None."""


def minute(at: datetime) -> str:
    """Return an instant for a reason: UTC, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def exercise(one: Candidate) -> str | None:
    """R36: allow-listed channels, and nobody outside the organisation."""
    if one.context.kind == "real":
        return None
    if one.message.audience in OUTSIDERS:
        return f"an incident of kind {one.context.kind} sends no message to the audience {one.message.audience!r}"
    if not one.channel.exercise_safe and not one.context.simulated:
        return f"is not on the allow-list of channels for an incident of kind {one.context.kind}"
    return None


def unwatched(one: Candidate) -> str | None:
    """A screen that no person watches reaches nobody, and the log behind it must contain no message."""
    if not one.channel.unwatched or one.context.simulated:
        return None
    return "reaches nobody: messages are sent by a process whose screen no person watches"


def credentials(one: Candidate) -> str | None:
    """R10: passwords, keys and codes are sent over no channel."""
    return "must not carry credentials" if one.message.personal_data == "credentials" else None


def held(one: Candidate) -> str | None:
    """R27: a delay blocks messages to affected people and the public, not to responders and regulators."""
    if not one.context.held_by or one.message.audience not in HELD_BACK:
        return None
    return (
        f"is delayed: {one.context.held_by} asked to delay messages to the audience {one.message.audience!r}"
    )


def _compromised(one: Candidate, *, assumed: bool) -> str | None:
    fallen = sorted(
        (entry.domain, entry.since)
        for entry in one.context.compromised
        if entry.assumed is assumed and entry.domain in one.domains
    )
    if not fallen or (one.message.confidentiality == "public" and not one.authorises):
        return None
    domain, since = fallen[0]
    how = "is assumed compromised until triage" if assumed else "is compromised"
    return f"depends on {domain}, which {how} (since {minute(since)})"


def compromised_domain(one: Candidate) -> str | None:
    """R1: nothing above public, and no approval, over a channel that the attacker may read or control."""
    return _compromised(one, assumed=False)


def assumed_domain(one: Candidate) -> str | None:
    """R2: in account and identity incidents the tenant is assumed compromised."""
    return _compromised(one, assumed=True)


def outage(one: Candidate) -> str | None:
    """A domain that is down blocks every channel that depends on it."""
    down = sorted(one.domains & one.context.down.keys())
    if not down:
        return None
    since = minute(one.context.down[down[0]])
    return f"depends on {down[0]}, which is down (since {since})"


def confidentiality(one: Candidate) -> str | None:
    """R8: a message's confidentiality is at most the channel's ceiling."""
    ceiling, wanted = one.channel.confidentiality, one.message.confidentiality
    return None if carries(ceiling, wanted) else f"carries at most {ceiling}; the message is {wanted}"


def personal_data(one: Candidate) -> str | None:
    """R9: the class of personal data in a message is at most the channel's ceiling."""
    ceiling, wanted = one.channel.personal_data, one.message.personal_data
    if carries_personal(ceiling, wanted):
        return None
    return f"carries personal data up to {ceiling!r}; the message holds {wanted!r}"


def sim_swap(one: Candidate) -> str | None:
    """R13: a person who takes over a number must not be able to approve with it."""
    if one.authorises and one.channel.sim_swappable:
        return "cannot carry an approval: a SIM swap would give the number to another person"
    return None


def breached_account(one: Candidate) -> str | None:
    """R21: the breached account is never used to notify its owner."""
    contact = one.contact
    if contact is None or one.message.audience != "affected":
        return None
    if {one.channel.address_kind, contact.channel} & one.context.affected_credentials:
        return f"the {one.channel.address_kind} account is one of the breached accounts"
    return None


def link_in_text(one: Candidate) -> str | None:
    """R14: a text message with a link to press looks like fraud."""
    if one.texts_people and LINK in one.traits:
        return "the text contains a link; a text message to affected people must name a known number or site instead"
    return None


def foreign_link(one: Candidate) -> str | None:
    """R28: email about a breach contains no click counter and no foreign link."""
    if one.message.audience not in HELD_BACK or one.channel.address_kind != "email":
        return None
    if FOREIGN_LINK in one.traits:
        return "the text contains a link outside the organisation and the class (links), or a link that counts its readers"
    return None


def stopped(one: Candidate) -> str | None:
    """R25: after an opt-out a channel sends nothing more to the person; another channel must be used."""
    since = one.contact.stopped.get(one.channel.adapter) if one.contact is not None else None
    if one.contact is None or since is None:
        return None
    how = one.contact.stop_heard.get(one.channel.adapter, "")
    return f"the person opted out at {minute(since)}" + (f", heard: {how}" if how else "")


def consent(one: Candidate) -> str | None:
    """R25: affected people must have agreed to be texted."""
    if one.contact is not None and one.texts_people and one.contact.consented_at is None:
        return "no consent to text messages is recorded"
    return None


def sender_name(one: Candidate) -> str | None:
    """R42: a sender name that networks block, or show as a likely scam, must not carry a notice."""
    if not one.texts_people or not one.channel.sender_name or one.contact is None:
        return None
    country = country_of(one.contact.address)
    return name_problem(country, one.channel.registered, one.context.at) or None


def artificial_voice(one: Candidate) -> str | None:
    """R44: a call with an artificial voice to affected people has a key to opt out."""
    if one.texts_people and one.channel.spoken and not one.channel.stop_by_key:
        return "calls with an artificial voice, and no key ends further calls (stop_key)"
    return None


def _unproved(one: Candidate, since: datetime) -> bool:
    """Return whether an approval would depend on an address that was not verified after its change."""
    contact = one.contact
    return (
        one.authorises
        and contact is not None
        and (contact.verified_at is None or contact.verified_at <= since)
    )


def changed_contact(one: Candidate) -> str | None:
    """R7: an address changed around the incident cannot approve until it is verified over another channel."""
    contact, context = one.contact, one.context
    if contact is None or contact.changed_at is None or not _unproved(one, contact.changed_at):
        return None
    begin = min([context.started_at, *(entry.since for entry in context.compromised)])
    if contact.changed_at < begin - context.quarantine_before:
        return None
    when = minute(contact.changed_at)
    return f"cannot carry an approval: the contact was changed at {when} and not verified since"


def distrusted_contact(one: Candidate) -> str | None:
    """R18: an address with a reported risk cannot approve either, such as a new SIM card or a ported number."""
    contact = one.contact
    if contact is None or contact.risk_at is None or not _unproved(one, contact.risk_at):
        return None
    when = minute(contact.risk_at)
    return f"cannot carry an approval: a risk of the contact was reported at {when}, and the contact was not verified since"


def no_way(one: Candidate) -> str | None:
    """A channel needs an address of the person, unless its address kind is none; one that encrypts also the person's key."""
    if one.contact is None and one.channel.address_kind != "none":
        return f"no {one.channel.address_kind} contact is known for this channel"
    if one.contact is not None and one.channel.seals and "#" not in one.contact.address:
        return f"no key of the person is stored: tocsin channel keys {one.channel.id}"
    return None


RULES: tuple[tuple[str, Rule], ...] = (
    ("R36", exercise),
    ("screen", unwatched),
    ("R10", credentials),
    ("R27", held),
    ("R1", compromised_domain),
    ("R2", assumed_domain),
    ("outage", outage),
    ("R8", confidentiality),
    ("R9", personal_data),
    ("R13", sim_swap),
    ("R21", breached_account),
    ("R14", link_in_text),
    ("R28", foreign_link),
    ("R25", stopped),
    ("R25", consent),
    ("R42", sender_name),
    ("R44", artificial_voice),
    ("R7", changed_contact),
    ("R18", distrusted_contact),
    ("contact", no_way),
)
"""In order of importance for the reader: the first blocking rule is printed."""


def refusal(one: Candidate) -> Refusal | None:
    """Return the reason of the first rule that blocks the candidate and is not overridden, or None."""
    for number, rule in RULES:
        if (why := rule(one)) and set_aside(one, number) is None:
            return Refusal(channel=one.channel.id, rule=number, why=why)
    return None


def against(one: Candidate) -> Iterator[tuple[Refusal, RuleOverride]]:
    """Yield the rules that block the candidate without overrides, each with its override."""
    if not one.context.overrides:
        return
    for number, rule in RULES:
        if (why := rule(one)) and (override := set_aside(one, number)) is not None:
            yield Refusal(channel=one.channel.id, rule=number, why=why), override


def set_aside(one: Candidate, number: str) -> RuleOverride | None:
    """Return the override of a rule for this candidate; firm rules, credentials and opt-outs have none."""
    if not one.context.overrides or rule_book()[number].firm or number == "R10":
        return None
    if number == "R25" and stopped(one):
        return None
    fallen = one.domains & ({entry.domain for entry in one.context.compromised} | one.context.down.keys())
    for entry in one.context.overrides:
        if entry.covers(number, one.channel.id, one.message.name, one.person) and (
            number not in FALLEN or fallen <= entry.domains
        ):
            return entry
    return None
