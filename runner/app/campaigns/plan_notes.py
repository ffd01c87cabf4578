"""Warnings of a plan: what a person should know about the texts, the channels and the rows of a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from runner.app.campaigns.legal_basis import CampaignTexts, unapproved
from runner.base.states import Refusal
from runner.incident.campaigns.campaign import Campaign, Contact
from runner.incident.campaigns.eligible_channels import all_awake_at
from runner.incident.campaigns.texting import Texted, Texting, text_overrides
from runner.incident.notices.letter_languages import unchosen_words
from runner.reports.core.formatting import count, moment
from runner.routing.planner import zones_of

_SHOWN = 10
_FIELDS = {"email": "email", "sms": "phone"}


class PlanNotes:
    """What is noticed while a list is read; memory does not grow with the list."""

    def __init__(self, rules: Texting | None, now: datetime) -> None:
        """Start with nothing noticed."""
        self.texted = Texted()
        self._rules, self._now = rules, now
        self._awake = cache(lambda zones: all_awake_at(now, zones))
        self._overridden = Counter[tuple[str, str]]()
        self._unusable = Counter[str]()
        self._lines: dict[str, list[int]] = {}
        self._asleep, self._until = 0, now

    def compare(self, row: int, contact: Contact, sound: Contact) -> None:
        """Note the invalid addresses of a row: those that are left out in ``sound``."""
        for field in _FIELDS.values():
            if getattr(contact, field) != getattr(sound, field):
                self._unusable[field] += 1
                if self._unusable[field] <= _SHOWN:
                    self._lines.setdefault(field, []).append(row)

    def text(self, contact: Contact, *, first: bool) -> None:
        """Note a reader who may get a text message, ``first`` or after another contact method."""
        self.texted.add(contact)
        if self._rules is not None:
            self._overridden.update((one.rule, one.why) for one in text_overrides(contact, self._rules))
        zones = (contact.zone,) if contact.zone else tuple(sorted(zones_of(contact.phone)))
        if first and (awake := self._awake(zones)) > self._now:
            self._asleep += 1
            self._until = max(self._until, awake)

    def warnings(self, list_name: str, due: datetime | None) -> Iterator[str]:
        """Yield what was noticed; ``due`` is the deadline."""
        for field, number in self._unusable.items():
            lines = ", ".join(map(str, self._lines[field]))
            form = " Write the international form, such as +491715550100." if field == "phone" else ""
            more = f" and {number - _SHOWN:,} more" if number > _SHOWN else ""
            yield f"{list_name}: the column {field} is invalid in {count(number, 'row')}: lines {lines}{more}.{form}"
        if self._asleep:
            late = " This is after the deadline." if due is not None and self._until > due else ""
            yield (
                f"{count(self._asleep, 'text message')} cannot start now: it is night for the readers, the last until "
                f"{moment(self._until)} (R26). The calculation does not include this wait.{late}"
            )
        if self._rules is None:
            return
        yield from self.texted.warnings(self._rules.channel)
        for (rule, why), people in sorted(self._overridden.items()):
            yield f"{rule} for {count(people, 'text message')}: {why}; overridden by {self._rules.overridden[rule]}"


def why_not(refusal: Refusal, contact: Contact) -> str:
    """Return why a contact method is blocked: an invalid address is not an unknown one."""
    field = _FIELDS.get(refusal.channel, "")
    if refusal.rule == "contact" and field and getattr(contact, field):
        return f"the {'email address' if field == 'email' else 'phone number'} is invalid"
    return refusal.why


def plan_warnings(campaign: Campaign, texts: CampaignTexts) -> Iterator[str]:
    """Yield the warnings about the texts and the channels."""
    for problem in unapproved(texts, campaign.grounds):
        yield f"{problem.file} is not approved. Sending is blocked until the approval."
    yield from unchosen_words(ground.group for ground in campaign.grounds)
    for ground in campaign.grounds:
        if ground.held:
            yield f"{ground.group.duty} is delayed at the request of law enforcement (R27)"
    for way, channel in campaign.channels.items():
        if campaign.ways.get(way) and channel not in campaign.rates:
            yield f"The rate of {channel} is unknown. A low estimate is used. To set the rate: --rate {channel}=60/s"
