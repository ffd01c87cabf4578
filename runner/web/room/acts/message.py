"""What a person can do on the pages of messages: send one, and resolve, call or resend a delivery; decide on an alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from runner.acts.asked import Asked
from runner.app.core.incident_service import IncidentService
from runner.app.incidents import alerts
from runner.app.incidents.open_incident import Opening
from runner.app.messages.acknowledgement import ROOM, acknowledge
from runner.app.messages.messages import EVERYBODY, WrittenMessage, compose_by_hand, plan_of
from runner.errors import Usage
from runner.incident.messages.acknowledgement import delivery_of
from runner.incident.state import commands as c
from runner.incident.state.incident import Incident
from runner.reports.core.formatting import person_name
from runner.reports.core.page import Page, line
from runner.reports.messages.message_plan import plan_page
from runner.web.room.acts.forms import (
    CHOOSE,
    REASON,
    Act,
    Acting,
    Field,
    Form,
    Given,
    Preview,
    command,
    fixed,
    one_of,
    people_choices,
    words_of,
)
from runner.web.room.acts.incidents import ahead, opened, opening_fields, prepared

_YES = (("no", "no"), ("yes", "yes"))


def _all_seen(service: IncidentService, incident: Incident, ref: str) -> Any:
    """Return what decides who gets a message, and the messages of people: none is sent twice by two clicks."""
    domains = [(one.name, one.state) for one in incident.domains.values()]
    by_hand = [name for name, one in incident.messages.items() if not one.step]
    return incident.state, incident.roles, domains, sorted(incident.overrides), by_hand


def _send_form(asked: Asked) -> Sequence[Form]:
    if asked.incident.state != "open":
        return ()
    to = (
        (EVERYBODY, "everybody with a role"),
        *((f"role:{role}", f"role {role}") for role in sorted(asked.incident.roles)),
        *((f"person:{name}", words) for name, words in people_choices(asked)),
    )
    classes = tuple((name, name) for name in asked.service.directory.classes)
    fields = (
        Field("text", "Text", "text", needed=True),
        Field("to", "To", "choice", to, needed=True),
        Field("also", "Also to", help="More roles or ids of people, separated by commas."),
        Field("ask_ack", "Each person must acknowledge", "choice", _YES),
        Field("class", "Message class", "choice", (("", "the usual one"), *classes)),
    )
    return (Form("send", "Send a message", fields),)


def _to(given: Given) -> tuple[str, ...]:
    return tuple(one for one in (given["to"], *words_of(given, "also")) if one)


def _composed(asked: Asked, given: Given) -> c.Composed:
    if not (to := _to(given)):
        raise Usage("The message has no recipient.", hint="Choose one", code="option_missing")
    written = WrittenMessage(
        text=given["text"].replace("\r\n", "\n"),
        to=to,
        message_class=given["class"],
        ask_ack=given["ask_ack"] == "yes",
    )
    return compose_by_hand(asked.service, asked.incident, written)


def _send(asked: Asked, given: Given) -> None:
    asked.service.act(asked.principal, asked.incident.id, [_composed(asked, given)])


def _planned(asked: Asked, given: Given) -> Preview:
    made = _composed(asked, given)
    return fixed(plan_page(plan_of(asked.service, asked.incident, made.event, _to(given))))


# --- one delivery -----------------------------------------------------------------------------------------


def _offered(asked: Asked) -> Iterator[Form]:
    delivery = delivery_of(asked.incident, asked.ref)
    name = person_name(delivery.person)
    if asked.incident.state not in ("open", "paused"):
        return
    if any(one.state == "unknown" and not one.resolved_by for one in delivery.attempts):
        outcome = (CHOOSE, ("yes", "it was sent"), ("no", "it was not sent"))
        fields = (Field("happened", "Outcome", "choice", outcome, needed=True), REASON)
        yield Form("resolve", "Resolve the unknown outcome", fields)
    note = Field("note", "Note")
    if delivery.state != "satisfied":
        if delivery.person == asked.principal.person:
            yield Form("ack", "Acknowledge this message", (note,))
        else:
            reached = (CHOOSE, ("yes", f"{name} was reached"), ("no", f"{name} was not reached"))
            fields = (Field("reached", "Result", "choice", reached, needed=True), note)
            yield Form("call", "Record a phone call", fields)
            code = Field(
                "code", "Code", help="From the last line of the message, as the person reads it.", needed=True
            )
            way = Field("via", "How you talked", value="phone", needed=True)
            yield Form("ack_for", f"Acknowledge for {name}", (code, way, note), folded=True)
    yield Form("retry", "Send this message again", (REASON,), folded=True)


def _yes(given: Given, name: str) -> bool:
    return one_of(given, name, ("yes", "no")) == "yes"


def _ack(asked: Asked, given: Given) -> None:
    acknowledge(
        asked.service,
        delivery=delivery_of(asked.incident, asked.ref).id,
        incident=asked.incident.id,
        person=asked.principal.person,
        via=ROOM,
        note=given["note"],
    )


def _ack_for(asked: Asked, given: Given) -> None:
    """Acknowledge with the code that the recipient read out; the recipient must confirm."""
    owner = delivery_of(asked.incident, asked.ref).person
    if owner != asked.principal.person:
        via = given["via"].strip() or "phone"
        asked.service.principal = msgspec.structs.replace(asked.principal, on_behalf_of=owner, via=via)
    acknowledge(
        asked.service,
        code=given["code"],
        person=owner,
        via=ROOM,
        incident=asked.incident.id,
        note=given["note"],
    )


def _again(asked: Asked, given: Given) -> Page:
    name = person_name(delivery_of(asked.incident, asked.ref).person)
    return Page((line(f"{name} gets the message again, also if {name} has it already."),))


MESSAGES = Acting(_send_form, {"send": Act("message.send", _send, _planned)}, _all_seen)
MESSAGE = Acting(
    _offered,
    {
        "ack": Act("message.own", _ack),
        "ack_for": Act("message.send", _ack_for),
        "call": Act(
            "message.send",
            command(
                lambda ref, given: c.ReportCall(
                    delivery=ref, reached=_yes(given, "reached"), note=given["note"]
                )
            ),
        ),
        "resolve": Act(
            "message.send",
            command(
                lambda ref, given: c.ResolveAttempt(
                    effect=ref, happened=_yes(given, "happened"), reason=given["reason"]
                )
            ),
        ),
        "retry": Act(
            "message.send",
            command(lambda ref, given: c.Resend(delivery=ref, reason=given["reason"])),
            _again,
        ),
    },
    lambda service, incident, ref: incident.deliveries.get(ref),
)


def _forms(asked: Asked) -> Sequence[Form]:
    (row,) = alerts.shown(asked.service, asked.reader, asked.ref).alerts
    if row.state != "waiting":
        return ()
    fields = opening_fields(asked, row.title, row.playbook)
    return (
        Form("open", "Open a real incident from this alert", fields),
        Form("dismiss", "Dismiss this alert", (REASON,)),
    )


def _prepared(asked: Asked, given: Given) -> Opening:
    """Return the opening, with the time of the alert as the time of discovery."""
    found = alerts.draft(asked.service, asked.ref)
    return prepared(asked, given, alerts.incident_of(found), "real", alerts.facts_of(found))


def _open(asked: Asked, given: Given) -> str:
    path = opened(asked, _prepared(asked, given))
    alerts.opened(asked.service, asked.principal, asked.ref)
    return path


def _dismiss(asked: Asked, given: Given) -> str:
    alerts.dismiss(asked.service, asked.principal, asked.ref, given["reason"])
    return "/"


ALERT = Acting(
    _forms,
    {
        "open": Act(
            "alert.handle", _open, lambda asked, given: ahead(asked, _prepared(asked, given)), opens=True
        ),
        "dismiss": Act("alert.handle", _dismiss),
    },
)
