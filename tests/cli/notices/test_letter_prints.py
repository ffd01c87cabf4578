"""Print batches and Word letters from the command line: stamped pages, letters in doubt, the firm's paper, a run cut off anywhere."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest

from runner.documents.word.docx_package import unpack
from tests.cli.at_desk import AtDesk
from tests.cli.notices.test_letters import (
    HEAD,
    everything,
    letters,  # noqa: F401  a fixture
    listed,
    manifest,
    many,
    run,
)
from tests.documents.word.letterheads import FOOTER, letterhead

MIXED = (
    HEAD
    + "".join(f"A-{n},Person {n},{n} Elm Street,US-CA\n" for n in range(1, 6))
    + f'B-1,{"WWWW " * 22},"1 Elm\nOakland",US-CA\n'
    + "B-2,אברהם לוי,5 Long Lane,US-CA\nB-3,=SUM(A1),../../etc/passwd,US-CA\n"
    + '"B-4",""") #panic(""x"") \\u{41}","1 Elm\n2 Elm\n3 Elm",US-MA\n'
)


def pages(out: Path) -> dict[str, str]:
    """Return the text of each letter's first page by its reference, where the manifest says that it is."""
    found = {}
    for line in manifest(out):
        pdf = pypdfium2.PdfDocument(out / line["file"])
        found[line["reference"]] = pdf[line["first_page"] - 1].get_textpage().get_text_range()
        assert 0 < line["first_page"] <= line["first_page"] + line["pages"] - 1 <= len(pdf)
    return found


def test_letters_of_a_batch_are_stamped_or_set_whole_and_each_is_where_the_table_says(
    letters: AtDesk,  # noqa: F811
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    said = run(letters, listed(tmp_path, MIXED), out, "--batch", "1000")
    assert said.code == 0, said.out
    text = pages(out)
    assert list(text) == [f"A-{n}" for n in range(1, 6)] + [f"B-{n}" for n in range(1, 5)]
    assert all(f"Reference {reference}." in page for reference, page in text.items())
    assert all("1 / 1" in page for page in text.values())
    assert "Person 3" in text["A-3"]
    assert set("אברהםלוי") <= set(text["B-2"])
    assert "=SUM(A1)" in text["B-3"]
    assert '") #panic("x") \\u{41}' in text["B-4"]
    files = {line["reference"]: line["file"] for line in manifest(out)}
    assert (
        {files[f"A-{n}"] for n in range(1, 6)}
        == {files["B-2"], files["B-3"]}
        == {"00001/DRAFT_00001-001.pdf"}
    )
    assert {files["B-1"], files["B-4"]} == {"00001/DRAFT_00001-002.pdf"}
    rows = list(csv.DictReader(io.StringIO((out / "letters.csv").read_text(encoding="utf-8"), newline="")))
    assert [row["file"] for row in rows] == list(files.values())
    assert rows[7]["name"] == "'=SUM(A1)"


def test_word_letters_are_written_on_the_firms_paper_and_other_paper_is_another_run(
    letters: AtDesk,  # noqa: F811
    tmp_path: Path,
) -> None:
    people, out = listed(tmp_path, many(3)), tmp_path / "out"
    (letters.home / "paper.docx").write_bytes(letterhead())
    letters.settings(stationery={"letterhead": "paper.docx"})
    said = run(letters, people, out, "--to", "docx,txt")
    assert said.code == 0, said.out
    files = sorted(out.rglob("*.docx"))
    assert len(files) == 3
    for file in files:
        parts = unpack(file.read_bytes())
        assert parts["word/footer1.xml"] == FOOTER
        assert file.stem.rpartition("_")[2].encode() in parts["word/document.xml"]
    (letters.home / "paper.docx").write_bytes(letterhead("<w:p/>"))
    refused = run(letters, people, out, "--to", "docx,txt")
    assert (refused.code, refused.error) == (1, "other_run")
    (letters.home / "paper.docx").write_bytes(letterhead(**{"word/vbaProject.bin": b"x"}))
    hostile = run(letters, people, tmp_path / "other", "--to", "docx")
    assert (hostile.code, hostile.error) == (1, "word_file")
    assert "word/vbaProject.bin" in hostile.json["message"]
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("shard", [1, 2, 3])
def test_an_interrupted_run_resumes_in_any_shard_with_the_same_bytes(
    letters: AtDesk,  # noqa: F811
    tmp_path: Path,
    shard: int,
) -> None:
    people, whole, cut = listed(tmp_path, many(1_100)), tmp_path / "whole", tmp_path / "cut"
    assert run(letters, people, whole, "--to", "txt").code == 0
    shutil.copytree(whole, cut)
    for name in ("manifest.jsonl", "letters.csv", "letters.json"):
        (cut / name).unlink()
    for later in range(shard + 1, 4):
        shutil.rmtree(cut / f"{later:05d}")
    (cut / f"{shard:05d}").rename(cut / f"{shard:05d}.part")
    next((cut / f"{shard:05d}.part").glob("*.txt")).write_bytes(b"cut")
    assert run(letters, people, cut, "--to", "txt").json["made"] == 1_100 - 500 * (shard - 1)
    assert everything(cut) == everything(whole)
