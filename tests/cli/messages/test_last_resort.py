"""Chat is down, mail is compromised, then the internet is gone: push and an own modem are what is left."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.testing.chaos import ChaosServer, Talk
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.servers.modem import Modem
from tests.servers.stand_ins import slack, twilio
from tests.servers.stand_ins.push_service import VAPID, PushService
from tests.web.room.room import served

NUMBERS = {"ada": "+15005550010", "ben": "+15005550011"}
"""Cem has a browser, and no mobile phone."""
PEOPLE = ("ada", "ben", "cem")
PUSH_AND_TEXT = {"ada": ["browser", "text"], "ben": ["browser", "text"], "cem": ["browser"]}
CLASS = {"from": "urgent-internal", "ack_quorum": "all"}
MINUTE = timedelta(minutes=1)
ARRIVED = re.compile(r"(?<!not )\b(relayed|delivered|read)\b")
PLAYBOOK = """\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles: {commander: {title: Incident commander}, technical: {title: Responder}}
messages:
  begin: {class: call-out, text: "It begins"}
  gather: {class: call-out, text: "Come to the bridge"}
steps:
  - {id: tell, message: begin, to: [role:technical]}
  - {id: bridge, task: Open the bridge, role: commander}
  - {id: call, message: gather, to: [role:technical], after: [bridge]}
"""


def channels_at_once(row: dict[str, Any]) -> list[str]:
    """Return the channels of one person's plan that are used at once."""
    return [one["channel"] for one in row["channels"] if one["after_seconds"] == 0]


class Crisis:
    """The organisation, its providers, and what its commands say."""

    def __init__(self, tocsin: AtDesk, folder: Path) -> None:
        self.tocsin, self.phone = tocsin, Modem(folder / "gammu")
        self.push, self.carrier, self.chat = PushService(), twilio.Twilio(), slack.Slack()
        self.mail = ChaosServer(Talk.stay_silent)
        self.browsers = {person: self.push.subscribe() for person in PEOPLE}
        self.chat.known |= {f"U0{person.upper()}" for person in PEOPLE}
        # The daemon's folders have the time of the machine.
        tocsin.clock.time = datetime.now(UTC).replace(microsecond=0)
        given = {"vapid": VAPID, "twilio": twilio.TOKEN, "token": slack.TOKEN, "signing": slack.SIGNING}
        for name, secret in given.items():
            (tocsin.home / name).write_text(secret, encoding="ascii")
            (tocsin.home / name).chmod(0o600)
        self.settle()

    def settle(self, **kind: Any) -> None:
        """Write the settings; ``kind`` is laid over the class of messages."""
        people: dict[str, Any] = {
            one: {"name": one.title(), "contacts": self._contacts(one)} for one in PEOPLE
        }
        people["maria"] = {"name": "Maria"}
        roles = {"commander": ["maria"], "technical": [*PEOPLE]}
        classes = {"call-out": CLASS | kind}
        self.tocsin.settings(people=people, roles=roles, channels=self._channels(), classes=classes)

    def _contacts(self, person: str) -> list[dict[str, str]]:
        found = {"chat": f"U0{person.upper()}", "mail": f"{person}@corp.example"}
        found["browser"] = self.browsers[person].address
        if person in NUMBERS:
            found["phone"] = NUMBERS[person]
        return [{"channel": channel, "address": address} for channel, address in found.items()]

    def _channels(self) -> dict[str, Any]:
        mail = {"host": "127.0.0.1", "port": self.mail.port, "sender": "a@corp.example", "tls": "none"}
        text = {"account": twilio.ACCOUNT, "sender": "+15005550000", "api": self.carrier.url}
        return {
            "chat": {
                "adapter": "slack",
                "priority": 10,
                "domains": ["slack"],
                "settings": {"api": self.chat.url, "team": slack.TEAM},
                "secrets": {"token": "file:token", "signing": "file:signing"},
            },
            "mail": {"adapter": "smtp", "priority": 20, "domains": ["tenant"], "settings": mail},
            "browser": {
                "adapter": "web_push",
                "priority": 30,
                "settings": {"contact": "mailto:security@example.org", "services": [self.push.host]},
                "secrets": {"vapid": "file:vapid"},
            },
            "text": {
                "adapter": "twilio_sms",
                "priority": 40,
                "confidentiality": "internal",
                "settings": text,
                "secrets": {"auth_token": "file:twilio"},
            },
            "sim": {
                "adapter": "modem",
                "priority": 90,
                "confidentiality": "internal",
                "settings": {"operator": "carrier-x", "folder": str(self.phone.folder)},
            },
        }

    def planned(self, *more: str) -> dict[str, list[str]]:
        """Return the channels that each person gets at once, as the plan says."""
        said = self.tocsin("message", "plan", "call-out", "--to", "technical", *more, "--format", "json").json
        return {row["recipient"]: channels_at_once(row) for row in said["plan"]}

    def deliveries(self, step: str) -> dict[str, dict[str, Any]]:
        """Return the deliveries of a step's message by person."""
        listed = self.tocsin("message", "list", "--format", "json").json["deliveries"]
        return {one["recipient"]: one for one in listed if f":{step}#" in one["step"]}

    def tried(self, step: str, state: str) -> dict[str, list[str]]:
        """Return the channels of each person's attempts that ended so, in order."""
        return {
            person: [attempt["channel"] for attempt in one["attempts"] if attempt["state"] == state]
            for person, one in self.deliveries(step).items()
        }

    def proved(self, step: str) -> dict[str, str]:
        return {person: one["evidence"] for person, one in self.deliveries(step).items()}

    def code(self, step: str, person: str) -> str:
        """Return the code that stands in a person's message."""
        name = self.deliveries(step)[person]["delivery"]
        return str(self.tocsin("message", "show", name, "--format", "json").json["code"])

    def to_call(self) -> set[str]:
        """Return whom the status says to call now."""
        said = self.tocsin("status", "--format", "json").json["needs_attention"]
        return {one["person"] for one in said if one["kind"] == "unreachable"}

    def claims(self) -> dict[str, set[str]]:
        """Return the words of arrival on each person's page of the second message, and on the screens of all."""
        found = self.deliveries("call")
        pages: dict[str, tuple[tuple[str, ...], ...]] = {
            person: (("message", "show", one["delivery"]),) for person, one in found.items()
        }
        pages["all"] = (("status",), ("next",), ("message", "list"))
        said = {name: "".join(self.tocsin.done(*words) for words in some) for name, some in pages.items()}
        return {name: {*ARRIVED.findall(text)} for name, text in said.items()}

    def shown(self, *people: str) -> dict[str, list[str]]:
        """Have browsers come online and report what they show; return the pages of what rang."""
        rang: dict[str, list[str]] = {person: [] for person in people}
        with served(self.tocsin) as room:
            headers = {"Origin": room.url, "Sec-Fetch-Site": "same-origin"}
            for person in people:
                for found in self.push.shown(self.browsers[person]):
                    if found["mark"]:  # the silent notice of an acknowledgement has none
                        said = json.dumps({"key": found["key"], "mark": found["mark"]})
                        requests.post(f"{room.url}/push/shown", said, headers=headers, timeout=PATIENCE)
                        rang[person].append(found["open"].rpartition("/")[2])
        return rang

    def texts(self) -> Counter[str]:
        """Return the messages that the daemon sent to each number; a message has the parts 01 and 02."""
        first = (self.phone.folder / "sent").glob("OUT*-01.*")
        numbers = (path.read_text(encoding="utf-8").partition("Number = ")[2] for path in first)
        return Counter(number.partition("\n")[0].strip('"') for number in numbers)

    def work(self, later: timedelta = timedelta()) -> None:
        self.tocsin.clock.advance(later)
        self.tocsin("worker", "--once")

    def sent(self) -> tuple[int, ...]:
        """Return how much every provider and the modem got so far."""
        heard = (self.push.heard, self.carrier.heard, self.chat.heard, self.mail.talks)
        return (*map(len, heard), self.texts().total())


