"""The firm's own Word letterhead, named in the home's settings, carries every Word file that is written."""

from __future__ import annotations

from pathlib import Path

from runner.documents.word.docx_package import unpack
from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import noticed, rendered
from tests.documents.word.letterheads import FOOTER, letterhead

ROLES = {"commander": ["maria"], "counsel": ["jonas", "ada"]}


def test_a_notice_is_written_on_the_firms_paper_and_comes_back_from_it(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    (tocsin.home / "paper.docx").write_bytes(letterhead())
    desk = noticed(tocsin, tmp_path)
    desk.settings(roles=ROLES, stationery={"letterhead": "paper.docx"})
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    desk.done("notice", "pull", "--to", "docx", "--out", str(tmp_path / "out"))
    (file,) = (tmp_path / "out" / "privileged").glob("short-notice*.docx")
    parts = unpack(file.read_bytes())
    assert parts["word/footer1.xml"] == FOOTER
    assert b"DRAFT" not in parts["word/header1.xml"]
    before = desk("notice", "list", "--format", "json").json["notices"]
    said = desk("notice", "adopt", str(file), "--format", "json")
    assert (said.code, before[-1]["document"] in said.json["done"][0]) == (0, True), said.out
    assert desk("notice", "list", "--format", "json").json["notices"] == before, "there is nothing to take"


def test_other_paper_is_other_bytes_and_a_paper_that_is_not_there_is_said(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    before = rendered(desk)["digest"]
    desk.settings(roles=ROLES, stationery={"letterhead": "gone.docx"})
    said = desk("notice", "render", "draft")
    assert (said.code, said.error, "gone.docx" in said.err) == (1, "render_failed", True)
    (desk.home / "gone.docx").write_bytes(letterhead(**{"word/vbaProject.bin": b"x"}))
    said = desk("notice", "render", "draft")
    assert (said.code, said.error, "word/vbaProject.bin" in said.err) == (1, "render_failed", True)
    (desk.home / "gone.docx").write_bytes(letterhead())
    desk.done("notice", "render", "draft")
    assert rendered(desk)["digest"] != before
