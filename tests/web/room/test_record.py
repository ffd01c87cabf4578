"""Facts and the record in the room: what counsel sees, states, confirms, corrects and downloads, and who may."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from runner.app.incidents.approvals import queue
from runner.base.actor import Principal
from runner.web.room.table import BY_OPERATION, act_address, address
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.room import Served, a_breach, served, submitted

FILE = """\
schema: tocsin/facts/v1
source: forensics
people: {total: 900, by_jurisdiction: {US-CA: 600, US-TX: 249, DE: 40}}
organisation: {does_business_in: [US]}
data: {elements: [name, ssn], form: [electronic]}
"""


LEGAL = b"""\
schema: tocsin/facts/v1
source: forensics
risk: {to_people: unlikely}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served]]:
    """A home with a breach, a DPO and a responder, and its room."""
    folder: Path = tmp_path_factory.mktemp("facts")
    desk = AtDesk(folder / "home")
    desk.done("init")
    document = a_breach(desk, folder)
    desk.done("person", "add", "dora", "--name", "Dora")
    desk.done("role", "assign", "dpo", "dora")
    desk.done("person", "add", "tom", "--name", "Tom")
    desk.done("role", "assign", "technical", "tom")
    (folder / "login.log").write_bytes(b"exact bytes\x00")
    desk.done("attach", str(folder / "login.log"), "--source", "the mail tenant")
    desk.done("note", "advice on the contract", "--privileged", "--as", "jonas")
    with served(desk, document) as room:
        yield desk, room
    desk.close()


@pytest.fixture
def desk(place: tuple[AtDesk, Served]) -> AtDesk:
    return place[0]


@pytest.fixture
def room(place: tuple[AtDesk, Served]) -> Served:
    return place[1]


def page(room: Served, reader: requests.Session, operation: str, ref: str = "", query: str = "") -> str:
    answer = room.get(reader, address(BY_OPERATION[operation], room.codename, ref) + query)
    assert answer.status_code == 200
    return answer.text


def mark(text: str) -> str:
    return re.findall(r'name="mark" value="(\w*)"', text)[0]


def act(
    room: Served, reader: requests.Session, operation: str, verb: str, ref: str = "", **given: str
) -> requests.Response:
    """Send a form as a browser does; ``upload`` is the content of its file."""
    upload = given.pop("upload", "")
    given.setdefault("mark", mark(page(room, reader, operation, ref)))
    files = {"file": ("facts.yaml", upload)} if upload else None
    target = act_address(BY_OPERATION[operation], verb, room.codename, ref)
    return reader.post(
        f"{room.url}{target}", data=given, files=files, allow_redirects=False, timeout=PATIENCE
    )


