"""Samples of a campaign: the messages of some people of each group, as these people would get them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, get_args

import msgspec

from runner.app.campaigns.chunk import footer
from runner.app.campaigns.send import texts_of
from runner.incident.campaigns.campaign import Campaign, Contact, OwedState, Way
from runner.incident.notices.letters import GroupKey

if TYPE_CHECKING:
    from runner.app.campaigns.legal_basis import CampaignTexts
    from runner.app.core.incident_service import IncidentService
    from runner.incident.state.incident import Incident
    from runner.law.duty import DutyStatus

EACH = 2
"""People of each group and kind of message."""
LOOKED_AT = 5_000
"""Most people of the list that a sample is taken from, so that a list of any length has a page."""
_STATES: tuple[OwedState, ...] = tuple(
    one for one in get_args(OwedState) if one not in ("exempt", "duplicate")
)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person; it is personal data."""

    place: str
    way: Way
    to: str
    """The address; the lines of the envelope of a letter."""
    subject: str
    text: str
    state: OwedState


def samples(
    service: IncidentService,
    incident: Incident,
    campaign: Campaign,
    statuses: Iterable[DutyStatus] | None = None,
) -> Iterator[Sample]:
    """Yield messages from the present facts and templates; raises Refused if a text has none any more.

    A text that differs from the plan is never sent: ``check`` refuses it.
    """
    texts = texts_of(service, incident, campaign, statuses)
    grounds = {ground.group.key: ground for ground in texts.again(campaign)}
    taken: Counter[tuple[GroupKey, Way]] = Counter()
    listed = service.campaign_tables(service.principal).listed(campaign, _STATES)
    for contact, state, _ in islice(listed, LOOKED_AT):
        key = contact.person.group
        for way, to in _ways(contact, campaign, state):
            if taken[key, way] >= EACH or key not in grounds:
                continue
            taken[key, way] += 1
            subject, text = _words(texts, contact, way)
            foot = f"\n\n{footer(contact.person.reference, campaign)}" if way == "email" else ""
            yield Sample(
                place=grounds[key].place, way=way, to=to, subject=subject, text=text + foot, state=state
            )


def _ways(contact: Contact, campaign: Campaign, state: OwedState) -> Iterator[tuple[Way, str]]:
    """Yield the kinds of messages that a person can get from this campaign, each with the address."""
    if state == "post":
        yield "post", contact.person.address
        return
    if contact.email and "email" in campaign.channels:
        yield "email", contact.email
    if contact.phone and campaign.short and "sms" in campaign.channels:
        yield "sms", contact.phone


def _words(texts: CampaignTexts, contact: Contact, way: Way) -> tuple[str, str]:
    """Return subject and text; a letter has the text of the email, and its pages are made apart."""
    wording = texts.wording(contact.person.group)
    if way == "sms":
        return "", wording.sms(contact.person).text
    words = wording.mail(contact.person)
    return words.subject, words.text
