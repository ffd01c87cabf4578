"""Commands ``room use`` and ``room retry``."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import Argument, Commands, Option, Scope, command, group
from runner.cli.framework.outcome import submit
from runner.cli.framework.session import Session
from runner.errors import Usage
from runner.incident.state.commands import ChooseRoom, RetryRoom


def add(app: Commands) -> None:
    """Add ``room …``."""
    rooms = group(app, "room", "Set the war room, and retry failed rooms.")
    command(rooms, "use", Scope.WRITES)(use)
    command(rooms, "retry", Scope.WRITES)(retry)


def use(
    session: Session,
    address: Annotated[str, Argument("ADDRESS", "Address that people open or number that they dial.")],
    domain: Annotated[
        list[str] | None, Option("--domain DOMAIN", "Failure domain of the room; may be repeated.")
    ] = None,
) -> None:
    """Set the war room. All later messages contain its address.

    Messages stop to contain the address if its failure domain is compromised.

    \b
    Example:
      tocsin room use "+1 500 555 0006" --domain carrier
    """
    from runner.incident.messages.war_room import AGREED
    from runner.routing.war_room import WarRoom

    if not address.strip() or not address.isprintable():
        raise Usage(
            "This is not an address for a war room.",
            hint="Write one line that people can open or dial.",
            code="bad_address",
        )
    incident = session.incident()
    room = WarRoom(
        name=AGREED,
        address=address.strip(),
        domains=tuple(sorted(set(domain or ()))),
        agreed_by=session.by or "somebody",
    )
    submit(session, incident.id, ChooseRoom(room=room), f"War room: {room.address}")


def retry(session: Session) -> None:
    """Retry failed rooms and invitations."""
    submit(session, session.name(), RetryRoom(), "Failed rooms and invitations are retried")
