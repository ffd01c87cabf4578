"""A home from a backup, in a new folder, where nothing is sent before a person has looked.

The backup is checked before anything is written, and the new folder gets its name only when it is complete. Data that was
erased after the backup is erased again before anything is read. Login sessions and tokens of programs end. Every open incident
is paused, because messages that were sent after the backup are not known to it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.incident_service import IncidentService
from runner.app.home import backups, retention
from runner.app.home.backups import FILES, STORE, Erased, HomeRestored
from runner.app.home.integrity import integrity, verify
from runner.app.home.open_home import open_copy, open_service, store_file
from runner.app.people import break_glass, calendars, step_links, tokens
from runner.app.people.accounts import Accounts
from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.errors import Invalid, Refused, Sealed, StoreCorrupt, TocsinError
from runner.files import bag
from runner.files.encrypted_folder import ENDING, unpack
from runner.files.settings_file import load_home
from runner.incident.people.contact_journal import JOURNAL as RETENTION
from runner.incident.people.contact_journal import READER, IncidentShredded, PersonForgotten
from runner.incident.state.commands import Pause
from runner.settings import CONFIG
from runner.vault.keys import Vault
from runner.vault.master_key import read_master

Watched = Callable[[str, int | None], Callable[[int], None]]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is, as far as it can be known without its master key."""

    name: str
    made_at: str
    """As the backup says; an instant with offset, or empty."""
    digest: str
    """SHA-256 of the tag manifest: compare it with the one that ``tocsin backup`` printed."""
    verified: bool
    """Whether the program that made it could verify the copy."""
    events: int
    head: str
    unread: int
    faults: tuple[str, ...]
    """Differences of files from the manifests, and breaks of the journals; empty for a good backup."""
    left_out: tuple[str, ...]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a restore."""

    home: str
    backup: Checked
    erased_again: tuple[str, ...]
    """Journals whose keys were destroyed again."""
    paused: tuple[str, ...]
    """Codenames of the incidents that were paused."""
    unknown_attempts: int
    """Attempts to send whose outcome nobody knows."""
    sessions: int
    tokens: int
    missing: tuple[str, ...] = ()
    """Files that the backup does not contain and a person puts back."""
    store_moved: bool
    """Whether the settings named another database; the new home has the file ``tocsin.db``."""


def check(
    backup: Path,
    watched: Watched = lambda words, total: lambda count: None,
    *,
    identity: Path | None = None,
) -> Checked:
    """Check the files and the journals of a backup without its master key; works on a read-only medium.

    An encrypted backup needs ``identity``, a file with the secret key of age. Raises Invalid for anything but a backup.
    """
    with _opened(backup.absolute(), Path(tempfile.gettempdir()), identity) as folder:
        return _checked(folder, watched)


@contextmanager
def _opened(backup: Path, near: Path, identity: Path | None) -> Iterator[Path]:
    """Yield the folder of a backup; an encrypted one is decrypted into a private folder in ``near``."""
    if backup.name.endswith(ENDING) and backup.is_file():
        with tempfile.TemporaryDirectory(prefix=".tocsin-", dir=near) as private:
            yield unpack(backup, Path(private), identity)
    else:
        yield backup


def _checked(folder: Path, watched: Watched) -> Checked:
    store = folder / bag.DATA / STORE
    if not (folder / bag.DECLARATION).is_file() or not store.is_file() or store.is_symlink():
        raise Invalid(
            f'"{folder}" is not a backup of Tocsin.',
            hint="Name a folder tocsin-…Z",
            code="not_a_backup",
        )
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    faults = [
        f"{one.path}: {_FAULTS[one.kind]}" for one in bag.check_bag(folder, watched("checking files", total))
    ]
    events, head, unread = 0, "", 0
    try:
        with closing(open_copy(store, Vault(_without_key))) as opened:
            count = sum(row.version for row in opened.rows())
            found = opened.verify(seen=watched("verifying events", count))
        events, head, unread = found.events, f"sha256:{found.head}", found.unread
        if found.broken is not None:
            faults.append(f"{found.broken.incident}, entry {found.broken.seq}: {found.broken.why}")
    except TocsinError as error:
        faults.append(f"{STORE}: {error.message}")
    try:
        info, digest = bag.bag_info(folder), f"sha256:{bag.bag_digest(folder)}"
    except (OSError, ValueError):
        info, digest = {}, ""
    return Checked(
        name=folder.name,
        made_at=info.get("Tocsin-Made-At", ""),
        digest=digest,
        verified=info.get("Tocsin-Verified") == "yes",
        events=events,
        head=head,
        unread=unread,
        faults=tuple(faults),
        left_out=tuple(filter(None, info.get("Tocsin-Left-Out", "").splitlines())),
    )


_FAULTS = {
    "declaration": "not a BagIt declaration",
    "unreadable": "cannot be read",
    "missing": "missing",
    "changed": "changed",
    "extra": "not in the backup when it was made",
    "unsafe": "a path or link that leaves the backup",
}


def _without_key() -> bytes:
    raise Sealed("The check uses no key.", code="no_master")


def restore(
    backup: Path,
    home: Path,
    principal: Principal,
    clock: Clock,
    chance: IdGenerator,
    *,
    key: Path | None = None,
    identity: Path | None = None,
    watched: Watched = lambda words, total: lambda count: None,
) -> Restored:
    """Make the home ``home`` from a backup; ``key`` is a file with the master key, for settings that name a file.

    Raises Refused if the home exists or the backup is damaged, Sealed without the key of the backup; then nothing is left.
    """
    backup, home = backup.absolute(), home.absolute()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise Refused(
            f'"{home}" exists. A restore replaces nothing.',
            hint="Name a new folder: tocsin restore BACKUP --home NEW",
            code="home_exists",
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    with _opened(backup, home.parent, identity) as folder:
        checked = _checked(folder, watched)
        return _restored(folder, backup.parent, checked, home, principal, clock, chance, key)


def _restored(
    folder: Path,
    place: Path,
    checked: Checked,
    home: Path,
    principal: Principal,
    clock: Clock,
    chance: IdGenerator,
    key: Path | None,
) -> Restored:
    if checked.faults:
        raise Refused(
            f"The backup is damaged: {'; '.join(checked.faults[:3])}. Nothing was restored.",
            hint="Use another backup.",
            code="backup_damaged",
        )
    stage = home.with_name(f".{home.name}.restoring")
    try:
        shutil.rmtree(stage, ignore_errors=True)
        shutil.copytree(folder / bag.DATA / FILES, stage, copy_function=_copied)
        stage.chmod(0o700)
        moved = _place_store(folder / bag.DATA / STORE, stage)
        _place_key(stage, key)
        with closing(open_service(stage, principal, clock=clock, chance=chance, writes=True)) as service:
            result = _made_safe(service, place, checked, moved)
        shutil.rmtree(stage / "workers", ignore_errors=True)
        if home.exists():
            home.rmdir()
        stage.rename(home)
    except OSError as error:
        raise Refused(
            f'The home folder "{home}" cannot be written: {error.strerror}. Nothing was restored.',
            hint="Name another folder: --home NEW",
            code="home_unwritable",
        ) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    still = [one for one in checked.left_out if not (home / one.rpartition(" (")[0]).exists()]
    return msgspec.structs.replace(result, home=str(home), missing=tuple(still))


def _copied(source: str, target: str) -> None:
    shutil.copyfile(source, target, follow_symlinks=False)
    Path(target).chmod(0o600)


def _place_store(source: Path, stage: Path) -> bool:
    """Put the database where the settings name it; if that is outside of the home, change the settings. Tell whether they changed."""
    config = stage / CONFIG
    target = store_file(stage, load_home(config).store)
    moved = target is None or not Path(os.path.normpath(target)).is_relative_to(stage)
    if moved or target is None:
        text, line = config.read_text(encoding="utf-8"), "store: sqlite:tocsin.db"
        text, number = re.subn(r"(?m)^store:.*$", line, text, count=1)
        config.write_text(text if number else f"{line}\n{text}", encoding="utf-8")
        target = stage / "tocsin.db"
        if store_file(stage, load_home(config).store) != target:
            raise Invalid(
                f'The line "store:" in {config.name} of the backup cannot be changed.',
                hint="Write it in one line, then make a new backup.",
                code="store_url",
            )
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _copied(str(source), str(target))
    return moved


def _place_key(stage: Path, key: Path | None) -> None:
    """Put the master key where the settings name it, and read it; raises Sealed without it."""
    reference = load_home(stage / CONFIG).master_key
    scheme, _, rest = reference.partition(":")
    target = stage / Path(rest).expanduser()
    if key is not None and scheme == "file":
        if not key.expanduser().is_file():
            raise Refused(f'There is no file "{key}".', hint="Name the file: --key FILE", code="file_missing")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _copied(str(key.expanduser()), str(target))
    try:
        read_master(reference, base=stage)
    except Sealed as error:
        if scheme != "file" or key is not None:
            raise
        raise Sealed(
            "The backup does not contain the master key. Nothing was restored.",
            hint="Give the key of this home folder: --key FILE",
            code="no_master",
        ) from error


def _made_safe(service: IncidentService, place: Path, checked: Checked, moved: bool) -> Restored:
    """Erase again, verify, end sessions and tokens, and pause every open incident."""
    from runner.app.home.doctor import lost_attempts

    erased = tuple(_erased_again(service, backups.erased_beside(place)))
    verification = verify(service, None)
    faults = integrity(service, verification, None).faults
    if verification.broken is not None or faults:
        why = verification.broken.why if verification.broken else f"{faults[0].incident}: {faults[0].what}"
        raise StoreCorrupt(
            f"The database of the backup does not verify: {why}. Nothing was restored.",
            hint="Use another backup.",
            code="backup_damaged",
        )
    made = HomeRestored(by=service.principal.person, name=checked.name, digest=checked.digest)
    backups.record(service, made)
    paused, lost = [], 0
    program = service.principal.program()
    for row in service.incidents():
        if row.state not in ("open", "paused") or row.id in erased:
            continue
        dead = lost_attempts(service, service.load(row.id))
        pause = Pause(reason=f"restored from the backup {checked.name}")
        service.act(program, row.id, (*dead, pause) if row.state == "open" else dead)
        paused += [row.codename] if row.state == "open" else []
        lost += len(dead)
    _end_access(service, checked.name)
    return Restored(
        home="",
        backup=checked,
        erased_again=erased,
        paused=tuple(paused),
        unknown_attempts=lost,
        sessions=Logins(service).end_all(),
        tokens=tokens.end_all(service),
        store_moved=moved,
    )


def _end_access(service: IncidentService, backup: str) -> None:
    """End invitations, links, calendar addresses and break-glass access: what was used or revoked after the backup would work again."""
    logins = Logins(service)
    accounts = Accounts(service, logins)
    accounts.end_invitations()
    step_links.end_all(service)
    calendars.end_all(service)
    if accounts.book().break_glass.armed is not None:
        break_glass.disarm(accounts, logins, service.principal.person, f"restored from the backup {backup}")


def _erased_again(service: IncidentService, listed: tuple[Erased, ...]) -> Iterator[str]:
    """Destroy the keys of journals that were erased after the backup, and record it; yield their ids."""
    rows = {row.id: row for row in service.store.rows()}
    gone = retention.kept(service).shredded
    for one in listed:
        row = rows.get(one.journal)
        if row is None or one.journal in gone:
            continue
        if one.kind == "person":
            if not row.title:
                continue
            _forget(service, one.journal)
        else:
            event = IncidentShredded(
                incident=row.id, codename=row.codename, by=service.principal.person, reason=_AGAIN
            )
            organisation_journal.change(service, RETENTION, retention.kept, lambda before: (event,))  # noqa: B023
            service.erase(service.principal, row.id)
            if row.state not in ("closed", "cancelled"):
                retention.close_shredded(service, row.id)
        yield one.journal


_AGAIN = "erased after the backup was made; erased again at the restore"


def _forget(service: IncidentService, journal: str) -> None:
    from runner.app.core.contact_store import record

    first = next(service.store.read(journal))
    person = READER(first.payload or b"").person
    record(service, PersonForgotten(person=person, by=service.principal.person, journals=(journal,)))
    service.erase(service.principal, journal)
