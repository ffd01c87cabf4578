"""The threat model's promise: planted names, addresses, fact values and secrets reach no log, error, URL or store in clear.

A whole incident is worked with channels that fail in every way, and with commands that are refused; then everything that
was written or said is searched. What a person asked to see (facts, timeline) is not among it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.cli.framework.boundary import guarded
from tests.cli.at_desk import AtDesk
from tests.servers.receivers import HttpReceiver, MailServer, free_port

MAIL = "quirina.planted@private.example"
PHONE = "+49 30 5550199"
FULL_NAME = "Quirina Plantedname"
SUMMARY = "Zettel-Geheimnis about patient Quirina"
PASSWORD = "hunter2-planted-password"
SIGNING = "whsec_" + base64.b64encode(b"planted-signing-key-0123456789ab").decode()
PLANTED = (MAIL, MAIL.partition("@")[0], PHONE, FULL_NAME, "Zettel-Geheimnis", PASSWORD, SIGNING, SIGNING[6:])

PLAYBOOK = """\
schema: tocsin/playbook/v1
name: planted
version: 1.0.0
title: Planted
roles: {commander: {title: Incident commander}}
messages: {alert: {class: urgent-internal, text: "Look into {{ incident.codename }}"}}
steps:
  - {id: tell, message: alert, to: [role:commander]}
  - {id: when, ask: Since when?, sets: incident.aware_at, role: commander}
  - {id: count, ask: How many?, sets: people.total, role: commander}
  - {id: notice, notice: gdpr-33-initial}
"""


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A relay that refuses, repeating whom it refuses."""
    server = MailServer(refuse=f"550 5.1.1 <{MAIL}> {FULL_NAME} is unknown here")
    yield server
    server.stop()


@pytest.fixture
def http() -> Iterator[HttpReceiver]:
    """A receiver that is out of order."""
    server = HttpReceiver(status=500)
    yield server
    server.stop()


@pytest.fixture
def desk(nowhere: AtDesk, mail: MailServer, http: HttpReceiver) -> AtDesk:
    """A home whose channels all fail, each in its own way."""
    nowhere.done("init")
    (nowhere.home / "mail.password").write_text(PASSWORD, encoding="utf-8")
    (nowhere.home / "webhook.key").write_text(SIGNING, encoding="utf-8")
    relay = {"host": "127.0.0.1", "sender": "incident@corp.example", "tls": "none"}
    nowhere.settings(
        people={
            "q": {
                "name": FULL_NAME,
                "contacts": [{"channel": "email", "address": MAIL}, {"channel": "handle", "address": PHONE}],
            }
        },
        roles={"commander": ["q"]},
        channels={
            "refusing": {"adapter": "smtp", "settings": {**relay, "port": mail.port}},
            "gone": {"adapter": "smtp", "settings": {**relay, "port": free_port()}},
            "locked": {
                "adapter": "smtp",
                "settings": {**relay, "port": mail.port, "username": "incident"},
                "secrets": {"password": "file:mail.password"},
            },
            "broken": {
                "adapter": "webhook",
                "settings": {"url": f"{http.url}/hook"},
                "secrets": {"signing": "file:webhook.key"},
            },
        },
    )
    return nowhere


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The playbook's file."""
    path = tmp_path / "planted.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    return str(path)


def assert_clean(text: str, where: str) -> None:
    for planted in PLANTED:
        assert planted not in text, (where, planted)


def opened(desk: AtDesk, file: str) -> str:
    """Open the incident with planted facts and return what was said on standard error."""
    said = desk(
        "open", file, "--yes", "--fact", f"incident.summary={SUMMARY}", "--fact", "data.involved=true"
    )
    assert said.code == 0, said.err
    return said.err


