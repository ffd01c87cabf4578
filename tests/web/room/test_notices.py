"""What people do on the page of a notice: generate, verify, import Word edits, compare."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from runner.documents.word.docx_package import pack, unpack
from runner.web.room.drawing import marked
from runner.web.room.table import document_address
from tests.cli.at_desk import AtDesk
from tests.web.room.filled import Page
from tests.web.room.room import Served


@pytest.fixture
def jonas(room: Served) -> Page:
    """The page of the notice as counsel has it."""
    return Page(room, room.reader("jonas"), "notice", room.document)


def counsel_writes(docx: bytes, old: str, new: str) -> bytes:
    parts = unpack(docx)
    xml = parts["word/document.xml"].decode()
    assert old in xml
    return pack({**parts, "word/document.xml": xml.replace(old, new).encode()})


def newest(desk: AtDesk) -> Any:
    return desk("notice", "list", "--format", "json").json["notices"][-1]


def test_marked_words_are_found_across_lines_and_stay_text() -> None:
    found = marked("12 people\nof <b>Ohio</b>, and 12 dogs", ["12 people of <b>ohio", "", "dog"])
    assert found == "<mark>12 people\nof &lt;b&gt;Ohio</mark>&lt;/b&gt;, and 12 dogs"
    assert marked("<i>", []) == "&lt;i&gt;"


def test_a_gap_is_filled_and_the_notice_is_generated_and_verified(
    desk: AtDesk, room: Served, jonas: Page
) -> None:
    assert "Somebody read a mailbox." in jonas.text()
    assert jonas.offered() >= {"render", "adopt"}
    desk.done("fact", "set", "incident.vector=phishing", "--source", "the log", "--as", "jonas")
    before = jonas.text()
    answer = jonas.post("render", gaps="no reason")
    assert (answer.status_code, "no reason" in answer.text) == (409, True)
    answer = jonas.post("render")
    assert (answer.status_code, jonas.offered()) == (303, set()), "a superseded version has no forms"
    row = newest(desk)
    assert (row["by"], row["status"], unquote(answer.headers["location"]).endswith(row["document"])) == (
        "jonas", "final", True
    )  # fmt: skip
    assert "<mark>" not in before
    page = Page(room, jonas.reader, "notice", row["document"])
    for number, _ in enumerate(row["to_verify"], 1):
        assert page.post("tick", item=str(number), digest=row["digest"]).status_code == 303
    assert {one["by"] for one in newest(desk)["ticks"].values()} == ({"jonas"} if row["to_verify"] else set())
    wrong = page.post("tick", item="99", digest=row["digest"])
    assert wrong.status_code == 409
    desk.done("fact", "set", "incident.summary=Two mailboxes.", "--source", "the log", "--as", "ada")
    assert "<mark>Somebody read a mailbox.</mark>" in page.text()
    changes = Page(room, page.reader, "changes", row["document"]).text()
    assert "phishing" in changes.lower()


def test_word_edits_are_shown_before_they_are_imported(desk: AtDesk, room: Served, jonas: Page) -> None:
    docx = room.get(jonas.reader, document_address(room.codename, room.document, "docx")).content
    before = newest(desk)["document"]
    same = jonas.do("adopt", {"file": ("noticed.docx", docx)})
    assert (same.status_code, newest(desk)["document"]) == (303, before)
    answer = jonas.post("adopt", {"file": ("noticed.docx", b"no word file")})
    assert answer.status_code == 409
    edited = counsel_writes(docx, "Somebody read a mailbox.", "An unknown person read one mailbox.")
    assert jonas.do("adopt", {"file": ("noticed.docx", edited)}).status_code == 303
    row = newest(desk)
    assert (row["adoption"]["by"], row["document"] != before) == ("jonas", True)
    page = Page(room, jonas.reader, "notice", row["document"])
    assert page.post("render").status_code == 409, "Word edits are not lost by accident"
    assert page.post("render", edits="drop").status_code == 303
    assert newest(desk)["adoption"] is None
