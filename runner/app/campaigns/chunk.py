"""One batch of a campaign: the text of each person, one connection, and the outcome of each person.

The stop list is asked after the claim and before the socket (R25, R32); who waits for a turn at a destination or for the morning
goes back with that time, and nothing was sent.

What the journal hears of a campaign: a root for each stretch of chunks, and the lines of the law that were crossed.

The root is over the chunks' digests, and each digest over what was tried for each person. So the entry proves the tables, and
``verify`` says whether they still are what was recorded.

How fast a campaign may go: the channel's account, shared with every process on the store, and each destination's own limit.

A chunk takes its places at once, up to a second's worth, and waits while more than a second's worth is taken ahead: on average the
rate holds, and a store is not asked for two commits per message.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from runner.app.campaigns.legal_basis import CampaignTexts
from runner.app.campaigns.tables import BOUNCED, Attempt, Chunk, Claimed, Settled, chunk_digest
from runner.app.incidents.runs import graft
from runner.decoding import from_json
from runner.effects.campaign_message import Words
from runner.errors import StoreCorrupt, TocsinError
from runner.incident.campaigns.campaign import Campaign, Counters, Way
from runner.incident.campaigns.decide import crossed
from runner.incident.campaigns.eligible_channels import all_awake_at
from runner.incident.campaigns.pacing import DEFAULT_RATES, Next, after, onward
from runner.incident.notices.letters import MerkleTree
from runner.incident.state.campaigns import CampaignStretch, SubstituteDue
from runner.incident.state.commands import RecordCampaign
from runner.incident.state.incident import Incident
from runner.reports.campaigns.campaigns import Proof
from runner.routing.messaging import Audience, Channel, Dispatch, SendResult
from runner.routing.planner import zones_of
from runner.routing.rate_limit import consume, hold_until, prune, room
from runner.routing.traffic import Account, Rate

if TYPE_CHECKING:
    from runner.app.campaigns.tables import BulkTables
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import Store
    from runner.effects.gateway.gateway import BulkLine

_ACCOUNT, _REST = "account/", "rest/"
_SECOND = timedelta(seconds=1)
SLOW = timedelta(minutes=30)
"""How long a destination is left alone that puts us off, or to which our relay cannot deliver yet."""


def hold(store: Store, domain: bytes, now: datetime) -> None:
    """Send nothing to a destination for a while, from any process."""
    if domain:
        name = _REST + domain.hex()
        store.change_marks([name], lambda _: {name: msgspec.json.encode(hold_until(Account(), now + SLOW))})


class Rates:
    """What is left of every rate that a campaign has to keep."""

    def __init__(
        self, store: Store, tables: BulkTables, campaign: Campaign, channels: Mapping[Way, Channel]
    ) -> None:
        """Look up the limits; nothing is taken yet."""
        self._store = store
        self._rates: dict[Way, tuple[Rate, ...]] = {
            way: tuple(campaign.rates.get(channel.id) or (DEFAULT_RATES[way],))
            for way, channel in channels.items()
        }
        self._accounts = {way: channel.account or channel.id for way, channel in channels.items()}
        own = {*(channel.id for channel in channels.values()), "*"}
        self._domains = {
            tables.digest("domain", name): rates for name, rates in campaign.rates.items() if name not in own
        }
        self._everyone = tuple(campaign.rates.get("*", ()))
        self._next: dict[bytes, datetime] = {}

    def most(self, way: Way, chunk: int) -> int:
        """Return how many may leave together: a second's worth of the slowest rate, and one at least."""
        slowest = max(self._rates[way], key=lambda rate: rate.gap)
        return max(1, min(chunk, max(slowest.burst, _SECOND // slowest.gap)))

    def opens_at(self, way: Way, now: datetime) -> datetime:
        """Return when the account of a way may be used again: now, or later."""
        account = self._account(way)
        if room(account, (), now).free == 0:
            return room(account, (), now).opens_at
        return max(account.next_free.get(rate.text, now) - _ahead(rate) for rate in self._rates[way])

    def take(self, way: Way, number: int, now: datetime) -> None:
        """Take places in the account of a way, for every process to see; a loss of power may give them back."""
        name = f"{_ACCOUNT}{self._accounts[way]}"

        def change(before: Mapping[str, bytes]) -> dict[str, bytes]:
            account = _read(before.get(name))
            moved = consume(prune(account, now), self._rates[way], number, now)
            return {name: msgspec.json.encode(moved)}

        self._store.change_marks([name], change, waits=False)

    def turns(self, domains: Sequence[bytes], now: datetime) -> list[datetime]:
        """Return when each of these may leave to its destination, taking a place there for each that has a limit."""
        resting = {name: _read(body) for name, body in self._store.marks(_REST).items()}
        turns = []
        for domain in domains:
            rests = resting.get(_REST + domain.hex(), Account()).held_until
            turns.append(rests if rests is not None and rests > now else self._turn(domain, now))
        return turns

    def _turn(self, domain: bytes, now: datetime) -> datetime:
        rates = self._domains.get(domain) or (self._everyone if domain else ())
        if not rates:
            return now
        slowest = max(rates, key=lambda rate: rate.gap)
        turn = max(self._next.get(domain, now), now)
        self._next[domain] = turn + slowest.gap
        # what falls into the same second goes at once, as over the account as a whole
        return now if turn - now < _SECOND else turn

    def _account(self, way: Way) -> Account:
        name = f"{_ACCOUNT}{self._accounts[way]}"
        return _read(self._store.marks(name).get(name))


def _ahead(rate: Rate) -> timedelta:
    """Return how far a rate may be used ahead: what falls into one second leaves together."""
    return max(_SECOND - rate.gap, timedelta())


def _read(body: bytes | None) -> Account:
    return from_json(body, Account) if body else Account()


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
        self._service, self._incident, self._campaign, self._tag = service, incident, campaign, tag
        self._channels, self._texts, self.rates = channels, texts, rates
        self._tables = service.campaign_tables(service.principal)
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


PLAYBOOK = "substitute-notice"
"""What is begun when a line of the law is crossed; a home may have one of its own by this name."""


def record_stretch(service: IncidentService, incident: str, campaign: str) -> Incident:
    """Put every chunk that ended since the last entry on record, and return the incident."""
    found = service.load(incident)
    tables, last = service.campaign_tables(service.principal), found.campaigns[campaign].chunks
    tree, outcomes, first, end = MerkleTree(), Counter[str](), last + 1, last
    ended = takewhile(lambda chunk: chunk[1] != "sending", tables.chunks(campaign, last))
    for n, _state, _way, _size, digest in ended:
        tree.add(digest)
        outcomes.update(attempt.state for attempt in tables.attempts(campaign, n))
        end = n
    if end < first:
        return found
    event = CampaignStretch(
        campaign=campaign, first=first, last=end, root=f"sha256:{tree.root}", outcomes=dict(outcomes)
    )
    command = RecordCampaign(event=event)
    return service.act(service.principal, incident, [command]).after


def ask_substitutes(service: IncidentService, incident: str, campaign: Campaign) -> None:
    """Put each line of substitute notice that was crossed on record, once, and give people the tasks: they decide and act."""
    tallies = service.campaign_tables(service.principal).tally(campaign.id, service.clock.now())
    events = [
        SubstituteDue(campaign=campaign.id, place=threshold.place, ground=threshold.ground, why=threshold.why)
        for threshold in crossed(campaign, tallies)
    ]
    if not events:
        return
    known = service.load(incident)
    made = [RecordCampaign(event=event) for event in events]
    found = service.act(service.principal, incident, made).after
    asked = _asked(found, campaign.id).keys() - _asked(known, campaign.id).keys()
    if asked and found.state == "open":
        graft(service, found, PLAYBOOK, _why(_asked(found, campaign.id), sorted(asked)))


def _asked(incident: Incident, campaign: str) -> dict[tuple[str, str], str]:
    """Return why substitute notice is asked for, by place and ground."""
    return {(ask.place, ask.ground): ask.why for ask in incident.campaigns[campaign].asks}


def _why(asked: Mapping[tuple[str, str], str], new: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{place}: {asked[place, ground]}" for place, ground in new)


def verify(service: IncidentService, incident: Incident, campaign: str) -> Proof:
    """Compare the tables with the roots in the journal; raises StoreCorrupt at the first that does not hold."""
    tables, attempts, chunks = service.campaign_tables(service.principal), 0, 0
    kept = {n: digest for n, _, _, _, digest in tables.chunks(campaign)}
    for first, last, root in incident.campaigns[campaign].roots:
        tree = MerkleTree()
        for n in range(first, last + 1):
            tried = tables.attempts(campaign, n)
            if kept.get(n) != chunk_digest(tried):
                raise StoreCorrupt(
                    f'The attempts of batch {n} of campaign "{campaign}" are not the stored ones.',
                    hint="Restore the database from a backup.",
                )
            attempts, chunks = attempts + len(tried), chunks + 1
            tree.add(kept[n])
        if f"sha256:{tree.root}" != root:
            raise StoreCorrupt(
                f'Batches {first} to {last} of campaign "{campaign}" do not match the journal.',
                hint="Restore the database from a backup.",
            )
    return Proof(chunks=chunks, attempts=attempts)
