"""Legal basis of a campaign: the law and the text of each group, its channels, and the blocks at this moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.channel_state import refused_senders
from runner.app.notices.addressing import Addressing
from runner.base.states import Refusal
from runner.effects.campaign_message import Wording
from runner.effects.context import message_class, plan_context
from runner.effects.notices.legal_basis import legal_context
from runner.errors import NotFound, Problem, Refused
from runner.facts.vocabulary.register import nested
from runner.incident.campaigns.campaign import Campaign, Ground, Way
from runner.incident.campaigns.texting import FINANCIAL, Texting
from runner.incident.campaigns.texting import RULES as TEXT_RULES
from runner.incident.notices.letters import GroupKey, Person, Variant
from runner.incident.state.incident import Incident
from runner.law.duty import DutyStatus
from runner.law.populations import views
from runner.law.regime import SubstituteNotice
from runner.reports.notices.notices import NoticeRow, notice_rows
from runner.routing.messaging import Channel, ContactPoint, Recipient
from runner.routing.planner import choose
from runner.routing.rules import against

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

CLASSES: Mapping[Way, str] = {"email": "affected-notice", "sms": "affected-text"}
KINDS: Mapping[Way, str] = {"email": "email", "sms": "phone"}
TEXTING = frozenset({"twilio_sms", "smpp", "modem"})
"""Adapters whose phone number can send a text message; another adapter is used if it is named."""


class CampaignChannels(msgspec.Struct, frozen=True):
    """The channel for each kind of contact method, or why none may be used."""

    channels: Mapping[Way, Channel]
    offers: Mapping[Way, Refusal | None]
    overridden: tuple[str, ...] = ()
    """Rules against these channels that an approver overrode: the rule, the reason, the approver."""

    def without_texts(self) -> CampaignChannels:
        """Return the channels of a campaign that has no text for text messages."""
        channels = {way: channel for way, channel in self.channels.items() if way != "sms"}
        offers = dict(self.offers)
        if "sms" in self.channels:
            why = "text messages need a short notice of their own: --short NOTICE"
            offers["sms"] = Refusal(channel="sms", rule="channel", why=why)
        return msgspec.structs.replace(self, channels=channels, offers=offers)


def carriers(service: IncidentService, incident: Incident, named: Sequence[str] = ()) -> CampaignChannels:
    """Choose a channel for each kind of contact method by the planner's rules; ``named`` permits only that choice."""
    unknown = [name for name in named if name not in service.directory.channels]
    if unknown:
        known = ", ".join(sorted(service.directory.channels)) or "none"
        raise NotFound(
            f'Channel "{unknown[0]}" does not exist.', hint=f"Use one of: {known}", code="unknown_channel"
        )
    # R21 and R27 are decided for each group of people, not for the incident as a whole
    today = plan_context(incident, service.clock.now(), service.compromises())
    context = msgspec.structs.replace(today, affected_credentials=frozenset(), held_by="")
    channels: dict[Way, Channel] = {}
    offers: dict[Way, Refusal | None] = {}
    overridden: list[str] = []
    for way, kind in KINDS.items():
        possible = sorted(
            (channel for channel in service.directory.channels.values() if _fits(channel, way, kind, named)),
            key=lambda one: (one.priority, one.id),
        )
        if (
            named
            and not possible
            and any(_fits(one, way, kind, ()) for one in service.directory.channels.values())
        ):
            offers[way] = Refusal(
                channel=way, rule="channel", why="left out by the choice of channels (--over)"
            )
        for channel in possible:
            # consent to text messages is checked for each row of the list, not for the channel
            point = ContactPoint(channel=KINDS[way], address="anybody", consented_at=context.started_at)
            anybody = Recipient(person="anybody", contacts=(point,))
            chosen = choose(message_class(CLASSES[way]), channel, anybody, context)
            if not isinstance(chosen, Refusal):
                channels[way], offers[way] = channel, None
                overridden += (
                    f"{rule.rule} for {channel.id}: {rule.why}; overridden by {entry.by} ({entry.reason})"
                    for rule, entry in against(chosen)
                )
                break
            offers.setdefault(way, chosen)
    return CampaignChannels(channels, offers, tuple(overridden))


def _fits(channel: Channel, way: Way, kind: str, named: Sequence[str]) -> bool:
    if channel.address_kind != kind:
        return False
    return channel.id in named if named else way != "sms" or channel.adapter in TEXTING


def texting(
    service: IncidentService, incident: Incident, carried: CampaignChannels, texts: CampaignTexts
) -> Texting | None:
    """Return what the rules about text messages read (R39 to R44), or None without a channel for them."""
    channel, now = carried.channels.get("sms"), service.clock.now()
    if channel is None:
        return None
    kinds = incident.facts.get("organisation.regulated_as")
    older = service.campaign_tables(service.principal).campaigns(incident.id) if incident.campaigns else ()
    earlier = [
        one.campaign for one in older if one.campaign.short and one.state not in ("planned", "partial")
    ]
    return Texting(
        channel=channel,
        at=now,
        text=lambda contact: texts.wording(contact.person.group).sms(contact.person).text,
        organisation=str(service.home.organisation.get("name") or ""),
        financial=bool(FINANCIAL.intersection(kinds.value or ()) if kinds is not None else ()),
        earlier=sum(now - one.planned_at < timedelta(days=3) for one in earlier),
        fault=refused_senders(service).get(channel.id, ""),
        overridden={
            number: f"{one.by} ({one.reason})"
            for number, _ in TEXT_RULES
            for one in incident.overrides.values()
            if one.covers(number, channel.id, CLASSES["sms"], "")
        },
    )


