"""Sandbox for playbook tests: a temporary home folder with made-up people and no real channels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import msgspec

from runner.app.core.identifiers import Clock
from runner.app.core.incident_service import IncidentService
from runner.app.incidents.catalogue_pinning import kept_catalogue
from runner.base.actor import Principal
from runner.base.text import nearest
from runner.decoding import from_json
from runner.errors import NotFound
from runner.law.screening_index import Outline
from runner.playbook.catalogue import Catalog
from runner.playbook.pinned import CatalogueText, Contents
from runner.playbook.playbook_test import Behaviour
from runner.playbook.playbook_test_file import TestFile, roles_of
from runner.routing.message_classes import Written
from runner.routing.messaging import ChannelConfig, ContactPoint
from runner.routing.organisation import Acting, AuthProfile, Home, Person

SCREEN = "screen"
"""The sandbox's one channel; its messages stay inside the program."""
DIRECTOR = "director"
_NO_ACCESS = AuthProfile(kind="static", secret="env:")  # noqa: S106  # a reference to nothing


class Counting:
    """Identifiers from a counter: the same test makes the same ones."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def name(self, prefix: str) -> str:
        """Return the next identifier."""
        return f"{prefix}-{next(self._numbers)}"

    def codename(self) -> str:
        """Return the next name."""
        return f"rehearsal-{next(self._numbers)}"


@contextmanager
def sandbox_home(folder: Path, file: TestFile, clock: Clock, classes: Written) -> Iterator[IncidentService]:
    """Open a service in an empty folder for one file of tests, with a home's message classes.

    Its store is closed at the end, and never waits for the disk.
    """
    from runner.store.sqlite.store import SqliteStore
    from runner.vault.master_key import create_master, open_vault

    home = _home(file, classes)
    create_master(home.master_key, base=folder)
    vault = open_vault(home.master_key, base=folder)
    store = SqliteStore(folder / "stage.db", vault, create=True, durable=False)
    try:
        principal = Principal(person=DIRECTOR, host="stage", os_user=DIRECTOR)
        yield IncidentService(folder, home, store, clock, Counting(), principal)
    finally:
        store.close()


def _home(file: TestFile, classes: Written) -> Home:
    roles = {role: (f"{role}-1", f"{role}-2") for role in roles_of(file.bundle)} | file.tests.roles
    people = dict.fromkeys((person for some in roles.values() for person in some), "")
    return Home(
        schema="tocsin/home/v1",
        organisation=file.tests.organisation,
        people={
            person: Person(name=person, contacts=(ContactPoint(channel="handle", address=person),))
            for person in people
        },
        roles=roles,
        act=Acting(auth=dict.fromkeys(file.tests.auth, _NO_ACCESS)),
        classes={name: dict(given) for name, given in classes.items()},
        channels={
            name: ChannelConfig(
                adapter="console",
                confidentiality="restricted",
                personal_data="special",
                priority=priority,
                domains=frozenset({name}),
                settings={"path": f"{name}.txt"},
            )
            for priority, name in enumerate((SCREEN, *_channels(file)), start=1)
        },
    )


def _channels(file: TestFile) -> tuple[str, ...]:
    named = dict.fromkeys(name for case in (file.tests.usual, *file.tests.cases) for name in case.channels)
    return tuple(name for name in named if name != SCREEN)


def pin(service: IncidentService, catalog: Catalog, cache: Path, file: TestFile) -> str:
    """Store the law and the templates that the tests name, and return their digest; NotFound for an unknown one."""
    found, _ = kept_catalogue(cache, catalog)
    regimes, outline = found.regimes, found.outline
    if file.tests.laws is not None:
        regimes, outline = _chosen(catalog, file.tests.laws)
    notices = bytes(found.notices)
    if file.tests.notices is not None:
        notices = _some(found, file.tests.notices)
    contents = Contents(
        outline=outline,
        laws_at=service.keep_document(service.principal, None, msgspec.json.encode(regimes)),
        notices_at=service.keep_document(service.principal, None, notices),
    )
    return service.keep_document(service.principal, None, msgspec.json.encode(contents))


def _chosen(catalog: Catalog, laws: tuple[str, ...]) -> tuple[tuple[msgspec.Raw, ...], Outline]:
    from runner.law.screening_index import outline

    regimes = tuple(catalog.regime(name) for name in sorted(laws))
    return tuple(msgspec.Raw(msgspec.json.encode(regime, order="sorted")) for regime in regimes), outline(
        regimes
    )


def _some(found: CatalogueText, names: tuple[str, ...]) -> bytes:
    kept = from_json(bytes(found.notices), dict[str, msgspec.Raw])
    for name in names:
        if name not in kept:
            near = nearest(name, kept)
            raise NotFound(
                f'Notice "{name}" does not exist.',
                hint=f"Use {near}" if near else "",
                code="unknown_notice",
            )
    return msgspec.json.encode({name: kept[name] for name in names})


def with_channels(behaviour: Behaviour, names: tuple[str, ...]) -> Behaviour:
    """Return the behaviour with the channels that fail in the scenario."""
    known = dict.fromkeys(names, ("accepted",))
    return msgspec.structs.replace(behaviour, channels={**known, **behaviour.channels})
