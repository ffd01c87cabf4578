"""Output about generated notices and written files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.framework.session import Session
from runner.errors import Refused, Usage, unwritable
from runner.reports.core.page import Cell, Page, table

if TYPE_CHECKING:
    from pathlib import Path

    from runner.app.notices.notices import Pulled
    from runner.documents.notice import Format
    from runner.incident.state.commands import Rendered


def show_pulled(session: Session, files: tuple[Pulled, ...]) -> None:
    """Show the written files with their digests."""
    report = {"schema": "tocsin/pulled/v1", "files": files}
    session.show(report, lambda: pulled_page(files))


def pulled_page(files: tuple[Pulled, ...]) -> Page:
    """Draw a line for each file."""
    rows = tuple(
        (
            file.path,
            Cell(f"{file.status}, STALE", "alarm") if file.stale else Cell(file.status, "dim"),
            Cell(file.sha256[:12], "dim"),
        )
        for file in files
    )
    return Page((table(rows, 0, indent=0),))


def write_out(path: Path, content: bytes) -> None:
    """Write a file; raises Refused if that is not possible."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise unwritable(path, error) from None


def document_format(path: Path, example: str) -> Format:
    """Return the format that a file's ending names; raises Usage."""
    from runner.documents.write import FORMATS

    known = next((name for name in FORMATS if name == path.suffix.removeprefix(".")), None)
    if known is None:
        raise Usage(
            f'File "{path}" ends in none of {", ".join(FORMATS)}.',
            hint=f"Use {example}",
            code="unknown_ending",
        )
    return known


def private_file(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file that only its owner can read; raises Refused, also for an existing file without --replace."""
    import os

    try:
        if replace:
            path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except FileExistsError:
        raise Refused(
            f'File "{path}" exists. Nothing was written.',
            hint="Name another file, or add --replace",
            code="file_exists",
        ) from None
    except OSError as error:
        raise unwritable(path, error) from None


def in_person(session: Session, override: str) -> None:
    """Raise Refused for an override on behalf of another person."""
    if override and session.options.on_behalf_of:
        raise Refused(
            "You cannot accept a text for another person.",
            hint="Ask counsel to run the command with --as PERSON",
            code="on_behalf",
        )


def rendered_words(made: Rendered) -> str:
    """Return the status of a generated version and its missing information."""
    gaps = f"missing information ({len(made.event.gaps)})" if made.event.gaps else "no missing information"
    final = f" as final, with an override for {len(made.items)} missing items," if made.override else ""
    return f"{made.event.notice} is generated{final}, {gaps}: {made.event.digest}"
