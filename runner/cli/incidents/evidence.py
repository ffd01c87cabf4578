"""Commands of stored evidence files: list, save. ``attach`` stores one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Where, command, group
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, line


def add(app: Commands) -> None:
    """Add ``evidence …``."""
    commands = group(app, "evidence", "Show and save evidence files.")
    command(commands, "list")(list_)
    command(commands, "save")(save)


def list_(session: Session, where: Where = None) -> None:
    """List the evidence files with their SHA-256 and their source."""
    from runner.reports.incidents.evidence import evidence, evidence_page

    report = evidence(session.incident(where))
    session.show(report, lambda: evidence_page(report))


def save(
    session: Session,
    evidence: Annotated[str, Argument("EVIDENCE", "Id of the evidence file.")],
    file: Annotated[Path, Argument("FILE", "New file for the bytes.")],
) -> None:
    """Save the exact bytes of an evidence file.

    \b
    Example:
      tocsin evidence save e-2yqq5bdmeq login.log
    """
    from runner.app.incidents.evidence import save as write

    found = write(session.reader, session.incident(), evidence, file)
    words = f"{file}: {found.size} bytes, sha256:{found.sha256.removeprefix('sha256:')}"
    session.show(
        {"schema": "tocsin/evidence-saved/v1", "file": str(file), "sha256": found.sha256},
        Page((line(words),)),
    )
