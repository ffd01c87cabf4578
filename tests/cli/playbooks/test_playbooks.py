"""Playbooks from the command line: the new author's path, from a mistake to a fixed file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk, Said


def unknown(said: Said) -> list[dict[str, Any]]:
    """Return the problems with a role that is not there."""
    return [problem for problem in said.json["problems"] if problem["code"] == "unknown-role"]


def test_an_error_is_named_with_its_position_and_the_nearest_word(nowhere: AtDesk, playbook: Path) -> None:
    good = playbook.read_text(encoding="utf-8")
    playbook.write_text(
        good.replace("role: commander, due: 15m", "role: comander, due: 15m"), encoding="utf-8"
    )
    said = nowhere("playbook", "validate", str(playbook))
    assert said.code == 1
    assert f"{playbook}:10:46:" in said.out.split()
    (problem,) = unknown(nowhere("playbook", "validate", str(playbook), "--format", "json"))
    assert (problem["file"], problem["line"], problem["column"]) == (str(playbook), 10, 46)
    assert (problem["severity"], "commander" in problem["hint"]) == ("error", True)
    playbook.write_text(good, encoding="utf-8")
    assert nowhere("playbook", "validate", str(playbook)).code == 0


def test_without_a_home_people_are_a_warning_and_strict_makes_it_an_error(
    nowhere: AtDesk, playbook: Path
) -> None:
    found = nowhere("playbook", "validate", str(playbook), "--format", "json").json["problems"]
    assert [problem["severity"] for problem in found] == ["warning"]
    assert {"file", "line", "column", "severity", "code", "message", "hint"} == found[0].keys()
    assert nowhere("playbook", "validate", str(playbook), "--strict").code == 1


def test_people_recorded_in_the_home_count_as_much_as_those_in_its_file(
    tocsin: AtDesk, playbook: Path
) -> None:
    playbook.write_text(playbook.read_text(encoding="utf-8").replace("counsel", "lawyers"), encoding="utf-8")
    assert "role-not-held" in tocsin("playbook", "validate", str(playbook)).out
    tocsin.done("role", "assign", "lawyers", "jonas", "ada")
    assert tocsin("playbook", "validate", str(playbook)).out == ""


def test_a_playbook_that_cannot_be_opened_is_refused_with_its_errors_and_no_word_about_the_home(
    tocsin: AtDesk, playbook: Path
) -> None:
    text = playbook.read_text(encoding="utf-8")
    playbook.write_text(
        text.replace("role: commander, due: 15m", "role: comander, due: 15m"), encoding="utf-8"
    )
    for words in (("open", str(playbook), "--yes"), ("playbook", "show", str(playbook))):
        said = tocsin(*words, "--format", "json")
        assert (said.code, said.error) == (1, "bad_playbook")
        assert [problem["code"] for problem in said.json["problems"]] == ["unknown-role"]
        (problem,) = unknown(said)
        assert ((problem["line"], problem["column"]), "commander" in problem["hint"]) == ((10, 46), True)
        assert f"{playbook}:10:46:" in tocsin(*words).err.split()


def test_problems_are_reported_to_editors_in_sarif(nowhere: AtDesk, playbook: Path) -> None:
    playbook.write_text("schema: tocsin/playbook/v1\n", encoding="utf-8")
    said = nowhere("playbook", "validate", str(playbook), "--format", "sarif")
    assert (said.code, said.json["version"]) == (1, "2.1.0")
    assert nowhere("playbook", "list", "--format", "sarif").code == 2


def test_playbooks_that_only_others_run_are_listed_if_asked(nowhere: AtDesk) -> None:
    found = nowhere("playbook", "list", "--format", "json").json["playbooks"]
    blocks = {one["name"] for one in found if one["block"]}
    assert {"mobilise", "duty-lanes", "breach-duties"} <= blocks
    assert not blocks & {
        "lost-device",
        "ransomware",
        "personal-data-breach",
        "stop-request",
        "substitute-notice",
    }
    listed, everything = (nowhere.done("playbook", "list", *more).split() for more in ((), ("--all",)))
    assert (blocks & {*listed}, blocks - {*everything}) == (set(), set())


def test_the_shipped_playbooks_are_listed_and_shown_in_outline(nowhere: AtDesk) -> None:
    names = [
        playbook["name"] for playbook in nowhere("playbook", "list", "--format", "json").json["playbooks"]
    ]
    assert {"lost-device", "misdirected-message", "personal-data-breach", "ransomware"} <= set(names)
    shown = nowhere("playbook", "show", "lost-device", "--format", "json").json
    assert shown["digest"].startswith("sha256:")
    said = nowhere("playbook", "show", "lost-devise", "--format", "json")
    assert (said.code, said.error, "lost-device" in said.json["hint"]) == (1, "unknown_playbook", True)


def test_the_difference_of_two_versions_names_steps_and_fields(nowhere: AtDesk, playbook: Path) -> None:
    newer = playbook.with_name("newer.yaml")
    text = playbook.read_text(encoding="utf-8")
    newer.write_text(text.replace("due: 15m", "due: 10m").replace("id: over", "id: finish"), encoding="utf-8")
    changes = nowhere("playbook", "diff", str(playbook), str(newer), "--format", "json").json["changes"]
    assert [(change["change"], change["what"], change["fields"]) for change in changes] == [
        ("changed", "block", ["due"]),
        ("removed", "over", []),
        ("added", "finish", []),
    ]


def test_the_schema_is_printed_for_editors(nowhere: AtDesk) -> None:
    assert json.loads(nowhere.done("schema", "playbook"))["$id"] == "tocsin/playbook/v1"
    said = nowhere("schema", "wish", "--format", "json")
    assert (said.code, said.error, "playbook-test" in said.json["hint"]) == (1, "unknown_schema", True)
