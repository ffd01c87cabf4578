"""A home whose database moves to another one, verified before the settings name it.

The new database is marked as not in use until the old one refuses all writes. A move that was stopped is repeated with the same
command: before the old database refuses writing it begins again, afterwards it goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec

from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.incident_service import IncidentService
from runner.app.home.backups import Watched
from runner.app.home.home_journal import StoreMoved, record
from runner.app.home.open_home import change_line
from runner.base.actor import Principal
from runner.errors import Refused, StoreCorrupt
from runner.files.settings_file import PASSWORD_IN_URL, load_home
from runner.settings import CONFIG
from runner.store.moving import MOVED, Tombstone, moved_away, sums, tombstone, with_mark
from runner.store.open_store import open_store, write_store
from runner.store.port import Store, Verification
from runner.vault.master_key import open_vault
from runner.vault.secrets import Secret, resolve

Open = Callable[[str], Store]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a move."""

    old: str
    new: str
    events: int
    head: str
    """The hash over all journals and their heads, the same in both databases."""
    rows: int
    """The number of rows that were compared; 0 if an earlier run compared them."""


def move_store(
    folder: Path,
    principal: Principal,
    clock: Clock,
    chance: IdGenerator,
    url: str,
    watched: Watched = lambda words, total: lambda count: None,
) -> Moved:
    """Move the database of a home to ``url``, and name it in the settings.

    Raises Refused if other programs use the database or the new place has one, StoreCorrupt if either does not verify; then
    the old database is in use.
    """
    home = load_home(folder / CONFIG)
    if PASSWORD_IN_URL.match(url):
        raise Refused(
            "The URL contains a password. Nothing was changed.",
            hint="Remove it, and write in tocsin.yaml: store_password: file:store.password",
            code="store_url",
        )
    password = resolve(home.store_password, base=folder) if home.store_password else None
    vault = open_vault(home.master_key, base=folder)
    opened: Open = partial(open_store, vault=vault, base=folder, moved=True, password=password)
    old_url = re.sub(r"//([^/@:]*):[^/@]*@", r"//\1@", home.store)
    with closing(opened(home.store)) as old:
        left, rows, found = tombstone(old.setting(MOVED)), 0, None
        if left is None:
            left, rows, found = _copied(old, opened, folder, url, password, chance, watched)
        elif left.to != url:
            raise moved_away(old_url, left.to)
    watched("finishing", None)
    with closing(opened(url)) as new:
        found = found or new.verify()
        if (mark := tombstone(new.setting(MOVED))) is not None:
            if mark.id != left.id:
                raise _differ("it is of another move")
            new.set_setting(MOVED, None)
        moved = StoreMoved(
            by=principal.person,
            move=left.id,
            old=old_url,
            new=url,
            events=found.events,
            head=f"sha256:{found.head}",
        )
        record(IncidentService(folder, home, new, clock, chance, principal), moved, "move")
    watched("changing the settings", None)
    change_line(folder / CONFIG, "store", url)
    return Moved(old=old_url, new=url, events=found.events, head=moved.head, rows=rows)


def _copied(
    old: Store,
    opened: Open,
    folder: Path,
    url: str,
    password: Secret | None,
    chance: IdGenerator,
    watched: Watched,
) -> tuple[Tombstone, int, Verification]:
    """Copy and compare without writers, then make the old database refuse them.

    Returns the tombstone, the number of rows, and the verification of the new database.
    """
    with old.frozen() as frozen:
        before = old.verify(seen=watched("verifying the old database", None))
        if before.broken is not None:
            raise _differ(f"{before.broken.incident}, entry {before.broken.seq}: {before.broken.why}")
        watched("copying", None)
        mark = Tombstone(id=chance.name("move"))
        write_store(url, with_mark(frozen.tables(), mark), base=folder, password=password)
        with closing(opened(url)) as new:
            after = new.verify(seen=watched("verifying the new database", before.events))
            changed = new.inspect().changed
            with new.frozen() as copied:
                watched("comparing all rows", None)
                rows = sums(frozen.tables())
                if (after.broken, after.head, changed, sums(copied.tables())) != (
                    None,
                    before.head,
                    (),
                    rows,
                ):
                    raise _differ("it differs from the old one")
        watched("closing the old database", None)
        left = msgspec.structs.replace(mark, to=url)
        frozen.leave(left)
    return left, sum(count for count, _ in rows.values()), after


def _differ(why: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"The database does not verify: {why}. The settings were not changed.",
        hint="Run: tocsin audit verify",
        code="move_unverified",
    )
