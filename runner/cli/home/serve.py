"""Command ``serve``: the room, web pages of the incidents on this machine."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

from msgspec import structs

from runner.app.people.logins import LISTEN
from runner.cli.framework.environment import LOOPBACK, listen_address, notify_manager, stopped_by_signals
from runner.cli.framework.options import Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.errors import Refused
from runner.settings import open_to_others

if TYPE_CHECKING:
    from runner.app.people.logins import Logins
    from runner.routing.organisation import ServeSettings


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
    """Show the incidents as web pages.

    Prints a link that logs one browser of this machine in. The link works once, within 10 minutes. Runs until SIGTERM or
    Ctrl-C. Other machines can reach it only with accounts, and with a certificate or a proxy in the settings (serve).

    \b
    Examples:
      tocsin serve --as maria
      tocsin serve --link --as ben
      tocsin serve --log-out
    """
    from runner.app.people.accounts import names_are_proved
    from runner.app.people.logins import Logins

    logins = Logins(session.service)
    host, port = listen_address(listen, LISTEN)
    settings = session.service.home.serve
    beyond = settings if settings.secure and names_are_proved(session.service) else None
    if host not in LOOPBACK and beyond is None:
        raise _only_here(host, port, secure=settings.secure)
    if log_out:
        ended = logins.end_all()
        session.say(f"Sessions ended: {ended}")
    elif link:
        _tell(session, logins, _running(logins))
    else:
        _serve(session, logins, host, port, beyond, log=log)


def _only_here(host: str, port: int, *, secure: bool) -> Refused:
    """Return the refusal to let other machines reach the room."""
    if secure:
        return Refused(
            f"The room cannot listen on {host}: nobody has an account.",
            hint=f"Start it with --listen {LISTEN}, then: tocsin account invite PERSON",
            code="needs_accounts",
        )
    return Refused(
        f"The room cannot listen on {host}: the settings name no certificate and no proxy for it.",
        hint=f"Add serve to tocsin.yaml. Or forward the port: ssh -L {port}:127.0.0.1:{port} HOST",
        code="needs_tls",
    )


def _tell(session: Session, logins: Logins, address: str) -> None:
    """Print a one-time link for the person who runs the command: a claim, whatever login the terminal has."""
    claimed = structs.replace(session.principal, proven_by=None)
    session.world.out.write(f"http://{address}/enter/{logins.invite(claimed)}\n")
    session.world.out.flush()
    session.say(f"The link logs one browser in as {session.by}, once, within 10 minutes.")


def _running(logins: Logins) -> str:
    """Return where the room of this home listens; raises Refused if it does not answer: another program must not get a link."""
    from http.client import HTTPConnection, HTTPException

    address = logins.address()
    if "://" in address:
        raise Refused(
            "Other machines can reach this room, so a link does not log in.",
            hint=f"Log in with an account: {address}",
            code="needs_account",
        )
    with suppress(OSError, HTTPException), closing(HTTPConnection(address or LISTEN, timeout=5)) as line:
        line.request("GET", "/healthz")
        if line.getresponse().status == 200 and address:
            return address
    raise Refused("No room of this home folder is running.", hint="Start it: tocsin serve", code="no_room")


def _serve(
    session: Session, logins: Logins, host: str, port: int, beyond: ServeSettings | None, *, log: bool
) -> None:
    try:
        from runner.web.room.application import Room
        from runner.web.room.server import Server
    except ImportError as error:
        raise Refused(
            "The web pages are not installed.",
            hint="Install Tocsin with its extra: tocsin[web]",
            code="no_web",
        ) from error
    from runner.app.core.trusted_clock import OFTEN, TrustedClock
    from runner.cli.framework.background_worker import keep_worker
    from runner.web.serving import listening
    from runner.workers.periodic import PeriodicTask

    if beyond is not None and open_to_others(key := session.folder / beyond.key):
        raise Refused(f"Other users can read {key}.", hint=f"Run: chmod go= '{key}'", code="key_exposed")
    bound = listening(host, port)
    session.alive("serve")
    session.watched(False)  # a reader of pages does not see this terminal
    apart = session.service.apart if session.service.read_only else session.apart
    keeping = threading.Lock()

    def after(opened: bool) -> None:
        with keeping:
            keep_worker(session, start=opened)

    def room(port: int) -> Room:
        return Room(apart, logins, port, session.say, after, secure=beyond is not None)

    try:
        alive = partial(notify_manager, "WATCHDOG=1")
        server = Server(room, bound, host, beyond, session.folder, session.say if log else None, alive)
    except OSError as error:
        bound.close()
        raise Refused(
            f"The certificate of the room or its key cannot be read: {error.strerror or error}.",
            hint="Correct serve.certificate and serve.key in tocsin.yaml.",
            code="bad_certificate",
        ) from None
    address = f"{f'[{host}]' if ':' in host else host}:{server.port}"
    keeping_time = PeriodicTask(TrustedClock.of(apart()).keep, OFTEN, session.say)
    with stopped_by_signals(server.stop), keeping_time:
        session.say(f"Listening on {address}. Stop with Ctrl-C or SIGTERM.")
        logins.announce(f"https://{beyond.names[0]}" if beyond else address)
        if beyond:
            session.say(f"Log in with an account: {logins.address()}")
        else:
            _tell(session, logins, address)
        server.run()
    logins.announce("")
    session.say("Stopped.")
