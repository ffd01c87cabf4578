"""Commands ``store`` and ``key``: another database, another master key, another signing key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from runner.app.home.home_journal import SigningKeyChanged
from runner.app.home.key_rotation import Keys, Rotated
from runner.app.home.store_move import Moved
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, group
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.reports.core.formatting import count, moment
from runner.reports.core.page import Block, line, paged
from runner.reports.core.report import Report


class MoveReport(Report, frozen=True, kw_only=True, tag="tocsin/store-move/v1"):
    """The result of a move."""

    moved: Moved


class KeysReport(Report, frozen=True, kw_only=True, tag="tocsin/keys/v1"):
    """The keys of the home."""

    keys: Keys


class RotateReport(Report, frozen=True, kw_only=True, tag="tocsin/key-rotate/v1"):
    """The result of a change of a key; one of the two is set."""

    master: Rotated | None = None
    signing: SigningKeyChanged | None = None
    statement: str = ""
    """The file with the statement about the signing key."""


def add(app: Commands) -> None:
    """Add ``store …`` and ``key …``."""
    store = group(app, "store", "Move the database.")
    command(store, "move", Scope.HOME_WRITES)(move)
    key = group(app, "key", "Show and change the keys of the home folder.")
    command(key, "list", Scope.HOME_WRITES)(list_)
    command(key, "rotate", Scope.HOME_WRITES)(rotate)


def move(
    session: Session, url: Annotated[str, Argument("URL", "The new database; it must be empty.")]
) -> None:
    """Move the database between a file and PostgreSQL.

    Stop all workers and servers first. Copies every row, verifies both databases, then makes the old one refuse all writes and
    changes the settings. If it is stopped, run it again.

    \b
    Examples:
      tocsin store move postgresql://tocsin@db.example.org/tocsin
      tocsin store move sqlite:moved.db
    """
    from runner.app.home.store_move import move_store
    from runner.cli.framework.progress_line import bars

    world = session.world
    with bars(session) as shown:
        found = move_store(session.folder, session.principal, world.clock, world.chance, url, shown.begin)
    report = MoveReport(moved=found)
    session.show(report, lambda: _moved_page(report))


def list_(session: Session) -> None:
    """Show the id of the master key, and all signing keys.

    \b
    Example:
      tocsin key list
    """
    from runner.app.home.key_rotation import keys

    report = KeysReport(keys=keys(session.service))
    session.show(report, lambda: _keys_page(report))


def rotate(
    session: Session,
    to: Annotated[str, Option("--to REFERENCE", "Place of the new master key: file: or keyring:.")] = "",
    signing: Annotated[bool, Option("--signing", "Change the signing key.")] = False,
    reason: Reason = "",
) -> None:
    """Change the master key or the signing key.

    The master key: stop all workers and servers first. Makes the new key at --to, encrypts all data keys with it, and changes
    the settings. If it is stopped, run it again. The old key then opens only older backups.
    The signing key: the old one signs a statement that names the new one, and stays listed.

    \b
    Examples:
      tocsin key rotate --to file:master-2.key
      tocsin key rotate --signing --reason "Ben left"
    """
    from runner.app.home.key_rotation import rotate_master, rotate_signing

    if bool(to) == signing or (signing and not reason):
        raise Usage(
            "Name one key: --to REFERENCE, or --signing with --reason WHY.",
            hint="tocsin key rotate --to file:master-2.key",
            code="options_conflict" if to else "option_missing",
        )
    if signing:
        changed, file = rotate_signing(session.service, reason)
        report = RotateReport(signing=changed, statement=str(file))
    else:
        world = session.world
        made = rotate_master(session.folder, session.principal, world.clock, world.chance, to)
        report = RotateReport(master=made)
    session.show(report, lambda: _rotated_page(report))


@paged
def _moved_page(report: MoveReport) -> Iterator[Block]:
    moved = report.moved
    yield line(f"Moved to {moved.new}; tocsin.yaml names it", "good", hang=2)
    yield line(f"{count(moved.events, 'entry', 'entries')} verified; head {moved.head}", hang=2)
    if moved.rows:
        yield line(f"{count(moved.rows, 'row')} compared: equal in both databases", hang=2)
    yield line(f"The old database refuses writing: {moved.old}", hang=2)
    yield line(
        "Delete the old database when a backup of the new one is verified. It still has data that is erased later.",
        "warn",
        hang=2,
    )
    yield line(
        "On every other machine, write the same store: line into tocsin.yaml. Then start workers and servers.",
        "warn",
        hang=2,
    )
    yield line("Make a backup: tocsin backup", hang=2)


@paged
def _keys_page(report: KeysReport) -> Iterator[Block]:
    keys = report.keys
    if keys.master:
        yield line(f"Master key {keys.master}, at {keys.reference}", hang=2)
    else:
        yield line(f"Master key missing: {keys.reference}", "warn", hang=2)
    yield line("SIGNING KEYS", "title")
    for one in keys.signing:
        until = f"until {moment(one.until)}" if one.until else "in use"
        yield line(f"{one.fingerprint}", hang=2)
        yield line(f"since {moment(one.since)}, {until}", "dim", indent=2, hang=2)
    if not keys.signing:
        yield line("None yet: the first is made when something is signed", hang=2)


@paged
def _rotated_page(report: RotateReport) -> Iterator[Block]:
    if (signing := report.signing) is not None:
        yield line(f"The home folder signs with {signing.new} now", "good", hang=2)
        yield line(
            f"The old key {signing.old} stays listed, and signed a statement about the new one.", hang=2
        )
        yield line(f"Give the statement to everyone who compares fingerprints: {report.statement}", hang=2)
    if (master := report.master) is not None:
        yield line(f"Master key {master.new} at {master.reference}; tocsin.yaml names it", "good", hang=2)
        yield line(f"{count(master.keys, 'data key')} encrypted with it", hang=2)
        yield line(
            "Store a copy of the new key elsewhere, and copy it to every other machine.", "warn", hang=2
        )
        if master.backups:
            yield line(
                f"Backups made before need the old key {master.old}. Keep the key while you keep these backups: {master.old_reference}",
                "warn",
                hang=2,
            )
        yield line("Make a backup: tocsin backup. Then start workers and servers.", hang=2)
