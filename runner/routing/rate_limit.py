"""Rate limits per account: how many messages can be sent now, and when the next one can. Pure.

A rate is stored as one instant: the end of the time of all sent messages. A message can be sent while that instant is
less than ``burst`` gaps away; each message moves it by a gap. So a rate needs one instant, however many messages
it counts, and two processes that use it in turn never use the same place. In any period of its length a
rate allows at most ``messages`` plus ``burst`` minus one.

A provider's "not before" (``Retry-After``) pauses the whole account: the provider would defer the next message as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from runner.routing.messaging import Channel
from runner.routing.traffic import Account, Rate


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What an account allows: ``free`` messages now, None for any number, and the next at ``opens_at``."""

    free: int | None
    opens_at: datetime


class Quotas(msgspec.Struct, frozen=True, kw_only=True):
    """Quotas of all limited accounts, and the account of each channel."""

    accounts: Mapping[str, str] = {}
    """Channel to account; a channel without an entry is not limited."""
    rooms: Mapping[str, Quota] = {}

    def not_before(self, used: Mapping[str, int]) -> dict[str, datetime]:
        """Return the channels that must wait after ``used`` messages of the accounts, and until when."""
        return {
            channel: self.rooms[account].opens_at
            for channel, account in self.accounts.items()
            if (free := self.rooms[account].free) is not None and free <= used.get(account, 0)
        }

    def without(self, taken: Mapping[str, int]) -> Quotas:
        """Return the quotas after these numbers were consumed from each account."""
        return self.only(
            {name: max((room.free or 0) - taken.get(name, 0), 0) for name, room in self.rooms.items()}
        )

    def only(self, granted: Mapping[str, int]) -> Quotas:
        """Return these quotas with the given number of places in each account, and none in the other limited accounts."""
        left = {
            account: room
            if room.free is None
            else msgspec.structs.replace(room, free=granted.get(account, 0))
            for account, room in self.rooms.items()
        }
        return msgspec.structs.replace(self, rooms=left)

    def used_by(self, channels: Iterable[str]) -> Counter[str]:
        """Return how many places in each account messages over these channels use."""
        return Counter(self.accounts[channel] for channel in channels if channel in self.accounts)


OPEN = Quotas()
"""Nothing is limited."""


def quotas(channels: Iterable[Channel], accounts: Mapping[str, Account], now: datetime) -> Quotas:
    """Return the quota of each channel whose account is limited, or paused by its provider."""
    channels = tuple(channels)
    rates: dict[str, tuple[Rate, ...]] = {}
    for channel in channels:
        if channel.rates or _is_held(accounts.get(channel.account), now):
            rates[channel.account] = tuple(dict.fromkeys((*rates.get(channel.account, ()), *channel.rates)))
    return Quotas(
        accounts={channel.id: channel.account for channel in channels if channel.account in rates},
        rooms={name: room(accounts.get(name, Account()), found, now) for name, found in rates.items()},
    )


def _is_held(account: Account | None, now: datetime) -> bool:
    return account is not None and account.held_until is not None and account.held_until > now


def room(account: Account, rates: Iterable[Rate], now: datetime) -> Quota:
    """Return what an account allows now under all of its rates."""
    rates = tuple(rates)
    free = min((_free(account.next_free.get(rate.text), rate, now) for rate in rates), default=None)
    opens = max((_opens(account.next_free.get(rate.text), rate, now) for rate in rates), default=now)
    if account.held_until is not None and account.held_until > now:
        free, opens = 0, max(opens, account.held_until)
    return Quota(free=free, opens_at=opens)


def consume(account: Account, rates: Iterable[Rate], number: int, now: datetime) -> Account:
    """Return the account after ``number`` messages."""
    moved = {rate.text: max(account.next_free.get(rate.text, now), now) + number * rate.gap for rate in rates}
    return msgspec.structs.replace(account, next_free={**account.next_free, **moved})


def hold_until(account: Account, until: datetime) -> Account:
    """Return the account after its provider said "not before"; an earlier instant never shortens a later one."""
    return msgspec.structs.replace(account, held_until=max(account.held_until or until, until))


def release(account: Account) -> Account:
    """Return the account without the pause of its provider."""
    return msgspec.structs.replace(account, held_until=None)


def prune(account: Account, now: datetime) -> Account:
    """Return the account without expired entries."""
    return Account(
        held_until=account.held_until if _is_held(account, now) else None,
        next_free={rate: then for rate, then in account.next_free.items() if then > now},
    )


def _free(next_free: datetime | None, rate: Rate, now: datetime) -> int:
    if next_free is None or next_free <= now:
        return rate.burst
    behind = -((now - next_free) // rate.gap)  # remaining gaps, rounded up
    return max(rate.burst - behind, 0)


def _opens(next_free: datetime | None, rate: Rate, now: datetime) -> datetime:
    """Return when one more message is allowed after all free ones."""
    return max(next_free or now, now) + (_free(next_free, rate, now) - rate.burst + 1) * rate.gap
