"""State of channels and failure domains, shared by all processes on the store.

The engine decides the consequences of outcomes; the store has them as marks; this module connects both. A success writes
nothing if its domain has no failures: it is only counted here. A failure is written, and so is the success that ends a
row of failures. None of this is evidence, so if it cannot be written, work continues with the state in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from runner.app.core.repository import ChangeMarks
from runner.base.states import Kind
from runner.decoding import from_json
from runner.errors import StoreError
from runner.incident.state.commands import ReportDomain
from runner.incident.state.incident import Domain, Incident
from runner.routing import circuit_breaker, rate_limit
from runner.routing.inbound import Receipt
from runner.routing.messaging import Channel, SendResult
from runner.routing.rules import Compromise
from runner.routing.traffic import Account, Breaker

BREAKER, ACCOUNT = "breaker/", "account/"
ELSEWHERE = "declared in another incident"
"""The reason of what another incident says; it names none, because not everybody may read that one."""
Change = Callable[[Breaker], Breaker]


class Marks(Protocol):
    """The part of a store that channel health needs."""

    def marks(self, prefix: str = "") -> dict[str, bytes]:
        """Return the marks with this prefix."""

    def change_marks(self, names: Sequence[str], change: ChangeMarks) -> dict[str, bytes]:
        """Change marks, with no other change at the same time."""


class Probe(NamedTuple):
    """A probe whether domains work again: a test message to the organisation over one channel that depends on them."""

    domains: tuple[str, ...]
    channel: Channel
    kind: Kind
    key: str


class Traffic:
    """Circuit breakers and accounts as last read from the store. For one thread."""

    def __init__(
        self,
        marks: Marks,
        channels: Callable[[], Mapping[str, Channel]],
        compromises: Callable[[], Iterable[Compromise]] = tuple,
    ) -> None:
        """Start empty; ``channels`` is called when it is first needed, ``compromises`` at each refresh."""
        self._said = compromises
        self.compromised: dict[str, datetime] = {}
        """The domains that people declared compromised in real incidents, and since when: they count in every incident."""
        self._marks = marks
        self._channels = channels
        self._breakers: dict[str, Breaker] = {}
        self._accounts: dict[str, Account] = {}
        self._counted: dict[str, tuple[datetime, int]] = {}
        self._told: frozenset[object] = frozenset()

    def refresh(self) -> None:
        """Read the records of other processes from the store."""
        with suppress(StoreError):
            said = sorted((one.since, one.domain) for one in self._said() if not one.assumed)
            self.compromised = {domain: since for since, domain in reversed(said)}
            marks = self._marks.marks()
            self._breakers = {
                name.removeprefix(BREAKER): from_json(body, Breaker)
                for name, body in marks.items()
                if name.startswith(BREAKER)
            }
            self._accounts = {
                name.removeprefix(ACCOUNT): from_json(body, Account)
                for name, body in marks.items()
                if name.startswith(ACCOUNT)
            }

    # --- domains ------------------------------------------------------------------------------------------

    @property
    def domains(self) -> Mapping[str, Breaker]:
        """The state of each domain; a domain that is not here has no failures. What is compromised is declared."""
        said = {
            name: Breaker(domain=name, state="open", opened_at=since, why="compromised", declared=True)
            for name, since in self.compromised.items()
        }
        return self._breakers | self.fallen | said

    @property
    def fallen(self) -> dict[str, Breaker]:
        """The domains that are down: by the failures of their server, by a person's word, or as two of their channels fail."""
        down = {name: breaker for name, breaker in self._breakers.items() if breaker.is_open}
        if not down:
            return down
        failing: dict[str, dict[str, Breaker]] = {}
        for channel in self._channels().values():
            server = max(
                channel.server & down.keys(), default=""
            )  # one server counts once for all of its channels
            for domain in channel.domains - channel.server - channel.hosts - down.keys() if server else ():
                failing.setdefault(domain, {})[server] = down[server]
        return down | {
            domain: msgspec.structs.replace(
                max(servers.values(), key=lambda one: str(one.opened_at)),
                domain=domain,
                why="; ".join(
                    f"{name}: {one.why}"
                    for name, one in sorted(servers.items(), key=lambda item: item[1].why)
                ),
            )
            for domain, servers in failing.items()
            if len(servers) > 1
        }

    def down(self) -> dict[str, Domain]:
        """Return the domains that are down for all later incidents, as the store has them now."""
        self.refresh()
        return {
            name: Domain(name=name, state="down", since=one.opened_at, why=one.why)
            for name, one in self.fallen.items()
            if one.opened_at is not None
        }

    def news(self) -> bool:
        """Tell whether the set of domains that are down or compromised changed since the last call."""
        before, self._told = self._told, frozenset((*self.fallen, *self.compromised.items()))
        return before != self._told

    def heard(self, channel: Channel, result: SendResult, now: datetime) -> None:
        """Record the effect of one attempt on the domains and the account of its channel."""
        wait = result.retry_after
        if result.state == "throttled" and wait is not None and wait > timedelta():
            self._change_account(
                channel.account, now, lambda account: rate_limit.hold_until(account, now + wait)
            )
        said = circuit_breaker.classify(result)
        if said == "nothing":
            return
        keep: list[str] = []
        for domain in sorted(channel.server or channel.domains - channel.hosts):
            before = self._breakers.get(domain) or Breaker(domain=domain)
            if circuit_breaker.should_persist(before, circuit_breaker.on_result(before, said, now)):
                keep.append(domain)
            elif said == "good":
                self._count(domain, now)
        if keep:
            self._change(keep, lambda breaker: self._heard(breaker, said, now, channel.id))

    def _heard(self, breaker: Breaker, said: circuit_breaker.Told, now: datetime, over: str) -> Breaker:
        since, number = self._counted.get(breaker.domain, (now, 0))
        recent = timedelta() <= now - since <= circuit_breaker.WINDOW
        return circuit_breaker.on_result(breaker, said, now, good=number if recent else 0, over=over)

    def _count(self, domain: str, now: datetime) -> None:
        since, number = self._counted.get(domain, (now, 0))
        recent = timedelta() <= now - since <= circuit_breaker.WINDOW
        self._counted[domain] = (since, number + 1) if recent else (now, 1)

    def reports(self, incident: Incident) -> tuple[ReportDomain, ...]:
        """Return the changes of domains, compromised, down or restored, that an incident does not have yet."""
        known = incident.domains
        if not (known or self._breakers or self.compromised):
            return ()
        begun = [
            ReportDomain(domain=name, state="compromised", since=since, reason=ELSEWHERE)
            for name, since in sorted(self.compromised.items())
            if (one := known.get(name)) is None
            or (one.state, one.assumed) != ("compromised", False)
            or (one.automatic and one.since != since)
        ]
        ended = [
            ReportDomain(domain=name, state="up", since=one.since, reason="declared up there")
            for name, one in sorted(known.items())
            if one.own is not one and name not in self.compromised
        ]
        fell = [
            one for name, one in sorted(self.fallen.items()) if name not in known or known[name].state == "up"
        ]
        rose = [
            name
            for name, one in sorted(known.items())
            if one.automatic and one.state == "down" and name not in self.fallen
        ]
        if not fell and not rose:
            return (*begun, *ended)
        down = (
            ReportDomain(domain=item.domain, state="down", since=item.opened_at, reason=item.why)
            for item in fell
            if item.opened_at is not None
        )
        up = (
            ReportDomain(domain=name, state="up", since=known[name].since, reason="the channel works")
            for name in rose
        )
        return (*down, *up, *begun, *ended)

    def declare(self, domain: str, state: str, now: datetime, by: str = "") -> None:
        """Store a person's report on a domain; raises StoreError if it fails. ``by`` is set if no incident records it."""
        change = (
            partial(circuit_breaker.declared_down, now=now, by=by)
            if state == "down"
            else circuit_breaker.declared_up
        )
        self._change([domain], change, must=True)

    # --- probes -------------------------------------------------------------------------------------------

    def probe_due(self, now: datetime) -> bool:
        """Tell whether a probe of a domain is due."""
        return any(circuit_breaker.due_for_probe(breaker, now) for breaker in self._breakers.values())

    def probes(self, kinds: Iterable[str], now: datetime) -> list[Probe]:
        """Start the probes that are due; of several processes only one probes each domain.

        ``kinds`` are those of the open incidents. Without a real one, only the allow-list of exercises may be
        contacted.
        """
        kinds = frozenset(kinds)
        begun: dict[str, list[str]] = {}
        for domain in sorted(self._breakers):
            due = bool(kinds) and circuit_breaker.due_for_probe(self._breakers[domain], now)
            channel = self._way_to(domain, real="real" in kinds) if due else None
            if channel is not None and self._begun(domain, now):
                begun.setdefault(channel.id, []).append(domain)
        return [self._probe(self._channels()[name], tuple(domains), now) for name, domains in begun.items()]

    @staticmethod
    def _probe(channel: Channel, domains: tuple[str, ...], now: datetime) -> Probe:
        kind: Kind = "test" if channel.exercise_safe else "real"
        return Probe(domains, channel, kind, f"{channel.id} {now.isoformat()}")

    def _way_to(self, domain: str, *, real: bool) -> Channel | None:
        """Return the best channel to probe this domain: the one that depends on the fewest others."""
        ways = [
            channel
            for channel in self._channels().values()
            if domain in channel.domains and (real or channel.exercise_safe)
        ]
        return min(ways, key=lambda one: (len(one.domains), one.priority, one.id), default=None)

    def _begun(self, domain: str, now: datetime) -> bool:
        mine: list[bool] = []

        def begin(breaker: Breaker) -> Breaker:
            mine[:] = [circuit_breaker.due_for_probe(breaker, now)]
            return circuit_breaker.probing(breaker, now) if mine[0] else breaker

        self._change([domain], begin)
        return mine == [True]

    def probed(self, probe: Probe, result: SendResult, now: datetime) -> None:
        """Record the result of a probe; a success counts for every domain of its channel."""
        arrived = circuit_breaker.classify(result) == "good"
        also = [domain for domain in probe.channel.domains if arrived and domain in self.fallen]
        self._change(
            sorted({*probe.domains, *also}),
            lambda breaker: (
                circuit_breaker.declared_up(breaker)
                if arrived and not breaker.declared
                else circuit_breaker.probed(breaker, result, now)
            ),
        )

    # --- accounts -----------------------------------------------------------------------------------------

    @property
    def accounts(self) -> Mapping[str, Account]:
        """When each account has quota again, if known."""
        return self._accounts

    def rooms(self, now: datetime) -> rate_limit.Quotas:
        """Return the present quota of the limited channels."""
        return rate_limit.quotas(self._channels().values(), self._accounts, now)

    def take(self, wanted: Mapping[str, int], now: datetime) -> dict[str, int]:
        """Reserve quota in accounts, before any attempt is claimed; return how much was free.

        Raises StoreError if that fails: without quota nothing is sent.
        """
        granted: dict[str, int] = {}
        rates = {
            name: tuple(
                dict.fromkeys(r for c in self._channels().values() if c.account == name for r in c.rates)
            )
            for name in wanted
        }

        def change(known: Mapping[str, bytes]) -> dict[str, bytes]:
            after = {}
            for name, number in wanted.items():
                account = _account(known.get(ACCOUNT + name))
                free = rate_limit.room(account, rates[name], now).free
                granted[name] = number if free is None else min(number, free)
                after[ACCOUNT + name] = rate_limit.consume(account, rates[name], granted[name], now)
            return {name: msgspec.json.encode(rate_limit.prune(one, now)) for name, one in after.items()}

        self._keep_accounts(self._marks.change_marks([ACCOUNT + name for name in wanted], change))
        return granted

    def worked(self, channel: Channel, now: datetime) -> None:
        """End the pause of a channel's account, as its provider took a message before the end."""
        if self._accounts.get(channel.account, Account()).held_until is not None:
            self._change_account(channel.account, now, rate_limit.release)

    def next_look(self, now: datetime) -> datetime | None:
        """Return when a probe is due next, or an account has quota again; None for never."""
        probes = (
            breaker.look_at for breaker in self._breakers.values() if breaker.is_open and not breaker.declared
        )
        times = [probe for probe in probes if probe is not None]
        if self._accounts:
            times += [room.opens_at for room in self.rooms(now).rooms.values() if room.free == 0]
        return min((time for time in times if time > now), default=None)

    # --- the marks ----------------------------------------------------------------------------------------

    def _change(self, domains: Sequence[str], change: Change, *, must: bool = False) -> None:
        """Change breakers for all processes; if that cannot be written, only here."""

        def changed(known: Mapping[str, bytes]) -> dict[str, bytes]:
            after = (change(_breaker(domain, known.get(BREAKER + domain))) for domain in domains)
            return {
                BREAKER + breaker.domain: msgspec.json.encode(breaker)
                for breaker in after
                if breaker != Breaker(domain=breaker.domain)
            }

        names = [BREAKER + domain for domain in domains]
        try:
            marks = self._marks.change_marks(names, changed)
        except StoreError:
            if must:
                raise
            marks = changed({BREAKER + d: msgspec.json.encode(b) for d, b in self._breakers.items()})
        for domain in domains:
            self._counted.pop(domain, None)
            self._breakers[domain] = _breaker(domain, marks.get(BREAKER + domain))

    def _change_account(self, name: str, now: datetime, change: Callable[[Account], Account]) -> None:
        def changed(known: Mapping[str, bytes]) -> dict[str, bytes]:
            return {
                ACCOUNT + name: msgspec.json.encode(
                    rate_limit.prune(change(_account(known.get(ACCOUNT + name))), now)
                )
            }

        try:
            marks = self._marks.change_marks([ACCOUNT + name], changed)
        except StoreError:
            marks = changed({ACCOUNT + name: msgspec.json.encode(self._accounts.get(name, Account()))})
        self._keep_accounts(marks)

    def _keep_accounts(self, marks: Mapping[str, bytes]) -> None:
        self._accounts |= {name.removeprefix(ACCOUNT): _account(body) for name, body in marks.items()}


