"""Commands ``webhook``: what is new in the journals, sent to other programs without content."""

from __future__ import annotations

from typing import Annotated

from runner.cli.framework.options import NEEDS_A_PERSON, Argument, Commands, Option, Scope, command, group
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, line

Name = Annotated[str, Argument("NAME", "Name of the webhook.")]
Reference = Annotated[
    str, Option("--secret REFERENCE", "env:, file: or keyring: reference. Default: a new secret.")
]


def add(app: Commands) -> None:
    """Add ``webhook …``."""
    webhooks = group(app, "webhook", "Send what is new to other programs, signed and without content.")
    named = (("add", add_), ("list", list_), ("remove", remove), ("pause", pause), ("resume", resume))
    for name, one in (*named, ("rotate", rotate), ("test", test)):
        command(webhooks, name, Scope.HOME_WRITES)(one)


def add_(
    session: Session,
    name: Name,
    url: Annotated[str, Argument("URL", "Address of the receiver: https://HOST/PATH.")],
    events: Annotated[
        list[str] | None, Option("--events KIND", "Kind of entries. Repeat for more. Default: all.")
    ] = None,
    owner: Annotated[str, Option("--owner PERSON", "Person in whose rights it reads. Default: you.")] = "",
    secret: Reference = "",
) -> None:
    """Add a webhook. Shows its new secret once. A worker sends what is recorded from now on.

    A message has the kind, the incident and the number of an entry. The receiver reads the entry over the API. Exercises
    are not sent.

    \b
    Example:
      tocsin webhook add siem https://siem.example.org/hooks/tocsin --events duty --events incident
    """
    from runner.app.messages import webhooks

    made = webhooks.Webhook(
        name=name,
        url=url,
        events=tuple(dict.fromkeys(events or ())),
        owner=owner or session.by,
        secrets=(secret,) if secret else (),
        made=session.now(),
    )
    _tell(session, name, "added", webhooks.add(session.service, session.principal, made))


def _tell(session: Session, name: str, what: str, secret: str = "") -> None:
    report = {"schema": "tocsin/webhook-changed/v1", "name": name, "change": what, "secret": secret}
    session.show(report, Page((line(secret or f"Webhook {name} is {what}", "plain" if secret else "good"),)))
    if secret:
        session.say(
            "Store the secret now: nobody can show it again. The receiver verifies signatures with it."
        )


def list_(session: Session) -> None:
    """List the webhooks with their state."""
    from runner.app.messages.webhooks import report
    from runner.reports.messages.webhooks import webhooks_page

    found = report(session.service)
    _warn(session)
    session.show(found, lambda: webhooks_page(found))


def _warn(session: Session) -> None:
    """Warn if the worker that sends has older settings than this command."""
    from runner.app.home.workers import outdated

    if words := outdated(session.service):
        session.warn("worker_outdated", words)


def remove(session: Session, name: Name) -> None:
    """Remove a webhook."""
    from runner.app.messages import webhooks

    webhooks.remove(session.service, session.principal, name)
    _tell(session, name, "removed")


def pause(
    session: Session, name: Name, reason: Annotated[str, Option("--reason WHY", "Reason.")] = "paused"
) -> None:
    """Pause a webhook. Nothing is lost: what is new waits."""
    from runner.app.messages import webhooks

    webhooks.pause(session.service, session.principal, name, reason.strip() or "paused")
    _tell(session, name, "paused")


def resume(session: Session, name: Name) -> None:
    """Send again, beginning with what the receiver did not take."""
    from runner.app.messages import webhooks

    webhooks.pause(session.service, session.principal, name, "")
    _tell(session, name, "resumed")


def rotate(session: Session, name: Name, secret: Reference = "") -> None:
    """Sign with a new secret. For 24 hours the old one signs, too."""
    from runner.app.messages import webhooks

    _tell(session, name, "rotated", webhooks.rotate(session.service, session.principal, name, secret))


def test(session: Session, name: Name) -> int:
    """Send a test message now. The exit code is 4 if the receiver does not take it."""
    from runner.app.messages import webhooks

    why = webhooks.test(session.service, session.principal, name)
    report = {"schema": "tocsin/webhook-tested/v1", "name": name, "taken": not why, "why": why}
    words = f"Not taken: {why}" if why else "The receiver took the test message"
    session.show(report, Page((line(words, "alarm" if why else "good"),)))
    _warn(session)
    return NEEDS_A_PERSON if why else 0
