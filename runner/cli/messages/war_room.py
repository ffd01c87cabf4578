"""``tocsin room``: say where people have agreed to talk, and have what failed about rooms tried anew."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import submit
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.incident.state.commands import ChooseRoom, RetryRoom


def add(app: Commands) -> None:
    """Add ``room …``."""
    rooms = group(app, "room", "The war room: where people have agreed to talk, and what failed about rooms.")
    command(rooms, "use", Scope.WRITES)(use)
    command(rooms, "retry", Scope.WRITES)(retry)


def use(
    session: Session,
    address: Annotated[str, Argument(metavar="ADDRESS", help="What people open or dial.")],
    domain: Annotated[
        list[str] | None, Option("--domain", metavar="DOMAIN", help="What it falls with; may be repeated.")
    ] = None,
) -> None:
    """Say where people have agreed to talk: its address stands in every message from now on, until its domain falls.

    \b
    Example:
      tocsin room use "+1 500 555 0006" --domain carrier
    """
    from runner.incident.messages.war_room import AGREED
    from runner.routing.war_room import WarRoom

    if not address.strip() or not address.isprintable():
        raise Usage("this is no address", hint="one line that people can open or dial", code="bad_address")
    incident = session.incident()
    room = WarRoom(
        name=AGREED,
        address=address.strip(),
        domains=tuple(sorted(set(domain or ()))),
        agreed_by=session.by or "somebody",
    )
    submit(session, incident.id, ChooseRoom(by=session.by, room=room), f"the war room is {room.address}")


def retry(session: Session) -> None:
    """Have rooms that could not be opened, and invitations that failed, tried anew."""
    submit(session, session.name(), RetryRoom(by=session.by), "what failed about rooms is tried anew")
