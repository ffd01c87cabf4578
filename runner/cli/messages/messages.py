"""Commands of messages: plan, send, deliveries, rules, outcomes and calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from runner.actions import Action, Slot
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, group
from runner.cli.framework.outcome import submit, work
from runner.cli.framework.session import Session
from runner.errors import NotFound, Refused, Usage
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page, line
from runner.settings import CONFIG, PERSON

if TYPE_CHECKING:
    from runner.app.messages.acknowledgement import Acknowledged

Delivery = Annotated[str, Argument("DELIVERY", "Id, as in tocsin message list.")]


def add(app: Commands) -> None:
    """Add ``message …`` and ``call``."""
    messages = group(app, "message", "Manage messages: plan, send, list, show, prove, resolve, retry.")
    command(messages, "plan")(plan)
    command(messages, "send", Scope.WRITES)(send)
    command(messages, "rules")(rules)
    command(messages, "override", Scope.WRITES)(override)
    command(messages, "call-sheet")(call_sheet)
    command(messages, "list")(list_)
    command(messages, "show")(show)
    command(messages, "resolve", Scope.WRITES)(resolve)
    command(messages, "retry", Scope.WRITES)(retry)
    command(app, "call", Scope.WRITES)(call)
    command(messages, "prove")(prove)
    command(app, "ack", Scope.WRITES)(ack)


def plan(
    session: Session,
    class_: Annotated[
        str, Argument("[CLASS]", "Message class. Default: all messages of the playbooks.")
    ] = "",
    to: Annotated[list[str] | None, Option("--to ROLE", "Role, or person:PERSON; with CLASS.")] = None,
    kind: Annotated[str, Option("--kind", "Kind of incident: real, exercise or test; with CLASS.")] = "",
    compromised: Annotated[
        list[str] | None,
        Option("--compromised DOMAIN", "Failure domain that counts as compromised; with CLASS."),
    ] = None,
) -> None:
    """Show the message plan and blocked channels. Sends nothing.

    With CLASS, the command also works without an incident.

    \b
    Examples:
      tocsin message plan
      tocsin message plan urgent-confidential --to counsel --to commander --compromised m365-tenant
    """
    if class_:
        _plan_class(session, class_, to or [], kind, compromised or [])
        return
    if to or kind or compromised:
        raise Usage(
            "--to, --kind and --compromised need a message class.",
            hint=Action("message.plan", Slot("CLASS"), {"to": Slot("ROLE")}),
            code="argument_missing",
        )
    from runner.app.messages.messages import plans
    from runner.reports.messages.message_plan import plan_page

    report = plans(session.service, session.incident())
    session.show(report, lambda: plan_page(report, CONFIG))


def send(
    session: Session,
    text: Annotated[str, Argument("TEXT", "Text of the message.")],
    to: Annotated[list[str] | None, Option("--to WHOM", "Role, person, or everybody with a role.")] = None,
    class_: Annotated[
        str, Option("--class CLASS", "Message class. Default: status-update; with --ask-ack urgent-internal.")
    ] = "",
    ask_ack: Annotated[bool, Option("--ask-ack", "Acknowledgement required from each person.")] = False,
    yes: Annotated[bool, Option("--yes", "No question before sending.")] = False,
) -> None:
    """Send a message. Shows the plan and asks first.

    \b
    Examples:
      tocsin message send "All hands call at 04:00, bridge 4711" --to everybody --ask-ack
      tocsin message send "Call me before you restore" --to technical --to person:ada --yes
    """
    from runner.app.messages.messages import WrittenMessage, compose_by_hand, plan_of
    from runner.reports.messages.message_plan import plan_page

    if not to:
        raise Usage(
            "The message has no recipient.",
            hint="Add --to ROLE, --to PERSON or --to everybody",
            code="option_missing",
        )
    incident = session.incident()
    written = WrittenMessage(text=text, to=tuple(to), message_class=class_, ask_ack=ask_ack)
    composed = compose_by_hand(session.service, incident, written)
    message = composed.event
    session.tell(plan_page(plan_of(session.service, incident, message, to), CONFIG))
    if not yes:
        session.confirm("Send as planned?", "Read the plan, then repeat with --yes")
    lost = [one.person for one in message.plans if not one.channels]
    reached = [name for name in message.to if name not in lost]
    said = [f"Message {message.message} is sent to {', '.join(reached)}"] if reached else []
    said += [f"No channel can reach {', '.join(lost)}. Call now"] if lost else []
    submit(session, incident.id, composed, ". ".join(said))


def _plan_class(session: Session, name: str, to: list[str], kind: str, compromised: list[str]) -> None:
    from runner.app.messages.messages import WhatIf, class_plans
    from runner.cli.framework.options import kind_of
    from runner.reports.messages.message_plan import plan_page, plan_report

    incident = session.incident_or_none()
    what_if = WhatIf(kind=kind_of(kind) if kind else None, compromised=tuple(compromised))
    planned = class_plans(session.service, incident, name, to, what_if)
    sent = sum(len(delivery.attempts) for delivery in incident.deliveries.values()) if incident else 0
    report = plan_report(
        incident.id if incident else "",
        incident.codename if incident else "",
        what_if.kind or (incident.kind if incident else "real"),
        [planned],
        sent,
    )
    session.show(report, lambda: plan_page(report, CONFIG))


def rules(session: Session) -> None:
    """List the rules of messages with sources and overrides."""
    from runner.reports.messages.rules import rules_page, rules_report

    report = rules_report(session.incident_or_none())
    session.show(report, lambda: rules_page(report, session.now()))


def override(
    session: Session,
    rule: Annotated[str, Argument("RULE", "Number of the rule, as R8.")],
    channel: Annotated[str, Option("--channel", "Only for this channel.")] = "",
    class_: Annotated[str, Option("--class CLASS", "Only for this message class.")] = "",
    to: Annotated[str, Option("--to PERSON", "Only for this person.")] = "",
    text: Annotated[str, Option("--text SHA256", "Only for this text. Required for R10.")] = "",
    reason: Reason = "",
) -> None:
    """Override a rule, as its approver. Stored in the journal.

    Needs the role commander or counsel. The override is valid for the domains that are compromised now, not for later ones.
    To end the override: tocsin correct SEQ.

    \b
    Example:
      tocsin message override R8 --channel outside-mail --class urgent-confidential --as ada --reason "no other channel"
    """
    from runner.app.messages.messages import known_class

    if session.options.on_behalf_of:
        raise Usage(
            "You cannot override a rule on behalf of another person.",
            hint="Ask the approver of the rule to run the command with --as PERSON",
            code="on_behalf",
        )
    _known(session, channel, to)
    if class_:
        known_class(session.service, session.incident_or_none(), class_)
    made = c.OverrideRule(
        rule=rule,
        reason=reason,
        channel=channel,
        message_class=class_,
        person=to,
        text=text.removeprefix("sha256:"),
    )
    session.service.known(session.by)
    submit(session, session.name(), made, f"{session.by} overrode the rule {rule}")
    if not (channel or class_ or to or text):
        limits = "To limit it: tocsin correct SEQ --reason WHY, then repeat with --channel, --class or --to"
        session.warn("override_unlimited", f"Valid for every message, channel and person. {limits}.")


def call_sheet(
    session: Session,
    out: Annotated[
        Path | None, Option("--out FILE", "File .pdf, .docx, .html, .txt or .md. Default: the screen.")
    ] = None,
) -> None:
    """Create a call sheet with people, numbers and texts.

    The sheet contains complete telephone numbers.

    \b
    Example:
      tocsin message call-sheet --out calls.pdf
    """
    from runner.app.messages.call_sheet import call_sheet as made
    from runner.cli.framework.output_files import document_format, private_file
    from runner.documents.write import write

    if out is None and session.json:
        raise Usage(
            "JSON never contains complete telephone numbers.",
            hint="Use --out calls.pdf",
            code="option_missing",
        )
    known = document_format(out, "--out calls.pdf") if out is not None else "txt"
    content = write(made(session.service, session.incident_or_none()), known)
    if out is None:
        session.world.out.write(content.decode())
        return
    private_file(out, content)
    said = f"{out} contains private numbers. Print it, lock the paper away, delete the file."
    session.show({"schema": "tocsin/call-sheet/v1", "file": str(out)}, Page((line(said, "good", hang=2),)))


def _known(session: Session, channel: str, person: str) -> None:
    if channel and channel not in session.service.home.channels:
        known = ", ".join(session.service.home.channels) or "none"
        raise NotFound(
            f'Channel "{channel}" does not exist.', hint=f"Use one of: {known}", code="unknown_channel"
        )
    if person:
        session.service.known(person)


def list_(session: Session) -> None:
    """List the deliveries with recipient, channel and evidence."""
    from runner.reports.core.task_rows import titles
    from runner.reports.messages.messages import messages
    from runner.reports.messages.messages_page import messages_page

    incident = session.incident()
    now = session.now()
    words, me = titles(incident, session.service.library(incident)), session.world.environ.get(PERSON, "")
    report = messages(incident, now, words, me)
    session.show(report, lambda: messages_page(report, now))


def show(session: Session, delivery: Delivery) -> None:
    """Show one delivery with attempts, outcomes and blocked channels."""
    from runner.app.messages.acknowledgement import code_for
    from runner.app.messages.call_sheet import words_of
    from runner.reports.messages.messages import message, message_page

    incident = session.incident()
    words = words_of(session.service, incident, delivery)
    report = message(incident, delivery, code_for(session.service, incident, delivery), words)
    session.show(report, lambda: message_page(report, session.now()))


def resolve(
    session: Session,
    delivery: Annotated[str, Argument("DELIVERY", "Delivery, or task with an unknown outcome.")],
    happened: Annotated[bool | None, Option("--happened/--not-happened", "Outcome of the attempt.")] = None,
    reason: Reason = "",
) -> None:
    """Resolve an attempt with an unknown outcome. At a terminal it asks whether the attempt happened.

    \b
    Example:
      tocsin message resolve d-7k2m --happened --reason "maria confirmed on the telephone"
    """
    incident = session.incident()
    effect = delivery if delivery in incident.deliveries else _step(incident, delivery)
    if happened is None:
        happened = _asked(session, "Did the attempt happen?", "happened")
    made = c.ResolveAttempt(effect=effect, happened=happened, reason=reason)
    words = "happened" if happened else "did not happen"
    submit(session, incident.id, made, f"{effect}: the attempt {words}")


def _step(incident: Incident, text: str) -> str:
    from runner.app.core.step_reference import resolve_step

    try:
        return resolve_step(incident, text)
    except NotFound:
        raise NotFound(
            f'Delivery or task "{text}" does not exist.', hint=Action("message.list"), code="unknown_delivery"
        ) from None


def retry(session: Session, delivery: Delivery, reason: Reason = "") -> None:
    """Resend a message under a new key. Needs --reason.

    A person who has the message already gets it twice."""
    made = c.Resend(delivery=delivery, reason=reason)
    submit(session, session.name(), made, f"{delivery} will be resent")


def call(
    session: Session,
    delivery: Delivery,
    reached: Annotated[bool | None, Option("--reached/--not-reached", "Result of the call.")] = None,
    note: Annotated[str, Option("--note", "Note about the call.")] = "",
) -> None:
    """Record a phone call as a delivery. At a terminal it asks whether you reached the person.

    \b
    Examples:
      tocsin call d-7k2m
      tocsin call d-7k2m --reached --note "read it to her, she is on her way"
    """
    from runner.reports.core.formatting import person_name

    incident = session.incident()
    if delivery not in incident.deliveries:
        known = ", ".join(d.id for d in incident.deliveries.values() if d.state != "satisfied") or "none"
        raise Refused(
            f'Delivery "{delivery}" does not exist.',
            hint=f"Use one of the open deliveries: {known}",
            code="unknown_delivery",
        )
    person = incident.deliveries[delivery].person
    if reached is None:
        reached = _asked(session, f"Did you reach {person_name(person)}?", "reached")
    made = c.ReportCall(delivery=delivery, reached=reached, note=note)
    submit(session, incident.id, made, f"{person} was {'reached' if reached else 'not reached'} by phone")


def _asked(session: Session, question: str, option: str) -> bool:
    """Ask at the terminal what happened; raises Usage without a terminal or a clear answer."""
    said = session.ask(f"{question} [y/n]").lower() if session.world.asks else ""
    if said in ("y", "yes", "n", "no"):
        return said.startswith("y")
    hint = f"Add --{option} or --not-{option}"
    raise Usage("The result is missing.", hint=hint, code="option_missing")


def ack(
    session: Session,
    code: Annotated[str, Argument("CODE", "Code in the last line of the message.")],
    note: Annotated[str, Option("--note", "Comment to the acknowledgement.")] = "",
) -> None:
    """Acknowledge a message and stop its escalation.

    The message must be addressed to you. Name yourself with --as, or the recipient with --on-behalf-of and --via.

    \b
    Example:
      tocsin ack K7Q-M3X --as jonas
    """
    from runner.app.messages.acknowledgement import COMMAND_LINE, acknowledge

    person = session.principal.on_behalf_of or session.by
    only = session.name() if session.options.incident else ""
    found = acknowledge(session.service, code=code, person=person, via=COMMAND_LINE, incident=only, note=note)
    work(session)
    session.show(found, lambda: page(found))


def page(report: Acknowledged) -> Page:
    """Draw the result."""
    done = f"{report.person} acknowledged {report.delivery}"
    words = f"{report.codename}: {done}" if report.changed else f"{done} before. No change."
    return Page((line(words, "good"),))


def prove(
    session: Session,
    delivery: Delivery,
) -> None:
    """Show the evidence of a delivery as a sentence to quote.

    \b
    Example:
      tocsin message prove d-7k2m
    """
    from runner.app.messages.messages import prove as read
    from runner.reports.messages.delivery_evidence import proof_page

    report = read(session.reader, session.name(), delivery)
    session.show(report, lambda: proof_page(report))
