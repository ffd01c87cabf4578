"""The list of erased journals beside backups: a restore destroys their keys again, before anything is read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from runner.app.core.contact_store import forgotten
from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import HOME_KEYS
from runner.app.home import retention
from runner.decoding import from_json
from runner.errors import Refused, StoreError
from runner.vault.keys import DataKey
from runner.vault.master_key import open_vault

HOME_ID = "home_id"
"""A setting of the store: the random name of this home in the names of its backups and of their list."""

UNERASED = "The erasure is unfinished: the destroyed key is in the files of the database until another process stops reading it"


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """A journal whose key was destroyed. Its id says nothing about the incident or the person."""

    journal: str
    kind: Literal["incident", "person"]
    mac: str = ""
    """Under the master key: nobody else adds a line, which would destroy a key at a restore."""
    vouched: str = ""
    """The same under a key of the home, which a change of the master key does not change."""

    @property
    def signed(self) -> bytes:
        """The bytes that ``mac`` is of."""
        return f"erased\0{self.kind}\0{self.journal}".encode()


def home_id(service: IncidentService) -> str:
    """Return the name of this home beside those of other homes in one folder; a new one at first."""
    found = service.setting(HOME_ID)
    if found is None:
        found = service.chance.name("home").removeprefix("home-")
        with suppress(StoreError):  # a home that cannot be written
            service.set_setting(HOME_ID, found)
    return found


def list_key(service: IncidentService) -> DataKey:
    """Return the key of the list, which each backup contains; raises Sealed without the master key."""
    return service.store.key(f"{HOME_KEYS}erased")


def list_of(place: Path, home: str) -> Path:
    """Return the file with the erased journals of one home, in a folder that several homes may share."""
    return place / f"tocsin-{home}.erased.jsonl"


def note_erased(service: IncidentService, places: Iterable[Path]) -> tuple[Path, ...]:
    """Add all erased journals to the lists beside the backups; return the places that cannot be reached."""
    gone = [Erased(journal=name, kind="incident") for name in sorted(retention.kept(service).shredded)]
    journals = (journal for person in forgotten(service.store) for journal in person.journals or ())
    gone += [Erased(journal=name, kind="person") for name in sorted(journals)]
    vault = open_vault(service.home.master_key, base=service.folder)
    key = list_key(service)
    gone = [
        msgspec.structs.replace(one, mac=vault.mac(one.signed), vouched=key.vouch(one.signed).hex())
        for one in gone
    ]
    home, missing = home_id(service), []
    for place in places:
        path = list_of(place, home)
        try:
            known = {one.journal for one in read_list(path)}
            with path.open("ab") as file:
                file.writelines(msgspec.json.encode(one) + b"\n" for one in gone if one.journal not in known)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            missing.append(place)
    return tuple(missing)


def read_list(path: Path) -> tuple[Erased, ...]:
    """Return a list of erased journals; empty without one. Raises Refused for a damaged list."""
    if not path.exists():
        return ()
    try:
        return tuple(from_json(line, Erased) for line in path.read_bytes().splitlines() if line.strip())
    except msgspec.DecodeError:
        raise damaged_list(path) from None


def damaged_list(path: Path) -> Refused:
    """Return the error for a list of erased data that was damaged, or changed by somebody without the master key."""
    return Refused(
        f'The list of erased data "{path}" is damaged, or not of this home folder.',
        hint="Restore this file first. Without it, a restore brings erased data back.",
        code="erased_damaged",
    )