class CampaignTexts:
    """The law and the text of each group of a list, computed once for each."""

    def __init__(
        self,
        service: IncidentService,
        incident: Incident,
        notice: str,
        short: str = "",
        duties: Sequence[str] = (),
        statuses: Iterable[DutyStatus] | None = None,
    ) -> None:
        """Assess the duties now, or take these ``statuses``; raises NotFound for an unknown duty or template."""
        self.incident, self._library = incident, service.library(incident)
        self.addressing = Addressing(service, incident, notice, duties=duties, statuses=statuses)
        same = self.addressing.statuses.values()
        self._short = Addressing(service, incident, short, duties=duties, statuses=same) if short else None
        self._breached = _breached(incident)
        self.grounds: dict[GroupKey, Ground] = {}
        self._wordings: dict[GroupKey, Wording] = {}

    def placed(self, person: Person) -> str:
        """Return why there is no text for a person's place and population, or nothing."""
        why = self.addressing.placed(person)
        if not why and self._short is not None:
            why = self._short.placed(person)
        if not why and person.group not in self.grounds:
            self.grounds[person.group] = self._ground(person.group)
        return why

    def require_whole(self) -> None:
        """Raise Refused if a text has missing information."""
        self.addressing.require_whole(drafts="")
        if self._short is not None:
            self._short.require_whole(drafts="")

    def wording(self, group: GroupKey) -> Wording:
        """Return the text of one group; raises Refused for a template that is not a short text."""
        found = self._wordings.get(group)
        if found is None:
            short = self._short.papers[group] if self._short is not None else None
            found = self._wordings[group] = Wording(self.addressing.papers[group], short)
        return found

    def _ground(self, group: GroupKey) -> Ground:
        made = self.addressing.groups[group]
        status = self.addressing.statuses[made.duty]
        brief = legal_context(self.incident, status, self._library)
        rule = brief.rule if brief is not None else None
        substitute = (rule.substitute if rule is not None else None) or SubstituteNotice()
        return Ground(
            group=made,
            regime=status.regime,
            forms=rule.delivery.forms if rule is not None and rule.delivery is not None else (),
            due=status.due,
            held=status.state == "held",
            breached=self._breached.get(group[1], self._breached[""]),
            cost_over=substitute.cost_over,
            class_over=substitute.class_over,
            currency=substitute.currency,
            substitute=substitute.forms,
            short=self._short.papers[group].document().digest if self._short is not None else "",
        )

    def again(self, campaign: Campaign) -> tuple[Ground, ...]:
        """Return the present grounds of a campaign, in its own order; raises Refused if one is missing."""
        for ground in campaign.grounds:
            if why := self.placed(_person(*ground.group.key)):
                raise Refused(
                    f"{ground.place}: {why}",
                    hint="Plan again: tocsin bulk plan NOTICE --people FILE",
                    code="campaign_stale",
                )
        self.require_whole()
        return tuple(self.grounds[ground.group.key] for ground in campaign.grounds)

    def short_approved(self, ground: Ground) -> bool:
        """Tell whether the short text of a group is approved as its letter is, if there is one."""
        if self._short is None:
            return True
        return self._short.groups[ground.group.key].approved

    @property
    def short_notice(self) -> str:
        """The name of the short text, with its version."""
        first = next(iter(self._short.groups.values()), None) if self._short is not None else None
        return f"{first.notice} {first.version}" if first is not None else ""


def _person(place: str, population: str, variant: Variant, language: str) -> Person:
    named = Person(reference="x", name="x", address="x", jurisdiction=place, population=population)
    return msgspec.structs.replace(named, variant=variant, language=language)


def _breached(incident: Incident) -> dict[str, frozenset[str]]:
    """Return the address kinds whose accounts were breached, by population; the empty name is for everybody."""
    found: dict[str, frozenset[str]] = {}
    anybody: frozenset[str] = frozenset()
    for view in views(nested(incident.facts)):
        elements = view.fact("data.elements")
        kinds = (
            frozenset({"email"})
            if isinstance(elements, list | tuple) and "online_credentials" in elements
            else frozenset()
        )
        anybody |= kinds
        if view.id:
            found[view.id] = kinds
    return {**found, "": anybody}


def _signed(row: NoticeRow) -> str:
    by = ", ".join(one.by for one in row.approvals if one.binds and one.approved)
    return f"Approved by {by}. Another person must approve: " if by else ""


def unapproved(texts: CampaignTexts, grounds: Sequence[Ground]) -> list[Problem]:
    """Return each unapproved text, with the command to approve it if its pattern waits for approval."""
    found: dict[str, None] = {}
    for ground in grounds:
        group = ground.group
        if not group.approved:
            found[f"{group.notice} {group.version} for {group.duty}"] = None
        if not texts.short_approved(ground):
            found[f"{texts.short_notice} for {group.duty}"] = None
    signing = {
        f"{row.notice} {row.version} for {row.duty}": f"{_signed(row)}tocsin approve {quote(row.approve_step)}"
        for row in notice_rows(texts.incident)
        if row.approve_step
    }
    return [
        Problem(
            file=what, code="unapproved", message="The template is not approved", hint=signing.get(what, "")
        )
        for what in found
    ]
