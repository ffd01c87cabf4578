"""Text from other people cannot control a terminal: output is cleaned, files with hidden characters are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk

ESCAPE, CSI, TURNED = "\x1b", "\x9b", "\u202e"
HOSTILE = f"com{ESCAPE}[31m{CSI}2J{TURNED}x"
HIDDEN = (ESCAPE, CSI, TURNED)


@pytest.mark.parametrize(
    "words",
    [
        ("status", "-i", HOSTILE),
        ("task", "show", HOSTILE),
        ("person", "verify", HOSTILE, "--channel", "screen"),
        ("domain", "declare-up", HOSTILE),
        ("playbook", "show", HOSTILE),
        ("playbook", "validate", f"{HOSTILE}.yaml"),
        ("role", "assign", HOSTILE, "maria"),
        ("note", "seen", "--as", "mari"),
        (HOSTILE,),
        ("status", f"--{HOSTILE}"),
    ],
)
def test_hidden_characters_in_arguments_never_reach_the_output(
    incident: AtDesk, words: tuple[str, ...]
) -> None:
    for format_ in ("text", "json"):
        said = incident(*words, "--format", format_)
        assert said.out or said.err
        assert not any(one in said.out + said.err for one in HIDDEN)


def test_json_says_the_same_with_hidden_characters_escaped(incident: AtDesk) -> None:
    said = incident("status", "-i", HOSTILE, "--format", "json")
    assert HOSTILE in json.loads(said.out)["message"]


def test_a_question_is_cleaned_as_well(tocsin: AtDesk, playbook: Path) -> None:
    tocsin("open", str(playbook), "--compromised", HOSTILE, types="n\n")
    said = tocsin("shred", HOSTILE, types="n\n")
    assert not any(one in said.err for one in HIDDEN)


@pytest.mark.parametrize(
    "written",
    [
        *(f'"x{escape}y"' for escape in (r"\e", r"\a", r"\0", r"\r", r"\x7f", r"\N", r"\x9b", r"\u202e")),
        *(f'"x{escape}y"' for escape in (r"\u2066", r"\u200e", r"\u200f", r"\u061c", r"\U0000202e")),
        *(f"x{raw}y" for raw in ("\u202e", "\u2069", "\u200f", "\u061c", "\x9b")),
    ],
)
def test_a_character_that_hides_or_turns_text_is_refused_in_a_file(
    nowhere: AtDesk, tmp_path: Path, written: str
) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(PLAYBOOK.replace("Block the badge", written), encoding="utf-8")
    said = nowhere("playbook", "validate", str(path), "--format", "json")
    problems = [problem for problem in said.json["problems"] if problem["severity"] == "error"]
    assert (said.code, [problem["code"] for problem in problems]) == (1, ["yaml-control-character"])
    assert problems[0]["line"] == 10
    assert 23 <= problems[0]["column"] <= 24


@pytest.mark.parametrize("key", ["title", r'"x\e"'])
def test_such_a_character_is_refused_in_the_settings_in_values_and_in_keys(tocsin: AtDesk, key: str) -> None:
    config = tocsin.home / "tocsin.yaml"
    config.write_text(config.read_text() + f'\nclasses: {{{key}: {{from: "\\e"}}}}\n', encoding="utf-8")
    said = tocsin("list", "--format", "json")
    assert (said.code, {problem["code"] for problem in said.json["problems"]}) == (
        1,
        {"yaml-control-character"},
    )


def test_such_a_character_is_refused_in_the_front_matter_of_a_notice(nowhere: AtDesk, tmp_path: Path) -> None:
    path = tmp_path / "notice.md"
    path.write_text(
        '---\nschema: tocsin/notice/v1\nid: own\ntitle: "x\\u202e"\n---\n\n# Own\n', encoding="utf-8"
    )
    said = nowhere("playbook", "validate", str(path), "--format", "json")
    found = [(problem["code"], problem["line"]) for problem in said.json["problems"]]
    assert ("yaml-control-character", 4) in found