def _breaker(domain: str, body: bytes | None) -> Breaker:
    return Breaker(domain=domain) if body is None else from_json(body, Breaker)


def _account(body: bytes | None) -> Account:
    return Account() if body is None else from_json(body, Account)


# --- registration of a sender ---------------------------------------------------------------------------------

REFUSED = "refused-sender/"
UNREGISTERED = frozenset({"30032", "30034"})
"""Codes of Twilio: American carriers refuse a toll-free number that is not verified, and a number without a campaign."""


def hear_sender(marks: Marks, channel: str, receipt: Receipt) -> bool:
    """Note what a receipt says about the registration of a channel's sender (R43); tell whether that is news.

    The receipt can be about any message, also about a test of the channel. Only a delivery to an American number
    ends a refusal: the carriers of other countries do not ask for the registration.
    """
    refused = receipt.kind == "failed" and receipt.code in UNREGISTERED
    if not refused and (receipt.kind != "delivered" or receipt.country != "US"):
        return False
    if refused_senders(marks).get(channel, "") == (receipt.code if refused else ""):
        return False
    name = f"{REFUSED}{channel}"
    marks.change_marks([name], lambda _: {name: receipt.code.encode()} if refused else {})
    return True


def refused_senders(marks: Marks) -> dict[str, str]:
    """Return the code of the last refusal of a channel's sender, by channel."""
    return {name.removeprefix(REFUSED): code.decode() for name, code in marks.marks(REFUSED).items()}
