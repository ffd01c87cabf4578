"""Campaigns in the store: the people of a list, claimed batches, and their outcomes.

A chunk is the unit of a claim. It is committed as ``sending`` before anything leaves, and its outcomes are committed together;
a sender that dies leaves one such chunk, which the next one declares unknown. One sender works at a campaign at a time (it
holds a worker's lock); receipts and pauses may come from anywhere at any moment.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from runner.decoding import msgpack_reader
from runner.errors import NotFound, Sealed
from runner.incident.campaigns.campaign import (
    Campaign,
    Claimed,
    Contact,
    Counters,
    Owed,
    OwedState,
    SuppressedFor,
    Tally,
    Way,
)
from runner.store.campaigns import schema as sql
from runner.store.campaigns.rows import (
    Attempt,
    Chunk,
    Connection,
    Intake,
    KeptState,
    Known,
    Run,
    chunk_digest,
    contact_context,
    instant_text,
    known,
    marks,
    new_keys,
    owed_fields,
    settlings,
)
from runner.vault.keys import DataKey

TAG_BYTES, NUMBER_BYTES, MAC_BYTES = 4, 6, 10
_SECRETS = "suppressions"
"""The name under which the key of the pepper is kept: it belongs to no incident, so no shredding takes it away."""
_PAGE = 500
_DROPPED = 10_000
"""Rows that are taken away in one commit."""
_contact = msgpack_reader(Contact)


class BulkTables:
    """All that is kept of campaigns in one store."""

    def __init__(self, door: Connection, fresh: bytes) -> None:
        """Make the tables where they are not there; ``fresh`` is 32 bytes of chance, kept if none were before."""
        self._door = door
        with door.reading() as run:
            there = [run.execute(sql.SELECT_SETTING, (name,)).fetchone() for name in (sql.KEYED, sql.PEPPER)]
        pepper = (
            str(there[1][0]) if all(there) else self._made(fresh)
        )  # a command that only reads writes nothing
        self._pepper = door.key(_SECRETS).open(base64.b64decode(pepper), b"tocsin/bulk-pepper/v1")

    def _made(self, fresh: bytes) -> str:
        """Make the tables, and return the sealed key of this store's digests, the same for every process."""
        sealed = self._door.key(_SECRETS).seal(fresh, b"tocsin/bulk-pepper/v1")
        with self._door.writing() as run:
            for statement in sql.TABLES:
                run.execute(statement)
            if run.execute(sql.SELECT_SETTING, (sql.KEYED,)).fetchone() is None:
                for statement in sql.ALL_KEYS:
                    run.execute(statement)
                run.execute(sql.INSERT_SETTING, (sql.KEYED, "1"))
            run.execute(sql.INSERT_SETTING, (sql.PEPPER, base64.b64encode(sealed).decode()))
            return str(run.execute(sql.SELECT_SETTING, (sql.PEPPER,)).fetchone()[0])

    def digest(self, kind: str, text: str) -> bytes:
        """Return what a reference, a name or an address is found by again: nothing can be told from it without the key."""
        return hmac.digest(self._pepper, f"{kind}\0{text}".encode(), "sha256")[:16]

    # --- campaigns ---------------------------------------------------------------------------------------

    def create(self, campaign: Campaign) -> None:
        """Begin a campaign without people, as ``partial``: it is ``planned`` once the whole list is in."""
        tag = hashlib.sha256(campaign.id.encode()).digest()[:TAG_BYTES]
        body = msgspec.json.encode(campaign)
        values = (campaign.id, campaign.incident, campaign.notice, campaign.list_name, "partial", body, tag)
        with self._door.writing() as run:
            run.execute(sql.INSERT_CAMPAIGN, values)

    def put(self, campaign: Campaign) -> None:
        """Replace what is kept of a campaign's plan."""
        with self._door.writing() as run:
            run.execute(sql.UPDATE_CAMPAIGN, (msgspec.json.encode(campaign), campaign.id))

    def drop(self, campaign: str) -> None:
        """Forget a campaign that has sent nothing, a page at a time; half dropped it is ``partial``. One that began is kept."""
        if not self.set_state(campaign, "partial", "planned", "partial"):
            return
        for statement in sql.DROP:
            gone = _DROPPED
            while gone >= _DROPPED:
                with self._door.writing() as run:
                    gone = run.execute(statement.format(page=_DROPPED), (campaign, campaign)).rowcount
        with self._door.writing() as run:
            run.execute(sql.DROP_CAMPAIGN, (campaign,))

    def campaigns(self, incident: str) -> list[Known]:
        """Return the campaigns of an incident whose lists are whole."""
        return [known(row) for row in self._all(sql.CAMPAIGNS, (incident,))]

    def partial(self, incident: str) -> list[str]:
        """Return the campaigns whose list is not whole: it is being read or taken away, or was when a process died."""
        return [str(name) for (name,) in self._all(sql.PARTIAL, (incident,))]

    def campaign(self, name: str) -> Known:
        """Return one campaign; raises NotFound."""
        rows = self._all(f"{sql.CAMPAIGN} WHERE id = ?", (name,))
        if not rows:
            raise NotFound(
                f'Campaign "{name}" does not exist.',
                hint="Plan the campaign: tocsin bulk plan NOTICE --people FILE",
                code="unknown_campaign",
            )
        return known(rows[0])

    def set_state(self, campaign: str, state: KeptState, *before: KeptState) -> bool:
        """Change a campaign's state if it is one of ``before``; say whether it was."""
        statement = sql.SET_STATE.format(states=marks(before))
        with self._door.writing() as run:
            return bool(run.execute(statement, (state, campaign, *before)).rowcount)

    # --- people ------------------------------------------------------------------------------------------

    def intake(self, campaign: Campaign) -> Intake:
        """Begin to take in a list."""
        return Intake(self._door, campaign.id, self._door.key(campaign.incident))

    def taken(self, campaign: str, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return which of these addresses the campaign uses already, and whose each is."""
        return dict(self._in(sql.TAKEN, (campaign,), tuple(addresses)))

    def claim(
        self, campaign: Campaign, way: Way, groups: Sequence[int], most: int, now: datetime
    ) -> Chunk | None:
        """Claim the next people of a way, durably, if the campaign is being sent; None where there are none now."""
        key = self._door.key(campaign.incident)
        wanted = sql.SELECT_READY.format(groups=marks(groups))
        with self._door.writing() as run:
            state, chunks = run.execute(sql.STATE, (campaign.id,)).fetchone()
            at = instant_text(now)
            found = (
                run.execute(wanted, (campaign.id, way, at, *groups, most)).fetchall()
                if state == "sending" and groups
                else []
            )
            if not found:
                return None
            chunk = chunks + 1
            run.execute(sql.NEXT_CHUNK, (campaign.id,))
            run.execute(sql.INSERT_CHUNK, (campaign.id, chunk, way, len(found), at, b""))
            numbers = [row[1] for row in found]
            run.execute(sql.CLAIM.format(numbers=marks(numbers)), (chunk, campaign.id, *numbers))
            wanted = sql.CONTACTS.format(numbers=marks(numbers))
            bodies = dict(run.execute(wanted, (campaign.id, *numbers)).fetchall())
        begun = {"state": "sending", "chunk": chunk, "hit": 0, "why": ""}
        people = tuple(
            Claimed(**owed_fields(row) | begun, contact=_opened(key, campaign.id, n, bodies[n]))
            for n, row in zip(numbers, found, strict=True)
        )
        return Chunk(n=chunk, way=way, people=people)

    def finish(
        self, chunk: Chunk, people: Sequence[Owed], attempts: Sequence[Attempt], counted: Counters
    ) -> bytes:
        """Commit how the people of a claimed chunk stand afterwards, all together, and return the digest of the attempts.

        It does not wait for the disk: the next claim does. Should the power fail before, the chunk is unknown, as if it were in flight.
        """
        campaign, digest = chunk.people[0].campaign, chunk_digest(attempts)
        before = {one.n: one for one in chunk.people}
        turned = [(before[one.n], one) for one in people]
        with self._door.writing(waits=False) as run:
            for statement, values in settlings(turned):
                run.execute(statement, values)
            _add_attempts(run, campaign, chunk.n, attempts)
            run.executemany(sql.INSERT_KEY, new_keys(turned))
            run.execute(sql.END_CHUNK, ("done", digest, campaign, chunk.n))
            _count(run, campaign, counted)
        return digest

    def lose(self, campaign: str, now: datetime, why: str) -> list[tuple[int, int, bytes]]:
        """Declare what a dead sender had claimed unknown; return each chunk, its people and its digest."""
        lost = []
        with self._door.writing() as run:
            for chunk, way in run.execute(sql.OPEN_CHUNKS, (campaign,)).fetchall():
                people = [n for (n,) in run.execute(sql.IN_CHUNK, (campaign, chunk)).fetchall()]
                at = instant_text(now)
                attempts = [Attempt(n, way, "unknown", "", "", b"", at) for n in people]
                digest = chunk_digest(attempts)
                _add_attempts(run, campaign, chunk, attempts)
                run.execute(sql.LOSE.format(numbers=marks(people)), (why, campaign, chunk, *people))
                run.execute(sql.END_CHUNK, ("unknown", digest, campaign, chunk))
                _count(run, campaign, Counters(sent=len(people)))
                lost.append((chunk, len(people), digest))
        return lost

    def again(self, campaign: str, why: str) -> int:
        """Have everybody whose outcome is unknown sent to again, by a person's word; return how many.

        They counted as sent when their outcome got lost: they will once more when they are, and not before.
        """
        with self._door.writing() as run:
            people = int(run.execute(sql.AGAIN, (why, campaign)).rowcount)
            _count(run, campaign, Counters(sent=-people))
        return people

    def soonest(self, campaign: str, way: Way, groups: Sequence[int]) -> str | None:
        """Return when the next of those who are ready may be sent to, as text; None where nobody is."""
        if not groups:
            return None
        ((found,),) = self._all(sql.SOONEST.format(groups=marks(groups)), (campaign, way, *groups))
        return None if found is None else str(found)

    # --- what came back ----------------------------------------------------------------------------------

    def standing(self, campaign: str, n: int) -> Owed | None:
        """Return how one person stands."""
        return next(iter(self._standings(sql.BY_NUMBER, (campaign, n))), None)

    def by_reference(self, campaign: str, reference: bytes) -> Owed | None:
        """Return how the person of a reference stands."""
        return next(iter(self._standings(sql.BY_REFERENCE, (campaign, reference))), None)

    def by_address(self, address: bytes) -> list[Owed]:
        """Return everybody who is reached at an address, of every campaign."""
        return self._standings(sql.BY_ADDRESS, (address,))

    def by_provider(self, provider: str, way: Way) -> list[tuple[str, int]]:
        """Return whose attempt a provider calls by this name."""
        return [(str(campaign), int(n)) for campaign, n in self._all(sql.BY_PROVIDER, (provider, way))]

    def change(self, before: Owed, after: Owed, counted: Counters) -> bool:
        """Put a person from how they stood to how they stand; False where somebody else was faster."""
        with self._door.writing() as run:
            ((statement, values),) = settlings([(before, after)])
            if not run.execute(statement, values).rowcount:
                return False
            run.executemany(sql.INSERT_KEY, new_keys([(before, after)]))
            _count(run, before.campaign, counted)
        return True

    def substitute(self, campaign: str, groups: Sequence[int], states: Sequence[OwedState], why: str) -> int:
        """Put everybody of these groups in these states to substituted; return how many."""
        statement = sql.SUBSTITUTE.format(groups=marks(groups), states=marks(states))
        with self._door.writing() as run:
            return int(run.execute(statement, (why, campaign, *groups, *states)).rowcount)

    def listed(
        self, campaign: Campaign, states: Sequence[OwedState]
    ) -> Iterator[tuple[Contact, OwedState, str]]:
        """Yield everybody in some states with the reason, opened, a page at a time."""
        key, statement = self._door.key(campaign.incident), sql.LISTED.format(states=marks(states))
        for n, state, why, body in self._paged(statement, campaign.id, *states):
            yield _opened(key, campaign.id, n, body), state, str(why)

    # --- suppression -------------------------------------------------------------------------------------

    def suppress(self, addresses: Iterable[bytes], reason: SuppressedFor, now: datetime) -> None:
        """Keep addresses that may not be used any more, with the reason; doubled is harmless."""
        with self._door.writing() as run:
            run.executemany(sql.SUPPRESS, [(address, reason, instant_text(now)) for address in addresses])

    def suppressed(self, addresses: Iterable[bytes]) -> dict[bytes, str]:
        """Return which of these addresses may not be used, and why."""
        return dict(self._in(sql.SUPPRESSED, (), tuple(addresses)))

    def suppressions(self) -> dict[str, int]:
        """Return how many addresses are kept from use, by reason."""
        return {str(reason): int(count) for reason, count in self._all(sql.SUPPRESSED_BY)}

    # --- counts ------------------------------------------------------------------------------------------

    def tally(self, campaign: str, now: datetime) -> list[Tally]:
        """Return how many people stand how."""
        found = self._all(sql.TALLY, (instant_text(now), campaign))
        return [Tally(g, s, e, w, why, bool(deferred), c) for g, s, e, w, why, deferred, c in found]

    def domains(self, campaign: str, most: int) -> list[tuple[bytes, int]]:
        """Return the destinations to which most mail goes."""
        return [(bytes(domain), int(count)) for domain, count in self._all(sql.BY_DOMAIN, (campaign, most))]

    def chunks(self, campaign: str, after: int = 0) -> Iterator[tuple[int, str, str, int, bytes]]:
        """Yield number, state, way, size and digest of every chunk behind ``after``."""
        for n, state, way, size, digest in self._paged(sql.CHUNKS, campaign, after=after):
            yield n, state, way, size, bytes(digest)

    def attempts(self, campaign: str, chunk: int) -> list[Attempt]:
        """Return what was tried in a chunk."""
        return [
            Attempt(n, way, state, code, provider, bytes(body), at)
            for n, way, state, code, provider, body, at in self._all(sql.ATTEMPTS, (campaign, chunk))
        ]

    # --- keys of messages --------------------------------------------------------------------------------

    def message_key(self, tag: bytes, n: int) -> str:
        """Return the idempotency key of one person's notice: it says whose it is, and nobody else can make one."""
        named = tag + n.to_bytes(NUMBER_BYTES, "big")
        mac = hmac.digest(self._pepper, b"key\0" + named, "sha256")[:MAC_BYTES]
        return base64.b32encode(named + mac).decode()

    def named_by(self, key: str) -> tuple[str, int] | None:
        """Return the campaign and the place in its list that a key names; None for a key that is not ours."""
        try:
            raw = base64.b32decode(key.strip().upper())
        except ValueError:
            return None
        named, mac = raw[: TAG_BYTES + NUMBER_BYTES], raw[TAG_BYTES + NUMBER_BYTES :]
        wanted = hmac.digest(self._pepper, b"key\0" + named, "sha256")[:MAC_BYTES]
        if not hmac.compare_digest(mac, wanted):
            return None
        rows = self._all("SELECT id FROM bulk_campaigns WHERE tag = ?", (named[:TAG_BYTES],))
        return (str(rows[0][0]), int.from_bytes(named[TAG_BYTES:], "big")) if rows else None

    # --- the statements' ways ----------------------------------------------------------------------------

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._door.reading() as run:
            found: list[Any] = run.execute(statement, values).fetchall()
        return found

    def _paged(self, statement: str, campaign: str, *more: Any, after: int = 0) -> Iterator[Any]:
        """Yield rows that begin with a number, a page of them at a time, by that number."""
        while page := self._all(statement, (campaign, after, *more, _PAGE)):
            yield from page
            after = page[-1][0]

    def _standings(self, statement: str, values: Sequence[Any]) -> list[Owed]:
        return [Owed(**owed_fields(row)) for row in self._all(statement, values)]

    def _in(self, statement: str, first: Sequence[Any], keys: Sequence[bytes]) -> Iterator[tuple[bytes, Any]]:
        for start in range(0, len(keys), _PAGE):
            page = keys[start : start + _PAGE]
            for key, value in self._all(statement.format(keys=marks(page)), (*first, *page)):
                yield bytes(key), bytes(value) if isinstance(value, bytes | memoryview) else value


def _add_attempts(run: Run, campaign: str, chunk: int, attempts: Iterable[Attempt]) -> None:
    rows = [(campaign, chunk, *msgspec.structs.astuple(attempt)) for attempt in attempts]
    run.executemany(sql.INSERT_ATTEMPT, rows)


def _count(run: Run, campaign: str, more: Counters) -> None:
    run.execute(sql.COUNT, (more.sent, more.bounced, more.complaints, campaign))


def _opened(key: DataKey, campaign: str, n: int, body: bytes) -> Contact:
    try:
        return _contact(key.open(bytes(body), contact_context(campaign, n)))
    except msgspec.ValidationError as error:
        raise Sealed(
            "A person of this campaign is from another version of Tocsin.",
            hint="Install the later version of Tocsin.",
            code="other_version",
        ) from error
