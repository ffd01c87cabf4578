"""A home from a backup, in a new folder, where nothing is sent before a person has looked.

The backup is checked before anything is written, and the new folder gets its name only when it is complete. Data that was
erased after the backup is erased again before anything is read. Login sessions and tokens of programs end. Every open incident
is paused, because messages that were sent after the backup are not known to it.
"""

from __future__ import annotations

import hmac
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from runner.app.core import organisation_journal
from runner.app.core.identifiers import Clock, IdGenerator
from runner.app.core.incident_service import IncidentService
from runner.app.core.proof.checkpoints import memory_of, remembered_in, set_aside
from runner.app.home import backups, retention
from runner.app.home.backups import FILES, KEY, STORE, HomeRestored, Watched, home_of, is_master
from runner.app.home.erased_data import HOME_ID, Erased, damaged_list, list_key, list_of, read_list
from runner.app.home.integrity import integrity, verify
from runner.app.home.key_rotation import rotate_signing
from runner.app.home.open_home import change_line, open_copy, open_service, store_file
from runner.app.messages import webhooks
from runner.app.people import break_glass
from runner.app.people.accounts import Accounts
from runner.app.people.logins import Logins
from runner.base.actor import Principal
from runner.errors import Invalid, Refused, Sealed, StoreCorrupt, TocsinError
from runner.files import bag
from runner.files.encrypted_folder import has_passphrase, unpack
from runner.files.settings_file import load_home
from runner.incident.people.contact_journal import JOURNAL as RETENTION
from runner.incident.people.contact_journal import IncidentShredded, PersonForgotten
from runner.incident.state.commands import Pause
from runner.settings import CONFIG, all_or_nothing
from runner.vault.keys import Vault, mac_of
from runner.vault.master_key import read_master


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
    proved_by: Literal["", "master_key", "digest", "passphrase"] = ""
    """What proves who made it; empty: it agrees with itself, as a backup that somebody made anew does."""
    master_keys: tuple[str, ...] = ()
    """Files of the backup that are a master key."""


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
    accounts: tuple[str, ...] = ()
    """The people whose accounts can log in, also those that were disabled after the backup."""
    webhooks: tuple[str, ...] = ()
    """Names of the webhooks, which are paused."""
    erased_list: bool = True
    """Whether a list of erased data stands beside the backup; without it, erased data can be back."""
    seen_before: str = msgspec.field(name="forgotten", default="")
    """The newest checkpoint that this machine had seen of another home at this path, as ``SIZE:ROOT``."""
    set_aside: str = ""
    """The file that remembers it from now on."""
    checkpoint: str = ""
    """Only of a home that continues from a pack: its first own checkpoint, as ``SIZE:ROOT``."""
    store_moved: bool
    """Whether the settings named another database; the new home has the file ``tocsin.db``."""


@contextmanager
def opened(
    backup: Path, near: Path, identity: Path | None, passphrase: str = "", *, copy: bool = False
) -> Iterator[Path]:
    """Yield the folder of a backup; an encrypted one, and a ``copy``, is in a private folder in ``near``. Only a ``copy`` has the key of a pack."""
    encrypted = has_passphrase(backup) is not None
    if not encrypted and not copy:
        yield backup
        return
    with tempfile.TemporaryDirectory(prefix=".tocsin-", dir=near) as private:
        if encrypted:
            yield unpack(backup, Path(private), identity, passphrase, without="" if copy else KEY)
        else:
            # What is checked is what is used: nobody else writes to the copy. Links are copied as links, and refused.
            yield Path(shutil.copytree(_is_backup(backup), Path(private) / backup.name, symlinks=True))


def _is_backup(folder: Path) -> Path:
    store = folder / bag.DATA / STORE
    if not (folder / bag.DECLARATION).is_file() or not store.is_file() or store.is_symlink():
        raise Invalid(
            f'"{folder}" is not a backup of Tocsin.', hint="Name a folder tocsin-…Z", code="not_a_backup"
        )
    return folder


