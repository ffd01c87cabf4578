"""Command ``serve``: the room, web pages of the incidents on this machine."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Annotated

from runner.cli.framework.environment import LOOPBACK, listen_address, stopped_by_signals
from runner.cli.framework.options import Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import Refused

if TYPE_CHECKING:
    from runner.app.people.logins import Logins

LISTEN = "127.0.0.1:8760"


def add(app: Commands) -> None:
    """Add the command."""
    command(app, "serve", Scope.HOME_WRITES)(serve)


def serve(
    session: Session,
    listen: Annotated[str, Option("--listen ADDRESS:PORT", "Address and port on this machine.")] = LISTEN,
    link: Annotated[bool, Option("--link", "Print one more link for a server that runs, and end.")] = False,
    log_out: Annotated[bool, Option("--log-out", "End all sessions and links, and end.")] = False,
    log: Annotated[bool, Option("--log", "Write a line of JSON for each request to standard error.")] = False,
) -> None:
    """Show the incidents as web pages on this machine.

    Prints a link that logs one browser in. The link works once, within 10 minutes. Runs until SIGTERM or Ctrl-C. Other
    machines cannot reach it: there are no accounts yet. To use it from another machine, forward the port with ssh.

    \b
    Examples:
      tocsin serve --as maria
      tocsin serve --link --as ben
      tocsin serve --log-out
    """
    from runner.app.people.logins import Logins

    logins = Logins(session.service)
    host, port = listen_address(listen, LISTEN)
    if host not in LOOPBACK:
        raise Refused(
            f"The room cannot listen on {host}: without accounts, only this machine may reach it.",
            hint=f"Use --listen {LISTEN}. From another machine: ssh -L {port}:127.0.0.1:{port} HOST",
            code="needs_accounts",
        )
    if log_out:
        ended = logins.end_all()
        session.say(f"Sessions ended: {ended}")
    elif link:
        _tell(session, logins, _running(logins))
    else:
        _serve(session, logins, host, port, log=log)


def _tell(session: Session, logins: Logins, address: str) -> None:
    """Print a one-time link for the person who runs the command."""
    session.world.out.write(f"http://{address}/enter/{logins.invite(session.principal)}\n")
    session.world.out.flush()
    session.say(f"The link logs one browser in as {session.by}, once, within 10 minutes.")


def _running(logins: Logins) -> str:
    """Return where the room of this home listens; raises Refused if it does not answer: another program must not get a link."""
    from http.client import HTTPConnection, HTTPException

    address = logins.address()
    with suppress(OSError, HTTPException), closing(HTTPConnection(address or LISTEN, timeout=5)) as line:
        line.request("GET", "/healthz")
        if line.getresponse().status == 200 and address:
            return address
    raise Refused("No room of this home folder is running.", hint="Start it: tocsin serve", code="no_room")


def _serve(session: Session, logins: Logins, host: str, port: int, *, log: bool) -> None:
    try:
        from runner.web.room.application import Room
        from runner.web.room.server import Server
    except ImportError as error:
        raise Refused(
            "The web pages are not installed.",
            hint="Install Tocsin with its extra: tocsin[web]",
            code="no_web",
        ) from error
    from runner.cli.framework.background_worker import keep_worker
    from runner.web.serving import listening

    bound = listening(host, port)
    apart = session.service.apart if session.service.read_only else session.apart
    keeping = threading.Lock()

    def after() -> None:
        with keeping:
            keep_worker(session)

    lines = session.say if log else None
    server = Server(lambda port: Room(apart, logins, port, session.say, after), bound, host, lines)
    address = f"{f'[{host}]' if ':' in host else host}:{server.port}"
    with stopped_by_signals(server.stop):
        session.say(f"Listening on {address}. Stop with Ctrl-C or SIGTERM.")
        logins.announce(address)
        _tell(session, logins, address)
        server.run()
    logins.announce("")
    session.say("Stopped.")