@pytest.fixture
def crisis(tocsin: AtDesk, tmp_path: Path) -> Iterator[Crisis]:
    made = Crisis(tocsin, tmp_path)
    with made.push, made.carrier, made.chat, made.mail:
        yield made


def test_push_and_an_own_modem_are_the_last_resort(crisis: Crisis, tmp_path: Path) -> None:
    chat_is_down_and_mail_is_compromised(crisis, tmp_path / "call-out.yaml")
    with ExitStack() as internet:
        for provider in (crisis.push, crisis.carrier, crisis.chat):
            internet.enter_context(provider.gone())
        the_internet_is_gone(crisis)
        the_modem_brings_reports_and_a_reply(crisis)
    the_internet_is_back(crisis)
    assert crisis.mail.talks == [], "nothing ever used the compromised tenant"


def chat_is_down_and_mail_is_compromised(crisis: Crisis, path: Path) -> None:
    tocsin = crisis.tocsin
    tocsin.done("domain", "declare-down", "slack", "--reason", "on the news")
    assert crisis.planned("--compromised", "tenant") == PUSH_AND_TEXT
    path.write_text(PLAYBOOK, encoding="utf-8")
    opened = tocsin("open", str(path), "--yes", "--compromised", "tenant", "--format", "json")
    rows = opened.json["plan"]["plan"]
    assert {row["recipient"]: channels_at_once(row) for row in rows} == PUSH_AND_TEXT, (
        "the plan that is shown"
    )
    assert crisis.tried("tell", "accepted") == PUSH_AND_TEXT
    assert set(crisis.proved("tell").values()) == {"accepted"}
    rang = crisis.shown("ada", "ben")
    found = crisis.deliveries("tell")
    assert rang == {person: [found[person]["delivery"]] for person in rang}
    assert crisis.proved("tell") == {"ada": "delivered", "ben": "delivered", "cem": "accepted"}
    assert all(one["wanted"] for one in found.values()), "shown is not acknowledged"
    for person in PEOPLE:
        tocsin.done("ack", crisis.code("tell", person), "--as", person)
    crisis.work()


