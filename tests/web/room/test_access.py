"""Who may read which page: every role and every page, against a table that people wrote and read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from runner.app.core.rights import ANY, LOCAL, ROLES, SEALED
from runner.web.room.acts.table import ACTING
from runner.web.room.table import (
    BY_OPERATION,
    DOWNLOADS,
    TABLE,
    act_address,
    address,
    document_address,
    download_address,
)
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.web.room.room import Served, a_breach, served

DUTY = "eu-gdpr-33-controller-sa/initial"
# One letter a page, in the order of PAGES: y for yes, - for no.
PAGES = (
    "incidents", "alert", "people", "register", "law", "provisions", "exercises", "improvement", "readiness", "audit",
    "administration", "accounts", "rights", "approvals",
    "incident", "tasks", "task", "facts", "fact", "missing",
    "duties", "duty", "file", "notices", "notice", "changes", "consistency", "sign", "letters", "campaign", "samples", "run",
    "messages", "message", "timeline", "evidence", "record", "exercise", "report",
)  # fmt: skip
EXPECTED = {
    # role            inc ale peo reg law pro exe imp rea aud adm acc rig app|inc tas tas fac fac mis|dut dut fil not not cha con sig let cam sam run|mes mes tim evi rec exe rep
    LOCAL:             "yyyyyyyyyyyyyy" "yyyyyy" "yyyyyyyyyyyy" "yyyyy-y",
    "commander":       "yyy-yyyyyyy-yy" "yyyyyy" "yyyyyyyyyyyy" "yyyyy-y",
    "counsel":         "y-yyyy---y--yy" "yyyyyy" "yyyyyyyyyyyy" "yyyyy--",
    "outside_counsel": "y---yy---y--yy" "yyyyyy" "yyyyyyyyy---" "--yyy--",
    "dpo":             "y-yyyy---y--yy" "yyyyyy" "yyyyyyyyyyyy" "yyyyy--",
    "executive":       "y-y-yyyyyy--yy" "yyyyyy" "yyyyyyyyy---" "--y-y-y",
    "hr":              "y-y-yy---y--yy" "yyyyyy" "-------y----" "--yyy--",
    "evaluator":       "y---yyyyy---yy" "yyyyyy" "------------" "--y----",
    "exercise_controller": "y---yyyyy---yy" "yyyyyy" "------------" "--y----",
    "auditor":         "y--yyyyyyy--yy" "yyyyyy" "yyyyyyy-y---" "yyyyy-y",
    ANY:               "y-y-yy---y--yy" "yyyyyy" "-------y----" "--yyy--",
    "administrator":   "y---------yyyy" "------" "------------" "-------",
    SEALED:            "y-yyyy---y--yy" "yyyyyy" "yyyyyyy-y---" "yyyyy--",
    "nobody":          "y-----------yy" "------" "------------" "-------",
}  # fmt: skip
"""An incident that is no exercise has no page to conduct one."""


_RESPONDER = {"task.act", "note.add", "sign", "fact.state", "entry.correct", "audit.verify"}
_LAWYER = {
    *_RESPONDER, "entry.confirm", "duty.decide", "duty.file", "notice.edit", "message.send", "incident.open",
    "campaign.manage",
}  # fmt: skip
_LEADS = {
    "task.steer", "incident.lead", "domain.declare", "person.manage", "message.send", "incident.open",
    "campaign.manage", "exercise.manage", "exercise.conduct", "exercise.rate", "alert.handle",
}  # fmt: skip
ACTS_EXPECTED: dict[str, set[str]] = {
    LOCAL: {
        *_LAWYER,
        *_LEADS,
        "message.own",
        "note.privileged",
        "account.manage",
        "law.check",
        "record.export",
    },
    "commander": {*_RESPONDER, *_LEADS, "entry.confirm", "duty.file", "law.check"},
    "counsel": {*_LAWYER, "note.privileged", "law.check", "record.export"},
    "outside_counsel": {"note.add", "entry.correct", "sign", "notice.edit", "audit.verify"},
    "dpo": {*_LAWYER, "law.check", "record.export"},
    "executive": {
        "task.act",
        "note.add",
        "sign",
        "entry.correct",
        "entry.confirm",
        "duty.decide",
        "incident.open",
        "audit.verify",
    },
    "hr": _RESPONDER,
    "evaluator": {"exercise.rate"},
    "exercise_controller": {"exercise.rate", "exercise.conduct"},
    "auditor": {"audit.verify"},
    "administrator": {"account.manage"},
    SEALED: {
        "task.act",
        "note.add",
        "fact.state",
        "entry.correct",
        "audit.verify",
        "task.steer",
        "incident.lead",
        "domain.declare",
        "message.send",
        "incident.open",
    },
    ANY: {*_RESPONDER, "domain.declare", "incident.open"},
    "nobody": set(),
}
"""The rights to change something that each role has; ``message.own`` comes from a message, not from a role."""
ACT_RIGHTS: dict[str, dict[str, str]] = {
    "incidents": {"open": "incident.open"},
    "alert": {"open": "alert.handle", "dismiss": "alert.handle"},
    "people": {"away": "person.manage", "role": "person.manage"},
    "accounts": dict.fromkeys(("invite", "end", "reset", "disable", "disarm"), "account.manage"),
    "incident": {
        # What everybody adds. To take over needs a brief for this person and role.
        "note": "note.add", "attach": "note.add", "take": "note.add", "receive": "note.add",
        "privileged": "note.privileged",
        "confirm": "entry.confirm",
        "domain": "domain.declare",
        # The course of the incident
        "task": "incident.lead", "severity": "incident.lead", "role": "incident.lead", "brief": "incident.lead",
        "restrict": "incident.lead", "unrestrict": "incident.lead", "graft": "incident.lead", "pause": "incident.lead", "resume": "incident.lead", "time": "incident.lead", "close": "incident.lead",
        "cancel": "incident.lead", "reopen": "incident.lead", "link": "incident.lead", "unlink": "incident.lead",
        # Whoever is in danger stops an exercise.
        "frozen": "note.add",
    },
    "task": {
        "start": "task.act", "check": "task.act", "done": "task.act", "fail": "task.act", "answer": "task.act",
        "comment": "task.act",
        "assign": "task.steer", "skip": "task.steer", "reopen": "task.steer",
    },
    "messages": {"send": "message.send"},
    "message": {
        "ack": "message.own", "ack_for": "message.send", "call": "message.send", "resolve": "message.send",
        "retry": "message.send",
    },
    "facts": {"confirm": "entry.confirm", "state": "fact.state", "import": "fact.state"},
    "fact": {
        "confirm": "entry.confirm", "state": "fact.state", "unknown": "fact.state", "later": "fact.state",
        "ask": "fact.state",
    },
    "missing": {"answer": "fact.state"},
    "timeline": {"correct": "entry.correct"},
    "evidence": dict.fromkeys(("hand_over", "describe", "receive"), "note.add"),
    "duty": {"filed": "duty.file", "render": "notice.edit", "decide": "duty.decide", "waive": "duty.decide", "confirm": "duty.decide"},
    "file": {"filed": "duty.file"},
    "notice": {
        "tick": "notice.edit", "accept": "notice.edit", "render": "notice.edit", "adopt": "notice.edit",
    },
    "sign": {"approve": "sign", "reject": "sign"},
    "letters": dict.fromkeys(("plan", "make", "suppress"), "campaign.manage"),
    "campaign": dict.fromkeys(("send", "pause", "resume", "receipts", "substitute", "verify"), "campaign.manage"),
    "run": {"approve": "sign", "final": "campaign.manage"},
    "audit": {"verify": "audit.verify"}, "record": {"verify": "audit.verify", "export": "record.export"},
    "exercises": dict.fromkeys(("add", "acknowledge", "open", "schedule", "unschedule"), "exercise.manage"),
    "improvement": dict.fromkeys(("change", "done", "reopen", "drop"), "exercise.manage"),
    "exercise": {
        **dict.fromkeys(
            ("begun", "paused", "resumed", "jumped", "ended", "close", "inject", "leave_out"), "exercise.conduct"
        ),
        "frozen": "note.add", "observe": "exercise.rate", "rate": "exercise.rate",
    },
    "report": {"sign": "exercise.rate", "sign_real": "incident.lead"},
    "provisions": {"verify": "law.check"},
}  # fmt: skip
"""The right of each act, written by hand: an act with a weaker right is an error."""
BOUND = {
    "people": {"role"}, "accounts": {"invite", "end", "reset", "disable", "disarm"}, "evidence": {"receive"}, "incident": {"confirm", "take", "receive", "role", "brief", "domain", "close", "cancel", "restrict", "unrestrict"},
    "facts": {"confirm"}, "fact": {"confirm"}, "timeline": {"correct"},
    "duty": {"decide", "waive", "confirm"}, "sign": {"approve", "reject"},
    "campaign": {"send", "resume", "substitute"}, "run": {"approve"},
    "report": {"sign", "sign_real"}, "provisions": {"verify"},
    "record": {"export"},
}  # fmt: skip
"""The acts for which a person with an account gives the factors again."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AtDesk, Served, str]]:
    """A home in which each role has one person of the same name, a breach, and its room."""
    folder = tmp_path_factory.mktemp("access")
    desk = AtDesk(folder / "home")
    desk.done("init")
    document = a_breach(desk, folder)
    happened = "incident.occurred_at=2026-11-23T08:00:00Z"
    desk.done("fact", "set", happened, "--source", "the help desk", "--as", "maria")
    for role in (*ROLES, "technical"):
        if role not in (LOCAL, ANY, SEALED, "commander", "counsel"):
            desk.done("person", "add", role, "--name", role, "--as", "maria")
            desk.done("role", "assign", role, role, "--always", "--as", "maria")
    with served(desk, document) as room:
        yield desk, room, document
    desk.close()


