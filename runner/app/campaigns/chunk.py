"""One batch of a campaign: the text of each person, one connection, and the outcome of each person.

The stop list is asked after the claim and before the socket (R25, R32); who waits for a turn at a destination or for the morning
goes back with that time, and nothing was sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from runner.app.campaigns.legal_basis import CampaignTexts
from runner.app.campaigns.rates import Rates, hold
from runner.effects.campaign_message import Words
from runner.errors import TocsinError
from runner.incident.campaigns.campaign import Campaign, Counters, Way
from runner.incident.campaigns.eligible_channels import all_awake_at
from runner.incident.campaigns.outcomes import Next, after, onward
from runner.incident.state.incident import Incident
from runner.routing.messaging import Audience, Channel, Dispatch, SendResult
from runner.routing.planner import zones_of
from runner.store.campaigns.rows import Attempt, Chunk, Claimed, Settled
from runner.store.campaigns.tables import BOUNCED

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.effects.gateway.gateway import BulkLine

AFFECTED: Audience = "affected"
_SLOWER = re.compile(r"\b4\.7\.")
"""A destination that wants less of us now, as Gmail's 4.7.28."""


class _Outcome(msgspec.Struct):
    """How one person of a chunk stands, and what was tried."""

    one: Claimed
    next: Next
    result: SendResult | None = None
    words: Words | None = None


