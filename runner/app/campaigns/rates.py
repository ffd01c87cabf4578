"""Rate limits of a campaign: of the channel account, shared by all processes on the store, and of each destination.

A chunk takes its places at once, up to a second's worth, and waits while more than a second's worth is taken ahead: on average the
rate holds, and a store is not asked for two commits per message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.incident.campaigns.campaign import Campaign, Way
from runner.incident.campaigns.pacing import DEFAULT_RATES
from runner.routing.messaging import Channel
from runner.routing.rate_limit import consume, hold_until, prune, room
from runner.routing.traffic import Account, Rate

if TYPE_CHECKING:
    from runner.store.campaigns.tables import BulkTables
    from runner.store.port import Store

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
