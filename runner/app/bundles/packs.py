"""Packs: a verified backup of the whole home and its master key in one encrypted file, for the day when its machine is taken away.

A home that continues from a pack says so in its journal, begins paused, and signs with a new key. So each machine that has seen
checkpoints of both copies finds that there are two.
"""

from __future__ import annotations

import base64
import tempfile
from contextlib import suppress
from datetime import UTC
from pathlib import Path

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.core.proof.signing_keys import listed_keys
from runner.app.home import backups
from runner.app.home.backups import KEY, Made, Watched
from runner.app.home.erased_data import home_id, list_key
from runner.app.home.restoring import Checked, examined, is_coded, key_in, masters, opened
from runner.app.people.passwords import refuse_weak
from runner.errors import Refused, Sealed, StoreError, TocsinError, unwritable
from runner.files import bag
from runner.files.encrypted_folder import Lock, has_passphrase
from runner.files.settings_file import load_home
from runner.settings import CONFIG
from runner.vault.master_key import PREFIX, read_master, refuse_open_file
from runner.vault.secrets import resolve

SHORTEST = 16
"""Characters of a passphrase: whoever has the file tries as many as they like."""
LARGEST = 1 << 30
"""Bytes of a home for a passphrase: the library encrypts for one in memory."""


def passphrase_in(file: Path) -> str:
    """Return the passphrase in a file; raises NotFound, or Sealed if others can read it."""
    refuse_open_file(file)
    return resolve(f"file:{file}", base=file.parent).reveal()


def make_pack(service: IncidentService, out: Path, lock: Lock, watched: Watched) -> tuple[Made, str, str]:
    """Write a pack of the home; return what it is, the newest checkpoint in it, and the fingerprint of the signing key.

    Raises Refused for a weak passphrase, if the file exists or cannot be written, or if the copy does not verify; Sealed without
    the master key.
    """
    if isinstance(lock, str):
        refuse_weak(lock, str(service.home.organisation.get("name") or ""), shortest=SHORTEST)
    if out.exists():
        raise Refused(
            f'File "{out}" exists. Nothing was written.', hint="Name another file.", code="file_exists"
        )
    key = read_master(service.home.master_key, base=service.folder)
    now = service.clock.now().astimezone(UTC)
    with suppress(Sealed, StoreError):  # in the copy, it proves the list of data that is erased later
        list_key(service)
    service.checkpoints.make(now)
    parted = service.checkpoints.newest()
    name = f"tocsin-{home_id(service)}-{now:%Y%m%dT%H%M%SZ}"
    stage = service.folder / "backups" / f"{name}.partial"
    backups.remove_stopped(stage.parent, name, now)
    try:
        with backups.staged(service, stage, name, out.parent, watched) as made:
            if made.faults or (isinstance(lock, str) and made.bytes > LARGEST):
                raise _not_packed(made)
            watched("encrypting", None)
            text = f"{PREFIX}{base64.urlsafe_b64encode(key).decode()}\n"
            backups.encrypt(stage, name, out, lock, {KEY: text.encode()})
        same_disk = out.stat().st_dev == service.folder.stat().st_dev
    except OSError as error:
        raise unwritable(error.filename2 or out, error) from None
    done = backups.recorded(service, out, made, now, parted)
    without = tuple(one for one in made.left_out if f"file:{one.path}" != service.home.master_key)
    made = msgspec.structs.replace(made, path=str(out), recorded=done, same_disk=same_disk, left_out=without)
    return made, parted, listed_keys(service.store)[-1].fingerprint


def _not_packed(made: Made) -> Refused:
    if made.faults:
        what, hint = f"The copy does not verify: {made.faults[0]}", "Run: tocsin audit verify"
    else:
        what, hint = (
            f"{made.bytes >> 20:,} MiB are too large for a passphrase",
            "Use a public key: --encrypt KEY",
        )
    return Refused(f"{what}. No pack was made.", hint=hint, code="pack_refused")


def check(
    backup: Path,
    watched: Watched = lambda words, total: lambda count: None,
    *,
    identity: Path | None = None,
    passphrase: str = "",
    key: Path | None = None,
    digest: str = "",
    own: Path | None = None,
) -> Checked:
    """Check the files and the journals of a backup, and what proves it; works on a read-only medium.

    An encrypted one needs ``identity``, a file with the secret key of age, or the passphrase. A key in it is not written.
    A ``key`` or ``digest`` that is given must match; the master key of ``own``, the present home, may be another one.
    Raises Invalid for anything but a backup.
    """
    master = key_in(key) if key else None
    if own is not None and not key:
        with suppress(TocsinError, OSError):
            master = read_master(load_home(own / CONFIG).master_key, base=own)
    with opened(backup.absolute(), Path(tempfile.gettempdir()), identity, passphrase) as folder:
        found = examined(folder, watched)
        is_ours = master is not None and is_coded(folder, found.digest, master)
        same = bool(digest) and bag.is_digest(found.digest, digest)
        faults = [
            *found.faults,
            *(["its code is not one of the given master key"] if key and not is_ours else []),
        ]
        faults += ["its digest is not the given one"] if digest and not same else []
        by = "master_key" if is_ours else "digest" if same else "passphrase" if has_passphrase(backup) else ""
        keys = tuple(path.relative_to(folder).as_posix() for path in masters(folder))
        proof = "" if faults else by
        return msgspec.structs.replace(found, faults=tuple(faults), proved_by=proof, master_keys=keys)
