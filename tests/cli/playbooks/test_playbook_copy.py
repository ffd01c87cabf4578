"""A playbook of one's own begins with one that ships: as text, or as a copy in the home."""

from __future__ import annotations

from pathlib import Path
from stat import S_IMODE

from tests.cli.at_desk import AtDesk

SHIPPED = Path(__file__).parents[3] / "playbooks" / "lost-device.yaml"


def test_the_file_itself_is_printed_and_is_valid(nowhere: AtDesk, tmp_path: Path) -> None:
    text = nowhere.done("playbook", "show", "lost-device", "--yaml")
    assert text == SHIPPED.read_text(encoding="utf-8")
    mine = tmp_path / "lost-laptop.yaml"
    mine.write_text(text, encoding="utf-8")
    assert nowhere("playbook", "validate", str(mine)).code == 0
    assert nowhere.done("playbook", "show", str(mine), "--yaml") == text
    said = nowhere("playbook", "show", "lost-device", "--yaml", "--format", "json")
    assert (said.code, said.error) == (2, "options_conflict")
    assert nowhere("playbook", "show", "lost-devise", "--yaml").error == "unknown_playbook"


def test_a_copied_playbook_is_in_the_home_under_its_new_name(tocsin: AtDesk) -> None:
    said = tocsin("playbook", "copy", "lost-device", "--as", "lost-laptop", "--format", "json")
    file = tocsin.home / "playbooks" / "lost-laptop.yaml"
    assert (said.json["playbook"], said.json["file"]) == ("lost-laptop", str(file))
    assert S_IMODE(file.stat().st_mode) == 0o600
    found = tocsin("playbook", "validate", "lost-laptop", "--format", "json").json["problems"]
    assert {problem["file"] for problem in found} == {str(file)}
    named = SHIPPED.read_text(encoding="utf-8").replace("name: lost-device", "name: lost-laptop", 1)
    assert file.read_text(encoding="utf-8").partition("\n")[2] == named
    tocsin.done("open", "lost-laptop", "--yes")
    assert tocsin("status", "--format", "json").json["playbooks"][0]["name"] == "lost-laptop"


def test_a_copy_without_a_name_hides_the_one_that_ships_and_is_never_written_over(tocsin: AtDesk) -> None:
    tocsin.done("playbook", "copy", "lost-device")
    file = tocsin.home / "playbooks" / "lost-device.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("version: 2.1.0", "version: 2.2.0"), encoding="utf-8"
    )
    assert tocsin("playbook", "show", "lost-device", "--format", "json").json["version"] == "2.2.0"
    said = tocsin("playbook", "copy", "lost-device")
    assert (said.code, said.error) == (1, "file_exists")
    assert tocsin("playbook", "show", "lost-device", "--format", "json").json["version"] == "2.2.0"


def test_a_name_that_no_playbook_can_have_copies_nothing(tocsin: AtDesk) -> None:
    said = tocsin("playbook", "copy", "lost-device", "--as", "../evil")
    assert (said.code, said.error) == (1, "bad_playbook")
    assert not (tocsin.home / "playbooks").exists()


def test_a_name_is_validated_like_a_file(nowhere: AtDesk, tmp_path: Path) -> None:
    assert nowhere("playbook", "validate", "breach-duties").code == 0
    assert nowhere("playbook", "validate", "breach-duties@2.0").code == 0
    said = nowhere("playbook", "validate", "breach-duties@9")
    assert (said.code, said.error) == (1, "unknown_version")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        SHIPPED.read_text(encoding="utf-8").replace("breach-duties@2.0.0", "breach-duties@9.0.0"),
        encoding="utf-8",
    )
    (problem,) = [
        problem
        for problem in nowhere("playbook", "validate", str(mine), "--format", "json").json["problems"]
        if problem["severity"] == "error"
    ]
    assert (problem["code"], "breach-duties@2.0.0" in problem["hint"]) == ("unknown-playbook", True)
