"""Opening an incident in the browser: the message plan and the gaps first, then once and only once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, a_breach, hidden, offered, served, submitted

ONE = {
    "once": "i-abc",
    "kind": "real",
    "playbook": "lost-device",
    "title": "A laptop on a train",
    "severity": "sev2",
    "facts": "incident.summary=Lost on a train\ndata.encrypted=true",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A home with a breach, in which nothing is opened."""
    folder = tmp_path_factory.mktemp("opening")
    desk = AtDesk(folder / "home")
    desk.done("init")
    with served(desk, a_breach(desk, folder)) as room:
        yield desk, room
    desk.close()


def incidents(desk: AtDesk) -> dict[str, Any]:
    return {one["title"]: one for one in desk("list", "--format", "json").json["incidents"]}


def test_an_incident_is_opened_after_its_plan_and_never_twice(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    assert hidden(room.get(maria, "/").text, "once").startswith("i-")
    plan = submitted(room, maria, "incidents", "open", looks=True, **ONE)
    assert (plan.status_code, "screen" in plan.text, room.codename in plan.text) == (200, True, True)
    assert ONE["title"] not in incidents(desk)
    sure = {"sure": hidden(plan.text, "sure")}
    assert hidden(plan.text, "once") == "i-abc"
    opened = submitted(room, maria, "incidents", "open", looks=True, **ONE, **sure)
    assert opened.status_code == 303
    page = room.get(maria, opened.headers["location"]).text
    assert ONE["title"] in page
    again = submitted(room, maria, "incidents", "open", looks=True, **ONE, **sure)
    assert (again.status_code, again.headers["location"]) == (303, opened.headers["location"])
    found = incidents(desk)
    assert (found[ONE["title"]]["kind"], found[ONE["title"]]["severity"], len(found)) == ("real", "sev2", 2)
    facts = desk("fact", "show", "data.encrypted", "-i", "i-abc", "--format", "json").json["facts"]
    assert facts[0]["value"] is True


def test_the_choice_of_playbooks_has_those_that_are_opened(room: Served) -> None:
    maria = room.reader("maria")
    offers = set(re.findall(r'<option value="([a-z-]+)"', room.get(maria, "/").text))
    assert (offers & {"lost-device", "mobilise", "duty-lanes"}) == {"lost-device"}
    assert submitted(room, maria, "incidents", "open", **{**ONE, "playbook": ""}).status_code == 409


def test_an_incident_that_owes_nothing_is_cancelled(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    assert submitted(room, maria, "incidents", "open", **ONE).status_code == 303
    room.codename = incidents(desk)[ONE["title"]]["codename"]
    assert submitted(room, maria, "incident", "cancel", reason="it was found").status_code == 303
    for one in desk("status", room.codename, "--format", "json").json["second_person"]:
        confirmed = submitted(room, room.reader("jonas"), "incident", "confirm", entry=str(one["entry"]))
        assert confirmed.status_code == 303
    assert incidents(desk)[ONE["title"]]["state"] == "cancelled"


def test_an_exercise_is_marked_before_and_after(room: Served, desk: AtDesk) -> None:
    maria = room.reader("maria")
    exercise = {**ONE, "kind": "exercise", "profile": "small", "roles": "technical=ada"}
    plan = submitted(room, maria, "incidents", "open", looks=True, **exercise)
    assert "EXERCISE" in plan.text
    opened = submitted(room, maria, "incidents", "open", **exercise)
    assert "EXERCISE" in room.get(maria, opened.headers["location"]).text
    assert incidents(desk)[ONE["title"]]["kind"] == "exercise"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ""},
        {"kind": "drill"},
        {"playbook": ""},
        {"playbook": "/etc/passwd"},
        {"playbook": "../noticed.yaml"},
        {"facts": "no fact"},
        {"facts": "veris:/etc/passwd"},
        {"since": "long ago"},
        {"roles": "technical"},
        {"roles": "technical=nobody-known"},
        {"once": "../../x"},
        {"once": ""},
        {"severity": "sev9"},
    ],
)
def test_a_form_that_is_wrong_opens_nothing_and_keeps_what_was_typed(
    house: tuple[AtDesk, Served], wrong: dict[str, str]
) -> None:
    desk, room = house
    answer = submitted(room, room.reader("maria"), "incidents", "open", **{**ONE, **wrong})
    assert (answer.status_code, 'value="A laptop on a train"' in answer.text) == (409, True)
    assert ONE["title"] not in incidents(desk)


def test_a_person_without_a_role_opens_nothing(house: tuple[AtDesk, Served]) -> None:
    desk, room = house
    desk.done("person", "add", "eve", "--name", "Eve Example", "--as", "maria")
    eve = room.reader("eve")
    assert "open" not in offered(room.get(eve, "/").text)
    assert submitted(room, eve, "incidents", "open", **ONE).status_code == 404