def reader_of(room: Served, role: str) -> requests.Session:
    """Return a browser in which the person of a role is logged in."""
    if role == SEALED:
        return room.reader("break-glass", proven="login:break-glass/s-1")
    person = {LOCAL: "maria", "commander": "maria", "counsel": "jonas", ANY: "technical"}.get(role, role)
    return room.reader(person, os_user="maria" if role == LOCAL else "")


def references(room: Served, document: str) -> dict[str, str]:
    """Return a thing for each page about one thing."""
    return {
        "task": "law", "fact": "data.involved", "duty": DUTY, "file": DUTY, "notice": document,
        "changes": document, "sign": "sign", "message": "d-none", "provisions": "eu-gdpr-33-controller-sa",
        "improvement": "i-none", "alert": "a-none",
        "campaign": "b-none", "samples": "b-none", "run": "a-none",
    }  # fmt: skip


def test_the_expected_table_has_every_role_and_every_page() -> None:
    assert tuple(row.operation for row in TABLE) == PAGES
    assert EXPECTED.keys() == {*ROLES, "nobody"}
    assert {len(line) for line in EXPECTED.values()} == {len(PAGES)}


@pytest.mark.parametrize("role", EXPECTED)
def test_each_role_reads_its_pages_and_no_other(house: tuple[AtDesk, Served, str], role: str) -> None:
    _, room, document = house
    reader = reader_of(room, role)
    things, found = references(room, document), ""
    absent = room.get(reader, "/i/no-such/tasks")
    for row in TABLE:
        answer = room.get(reader, address(row, room.codename, things.get(row.operation, "")))
        # What does not exist is a page that may be asked for: its error names it.
        allowed = answer.status_code == 200 or re.search("[diab]-none", answer.text) is not None
        found += "y" if allowed else "-"
        if not allowed:
            assert (answer.status_code, answer.content) == (404, absent.content), row.operation
    assert found == EXPECTED[role]


