"""What people do on the page of a duty: decide by two, record a filing with its text and its receipt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.web.room.table import BY_OPERATION, act_address, address
from tests.cli.at_desk import AtDesk
from tests.web.room.room import Served, a_breach, served

DUTY = "eu-gdpr-33-controller-sa/initial"
PEOPLE = "eu-gdpr-34-controller/data_subjects"
House = tuple[AtDesk, Served]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A home with an executive, a breach, and its room."""
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    document = a_breach(desk, tmp_path)
    desk.done("person", "add", "eve", "--name", "Eve", "--as", "maria")
    desk.done("role", "assign", "executive", "eve", "--always", "--as", "maria")
    with served(desk, document) as room:
        yield desk, room
    desk.close()


def page(room: Served, reader: requests.Session, duty: str = DUTY) -> str:
    return room.get(reader, address(BY_OPERATION["duty"], room.codename, duty)).text


def offered(text: str) -> set[str]:
    return set(re.findall(r'data-draft="(\w+)"', text))


def post(
    room: Served, reader: requests.Session, verb: str, files: Any = None, duty: str = DUTY, **given: str
) -> requests.Response:
    text = page(room, reader, duty)
    given.setdefault("mark", re.findall(r'name="mark" value="(\w+)"', text)[0])
    target = f"{room.url}{act_address(BY_OPERATION['duty'], verb, room.codename, duty)}"
    return reader.post(target, data=given, files=files, allow_redirects=False, timeout=30)


def sure(answer: requests.Response) -> dict[str, str]:
    """Return the hidden field of a form that was previewed."""
    found = re.findall(r'name="sure" value="(\w+)"', answer.text)
    assert (answer.status_code, len(found)) == (200, 1), answer.text
    return {"sure": found[0]}


def shown(desk: AtDesk, duty: str = DUTY) -> Any:
    return desk("duty", "show", duty, "--format", "json").json


def test_two_people_decide_not_to_notify(house: House) -> None:
    desk, room = house
    jonas, eve, maria = room.reader("jonas"), room.reader("eve"), room.reader("maria")
    given = {"ground": "risk_unlikely", "reason": "the mailbox was empty", "watch": "people.total > 10"}
    assert "decide" not in offered(page(room, maria))
    answer = post(room, jonas, "decide", **given)
    assert shown(desk)["awaiting"] == []
    assert post(room, jonas, "decide", **given, **sure(answer)).status_code == 303
    (asked,) = shown(desk)["awaiting"]
    assert (asked["by"], asked["state"]) == ("jonas", "awaiting")
    assert "confirm" not in offered(page(room, jonas))
    entry = {"entry": str(asked["entry"])}
    assert post(room, eve, "confirm", **entry, **sure(post(room, eve, "confirm", **entry))).status_code == 303
    record = shown(desk)["duty"]["record"]
    assert (record["kind"], record["by"], record["signed"]) == ("decided_not_to_notify", "jonas", ["eve"])
    assert offered(page(room, eve)) == {"decide"}


def test_a_decision_without_a_ground_is_refused_and_keeps_its_words(house: House) -> None:
    desk, room = house
    answer = post(room, room.reader("jonas"), "decide", reason="because <b>", watch="nonsense >")
    assert (answer.status_code, "because &lt;b&gt;" in answer.text) == (409, True)
    answer = post(room, room.reader("jonas"), "decide", reason="because")
    assert (answer.status_code, shown(desk)["awaiting"]) == (409, [])


def test_a_filing_names_its_text_and_keeps_its_receipt(house: House) -> None:
    desk, room = house
    jonas = room.reader("jonas")
    digest = desk("notice", "show", room.document, "--format", "json").json["notice"]["digest"]
    assert digest in page(room, jonas)
    guessed = post(room, jonas, "filed", reference="4711", reason="nobody approved it")
    assert (guessed.status_code, 'value="4711"' in guessed.text) == (409, True)
    given = {"reference": "4711", "digest": digest, "reason": "by telephone, in a hurry"}
    receipt = {"receipt": ("../receipt.pdf", b"%PDF-receipt")}
    before = post(room, jonas, "filed", receipt, **given)
    assert "record" not in shown(desk)["duty"]
    other = post(room, jonas, "filed", {"receipt": ("a.pdf", b"another")}, **given, **sure(before))
    assert other.status_code == 200, "another file is previewed again"
    assert post(room, jonas, "filed", receipt, **given, **sure(before)).status_code == 303
    record = shown(desk)["duty"]["record"]
    assert (record["reference"], record["digest"], bool(record["receipt"])) == ("4711", digest, True)
    evidence = [
        row
        for row in desk("timeline", "--all", "--format", "json").json["entries"]
        if "receipt.pdf" in row["text"]
    ]
    assert evidence != []


def test_a_stale_form_of_a_duty_is_refused(house: House) -> None:
    desk, room = house
    jonas = room.reader("jonas")
    mark = re.findall(r'name="mark" value="(\w+)"', page(room, jonas))[0]
    given = {"ground": "risk_unlikely", "reason": "the mailbox was empty", "mark": mark}
    previewed = sure(post(room, jonas, "decide", **given))
    desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", "the log", "--as", "ada")
    desk.done("notice", "render", "draft", "--as", "ada")
    answer = post(room, jonas, "decide", **given, **previewed)
    assert (answer.status_code, "the mailbox was empty" in answer.text) == (412, True)
    assert shown(desk)["awaiting"] == []


def test_who_may_file_and_who_may_decide(house: House) -> None:
    _, room = house
    assert offered(page(room, room.reader("maria"))) == {"filed"}
    assert offered(page(room, room.reader("eve"))) == {"decide"}
    assert offered(page(room, room.reader("jonas"))) == {"filed", "decide"}
