"""Whoever was paged reads and acknowledges in the room; who calls sees the number; who works is not called."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, offered, served, submitted

CALLED = {"tina": "technical", "erik": "executive", "otto": ""}
"""The people of the alert: otto, the escalation contact, has no role at all."""
NUMBER = "+15005550006"
ALERT, BRIEF = "Come to the bridge canary-alert", "Sign the contract canary-brief"
PLAYBOOK = f"""\
schema: tocsin/playbook/v1
name: call-out
version: 1.0.0
title: Call out
roles:
  commander: {{title: Incident commander}}
  technical: {{title: Responder}}
  executive: {{title: Management}}
  communications: {{title: Communications}}
messages:
  alert: {{class: urgent-internal, subject: "Call out", text: "{ALERT}"}}
  brief: {{class: secret-brief, subject: "A brief", text: "{BRIEF}"}}
classes:
  secret-brief: {{from: executive-brief, goal: acked, ack_quorum: all}}
steps:
  - {{id: page, message: alert, to: [role:technical, role:executive, person:otto, person:ada]}}
  - {{id: tell, message: brief, to: [role:technical, role:executive, person:otto, person:ada]}}
  - {{id: look, task: Look, role: technical}}
"""


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[tuple[AtDesk, Served]]:
    """An incident in which nobody but the opener was reached: no channel may carry anything."""
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    for person in (*CALLED, "cora", "uwe"):
        desk.done("person", "add", person, "--name", person.title(), "--contact", f"phone={NUMBER}")
    desk.settings(roles={"commander": ["maria"], "communications": ["cora"], "auditor": ["uwe"]})
    for person, role in CALLED.items():
        if role:
            desk.done("role", "assign", role, person, "--always")
    path = tmp_path / "call-out.yaml"
    path.write_text(PLAYBOOK, encoding="utf-8")
    desk.done("open", str(path), "--yes", "--compromised", "this-machine")
    with served(desk) as room:
        yield desk, room
    desk.close()


def deliveries(desk: AtDesk, step: str = "page") -> dict[str, dict[str, Any]]:
    """Return the deliveries of a step's message by person."""
    found = desk("message", "list", "--format", "json").json["deliveries"]
    return {one["recipient"]: one for one in found if f":{step}#" in one["step"]}


def page(room: Served, reader: requests.Session, delivery: str) -> requests.Response:
    return room.get(reader, f"/i/{room.codename}/message/{delivery}")


def to_call(desk: AtDesk) -> set[str]:
    said = desk("status", "--format", "json").json["needs_attention"]
    return {one["person"] for one in said if one["kind"] == "unreachable"}


@pytest.mark.parametrize("person", CALLED)
def test_whoever_was_paged_reads_and_acknowledges_that_message_and_no_other(
    paged: tuple[AtDesk, Served], person: str
) -> None:
    desk, room = paged
    reader, mine = room.reader(person), deliveries(desk, "tell")
    absent = room.get(reader, "/i/no-such/message/d-none")
    own = page(room, reader, mine[person]["delivery"])
    assert (own.status_code, BRIEF in own.text, offered(own.text)) == (200, True, {"ack"})
    for other in ("ada", next(one for one in CALLED if one != person)):
        for delivery in (mine[other]["delivery"], "d-none"):
            refused = page(room, reader, delivery)
            assert (refused.status_code, refused.content) == (404, absent.content)
            tried = submitted(room, reader, "message", "ack", delivery, mark="x")
            assert (tried.status_code, tried.content) == (404, absent.content)
    for verb in ("call", "ack_for", "retry", "resolve"):
        tried = submitted(room, reader, "message", verb, mine[person]["delivery"], mark="x", reason="x")
        assert (tried.status_code, tried.content) == (404, absent.content)
    listed = room.get(reader, f"/i/{room.codename}/messages").text
    assert mine[person]["delivery"] in listed
    assert not [one for one, row in mine.items() if one != person and row["delivery"] in listed]
    answer = submitted(room, reader, "message", "ack", mine[person]["delivery"], note="on my way")
    assert answer.status_code == 303
    told = {one: row["state"] for one, row in deliveries(desk, "tell").items()}
    assert {one for one, state in told.items() if state == "satisfied"} == {person}


def test_a_person_without_a_role_learns_nothing_but_the_message(paged: tuple[AtDesk, Served]) -> None:
    desk, room = paged
    otto = room.reader("otto")
    absent = room.get(otto, "/i/no-such").content
    own = page(room, otto, deliveries(desk)["otto"]["delivery"]).text
    assert ALERT in own
    assert not [word for word in ("this-machine", "compromised", "Call out ·", "Tina") if word in own]
    for path in ("", "/tasks", "/facts", "/timeline", "/duties", "/record", "/evidence"):
        assert room.get(otto, f"/i/{room.codename}{path}").content == absent, path
    assert room.codename not in room.get(otto, "/").text