class Sender:
    """Sends chunks of one campaign; holds one connection for each way."""

    def __init__(
        self,
        service: IncidentService,
        incident: Incident,
        campaign: Campaign,
        tag: bytes,
        channels: Mapping[Way, Channel],
        texts: CampaignTexts,
        rates: Rates,
    ) -> None:
        """Connect nothing yet."""
        self._service, self._incident, self._campaign, self._tag = service, incident, campaign, tag
        self._channels, self._texts, self.rates = channels, texts, rates
        self._tables = service.store.bulk()
        self._lines: dict[Way, BulkLine] = {}
        self.blocked = ""
        """Why we are not let in, whoever the reader is."""
        self.last = ""
        """Why the last message did not leave."""

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that there is a channel for, in order."""
        return tuple(way for way in ("email", "sms") if way in self._channels)

    def look(self, incident: Incident, texts: CampaignTexts) -> None:
        """Go on with the incident as it is now."""
        self._incident, self._texts = incident, texts

    def close(self) -> None:
        """Let go of every connection."""
        for line in self._lines.values():
            line.close()

    def send(self, chunk: Chunk, now: datetime) -> Counter[str]:
        """Send a claimed chunk, commit what became of it, and return how many ended in which outcome."""
        outcomes, going = self._sorted(chunk, now)
        try:
            outcomes += self._batch(chunk.way, going, now)
        except TocsinError as error:
            # before the socket: a secret or a text could not be read
            self.blocked = error.message
            outcomes += [_Outcome(person, _back(person, error.message)) for person in going]
        counted = Counters(
            sent=sum(outcome.next.state in ("notified", "unknown") for outcome in outcomes),
            bounced=sum(outcome.next.bounced for outcome in outcomes),
        )
        settled = [self._settled(chunk.way, outcome, now) for outcome in outcomes]
        for reason in {outcome.next.suppress for outcome in outcomes if outcome.next.suppress is not None}:
            found = [outcome.one.address for outcome in outcomes if outcome.next.suppress == reason]
            self._tables.suppress(found, reason, now)
        self._tables.finish(self._campaign.id, chunk, settled, counted)
        return Counter(_named(outcome) for outcome in outcomes)

    def _sorted(self, chunk: Chunk, now: datetime) -> tuple[list[_Outcome], list[Claimed]]:
        """Part those who may be sent to from those who are stopped, or whose time is later."""
        stopped = self._tables.suppressed([person.address for person in chunk.people])
        waiting = [person.domain if not person.reserved else b"" for person in chunk.people]
        turns = self.rates.turns(waiting, now)
        outcomes: list[_Outcome] = []
        going: list[Claimed] = []
        for one, turn in zip(chunk.people, turns, strict=True):
            if why := stopped.get(one.address):
                found = onward(one.ways, f"the address is blocked: {why.replace('_', ' ')}")
                outcomes.append(_Outcome(one, msgspec.structs.replace(found, tries=one.tries)))
                continue
            if chunk.way == "sms" and not self._campaign.nights:
                zones = (one.contact.zone,) if one.contact.zone else zones_of(one.contact.phone)
                turn = max(turn, all_awake_at(now, zones))
                due = self._campaign.grounds[one.group].due
                if turn > now and due is not None and turn > due:
                    self.blocked = (
                        f"text messages can be sent only from {turn:%H:%M} UTC, after the deadline (R26)"
                    )
            if turn > now:
                later = msgspec.structs.replace(_back(one, "scheduled for later"), not_before=turn)
                outcomes.append(_Outcome(one, later))
            else:
                going.append(one)
        return outcomes, going

    def _batch(self, way: Way, going: Sequence[Claimed], now: datetime) -> list[_Outcome]:
        if not going:
            return []
        words = [self._words(way, claimed) for claimed in going]
        dispatches = [self._dispatch(way, one, said, now) for one, said in zip(going, words, strict=True)]
        line = self._line(way)
        self.rates.take(way, len(going), now)
        results = line.send(dispatches)
        outcomes = []
        for one, said, result in zip(going, words, results, strict=True):
            found = after(result, one.ways, one.tries, now)
            self.blocked = self.blocked or found.blocked
            self.last = result.reason or self.last
            outcomes.append(_Outcome(one, found, result, said))
            if way == "email" and result.state == "throttled" and _SLOWER.search(result.code):
                hold(self._service.store, one.domain, now)
        return outcomes

    def _line(self, way: Way) -> BulkLine:
        found = self._lines.get(way)
        if found is None:
            channel = self._channels[way]
            tools = self._service.tools(self._incident)
            secrets = {name: tools.secret(where).reveal() for name, where in channel.secrets.items()}
            found = self._lines[way] = self._service.gateway.open_line(channel, secrets)
        return found

    def _words(self, way: Way, one: Claimed) -> Words:
        wording = self._texts.wording(one.contact.person.group)
        return wording.mail(one.contact.person) if way == "email" else wording.sms(one.contact.person)

    def _dispatch(self, way: Way, one: Claimed, words: Words, now: datetime) -> Dispatch:
        foot = f"{one.contact.person.reference} · journal {self._campaign.head}" if way == "email" else ""
        return Dispatch(
            delivery=f"{self._campaign.id}-{one.n}",
            attempt=one.tries + 1,
            idempotency_key=self._tables.message_key(self._tag, one.n),
            kind=self._incident.kind,
            audience=AFFECTED,
            address=one.contact.email if way == "email" else one.contact.phone,
            subject=words.subject,
            text=words.text,
            html=words.html,
            footer=foot,
            at=now,
        )

    def _settled(self, way: Way, outcome: _Outcome, now: datetime) -> Settled:
        one, found, result = outcome.one, outcome.next, outcome.result
        address = None
        if found.moved:
            found, address = self._moved(one, found)
        attempt = None
        if result is not None and outcome.words is not None:
            attempt = Attempt(
                n=one.n,
                way=way,
                state=result.state,
                code=result.code,
                provider=result.provider_id,
                body=outcome.words.digest,
                at=now.isoformat(timespec="seconds"),
            )
        return Settled(
            n=one.n,
            state=found.state,
            ways=found.ways,
            evidence=found.evidence,
            tries=found.tries,
            not_before=found.not_before,
            why=found.why,
            address=address,
            hit=BOUNCED if found.bounced else 0,
            attempt=attempt,
        )

    def _moved(self, one: Claimed, found: Next) -> tuple[Next, bytes]:
        """Give somebody who goes on to a text message that address, unless somebody else of the list has it."""
        if not found.ways or found.ways[0] != "sms":
            return found, b""
        key = self._tables.digest("phone", one.contact.phone)
        if key in self._tables.taken(self._campaign.id, [key]):
            further = onward(found.ways, found.why)
            return msgspec.structs.replace(further, bounced=found.bounced, tries=found.tries), b""
        return found, key


def _back(one: Claimed, why: str) -> Next:
    """Return how somebody stands of whom nothing was sent."""
    return Next(state="ready", ways=one.ways, tries=one.tries, why=why)


def _named(outcome: _Outcome) -> str:
    if outcome.result is not None:
        return outcome.result.state
    return "deferred" if outcome.next.state == "ready" else "moved"
