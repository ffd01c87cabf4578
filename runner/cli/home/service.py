"""Command ``service install``: Tocsin as services of systemd."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from runner.cli.framework.options import Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.reports.core.page import Block, line, paged

SYSTEMD = "/etc/systemd/system"
HIDDEN = ("/home", "/root", "/run/user")
"""Folders that the services do not see."""


def add(app: Commands) -> None:
    """Add ``service install``."""
    service = group(app, "service", "Run Tocsin as services of systemd.")
    command(service, "install", Scope.ANYWHERE)(install)


def install(
    session: Session,
    to: Annotated[str, Option("--to FOLDER", "Folder for the units.")] = SYSTEMD,
    user: Annotated[str, Option("--user NAME", "System user to whom the home folder belongs.")] = "tocsin",
    force: Annotated[bool, Option("--force", "Replace units that were changed.")] = False,
    print_: Annotated[bool, Option("--print", "Print the units, and write nothing.")] = False,
) -> None:
    """Write units of systemd for the worker, the scheduler, the web pages and the callbacks.

    The services run as one system user without privileges. They can write only to the home folder, the folder for
    backups and the folder of the database file. To change a unit, use systemctl edit.

    \\b
    Examples:
      tocsin service install --home /var/lib/tocsin
      tocsin service install --print
    """
    from runner.app.home.services import units, writable, write_units

    program = Path(sys.prefix, "bin", "tocsin")
    made = units(session.folder, user, program)
    for path in (*writable(session.folder), program, Path(sys.base_prefix)):
        if any(path.resolve().is_relative_to(hidden) for hidden in HIDDEN):
            session.warn(
                "unit_hidden", f"The services do not see {path}. Move it out of {', '.join(HIDDEN)}."
            )
    if print_:
        session.world.out.write("\n".join(f"# {name}\n{text}" for name, text in made.items()))
        return
    written = write_units(made, Path(to), force=force)
    report = {"schema": "tocsin/service-install/v1", "folder": to, "written": written}
    session.show(report, lambda: _page(to, written))


@paged
def _page(to: str, written: list[str]) -> Iterator[Block]:
    for name in written:
        yield line(f"Wrote {to}/{name}", "good", hang=2)
    if not written:
        yield line(f"The units in {to} are up to date", "good", hang=2)
    yield line(
        "Set worker: manual in tocsin.yaml, so that only the service starts a worker. Then run:", hang=2
    )
    yield line("systemctl daemon-reload", hang=2)
    yield line("systemctl enable --now tocsin-worker tocsin-scheduler", hang=2)
    yield line("With the web pages: systemctl enable --now tocsin-serve", hang=2)
    yield line("With callbacks of providers: systemctl enable --now tocsin-callbacks", hang=2)