def sure(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    return re.findall(r'name="sure" value="(\w+)"', answer.text)[0]


def fact(desk: AtDesk, key: str) -> Any:
    (found,) = (
        one for one in desk("fact", "show", key, "--format", "json").json["facts"] if one["key"] == key
    )
    return found


def test_a_file_is_imported_after_a_look_at_what_changes(room: Served, desk: AtDesk) -> None:
    jonas, text = room.reader("jonas"), FILE.replace("900", "901")
    shown = act(room, jonas, "facts", "import", kind="facts", upload=text)
    rows = desk("fact", "show", "people", "--format", "json").json["facts"]
    assert 901 not in [row["value"] for row in rows if row["key"] == "people.total"]
    assert act(room, jonas, "facts", "import", kind="facts", upload=text, sure=sure(shown)).status_code == 303
    assert fact(desk, "people.total")["value"] == 901
    again = act(room, jonas, "facts", "import", kind="facts", upload=text)
    assert act(room, jonas, "facts", "import", kind="facts", upload=text, sure=sure(again)).status_code == 409
    assert act(room, jonas, "facts", "import", kind="veris", upload=text).status_code == 409
    assert act(room, jonas, "facts", "import", kind="facts").status_code == 409


def test_places_have_their_numbers_beside_those_of_the_laws(desk: AtDesk, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(FILE, encoding="utf-8")
    desk("fact", "import", str(tmp_path / "more.yaml"), "--yes")  # another test may have done it
    report = desk("fact", "show", "--format", "json").json
    (grid,) = report["people"]
    assert (grid["sum"], grid["total"]) == (889, 900)
    marks = {row["place"]: [one["met"] for one in row["thresholds"]] for row in grid["places"]}
    assert marks == {"US-CA": [True], "US-TX": [None], "DE": []}
    starts = {one["key"]: one["starts"] for one in report["facts"]}
    assert any("33(1)" in one for one in starts["incident.aware_at"])
    assert {one["part"] for one in report["unanswered"]} >= {"when", "risk"} - {
        one["part"] for one in report["facts"]
    }


def test_every_fact_of_the_page_has_a_link_to_its_history(room: Served) -> None:
    jonas = room.reader("jonas")
    links = set(re.findall(rf'href="(/i/{room.codename}/facts/[^"]+)"', page(room, jonas, "facts")))
    assert len(links) > 10
    assert {room.get(jonas, unescape(link)).status_code for link in links} == {200}
    assert room.get(jonas, f"/i/{room.codename}/facts/no.such").status_code == 404


def test_a_fact_is_stated_corrected_and_not_known(room: Served, desk: AtDesk) -> None:
    jonas, key = room.reader("jonas"), "data.encrypted"
    given = {"value": "no", "source": "the inventory", "confidence": "estimated"}
    assert act(room, jonas, "fact", "state", key, **given).status_code == 303
    found = fact(desk, key)
    assert (found["value"], found["source"], found["confidence"]) == (False, "the inventory", "estimated")
    answer = act(room, jonas, "fact", "state", key, value="perhaps", source="<b>me</b>")
    assert (answer.status_code, "&lt;b&gt;me&lt;/b&gt;" in answer.text) == (409, True)
    assert act(room, jonas, "fact", "unknown", key).status_code == 303
    assert fact(desk, key)["value"] is None
    assert act(room, jonas, "facts", "state", fact=key, value="yes").status_code == 303
    assert fact(desk, key)["value"] is True


def test_a_form_takes_a_local_time_that_names_one_instant(room: Served, desk: AtDesk) -> None:
    jonas, key = room.reader("jonas"), "incident.contained_at"
    answer = act(room, jonas, "fact", "state", key, value="2026-10-25 02:30", source="log")
    assert (answer.status_code, "2026-10-25T02:30:00+02:00" in unescape(answer.text)) == (409, True)
    assert act(room, jonas, "fact", "state", key, value="2026-11-24 09:10", source="log").status_code == 303
    assert fact(desk, key)["value"] == "2026-11-24T09:10:00+01:00"
    assert "24 Nov 2026, 09:10 CET" in page(room, jonas, "fact", key)


def test_a_fact_that_changed_meanwhile_is_not_overwritten(room: Served, desk: AtDesk) -> None:
    jonas, key = room.reader("jonas"), "incident.summary"
    before = mark(page(room, jonas, "fact", key))
    desk.done("fact", "set", f"{key}=Two mailboxes.", "--source", "ana", "--as", "maria")
    answer = act(room, jonas, "fact", "state", key, mark=before, value="Three mailboxes.")
    assert (answer.status_code, "Three mailboxes." in answer.text) == (412, True)
    assert fact(desk, key)["value"] == "Two mailboxes."


def test_a_later_deadline_is_shown_before_and_needs_two_people(room: Served, desk: AtDesk) -> None:
    jonas, dora, key = room.reader("jonas"), room.reader("dora"), "incident.aware_at"
    old = fact(desk, key)["value"]
    given = {"value": "2026-11-24T08:30:00Z", "source": "log", "grounds": "the log says so"}
    shown = act(room, jonas, "fact", "state", key, **given)
    assert fact(desk, key)["value"] == old
    assert act(room, jonas, "fact", "state", key, **given, sure=sure(shown)).status_code == 303
    assert fact(desk, key)["value"] == old
    (waits,) = desk("fact", "show", "--format", "json").json["awaiting"]
    entry = str(waits["entry"])
    assert 'data-draft="confirm"' not in page(room, jonas, "fact", key)
    assert 'data-draft="confirm"' in page(room, dora, "facts")
    own = act(room, jonas, "fact", "confirm", key, entry=entry)
    assert own.status_code == 409
    look = act(room, dora, "fact", "confirm", key, entry=entry)
    assert act(room, dora, "fact", "confirm", key, entry=entry, sure=sure(look)).status_code == 303
    assert fact(desk, key)["value"] == "2026-11-24T08:30:00Z"
    assert desk("fact", "show", "--format", "json").json["awaiting"] == []


ENDING = (
    "organisation.role=processor",
    "risk.to_people=unlikely",
    "risk.harm_assessment.by=Dora",
    "risk.harm_assessment.at=2026-11-24T08:20:00Z",
    "risk.harm_assessment.grounds=encrypted",
)


def test_the_second_person_sees_which_duties_end_and_all_facts_of_the_change(
    room: Served, desk: AtDesk
) -> None:
    jonas, dora = room.reader("jonas"), room.reader("dora")
    words = ("--source", "assessment", "--grounds", "the key is safe", "--as", "jonas")
    said = desk("fact", "set", *ENDING, *words, "--format", "json").json
    ends = [one["duty"] for one in said["deadlines"] if one["ends"]]
    entry = str(said["second_person"][0])
    look = act(room, dora, "facts", "confirm", entry=entry).text
    assert ends
    office = desk.office()
    for person, mine in (("dora", True), ("jonas", False), ("tom", None)):
        who = Principal(person=person, proven_by="login:test")
        waits = queue(office, office.read(who), who).confirmations
        assert [(str(one.entry), one.mine) for one in waits] == ([] if mine is None else [(entry, mine)])
    link = f'href="/i/{room.codename}"'
    assert link in room.get(dora, "/sign").text.partition("<main")[2]
    assert page(room, dora, "duties").count("awaits") >= len(ends)
    assert {one in look for one in ends} == {True}
    assert look.count("ENDS:") >= len(ends)
    assert {text.partition("=")[0] in look for text in ENDING} == {True}
    desk.done("correct", entry, "--reason", "not so", "--as", "jonas")
    assert act(room, jonas, "facts", "confirm", entry=entry).status_code == 409


def test_a_later_deadline_without_grounds_is_refused(room: Served) -> None:
    jonas, key = room.reader("jonas"), "incident.aware_at"
    given = {"value": "2026-11-24T08:45:00Z", "source": "log"}
    shown = act(room, jonas, "fact", "state", key, **given)
    answer = act(room, jonas, "fact", "state", key, **given, sure=sure(shown))
    assert (answer.status_code, given["value"] in answer.text) == (409, True)
    assert ("--grounds" in answer.text, answer.text.count("Grounds") > 1) == (False, True)


def test_a_responder_states_facts_but_none_that_decides_on_a_duty(room: Served, desk: AtDesk) -> None:
    tom = room.reader("tom")
    assert act(room, tom, "fact", "state", "incident.root_cause", value="a token").status_code == 303
    for fact, value in (("risk.to_people", "unlikely"), ("incident.aware_at", "2026-11-20T08:00:00Z")):
        refused = submitted(room, tom, "fact", "state", fact, looks=True, value=value)
        error = refused.text.partition("data-error")[2].partition("</div>")[0]
        assert (refused.status_code, "Dora" in error) == (409, True), "before any preview, with who may"
    file = submitted(
        room, tom, "facts", "import", looks=True, files={"file": ("facts.yaml", LEGAL)}, kind="facts"
    )
    assert (file.status_code, "Dora" in file.text.partition("data-error")[2]) == (409, True)
    assert act(room, tom, "facts", "confirm", entry="1").status_code == 404


def test_many_questions_are_answered_in_one_form(room: Served, desk: AtDesk) -> None:
    jonas = room.reader("jonas")
    asked = re.findall(r'name="([a-z_]+\.[a-z_.]+)"', page(room, jonas, "missing"))
    assert len(asked) > 2
    given = {
        "data.involved": "",
        asked[0]: "nonsense,",
        "source": "counsel",
        "organisation.public_body": "no",
    }
    answer = act(room, jonas, "missing", "answer", **given)
    assert answer.status_code == 409
    assert 'value="counsel"' in answer.text
    assert act(room, jonas, "missing", "answer", source="counsel").status_code == 409


def test_a_person_is_asked_for_a_fact(room: Served, desk: AtDesk) -> None:
    jonas, key = room.reader("jonas"), "incident.contained_at"
    assert act(room, jonas, "fact", "later", key, after="2h").status_code == 409
    assert act(room, jonas, "fact", "ask", key, person="nobody-known").status_code == 409
    assert act(room, jonas, "fact", "ask", key, person="tom", due="2h").status_code == 303
    task = desk("task", "list", "--format", "json").json["tasks"][-1]
    assert (task["assignee"], "contained" in task["title"], bool(task["due"])) == ("tom", True, True)


def test_what_was_known_then_is_shown_without_forms(room: Served, desk: AtDesk) -> None:
    jonas = room.reader("jonas")
    desk.clock.advance(timedelta(minutes=2))
    desk.done("fact", "set", "incident.location=cellar-4711", "--source", "porter")
    assert "cellar-4711" in page(room, jonas, "facts")
    past = page(room, jonas, "facts", query="?at=1m+ago")
    assert ("cellar-4711" in past, 'id="acts"' in past) == (False, False)
    assert room.get(jonas, f"/i/{room.codename}/facts?at=tomorrow").status_code == 409


def test_the_csv_has_exactly_the_entries_that_the_page_has(room: Served, desk: AtDesk) -> None:
    jonas = room.reader("jonas")
    query = "?all=1&kind=fact&by=maria&since=3h+ago&until=now"
    text = page(room, jonas, "timeline", query=query)
    target = unescape(re.findall(r'href="([^"]+timeline\.csv[^"]*)"', text)[0])
    rows = list(csv.reader(room.get(jonas, target).text.splitlines()))
    numbers = [row[0] for row in rows[1:]]
    assert numbers
    assert all(re.search(rf"\b{number}\b", text) for number in numbers)
    said = desk("timeline", "--all", "--kind", "fact", "--by", "maria", "--format", "csv").out
    assert [row[0] for row in csv.reader(said.splitlines())][1:] == numbers
    assert room.get(jonas, f"/i/{room.codename}/timeline?kind=weather").status_code == 409
    assert 'value="3h ago"' in text


def test_withheld_entries_are_counted(room: Served, desk: AtDesk) -> None:
    tom = room.reader("tom")
    held = [
        one for one in desk("timeline", "--format", "json").json["entries"] if one["stream"] == "privileged"
    ]
    assert len(held) == 1
    for operation in ("timeline", "evidence"):
        assert "advice on the contract" not in page(room, tom, operation, query="?all=1")
    assert f": {held[0]['event']}" in page(room, tom, "timeline")


def test_an_entry_is_marked_as_wrong_after_a_look_at_it(room: Served, desk: AtDesk) -> None:
    jonas = room.reader("jonas")
    desk.done("note", "the porter saw nobody")
    number = str(desk("timeline", "--kind", "note", "--format", "json").json["entries"][-1]["event"])
    given = {"entry": number, "reason": "it was the other day"}
    look = act(room, jonas, "timeline", "correct", **given)
    assert "the porter saw nobody" in look.text[look.text.index('id="acts"') :]
    assert act(room, jonas, "timeline", "correct", **given, sure=sure(look)).status_code == 303
    entries = desk("timeline", "--format", "json").json["entries"]
    found = next(one for one in entries if str(one["event"]) == number)
    assert [one["reason"] for one in found["corrections"]] == ["it was the other day"]
    for wrong in ("", "x", "999999"):
        assert act(room, jonas, "timeline", "correct", entry=wrong, reason="r").status_code == 409


def test_evidence_is_saved_byte_for_byte(room: Served, desk: AtDesk, tmp_path: Path) -> None:
    (file,) = desk("evidence", "list", "--format", "json").json["files"]
    jonas = room.reader("jonas")
    text = page(room, jonas, "evidence")
    target = unescape(re.findall(r'href="([^"]+/evidence/[^"?]+\??)"', text)[0])
    answer = room.get(jonas, target)
    assert answer.content == b"exact bytes\x00"
    assert sha256(answer.content).hexdigest() in text.replace("\n", "")
    assert answer.headers["content-disposition"].startswith("attachment;")
    desk.done("evidence", "save", file["id"], str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == answer.content
    assert desk("evidence", "save", file["id"], str(tmp_path / "copy")).error == "file_unwritable"
    assert desk("evidence", "save", "e-none", str(tmp_path / "other")).error == "unknown_evidence"


def test_the_register_is_the_file_that_the_command_line_writes(room: Served, desk: AtDesk) -> None:
    answer = room.get(room.reader("jonas"), "/register.csv")
    assert answer.text == desk("duties", "register", "--format", "csv").out


def test_counsel_exports_a_bundle_that_verifies_and_is_listed(
    place: tuple[AtDesk, Served], tmp_path: Path
) -> None:
    desk, room = place
    dora, tom = room.reader("dora"), room.reader("tom")
    made = act(room, dora, "record", "export", audience="court", evidence="yes")
    assert made.status_code == 200, made.text
    assert made.headers["content-disposition"].endswith('-court.zip"')
    bundle = tmp_path / "court.zip"
    bundle.write_bytes(made.content)
    found = desk("verify", str(bundle), "--format", "json").json
    assert found["ok"] is True
    recorded = desk("audit", "exports", "--format", "json").json["exports"][-1]["bundle"]
    assert (recorded["sha256"], recorded["by"], recorded["parts"]) == (
        sha256(made.content).hexdigest(),
        "dora",
        ["documents", "evidence"],
    )
    assert recorded["sha256"] in page(room, dora, "record")
    assert recorded["sha256"] not in page(room, tom, "record")
    assert act(room, tom, "record", "export", audience="court").status_code == 404
    assert act(room, dora, "record", "export", audience="").status_code == 409
    assert act(room, dora, "record", "export", audience="board", evidence="yes").status_code == 409
