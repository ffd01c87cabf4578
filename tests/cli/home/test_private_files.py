"""Files of Tocsin belong to their owner only; ``init`` and ``doctor`` report files that others can read."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import noticed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps access in lists, not in modes")


@pytest.fixture(autouse=True)
def open_handed() -> Iterator[None]:
    """A system whose files are everybody's unless a program says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def exposed(*folders: Path) -> list[str]:
    """Return what in folders, and which of these, others can read or write."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return [str(path) for path in paths if not path.is_symlink() and mode(path) & 0o077]


def test_all_files_that_commands_write_are_private(nowhere: AtDesk, tmp_path: Path) -> None:
    nowhere.done("init")
    nowhere.settings()
    noticed(nowhere, tmp_path)
    for folder in ("cache", "notices"):  # the test put these here by hand
        shutil.rmtree(nowhere.home / folder)
    evidence = tmp_path / "evidence.txt"
    evidence.write_text("seen")
    nowhere.done("attach", str(evidence))
    out = tmp_path / "out"
    nowhere.done("notice", "pull", "--out", str(out))
    nowhere.done("playbook", "card", "lost-device", "--out", str(tmp_path / "card.pdf"))
    nowhere("worker", "--once")
    assert list(out.iterdir())
    assert exposed(nowhere.home, out) == []
    assert mode(tmp_path / "card.pdf") == 0o600


def test_a_folder_that_others_can_read_is_reported_and_unchanged(nowhere: AtDesk) -> None:
    nowhere.home.mkdir(mode=0o755)
    said = nowhere("init")
    assert (said.code, said.warnings) == (0, ["folder_open"])
    assert mode(nowhere.home) == 0o755
    assert exposed(nowhere.home) == [str(nowhere.home)]


@pytest.fixture
def settled(nowhere: AtDesk) -> AtDesk:
    """A private home with a secret of a channel and one of actions."""
    nowhere.done("init")
    for name in ("mail.password", "edr.token"):
        (nowhere.home / name).touch(mode=0o600)
        (nowhere.home / name).write_text("s3cret")
    mail: dict[str, Any] = {"adapter": "smtp", "secrets": {"password": "file:mail.password"}}
    mail["settings"] = {"host": "127.0.0.1", "sender": "a@example.org", "username": "a"}
    nowhere.settings(channels={"mail": mail}, act={"secrets": {"edr": "file:edr.token"}})
    return nowhere


def codes(desk: AtDesk, *words: str) -> tuple[int, list[tuple[str, str]]]:
    said = desk("doctor", *words, "--format", "json")
    found = said.json["findings"]
    return said.code, [
        (finding["code"], finding["severity"])
        for finding in found
        if finding["code"] in ("file_open", "folder_open")
    ]


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("tocsin.yaml", 0o602),
        ("tocsin.db", 0o640),
        ("master.key", 0o604),
        ("mail.password", 0o620),
        ("edr.token", 0o644),
    ],
)
def test_a_file_that_others_can_read_or_write_fails_the_examination(
    settled: AtDesk, name: str, bits: int
) -> None:
    (settled.home / name).chmod(bits)
    assert codes(settled) == (4, [("file_open", "error")])
    assert codes(settled, "--repair")[1] == [("file_open", "mended")]
    assert mode(settled.home / name) == 0o600
    assert codes(settled)[1] == []


def test_a_home_that_others_can_read_fails_the_examination_and_is_not_changed(settled: AtDesk) -> None:
    settled.home.chmod(0o755)
    assert codes(settled, "--repair") == (4, [("folder_open", "error")])
    assert mode(settled.home) == 0o755
