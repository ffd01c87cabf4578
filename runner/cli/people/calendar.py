"""Commands ``calendar``: the deadlines of a person's incidents for a calendar program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from runner.cli.framework.options import Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, line


def add(app: Commands) -> None:
    """Add ``calendar …``."""
    calendar = group(app, "calendar", "Deadlines of your incidents for a calendar program.")
    for name, one in (("save", save), ("address", address), ("revoke", revoke)):
        command(calendar, name, Scope.HOME_WRITES)(one)


def save(
    session: Session, out: Annotated[Path, Option("--out FILE", "File to write.")] = Path("tocsin.ics")
) -> None:
    """Write the deadlines and promised updates of your real incidents as iCalendar, with codenames alone."""
    from runner.app.people import calendars
    from runner.cli.framework.output_files import write_out

    session.service.known(session.by)
    write_out(out, calendars.feed(session.service, session.by))
    session.show({"schema": "tocsin/calendar-saved/v1", "file": str(out)}, Page((line(str(out)),)))


def address(session: Session) -> None:
    """Make the address of your calendar feed. It ends the one before. Shown once.

    Whoever knows the address reads the codenames and deadlines of your incidents.
    """
    from runner.app.people import calendars
    from runner.app.people.logins import LISTEN, Logins

    base = Logins(session.service).address() or LISTEN
    url = (
        f"{base if '://' in base else f'http://{base}'}/cal/{calendars.make(session.service, session.by)}.ics"
    )
    session.show({"schema": "tocsin/calendar-address/v1", "url": url}, Page((line(url),)))
    session.say("Store the address now: nobody can show it again. To end it: tocsin calendar revoke")


def revoke(session: Session) -> None:
    """End the address of your calendar feed at once."""
    from runner.app.people import calendars

    ended = calendars.revoke(session.service, session.by)
    words = "The address is revoked" if ended else "You have no address"
    session.show({"schema": "tocsin/calendar-revoked/v1", "ended": ended}, Page((line(words),)))