def the_internet_is_gone(crisis: Crisis) -> None:
    crisis.tocsin.clock.advance(2 * MINUTE)
    before = crisis.sent()
    crisis.tocsin.done("task", "done", "bridge")
    assert crisis.tried("call", "not_sent") == PUSH_AND_TEXT
    assert crisis.tried("call", "accepted") == {"ada": ["sim"], "ben": ["sim"], "cem": []}
    assert crisis.proved("call") == {"ada": "accepted", "ben": "accepted", "cem": "none"}
    assert crisis.to_call() == {"cem"}
    assert crisis.claims() == {"all": set(), "ada": set(), "ben": set(), "cem": set()}
    crisis.phone.work()
    crisis.work()
    assert crisis.proved("call") == {"ada": "relayed", "ben": "relayed", "cem": "none"}
    assert crisis.claims() == {"all": set(), "ada": {"relayed"}, "ben": {"relayed"}, "cem": set()}
    assert crisis.texts() == dict.fromkeys(NUMBERS.values(), 1)
    assert crisis.sent()[:-1] == before[:-1]


def the_modem_brings_reports_and_a_reply(crisis: Crisis) -> None:
    tocsin, phone = crisis.tocsin, crisis.phone
    for person in ("ada", "ada", "ben"):
        phone.arrive(NUMBERS[person], "Delivered", PDU="Status_Report", MessageReference="255")
    phone.work()
    crisis.work(MINUTE)
    assert crisis.proved("call") == {"ada": "delivered", "ben": "relayed", "cem": "none"}, (
        "Ben has one part of 2"
    )
    code = crisis.code("call", "ada")
    phone.arrive(NUMBERS["ada"], f"I have it, {code}")
    phone.work()
    crisis.work(MINUTE)
    assert crisis.proved("call") == {"ada": "read", "ben": "relayed", "cem": "none"}
    assert crisis.deliveries("call")["ada"]["wanted"], "another person can have her number"
    tocsin.done("ack", code, "--on-behalf-of", "ada", "--via", "phone")
    assert crisis.proved("call")["ada"] == "acked"
    assert crisis.texts() == dict.fromkeys(NUMBERS.values(), 1), "nobody is told twice"
    assert crisis.to_call() == {"cem"}


def the_internet_is_back(crisis: Crisis) -> None:
    tocsin = crisis.tocsin
    crisis.work(2 * MINUTE)
    assert crisis.tried("call", "accepted") == {"ada": ["sim"], "ben": ["sim"], "cem": ["browser"]}
    assert crisis.shown(*PEOPLE) == {
        "ada": [],
        "ben": [],
        "cem": [crisis.deliveries("call")["cem"]["delivery"]],
    }
    assert crisis.proved("call") == {"ada": "acked", "ben": "relayed", "cem": "delivered"}
    assert crisis.to_call() == set()
    assert crisis.chat.heard == []
    tocsin.done("domain", "declare-up", "slack")
    crisis.work(2 * MINUTE)
    assert crisis.tried("call", "accepted")["ben"] == ["sim", "chat"], "one reminder"
    for person in ("ben", "cem"):
        tocsin.done("ack", crisis.code("call", person), "--as", person)
    crisis.work()
    assert crisis.proved("tell") == crisis.proved("call") == dict.fromkeys(PEOPLE, "acked")
    before = crisis.sent()
    crisis.work(60 * MINUTE)
    assert crisis.sent() == before
    assert crisis.texts() == dict.fromkeys(NUMBERS.values(), 1)


def test_a_person_who_read_a_text_did_not_acknowledge_but_was_reached(crisis: Crisis, tmp_path: Path) -> None:
    tocsin, phone = crisis.tocsin, crisis.phone
    crisis.settle(reminders=0)
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    with ExitStack() as internet:
        for provider in (crisis.push, crisis.carrier, crisis.chat):
            internet.enter_context(provider.gone())
        tocsin.done("open", str(path), "--yes", "--compromised", "tenant")
        phone.work()
        phone.arrive(NUMBERS["ada"], crisis.code("tell", "ada"))
        phone.work()
        for _ in range(4):
            crisis.work(15 * MINUTE)
    found = crisis.deliveries("tell")
    proved = {person: (one["state"], one["evidence"]) for person, one in found.items()}
    assert proved == {
        "ada": ("exhausted", "read"),
        "ben": ("exhausted", "relayed"),
        "cem": ("active", "none"),
    }
    listed = re.findall(
        r"^  (READ|NOT|AWAITED)\b.* (Ada|Ben|Cem) ", tocsin.done("message", "list"), re.MULTILINE
    )
    assert {name: word for word, name in listed} == {"Ada": "READ", "Ben": "NOT", "Cem": "AWAITED"}
    said = tocsin("status", "--format", "json").json["needs_attention"]
    told = {one["person"]: one["text"].split()[1] for one in said if one["kind"] == "unreachable"}
    assert told == {"ada": "did", "ben": "was", "cem": "not"}
    shown = tocsin.done("message", "show", found["ada"]["delivery"])
    assert re.findall(r"^not (\w+): read$", shown, re.MULTILINE) == ["acknowledged"]
