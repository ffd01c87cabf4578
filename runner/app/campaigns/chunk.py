"""One batch of a campaign: the text of each person, one connection, and the outcome of each person.

The suppression list is checked after the claim and before the connection (R25, R32). People whose destination is paused,
or who sleep, are returned with the time, and nothing was sent to them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from runner.app.campaigns.destinations import Destinations
from runner.app.campaigns.legal_basis import CampaignTexts
from runner.app.campaigns.rates import Rates
from runner.app.campaigns.tables import Attempt, Chunk
from runner.effects.campaign_message import Words
from runner.errors import TocsinError
from runner.incident.campaigns.campaign import ELECTRONIC, HITS, Campaign, Claimed, Counters, Way
from runner.incident.campaigns.destinations import STOPPED, Destination
from runner.incident.campaigns.eligible_channels import all_awake_at, asleep_at
from runner.incident.campaigns.transitions import Turned, after, onward, put_off
from runner.incident.state.incident import Incident
from runner.routing.messaging import Channel, Dispatch
from runner.routing.planner import zones_of

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.effects.gateway.line import BulkLine


def footer(reference: str, campaign: Campaign) -> str:
    """Return the last line of an email: whom it is about, and the journal entry that proves it."""
    head = f"journal {campaign.head}" if campaign.head else "journal entry, set when sending starts"
    return f"{reference} · {head}"


def _zones(person: Claimed) -> Collection[str]:
    """Return the time zones in which the telephone of a person may be."""
    return (person.contact.zone,) if person.contact.zone else zones_of(person.contact.phone)


class _Outcome(NamedTuple):
    """One person of a batch before and after, and the attempt, if there was one."""

    before: Claimed
    turned: Turned[Claimed]
    attempt: Attempt | None = None

    @property
    def name(self) -> str:
        """How the run counts the result."""
        if self.attempt is not None:
            return self.attempt.state
        return "deferred" if self.turned.owed.state == "ready" else "moved"


class Sender:
    """Sends batches of one campaign; has one connection for each kind of contact method."""

    def __init__(
        self,
        service: IncidentService,
        incident: Incident,
        campaign: Campaign,
        tag: bytes,
        channels: Mapping[Way, Channel],
        texts: CampaignTexts,
    ) -> None:
        self._service, self._incident, self._campaign, self._tag = service, incident, campaign, tag
        self._channels, self._texts = channels, texts
        self._tables = service.campaign_tables(service.principal)
        self.rates = Rates(service, campaign, channels)
        self.destinations = Destinations(service, self._tables)
        self._lines: dict[Way, BulkLine] = {}
        self.blocked = ""
        """Why the provider refuses us, for every reader."""
        self.last = ""
        """Why the last message was not sent."""

    @property
    def ways(self) -> tuple[Way, ...]:
        """The kinds of contact methods that have a channel, in order."""
        return tuple(way for way in ELECTRONIC if way in self._channels)

    def look(self, incident: Incident, texts: CampaignTexts) -> None:
        """Continue with the present incident."""
        self._incident, self._texts = incident, texts

    def close(self) -> None:
        """Close every connection."""
        for line in self._lines.values():
            line.close()

    def send(self, chunk: Chunk, now: datetime) -> Counter[str]:
        """Send a claimed batch, commit its results, and return how many people have each outcome."""
        known = self.destinations.all()
        outcomes, going = self._sorted(chunk, known, now)
        try:
            outcomes += self._batch(chunk.way, going, known, now)
        except TocsinError as error:
            # before the connection: a secret or a text could not be read
            self.blocked = error.message
            outcomes += [_Outcome(person, Turned(owed=put_off(person, error.message))) for person in going]
        turned = [outcome.turned for outcome in outcomes]
        counted = Counters(
            sent=sum(turn.counted.sent for turn in turned),
            bounced=sum(turn.counted.bounced for turn in turned),
        )
        for reason in {turn.suppress for turn in turned if turn.suppress is not None}:
            addresses = [outcome.before.address for outcome in outcomes if outcome.turned.suppress == reason]
            self._tables.suppress(addresses, reason, now)
        people = [self._addressed(outcome.before, outcome.turned.owed) for outcome in outcomes]
        attempts = [outcome.attempt for outcome in outcomes if outcome.attempt is not None]
        self._tables.finish(chunk, people, attempts, counted)
        return Counter(outcome.name for outcome in outcomes)

    def _sorted(
        self, chunk: Chunk, known: Mapping[bytes, Destination], now: datetime
    ) -> tuple[list[_Outcome], list[Claimed]]:
        """Separate the people who may be sent to from those who are blocked, or whose time is later."""
        stopped = self._tables.suppressed([person.address for person in chunk.people])
        outcomes: list[_Outcome] = []
        going: list[Claimed] = []
        for person in chunk.people:
            if why := stopped.get(person.address):
                hit = person.hit | HITS[why]
                owed = onward(person, f"the address is blocked: {why.replace('_', ' ')}", hit=hit)
                outcomes.append(_Outcome(person, Turned(owed=owed)))
                continue
            turn, reason = now, "scheduled for later"
            if (destination := known.get(person.domain)) is not None and destination.stopped:
                turn, reason = STOPPED, self.destinations.why(person.domain, destination.code)
            elif chunk.way == "sms" and not self._campaign.nights:
                turn = max(now, all_awake_at(now, _zones(person)))
                due = self._campaign.grounds[person.group].due
                if turn > now and due is not None and turn > due:
                    self.blocked = (
                        f"text messages can be sent only from {turn:%H:%M} UTC, after the deadline (R26)"
                    )
            if turn > now:
                outcomes.append(_Outcome(person, Turned(owed=put_off(person, reason, turn))))
            else:
                going.append(person)
        return outcomes, going

    def _batch(
        self, way: Way, going: Sequence[Claimed], known: Mapping[bytes, Destination], now: datetime
    ) -> list[_Outcome]:
        if not going:
            return []
        wordings = [self._texts.wording(person.contact.person.group) for person in going]
        texts = [
            wording.mail(person.contact.person) if way == "email" else wording.sms(person.contact.person)
            for person, wording in zip(going, wordings, strict=True)
        ]
        dispatches = [
            self._dispatch(way, person, text, now) for person, text in zip(going, texts, strict=True)
        ]
        line = self._line(way)
        self.rates.take(way, len(going), now)
        results = line.send(dispatches)
        outcomes, accepted = [], Counter[bytes]()
        for person, text, result in zip(going, texts, results, strict=True):
            turned = after(result, person, now)
            self.blocked = self.blocked or turned.blocked
            self.last = result.reason or self.last
            if turned.refused and self.destinations.refuse(person, turned.refused):
                kept = msgspec.structs.replace(turned.owed, not_before=STOPPED)
                turned = msgspec.structs.replace(turned, owed=kept)
            at = now.isoformat(timespec="seconds")
            tried = Attempt(person.n, way, result.state, result.code, result.provider_id, text.digest, at)
            outcomes.append(_Outcome(person, turned, tried))
            if result.state == "accepted":
                accepted[person.domain] += 1
        for domain in accepted.keys() & known.keys():
            self.destinations.recover(domain, accepted[domain])
        return outcomes

    def _line(self, way: Way) -> BulkLine:
        line = self._lines.get(way)
        if line is None:
            channel = self._channels[way]
            tools = self._service.tools(self._incident)
            secrets = {name: tools.secret(where).reveal() for name, where in channel.secrets.items()}
            line = self._lines[way] = self._service.gateway.open_line(channel, secrets)
        return line

    def _dispatch(self, way: Way, person: Claimed, words: Words, now: datetime) -> Dispatch:
        foot = footer(person.contact.person.reference, self._campaign) if way == "email" else ""
        return Dispatch(
            delivery=f"{self._campaign.id}-{person.n}",
            attempt=person.tries + 1,
            idempotency_key=self._tables.message_key(self._tag, person.n),
            kind=self._incident.kind,
            audience="affected",
            address=person.contact.email if way == "email" else person.contact.phone,
            subject=words.subject,
            text=words.text,
            html=words.html,
            footer=foot,
            campaign=f"{self._campaign.id}:{self._campaign.notice}",
            at=now,
            deadline=asleep_at(now, _zones(person)) if way == "sms" and not self._campaign.nights else None,
        )

    def _addressed(self, before: Claimed, owed: Claimed) -> Claimed:
        """Give an address to a person whose next contact method is a text message, unless another person of the list has it."""
        if owed.ways == before.ways or owed.ways[:1] != ("sms",):
            return owed
        key = self._tables.digest("phone", owed.contact.phone)
        if key in self._tables.taken(self._campaign.id, [key]):
            return onward(owed, owed.why)
        return msgspec.structs.replace(owed, address=key)
