"""Messages: the plan, what is proved of each delivery, and what only a person can say."""

from __future__ import annotations

from typing import Annotated

from runner.cli.options import Argument, Commands, Option, Scope, command, group
from runner.cli.outcome import submit
from runner.cli.session import Session
from runner.cli.steps import Reason
from runner.errors import NotFound, Refused, Usage
from runner.model import commands as c
from runner.model.incident import Incident
from runner.settings import CONFIG

Delivery = Annotated[str, Argument(metavar="DELIVERY", help="Its id, as in tocsin message list.")]


def add(app: Commands) -> None:
    """Add ``message …`` and ``call``."""
    messages = group(app, "message", "Messages: plan, list, show; say what became of one; send again.")
    command(messages, "plan")(plan)
    command(messages, "list")(list_)
    command(messages, "show")(show)
    command(messages, "resolve", Scope.WRITES)(resolve)
    command(messages, "retry", Scope.WRITES)(retry)
    command(app, "call", Scope.WRITES)(call)


def plan(session: Session) -> None:
    """Show how each message would leave now, and which channels are refused by which rule."""
    from runner.service.messages import plans
    from runner.views.messages import PlannedMessage, plan_page, plan_report

    incident = session.incident()
    planned = [
        PlannedMessage(step=name, title=words, message_class=template.message_class, plans=made)
        for name, words, template, made in plans(session.desk, incident)
    ]
    sent = sum(len(one.attempts) for one in incident.deliveries.values())
    report = plan_report(incident.id, incident.codename, incident.kind, planned, sent)
    session.show(report, lambda: plan_page(report, CONFIG))


def list_(session: Session) -> None:
    """List the deliveries: whom, over what, what is proved."""
    from runner.views.messages import messages, messages_page

    report = messages(session.incident())
    session.show(report, lambda: messages_page(report, session.now()))


def show(session: Session, delivery: Delivery) -> None:
    """Show one delivery: every attempt, its outcome, and the channels that were refused."""
    from runner.views.messages import message, message_page

    report = message(session.incident(), delivery)
    session.show(report, lambda: message_page(report, session.now()))


def resolve(
    session: Session,
    delivery: Annotated[
        str, Argument(metavar="DELIVERY", help="A delivery, or a step whose outcome is unknown.")
    ],
    happened: Annotated[
        bool | None, Option("--happened/--not-happened", help="What became of the attempt.")
    ] = None,
    reason: Reason = "",
) -> None:
    """Say what became of an attempt that nobody had an answer to.

    \b
    Example:
      tocsin message resolve d-7k2m --happened --reason "maria confirmed on the telephone"
    """
    if happened is None:
        raise Usage("did it happen?", hint="--happened or --not-happened")
    incident = session.incident()
    effect = delivery if delivery in incident.deliveries else _step(incident, delivery)
    made = c.ResolveAttempt(by=session.by, effect=effect, happened=happened, reason=reason)
    words = "happened" if happened else "did not happen"
    submit(session, incident.id, made, f"{effect}: it {words}")


def _step(incident: Incident, text: str) -> str:
    from runner.service.naming import resolve_step
    from runner.views.rows import numbered

    try:
        return resolve_step(incident, text, numbered(incident))
    except NotFound:
        raise NotFound(f"no delivery or step '{text}'", hint="see: tocsin message list") from None


def retry(session: Session, delivery: Delivery, reason: Reason = "") -> None:
    """Send a message again, under a new key: whoever has it already gets it twice. Needs --reason."""
    made = c.Resend(by=session.by, delivery=delivery, reason=reason)
    submit(session, session.name(), made, f"{delivery} is sent again")


def call(
    session: Session,
    delivery: Delivery,
    reached: Annotated[
        bool | None, Option("--reached/--not-reached", help="Did you speak to the person?")
    ] = None,
    note: Annotated[str, Option("--note", help="What was said.")] = "",
) -> None:
    """Record a telephone call that told a person what a message says.

    \b
    Example:
      tocsin call d-7k2m --reached --note "read it to her, she is on her way"
    """
    if reached is None:
        raise Usage("did you reach the person?", hint="--reached or --not-reached")
    incident = session.incident()
    if delivery not in incident.deliveries:
        known = ", ".join(d.id for d in incident.deliveries.values() if d.state != "satisfied") or "none"
        raise Refused(f"there is no delivery '{delivery}'", hint=f"open: {known}")
    made = c.ReportCall(by=session.by, delivery=delivery, reached=reached, note=note)
    person = incident.deliveries[delivery].person
    submit(session, incident.id, made, f"{person} was {'reached' if reached else 'not reached'} by telephone")
