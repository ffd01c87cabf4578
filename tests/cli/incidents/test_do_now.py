"""DO NOW is one list: whatever shows it, or ends with 4 because of it, means the same things in the same order."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from runner.app.home.workers import dismiss, enlist
from runner.reports.core.attention_item import AttentionKind, Rank
from runner.reports.core.do_now import ORDER
from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.notices.noticed import DUTY, noticed
from tests.cli.notices.noticed import PLAYBOOK as noticed_playbook

CONTAIN = PLAYBOOK.replace("due: 15m,", "due: 15m, phase: containment,")
BLOCK = "lost-badge:block#1"
LAW = [
    "organisation.role=controller",
    "incident.impact=confidentiality",
    "incident.discovered_at=2026-11-24T08:30:00Z",
    "data.involved=true",
]


def rows(desk: AtDesk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk("status", "--format", "json").json["needs_attention"]
    return found


def one_list(desk: AtDesk) -> list[tuple[str, str]]:
    """Return DO NOW as kind and reference, after all that show it have shown the same."""
    worker = desk("worker", "--once", "--format", "json")
    status = desk("status", "--check", "--format", "json")
    brief = desk("brief", "--format", "json").json
    following = desk("next", "--all", "--format", "json").json["next"]
    doctor = desk("doctor", "--offline", "--format", "json")
    watched = desk("watch", "--format", "json").json

    def told(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [(one["kind"], one["ref"]) for one in found]

    expected = told(status.json["needs_attention"])
    assert told(worker.json["needs_attention"]) == expected
    assert told(brief["needs_attention"]) == expected
    assert told(watched["needs_attention"]) == expected
    assert told([one for one in following if one["kind"] != "ready"]) == expected
    findings = [finding for finding in doctor.json["findings"] if finding["area"] == "do now"]
    assert [(finding["code"], finding["ref"]) for finding in findings] == expected
    assert {said.code for said in (worker, status)} == {4 if expected else 0}
    assert doctor.code == 4 if expected else doctor.json["ok"]
    return expected


@pytest.fixture
def contained(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """An incident whose first task is a containment task, and whose law asks questions."""
    path = tmp_path / "contain.yaml"
    path.write_text(CONTAIN, encoding="utf-8")
    facts = (word for one in LAW for word in ("--fact", one))
    tocsin.done("open", str(path), "--yes", "--fact", "incident.summary=Badge 4711", *facts)
    return tocsin


def test_a_ready_containment_task_is_to_be_done_now(contained: AtDesk) -> None:
    assert one_list(contained)[0] == ("containment", BLOCK)


def test_a_task_is_not_to_be_done_now_before_it_is_due(incident: AtDesk) -> None:
    assert {kind for kind, _ in one_list(incident)} == {"fact_missing"}


def test_a_task_is_due_at_its_time_although_nothing_has_recorded_it(incident: AtDesk) -> None:
    incident.clock.advance(timedelta(minutes=16))
    assert rows(incident)[0]["ref"] == BLOCK
    assert one_list(incident)[0] == ("overdue", BLOCK)


def test_a_person_to_call_is_listed(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.settings(channels={"pager": {"adapter": "webhook", "settings": {"url": "http://127.0.0.1:1/x"}}})
    path = playbook.with_name("urgent.yaml")
    path.write_text(PLAYBOOK.replace("task-notice", "urgent-internal"), encoding="utf-8")
    tocsin.done("open", str(path), "--yes", "--fact", "incident.summary=Badge 4711")
    tocsin.clock.advance(timedelta(hours=3))
    assert "unreachable" in {kind for kind, _ in one_list(tocsin)}


def test_a_duty_is_to_be_done_two_hours_before_its_start(tocsin: AtDesk, tmp_path: Path) -> None:
    signed = "by: {roles: [counsel]},"
    desk = noticed(tocsin, tmp_path, playbook=noticed_playbook.replace(signed, f"{signed} due: 4h,"))
    (duty,) = (duty for duty in desk("duties", "--format", "json").json["duties"] if duty["id"] == DUTY)
    start = datetime.fromisoformat(duty["latest_safe_start"])
    assert start < datetime.fromisoformat(duty["due"])
    desk.clock.time = start - timedelta(hours=2, minutes=1)
    assert ("clock", DUTY) not in one_list(desk)
    desk.clock.time = start - timedelta(hours=1, minutes=59)
    assert ("clock", DUTY) in one_list(desk)
    desk.clock.time = datetime.fromisoformat(duty["due"]) + timedelta(minutes=1)
    assert ("duty_overdue", DUTY) in one_list(desk)


# --- the order ------------------------------------------------------------------------------------------


def ranks(desk: AtDesk, kind: str) -> set[int]:
    found = rows(desk)
    assert [row["rank"] for row in found] == sorted(row["rank"] for row in found)
    return {row["rank"] for row in found if row["kind"] == kind}


def test_every_kind_of_action_has_one_place() -> None:
    placed = [kind for kinds in ORDER.values() for kind in kinds]
    assert sorted(placed) == sorted(get_args(AttentionKind))
    assert list(ORDER) == list(get_args(Rank))


def test_legal_questions_wait_while_a_containment_task_is_open(contained: AtDesk) -> None:
    assert ranks(contained, "containment") == {1}
    assert ranks(contained, "fact_missing") == {7}
    for words in (("next", "--all"), ("watch",)):
        found = contained(*words, "--format", "json").json
        first = (found.get("next") or found["needs_attention"])[0]
        assert (first["kind"], first["rank"], first["due"]) == ("containment", 1, "2026-11-24T09:15:00Z")
    for row in ("1", "2"):
        contained.done("task", "check", "block", row)
    contained.done("task", "done", "block")
    assert ranks(contained, "fact_missing") == {7}


def test_legal_questions_wait_for_four_hours_at_most(contained: AtDesk) -> None:
    contained.clock.advance(timedelta(hours=4))
    assert (ranks(contained, "overdue"), ranks(contained, "fact_missing")) == ({1, 3}, {7})


def test_a_question_that_decides_a_pressing_duty_does_not_wait(contained: AtDesk) -> None:
    contained.done("fact", "set", "data.involved=?", "--source", "not counted yet")
    contained.clock.time = datetime.fromisoformat("2026-11-27T08:30:00Z") - timedelta(hours=11)
    assert 2 in ranks(contained, "fact_missing")


WAITS_FOR = """\
schema: tocsin/playbook/v1
name: away
version: 1.0.0
title: Somebody is away
roles: {commander: {title: Commander}, counsel: {title: Counsel}, technical: {title: Technical lead}}
messages:
  alert: {class: urgent-internal, text: "Call in"}
