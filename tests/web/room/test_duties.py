"""What people do on the page of a duty: decide by two, record a filing with its text and its receipt."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from runner.base.instants import instant
from runner.decoding import from_json
from tests.cli.at_desk import AtDesk
from tests.web.room.filled import Page, sure
from tests.web.room.room import Served, hidden, submitted

DUTY = "eu-gdpr-33-controller-sa/initial"


@pytest.fixture
def eve(desk: AtDesk, room: Served) -> Page:
    """The page of the duty as an executive has it."""
    desk.done("person", "add", "eve", "--name", "Eve", "--as", "maria")
    desk.done("role", "assign", "executive", "eve", "--always", "--as", "maria")
    return Page(room, room.reader("eve"), "duty", DUTY)


@pytest.fixture
def jonas(room: Served) -> Page:
    """The page of the duty as counsel has it."""
    return Page(room, room.reader("jonas"), "duty", DUTY)


def shown(desk: AtDesk) -> Any:
    return desk("duty", "show", DUTY, "--format", "json").json


def test_two_people_decide_not_to_notify(desk: AtDesk, jonas: Page, eve: Page) -> None:
    given = {"ground": "risk_unlikely", "reason": "the mailbox was empty", "watch": "people.total > 10"}
    assert (jonas.offered(), eve.offered()) == ({"filed", "decide", "render"}, {"decide"})
    wrong = jonas.post("decide", reason="because <b>", watch="nonsense >")
    assert (wrong.status_code, "because &lt;b&gt;" in wrong.text) == (409, True)
    assert jonas.post("decide", reason="because").status_code == 409, "without a ground"
    before = jonas.post("decide", **given)
    assert shown(desk)["awaiting"] == [], "a preview records nothing"
    assert jonas.post("decide", **given, **sure(before)).status_code == 303
    (asked,) = shown(desk)["awaiting"]
    assert (asked["by"], asked["state"]) == ("jonas", "awaiting")
    assert "confirm" not in jonas.offered()
    assert eve.do("confirm", entry=str(asked["entry"])).status_code == 303
    record = shown(desk)["duty"]["record"]
    assert (record["kind"], record["by"], record["signed"]) == ("decided_not_to_notify", "jonas", ["eve"])


def test_a_filing_names_its_text_and_keeps_its_receipt(desk: AtDesk, room: Served, jonas: Page) -> None:
    maria = Page(room, room.reader("maria"), "duty", DUTY)
    assert maria.offered() == {"filed"}
    digest = desk("notice", "show", room.document, "--format", "json").json["notice"]["digest"]
    assert digest in jonas.text()
    guessed = jonas.post("filed", reference="4711", reason="nobody approved it")
    assert (guessed.status_code, 'value="4711"' in guessed.text) == (409, True)
    given = {"reference": "4711", "digest": digest, "reason": "by telephone, in a hurry"}
    receipt = {"receipt": ("../receipt.pdf", b"%PDF-receipt")}
    before = jonas.post("filed", receipt, **given)
    other = jonas.post("filed", {"receipt": ("a.pdf", b"another")}, **given, **sure(before))
    assert (other.status_code, "record" in shown(desk)["duty"]) == (200, False), (
        "another file, another preview"
    )
    assert "receipt.pdf" in before.text
    held = {"held-receipt": hidden(before.text, "held-receipt")}
    assert jonas.post("filed", **given, **sure(before), **held).status_code == 303
    record = shown(desk)["duty"]["record"]
    assert (record["reference"], record["digest"], bool(record["receipt"])) == ("4711", digest, True)


def test_the_only_signed_and_current_text_is_chosen_before(desk: AtDesk, room: Served, jonas: Page) -> None:
    maria = Page(room, room.reader("maria"), "duty", DUTY)

    def field() -> str:
        return maria.text().partition('name="digest"')[2].partition("</select>")[0]

    def needed() -> bool:
        return "(needed)" in maria.text().partition('name="digest"')[0].rpartition("<label")[2]

    assert ("selected" in field().partition("</option>")[2], needed()) == (False, True)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log", "--as", "maria")
    desk.done("notice", "render", "draft", "--as", "maria")
    signed = desk("notice", "list", "--format", "json").json["notices"][-1]["digest"]
    desk.done("approve", "sign", "--as", "jonas", "--digest", signed)
    assert (f'"{signed}" selected' in field(), needed()) == (True, False)
    assert maria.do("filed", reference="4711", digest=signed).status_code == 303
    assert shown(desk)["duty"]["record"]["digest"] == signed


def test_a_stale_form_of_a_duty_is_refused(desk: AtDesk, jonas: Page) -> None:
    given = {"ground": "risk_unlikely", "reason": "the mailbox was empty", "mark": jonas.mark()}
    previewed = sure(jonas.post("decide", **given))
    desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", "the log", "--as", "ada")
    desk.done("notice", "render", "draft", "--as", "ada")
    answer = jonas.post("decide", **given, **previewed)
    assert (answer.status_code, "the mailbox was empty" in answer.text) == (412, True)
    assert shown(desk)["awaiting"] == []


def test_duties_that_are_kept_between_looks_are_those_of_a_new_assessment(desk: AtDesk, room: Served) -> None:
    maria = room.reader("maria", os_user="maria")
    for words in (
        ("note", "nothing for the law"),
        ("fact", "set", "people.by_jurisdiction.US-CA=600", "--source", "log"),
        ("fact", "set", "organisation.does_business_in=US-CA", "--source", "log"),
        ("duty", "record-filed", DUTY, "--reference", "4711", "--reason", "by telephone"),
        ("fact", "set", "risk.to_people=high", "--source", "log"),
    ):
        desk.done(*words)
        first, found = (room.get(maria, f"/api/v1/incidents/{room.codename}/duties").json() for _ in range(2))
        assert first == found == desk("duties", "--format", "json").json, words


def test_a_close_shows_deadlines_in_the_zone_of_the_organisation(desk: AtDesk, room: Served) -> None:
    due = re.compile(r"due \w+ 27 Nov 2026, 09:10 CET")
    refused = desk("close", "--reason", "over", "--format", "json").json
    assert [bool(due.search(one["message"])) for one in refused["problems"] if one["file"] == DUTY] == [True]
    given = {"reason": "over", "leave_open": f"{DUTY}=told by telephone"}
    others = [
        one["file"] for one in refused["problems"] if one["code"] == "open_duty" and one["file"] != DUTY
    ]
    given["leave_open"] += "".join(f"\n{one}=told by telephone" for one in others)
    page = submitted(room, room.reader("maria"), "incident", "close", looks=True, **given)
    assert due.search(page.text) is not None


def test_the_page_of_a_duty_generates_its_notice_and_leads_to_its_filing(
    desk: AtDesk, room: Served, jonas: Page
) -> None:
    desk.done("fact", "set", "incident.vector=phishing", "--source", "the log", "--as", "jonas")
    act = shown(desk)["duty"]["next"]
    assert act["act"] in jonas.text()
    assert "render" in jonas.offered()
    maria = Page(room, room.reader("maria"), "duty", DUTY)
    assert "render" not in maria.offered(), "the commander changes no notices"
    made = jonas.post("render")
    assert made.status_code == 303, made.text
    text = desk("notice", "list", "--format", "json").json["notices"][-1]
    assert (text["duty"], text["by"]) == (DUTY, "jonas")
    assert unquote(made.headers["location"]).endswith(text["document"])


@pytest.mark.parametrize(
    ("operation", "ref", "verb", "field", "given"),
    [
        ("fact", "incident.aware_at", "state", "value", {"grounds": "the log"}),
        ("facts", "", "state", "value", {"fact": "incident.aware_at", "grounds": "the log"}),
        ("duty", DUTY, "decide", "at", {"ground": "risk_unlikely", "reason": "empty"}),
    ],
)
def test_a_relative_time_is_recorded_as_it_was_previewed(
    desk: AtDesk, room: Served, operation: str, ref: str, verb: str, field: str, given: dict[str, str]
) -> None:
    page, when = Page(room, room.reader("jonas"), operation, ref), desk.clock.now() - timedelta(minutes=5)
    before = page.post(verb, **given, **{field: "5m ago"})
    typed = before.text.partition(f'"f-{verb}-')[2].partition("</form>")[0]
    (settled,) = re.findall(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+]\d\d:\d\d", typed)
    assert instant(settled, desk.clock.now()) == when
    desk.clock.advance(timedelta(seconds=65))
    assert page.post(verb, **given, **{field: "5m ago"}, **sure(before)).status_code == 200
    assert page.post(verb, **given, **{field: settled}, **sure(before)).status_code == 303
    office = desk.office()
    (waits,) = office.load("i-1").second_person.values()
    record = waits.act.record
    known = record.at if record is not None else instant(from_json(waits.act.facts[0].value), when)
    assert known == when


def test_words_that_are_no_time_stay_as_they_were_typed(desk: AtDesk, room: Served) -> None:
    given = {"fact": "incident.root_cause", "value": "now"}
    assert Page(room, room.reader("jonas"), "facts", "").post("state", **given).status_code == 303
    (known,) = desk("fact", "show", "incident.root_cause", "--format", "json").json["facts"]
    assert known["value"] == "now"


def test_a_veris_record_is_offered_once_it_can_be_made(desk: AtDesk, room: Served) -> None:
    jonas, file = room.reader("jonas"), f"/i/{room.codename}/veris.json"

    def offer() -> tuple[bool, int]:
        return file in room.get(jonas, f"/i/{room.codename}/facts").text, room.get(jonas, file).status_code

    assert offer() == (False, 409)
    for value, expected in (("2026-11-20T08:00:00Z", (True, 200)), ("?", (False, 409))):
        desk.done("fact", "set", f"incident.started_at={value}", "--source", "log", "--as", "jonas")
        assert offer() == expected
