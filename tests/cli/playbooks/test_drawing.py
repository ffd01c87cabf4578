"""``playbook graph`` as a person types it: text or picture, of a file or of what runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare


def test_a_playbook_is_drawn_without_a_home_as_text_or_as_a_picture(nowhere: AtDesk, playbook: Path) -> None:
    compare("playbook.graph", nowhere.done("playbook", "graph", str(playbook)), nowhere.home)
    picture = nowhere.done("playbook", "graph", str(playbook), "--to", "svg")
    assert picture.startswith("<svg ")
    edges = set(re.findall(r'data-edge="(\w+) (\w+)"', picture))
    assert edges == {("block", "report"), ("used", "report"), ("report", "sign"), ("sign", "over")}
    assert picture.count('class="gate"') == 1, "the report waits for all that stands before it"
    assert not nowhere.home.exists()


def test_the_file_ending_selects_the_drawing(nowhere: AtDesk, playbook: Path) -> None:
    picture, text = (playbook.with_name(name) for name in ("badge.svg", "badge.mmd"))
    said = nowhere("playbook", "graph", str(playbook), "--out", str(picture))
    assert (said.code, said.out, str(picture) in said.err) == (0, "", True)
    nowhere.done("playbook", "graph", str(playbook), "--out", str(text))
    assert picture.read_text(encoding="utf-8").startswith("<svg ")
    assert "flowchart" in text.read_text(encoding="utf-8")


def test_the_current_run_is_drawn_on_the_pinned_playbook(incident: AtDesk, playbook: Path) -> None:
    incident.done("task", "check", "block", "--all", "--as", "maria")
    incident.done("task", "done", "block", "--as", "maria")
    playbook.write_text(playbook.read_text(encoding="utf-8").replace("Block the badge", "Other"), "utf-8")
    picture = incident.done("playbook", "graph", "lost-badge", "--to", "svg", "--incident", "amber-falcon")
    for words in ("Block the badge", ">done<", ">to do<", ">waiting<"):
        assert words in picture
    (about,) = re.findall(r'class="state">(amber-falcon[^<]*)<', picture)
    assert {"24", "Nov", "2026", "10:00"} <= set(re.findall(r"[\w:]+", about)), "as of when it is drawn"
    text = incident.done("playbook", "graph", "lost-badge", "-i", "amber-falcon")
    assert re.search(r"^ *classDef ready ", text, re.MULTILINE)


def test_a_program_gets_the_steps_of_the_chart_each_with_its_path_and_its_state(
    incident: AtDesk, playbook: Path
) -> None:
    found = incident("playbook", "graph", "lost-badge", "-i", "amber-falcon", "--format", "json").json
    assert (found["schema"], found["name"], found["mark"]) == ("tocsin/chart/v1", "lost-badge", "")
    steps = {step["step"]: step for step in found["steps"]}
    block = steps["block"]
    (who,) = block["who"]
    assert (block["state"], "commander" in who, "15" in block["due"].split()) == ("ready", True, True)
    plain = incident("playbook", "graph", str(playbook), "--format", "json").json
    assert {step["state"] for step in plain["steps"]} == {None}
    assert [step["step"] for step in plain["steps"]] == list(steps)


def test_a_run_of_a_test_says_so_on_every_drawing(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("open", str(playbook), "--yes", "--kind", "test", "--fact", "incident.summary=x")
    for form in ("svg", "mermaid"):
        assert "TEST" in tocsin.done("playbook", "graph", "lost-badge", "--to", form, "-i", "amber-falcon")


def test_an_impossible_drawing_is_refused_with_the_possible_ones(incident: AtDesk) -> None:
    said = incident("playbook", "graph", "lost-device", "--incident", "amber-falcon")
    assert (said.code, said.error, "lost-badge" in said.err) == (1, "unknown_run", True)
    said = incident("playbook", "graph", "lost-device", "--to", "png")
    assert (said.code, said.error) == (2, "unknown_format")
    said = incident("playbook", "graph", "lost-device", "--out", str(incident.home / "no" / "where.svg"))
    assert (said.code, said.error) == (1, "file_unwritable")


@pytest.mark.parametrize(
    ("words", "file", "holds"),
    [
        (["graph"], "badge.png", "PNG"),
        (["graph"], "badge.PDF", "PDF"),
        (["card"], "badge.docx", "DOCX"),
        (["card"], "badge.html", "HTML"),
    ],
)
def test_a_file_ending_that_contradicts_the_format_is_refused(
    tocsin: AtDesk, playbook: Path, words: list[str], file: str, holds: str
) -> None:
    out = playbook.parent / file
    said = tocsin("playbook", *words, str(playbook), "--out", str(out))
    assert (said.code, said.error, out.exists()) == (2, "unknown_ending", False)
    assert holds in re.findall(r"\w+", said.err)
    form = "mermaid" if words == ["graph"] else "txt"
    tocsin.done("playbook", *words, str(playbook), "--out", str(out), "--to", form)
    assert out.exists()
