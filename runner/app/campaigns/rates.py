"""The speed of a campaign: the quota of the channel's account, shared with every process on the store.

A batch reserves its quota at once, up to a second's worth, and waits while more than a second's worth is reserved ahead: on average
the rate is met, and the store does not have two commits for each message. The relay sets the speed of each destination.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from runner.decoding import from_json
from runner.errors import Usage
from runner.incident.campaigns.campaign import Campaign, Way
from runner.incident.campaigns.pacing import DEFAULT_RATES
from runner.routing.messaging import Channel
from runner.routing.rate_limit import consume, prune, room
from runner.routing.traffic import Account, Rate, read_rate

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService

_ACCOUNT = "account/"
_SECOND = timedelta(seconds=1)


class Rates:
    """The remaining quota of every rate of a campaign."""

    def __init__(self, service: IncidentService, campaign: Campaign, channels: Mapping[Way, Channel]) -> None:
        """Read the limits; nothing is reserved yet."""
        self._service = service
        self._rates: dict[Way, tuple[Rate, ...]] = {
            way: tuple(campaign.rates.get(channel.id) or (DEFAULT_RATES[way],))
            for way, channel in channels.items()
        }
        self._accounts = {way: channel.account or channel.id for way, channel in channels.items()}

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


def _read(body: bytes | None) -> Account:
    return from_json(body, Account) if body else Account()


def rates_of(given: Sequence[str]) -> dict[str, tuple[Rate, ...]]:
    """Return the rate limits of channels, from texts as ``relay=60/s``; raises Usage."""
    rates: dict[str, tuple[Rate, ...]] = {}
    for text in given:
        name, equals, rate = text.strip().rpartition("=")
        if not equals or not name:
            raise Usage(f'Rate "{text}" has no channel.', hint="Use CHANNEL=60/s", code="bad_rate")
        try:
            rates[name] = (*rates.get(name, ()), read_rate(rate))
        except ValueError as error:
            raise Usage(f'Rate "{text}": {error}', code="bad_rate") from None
    return rates
