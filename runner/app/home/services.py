"""Units of systemd for the processes of a home (``service.unit``): worker, scheduler, web pages, callbacks."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import NamedTuple

from runner.app.home.open_home import store_file
from runner.errors import Refused
from runner.files.settings_file import load_home
from runner.settings import CONFIG

WATCHED = "WatchdogSec=5min"
"""A hung loop is started again. A scheduler runs an exercise to its end, which can take hours."""


class _Service(NamedTuple):
    name: str
    title: str
    command: str
    extra: str = WATCHED


SERVICES = (
    _Service("worker", "messages, deadlines and tasks", "worker"),
    _Service("scheduler", "scheduled jobs and exercises", "scheduler", "WatchdogSec=0"),
    # Standard output has the login link, which does not belong into a log.
    _Service("serve", "web pages", "serve", f"{WATCHED}\nStandardOutput=null"),
    _Service("callbacks", "callbacks of providers", "serve-callbacks"),
)
_PLAIN = re.compile(r"[\w./@+-]+", re.ASCII)
"""Text that systemd reads as it is: no space, quote, percent or dollar sign."""


def writable(folder: Path) -> list[Path]:
    """Return the home in ``folder``, and the folders outside of it that its services write to: for backups, and of the database file."""
    home, config = folder.absolute(), folder / CONFIG
    if not config.is_file():
        return [home]
    settings = load_home(config)
    database = store_file(home, settings.store)
    others = [home / settings.backup.to, *([database.parent] if database else [])]
    return [home, *dict.fromkeys(path for path in others if not path.is_relative_to(home))]


def units(folder: Path, user: str, program: Path) -> dict[str, str]:
    """Return file name → unit for the home in ``folder``; raises Refused for text that a unit cannot have."""
    home, *others = map(str, writable(folder))
    for text in (home, *others, user, str(program)):
        if not _PLAIN.fullmatch(text):
            raise Refused(
                f'A unit of systemd cannot have "{text}". Nothing was written.',
                hint="Use a name of letters, digits and . _ / @ + - only.",
                code="unit_text",
            )
    template = Template(resources.files("runner.app.home").joinpath("service.unit").read_text("utf-8"))
    paths = " -".join((home, *others))
    common = {"user": user, "home": home, "program": program, "writable": paths}
    return {f"tocsin-{one.name}.service": template.substitute(common, **one._asdict()) for one in SERVICES}


def write_units(made: dict[str, str], to: Path, *, force: bool) -> list[str]:
    """Write the units that differ, and return their names; raises Refused, before any is written, for a changed one.

    A unit that somebody changed is replaced with ``force`` only.
    """
    there = {name: (to / name).read_text("utf-8") for name in made if (to / name).exists()}
    differing = [name for name, text in there.items() if text != made[name]]
    if differing and not force:
        raise Refused(
            f'Unit "{to / differing[0]}" differs from what Tocsin writes. Nothing was written.',
            hint="Compare with: tocsin service install --print. Replace it with --force",
            code="unit_changed",
        )
    written = [name for name in made if name not in there or name in differing]
    try:
        for name in written:
            (to / name).write_text(made[name], "utf-8")
    except OSError as error:
        raise Refused(
            f'Units cannot be written to "{to}": {error.strerror}.',
            hint="Run the command as root, or name another folder: --to FOLDER",
            code="file_unwritable",
        ) from None
    return written
