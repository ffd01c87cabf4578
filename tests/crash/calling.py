"""What people and providers do in incidents that can be killed anywhere: they do not answer, or late, or in other words.

Each story is one message that is hard to bring home. What is done next is read off the incident alone, so a run that
begins again after a kill goes on where the journal says that it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from runner.app.core.incident_service import IncidentService
from runner.app.messages.acknowledgement import COMMAND_LINE, acknowledge, code_for
from runner.base.states import Proof
from runner.incident.state import commands as c
from runner.incident.state.incident import Attempt, Delivery, Incident
from runner.incident.state.messages import ReceiptTaken
from runner.playbook.format import Message, MessageTemplate, Playbook, Role
from runner.routing.messaging import ChannelConfig, ContactPoint
from runner.routing.organisation import Home, Person
from runner.vault.derived_tokens import ack_link
from tests.crash.scenario import home, next_command, playbook


class Story(NamedTuple):
    """An organisation, a playbook, and what people do; ``act`` tells whether there was anything to do."""

    home: Callable[[int, int], Home]
    playbook: Callable[[str], Playbook]
    act: Callable[[IncidentService, Incident], bool]


# --- organisations ---------------------------------------------------------------------------------------------


def _person(name: str) -> Person:
    handle = ContactPoint(channel="handle", address=name)
    return Person(name=name, contacts=(ContactPoint(channel="mail", address=f"{name}@example.org"), handle))


def called(smtp: int, http: int) -> Home:
    """Ben is meant, cia stands in for him, dan is above them; mail alone reaches them."""
    found = home(smtp, http)
    return msgspec.structs.replace(
        found,
        people={name: _person(name) for name in ("ana", "ben", "cia", "dan")},
        roles={"commander": ("dan",), "counsel": ("ben",), "team": ("ana", "ben")},
        alternates={"counsel": ("cia",)},
        escalation=("role:commander",),
        channels={"mail": found.channels["mail"]},
        public_url="https://ack.example.org",
    )


def _messenger(smtp: int, http: int) -> Home:
    """A messenger before everything else, which answers 500, and a mail server that shares nothing with it."""
    home = called(smtp, http)
    return msgspec.structs.replace(
        home, channels={"chat": _chat(http, "down"), "mail": home.channels["mail"]}
    )


def _receipted(smtp: int, http: int) -> Home:
    """A messenger whose provider tells how far a message has come."""
    return msgspec.structs.replace(called(smtp, http), channels={"chat": _chat(http, "chat")})


def _chat(http: int, path: str) -> ChannelConfig:
    return ChannelConfig(
        adapter="webhook",
        priority=5,
        domains=frozenset({"messenger"}),
        settings={"url": f"http://127.0.0.1:{http}/{path}"},
        secrets={"signing": "file:signing"},
    )


# --- playbooks -------------------------------------------------------------------------------------------------


def told_by(kind: str, *to: str, **more: str | int | None) -> Callable[[str], Playbook]:
    def made(http: str) -> Playbook:
        del http
        return Playbook(
            schema="tocsin/playbook/v1",
            name="crash",
            version="1.0.0",
            title="Crash",
            roles={name: Role(title=name) for name in ("commander", "counsel", "team")},
            classes={"called": {"from": kind, "first_wave": 1, **more}},
            messages={"alert": MessageTemplate(message_class="called", text="It begins")},
            steps=(Message(id="alert", message="alert", to=to),),
        )

    return made


# --- people ----------------------------------------------------------------------------------------------------


def worked(desk: IncidentService, incident: Incident) -> bool:
    """Work the steps as they come."""
    found = next_command(incident)
    if found is not None:
        desk.act(found[0], incident.id, [found[1]])
    return found is not None


def nobody_until_the_call(desk: IncidentService, incident: Incident) -> bool:
    """Nobody answers. Once a call is owed it is made, to one who does not lift; then the stand-in types her code."""
    owed = any(message.owed is not None for message in incident.messages.values())
    if not owed or _of(incident, "cia").evidence == "acked":
        return False
    desk.act(desk.principal, incident.id, [c.ReportCall(delivery=_of(incident, "ben").id, reached=False)])
    return _types_code(desk, incident, _of(incident, "cia"))


def each_in_their_way(desk: IncidentService, incident: Incident) -> bool:
    """Ana follows her link once she was told, ben types his code once he was reminded."""
    for person, reminders in (("ana", 0), ("ben", 1)):
        mine = _of(incident, person)
        told = any(attempt.state in ("accepted", "unknown") for attempt in mine.attempts)
        if mine.state == "active" and told and mine.reminders >= reminders:
            return (
                _follows_link(desk, incident, mine) if person == "ana" else _types_code(desk, incident, mine)
            )
    return False


def provider_reports(desk: IncidentService, incident: Incident) -> bool:
    """The messenger says, a step at a time and each step twice, how far each message has come."""
    rungs: tuple[Proof, ...] = ("relayed", "delivered", "read")
    for delivery in incident.deliveries.values():
        for attempt in delivery.attempts:
            if attempt.state != "accepted":
                continue
            said = {receipt.kind for receipt in attempt.receipts}
            kind = next((rung for rung in rungs if rung not in said), None)
            if kind is not None and delivery.state == "active":
                return _reports(desk, incident, delivery, attempt, kind)
    return False


def nobody(desk: IncidentService, incident: Incident) -> bool:
    """There is nothing for anybody to do."""
    del desk, incident
    return False


def _of(incident: Incident, person: str) -> Delivery:
    return next(
        delivery
        for delivery in incident.deliveries.values()
        if delivery.person == person and not incident.messages[delivery.message].about
    )


def _types_code(desk: IncidentService, incident: Incident, delivery: Delivery) -> bool:
    code = code_for(desk, incident, delivery.id)
    acknowledge(desk, code=code, person=delivery.person, via=COMMAND_LINE)
    return True


def _follows_link(desk: IncidentService, incident: Incident, delivery: Delivery) -> bool:
    attempt = delivery.attempts[-1]
    ends = attempt.started_at + incident.messages[delivery.message].message_class.stale_after
    link = ack_link(desk.store.vouch, incident.id, delivery.id, delivery.person, attempt.n, ends)
    acknowledge(desk, token=link)
    return True


def _reports(
    desk: IncidentService, incident: Incident, delivery: Delivery, attempt: Attempt, kind: Proof
) -> bool:
    said = c.TakeReceipt(
        event=ReceiptTaken(delivery=delivery.id, n=attempt.n, kind=kind, event=f"{delivery.id}-{kind}")
    )
    for _ in range(2):
        desk.act(desk.principal, incident.id, [said])
    return True


STORIES = {
    "worked": Story(home, playbook, worked),
    "levels": Story(
        called, told_by("urgent-internal", "role:counsel", remind_after=None), nobody_until_the_call
    ),
    "quorum": Story(
        called,
        told_by("urgent-internal", "role:team", "role:counsel", mobilises=False, escalate_after=None),
        each_in_their_way,
    ),
    "failover": Story(_messenger, told_by("task-notice", "role:team"), nobody),
    "receipts": Story(_receipted, told_by("task-notice", "role:team", goal="read"), provider_reports),
}
"""By name: all levels in vain and a call that is owed, an answer of each in their own way, a provider that is down, one
that tells how far it has come; and the incident that is simply worked.
"""
