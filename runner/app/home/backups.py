"""Backups of a home: a verified copy of the database and of the home's files, as a folder that many programs can check.

A backup never contains the master key nor a secret. The copy is opened and verified before it gets its name. Data that is
erased later stays in older backups; so a file beside the backups, ``tocsin-….erased.jsonl``, names the journals
whose keys a restore destroys again.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from runner import __version__
from runner.app.core import organisation_journal
from runner.app.core.incident_service import IncidentService
from runner.app.home.erased_data import home_id, list_key, note_erased
from runner.app.home.integrity import integrity, verify
from runner.app.home.open_home import open_copy, secret_files, store_file
from runner.decoding import json_reader
from runner.errors import Refused, Sealed, StoreError, Usage
from runner.files import bag
from runner.files.encrypted_folder import ENDING, Lock, pack, recipients_of
from runner.routing.organisation import BackupSettings, Home
from runner.settings import all_or_nothing
from runner.vault.keys import Vault
from runner.vault.master_key import PREFIX, open_vault

JOURNAL = "backups"
"""The journal's name; it is not an incident."""
KEY = "master.key"
"""Only in a pack, beside the backup: it is never in clear on a disk of the first machine."""
STORE, FILES = "store.db", "home"
"""In ``data`` of a backup: the database, and the folder with the files of the home."""
KEEP = BackupSettings().keep
STOPPED = timedelta(days=1)
"""The age of an unfinished backup from which nobody is working on it."""
OLD = timedelta(days=7)
"""The age of the newest backup from which the doctor warns."""
_NAME = re.compile(rf"tocsin-([0-9a-z]+)-(\d{{8}}T\d{{6}}Z)(?:{re.escape(ENDING)})?")
_STAMP = "%Y%m%dT%H%M%SZ"
_SKIPPED = frozenset(("cache", "workers", "backups", "logs", "uploads"))
"""Folders of a home that are left out: computed data, locks and logs of workers, lists of people in use, and copies of an upgrade with data that was erased since."""
_TAG = ".tocsin-secret"
"""A file in a folder that is a secret as a whole, such as the account of a channel."""
_BUCKETS: Mapping[str, str] = {"d": "%Y-%m-%d", "w": "%G-%V", "m": "%Y-%m", "y": "%Y"}
_LONGEST: Mapping[str, int] = {"d": 1, "w": 7, "m": 31, "y": 366}
"""Days of each."""

LeftOut = Literal["secret", "link", "special", "outside"]
Watched = Callable[[str, int | None], Callable[[int], None]]