steps:
  - {id: tell, message: alert, to: [role:counsel, role:technical]}
  - {id: stop, task: Stop it, role: technical, due: 9h, phase: containment}
"""


def test_a_call_is_first_if_containment_waits_for_that_person(tocsin: AtDesk, tmp_path: Path) -> None:
    tocsin.settings(
        channels={"pager": {"adapter": "webhook", "settings": {"url": "http://127.0.0.1:1/x"}}},
        roles={"commander": ["maria"], "counsel": ["jonas"], "technical": ["ada"]},
    )
    (tmp_path / "away.yaml").write_text(WAITS_FOR, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "away.yaml"), "--yes")
    tocsin.clock.advance(timedelta(hours=3))
    found = [(one["kind"], one["person"], one["rank"]) for one in rows(tocsin)]
    assert found[:3] == [("unreachable", "ada", 1), ("containment", "", 1), ("unreachable", "jonas", 4)]
    shown = tocsin("next", "--format", "json").json["next"]
    assert [(one["kind"], one["person"]) for one in shown][:2] == [
        ("unreachable", "ada"),
        ("containment", ""),
    ]
    assert "1 more person" in shown[0]["text"]
    tocsin.done("call", found_call(tocsin, "ada"), "--reached")
    assert rows(tocsin)[0]["kind"] == "containment"


def found_call(desk: AtDesk, person: str) -> str:
    return next(str(one["ref"]) for one in rows(desk) if one["person"] == person)


GATED = """\
schema: tocsin/playbook/v1
name: gated
version: 1.0.0
title: A question first
roles: {commander: {title: Commander}}
steps:
  - {id: staff, task: Tell staff, role: commander, due: 10m}
  - {id: which, ask: Which accounts, sets: incident.vector, role: commander, due: 20m}
  - {id: lock, task: Lock the accounts, role: commander, due: 20m, phase: containment, after: [which]}
