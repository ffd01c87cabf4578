"""The speed of a campaign: the quota of the channel's account, shared with every process on the store, and each destination's limit.

A batch reserves its quota at once, up to a second's worth, and waits while more than a second's worth is reserved ahead: on average
the rate is met, and the store does not have two commits for each message. A destination's quota is used by what is sent, and not by
what waits: so a destination that slows down does so for everybody who waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.errors import Usage
from runner.files.people_lists.person_contacts import same_domain
from runner.incident.campaigns.campaign import Campaign, Owed, Way
from runner.incident.campaigns.destinations import (
    STOPPED,
    Destination,
    recovered,
    refused,
    refusing,
    resumed,
    slowed,
)
from runner.incident.campaigns.pacing import DEFAULT_RATES
from runner.routing.messaging import Channel
from runner.routing.rate_limit import consume, prune, room
from runner.routing.traffic import Account, Rate, read_rate

if TYPE_CHECKING:
    from runner.app.campaigns.tables import BulkTables
    from runner.app.core.incident_service import IncidentService

_ACCOUNT, _REST = "account/", "rest/"
_SECOND = timedelta(seconds=1)
_FRESH = Destination()


def start_rates() -> dict[str, tuple[Rate, ...]]:
    """Return the first rate of each large provider, and of any other destination (``*``): careful estimates."""
    from runner.effects.gateway.bulk import mail_providers

    return {name: (read_rate(rate),) for name, rate in mail_providers().items()}


class Destinations:
    """What is known of each destination, in every process and campaign."""

    def __init__(self, service: IncidentService, tables: BulkTables) -> None:
        """Look up the names of the large providers."""
        self._service = service
        self.names = {tables.digest("domain", name): name for name in start_rates() if name != "*"}

    def name(self, domain: bytes) -> str:
        """Return the name of a large provider, or words for another destination."""
        return self.names.get(domain, "the destination")

    def all(self) -> dict[bytes, Destination]:
        """Return each destination that is slow, or refuses the sender."""
        kept = self._service.marks(_REST).items()
        return {bytes.fromhex(name.removeprefix(_REST)): from_json(body, Destination) for name, body in kept}

    def slow(self, domain: bytes, now: datetime) -> None:
        """Halve the rate of a destination that defers messages."""
        self._change(domain, lambda one: slowed(one, now))

    def refuse(self, owed: Owed, code: str) -> bool:
        """Count a refusal of the sender; tell whether the destination of that person is paused now."""
        reader, large = f"{owed.campaign}-{owed.n}", owed.domain in self.names
        return self._change(owed.domain, lambda one: refused(one, reader, code, large=large)).stopped

    def resume(self) -> None:
        """Try every destination again, by a person's decision."""
        for domain, one in self.all().items():
            if one.readers:
                self._change(domain, resumed)

    def alarm(self, campaign: str, tried: int) -> str:
        """Return why a campaign pauses as a whole, or nothing."""
        known = self.all()
        large = [known.pop(domain) for domain in self.names if domain in known]
        return refusing(campaign, large, known.values(), max(tried, 1))

    def _change(self, domain: bytes, change: Callable[[Destination], Destination]) -> Destination:
        """Change what is known of a destination; of one that is as fast as any other, nothing is kept."""
        name = _REST + domain.hex()

        def changed(before: Mapping[str, bytes]) -> dict[str, bytes]:
            one = change(from_json(before[name], Destination) if before.get(name) else _FRESH)
            return {} if one == _FRESH else {name: msgspec.json.encode(one)}

        kept = self._service.change_marks([name], changed) if domain else {}
        return from_json(kept[name], Destination) if kept else _FRESH


