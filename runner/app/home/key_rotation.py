"""Other keys for a home: another master key, under which every data key is wrapped, and another signing key.

What is encrypted stays as it is. A change of the master key that was stopped is repeated with the same command: the data keys
change in one transaction, and the settings after it.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.incident_service import IncidentService
from runner.app.core.proof.signing_keys import ListedKey, listed_keys, renewed
from runner.app.core.repository import Store
from runner.app.home import backups
from runner.app.home.home_journal import MasterKeyChanged, SigningKeyChanged, record
from runner.app.home.open_home import change_line, open_service
from runner.base.actor import Principal
from runner.errors import Refused, Sealed
from runner.settings import CONFIG
from runner.vault.keys import Vault
from runner.vault.master_key import create_master, open_vault


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a home, without any secret."""

    master: str
    """The id of the master key; empty without it."""
    reference: str
    signing: tuple[ListedKey, ...]
    """The oldest first."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a change of the master key."""

    old: str
    new: str
    reference: str
    old_reference: str
    keys: int
    """The number of data keys under the new master key."""
    backups: int
    """The number of recorded backups, which need the old key."""


def keys(service: IncidentService) -> Keys:
    """Return the keys of a home."""
    vault = open_vault(service.home.master_key, base=service.folder)
    try:
        master = vault.id.hex()
    except Sealed:
        master = ""
    return Keys(master=master, reference=service.home.master_key, signing=listed_keys(service.store))


def rotate_master(
    folder: Path, principal: Principal, clock: Clock, chance: IdGenerator, reference: str
) -> Rotated:
    """Wrap all data keys under the master key at ``reference``, which is made if it does not exist, and name it in the settings.

    Raises Refused if other programs use the database or the key is the present one, Sealed without the present key.
    """
    from runner.app.messages.callbacks import keep_places

    with closing(open_service(folder, principal, clock=clock, chance=chance)) as service:
        old_reference = service.home.master_key
        old, new = open_vault(old_reference, base=folder), open_vault(reference, base=folder)
        before = old.id
        try:
            new.id  # noqa: B018  # read for its error
        except Sealed as error:
            if error.code != "no_master" or reference.startswith(("env:", "credential:", "command:")):
                raise
            with service.store.frozen():
                pass  # refused while others use the database: no key is made
            create_master(reference, base=folder)
        if new.id == before:
            raise Refused(
                f'"{reference}" is the present master key. Nothing was changed.',
                hint="Name a new place: tocsin key rotate --to file:master-2.key",
                code="master_same",
            )
        try:
            keep_places(service)
        except Sealed as error:
            if error.code != "other_master":  # else an earlier run kept them, and was stopped later
                raise
        number = _rewrapped(service.store, old, new)
    with closing(
        open_service(folder, principal, clock=clock, chance=chance, master_key=reference)
    ) as service:
        changed = MasterKeyChanged(by=principal.person, old=before.hex(), new=new.id.hex(), keys=number)
        record(service, changed, "old", "new")
        made = len(backups.kept(service).made)
    change_line(folder / CONFIG, "master_key", reference)
    return Rotated(
        old=changed.old,
        new=changed.new,
        reference=reference,
        old_reference=old_reference,
        keys=number,
        backups=made,
    )


def _rewrapped(store: Store, old: Vault, new: Vault) -> int:
    """Wrap all data keys under the new master key, in one transaction; return their number."""
    number = 0
    with store.frozen() as frozen:
        frozen.only_master(new.id)
        for name, wrapped in frozen.run("SELECT incident, wrapped FROM tocsin.keys", ()):
            if wrapped is None:
                continue
            fresh, number = old.rewrap(name, wrapped, new), number + 1
            new.open_key(name, fresh)
            if fresh != wrapped:
                frozen.run("UPDATE tocsin.keys SET wrapped = %s WHERE incident = %s", (fresh, name))
    return number


def rotate_signing(service: IncidentService, reason: str) -> tuple[SigningKeyChanged, Path]:
    """Sign with a new key from now on; the old one stays listed, and signs the statement that names the new one.

    The statement is recorded, and written to the file that is returned.
    """
    old, new, statement = renewed(service.store, service.clock.now())
    changed = SigningKeyChanged(
        by=service.principal.person,
        reason=reason,
        old=old.fingerprint,
        new=new.fingerprint,
        statement=statement,
    )
    record(service, changed)
    file = service.folder / f"signing-key-{new.number}.note"
    file.write_text(statement, encoding="utf-8")
    return changed, file