def examined(folder: Path, watched: Watched) -> Checked:
    """Check the files and the journals of the folder of a backup."""
    store = _is_backup(folder) / bag.DATA / STORE
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
        name=info.get("External-Identifier") or folder.name,
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
    passphrase: str = "",
    digest: str = "",
    state: Path | None = None,
    watched: Watched = lambda words, total: lambda count: None,
) -> Restored:
    """Make the home ``home`` from a backup; ``key`` is a file with the master key, for settings that name a file.

    ``state`` is the user's state folder: what it remembers of an earlier home at this path is set aside, and recorded.
    The backup must be proved by its code under a master key that it does not choose, or by ``digest`` from elsewhere, which must match if given: its settings are obeyed.
    A pack has its key with it, and the home that continues from it signs with a new key.
    Raises Refused if the home exists or the backup is damaged or not proved, Sealed without the key; then nothing is left.
    """
    backup, home = backup.absolute(), home.resolve()
    memory = memory_of(state, home)
    seen_before = f"{known.size}:{known.root.hex()}" if (known := remembered_in(memory)) else ""
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise Refused(
            f'"{home}" exists. A restore replaces nothing.',
            hint="Name a new folder: tocsin restore BACKUP --home NEW",
            code="home_exists",
        )
    try:
        with all_or_nothing(home), opened(backup, home.parent, identity, passphrase, copy=True) as folder:
            checked = examined(folder, watched)
            if checked.faults:
                raise Refused(
                    f"The backup is damaged: {'; '.join(checked.faults[:3])}. Nothing was restored.",
                    hint="Use another backup.",
                    code="backup_damaged",
                )
            stage = folder / bag.DATA / FILES
            own = _key_of_pack(folder, checked.digest, passphrase, digest)
            master = _proved(folder, stage, checked.digest, key := own or key, digest)
            _made_private(stage)
            moved = _place_store(folder / bag.DATA / STORE, stage)
            _place_key(stage, key, is_pack=bool(own))
            with closing(open_service(stage, principal, clock=clock, chance=chance, writes=True)) as service:
                seen = seen_before, service.checkpoints.newest() if own else ""
                result = _made_safe(service, backup.parent, checked, master, moved, seen)
            shutil.rmtree(stage / "workers", ignore_errors=True)
            _take_place(stage, home)
    except OSError as error:
        why = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error
        raise Refused(
            f'The home folder "{home}" cannot be written: {why}. Nothing was restored.',
            hint="Name another folder: --home NEW",
            code="home_unwritable",
        ) from None
    still = [one for one in checked.left_out if not (home / one.rpartition(" (")[0]).exists()]
    aside = set_aside(memory, clock.now())
    return msgspec.structs.replace(result, home=str(home), missing=tuple(still), set_aside=aside)


def _key_of_pack(folder: Path, found: str, passphrase: str, digest: str) -> Path | None:
    """Return the master key beside the backup in a pack; None without one. Raises Refused if a given digest does not match.

    Who knows the passphrase made the pack. For a public key, everybody can make one: raises Refused without its digest.
    """
    if digest and not bag.is_digest(found, digest):
        raise Refused(
            f"The digest of the backup is {found}, not the given one. Nothing was restored.",
            hint="Give 32 digits or more of the digest that was shown when it was made: --digest DIGEST",
            code="digest_differs",
        )
    key = folder.with_name(KEY)
    if key.is_file() and not passphrase and not digest:
        raise Refused(
            "Nothing proves who made this pack. Nothing was restored.",
            hint="Give the digest that is on the card: --digest DIGEST",
            code="pack_unproved",
        )
    return key if key.is_file() else None


def _proved(folder: Path, stage: Path, found: str, key: Path | None, digest: str) -> bytes:
    """Return the master key; raises Refused unless the key, or a digest from elsewhere, proves who made the backup.

    Until then its settings are not obeyed: no command of them runs, and no file outside of the backup is written.
    """
    reference = load_home(stage / CONFIG).master_key
    if key is not None:
        master = key_in(key)
    elif not digest and (reference.startswith(("file:", "command:")) or any(masters(folder))):
        outside = reference.startswith("file:") and not any(masters(folder))
        other = "" if outside else ", or the digest that the backup command showed: --digest DIGEST"
        raise Refused(
            "A backup proves nothing about itself: its settings choose the master key, or it contains one. Nothing was restored.",
            hint=f"Give the master key of this home folder: --key FILE{other}",
            code="backup_unproved",
        )
    else:
        try:
            master = read_master(reference, base=stage)
        except Sealed as error:
            if not reference.startswith("file:"):
                raise
            raise Sealed(
                "The backup does not contain the master key. Nothing was restored.",
                hint="Give the key of this home folder: --key FILE",
                code="no_master",
            ) from error
    if not digest and not is_coded(folder, found, master):
        raise Refused(
            "The master key does not prove this backup: it is another key, or somebody changed the backup. Nothing was restored.",
            hint="Use the key of this home folder, or give the digest that the backup command showed: --digest",
            code="backup_unproved",
        )
    return master


def key_in(file: Path) -> bytes:
    """Return the master key in a file; raises Refused without the file."""
    if not file.is_file():
        raise Refused(f'There is no file "{file}".', hint="Name the file: --key FILE", code="file_missing")
    return read_master(f"file:{file}", base=file.parent)


def is_coded(folder: Path, digest: str, master: bytes) -> bool:
    """Tell whether the backup has the code of its digest under a master key."""
    code, written = mac_of(master, digest.removeprefix("sha256:").encode()), folder / bag.MAC
    return written.is_file() and hmac.compare_digest(written.read_bytes().strip(), code.encode())


