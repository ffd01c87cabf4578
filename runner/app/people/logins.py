"""Logins: one-time links, and the sessions that they or the factors of an account begin.

A session is a mark of the store, so every process of the home sees it and can end it. A secret is never stored: the
name of a mark is its SHA-256. Where the store cannot be written at the start, the sessions live in this process alone: one
more link then needs a new start of the room.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from runner.app.core.identifiers import new_secret
from runner.base.actor import Principal
from runner.decoding import from_json
from runner.errors import StoreError

if TYPE_CHECKING:
    from runner.app.core.incident_service import IncidentService
    from runner.app.core.repository import ChangeMarks

LINK_LASTS = timedelta(minutes=10)
IDLE = timedelta(minutes=30)
"""A session ends after this time without a request."""
LONGEST = timedelta(hours=12)
"""A session ends after this time in any case."""
FRESH = timedelta(minutes=5)
"""Age up to which the factors of a session are enough for an act that binds."""
_SEEN = timedelta(minutes=5)
"""Smallest interval between two writes of the last request."""
_LINK, _LOGIN, _SERVER = "room-link/", "room-login/", "room-server"
OIDC = "oidc:"
"""How the proof of a login with the provider begins; the issuer and the subject follow."""
TERMINAL = "terminal"
LISTEN = "127.0.0.1:8760"
"""Where the room listens unless a command says otherwise."""


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One login of a person: what proves the name, and since when."""

    principal: Principal
    made: datetime
    seen: datetime
    """The last request of a person, up to five minutes earlier."""
    name: str = ""
    """Its public name (``s-…``); empty for a session without an account."""
    proved: datetime | None = None
    """When the person last gave the factors of the account."""
    place: str = ""
    """``browser``, or ``terminal`` with the machine."""
    ends: datetime | None = None
    """When it ends at the latest, if that is before ``LONGEST``."""

    def ended(self, now: datetime) -> bool:
        """Tell whether the session ended by time. At a terminal, the user of the machine is logged in already."""
        idle = LONGEST if self.place.startswith(TERMINAL) else IDLE
        late = self.ends is not None and now >= self.ends
        return late or now - self.seen >= idle or now - self.made >= LONGEST

    def by(self, factors: str) -> bool:
        """Tell whether it began with these factors."""
        return (self.principal.proven_by or "").startswith(f"login:{factors}")

    def fresh(self, now: datetime) -> bool:
        """Tell whether the factors are new enough for an act that binds."""
        return self.proved is not None and now - self.proved < FRESH