REFUSED = {
    "answer-instant": ("answer", "when", f"yesterday, says {FULL_NAME}"),
    "answer-number": ("answer", "count", f"{FULL_NAME} {PHONE}"),
    "fact-number": ("fact", "set", f"people.total={MAIL}", "--source", SUMMARY),
    "fact-instant": ("fact", "set", f"incident.aware_at={SUMMARY}", "--source", "x"),
    "fact-choices": ("fact", "set", f"data.elements={FULL_NAME}", "--source", "x"),
    "done": ("task", "done", "when", "--comment", SUMMARY),
    "approve": ("approve", "when", "--reason", SUMMARY),
    "waive": ("duty", "waive", "no/such", "--reason", SUMMARY),
    "correct": ("correct", "9999", "--reason", SUMMARY),
    "note": ("note", SUMMARY, "--at", "soon"),
    "retry": ("message", "retry", "d-none", "--reason", SUMMARY),
}


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_refused_command_does_not_repeat_its_arguments(desk: AtDesk, file: str, form: str) -> None:
    opened(desk, file)
    for name, words in REFUSED.items():
        said = desk(*words, "--format", form)
        assert said.code in (1, 2), (name, said)
        assert_clean(said.out + said.err, name)


def test_an_invalid_jurisdiction_is_refused_without_its_value(desk: AtDesk, file: str) -> None:
    opened(desk, file)
    said = desk("fact", "set", f"organisation.country={FULL_NAME}", "--source", "x")
    assert said.code == 1
    assert_clean(said.err, "country")


def test_failed_sends_log_no_recipient_and_no_text(desk: AtDesk, file: str) -> None:
    said = opened(desk, file)
    worker = desk("worker", "--once")
    for _ in range(3):
        desk.clock.advance(timedelta(minutes=6))
        assert_clean(desk("worker", "--once").err, "worker")
    listed = desk("message", "list", "--format", "json")
    shown = [
        desk("message", "show", delivery["delivery"], "--format", form)
        for delivery in listed.json["deliveries"]
        for form in ("text", "json")
    ]
    doctor = desk("doctor")
    attempts = [attempt for delivery in listed.json["deliveries"] for attempt in delivery["attempts"]]
    assert {attempt["state"] for attempt in attempts} >= {"rejected", "not_sent"}
    assert_clean(worker.out + worker.err, "worker")
    for one in (listed, doctor, *shown):  # a screen names people, and no more of them
        assert_clean(one.out.replace(FULL_NAME, "") + one.err, "said")
    assert_clean(said, "open")


def test_no_url_holds_anything_of_an_incident(desk: AtDesk, file: str, http: HttpReceiver) -> None:
    opened(desk, file)
    assert {path for path, _, _ in http.posts} == {"/hook"}
    for _, headers, _ in http.posts:
        assert_clean(json.dumps(headers), "headers")


def test_the_store_holds_personal_data_only_sealed(desk: AtDesk, file: str) -> None:
    opened(desk, file)
    desk.done("note", SUMMARY)
    desk.done("person", "add", "r", "--name", FULL_NAME, "--contact", f"email={MAIL}")
    stored = b"".join(path.read_bytes() for path in desk.home.glob("tocsin.db*"))
    assert stored
    assert_clean(stored.decode("latin-1"), "store")


def test_settings_that_do_not_hold_are_named_without_the_values(desk: AtDesk) -> None:
    desk.settings(
        channels={"mail": {"adapter": "smtp", "secrets": {"password": PASSWORD}}}, people={"q": MAIL}
    )
    for form in ("text", "json"):
        said = desk("list", "--format", form)
        assert said.code == 1
        assert_clean(said.out + said.err, "settings")
    assert_clean(desk("doctor").out, "doctor")


def test_our_own_fault_leaves_a_log_without_arguments_values_or_messages(desk: AtDesk, file: str) -> None:
    opened(desk, file)

    def broken() -> int:
        values: dict[str, Any] = {"mail": MAIL, "summary": SUMMARY}
        raise ValueError(values)

    world = desk.world()
    assert guarded(world, ["note", SUMMARY, "--as", FULL_NAME], broken) == 3
    logs = [path.read_text(encoding="utf-8") for path in (desk.home / "logs").iterdir()]
    assert len(logs) == 1
    assert_clean(logs[0], "log")
    assert_clean(world.err.getvalue(), "standard error")  # type: ignore[attr-defined]  # a test's stream


def test_a_record_in_memory_does_not_print_its_address() -> None:
    from runner.routing.messaging import ContactPoint

    point = ContactPoint(channel="email", address=MAIL)
    assert_clean(repr(point), "repr")
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"channel": 1, "address": MAIL}, ContactPoint)
    assert_clean(str(caught.value), "msgspec")
