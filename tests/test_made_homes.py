"""A home that was copied is the home that the commands would have made."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests import made_homes
from tests.cli.at_desk import PLAYBOOK, AtDesk

FACTS = """\
schema: tocsin/facts/v1
source: the help desk
organisation: {role: [controller], established_in: [DE], main_establishment: DE}
incident: {summary: Somebody read a mailbox., aware_at: "2026-11-24T08:00:00Z"}
data: {involved: true, elements: [name, contact], encrypted: false}
people: {total: 120, by_jurisdiction: {DE: 120}}
"""


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Begin with no home kept, and let one test have several homes as several tests do."""
    tests, before = count(), (made_homes._made, made_homes._test)
    made_homes._made, made_homes._test = {}, lambda: str(next(tests))
    yield
    made_homes._made, made_homes._test = before


def opened(folder: Path, playbook: str = PLAYBOOK) -> AtDesk:
    """Make a home with an incident, as the fixtures do."""
    folder.mkdir()
    (folder / "badge.yaml").write_text(playbook, encoding="utf-8")
    (folder / "facts.yaml").write_text(FACTS, encoding="utf-8")
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    desk.done("open", str(folder / "badge.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    return desk


def exported(desk: AtDesk) -> list[dict[str, Any]]:
    """Return the events of a bundle of the whole incident."""
    desk.done("note", "Somebody looked.")
    out = desk.home.parent / "all.zip"
    desk.done("audit", "export", "--out", str(out), "--for", "counsel")
    with zipfile.ZipFile(out) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/events.jsonl")]
        return [json.loads(line) for line in archive.read(name).splitlines()]


def differences(one: Any, other: Any, at: str = "") -> set[str]:
    """Return where two journals differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {place for key in one for place in differences(one[key], other[key], f"{at}.{key}")}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return {place for number, pair in pairs for place in differences(*pair, f"{at}[{number}]")}
    return set() if one == other else {at}


def test_a_home_made_anew_and_a_copied_one_export_equal_journals(tmp_path: Path) -> None:
    # Two messages at once end in either order; to one person only one goes out.
    playbook = PLAYBOOK.replace("to: [role:counsel]", "to: [role:commander]")
    names = ("anew", "kept", "a-copy-with-a-longer-name")
    desks = [opened(tmp_path / name, playbook) for name in names]
    keys = [(desk.home / "master.key").read_bytes() for desk in desks]
    assert keys[0] != keys[1] == keys[2], "the third home is a copy of the second"
    anew, kept, copied = (exported(desk) for desk in desks)
    assert len(anew) > 5
    by_chance = differences(anew, kept)
    assert differences(anew, copied) == by_chance
    assert not {place for place in by_chance if "payload" in place}, by_chance
    for desk in desks:
        assert desk("audit", "verify", "--format", "json").code == 0
        assert str(desk.home / "console.txt") in (desk.home / "tocsin.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("changed", ["playbook", "settings", "clock", "home", "open"])
def test_a_home_that_is_otherwise_is_no_copy(tmp_path: Path, changed: str) -> None:
    for name in ("first", "second"):
        opened(tmp_path / name)
    folder = tmp_path / "third"
    folder.mkdir()
    desk = AtDesk(folder / "home")
    desk.done("init")
    desk.settings()
    (folder / "facts.yaml").write_text(FACTS, encoding="utf-8")
    text = PLAYBOOK
    if changed == "playbook":
        text = PLAYBOOK.replace("Block the badge", "Stop the badge")
    elif changed == "settings":
        desk.settings(approvals="two")
    elif changed == "clock":
        desk.clock.time = desk.clock.time.replace(minute=1)
    elif changed == "home":
        (desk.home / "own.txt").write_text("a file of a test", encoding="utf-8")
    (folder / "badge.yaml").write_text(text, encoding="utf-8")
    kept = dict(made_homes._made)
    words = ("open", str(folder / "badge.yaml"), "--yes", "--facts", str(folder / "facts.yaml"))
    if changed == "open":
        with (desk.home / "tocsin.yaml").open(encoding="utf-8"):
            assert not made_homes._only_files_decide(desk, words)
    else:
        assert made_homes._key(desk, words) not in kept


def test_two_homes_of_one_test_are_strangers(tmp_path: Path) -> None:
    made_homes._test = lambda: "one test"
    keys = {
        (opened(tmp_path / name).home / "master.key").read_bytes() for name in ("first", "second", "third")
    }
    assert len(keys) == 3