class Logins:
    """The links and sessions of a home. Safe for several threads."""

    def __init__(self, service: IncidentService) -> None:
        """Take the service whose store has the sessions."""
        self._service = service
        self._own: dict[str, bytes] = {}
        self._in_memory = service.read_only
        self._written = False
        self._lock = threading.Lock()

    def invite(self, principal: Principal) -> str:
        """Return the secret of a link that begins one session of a principal within ``LINK_LASTS``."""
        secret = new_secret()
        now = self._service.clock.now()
        self._sweep(now)
        self._put(_name(_LINK, secret), Login(principal=principal, made=now, seen=now))
        return secret

    def enter(self, link: str) -> str | None:
        """Use a link up and return the secret of a new session; None if the link is unknown, used or too old."""
        now, secret = self._service.clock.now(), new_secret()
        used, begun = _name(_LINK, link), _name(_LOGIN, secret)
        if used not in self._marks(used):  # a guess writes nothing
            return None

        def change(marks: Mapping[str, bytes]) -> dict[str, bytes]:
            if used not in marks:
                return {}
            invited = from_json(marks[used], Login)
            if now - invited.made >= LINK_LASTS:
                return {}
            login = Login(principal=invited.principal, made=now, seen=now)
            return {begun: msgspec.json.encode(login)}

        return secret if begun in self._change((used, begun), change) else None

    def begin(
        self,
        person: str,
        factors: str,
        place: str = "browser",
        machine: Principal | None = None,
        *,
        fresh: bool = True,
        ends: datetime | None = None,
    ) -> str:
        """Return the secret of a new session of a person who gave the factors of the account.

        ``machine`` is the user at a terminal, who keeps the rights of the machine's user. Without ``fresh``, an act that binds
        asks for a factor at once.
        """
        now, secret, name = self._service.clock.now(), new_secret(), self._service.chance.name("s")
        who = machine or Principal(person=person)
        who = msgspec.structs.replace(who, person=person, proven_by=f"login:{factors}/{name}")
        self._sweep(now)
        proved = now if fresh else None
        login = Login(principal=who, made=now, seen=now, name=name, proved=proved, place=place, ends=ends)
        self._put(_name(_LOGIN, secret), login)
        return secret

    def prove_again(self, secret: str) -> str | None:
        """Record that the person of a session gave the factors again; return its new secret, None if it ended meanwhile."""
        now, after = self._service.clock.now(), new_secret()
        old, new = _name(_LOGIN, secret), _name(_LOGIN, after)

        def change(marks: Mapping[str, bytes]) -> dict[str, bytes]:
            if old not in marks:
                return {}
            login = msgspec.structs.replace(from_json(marks[old], Login), seen=now, proved=now)
            return {new: msgspec.json.encode(login)}

        return after if new in self._change((old, new), change) else None

    def of(self, person: str) -> list[Login]:
        """Return the sessions of a person's account, the newest first."""
        now = self._service.clock.now()
        found = (from_json(body, Login) for body in self._marks(_LOGIN).values())
        own = (one for one in found if one.name and one.principal.person == person and not one.ended(now))
        return sorted(own, key=lambda one: one.made, reverse=True)

    def end_of(self, person: str, name: str = "") -> int:
        """End one session of a person's account by its public name, or all; return their number."""
        return self._end_those(
            lambda one: one.principal.person == person and bool(one.name) and name in ("", one.name)
        )

    def forget(self, person: str) -> None:
        """End all sessions and links of a person, also those without an account."""
        self._end_those(lambda one: one.principal.person == person, (_LOGIN, _LINK))

    def end_by(self, factors: str, person: str = "") -> int:
        """End all sessions that began with these factors, of one person or of all; return their number."""
        return self._end_those(lambda one: one.by(factors) and person in ("", one.principal.person))

    def _end_those(self, ends: Callable[[Login], bool], kinds: Sequence[str] = (_LOGIN,)) -> int:
        marks = chain.from_iterable(self._marks(kind).items() for kind in kinds)
        ended = [mark for mark, body in marks if ends(from_json(body, Login))]
        if ended:
            self._change(ended, lambda marks: {})
        return len(ended)

    def find(self, secret: str, *, counts: bool = True) -> Login | None:
        """Return the session of a secret; None if there is none, or if it ended.

        A request that ``counts`` keeps the session alive. Where that cannot be written, reading goes on.
        """
        name, now = _name(_LOGIN, secret), self._service.clock.now()
        body = self._marks(name).get(name)
        login = None if body is None else from_json(body, Login)
        if login is None or login.ended(now):
            return None
        if counts and now - login.seen >= _SEEN:
            with suppress(StoreError):
                self._renew(name, now)
        return login

    def alive(self, secrets: Collection[str]) -> dict[str, Login]:
        """Return secret → session of those that have not ended, with one look at the store for all."""
        now, bodies = self._service.clock.now(), self._marks(_LOGIN)
        named = {_name(_LOGIN, secret): secret for secret in secrets}
        found = {named[name]: from_json(bodies[name], Login) for name in named.keys() & bodies.keys()}
        return {secret: login for secret, login in found.items() if not login.ended(now)}

    def end(self, secret: str) -> None:
        """End a session, everywhere and at once."""
        name = _name(_LOGIN, secret)
        if name in self._marks(name):
            self._change((name,), lambda marks: {})

    def end_all(self) -> int:
        """End all sessions and links; return the number of sessions."""
        ended: set[str] = set()
        while names := (*self._marks(_LOGIN), *self._marks(_LINK)):  # one may begin meanwhile
            self._change(names, lambda marks: {})
            ended.update(name for name in names if name.startswith(_LOGIN))
        return len(ended)

    def announce(self, address: str) -> None:
        """Record where the room listens; an empty address ends that."""
        self._change((_SERVER,), lambda marks: {_SERVER: address.encode()} if address else {})

    def address(self) -> str:
        """Return where a room of this home listens, as its server said; empty if none does."""
        return self._marks(_SERVER).get(_SERVER, b"").decode()

    def _renew(self, name: str, now: datetime) -> None:
        """Record a request, unless the session was ended meanwhile."""

        def change(marks: Mapping[str, bytes]) -> dict[str, bytes]:
            return {
                key: msgspec.json.encode(msgspec.structs.replace(from_json(body, Login), seen=now))
                for key, body in marks.items()
            }

        self._change((name,), change, waits=False)

    def _sweep(self, now: datetime) -> None:
        """Remove what ended by time."""
        old = [
            name
            for name, body in (*self._marks(_LOGIN).items(), *self._marks(_LINK).items())
            if (LINK_LASTS if name.startswith(_LINK) else LONGEST) <= now - from_json(body, Login).made
        ]
        if old:
            self._change(old, lambda marks: {})

    def _put(self, name: str, login: Login) -> None:
        self._change((name,), lambda marks: {name: msgspec.json.encode(login)})

    def _marks(self, prefix: str) -> Mapping[str, bytes]:
        if not self._in_memory:
            return self._service.marks(prefix)
        with self._lock:
            return {name: body for name, body in self._own.items() if name.startswith(prefix)}

    def _change(
        self, names: Sequence[str], change: ChangeMarks, *, waits: bool = True
    ) -> Mapping[str, bytes]:
        if not self._in_memory:
            try:
                found = self._service.change_marks(names, change, waits=waits)
            except (
                StoreError
            ) as error:  # the first change decides: a moment later is no reason to forget what ended
                if self._written or error.code != "store_read_only" or not waits:
                    raise
                self._in_memory = True
            else:
                self._written = True
                return found
        with self._lock:
            kept = dict(change({name: self._own[name] for name in names if name in self._own}))
            for name in names:
                self._own.pop(name, None)
            self._own.update(kept)
            return kept


def _name(kind: str, secret: str) -> str:
    return f"{kind}{sha256(secret.encode()).hexdigest()}"