def masters(folder: Path) -> Iterator[Path]:
    """Yield the files of a backup that are a master key."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and is_master(path))


def _take_place(stage: Path, home: Path) -> None:
    if home.exists():
        home.rmdir()
    stage.rename(home)


def _made_private(stage: Path) -> None:
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _place_store(source: Path, stage: Path) -> bool:
    """Put the database where the settings name it; if that is outside of the home, change the settings. Tell whether they changed."""
    config = stage / CONFIG
    target = store_file(stage, load_home(config).store)
    moved = target is None or not _is_inside(target, stage)
    if moved or target is None:
        change_line(config, "store", "sqlite:tocsin.db")
        target = stage / "tocsin.db"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    source.rename(target)
    target.chmod(0o600)
    return moved


def _place_key(stage: Path, key: Path | None, *, is_pack: bool) -> None:
    """Put the master key where the settings name a file in the home; a file elsewhere is never written.

    The key of a pack is always put into the home: elsewhere is on the first machine.
    """
    scheme, _, rest = load_home(stage / CONFIG).master_key.partition(":")
    target = stage / Path(rest).expanduser()
    if is_pack and (scheme != "file" or not _is_inside(target, stage)):
        change_line(stage / CONFIG, "master_key", f"file:{KEY}")
        scheme, target = "file", stage / KEY
    if key is None or scheme != "file" or not _is_inside(target, stage) or target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(key, target)
    target.chmod(0o600)


def _is_inside(path: Path, folder: Path) -> bool:
    return Path(os.path.normpath(path)).is_relative_to(folder)


def _made_safe(
    service: IncidentService, place: Path, checked: Checked, master: bytes, moved: bool, seen: tuple[str, str]
) -> Restored:
    """Erase again, verify, end sessions and tokens, and pause every open incident; ``seen`` are two checkpoints: seen before here, and of a pack."""
    from runner.app.home.doctor import lost_attempts

    erased_list = list_of(place, home_of(checked.name))
    listed = read_list(erased_list)
    for one in listed:
        ours = (one.mac, mac_of(master, one.signed)), (one.vouched, list_key(service).vouch(one.signed).hex())
        if not any(hmac.compare_digest(given.encode(), made.encode()) for given, made in ours):
            raise damaged_list(erased_list)
    erased = tuple(_erased_again(service, listed))
    verification = verify(service, None)
    faults = integrity(service, verification, None).faults
    if verification.broken is not None or faults:
        why = verification.broken.why if verification.broken else f"{faults[0].where}: {faults[0].what}"
        raise StoreCorrupt(
            f"The database of the backup does not verify: {why}. Nothing was restored.",
            hint="Use another backup.",
            code="backup_damaged",
        )
    service.set_setting(HOME_ID, None)  # backups of this home are not those of the other one
    (seen_before, pack), by = seen, service.principal.person
    made = HomeRestored(by=by, name=checked.name, digest=checked.digest, seen_before=seen_before, pack=pack)
    backups.record(service, made)
    if pack:  # so that no checkpoint of this copy is taken for one of the other
        rotate_signing(service, f"continued from the pack {checked.name}")
        service.checkpoints.make(service.clock.now())
    paused, lost = [], 0
    for row in service.incidents():
        if row.state not in ("open", "paused") or row.id in erased:
            continue
        dead = lost_attempts(service, service.load(row.id))
        pause = Pause(reason=f"restored from the backup {checked.name}")
        service.act(service.principal.program(), row.id, (*dead, pause) if row.state == "open" else dead)
        paused += [row.codename] if row.state == "open" else []
        lost += len(dead)
    accounts = Accounts(service, logins := Logins(service))
    # What was used or revoked after the backup would work again, break-glass access as well.
    if accounts.book().break_glass.armed is not None:
        break_glass.disarm(
            accounts, logins, service.principal.person, f"restored from the backup {checked.name}"
        )
    ended, book = service.sealed.end_access(), accounts.book()
    return Restored(
        home="",
        backup=checked,
        erased_again=erased,
        paused=tuple(paused),
        unknown_attempts=lost,
        sessions=ended["room-login/"],
        tokens=ended["token/"],
        accounts=tuple(sorted(filter(book.is_active, book.found))),
        webhooks=tuple(_paused_webhooks(service, checked.name)),
        erased_list=erased_list.is_file(),
        seen_before=seen_before,
        checkpoint=service.checkpoints.newest() if pack else "",
        store_moved=moved,
    )


def _paused_webhooks(service: IncidentService, backup: str) -> Iterator[str]:
    """Pause all webhooks: one that was removed after the backup would send again."""
    for name, one in webhooks.read(service).webhooks.items():
        if not one.paused:
            webhooks.pause(service, service.principal, name, f"restored from the backup {backup}")
        yield name


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
            _forget(service, row.title, one.journal)
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


def _forget(service: IncidentService, person: str, journal: str) -> None:
    from runner.app.core.contact_store import record

    record(service, PersonForgotten(person=person, by=service.principal.person, journals=(journal,)))
    service.erase(service.principal, journal)