def test_nobody_outside_reads_a_message_of_a_restricted_incident(paged: tuple[AtDesk, Served]) -> None:
    desk, room = paged
    own = deliveries(desk)
    desk.done("restrict", room.codename, "--reason", "an employee is suspected")
    otto, absent = room.reader("otto"), room.get(room.reader("otto"), "/nothing")
    refused = page(room, otto, own["otto"]["delivery"])
    assert (refused.status_code, refused.content) == (404, absent.content)
    tried = submitted(room, otto, "message", "ack", own["otto"]["delivery"], mark="x")
    assert (tried.status_code, tried.content) == (404, absent.content)
    assert room.get(otto, f"/i/{room.codename}/messages").content == absent.content
    assert page(room, room.reader("tina"), own["tina"]["delivery"]).status_code == 200


def test_a_claimed_name_and_a_program_do_not_own_a_message(paged: tuple[AtDesk, Served]) -> None:
    desk, room = paged
    own = deliveries(desk)["tina"]["delivery"]
    claimed = room.reader("tina", proven="")
    assert page(room, claimed, own).content == room.get(claimed, "/nothing").content
    made = desk("token", "create", "t", "--owner", "maria", "--scope", "message.read", "--format", "json")
    head = {"Authorization": f"Bearer {made.json['secret']}"}
    answer = requests.get(
        f"{room.url}/api/v1/incidents/{room.codename}/message/{own}", headers=head, timeout=30
    )
    assert ALERT not in answer.text


def test_an_act_acknowledges_the_alert_and_not_the_brief(paged: tuple[AtDesk, Served]) -> None:
    desk, room = paged
    assert {"tina", "erik", "otto"} <= to_call(desk)
    assert submitted(room, room.reader("tina"), "incident", "note", text="I look").status_code == 303
    alert, brief = deliveries(desk), deliveries(desk, "tell")
    assert (alert["tina"]["state"], alert["tina"]["acked_via"]) == ("satisfied", "an act in the room")
    assert brief["tina"]["evidence"] == "none"
    assert alert["erik"]["evidence"] == alert["otto"]["evidence"] == "none"


def test_an_act_of_a_claimed_name_acknowledges_nothing(paged: tuple[AtDesk, Served]) -> None:
    desk, _ = paged
    desk.done("note", "I look", "--as", "tina")
    assert deliveries(desk)["tina"]["evidence"] == "none"


def test_a_refused_act_acknowledges_nothing(paged: tuple[AtDesk, Served]) -> None:
    desk, room = paged
    assert submitted(room, room.reader("tina"), "incident", "note", text="").status_code == 409
    assert deliveries(desk)["tina"]["evidence"] == "none"


def shown(desk: AtDesk, room: Served, person: str) -> tuple[bool, bool]:
    """Return whether a person sees the number and the text to read aloud on the status page."""
    text = room.get(room.reader(person), f"/i/{room.codename}?all=1").text
    return NUMBER in text, ALERT in text


def test_the_number_is_for_those_who_call_and_each_showing_is_recorded_once_a_day(
    paged: tuple[AtDesk, Served],
) -> None:
    desk, room = paged
    before = desk("timeline", "--all", "--format", "json").json["entries"]
    assert {one: shown(desk, room, one) for one in ("maria", "cora", "tina", "uwe")} == {
        "maria": (True, True),
        "cora": (True, True),
        "tina": (False, False),
        "uwe": (False, False),
    }
    assert "Who sees the phone number: Maria" in room.get(room.reader("tina"), f"/i/{room.codename}").text
    shown(desk, room, "maria")
    record = room.get(room.reader("tina"), f"/i/{room.codename}/audit").text
    assert (record.count("Maria"), record.count("Cora")) == (1, 1)
    desk.clock.advance(timedelta(days=1))
    shown(desk, room, "maria")
    record = room.get(room.reader("tina"), f"/i/{room.codename}/audit").text
    assert (record.count("Maria"), record.count("Cora")) == (2, 1)
    assert desk("timeline", "--all", "--format", "json").json["entries"][: len(before)] == before


def test_a_brief_says_on_the_phone_only_that_it_waits(paged: tuple[AtDesk, Served]) -> None:
    desk, _ = paged
    alert, brief = deliveries(desk)["tina"]["delivery"], deliveries(desk, "tell")["tina"]["delivery"]
    found = {one: desk("message", "show", one, "--format", "json").json for one in (alert, brief)}
    assert found[alert]["text"] == found[alert]["read_aloud"] == ALERT
    assert found[brief]["text"] == BRIEF
    assert "canary" not in found[brief]["read_aloud"]
    assert {one["callers"][0] for one in found.values()} == {"maria"}
    sheet = desk.done("message", "call-sheet")
    assert (ALERT in sheet, "canary-brief" in sheet, NUMBER in sheet) == (True, False, True)
    called = desk.done("next", "--all")
    assert (ALERT in called, "canary-brief" in called, NUMBER in called) == (True, False, True)
    assert desk("message", "show", brief).out.count(BRIEF) == 1
