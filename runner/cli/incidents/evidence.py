"""Commands of stored evidence files: list, save. ``attach`` stores one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Where, command, group
from runner.cli.framework.session import Session


def add(app: Commands) -> None:
    """Add ``evidence …``."""
    commands = group(app, "evidence", "Show and save evidence files.")
    command(commands, "list")(list_)
    command(commands, "save")(save)


def list_(session: Session, where: Where = None) -> None:
    """List the evidence files with their SHA-256 and their source."""
    from runner.reports.incidents.timeline import evidence, evidence_page

    report = evidence(session.incident(where))
    session.show(report, lambda: evidence_page(report))


def save(
    session: Session,
    evidence: Annotated[str, Argument("EVIDENCE", "Id of the evidence file.")],
    file: Annotated[Path, Argument("FILE", "New file for the bytes.")],
) -> None:
    """Save an evidence file unchanged.

    \b
    Example:
      tocsin evidence save e-2yqq5bdmeq login.log
    """
    from runner.app.incidents.evidence import save as write
    from runner.reports.incidents.timeline import evidence as view
    from runner.reports.incidents.timeline import evidence_page

    incident = session.incident()
    write(session.reader, incident, evidence, file)
    report = view(incident, evidence)
    session.show(report, lambda: evidence_page(report))
