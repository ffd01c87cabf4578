"""Homes that older versions wrote are opened, verified, read and worked on."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runner.store.upgrades import SCHEMA_VERSION
from tests.cli.at_desk import AtDesk, manual
from tests.docs.consoles import Desk
from tests.homes.homes import HERE, facts_of, look, unpack

NAMES = sorted(path.name.removesuffix(".tar.xz") for path in HERE.glob("*.tar.xz"))


def said(name: str) -> dict[str, Any]:
    """Return what a home said of itself when it was written."""
    answers: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return answers


@pytest.mark.parametrize("name", NAMES)
def test_an_older_home_says_the_same_as_when_it_was_written(name: str, tmp_path: Path) -> None:
    expected = said(name)
    desk = unpack(HERE / f"{name}.tar.xz", tmp_path, expected["now"])
    assert facts_of(desk) == expected
    assert expected["verify"]["ok"]


@pytest.mark.parametrize("name", NAMES)
def test_work_continues_in_an_older_home(name: str, tmp_path: Path) -> None:
    desk = unpack(HERE / f"{name}.tar.xz", tmp_path, said(name)["now"])
    before = look(desk, "status")
    desk.type('tocsin note "the backup server is isolated"', ())
    desk.type('tocsin fact set people.total=7 --source "help desk"', ())
    assert look(desk, "status")["version"] >= before["version"] + 2
    assert look(desk, "audit verify")["ok"]


def schema(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def findings(desk: Desk, words: str) -> list[tuple[str, str]]:
    """Return what doctor finds of the store itself."""
    said = desk.type(f"tocsin doctor --offline {words} --format json", (0, 1))
    return [(one["severity"], one["code"]) for one in json.loads(said)["findings"] if one["area"] == "store"]


@pytest.mark.parametrize("name", NAMES)
def test_an_older_home_is_read_as_it_is_and_upgraded_by_the_first_write(name: str, tmp_path: Path) -> None:
    desk = unpack(HERE / f"{name}.tar.xz", tmp_path, said(name)["now"])
    home = tmp_path / ".tocsin"
    old = schema(home / "tocsin.db")
    look(desk, "status")
    assert schema(home / "tocsin.db") == old
    assert (old < SCHEMA_VERSION) is (("warning", "store_upgrade_due") in findings(desk, ""))
    desk.type('tocsin note "the backup server is isolated"', ())
    assert schema(home / "tocsin.db") == SCHEMA_VERSION
    assert [schema(copy) for copy in home.glob("backups/*")] == [old] * (old < SCHEMA_VERSION)
    assert findings(desk, "") == []


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_upgrades_says_so_once_and_closes_the_files(name: str, tmp_path: Path) -> None:
    clock = unpack(HERE / f"{name}.tar.xz", tmp_path, said(name)["now"]).clock
    desk = AtDesk(tmp_path / ".tocsin", clock)
    manual(desk.home)
    files = [desk.home / file for file in ("tocsin.db", "tocsin.yaml")]
    for file in files:
        file.chmod(0o644)
    old = schema(files[0])
    assert "home_upgraded" not in desk("status").warnings
    first = desk("note", "the backup server is isolated", "--format", "json")
    assert first.json["schema"] == "tocsin/done/v1"
    assert first.warnings.count("home_upgraded") == (old < SCHEMA_VERSION)
    for copy in desk.home.glob("backups/*"):
        assert str(copy) in first.err
        assert copy.stat().st_mode & 0o777 == 0o600
    if old < SCHEMA_VERSION:
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        assert "file_open" not in desk("doctor", "--offline").out
    assert "home_upgraded" not in desk("note", "and the mail server").warnings


def test_doctor_upgrades_an_older_home(tmp_path: Path) -> None:
    desk = unpack(HERE / f"{NAMES[0]}.tar.xz", tmp_path, said(NAMES[0])["now"])
    assert findings(desk, "--repair") == [("mended", "")]
    assert schema(tmp_path / ".tocsin" / "tocsin.db") == SCHEMA_VERSION
    assert findings(desk, "") == []


def test_a_home_is_kept_for_each_older_format(tmp_path: Path) -> None:
    for name in NAMES:
        unpack(HERE / f"{name}.tar.xz", tmp_path / name, said(name)["now"])
    assert {schema(file) for file in tmp_path.glob("*/.tocsin/tocsin.db")} >= set(range(1, SCHEMA_VERSION))
