"""The contact book in the store: encrypted person by person, on both stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.app.core.contact_store import ContactStore, kept_people, read_book, record, shred
from runner.base.actor import Principal
from runner.errors import Stale
from runner.incident.people.contact_journal import (
    BOOK,
    ContactStopped,
    ContactVerified,
    People,
    PersonAdded,
    PersonAway,
    PersonFiled,
    RoleHeld,
    WayTried,
    fold_people,
)
from runner.routing.messaging import ContactPoint
from runner.routing.organisation import Person
from runner.store.port import Append, Appended, Conflict, Store
from tests.cli.at_desk import Chance, Clock
from tests.servers.postgres import postgres_server, postgres_url
from tests.store.conftest import place, store
from tests.store.journals import Place

__all__ = ["place", "postgres_server", "postgres_url", "store"]

ADA = ContactPoint(channel="phone", address="+15005550006")
BEN = ContactPoint(channel="email", address="ben@example.org")


@dataclass
class Shelf:
    """As much of a desk as the book needs."""

    store: Store
    clock: Clock = field(default_factory=Clock)
    chance: Chance = field(default_factory=Chance)
    principal = Principal(person="ada", host="desk.example", os_user="ada")
    backoff = None
    forgotten: int = 0

    def forget_directory(self) -> None:
        self.forgotten += 1

    def record(
        self, principal: Principal, batch: Sequence[Append], recorded: datetime
    ) -> list[Appended | Conflict]:
        return self.store.append(batch, recorded=recorded)

    def erase(self, principal: Principal, journal: str) -> None:
        self.store.shred(journal)


class Overtaken:
    """A store in which others write just before each of the next appends."""

    def __init__(self, store: Store, *others: Callable[[], None]) -> None:
        self._store, self._others = store, list(others)

    def append(self, *given: Any, **more: Any) -> Any:
        if self._others:
            self._others.pop(0)()
        return self._store.append(*given, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Counted:
    """A store that counts how often the rows of journals are read."""

    def __init__(self, store: Store) -> None:
        self._store, self.reads = store, 0

    def rows(self, *given: Any, **more: Any) -> Any:
        self.reads += 1
        return self._store.rows(*given, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def people(store: Store) -> People:
    return fold_people(People({}, {}), read_book(store))


@pytest.fixture
def shelf(store: Store) -> Shelf:
    """A book with two people and a role."""
    made = Shelf(store)
    record(
        made,
        PersonAdded(person="ada", by="maria", name="Ada", contacts=(ADA,)),
        PersonFiled(person="ben", by="maria", card=Person(name="Ben", contacts=(BEN,))),
        RoleHeld(person="ada", by="maria", role="counsel", persons=("ada", "ben")),
    )
    return made


def test_recorded_entries_are_read_back_in_order_of_time(shelf: Shelf) -> None:
    shelf.clock.advance(timedelta(hours=1))
    record(shelf, ContactVerified(person="ada", by="maria", channel="phone", via="in person"))
    found = people(shelf.store)
    assert found.people["ada"].contacts[0].verified_at == shelf.clock.now()
    assert found.people["ben"].contacts == (BEN,)
    assert found.roles == {"counsel": ("ada", "ben")}
    assert kept_people(shelf) == {"ada", "ben"}
    assert shelf.forgotten == 2


def test_forgotten_people_are_unreadable_and_the_journals_still_verify(shelf: Shelf) -> None:
    assert shred(shelf, "ada") == 0
    found = people(shelf.store)
    assert set(found.people) == kept_people(shelf) == {"ben"}
    assert found.roles == {"counsel": ("ben",)}
    assert shelf.store.verify().ok
    record(shelf, PersonAdded(person="ada", by="maria", name="Another Ada"))
    assert people(shelf.store).people["ada"] == Person(name="Another Ada")


def test_concurrent_entries_about_one_person_are_both_stored_once(store: Store, shelf: Shelf) -> None:
    def away() -> None:
        record(shelf, PersonAway(person="ada", by="ben", away=True))

    second: Any = Overtaken(store, away)
    record(
        Shelf(second),
        ContactVerified(person="ada", by="maria", channel="phone", via="in person"),
        ContactVerified(person="ben", by="maria", channel="email", via="in person"),
    )
    found = people(store).people
    assert found["ada"].away
    assert found["ada"].contacts[0].verified_at == found["ben"].contacts[0].verified_at == shelf.clock.now()
    assert [type(one) for _, one in read_book(store)].count(ContactVerified) == 2
    always: Any = Overtaken(store, *[away] * 100)
    with pytest.raises(Stale):
        record(Shelf(always), PersonAway(person="ada", by="maria", away=False))


def test_forgetting_a_person_erases_only_their_own_opt_out(shelf: Shelf) -> None:
    for person, address in (("ada", ADA.address), ("ben", BEN.address)):
        record(shelf, ContactStopped(person=person, by="tocsin", adapter="smpp", address=address))
    shred(shelf, "ada")
    assert set(people(shelf.store).people["ben"].contacts[0].stopped) == {"smpp"}


def test_no_address_is_readable_in_the_store(place: Place, shelf: Shelf, tmp_path: Path) -> None:
    record(shelf, ContactStopped(person="ada", by="tocsin", adapter="smpp", address=ADA.address))
    copy = tmp_path / "copy.db"
    shelf.store.backup(copy)
    kept = [one for one in tmp_path.rglob("*") if one.is_file() and one.stat().st_size]
    assert copy in kept
    assert place.url.startswith("postgres") or len(kept) > 2  # the database itself and its log beside it
    for file in kept:
        content = file.read_bytes()
        assert b"5005550006" not in content
        assert b"ben@example.org" not in content


@pytest.mark.parametrize("entries", [2, 40])
def test_many_entries_read_the_journal_owners_only_once(shelf: Shelf, entries: int) -> None:
    counted = Counted(shelf.store)
    at_work = Shelf(counted, shelf.clock, shelf.chance)
    books = ContactStore(at_work)
    for n in range(entries):
        name = ("ada", "ben", f"new-{n % 7}")[n % 3]
        record(at_work, WayTried(person=name, by="maria", channel="phone", worker="w"), books=books)
    assert counted.reads == 1
    assert len([one for _, one in read_book(shelf.store) if isinstance(one, WayTried)]) == entries
    assert len([row for row in shelf.store.rows(BOOK) if row.title == "ada"]) == 1


def test_concurrent_writers_and_forgotten_people_block_no_entry(shelf: Shelf) -> None:
    books = ContactStore(shelf)
    record(shelf, PersonAway(person="ada", by="ben", away=True))
    tried = WayTried(person="ada", by="maria", channel="phone", worker="w")
    record(shelf, tried, books=books)
    shred(shelf, "ben")
    record(shelf, msgspec.structs.replace(tried, person="ben"), books=books)
    found = people(shelf.store)
    assert found.people["ada"].away
    assert set(found.people) == {"ada"}
    assert set(found.checks) == {("ada", "phone"), ("ben", "phone")}