class BackupMade(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """A verified backup exists."""

    by: str
    place: str
    """The folder that contains it, on the machine that made it."""
    name: str
    digest: str
    """``sha256:`` and the digest of the tag manifest, which binds every byte."""
    bytes: int
    events: int
    head: str
    """The hash over all journals and their heads."""
    pack: str = ""
    """Only of a pack, which contains the master key: ``SIZE:ROOT`` of the checkpoint just before it."""
    begun: datetime | None = None
    """When the copy began: a key that was destroyed later can be in it."""
    removed: tuple[str, ...] = ()
    """Names of older backups that were removed from the same folder."""


class HomeRestored(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=True, omit_defaults=True):
    """This home continues from a backup."""

    by: str
    name: str
    digest: str
    seen_before: str = msgspec.field(name="forgotten", default="")
    """``SIZE:ROOT`` of the newest checkpoint that this machine had seen of the home before it at the same path."""
    pack: str = ""
    """Only of a home that continues from a pack: ``SIZE:ROOT`` of the newest checkpoint in it."""


AnyBackupEvent = BackupMade | HomeRestored
READER: Callable[[bytes], AnyBackupEvent] = json_reader(AnyBackupEvent)


class Backups(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded about backups, the oldest first."""

    made: tuple[tuple[datetime, BackupMade], ...] = ()
    version: int = 0
    packs: tuple[tuple[datetime, AnyBackupEvent], ...] = ()
    """The packs, and the pack that this home continues from: from the last on, there can be two copies."""

    @property
    def places(self) -> tuple[Path, ...]:
        """The folders with backups."""
        return tuple(Path(place) for place in dict.fromkeys(one.place for _, one in self.made))


class Omitted(msgspec.Struct, frozen=True):
    """A file of the home that a backup does not contain."""

    path: str
    reason: LeftOut


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a backup."""

    path: str = ""
    digest: str = ""
    bytes: int = 0
    events: int
    head: str
    documents: int
    unread: int
    """Payloads and documents that could not be decrypted here: their digests were verified."""
    left_out: tuple[Omitted, ...] = ()
    faults: tuple[str, ...]
    """Why the copy does not verify; empty for a good backup."""
    removed: tuple[str, ...] = ()
    """Names of older backups that were removed."""
    same_disk: bool = False
    recorded: bool = False
    """Whether the journal has the backup; not on a medium without space, nor without the master key."""


def kept(service: IncidentService) -> Backups:
    """Return the recorded backups; raises Sealed without the master key."""
    made: list[tuple[datetime, BackupMade]] = []
    version, packs = 0, []
    for version, at, event in organisation_journal.entries(service, JOURNAL, READER):  # noqa: B007
        if isinstance(event, BackupMade):
            made.append((at, event))
        if event.pack:
            packs.append((at, event))
    return Backups(made=tuple(made), version=version, packs=tuple(packs))


def record(service: IncidentService, event: AnyBackupEvent) -> None:
    """Record an event of backups in the journal of the home."""
    organisation_journal.change(service, JOURNAL, kept, lambda before: (event,))


def parse_keep(text: str) -> tuple[tuple[str, int], ...]:
    """Return a rule such as ``7d,4w,6m`` as pairs of unit and number; raises Usage."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = [re.fullmatch(r"([1-9]\d{0,3})([dwmy])", part) for part in parts]
    if not parts or None in found:
        raise Usage(
            f'"{text}" is not a rule for old backups.',
            hint="Write numbers of days, weeks, months or years, as 7d,4w,6m",
            code="bad_keep",
        )
    return tuple((match[2], int(match[1])) for match in found if match)


def gone_by(made: datetime, keep: Sequence[tuple[str, int]]) -> date:
    """Return the day by which a rule has removed a backup, if one is made in each of its periods."""
    return (made + max(timedelta(days=_LONGEST[unit] * (number + 1)) for unit, number in keep)).date()


def home_of(name: str) -> str:
    """Return the name of the home in the name of a backup; empty for another name."""
    match = _NAME.match(name)
    return match[1] if match else ""


def _made_at(name: str) -> datetime | None:
    """Return the time in the name of a backup; None for another name."""
    match = _NAME.fullmatch(name)
    with suppress(ValueError):
        return datetime.strptime(match[2], _STAMP).replace(tzinfo=UTC) if match else None
    return None


def superseded(names: Iterable[str], keep: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """Return the backups that a rule does not keep, the oldest first; no other name.

    It keeps all of the 24 hours before the newest: one before a risky act, one after it. Of each of the last ``n`` days
    (weeks, months, years) that have one it keeps the newest.
    """
    at = {name: made for name in names if (made := _made_at(name)) is not None}
    newest_first = sorted(at, key=lambda name: at[name], reverse=True)
    stays = {name for name in at if at[newest_first[0]] - at[name] < timedelta(days=1)}
    for unit, number in keep:
        periods: dict[str, str] = {}
        for name in newest_first:
            periods.setdefault(at[name].strftime(_BUCKETS[unit]), name)
        stays.update(list(periods.values())[:number])
    return tuple(name for name in reversed(newest_first) if name not in stays)


def back_up(
    service: IncidentService,
    place: Path,
    keep: str = KEEP,
    watched: Watched = lambda words, total: lambda count: None,
    *,
    recipients: Sequence[str] = (),
) -> Made:
    """Write a verified backup into ``place``, record it, and remove older ones that ``keep`` does not keep.

    With ``recipients``, public keys of age, it is one encrypted file. Its clear form is in the home folder meanwhile.
    A copy that does not verify keeps the name ``….unverified``, with ``faults``; then nothing is removed.
    Raises Refused if the folder cannot be written, StoreError if the database cannot be read.
    """
    rule, now = parse_keep(keep), service.clock.now().astimezone(UTC)
    place = place.expanduser().absolute()
    name = f"tocsin-{home_id(service)}-{now:{_STAMP}}"
    keys = recipients_of(recipients) if recipients else []
    with suppress(Sealed, StoreError):  # in the copy, it proves the list of data that is erased later
        list_key(service)
    ending = ENDING if keys else ""
    stage = service.folder / "backups" if keys else place
    partial = stage / f"{name}.partial"
    try:
        for folder in (stage, place):
            remove_stopped(folder, name, now)
        if (place / f"{name}{ending}").exists():
            raise _unwritable(place / f"{name}{ending}", "it exists")
        with all_or_nothing(place / name), staged(service, partial, name, place, watched) as written:
            final = place / f"{name}{'.unverified' if written.faults else ''}{ending}"
            if keys:
                encrypt(partial, name, final, keys)
            else:
                partial.rename(final)
    except OSError as error:
        copied = error.filename2 or error.filename  # the second is the copy
        where = Path(copied) if isinstance(copied, str) else place
        raise _unwritable(where, error.strerror or "the disk failed") from None
    removed: list[str] = []
    try:
        if not written.faults:
            removed.extend(_remove_old(place, name, rule))
    finally:  # if one cannot be removed, the others are recorded
        written = msgspec.structs.replace(written, removed=tuple(removed))
        is_recorded = not written.faults and recorded(service, final, written, now)
    return msgspec.structs.replace(
        written,
        path=str(final),
        recorded=is_recorded,
        same_disk=place.stat().st_dev == service.folder.stat().st_dev,
    )


@contextmanager
def staged(
    service: IncidentService, partial: Path, name: str, place: Path, watched: Watched
) -> Iterator[Made]:
    """Write the clear and verified copy into the new folder ``partial``, which is removed at the end of the context."""
    (partial / bag.DATA).mkdir(parents=True, mode=0o700)
    partial.chmod(0o700)
    try:
        yield _write(service, partial, name, place, watched)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(service: IncidentService, partial: Path, name: str, place: Path, watched: Watched) -> Made:
    """Write and verify the copy, and return what it is; its place is not known yet."""
    to = partial / bag.DATA
    left_out = tuple(_copy_files(service, to / FILES, place))
    service.store.backup(to / STORE)
    found = _examined(service, to / STORE, watched)
    now = service.clock.now().astimezone(UTC)
    digest, size = bag.write_bag(partial, _info(service, name, now, found, left_out))
    with suppress(Sealed):  # without the master key, a restore needs the digest
        (partial / bag.MAC).write_text(f"{_vault(service).mac(digest.encode())}\n", encoding="ascii")
    return msgspec.structs.replace(found, digest=f"sha256:{digest}", bytes=size, left_out=left_out)


def encrypt(
    partial: Path, name: str, final: Path, lock: Lock, beside: Mapping[str, bytes] | None = None
) -> None:
    """Write the clear folder, and files ``beside`` it, as an encrypted file, which gets its name when it is complete."""
    sealed = final.with_name(f"{final.name}.partial")
    try:
        pack(partial, name, sealed, lock, beside)
        sealed.rename(final)
    finally:
        sealed.unlink(missing_ok=True)


def recorded(service: IncidentService, path: Path, made: Made, begun: datetime, parted: str = "") -> bool:
    """Record a backup and list what was erased beside it; a home that cannot be written still has its backup."""
    event = BackupMade(
        by=service.principal.person,
        place=str(path.parent),
        name=path.name,
        digest=made.digest,
        bytes=made.bytes,
        events=made.events,
        head=made.head,
        pack=parted,
        begun=begun,
        removed=made.removed,
    )
    try:
        note_erased(service, (path.parent,))
        record(service, event)
    except (StoreError, Sealed):
        return False
    return True


def _vault(service: IncidentService) -> Vault:
    return open_vault(service.home.master_key, base=service.folder)


def _examined(service: IncidentService, path: Path, watched: Watched) -> Made:
    """Open a copy of the database and verify its journals, documents, keys and rows."""
    with closing(open_copy(path, _vault(service))) as store:
        copied = IncidentService(
            service.folder, service.home, store, service.clock, service.chance, service.principal
        )
        events = sum(row.version for row in store.rows())
        found = verify(copied, None, seen=watched("verifying the copy", events))
        rest = integrity(copied, found, None, watched("checking documents", None))
    faults = [f"{fault.where}: {fault.what}" for fault in rest.faults]
    if found.broken is not None:
        faults.insert(0, f"{found.broken.incident}, entry {found.broken.seq}: {found.broken.why}")
    for ending in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.chmod(0o600)
    return Made(
        events=found.events,
        head=f"sha256:{found.head}",
        documents=rest.documents,
        unread=found.unread + rest.unread,
        faults=tuple(faults),
    )


def _info(
    service: IncidentService, name: str, now: datetime, found: Made, left_out: Sequence[Omitted]
) -> list[tuple[str, str]]:
    organisation = str(service.home.organisation.get("name") or "")
    return [
        ("Source-Organization", organisation),
        ("External-Identifier", name),
        ("Bagging-Date", f"{now:%Y-%m-%d}"),
        ("Bag-Software-Agent", f"tocsin {__version__}"),
        ("Tocsin-Made-At", now.isoformat(timespec="seconds")),
        ("Tocsin-Events", str(found.events)),
        ("Tocsin-Head", found.head),
        ("Tocsin-Verified", "no" if found.faults else "yes"),
        *(("Tocsin-Left-Out", f"{one.path} ({one.reason})") for one in left_out),
    ]


def _copy_files(service: IncidentService, to: Path, place: Path) -> Iterator[Omitted]:
    """Copy the files of a home except for secrets and the database; yield what is left out.

    A secret is known by its file, not by its name: a reference can go through a link or another folder.
    """
    folder, home = service.folder, service.home
    secret, database = set(_identities(service)), store_file(folder, home.store)
    own = (
        {database.with_name(database.name + ending) for ending in ("", "-wal", "-shm")} if database else set()
    )
    to.mkdir(mode=0o700)
    for where, folders, files in os.walk(folder):
        here = Path(where)
        top = here == folder
        yield from (
            Omitted(_named(here / one, folder), "link") for one in folders if (here / one).is_symlink()
        )
        tagged = [one for one in folders if (here / one / _TAG).exists()]
        yield from (Omitted(_named(here / one, folder), "secret") for one in tagged)
        folders[:] = [
            one
            for one in folders
            if not (top and one in _SKIPPED) and not (here / one).is_symlink() and here / one != place
            if one not in tagged
        ]
        for name in sorted(files):
            path = here / name
            if path in own:
                continue
            found = path.lstat()
            mode = found.st_mode
            if (found.st_dev, found.st_ino) in secret or (stat.S_ISREG(mode) and is_master(path)):
                yield Omitted(_named(path, folder), "secret")
            elif not stat.S_ISREG(mode):
                yield Omitted(_named(path, folder), "link" if stat.S_ISLNK(mode) else "special")
            else:
                target = to / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                shutil.copyfile(path, target)
                target.chmod(0o600)
    yield from (Omitted(name, "outside") for name in _outside(folder, home))


def _named(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _identities(service: IncidentService) -> Iterator[tuple[int, int]]:
    """Yield device and inode of each file with a secret, and of each link to one."""
    from runner.app.messages import webhooks

    more: list[str] = []
    with suppress(Sealed):  # without the master key, webhooks send nothing, and their references are unknown
        for one in webhooks.read(service).webhooks.values():
            more += [reference for reference in one.secrets if not reference.startswith(webhooks.SECRET)]
    for path in secret_files(service.folder, service.home, more):
        for look in (path.stat, path.lstat):
            with suppress(OSError):
                yield look().st_dev, look().st_ino


def is_master(path: Path) -> bool:
    """Tell whether a file has the form of a master key."""
    with path.open("rb") as file:
        return file.read(len(PREFIX)) == PREFIX.encode()


def _outside(folder: Path, home: Home) -> Iterator[str]:
    """Yield the files that the settings name outside of the home."""
    named = (*home.oncall.values(), home.stationery.letterhead, home.stationery.logo, home.serve.certificate)
    for name in named:
        path = os.path.normpath(folder / Path(name).expanduser())
        if name and not Path(path).is_relative_to(os.path.normpath(folder)):
            yield name


def remove_stopped(folder: Path, name: str, now: datetime) -> None:
    """Remove what backups left that were stopped more than a day ago."""
    mine = name.rpartition("-")[0]
    for left in folder.glob(f"{mine}-*.partial"):
        if now - datetime.fromtimestamp(left.lstat().st_mtime, UTC) < STOPPED:
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _unwritable(path: Path, why: str) -> Refused:
    return Refused(
        f'The backup cannot be written to "{path}": {why}. Nothing was kept.',
        hint="Name another folder: tocsin backup --to FOLDER",
        code="backup_unwritable",
    )


def _remove_old(place: Path, name: str, rule: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Remove the older backups of this home that the rule does not keep; yield each name after its removal."""
    mine = name.rpartition("-")[0]
    names = (path.name for path in place.glob(f"{mine}-*") if not path.is_symlink())
    for old in superseded(names, rule):
        if (place / old).is_dir():
            shutil.rmtree(place / old)
        else:
            (place / old).unlink()
        yield old


def after_erasure(service: IncidentService) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """List an erasure beside all backups; return the folders with backups, and those of them that cannot be reached."""
    places = kept(service).places
    return places, note_erased(service, places)
