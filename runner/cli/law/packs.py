"""Commands of the law as a whole: show the law in use or a pack, apply a pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.home_catalogue import catalog
from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.cli.law.regimes import recorded_checks
from runner.reports.core.formatting import count
from runner.reports.core.page import Blank, Block, fields, line, paged
from runner.reports.law.confidence import counts_words
from runner.reports.law.regime_changes import changes_blocks
from runner.settings import CONFIG

if TYPE_CHECKING:
    from runner.app.law.packs import LawShown, PackShown

_File = Annotated[str, Argument("FILE", "Pack (.zip), its folder, or built-in.")]


def add(app: Commands) -> None:
    """Add ``law …``."""
    commands = group(app, "law", "Show and update the law, the notices and the authorities as a whole.")
    command(commands, "show", Scope.ANYWHERE)(show)
    command(commands, "update", Scope.HOME_WRITES)(update)


def show(session: Session, file: _File = "") -> None:
    """Show the date of the law in use, or what a pack changes.

    \b
    Examples:
      tocsin law show
      tocsin law show tocsin-law-2026.11.28.zip
    """
    from runner.app.law.packs import compared, shown

    today = session.now().date()
    if file:
        service = session.service if (session.folder / CONFIG).exists() else None
        pack = compared(session.folder if session.folder.is_dir() else None, file, today, service)
        session.show(pack, lambda: _pack_page(pack))
    else:
        law = shown(catalog(session), recorded_checks(session), today)
        session.show(law, lambda: _law_page(law))


def update(
    session: Session,
    file: _File,
    reason: Annotated[str, Option("--reason WHY", "Needed for an unsigned or an older pack.")] = "",
) -> None:
    """Apply a pack: new incidents use its law, open incidents keep their own.

    \b
    Examples:
      tocsin law update tocsin-law-2026.11.28.zip
      tocsin law update built-in --reason "the pack has a wrong deadline"
    """
    from runner.app.law import packs

    found = packs.update(session.service, file, reason)
    session.show(found, lambda: _pack_page(found))


@paged
def _law_page(found: LawShown) -> Iterator[Block]:
    yield line(f"Law of {found.age}", "title")
    rows = [
        ("Version", found.law.version),
        ("Origin", found.origin),
        ("Duties", counts_words(found.confidence)),
    ]
    if (entry := found.applied) is not None:
        signed = f"signed by {entry.signed_by}" if entry.signed_by else "UNSIGNED"
        rows.append(("Applied", ", ".join(filter(None, (f"by {entry.by}", signed, entry.reason)))))
    yield fields([*rows, *(("Your file", f"{name}, used first") for name in found.corrections)])


@paged
def _pack_page(found: PackShown) -> Iterator[Block]:
    yield line(f"Law of {found.age}{', applied' if found.applied else ''}", "title")
    unknown = "UNSIGNED" + (
        ": no key of the settings (law: keys) fits" if found.signature == "unknown" else ""
    )
    signed = f"signed by {found.signed_by}" if found.signed_by else unknown
    proof = [("SHA-256", found.digest), ("Signature", signed)] if found.digest else [("Origin", "built-in")]
    before = ("Before" if found.applied else "In use", f"law of {found.present.date}")
    yield fields([("Version", found.law.version), *proof, before])
    yield line(f"CHANGES ({count(len(found.changes), 'part')})", "title")
    yield from changes_blocks(found.changes)
    for name in found.own:
        yield line(f"Your own file is used, not this change: tocsin regime diff {name}", "warn")
    if found.incidents:
        yield Blank()
        yield line("OPEN INCIDENTS keep their law. Check these changes by hand:", "title")
    for one in found.incidents:
        law = f"law of {one.law}" if one.law is not None else "date of the law not recorded"
        would = count(len(one.changes), "duty", "duties") + " would differ"
        yield line(f"{one.codename}: {law}, {one.problem or would}", "warn")
        yield from changes_blocks(one.changes)
    if found.applied:
        yield line(f"To undo: tocsin law update {found.previous} --reason WHY", "dim")
