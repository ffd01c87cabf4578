"""Commands ``ack`` and ``message prove``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from runner.base.states import Kind, Proof
from runner.cli.framework.options import Argument, Commands, Option, Scope, command
from runner.cli.framework.outcome import work
from runner.cli.framework.session import Session
from runner.reports.core.page import Page, line


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="tocsin/acknowledged/v1"):
    """What came of an acknowledgement."""

    incident: str
    codename: str
    kind: Kind
    delivery: str
    person: str
    evidence: Proof
    changed: bool
    """False where it proved nothing that was not proved before."""


def add(app: Commands) -> None:
    """Add ``ack``."""
    command(app, "ack", Scope.WRITES)(ack)


def add_to_messages(messages: Commands) -> None:
    """Add ``message prove``."""
    command(messages, "prove")(prove)


def ack(
    session: Session,
    code: Annotated[str, Argument(metavar="CODE", help="Code in the last line of the message.")],
    note: Annotated[str, Option("--note", help="Comment to the acknowledgement.")] = "",
) -> None:
    """Acknowledge a message and stop its escalation.

    The message must be addressed to you. Name yourself with --as, or the recipient with --on-behalf-of and --via.

    \b
    Example:
      tocsin ack K7Q-M3X --as jonas
    """
    from runner.app.messages.acknowledgement import COMMAND_LINE, acknowledge

    person = session.actor.represented or session.by
    only = session.name() if session.options.incident else ""
    found = acknowledge(session.service, code=code, person=person, via=COMMAND_LINE, incident=only, note=note)
    work(session)
    report = Answered(**{name: getattr(found, name) for name in found.__struct_fields__})
    session.show(report, lambda: page(report))


def page(report: Answered) -> Page:
    """Draw the answer."""
    if not report.changed:
        return Page((line(f"{report.person} acknowledged {report.delivery} before. No change.", "good"),))
    return Page((line(f"{report.codename}: {report.person} acknowledged {report.delivery}", "good"),))


def prove(
    session: Session,
    delivery: Annotated[str, Argument(metavar="DELIVERY", help="Id, as in tocsin message list.")],
) -> None:
    """Show the evidence of a delivery as a sentence to quote.

    \b
    Example:
      tocsin message prove d-7k2m
    """
    from runner.app.messages.messages import prove as read
    from runner.reports.messages.delivery_evidence import proof_page

    report = read(session.service, session.name(), delivery)
    session.show(report, lambda: proof_page(report))