@pytest.mark.parametrize("role", EXPECTED)
def test_a_document_goes_to_those_who_may_read_the_notice(
    house: tuple[AtDesk, Served, str], role: str
) -> None:
    _, room, document = house
    reader = reader_of(room, role)
    answer = room.get(reader, document_address(room.codename, document, "txt"))
    assert (answer.status_code == 200) == (EXPECTED[role][PAGES.index("notice")] == "y")
    if answer.status_code == 200:
        assert answer.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize("role", EXPECTED)
def test_a_file_of_a_page_goes_to_those_who_have_the_page(
    house: tuple[AtDesk, Served, str], role: str
) -> None:
    _, room, _ = house
    reader = reader_of(room, role)
    absent = room.get(reader, "/nothing").content
    for operation in DOWNLOADS:
        answer = room.get(reader, download_address(BY_OPERATION[operation], room.codename, "e-none"))
        allowed = answer.status_code == 200 or "e-none" in answer.text
        assert allowed == (EXPECTED[role][PAGES.index(operation)] == "y"), operation
        assert allowed or answer.content == absent


def test_the_navigation_offers_only_pages_that_open(house: tuple[AtDesk, Served, str]) -> None:
    _, room, _ = house
    for role, person in (("executive", "executive"), ("evaluator", "evaluator"), (ANY, "technical")):
        reader = room.reader(person)
        page = room.get(reader, f"/i/{room.codename}").text
        offered = {
            row.operation for row in TABLE if row.title and f'href="{address(row, room.codename)}"' in page
        }
        may = {name for name, letter in zip(PAGES, EXPECTED[role], strict=True) if letter == "y"}
        assert offered == {row.operation for row in TABLE if row.title and row.operation in may}


