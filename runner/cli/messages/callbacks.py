"""Command ``serve-callbacks``: HTTP server for receipts and answers from providers."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from runner.cli.framework.environment import LOOPBACK, listen_address, progress, stopped_by_signals
from runner.cli.framework.options import Commands, Option, Scope, command
from runner.cli.framework.session import Session
from runner.settings import CONFIG

AGAIN = timedelta(seconds=2)
"""Interval of retries for receipts that arrived too early."""
LISTEN = "127.0.0.1:8750"


def add(app: Commands) -> None:
    """Add the command."""
    command(app, "serve-callbacks", Scope.ANYWHERE)(serve_callbacks)


def serve_callbacks(
    session: Session,
    listen: Annotated[str, Option("--listen ADDRESS:PORT", "Address and port behind a TLS proxy.")] = LISTEN,
    list_: Annotated[bool, Option("--list", "Show the callback URL of each channel and end.")] = False,
) -> None:
    """Receive callbacks of providers by HTTP.

    Runs until SIGTERM or Ctrl-C. By default it listens only on the loopback address. Requests without a valid signature are
    ignored. A reverse proxy with TLS forwards the requests from outside.

    \b
    Examples:
      tocsin serve-callbacks --list
      tocsin serve-callbacks --listen 127.0.0.1:8750
    """
    if list_:
        from runner.app.messages.callbacks import addresses
        from runner.reports.messages.channels import CallbacksReport, callbacks_page

        report = CallbacksReport(callbacks=addresses(session.service))
        session.show(report, lambda: callbacks_page(report, CONFIG))
        return
    _serve(session, *listen_address(listen, LISTEN))


def _serve(session: Session, host: str, port: int) -> None:
    from runner.app.messages.acknowledgement import Links
    from runner.app.messages.callbacks import Callbacks
    from runner.app.messages.inbound import Inbox
    from runner.web.app import Application
    from runner.web.serving import Server
    from runner.workers.choice import attach
    from runner.workers.periodic import PeriodicTask

    service = session.machine
    session.alive("callbacks")
    service.backoff = None  # a provider that waits sends again; others are to be answered meanwhile
    attach(service)
    callbacks = Callbacks(service, Inbox(service))
    server = Server(Application(callbacks, Links(session.apart()), session.say), host, port)
    if host not in LOOPBACK:
        session.warn("no_tls", f"Other computers can reach {host}, and the connection has no TLS.")
    alive = progress(lambda: server.turns)

    def round() -> None:
        alive()
        callbacks.inbox.again()

    with stopped_by_signals(server.stop), PeriodicTask(round, AGAIN, session.say):
        session.say(f"Listening on {host}:{server.port}. Stop with Ctrl-C or SIGTERM.")
        server.run()
    session.say("Stopped.")
