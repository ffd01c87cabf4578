"""Playbooks of a live incident: graft another one, or move one to a newer version."""

from __future__ import annotations

from typing import Annotated

import typer

from runner.cli.completing import playbooks
from runner.cli.options import Scope, command
from runner.cli.outcome import submit
from runner.cli.session import Session
from runner.cli.steps import Reason


def add(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "graft", Scope.WRITES)(graft)


def graft(
    session: Session,
    playbook: Annotated[
        str, typer.Argument(metavar="PLAYBOOK", help="A name or a file.", autocompletion=playbooks)
    ],
    reason: Reason = "",
) -> None:
    """Begin another playbook inside the incident.

    \b
    Example:
      tocsin graft lost-device --reason "the laptop is gone, too"
    """
    from runner.loading.bundle import load_bundle
    from runner.loading.catalog import Catalog
    from runner.service.starting import pin_command

    incident = session.incident()
    bundle = load_bundle(playbook, Catalog(session.folder))
    made = pin_command(session.desk, bundle, session.now(), tuple(incident.runs), reason)
    submit(
        session, incident.id, made, f"{bundle.playbook.name} {bundle.playbook.version} runs as {made.run.id}"
    )
