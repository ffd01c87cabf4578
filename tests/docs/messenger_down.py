"""The messenger is down worldwide at 14:02: six people in an incident that runs on it, and text messages as the other way.

Everything is real but the two providers, which are stand-ins on the loopback: WhatsApp takes the first message and then
answers 500 to everything; Twilio works. What happened is read from the journal by the commands that people use.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tests.cli.at_desk import AtDesk
from tests.servers.stand_ins import meta, twilio
from tests.servers.stand_ins.stand_in import Act

OPENED = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
DOWN = OPENED + timedelta(minutes=2)
DUE = timedelta(minutes=5)
"""As long as the class gives one channel."""
RESPONDERS = ("ada", "ben", "cem", "dia", "eva", "finn")
STAND_IN, ABOVE = "gil", "hana"
NUMBERS = {name: f"+1500555{n:04}" for n, name in enumerate((*RESPONDERS, STAND_IN, ABOVE), 10)}
OWN = "+15005550099"
"""Where the messenger's probes go."""
MINUTE = timedelta(minutes=1)
LATER = (7, 10, 12, 15, 17, 20, 22, 25, 27)
"""Minutes at which something becomes due."""

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {commander: {title: Incident commander}, technical: {title: Responder}}
classes:
  call-out: {from: urgent-internal, first_wave: 1, ack_quorum: all, fail_over_after: 5m, escalate_after: 10m}
messages:
  begin: {class: call-out, text: "It begins", escalate_to: [role:commander]}
  gather: {class: call-out, text: "Come to the bridge", escalate_to: [role:commander]}
steps:
  - {id: tell, message: begin, to: [role:technical]}
  - {id: bridge, task: Open the bridge, role: commander}
  - {id: call, message: gather, to: [role:technical], after: [bridge]}
"""


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to reach somebody."""

    channel: str
    state: str
    at: datetime


class Course(msgspec.Struct, frozen=True):
    """How one message came to one person."""

    person: str
    step: str
    level: int
    attempts: tuple[Attempt, ...]
    answered: datetime | None
    proved: str
    telephoned: bool


class Story(msgspec.Struct, frozen=True):
    """What happened."""

    courses: tuple[Course, ...]
    down: Mapping[str, datetime]
    """Domains that were found down, and when."""
    asked: tuple[str, ...]
    """The numbers that the messenger was asked to reach, in order."""


def settle(tocsin: AtDesk, messenger: meta.Meta, carrier: twilio.Twilio) -> None:
    """Write the home's settings."""
    for name, secret in (("token", meta.TOKEN), ("app", meta.APP_SECRET), ("twilio", twilio.TOKEN)):
        (tocsin.home / name).write_text(secret, encoding="utf-8")
    ours = {"phone_number_id": meta.NUMBER_ID, "api": messenger.url, "own_number": OWN}
    secrets = {"token": "file:token", "app_secret": "file:app"}
    sms = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": carrier.url}
    channels = {
        "messenger": {
            "adapter": "whatsapp",
            "priority": 10,
            "confidentiality": "internal",
            "domains": ["whatsapp"],
            "settings": ours,
            "secrets": secrets,
        },
        "sms": {
            "adapter": "twilio_sms",
            "priority": 20,
            "confidentiality": "internal",
            "domains": ["carrier"],
            "settings": sms,
            "secrets": {"auth_token": "file:twilio"},
        },
    }
    people = {
        name: {
            "name": name.title(),
            "contacts": [{"channel": channel, "address": number} for channel in channels],
        }
        for name, number in NUMBERS.items()
    }
    roles = {"commander": [ABOVE], "technical": [*RESPONDERS]}
    tocsin.settings(people=people, roles=roles, channels=channels, alternates={"technical": [STAND_IN]})


class Told:
    """The commands with which people work it, and what these say."""

    def __init__(self, folder: Path) -> None:
        self.tocsin = AtDesk(folder / "home")
        self.tocsin.clock.time = OPENED
        self.tocsin.done("init")
        self.answered: dict[str, datetime] = {}
        self.telephoned: set[str] = set()

    def at(self, minute: int) -> None:
        """Let the worker do what is due at a minute."""
        self.tocsin.clock.time = OPENED + minute * MINUTE
        self.tocsin("worker", "--once")

    def deliveries(self) -> list[dict[str, Any]]:
        """Return every delivery of the two messages as ``message show`` tells it."""
        listed = self.tocsin("message", "list", "--format", "json").json["deliveries"]
        found = [
            self.tocsin("message", "show", delivery["delivery"], "--format", "json").json
            for delivery in listed
        ]
        return [one for one in found if one["delivery"]["step"]]

    def answer(self, step: str, *people: str) -> None:
        """Have people acknowledge a message with the code that stands in it."""
        for delivery in self.deliveries():
            mine = delivery["delivery"]
            if mine["recipient"] in people and f":{step}#" in mine["step"]:
                self.tocsin.done("ack", delivery["code"], "--as", mine["recipient"])
                self.answered[mine["delivery"]] = self.tocsin.clock.time

    def telephone(self) -> None:
        """Have the commander make the calls that are owed."""
        for delivery in self.deliveries():
            mine = delivery["delivery"]
            if mine["owed"]:
                self.tocsin.done("call", mine["delivery"], "--reached", "--as", ABOVE)
                self.answered[mine["delivery"]] = self.tocsin.clock.time
                self.telephoned.add(mine["delivery"])


def play(folder: Path) -> Story:
    """Work the incident in a folder."""
    told = Told(folder)
    numbers = frozenset((*NUMBERS.values(), OWN))
    script: list[Act] = [*["accept"] * len(RESPONDERS), *["fail"] * 1_000]  # type: ignore[list-item]
    with meta.Meta(*script, wrote=numbers) as messenger, twilio.Twilio() as carrier:
        settle(told.tocsin, messenger, carrier)
        (folder / "call-out.yaml").write_text(PLAYBOOK, encoding="utf-8")
        told.tocsin.done("open", str(folder / "call-out.yaml"), "--yes")
        told.at(1)
        told.answer("tell", "ada", "ben")
        told.tocsin.clock.time = DOWN
        told.tocsin.done("task", "done", "bridge", "--as", ABOVE)
        told.at(3)
        told.answer("call", "ada", "cem")
        told.answer("tell", "cem", "dia")
        told.at(4)
        told.answer("call", "ben", "dia", "eva")
        told.answer("tell", "eva")
        for minute in LATER:
            told.at(minute)
        told.telephone()
        asked = tuple(str(heard.json["to"]) for heard in messenger.heard)
    return _read(told, asked)


def _read(told: Told, asked: tuple[str, ...]) -> Story:
    entries = told.tocsin("timeline", "--format", "json").json["entries"]
    down = {
        entry["text"].split(" ")[0]: datetime.fromisoformat(entry["at"])
        for entry in entries
        if entry["type"] == "DomainDeclared"
    }
    courses = tuple(_course(delivery["delivery"], told) for delivery in told.deliveries())
    return Story(courses, down, asked)


def _course(delivery: Mapping[str, Any], told: Told) -> Course:
    return Course(
        person=delivery["recipient"],
        step=delivery["step"].partition(":")[2].partition("#")[0],
        level=delivery["level"],
        attempts=tuple(
            Attempt(attempt["channel"], attempt["state"], datetime.fromisoformat(attempt["at"]))
            for attempt in delivery["attempts"]
        ),
        answered=told.answered.get(delivery["delivery"]),
        proved=delivery["evidence"],
        telephoned=delivery["delivery"] in told.telephoned,
    )
