"""Messages: the plan, what is proved of each delivery, and what only a person can say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from runner.base.states import Kind, Proof
from runner.cli.framework.options import Argument, Commands, Option, Reason, Scope, command, group
from runner.cli.framework.outcome import submit, work
from runner.cli.framework.session import Session
from runner.errors import NotFound, Refused, Usage
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.reports.core.page import Page, line
from runner.settings import CONFIG

Delivery = Annotated[str, Argument(metavar="DELIVERY", help="Its id, as in tocsin message list.")]


def add(app: Commands) -> None:
    """Add ``message …`` and ``call``."""
    messages = group(app, "message", "Messages: plan, list, show, prove; say what became of one; send again.")
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
        str, Argument(metavar="[CLASS]", help="A message class; every message of the playbooks otherwise.")
    ] = "",
    to: Annotated[
        list[str] | None, Option("--to", metavar="ROLE", help="A role, or person:PERSON; with CLASS.")
    ] = None,
    kind: Annotated[str, Option("--kind", help="As if it were real, exercise or test; with CLASS.")] = "",
    compromised: Annotated[
        list[str] | None,
        Option("--compromised", metavar="DOMAIN", help="As if it had fallen; with CLASS."),
    ] = None,
) -> None:
    """Show how messages would leave now, and which channels are refused by which rule. Sends nothing.

    With CLASS it works without an incident, too.

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
            "--to, --kind and --compromised go with a class",
            hint="tocsin message plan CLASS --to ROLE",
            code="argument_missing",
        )
    from runner.app.messages.messages import plans
    from runner.reports.messages.message_plan import PlannedMessage, plan_page, plan_report

    incident = session.incident()
    planned = [
        PlannedMessage(step=name, title=words, message_class=template.message_class, plans=made)
        for name, words, template, made in plans(session.service, incident)
    ]
    sent = sum(len(delivery.attempts) for delivery in incident.deliveries.values())
    report = plan_report(incident.id, incident.codename, incident.kind, planned, sent)
    session.show(report, lambda: plan_page(report, CONFIG))


def send(
    session: Session,
    text: Annotated[str, Argument(metavar="TEXT", help="What people read, literally.")],
    to: Annotated[
        list[str] | None, Option("--to", metavar="WHOM", help="A role, a person, or everybody with a role.")
    ] = None,
    class_: Annotated[
        str, Option("--class", metavar="CLASS", help="status-update; with --ask-ack urgent-internal.")
    ] = "",
    ask_ack: Annotated[bool, Option("--ask-ack", help="Ask each person for an acknowledgement.")] = False,
    yes: Annotated[bool, Option("--yes", help="Send without asking.")] = False,
) -> None:
    """Send a text to people of the incident. Shows the plan and asks first.

    \b
    Examples:
      tocsin message send "All hands call at 04:00, bridge 4711" --to everybody --ask-ack
      tocsin message send "Call me before you restore" --to technical --to person:ada --yes
    """
    from runner.app.messages.written_message import Written, compose_by_hand

    if not to:
        raise Usage("who is the message for?", hint="--to ROLE, PERSON or everybody", code="option_missing")
    incident = session.incident()
    written = Written(text=text, to=tuple(to), message_class=class_, ask_ack=ask_ack)
    composed = compose_by_hand(session.service, incident, written)
    session.tell(_plan_of(session, incident, composed))
    if not yes:
        session.confirm("Send as planned?", "look at the plan, then repeat with --yes")
    submit(session, incident.id, composed, f"message {composed.message} goes to {', '.join(composed.to)}")


def _plan_of(session: Session, incident: Incident, made: c.Composed) -> Page:
    """Return the plan of one message, as it is about to leave."""
    from runner.app.messages.messages import plans_to
    from runner.reports.messages.message_plan import PlannedMessage, plan_page, plan_report

    kind = made.message_class
    planned = PlannedMessage(
        step="",
        title=f"{kind.name} to {', '.join(made.to)}",
        message_class=kind.name,
        plans=plans_to(session.service, incident, kind, made.to, frozenset(made.traits)),
    )
    return plan_page(plan_report(incident.id, incident.codename, incident.kind, [planned]), CONFIG)


