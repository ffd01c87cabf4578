"""The books of an exercise: players read only its start; controllers and evaluators read everything."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pypdfium2  # type: ignore[import-untyped]
import pytest

from runner.files.exercise_file import exercise_files, load_exercise
from runner.incident.exercises.exercise_plan import Exercise
from runner.playbook.catalogue import Catalog
from tests.cli.at_desk import AtDesk, compare
from tests.cli.exercises.test_drills import exercise  # noqa: F401  # a fixture

SHIPPED = sorted(exercise_files(Catalog(None)))


def written(tocsin: AtDesk, name: str, reader: str, out: Path, to: str = "md") -> Path:
    """Write one book and return its file."""
    said = tocsin(
        "drill", "handbook", name, "--for", reader, "--to", to, "--out", str(out), "--format", "json"
    )
    assert said.code == 0, said.err
    (file,) = said.json["files"]
    return Path(file["path"])


def text(path: Path) -> str:
    """Return the words of a book in Markdown, as one line."""
    return " ".join(path.read_text(encoding="utf-8").replace("\\", "").split())


def told(plan: Exercise) -> list[str]:
    """Return what happens in an exercise, what is asked, and what is rated, in its author's words."""
    happens = [words for event in plan.events for words in (event.text, event.notes)]
    happens += [
        line for event in plan.events if event.artefact for line in event.artefact.lines[1:] if line != "|"
    ]
    wordses = [
        words for module in plan.modules for words in (module.text, *(q.text for q in module.questions))
    ]
    rated = [target.text for objective in plan.objectives for target in objective.targets]
    return [" ".join(words.split()) for words in (*happens, *wordses, *rated) if words.strip()]


@pytest.mark.parametrize("reader", ["players", "controllers", "feedback"])
def test_each_book_reads_as_its_golden_file(
    reader: str,
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    path = written(tocsin, str(exercise), reader, tmp_path / "books", "txt")
    compare(f"handbook.{reader}", path.read_text(encoding="utf-8"), tocsin.home)


@pytest.mark.parametrize("name", SHIPPED)
def test_scenario_texts_are_only_in_the_controllers_book(name: str, nowhere: AtDesk, tmp_path: Path) -> None:
    plan = load_exercise(name, Catalog(None)).exercise
    players = text(written(nowhere, name, "players", tmp_path))
    controllers = text(written(nowhere, name, "controllers", tmp_path))
    found = told(plan)
    assert found
    assert [words for words in found if words in players] == []
    assert [words for words in found if words not in controllers] == []
    assert all(objective.text in players for objective in plan.objectives)
    assert plan.safety.real_world_word in players
    assert not nowhere.home.exists()


@pytest.mark.parametrize("reader", ["players", "controllers", "feedback"])
def test_a_book_says_exercise_in_its_name_on_each_page_and_in_its_properties(
    reader: str,
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    pdf = written(tocsin, str(exercise), reader, tmp_path, "pdf")
    read = pypdfium2.PdfDocument(pdf.read_bytes())
    assert read.get_metadata_value("Title").startswith("EXERCISE: ")
    for page in read:
        lines = page.get_textpage().get_text_range().splitlines()
        assert any(line.startswith("EXERCISE ") and line[9].isdigit() for line in lines)  # the foot
        assert any(line == "EXERCISE" or "EXERCISE: " in line for line in lines)  # the head
    read.close()
    docx = written(tocsin, str(exercise), reader, tmp_path, "docx")
    with zipfile.ZipFile(io.BytesIO(docx.read_bytes())) as archive:
        parts = {one: archive.read(one).decode() for one in archive.namelist() if one.endswith(".xml")}
    assert "<dc:title>EXERCISE: " in parts["docProps/core.xml"]
    for header in ("word/header1.xml", "word/header2.xml"):
        assert "<w:t>EXERCISE</w:t>" in parts[header]
        assert 'string="EXERCISE"' in parts[header]  # the watermark
    assert "EXERCISE" in parts["word/footer1.xml"]
    for path in (pdf, docx):
        assert path.name.startswith("EXERCISE_")
        assert ("not-for-players" in path.name) == (reader == "controllers")


def test_handbooks_name_people_and_the_organisation_from_the_home(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    tocsin.done("person", "add", "olga", "--name", "Olga Olsen")
    found = text(written(tocsin, str(exercise), "controllers", tmp_path))
    assert found.count("Olga Olsen") == 2, "among those who take part, and as the evaluator"
    assert "olga" not in found


def test_a_book_without_a_reader_or_for_one_that_there_is_none_for_is_refused(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "none"), "--format", "json")
    for words, code in (((), "option_missing"), (("--for", "everybody"), "unknown_reader")):
        said = tocsin("drill", "handbook", "lost-laptop", *words, *out)
        assert (said.code, said.error) == (2, code)
        assert {"players", "controllers", "feedback"} <= set(said.json["hint"].split())
    assert not (tmp_path / "none").exists()
    said = tocsin("drill", "handbook", "no-such", "--for", "players")
    assert (said.code, said.error) == (1, "unknown_exercise")