def test_an_unproven_name_from_elsewhere_reads_nothing(house: tuple[AtDesk, Served, str]) -> None:
    _, room, _ = house
    claimed = room.reader("maria", proven="")
    assert room.get(claimed, f"/i/{room.codename}").status_code == 404
    assert room.codename not in room.get(claimed, "/").text


def test_privileged_notes_are_in_no_page_of_the_room(
    house: tuple[AtDesk, Served, str], tmp_path: Path
) -> None:
    desk, room, document = house
    desk.done("note", "canary-of-counsel", "--privileged", "--as", "jonas")
    things = references(room, document)
    for person in ("maria", "jonas", "technical"):
        reader = room.reader(person)
        for row in TABLE:
            assert (
                "canary-of-counsel"
                not in room.get(
                    reader, address(row, room.codename, things.get(row.operation, "")) + "?all=1"
                ).text
            )


def test_each_act_has_the_right_that_people_wrote_down() -> None:
    found = {name: {verb: act.right for verb, act in one.acts.items()} for name, one in ACTING.items()}
    assert found == ACT_RIGHTS
    bound = {name: {verb for verb, act in one.acts.items() if act.bound} for name, one in ACTING.items()}
    assert {name: verbs for name, verbs in bound.items() if verbs} == BOUND


@pytest.mark.parametrize("role", EXPECTED)
def test_each_role_acts_as_the_table_says(house: tuple[AtDesk, Served, str], role: str) -> None:
    _, room, document = house
    reader = reader_of(room, role)
    absent = room.get(reader, "/nothing").content
    may = ACTS_EXPECTED[role]
    things = references(room, document)
    for operation, acting in ACTING.items():
        row = BY_OPERATION[operation]
        incident = room.codename if row.about_incident else ""
        for verb in acting.acts:
            # A mark of another page, and no field: who may act hears what is wrong, and nothing is done.
            answer = reader.post(
                f"{room.url}{act_address(row, verb, incident, things.get(operation, ''))}",
                data={"mark": "x", "person": "maria"},
                timeout=PATIENCE,
            )
            reads = EXPECTED[role][PAGES.index(operation)] == "y"
            if reads and ACT_RIGHTS[operation][verb] in may:
                known = answer.status_code in (200, 409, 412) or "-none" in answer.text
                assert known, (operation, verb, answer.status_code, answer.text[-500:])
            else:
                assert (answer.status_code, answer.content) == (404, absent), (operation, verb)
