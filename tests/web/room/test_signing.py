"""What people do on the page of an approval: sign the exact bytes, refused when they are not the present ones."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import PLAYBOOK, noticed, rendered, verified
from tests.web.room.filled import Page
from tests.web.room.room import Served, served

TWO = PLAYBOOK.replace("by: {roles: [counsel]}", "by: {roles: [counsel], distinct: 2}").replace(
    "title: Legal counsel}", "title: Legal counsel, minimum: 2}"
)


@pytest.fixture
def house(desk: AtDesk, tmp_path: Path) -> Any:
    """A final notice that two counsel must approve, and its room."""
    noticed(desk, tmp_path, playbook=TWO)
    final(desk, "phishing")
    with served(desk) as room:
        yield desk, room


def final(desk: AtDesk, vector: str) -> str:
    desk.done("fact", "set", f"incident.vector={vector}", "--source", "log", "--as", "maria")
    desk.done("notice", "render", "draft", "--as", "maria")
    verified(desk, by="maria")
    return str(rendered(desk)["digest"])


def state(desk: AtDesk) -> Any:
    return desk("task", "show", "sign", "--format", "json").json


def test_two_people_sign_at_once_and_both_count(house: tuple[AtDesk, Served]) -> None:
    desk, room = house
    digest = rendered(desk)["digest"]
    pages = [Page(room, room.reader(person), "sign", "sign") for person in ("jonas", "ada")]
    assert [page.offered() for page in pages] == [{"approve", "reject"}] * 2
    queue = room.get(pages[0].reader, "/sign").text
    assert f"/i/{room.codename}/sign/" in queue
    assert all(value in pages[0].text() for value in rendered(desk)["files"].values())
    marks = [page.mark() for page in pages]
    with ThreadPoolExecutor() as threads:
        sent = [
            threads.submit(page.post, "approve", digest=digest, mark=mark)
            for page, mark in zip(pages, marks, strict=True)
        ]
    assert [one.result().status_code for one in sent] == [303, 303]
    found = state(desk)
    assert (found["task"]["state"], {one["by"] for one in found["approvals"]}) == ("done", {"jonas", "ada"})
    assert {one["proven_by"] for one in found["approvals"]} == {"login:test"}


def test_another_version_is_refused_and_both_digests_are_shown(house: tuple[AtDesk, Served]) -> None:
    desk, room = house
    page, before = Page(room, room.reader("jonas"), "sign", "sign"), rendered(desk)["digest"]
    desk.done("fact", "set", "incident.vector=ransomware", "--source", "log", "--as", "maria")
    stale = page.post("approve", digest=before, reason="as <agreed>")
    assert (stale.status_code, "as &lt;agreed&gt;" in stale.text) == (412, True), "facts changed since"
    now = final(desk, "ransomware")
    answer = page.post("approve", digest=before)
    assert (answer.status_code, before in answer.text, now in answer.text) == (412, True, True)
    assert page.post("approve", digest="sha256:00").status_code == 412
    assert page.post("reject", digest=now, reason=" ").status_code == 409
    assert state(desk)["approvals"] == []
    assert page.post("reject", digest=now, reason="the second sentence is wrong").status_code == 303
    assert state(desk)["approvals"][0]["approved"] is False


def test_an_author_and_others_are_told_why_they_cannot_sign(house: tuple[AtDesk, Served]) -> None:
    desk, room = house
    desk.done("fact", "set", "incident.vector=ransomware", "--source", "log", "--as", "maria")
    desk.done("notice", "render", "draft", "--as", "ada")
    verified(desk, by="maria")
    for person in ("ada", "maria"):
        page = Page(room, room.reader(person), "sign", "sign")
        assert (page.offered(), 'disabled aria-describedby="off-approve"' in page.text()) == (set(), True)
    digest = rendered(desk)["digest"]
    author = Page(room, room.reader("ada"), "sign", "sign").post("approve", digest=digest)
    assert (author.status_code, state(desk)["approvals"]) == (409, [])
    assert Page(room, room.reader("jonas"), "sign", "sign").post("approve", digest=digest).status_code == 303
    assert "1 of 2" in room.get(room.reader("jonas"), "/sign").text


def test_a_text_with_open_items_offers_no_approval_and_asks_for_no_factors(
    desk: AtDesk, tmp_path: Path
) -> None:
    noticed(desk, tmp_path, forbids="[{ref: c, item: The cause, facts: [incident.root_cause]}]")
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log", "--as", "maria")
    desk.done("notice", "render", "draft", "--as", "maria")
    with served(desk) as room:
        page = Page(room, room.reader("jonas"), "sign", "sign")
        assert (page.offered(), "off-approve" in page.text()) == ({"reject"}, True)
        assert (
            "off-approve" not in Page(room, room.reader("maria"), "notice", rendered(desk)["document"]).text()
        )
        digest = rendered(desk)["digest"]
        assert page.post("approve", digest=digest, mark=page.mark()).status_code == 409
        verified(desk, by="maria")
        assert page.offered() == {"approve", "reject"}


def test_a_form_that_generates_says_who_can_approve_then(house: tuple[AtDesk, Served]) -> None:
    desk, room = house
    document = rendered(desk)["document"]
    notes = {
        person: [
            re.findall(r'<p class="warn">(.*?)</p>', Page(room, room.reader(person), page, ref).text())
            for page, ref in (("notice", document), ("duty", "eu-gdpr-33-controller-sa/initial"))
        ]
        for person in ("maria", "ada")
    }
    assert notes["maria"] == [[], []]
    assert all(len(told) == 1 and "Let somebody else" in told[0] for told in notes["ada"]), (
        "two counsel must sign"
    )
