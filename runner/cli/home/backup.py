"""Commands ``backup`` and ``restore``: a verified copy of the home, and a home from it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from runner.app.home.backups import Made
from runner.app.home.restoring import Checked, Restored
from runner.cli.framework.options import Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, line, paged
from runner.reports.core.report import Report
from runner.settings import VARIABLE, find_home, state_folder


class BackupReport(Report, frozen=True, kw_only=True, tag="tocsin/backup/v1"):
    """The result of a backup."""

    ok: bool
    backup: Made


class BackupCheck(Report, frozen=True, kw_only=True, tag="tocsin/backup-check/v1"):
    """The result of the check of a backup."""

    ok: bool
    backup: Checked


class RestoreReport(Report, frozen=True, kw_only=True, tag="tocsin/restore/v1"):
    """The result of a restore."""

    restored: Restored


PassphraseFile = Annotated[str, Option("--passphrase-file FILE", "File with the passphrase of a pack.")]


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "backup", Scope.HOME_WRITES)(backup)
    command(app, "restore", Scope.HOME_WRITES)(restore)


def backup(
    session: Session,
    to: Annotated[str, Option("--to FOLDER", "Folder for backups, best on another disk.")] = "",
    keep: Annotated[
        str, Option("--keep RULE", "Old backups to keep: days, weeks, months. Default: 7d,4w,6m.")
    ] = "",
    encrypt: Annotated[
        list[str] | None,
        Option("--encrypt KEY", "Encrypt for a public key of age or SSH. Repeat for more."),
    ] = None,
    identity: Annotated[str, Option("--identity FILE", "Secret key of age or SSH, for --check.")] = "",
    check: Annotated[str, Option("--check BACKUP", "Check a backup or a pack. Needs no home folder.")] = "",
    passphrase_file: PassphraseFile = "",
    key: Annotated[str, Option("--key FILE", "File with the master key, for --check.")] = "",
    digest: Annotated[str, Option("--digest DIGEST", "Digest of the backup, for --check.")] = "",
) -> int:
    """Make a verified backup of the home folder.

    Copies the database, the settings and the other files, but never the master key or a secret. Workers can run meanwhile.
    The copy is opened and verified. With --encrypt it becomes one file that only the owner of the key can open. The exit code is 1 if the copy does not verify.
    Without --to, uses backup.to of the settings.

    A backup proves nothing about itself. --check compares its code with --key, --digest, the passphrase of a pack, or the master key of this
    home folder. The exit code is 1 if the backup was changed. It is 4 if nothing proves it, or if it contains a master key.

    \b
    Examples:
      tocsin backup --to /mnt/backup
      tocsin backup --to /mnt/backup --keep 14d,8w
      tocsin backup --check /mnt/backup/tocsin-k7q2m4x9pd-20261124T090000Z
    """
    from runner.cli.framework.progress_line import bars

    if (to or keep or encrypt) if check else (key or digest):
        what = "--check makes no backup, and --key and --digest are for --check alone."
        raise Usage(what, hint="Remove --to, --keep and --encrypt, or add --check", code="options_conflict")
    if check:
        return _check(session, check, identity, passphrase_file, key, digest)
    from runner.app.home.backups import back_up

    settings = session.service.home.backup
    place = to or settings.to
    if not place:
        raise Usage(
            "The folder for backups is missing.",
            hint="Add --to FOLDER, or write backup: {to: FOLDER} into tocsin.yaml",
            code="option_missing",
        )
    with bars(session) as shown:
        made = back_up(
            session.service,
            (session.world.cwd if to else session.folder) / Path(place),
            keep or settings.keep,
            shown.begin,
            recipients=encrypt or settings.encrypt,
        )
    report = BackupReport(ok=not made.faults, backup=made)
    session.show(report, lambda: _made_page(report))
    return 0 if report.ok else 1


def _check(session: Session, given: str, identity: str, passphrase_file: str, key: str, digest: str) -> int:
    from runner.app.bundles.packs import check as checked
    from runner.app.bundles.packs import passphrase_in
    from runner.cli.framework.progress_line import bars

    cwd = session.world.cwd
    with bars(session) as shown:
        secret = cwd / Path(identity).expanduser() if identity else None
        said = passphrase_in(cwd / Path(passphrase_file).expanduser()) if passphrase_file else ""
        found = checked(
            cwd / Path(given).expanduser(),
            shown.begin,
            identity=secret,
            passphrase=said,
            key=cwd / Path(key).expanduser() if key else None,
            digest=digest,
            own=session.folder,
        )
    report = BackupCheck(ok=not found.faults, backup=found)
    session.show(report, lambda: _check_page(report))
    return 1 if not report.ok else 0 if found.proved_by and not found.master_keys else 4


def restore(
    session: Session,
    backup: Annotated[str, Argument("BACKUP", "Folder or encrypted file of the backup.")],
    key: Annotated[str, Option("--key FILE", "File with the master key.")] = "",
    identity: Annotated[str, Option("--identity FILE", "Secret key of an encrypted backup.")] = "",
    digest: Annotated[
        str, Option("--digest DIGEST", "Digest that the backup command printed: it must match.")
    ] = "",
) -> None:
    """Make a home folder from a backup, in a new folder: that of --home, else the usual one.

    Checks the backup first, and replaces nothing. Erases again the data that was erased after the backup. Pauses every open
    incident: compare it with what was sent meanwhile, then resume it. Ends all sessions and API tokens.

    \b
    Example:
      tocsin restore /mnt/backup/tocsin-k7q2m4x9pd-20261124T090000Z --home /srv/tocsin --key master.key
    """
    bring_back(session, backup, key, identity, digest)


def bring_back(
    session: Session, backup: str, key: str, identity: str, digest: str, passphrase: str = ""
) -> None:
    """Make a home from a backup or a pack, and show the result."""
    from runner.app.home.restoring import restore as restored
    from runner.cli.framework.progress_line import bars

    world = session.world
    with bars(session) as shown:
        found = restored(
            world.cwd / Path(backup).expanduser(),
            world.cwd / session.folder,
            session.principal,
            world.clock,
            world.chance,
            key=world.cwd / Path(key).expanduser() if key else None,
            identity=world.cwd / Path(identity).expanduser() if identity else None,
            passphrase=passphrase,
            digest=digest,
            state=state_folder(world.environ),
            watched=shown.begin,
        )
    report = RestoreReport(restored=found)
    session.show(report, lambda: _restored_page(report, session))


def to_use(session: Session) -> tuple[Block, ...]:
    """Return how commands without ``--home`` find the home folder of this command; nothing if they do."""
    home, usual = (
        session.world.cwd / find_home(given, session.world.environ, session.world.cwd)
        for given in (session.options.home, None)
    )
    words = f"Use it in this terminal: export {VARIABLE}={shlex.quote(str(home))}"
    return (line(words, hang=2),) if home != usual else ()


@paged
def _made_page(report: BackupReport) -> Iterator[Block]:
    made = report.backup
    if not report.ok:
        yield line(f"THE BACKUP DOES NOT VERIFY. It is kept as {made.path}", "alarm", hang=2)
        for fault in made.faults:
            yield line(fault, "alarm", indent=2, hang=2)
        yield line("Check the home folder itself: tocsin audit verify. No older backup was removed.", hang=2)
        return
    yield line(f"Backup verified: {made.path}", "good", hang=2)
    yield line(
        f"{count(made.events, 'entry', 'entries')}, {count(made.documents, 'document')}; digest {made.digest}",
        hang=2,
    )
    yield from _unread(made.unread)
    yield line(
        "The master key is not in the backup. Without it, no encrypted data can be read.", "warn", hang=2
    )
    yield from lacks(made)
    if made.removed:
        yield line(f"Older backups removed: {', '.join(made.removed)}", "dim", hang=2)


def lacks(made: Made) -> Iterator[Block]:
    """Yield what a backup or a pack does not contain, and what it lacks."""
    for omitted in made.left_out:
        yield line(f"Not in the backup: {omitted.path} ({omitted.reason})", "dim", hang=2)
    if made.same_disk:
        yield line("The backup is on the disk of the home folder. Copy it to another disk.", "warn", hang=2)
    if not made.recorded:
        yield line("The backup could not be recorded in the journal.", "warn", hang=2)


@paged
def _check_page(report: BackupCheck) -> Iterator[Block]:
    found = report.backup
    if report.ok and found.proved_by:
        proof = f"proved by the {found.proved_by.replace('_', ' ')}"
        yield line(f"The backup is complete and unchanged, {proof}: {found.name}", "good", hang=2)
    elif report.ok:
        yield line(f"The backup agrees with itself; not proved: {found.name}", "warn", hang=2)
        yield line("Compare it: add --key FILE with its master key, or --digest DIGEST.", "warn", hang=2)
    for path in found.master_keys:
        yield line(f"ANYBODY CAN READ THE BACKUP: it contains a master key, {path}", "alarm", hang=2)
    for fault in found.faults:
        yield line(f"THE BACKUP IS DAMAGED: {fault}", "alarm", hang=2)
    yield line(f"Made at {found.made_at or 'an unknown time'}; digest {found.digest}", hang=2)
    if not found.verified:
        yield line("The program that made it could not verify the copy.", "warn", hang=2)
    yield line(f"{count(found.events, 'entry', 'entries')}; head {found.head}", hang=2)
    yield from _unread(found.unread)
    for omitted in found.left_out:
        yield line(f"Not in the backup: {omitted}", "dim", hang=2)


def _unread(number: int) -> Iterator[Block]:
    if number:
        yield line(
            f"{number} payloads or documents were not decrypted. Their digests are verified.", "dim", hang=2
        )


@paged
def _restored_page(report: RestoreReport, session: Session) -> Iterator[Block]:
    found = report.restored
    yield line(f"Restored into {found.home} from the backup of {found.backup.made_at}", "good", hang=2)
    yield from to_use(session)
    if found.paused:
        yield line(
            f"Paused: {', '.join(found.paused)}. Messages sent after the backup are not known.",
            "warn",
            hang=2,
        )
        yield line("In each: tocsin status, then tocsin resume. Legal deadlines continue.", hang=2)
    if found.unknown_attempts:
        yield line(
            f"{count(found.unknown_attempts, 'attempt')} with an unknown outcome: tocsin message list",
            "warn",
            hang=2,
        )
    if found.erased_again:
        yield line(f"Erased again: {count(len(found.erased_again), 'journal')}", hang=2)
    if not found.erased_list:
        words = "No list of erased data stands beside the backup: data erased after it was made can be back."
        yield line(words, "warn", hang=2)
    if found.accounts:
        people = ", ".join(found.accounts)
        yield line(
            f"These accounts can log in: {people}. Disable who left: tocsin account disable PERSON --reason WHY",
            "warn",
            hang=2,
        )
    if found.webhooks:
        yield line(f"Webhooks are paused: {', '.join(found.webhooks)}", "warn", hang=2)
    yield line(
        f"Ended: {count(found.sessions, 'session')}, {count(found.tokens, 'API token')}, all invitations, links, calendar addresses and break-glass access. "
        "Accounts and roles are those of the backup: tocsin account list",
        hang=2,
    )
    for omitted in found.missing:
        yield line(f"Put back by hand: {omitted}", "warn", hang=2)
    if found.store_moved:
        yield line("The settings name the file tocsin.db now, not the former database.", "warn", hang=2)
    yield line(
        "Legal holds are those of the backup. Place later ones again before you erase anything: tocsin hold",
        "warn",
        hang=2,
    )
    yield from _checkpoints(found)
    yield line("Make sure that the old home folder never runs again.", "warn", hang=2)
    yield line("Check the new one: tocsin doctor", hang=2)


def _checkpoints(found: Restored) -> Iterator[Block]:
    if found.set_aside:
        yield line(
            f"This machine had seen the checkpoint {found.seen_before} at this path. Tocsin recorded it and keeps it in {found.set_aside}",
            "warn",
            hang=2,
        )
    if found.checkpoint:
        what = "This copy signs with a new key. To find two copies, run this on the first machine:"
        yield line(f"{what} tocsin audit verify --checkpoint {found.checkpoint}", hang=2)