class Rates(Destinations):
    """The remaining quota of every rate of a campaign."""

    def __init__(
        self,
        service: IncidentService,
        tables: BulkTables,
        campaign: Campaign,
        channels: Mapping[Way, Channel],
    ) -> None:
        """Read the limits; nothing is reserved yet."""
        super().__init__(service, tables)
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
        self._known: dict[bytes, Destination] = {}
        self._next: dict[bytes, datetime] = {}
        self._later: dict[bytes, datetime] = {}

    def most(self, way: Way, chunk: int, now: datetime) -> int:
        """Return how many may be sent together: for each rate a second's worth or what its burst has left; at least one."""
        account = self._account(way)
        left = {
            rate: room(account, (rate,), now).free or 0 if rate.burst > 1 else 0 for rate in self._rates[way]
        }
        return max(1, min(chunk, *(max(_SECOND // rate.gap, free) for rate, free in left.items())))

    def opens_at(self, way: Way, now: datetime) -> datetime:
        """Return when the account of a contact method may be used again: now, or later."""
        account = self._account(way)
        if (paused := room(account, (), now)).free == 0:
            return paused.opens_at
        # messages of one second, or of a burst, are sent together
        return max(
            account.next_free.get(rate.text, now)
            - max(_SECOND - rate.gap, (rate.burst - 1) * rate.gap, timedelta())
            for rate in self._rates[way]
        )

    def _account(self, way: Way) -> Account:
        name = f"{_ACCOUNT}{self._accounts[way]}"
        return _read(self._service.marks(name).get(name))

    def take(self, way: Way, number: int, now: datetime) -> None:
        """Reserve quota in the account of a contact method, for every process to see; a power failure may free it again."""
        name = f"{_ACCOUNT}{self._accounts[way]}"

        def change(before: Mapping[str, bytes]) -> dict[str, bytes]:
            account = _read(before.get(name))
            moved = consume(prune(account, now), self._rates[way], number, now)
            return {name: msgspec.json.encode(moved)}

        self._service.change_marks([name], change, waits=False)

    def turns(self, domains: Sequence[bytes], now: datetime) -> list[tuple[datetime, str]]:
        """Return when each of these may be sent to its destination, and why later; what may be sent now uses quota."""
        self._known = self.all()
        return [self._turn(domain, self._known.get(domain, _FRESH), now) for domain in domains]

    def recover(self, domain: bytes, accepted: int, now: datetime) -> None:
        """Note accepted messages of a destination that was slow, or had refused the sender, before this batch."""
        if domain in self._known:
            self._change(domain, lambda one: recovered(one, now, accepted))

    def _turn(self, domain: bytes, one: Destination, now: datetime) -> tuple[datetime, str]:
        if one.stopped:
            return STOPPED, f"{self.name(domain)} refuses the sender ({one.code})"
        if one.held_until is not None and one.held_until > now:
            return one.held_until, "the destination defers messages"
        rates = self._domains.get(domain) or (self._everyone if domain else ())
        if not rates and one.share < 1:
            rates = start_rates()["*"]
        if not rates:
            return now, ""
        gap, ahead = max((rate.gap, rate.burst * rate.gap) for rate in rates)
        turn = max(self._next.get(domain, now), now)
        # messages of the same second, or of a burst, are sent at once, as over the whole account
        if turn - now < max(_SECOND, ahead if one.share == 1 else timedelta()):
            self._next[domain] = turn + gap / one.share
            return now, ""
        later = max(self._later.get(domain, turn), turn)
        self._later[domain] = later + gap
        return later, "the destination defers messages, so they are sent more slowly" if one.share < 1 else ""


def _read(body: bytes | None) -> Account:
    return from_json(body, Account) if body else Account()


def rates_of(given: Sequence[str]) -> dict[str, tuple[Rate, ...]]:
    """Return the rate limits of texts as ``relay=60/s`` and ``example.org=10/s``; raises Usage."""
    rates: dict[str, tuple[Rate, ...]] = {}
    for text in given:
        name, equals, rate = text.strip().rpartition("=")
        if not equals or not name:
            raise Usage(f'Rate "{text}" has no channel.', hint="Use CHANNEL=60/s", code="bad_rate")
        key = same_domain(name) if "." in name else name
        try:
            rates[key] = (*rates.get(key, ()), read_rate(rate))
        except ValueError as error:
            raise Usage(f'Rate "{text}": {error}', code="bad_rate") from None
    return rates