"""


def test_a_question_that_containment_waits_for_is_containment(tocsin: AtDesk, tmp_path: Path) -> None:
    (tmp_path / "gated.yaml").write_text(GATED, encoding="utf-8")
    tocsin.done("open", str(tmp_path / "gated.yaml"), "--yes")
    first = tocsin("next", "--format", "json").json["next"][0]
    assert (first["kind"], first["rank"], first["ref"]) == ("containment", 1, "gated:which#1")


def test_pages_show_tasks_with_an_hour_left_as_now_and_no_exit_code_counts_them(incident: AtDesk) -> None:
    assert BLOCK not in {row["ref"] for row in rows(incident)}
    page = incident.done("status")
    assert "Block the badge" in page.partition("DO NOW")[2].partition("LEGAL DEADLINES")[0]
    mine = [one["ref"] for one in incident("next", "--as", "jonas", "--format", "json").json["next"]]
    assert mine == [one["ref"] for one in incident("next", "--me", "jonas", "--format", "json").json["next"]]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("ransomware", ["lock_backups", "isolate"]),
        ("sim-swap", ["refuse", "carrier"]),
        ("messaging-outage", []),
        ("misdirected-message", ["recall"]),
        ("account-takeover", ["lockout.which", "hold_payments", "help_desk"]),
    ],
)
def test_the_shipped_playbooks_name_their_containment_tasks(
    tocsin: AtDesk, name: str, first: list[str]
) -> None:
    tocsin.done("open", name, "--yes", "--no-work")
    found = tocsin("status", "--format", "json").json
    assert [one["ref"].rpartition(":")[2] for one in found["needs_attention"] if one["rank"] == 1] == [
        f"{step}#1" for step in first
    ]
    assert any(task["containment"] for task in found["tasks"])


# --- no worker ------------------------------------------------------------------------------------------

SCREENS = (
    ("status",),
    ("next",),
    ("brief",),
    ("task", "list"),
    ("duties",),
    ("message", "list"),
    ("timeline",),
    ("fact", "show"),
    ("watch",),
)


@pytest.mark.parametrize("words", SCREENS, ids=" ".join)
def test_every_screen_says_whether_a_worker_runs(incident: AtDesk, words: tuple[str, ...]) -> None:
    assert incident(*words, "--format", "json").json["worker"] == {
        "running": False,
        "start": "tocsin worker start",
    }
    alone = incident.done(*words) if words != ("watch",) else ""
    with working(incident):
        assert incident(*words, "--format", "json").json["worker"]["running"] is True
        if words != ("watch",):
            page = incident.done(*words)
            assert alone.endswith(page)
            assert "tocsin worker" in alone.removesuffix(page)


def test_an_incident_that_ended_needs_no_worker(incident: AtDesk) -> None:
    incident.cancelled("amber-falcon")
    assert "worker" not in incident("status", "-i", "amber-falcon", "--format", "json").json


def test_doctor_warns_that_no_worker_runs_while_an_incident_is_open(incident: AtDesk) -> None:
    def codes() -> list[str]:
        found = incident("doctor", "--offline", "--format", "json").json["findings"]
        return [finding["code"] for finding in found if finding["area"] == "worker"]

    assert codes() == ["no_worker"]
    with working(incident):
        assert codes() == []


@contextmanager
def working(desk: AtDesk) -> Iterator[None]:
    """Have a worker of this process run in a home meanwhile."""
    service = desk.office()
    handle = service.register_worker("w-test")
    enlist(service, "w-test")
    yield
    dismiss(service, "w-test")
    handle.release()


# --- channels -------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a server on this machine."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield int(listening.getsockname()[1])


def findings(desk: AtDesk, *words: str) -> dict[str, str]:
    found = desk("doctor", *words, "--format", "json").json["findings"]
    return {finding["ref"]: finding["code"] for finding in found if finding["code"] == "channel_unreachable"}


def test_doctor_connects_to_the_server_of_each_channel(tocsin: AtDesk, server: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as gone:
        closed = gone.getsockname()[1]
    mail = {"host": "127.0.0.1", "port": closed, "sender": "tocsin@example.org", "tls": "none"}
    tocsin.settings(
        channels={
            "mail": {"adapter": "smtp", "settings": mail},
            "pager": {"adapter": "webhook", "settings": {"url": f"http://127.0.0.1:{server}/in"}},
            "gone": {"adapter": "ntfy", "settings": {"url": f"http://127.0.0.1:{closed}"}},
            "screen": {"adapter": "console", "settings": {"path": os.devnull}},
        }
    )
    assert findings(tocsin) == {"mail": "channel_unreachable", "gone": "channel_unreachable"}
    assert tocsin("doctor").code == 4
    assert findings(tocsin, "--offline") == {}


def test_what_waits_for_others_is_said_where_nothing_is_to_be_done_at_once(incident: AtDesk) -> None:
    incident.done("message", "send", "Meet", "--to", "person:jonas", "--ask-ack", "--yes")
    incident.done("brief", "--give", "jonas")
    waiting = incident("next", "--format", "json").json["waiting"]
    assert [text.split()[0] for text in waiting][:2] == ["Acknowledgement:", "Handover"]
    assert incident("status", "--format", "json").json["handover"]["taken_at"] is None
    incident.cancelled("amber-falcon")
    ended = incident("next", "-i", "amber-falcon", "--format", "json")
    assert ended.json["waiting"] == []
