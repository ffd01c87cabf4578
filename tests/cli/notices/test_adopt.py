"""Counsel edits the Word file; the edits come back as the notice, compared, checked and approved like any other text."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.app.home.open_home import open_service
from runner.documents.word.docx_package import pack, unpack
from runner.store.port import Store
from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import DUTY, noticed, rendered


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A final notice, approved."""
    made = noticed(tocsin, tmp_path)
    made.done("fact", "set", "incident.vector=phishing", "--source", "log")
    made.done("notice", "render", "draft")
    made.done("approve", "sign", "--as", "ada", "--digest", rendered(made)["digest"])
    return made


def pulled(desk: AtDesk, folder: Path) -> Path:
    """Return the Word file as counsel gets it."""
    desk.done("notice", "pull", "--to", "docx", "--out", str(folder))
    return next(path for path in folder.rglob("*.docx") if "REDLINE" not in path.name)


def edited(path: Path, *changes: tuple[str, str]) -> Path:
    """Edit the file's text as Word would."""
    parts = unpack(path.read_bytes())
    xml = parts["word/document.xml"].decode()
    for old, new in changes:
        assert old in xml, (old, xml)
        xml = xml.replace(old, new)
    path.write_bytes(pack({**parts, "word/document.xml": xml.encode()}))
    return path