def _plan_class(session: Session, name: str, to: list[str], kind: str, compromised: list[str]) -> None:
    from runner.app.messages.messages import WhatIf, class_plans
    from runner.cli.framework.options import kind_of
    from runner.reports.messages.message_plan import PlannedMessage, plan_page, plan_report

    incident = incident_or_none(session)
    what_if = WhatIf(kind=kind_of(kind) if kind else None, compromised=tuple(compromised))
    title, made = class_plans(session.service, incident, name, to, what_if)
    sent = sum(len(delivery.attempts) for delivery in incident.deliveries.values()) if incident else 0
    report = plan_report(
        incident.id if incident else "",
        incident.codename if incident else "",
        what_if.kind or (incident.kind if incident else "real"),
        [PlannedMessage(step="", title=title, message_class=name, plans=made)],
        sent,
    )
    session.show(report, lambda: plan_page(report, CONFIG))


def incident_or_none(session: Session) -> Incident | None:
    """Return the incident that is meant, or None where none is open and none was named."""
    try:
        return session.incident()
    except NotFound:
        if session.options.incident:
            raise
        return None


def rules(session: Session) -> None:
    """List the rules of messages: what each says, on what ground, how sure that is, and which were set aside."""
    from runner.reports.messages.rules import rules_page, rules_report

    report = rules_report(incident_or_none(session))
    session.show(report, lambda: rules_page(report, session.now()))


def override(
    session: Session,
    rule: Annotated[str, Argument(metavar="RULE", help="Its number, as refusals show it.")],
    channel: Annotated[str, Option("--channel", help="For this channel alone.")] = "",
    class_: Annotated[str, Option("--class", metavar="CLASS", help="For this message class alone.")] = "",
    to: Annotated[str, Option("--to", metavar="PERSON", help="For this person alone.")] = "",
    text: Annotated[str, Option("--text", metavar="SHA256", help="For this text alone; R10 needs it.")] = "",
    reason: Reason = "",
) -> None:
    """Set a rule aside, as its approver; it is on record, and shown wherever it has effect.

    Who holds the role commander or counsel may. It covers what had fallen by now, and nothing that falls later. To take it
    back, correct its entry: tocsin correct SEQ.

    \b
    Example:
      tocsin message override R8 --channel outside-mail --class urgent-confidential --as ada --reason "no other way"
    """
    from runner.app.messages.messages import known_class

    if session.options.on_behalf_of:
        raise Usage(
            "a rule is set aside by its approver alone",
            hint="leave --on-behalf-of out: --as PERSON",
            code="on_behalf",
        )
    _known(session, channel, to)
    if class_:
        known_class(session.service, incident_or_none(session), class_)
    made = c.OverrideRule(
        by=session.by,
        rule=rule,
        reason=reason,
        channel=channel,
        message_class=class_,
        person=to,
        text=text.removeprefix("sha256:"),
    )
    session.service.known(session.by)
    submit(session, session.name(), made, f"{rule} is set aside by {session.by}")


def call_sheet(
    session: Session,
    out: Annotated[
        Path | None,
        Option("--out", metavar="FILE", help="A file .pdf, .docx, .html, .txt or .md; else it is shown."),
    ] = None,
) -> None:
    """Make a sheet for the telephone: who, on which number, what to say, boxes to tick. It holds numbers in clear.

    \b
    Example:
      tocsin message call-sheet --out calls.pdf
    """
    from runner.app.messages.call_sheet import call_sheet as made
    from runner.cli.framework.output_files import private_file
    from runner.documents.write import FORMATS, write

    if out is None and session.json:
        raise Usage("numbers in clear stand in no JSON", hint="--out calls.pdf", code="option_missing")
    format_ = out.suffix.removeprefix(".") if out is not None else "txt"
    known = next((one for one in FORMATS if one == format_), None)
    if known is None:
        raise Usage(
            f"{out} has none of the endings {', '.join(FORMATS)}",
            hint="--out calls.pdf",
            code="unknown_ending",
        )
    content = write(made(session.service, incident_or_none(session)), known)
    if out is None:
        session.world.out.write(content.decode())
        return
    private_file(out, content)
    said = f"{out}: it holds private numbers; print it, lock it away, delete the file"
    session.show({"schema": "tocsin/call-sheet/v1", "file": str(out)}, Page((line(said, "good", hang=2),)))


