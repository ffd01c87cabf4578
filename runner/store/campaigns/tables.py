"""Campaigns in the store: the people of a list, claimed batches, and their outcomes.

A batch is the unit of a claim. It is committed as ``sending`` before anything is sent, and its outcomes are committed together;
the next sender declares the batch of a dead sender unknown. One sender works on a campaign at a time (it
has a worker's lock); any process can record receipts and pauses at any time.
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
from runner.incident.campaigns.destinations import STOPPED
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
    owed_values,
    settlings,
)
from runner.vault.keys import DataKey

TAG_BYTES, NUMBER_BYTES, MAC_BYTES = 4, 6, 10
_SECRETS = "suppressions"
"""The name of the stored key of the pepper: it belongs to no incident, so shredding an incident does not destroy it."""
_PAGE = 500
_DROPPED = 10_000
"""Rows that are deleted in one commit."""
_contact = msgpack_reader(Contact)


class BulkTables:
    """The campaign tables of one store."""

    def __init__(self, door: Connection, fresh: bytes) -> None:
        """Make missing tables; ``fresh`` are 32 random bytes, stored if the store has none."""
        self._door = door
        with door.reading() as run:
            there = [run.execute(sql.SELECT_SETTING, (name,)).fetchone() for name in (sql.KEYED, sql.PEPPER)]
        pepper = (
            str(there[1][0]) if all(there) else self._made(fresh)
        )  # a command that only reads does not write
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
        """Return the look-up key of a reference, a name or an address: a keyed digest."""
        return hmac.digest(self._pepper, f"{kind}\0{text}".encode(), "sha256")[:16]

    # --- campaigns ---------------------------------------------------------------------------------------

    def create(self, campaign: Campaign) -> None:
        """Begin a campaign without people, as ``partial``: it is ``planned`` once the whole list is imported."""
        tag = hashlib.sha256(campaign.id.encode()).digest()[:TAG_BYTES]
        body = msgspec.json.encode(campaign)
        values = (campaign.id, campaign.incident, campaign.notice, campaign.list_name, "partial", body, tag)
        with self._door.writing() as run:
            run.execute(sql.INSERT_CAMPAIGN, values)

    def put(self, campaign: Campaign) -> None:
        """Replace the stored plan of a campaign."""
        with self._door.writing() as run:
            run.execute(sql.UPDATE_CAMPAIGN, (msgspec.json.encode(campaign), campaign.id))

    def drop(self, campaign: str) -> None:
        """Delete a campaign that has sent nothing, a page at a time; meanwhile it is ``partial``. A campaign that began is kept."""
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
        """Return the campaigns of an incident with complete lists."""
        return [known(row) for row in self._all(sql.CAMPAIGNS, (incident,))]

    def partial(self, incident: str) -> list[str]:
        """Return the campaigns whose list is incomplete: it is being read or deleted, or was when a process died."""
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
        """Change a campaign's state if it is one of ``before``; return whether it was."""
        statement = sql.SET_STATE.format(states=marks(before))
        with self._door.writing() as run:
            return bool(run.execute(statement, (state, campaign, *before)).rowcount)

    # --- people ------------------------------------------------------------------------------------------

    def intake(self, campaign: Campaign) -> Intake:
        """Begin the import of a list."""
        return Intake(self._door, campaign.id, self._door.key(campaign.incident))

    def taken(self, campaign: str, addresses: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return which of these addresses the campaign uses already, and the person of each."""
        return dict(self._in(sql.TAKEN, (campaign,), tuple(addresses)))

    def claim(
        self, campaign: Campaign, way: Way, groups: Sequence[int], most: int, now: datetime
    ) -> Chunk | None:
        """Claim the next people of a channel, durably, if the campaign is being sent; None without any now."""
        key = self._door.key(campaign.incident)
        wanted = sql.SELECT_READY.format(groups=marks(groups))
        with self._door.writing() as run:
            state, chunks = run.execute(sql.STATE, (campaign.id,)).fetchone()
            at, chunk = instant_text(now), chunks + 1
            found = (
                run.execute(wanted, (chunk, campaign.id, way, at, *groups, most)).fetchall()
                if state == "sending" and groups
                else []
            )
            if not found:
                return None
            run.execute(sql.NEXT_CHUNK, (campaign.id,))
            run.execute(sql.INSERT_CHUNK, (campaign.id, chunk, way, len(found), at, b""))
            numbers = [row[1] for row in found]
            run.execute(sql.CLAIM.format(numbers=marks(numbers)), (chunk, campaign.id, *numbers))
            wanted = sql.CONTACTS.format(numbers=marks(numbers))
            bodies = dict(run.execute(wanted, (campaign.id, *numbers)).fetchall())
        people = tuple(
            Claimed(*owed_values(row), contact=_opened(key, campaign.id, n, bodies[n]))
            for n, row in zip(numbers, found, strict=True)
        )
        return Chunk(n=chunk, way=way, people=people)

    def finish(
        self, chunk: Chunk, people: Sequence[Owed], attempts: Sequence[Attempt], counted: Counters
    ) -> bytes:
        """Commit the new states of all people of a claimed batch together, and return the digest of the attempts.

        It does not wait for the disk: the next claim does. After an earlier loss of power the batch is unknown, as if it were being sent.
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
        """Declare the claimed batches of a dead sender unknown; return each batch, its people and its digest."""
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
        """Resend to all people with an unknown outcome, by a person's decision; return the number.

        They counted as sent when their outcome was lost; now they count again only after the resend.
        """
        with self._door.writing() as run:
            people = int(run.execute(sql.AGAIN, (why, campaign)).rowcount)
            _count(run, campaign, Counters(sent=-people))
        return people

    def release(self, campaign: str) -> None:
        """Let all people be sent to who wait for a destination that refused the sender."""
        with self._door.writing() as run:
            run.execute(sql.RELEASE, (campaign, instant_text(STOPPED)))

    def soonest(self, campaign: str, way: Way, groups: Sequence[int]) -> str | None:
        """Return when the next ready person can be sent to, as text; None without ready people."""
        if not groups:
            return None
        ((found,),) = self._all(sql.SOONEST.format(groups=marks(groups)), (campaign, way, *groups))
        return None if found is None else str(found)

    # --- receipts ----------------------------------------------------------------------------------------

    def standing(self, campaign: str, n: int) -> Owed | None:
        """Return the state of one person."""
        return next(iter(self._standings(sql.BY_NUMBER, (campaign, n))), None)

    def by_reference(self, campaign: str, reference: bytes) -> Owed | None:
        """Return the state of the person of a reference."""
        return next(iter(self._standings(sql.BY_REFERENCE, (campaign, reference))), None)

    def by_address(self, address: bytes) -> list[Owed]:
        """Return all people with an address, of every campaign."""
        return self._standings(sql.BY_ADDRESS, (address,))

    def by_provider(self, provider: str, way: Way) -> list[Owed]:
        """Return all people whose attempt has this name at a provider."""
        return self._standings(sql.BY_PROVIDER, (provider, way))

    def change(self, before: Owed, after: Owed, counted: Counters) -> bool:
        """Change a person's state; False if another process was faster."""
        with self._door.writing() as run:
            ((statement, values),) = settlings([(before, after)])
            if not run.execute(statement, values).rowcount:
                return False
            run.executemany(sql.INSERT_KEY, new_keys([(before, after)]))
            _count(run, before.campaign, counted)
        return True

    def substitute(self, campaign: str, groups: Sequence[int], states: Sequence[OwedState], why: str) -> int:
        """Change all people of these groups in these states to substituted; return the number."""
        statement = sql.SUBSTITUTE.format(groups=marks(groups), states=marks(states))
        with self._door.writing() as run:
            return int(run.execute(statement, (why, campaign, *groups, *states)).rowcount)

    def listed(
        self, campaign: Campaign, states: Sequence[OwedState]
    ) -> Iterator[tuple[Contact, OwedState, str]]:
        """Yield all people in some states with the reason, decrypted, a page at a time."""
        key, statement = self._door.key(campaign.incident), sql.LISTED.format(states=marks(states))
        for n, state, why, body in self._paged(statement, campaign.id, *states):
            yield _opened(key, campaign.id, n, body), state, str(why)

    # --- suppression -------------------------------------------------------------------------------------

    def suppress(self, addresses: Iterable[bytes], reason: SuppressedFor, now: datetime) -> None:
        """Store addresses that must not be used any more, with the reason; repetition is harmless."""
        with self._door.writing() as run:
            run.executemany(sql.SUPPRESS, [(address, reason, instant_text(now)) for address in addresses])

    def suppressed(self, addresses: Iterable[bytes]) -> dict[bytes, SuppressedFor]:
        """Return which of these addresses must not be used, and why."""
        return dict(self._in(sql.SUPPRESSED, (), tuple(addresses)))

    def suppressions(self) -> dict[str, int]:
        """Return the number of addresses in the suppression list, by reason."""
        return {str(reason): int(count) for reason, count in self._all(sql.SUPPRESSED_BY)}

    # --- counts ------------------------------------------------------------------------------------------

    def tally(self, campaign: str, now: datetime) -> list[Tally]:
        """Return the number of people by state."""
        found = self._all(sql.TALLY, (instant_text(now), campaign))
        return [Tally(g, s, e, w, why, bool(late), c, hit) for g, s, e, w, why, late, hit, c in found]

    def overlap(self, campaign: str, other: str) -> int:
        """Return how many people without the notice have a reference or address of a person who got it, or will, by the other."""
        ((people,),) = self._all(sql.OVERLAP, (other, campaign))
        return int(people)

    def chunks(self, campaign: str, after: int = 0) -> Iterator[tuple[int, str, str, int, bytes]]:
        """Yield number, state, channel, size and digest of every batch after ``after``."""
        for n, state, way, size, digest in self._paged(sql.CHUNKS, campaign, after=after):
            yield n, state, way, size, bytes(digest)

    def attempts(self, campaign: str, chunk: int) -> list[Attempt]:
        """Return the attempts of a batch."""
        return [
            Attempt(n, way, state, code, provider, bytes(body), at)
            for n, way, state, code, provider, body, at in self._all(sql.ATTEMPTS, (campaign, chunk))
        ]

    # --- keys of messages --------------------------------------------------------------------------------

    def message_key(self, tag: bytes, n: int) -> str:
        """Return the idempotency key of one person's notice: it names the person, and needs this store's key to make."""
        named = tag + n.to_bytes(NUMBER_BYTES, "big")
        mac = hmac.digest(self._pepper, b"key\0" + named, "sha256")[:MAC_BYTES]
        return base64.b32encode(named + mac).decode()

    def named_by(self, key: str) -> tuple[str, int] | None:
        """Return the campaign and the list position of a key; None for a foreign key."""
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

    # --- statements --------------------------------------------------------------------------------------

    def _all(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._door.reading() as run:
            found: list[Any] = run.execute(statement, values).fetchall()
        return found

    def _paged(self, statement: str, campaign: str, *more: Any, after: int = 0) -> Iterator[Any]:
        """Yield rows that begin with a number, in its order, a page at a time."""
        while page := self._all(statement, (campaign, after, *more, _PAGE)):
            yield from page
            after = page[-1][0]

    def _standings(self, statement: str, values: Sequence[Any]) -> list[Owed]:
        return [Owed(*owed_values(row)) for row in self._all(statement, values)]

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