def test_the_edits_are_shown_and_become_the_notice_in_every_format(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    said = desk("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert said.code == 0, said.err
    compare("notice.adopt", said.err, desk.home)
    one = rendered(desk)
    assert (one["status"], one["by"], one["adoption"]["by"]) == ("final", "jonas", "jonas")
    desk.done("notice", "pull", "--to", "txt,html", "--out", str(tmp_path / "back"))
    for form in ("txt", "html"):
        (path,) = (tmp_path / "back").rglob(f"short-notice*.{form}")
        assert "The way in was: phishing." in path.read_text(encoding="utf-8")


def test_an_approval_of_the_old_bytes_is_void_and_the_new_ones_are_approved_as_any(
    desk: AtDesk, tmp_path: Path
) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    said = desk("approve", "sign", "--as", "jonas", "--digest", rendered(desk)["digest"])
    assert (said.code, said.error) == (1, "author")
    voided = [
        entry
        for entry in desk("timeline", "--format", "json").json["entries"]
        if entry["type"] == "ApprovalVoided"
    ]
    assert len(voided) == 1
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    desk.done("duty", "record-filed", DUTY, "--reference", "4711")


def test_identical_bytes_and_an_untouched_text_change_nothing(desk: AtDesk, tmp_path: Path) -> None:
    file = pulled(desk, tmp_path / "out")
    before = desk("status", "--format", "json").json["version"]
    assert desk("notice", "adopt", str(file), "--as", "jonas", "--format", "json").json["version"] == before
    edited(file, ("<w:r><w:t", '<w:r w:rsidR="00A1"><w:t'))
    assert desk("notice", "adopt", str(file), "--format", "json").json["version"] == before
    assert desk("status", "--format", "json").json["version"] == before
    assert rendered(desk)["adoption"] is None


def test_tracked_changes_are_taken_as_final_and_said_so(desk: AtDesk, tmp_path: Path) -> None:
    inserted = '<w:ins w:id="7" w:author="Counsel"><w:r><w:t xml:space="preserve"> We regret this.</w:t></w:r></w:ins></w:p>'
    file = edited(
        pulled(desk, tmp_path / "out"),
        ("Somebody read a mailbox.</w:t></w:r></w:p>", f"Somebody read a mailbox.</w:t></w:r>{inserted}"),
    )
    said = desk("notice", "adopt", str(file), "--as", "jonas", "--yes")
    compare("notice.adopt-tracked", said.err, desk.home)
    assert rendered(desk)["adoption"]["tracked"] == 1
    entries = desk("timeline", "--format", "json").json["entries"]
    (told,) = (entry["text"] for entry in entries if entry["type"] == "NoticeAdopted")
    assert {"jonas", "1"} <= set(re.findall(r"\w+", told)), (
        "whose file, and how many changes were taken as final"
    )


def test_a_required_item_removed_by_counsel_keeps_the_notice_a_draft(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("phishing", "a way that we do not tell"))
    said = desk("notice", "adopt", str(file), "draft", "--as", "jonas", "--yes")
    compare("notice.adopt-gap", said.err, desk.home)
    one = rendered(desk)
    assert (one["status"], len(one["gaps"])) == ("draft", 1)
    said = desk("approve", "sign", "--as", "ada", "--digest", one["digest"])
    assert (said.code, said.error) == (1, "draft")
    desk.done("notice", "adopt", str(file), "draft", "--as", "jonas", "--yes", "--override", "privilege")


def test_forbidden_content_in_an_edited_text_is_reported(tocsin: AtDesk, tmp_path: Path) -> None:
    more = "facts: [organisation.name]"
    body = "{{ organisation.name }}. {{ incident.summary }} {{ incident.vector|label }}"
    desk = noticed(
        tocsin,
        tmp_path,
        body=body,
        more=more,
        forbids="[{ref: c, item: The cause, facts: [incident.root_cause]}]",
    )
    desk.done("fact", "set", "incident.root_cause=a stolen key", "--source", "log")
    file = edited(pulled(desk, tmp_path / "out"), ("Somebody read", "With a stolen key somebody read"))
    said = desk("notice", "adopt", str(file), "--as", "jonas", "--yes")
    compare("notice.adopt-forbidden", said.err, desk.home)


def test_regenerating_a_notice_does_not_drop_edits_by_accident(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    said = desk("notice", "render", "draft")
    assert (said.code, said.error, "jonas" in said.err) == (1, "edits_lost", True)
    desk.done("notice", "render", "draft", "--drop-edits")
    assert rendered(desk)["adoption"] is None


def test_a_person_is_asked_before_anything_is_recorded(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    said = desk("notice", "adopt", str(file), "--as", "jonas", "--format", "json")
    assert (said.code, said.error) == (1, "no_terminal")
    assert {str(file), "--yes"} <= set(said.json["hint"].split()), "the command that does not ask"
    said = desk("notice", "adopt", str(file), "--as", "jonas", types="n\n")
    assert (said.code, "[not_confirmed]" in said.err) == (1, True)
    assert rendered(desk)["adoption"] is None
    desk.done("notice", "adopt", str(file), "--as", "jonas", types="y\n")
    assert rendered(desk)["adoption"] is not None


def test_a_file_that_could_do_harm_is_not_taken_and_leaves_no_trace(desk: AtDesk, tmp_path: Path) -> None:
    file = pulled(desk, tmp_path / "out")
    file.write_bytes(pack({**unpack(file.read_bytes()), "word/vbaProject.bin": b"x"}))
    said = desk("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert (said.code, said.error, "word/vbaProject.bin" in said.err) == (1, "word_file", True)
    said = desk("notice", "adopt", str(tmp_path / "none.docx"))
    assert (said.code, said.error) == (1, "file_missing")


def test_the_file_that_came_back_is_kept_sealed(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert not [path for path in desk.home.glob("tocsin.db*") if b"The way in was" in path.read_bytes()]
    with desk_store(desk) as store:
        assert store.get_blob(rendered(desk)["adoption"]["file"]) == file.read_bytes()


def test_an_earlier_author_of_the_same_version_cannot_approve_it(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    desk.done("notice", "render", "draft", "--drop-edits")
    desk.done("notice", "adopt", str(file), "draft", "--as", "ada", "--yes")
    said = desk("approve", "sign", "--as", "jonas", "--digest", rendered(desk)["digest"])
    assert (said.code, said.error, "jonas" in said.err) == (1, "author", True)


def test_the_doctor_misses_a_tree_and_a_word_file(desk: AtDesk, tmp_path: Path) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    with closing(sqlite3.connect(desk.home / "tocsin.db", isolation_level=None)) as store:
        digest = rendered(desk)["adoption"]["file"]
        store.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
    findings = desk("doctor", "--format", "json").json["findings"]
    (lost,) = (finding for finding in findings if finding["area"] == "blobs")
    assert lost["severity"] == "error"
    assert "noticed:draft#1/short-notice@3" in lost["what"].split()
    assert digest[:12] in lost["what"]


def desk_store(desk: AtDesk) -> Store:
    """Return the store of a home."""
    return open_service(desk.home, desk.world().who("maria"), clock=desk.clock, chance=desk.chance).store


def test_edits_that_say_the_new_value_make_the_text_current(desk: AtDesk, tmp_path: Path) -> None:
    file = pulled(desk, tmp_path / "out")
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    edited(file, ("How:", "The way in was:"))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert [one["fact"] for one in rendered(desk)["changed"]] == ["incident.summary"]
    edited(file, ("Somebody read a mailbox.", "Somebody read two mailboxes."))
    desk.done("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert (rendered(desk)["stale"], rendered(desk)["adoption"]["by"]) == (False, "jonas")


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\U000e0041"])
def test_edits_with_hidden_characters_are_refused_with_their_place(
    desk: AtDesk, tmp_path: Path, hidden: str
) -> None:
    file = edited(pulled(desk, tmp_path / "out"), ("How:", f"How{hidden}:"))
    said = desk("notice", "adopt", str(file), "--as", "jonas", "--yes")
    assert (said.error, f"U+{ord(hidden):04X}" in said.err.split()) == ("word_file", True)