def _known(session: Session, channel: str, person: str) -> None:
    if channel and channel not in session.service.home.channels:
        known = ", ".join(session.service.home.channels) or "none"
        raise NotFound(f"there is no channel '{channel}'", hint=f"known: {known}", code="unknown_channel")
    if person:
        session.service.known(person)


def list_(session: Session) -> None:
    """List the deliveries: whom, over what, what is proved."""
    from runner.reports.messages.messages import messages, messages_page

    report = messages(session.incident())
    session.show(report, lambda: messages_page(report, session.now()))


def show(session: Session, delivery: Delivery) -> None:
    """Show one delivery: every attempt, its outcome, and the channels that were refused."""
    from runner.reports.messages.messages import message, message_page

    incident = session.incident()
    report = message(incident, delivery, _code(session, incident, delivery))
    session.show(report, lambda: message_page(report, session.now()))


def _code(session: Session, incident: Incident, delivery: str) -> str:
    """Return the code that its message shows; those to people outside show none."""
    from runner.app.messages.acknowledgement import code_for

    return code_for(session.service, incident, delivery)


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
        raise Usage("did it happen?", hint="--happened or --not-happened", code="option_missing")
    incident = session.incident()
    effect = delivery if delivery in incident.deliveries else _step(incident, delivery)
    made = c.ResolveAttempt(by=session.by, effect=effect, happened=happened, reason=reason)
    words = "happened" if happened else "did not happen"
    submit(session, incident.id, made, f"{effect}: it {words}")


def _step(incident: Incident, text: str) -> str:
    from runner.app.core.step_reference import resolve_step
    from runner.reports.core.task_rows import numbered

    try:
        return resolve_step(incident, text, numbered(incident))
    except NotFound:
        raise NotFound(
            f"no delivery or step '{text}'", hint="see: tocsin message list", code="unknown_delivery"
        ) from None


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
        raise Usage("did you reach the person?", hint="--reached or --not-reached", code="option_missing")
    incident = session.incident()
    if delivery not in incident.deliveries:
        known = ", ".join(d.id for d in incident.deliveries.values() if d.state != "satisfied") or "none"
        raise Refused(f"there is no delivery '{delivery}'", hint=f"open: {known}", code="unknown_delivery")
    made = c.ReportCall(by=session.by, delivery=delivery, reached=reached, note=note)
    person = incident.deliveries[delivery].person
    submit(session, incident.id, made, f"{person} was {'reached' if reached else 'not reached'} by telephone")


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


def ack(
    session: Session,
    code: Annotated[str, Argument(metavar="CODE", help="The code in the last line of the message.")],
    note: Annotated[str, Option("--note", help="What you want to say with it.")] = "",
) -> None:
    """Say that you have a message: nobody else is called out for it any more.

    It must have gone to you: say who you are with --as, or for whom you say it with --on-behalf-of and --via.

    \b
    Example:
      tocsin ack K7Q-M3X --as jonas
    """
    from runner.app.messages.acknowledgement import COMMAND_LINE, acknowledge

    person = session.principal.on_behalf_of or session.by
    only = session.name() if session.options.incident else ""
    found = acknowledge(session.service, code=code, person=person, via=COMMAND_LINE, incident=only, note=note)
    work(session)
    report = Answered(**{name: getattr(found, name) for name in found.__struct_fields__})
    session.show(report, lambda: page(report))


def page(report: Answered) -> Page:
    """Draw the answer."""
    if not report.changed:
        return Page((line(f"{report.person} had acknowledged it already: nothing to change", "good"),))
    return Page((line(f"{report.codename}: {report.person} has acknowledged {report.delivery}", "good"),))


def prove(
    session: Session,
    delivery: Annotated[str, Argument(metavar="DELIVERY", help="Its id, as in tocsin message list.")],
) -> None:
    """Say what is proved of a delivery and what is not, in a sentence that can be quoted.

    \b
    Example:
      tocsin message prove d-7k2m
    """
    from runner.app.messages.messages import prove as read
    from runner.reports.messages.delivery_evidence import proof_page

    report = read(session.service, session.name(), delivery)
    session.show(report, lambda: proof_page(report))
