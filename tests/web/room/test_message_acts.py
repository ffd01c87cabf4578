"""What people do on the pages of messages: the plan first, then exactly that message; and what became of a delivery."""

from __future__ import annotations

from typing import Any

import pytest

from runner.web.room.acts.message import MESSAGE
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, hidden, offered, submitted

TEXT = "All hands <call> at 04:00, {{ incident.title }}"


def sent(desk: AtDesk) -> list[Any]:
    """Do what is due, and return the deliveries of messages by hand."""
    desk.done("note", "look")
    found = desk("message", "list", "--format", "json").json["deliveries"]
    return [one for one in found if not one["step"]]


@pytest.fixture
def asked(room: Served, desk: AtDesk) -> str:
    """A message to Jonas that wants an answer; return its delivery."""
    given = {"text": "Call me", "to": "person:jonas", "ask_ack": "yes"}
    assert submitted(room, room.reader("maria"), "messages", "send", **given).status_code == 303
    (one,) = sent(desk)
    return str(one["delivery"])


def shown(desk: AtDesk, delivery: str) -> Any:
    return desk("message", "show", delivery, "--format", "json").json


def test_a_message_is_sent_as_its_plan_was_shown(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    given = {"text": TEXT, "to": "everybody"}
    plan = submitted(room, maria, "messages", "send", looks=True, **given)
    assert (plan.status_code, "screen" in plan.text, sent(desk)) == (200, True, [])
    sure = {"sure": hidden(plan.text, "sure"), "mark": hidden(plan.text, "mark")}
    other = submitted(room, maria, "messages", "send", looks=True, **{**given, "text": "Other"}, **sure)
    assert (other.status_code, sent(desk)) == (200, [])
    assert submitted(room, maria, "messages", "send", looks=True, **given, **sure).status_code == 303
    twice = submitted(room, maria, "messages", "send", looks=True, **given, **sure)
    assert (twice.status_code, "All hands &lt;call&gt;" in twice.text) == (412, True)
    assert {one["recipient"]: one["state"] for one in sent(desk)} == {
        "jonas": "satisfied",
        "ada": "satisfied",
    }
    assert TEXT in desk.console


def test_a_plan_that_changed_is_shown_again(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    given = {"text": "Call me", "to": "role:counsel"}
    plan = submitted(room, maria, "messages", "send", looks=True, **given)
    sure = {"sure": hidden(plan.text, "sure"), "mark": hidden(plan.text, "mark")}
    desk.done("person", "away", "jonas", "--alternate", "ada", "--as", "maria")
    changed = submitted(room, maria, "messages", "send", looks=True, **given, **sure)
    assert (changed.status_code, "data-error" in changed.text, sent(desk)) == (200, True, [])


@pytest.mark.parametrize(
    "given",
    [
        {"text": " ", "to": "everybody"},
        {"text": "Call me", "to": ""},
        {"text": "Call me", "to": "role:nobody"},
        {"text": "Call me", "to": "person:ada", "class": "no-class"},
        {"text": "The key is -----BEGIN RSA PRIVATE KEY-----", "to": "person:ada"},
    ],
)
def test_a_message_that_cannot_be_sent_says_why(room: Served, desk: AtDesk, given: dict[str, str]) -> None:
    answer = submitted(room, room.reader("maria"), "messages", "send", **given)
    assert (answer.status_code, "data-error" in answer.text, sent(desk)) == (409, True, [])


def test_a_person_acknowledges_their_own_message_only(room: Served, desk: AtDesk, asked: str) -> None:
    page = f"/i/{room.codename}/message/{asked}"
    jonas, ada = room.reader("jonas"), room.reader("ada")
    assert offered(room.get(jonas, page).text) == {"ack", "retry"}
    assert offered(room.get(ada, page).text) == {"call", "ack_for", "retry"}
    assert submitted(room, ada, "message", "ack", asked).status_code == 404
    assert shown(desk, asked)["delivery"]["evidence"] != "acked"
    assert submitted(room, jonas, "message", "ack", asked, note="on my way").status_code == 303
    assert shown(desk, asked)["delivery"]["state"] == "satisfied"


def test_a_call_is_recorded_and_a_message_sent_again(room: Served, desk: AtDesk, asked: str) -> None:
    maria = room.reader("maria")
    assert submitted(room, maria, "message", "call", asked, reached="").status_code == 409
    assert submitted(room, maria, "message", "call", asked, reached="no", note="busy").status_code == 303
    assert submitted(room, maria, "message", "retry", asked).status_code == 409
    assert submitted(room, maria, "message", "retry", asked, reason="lost").status_code == 303
    assert submitted(room, maria, "message", "resolve", asked, happened="yes", reason="x").status_code == 409
    assert submitted(room, maria, "message", "call", asked, reached="yes").status_code == 303
    assert shown(desk, asked)["delivery"]["evidence"] == "acked"


def test_an_acknowledgement_for_somebody_needs_the_code(room: Served, desk: AtDesk, asked: str) -> None:
    maria = room.reader("maria")
    assert submitted(room, maria, "message", "ack_for", asked, code="K7Q-M3X").status_code == 409
    code = shown(desk, asked)["code"]
    assert submitted(room, maria, "message", "ack_for", asked, code=code).status_code == 303
    entries = desk("timeline", "--all", "--format", "json").json["entries"]
    assert {one["on_behalf_of"] for one in entries if one.get("on_behalf_of")} == {"jonas via phone"}
    assert "confirm" in offered(room.get(room.reader("jonas"), f"/i/{room.codename}").text)


def test_every_act_on_a_delivery_is_in_a_story_above() -> None:
    assert MESSAGE.acts.keys() == {"ack", "ack_for", "call", "resolve", "retry"}
