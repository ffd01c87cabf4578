"""Commands ``pack`` and ``unpack``: the whole home in one encrypted file, and a home that continues from it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from runner.app.home.backups import Made
from runner.cli.framework.options import Argument, Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.cli.home.backup import PassphraseFile, bring_back, lacks
from runner.errors import Refused, Usage
from runner.reports.core.formatting import count
from runner.reports.core.page import Block, line, paged


def add(app: Commands) -> None:
    """Add the commands."""
    command(app, "pack", Scope.HOME_WRITES)(pack)
    command(app, "unpack", Scope.HOME_WRITES)(unpack)


def pack(
    session: Session,
    out: Annotated[Path, Option("--out FILE.age", "New file for the pack, best on another disk.")],
    encrypt: Annotated[
        list[str] | None,
        Option("--encrypt KEY", "Public key of age or SSH, not a passphrase. Repeat for more."),
    ] = None,
    passphrase_file: PassphraseFile = "",
    card: Annotated[
        Path | None,
        Option("--card FILE", "Card to print, with private numbers: .pdf, .docx, .html, .txt, .md."),
    ] = None,
) -> None:
    """Pack the whole home folder and its master key into one encrypted file.

    For the day when this machine is seized or lost: tocsin unpack continues on another one. Asks twice for a passphrase, without showing it, or
    makes one. The pack has all incidents, because the signed log of the home folder has all. It has no passwords of channels.

    \b
    Examples:
      tocsin pack --out /media/stick/home.age --card card.pdf
      tocsin pack --out /media/stick/home.age --encrypt age1…
    """
    from runner.app.bundles.pack_card import pack_card
    from runner.app.bundles.packs import make_pack, passphrase_in
    from runner.cli.framework.output_files import document_format, private_file
    from runner.cli.framework.progress_line import bars
    from runner.documents.write import write
    from runner.files.encrypted_folder import recipients_of

    format_ = document_format(card, "--card card.pdf") if card is not None else "pdf"
    if encrypt and passphrase_file:
        raise Usage(
            "A pack has a passphrase or public keys.",
            hint="Remove --encrypt or --passphrase-file",
            code="options_conflict",
        )
    service, cwd = session.service, session.world.cwd
    if card is not None and (
        (cwd / card).exists() or (cwd / card).resolve() == (cwd / out.expanduser()).resolve()
    ):
        raise Refused(
            f'File "{card}" exists. No pack was made.', hint="Name another file.", code="file_exists"
        )
    given = passphrase_in(cwd / Path(passphrase_file).expanduser()) if passphrase_file else ""
    lock = recipients_of(encrypt) if encrypt else given or _typed(session)
    with bars(session) as shown:
        made, checkpoint, key = make_pack(service, cwd / out.expanduser(), lock, shown.begin)
    if card is not None:
        sheet = pack_card(service, made, checkpoint, key, with_passphrase=not encrypt)
        private_file(cwd / card, write(sheet, format_), replace=False)
    answer = {"pack": made, "checkpoint": checkpoint, "key": key, "card": "" if card is None else str(card)}
    session.show({"schema": "tocsin/home-pack/v1", **answer}, lambda: _page(made, checkpoint, key, card))


def _typed(session: Session) -> str:
    """Return the passphrase that a person types twice, or that is made for them."""
    from runner.app.core.identifiers import new_passphrase

    session.terminal("Add --passphrase-file FILE or --encrypt KEY")
    given = session.ask_hidden("Passphrase (Enter: Tocsin makes one):")
    if not given:
        given = new_passphrase()
        session.say(f"Passphrase: {given}\nWrite it down now. Tocsin does not store it.")
    if session.ask_hidden("The same passphrase again:") != given:
        raise Refused(
            "The passphrases differ. No pack was made.",
            hint="Run the command again.",
            code="passphrase_differs",
        )
    return given


def unpack(
    session: Session,
    file: Annotated[str, Argument("FILE", "The pack.")],
    identity: Annotated[str, Option("--identity FILE", "Secret key of age or SSH.")] = "",
    passphrase_file: PassphraseFile = "",
    digest: Annotated[
        str, Option("--digest DIGEST", "Digest on the card, 32 digits or more. Needed with --identity.")
    ] = "",
) -> None:
    """Continue from a pack, in a new folder: that of --home, else the usual one.

    Does what tocsin restore does: checks everything, pauses every open incident, ends all sessions and API tokens. The new home folder signs with
    a new key, so that two copies that continue are found. Stop the first machine before you resume an incident.

    \b
    Example:
      tocsin unpack /media/stick/home.age --home /srv/tocsin
    """
    from runner.app.bundles.packs import passphrase_in
    from runner.files.encrypted_folder import has_passphrase

    path, passphrase = session.world.cwd / Path(file).expanduser(), ""
    if passphrase_file:
        passphrase = passphrase_in(session.world.cwd / Path(passphrase_file).expanduser())
    elif has_passphrase(path) and not identity:
        session.terminal("Add --passphrase-file FILE")
        passphrase = session.ask_hidden("Passphrase of the pack:")
    bring_back(session, str(path), "", identity, digest, passphrase)


@paged
def _page(made: Made, checkpoint: str, key: str, card: Path | None) -> Iterator[Block]:
    yield line(f"Pack verified and encrypted: {made.path}", "good", hang=2)
    numbers = f"{count(made.events, 'entry', 'entries')}, {count(made.documents, 'document')}"
    yield line(f"{numbers}; digest {made.digest}", hang=2)
    yield line(f"Checkpoint {checkpoint}; signing key {key}", hang=2)
    what = (
        "It contains the master key: who opens it reads all incidents. Data that you erase later stays in it."
    )
    yield line(what, "warn", hang=2)
    yield from lacks(made)
    if card is not None:
        what = f"{card} contains personal data. Print it, lock the paper away, delete the file."
        yield line(what, "warn", hang=2)
