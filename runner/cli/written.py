"""What a command says of the files that it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.session import Session
from runner.views.page import Cell, Page, Table

if TYPE_CHECKING:
    from runner.service.notices import Pulled


def show_pulled(session: Session, files: tuple[Pulled, ...]) -> None:
    """Show what was written, with the digest of each file."""
    report = {"schema": "tocsin/pulled/v1", "files": files}
    rows = tuple((Cell(one.path), Cell(one.status, "dim"), Cell(one.sha256[:12], "dim")) for one in files)
    session.show(report, lambda: Page((Table(rows=rows, elastic=0, indent=0),)))
