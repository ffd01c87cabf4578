"""Start-up is a feature: the heavy modules that the everyday commands must not import, by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, manual

pytestmark = pytest.mark.slow

HEAVY = frozenset(
    {
        "apscheduler",
        "asyncio",
        "babel",
        "holidays",
        "integrations",
        "jinja2",
        "jsonschema",
        "keyring",
        "markdown_it",
        "procrastinate",
        "psycopg",
        "pydantic",
        "pygments",
        "requests",
        "rich",
        "sqlalchemy",
        "typst",
        "urllib3",
    }
)
UNSEALING = "cryptography"
"""Needed as soon as there is a sealed payload to open, and not before."""
PROBE = """\
import sys
from runner.__main__ import main
try:
    code = main(sys.argv[1:])
finally:
    sys.stderr.write("\\n" + " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
sys.exit(code)
"""


def imported(home: Path, *words: str) -> frozenset[str]:
    """Run a command in a process of its own and return the packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        env={**os.environ, "TOCSIN_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return frozenset(done.stderr.rpartition("\n")[2].split())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("startup")
    playbook = folder / "lost-badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    imported(folder / "home", "init")
    manual(folder / "home")
    words = ("open", str(playbook), "--yes", "--fact", "incident.summary=x")
    imported(folder / "home", *words)
    imported(folder / "home", "status")  # asks once for the holidays of this year, and keeps them
    return folder / "home"


def test_the_version_is_answered_before_anything_is_imported(tmp_path: Path) -> None:
    found = imported(tmp_path, "version")
    assert not found & (HEAVY | {UNSEALING, "typer", "msgspec", "yaml", "sqlite3"})


@pytest.mark.parametrize("words", [("status",), ("next",), ("list",), ("task", "list")])
def test_looking_imports_nothing_heavy(home: Path, words: tuple[str, ...]) -> None:
    assert not imported(home, *words) & (HEAVY | {"typer"})


FACT = ("fact", "set", "incident.summary=y", "--source", "the owner", "--no-work")


@pytest.mark.parametrize("words", [("status",), ("next",), FACT])
def test_frequent_commands_read_no_yaml_and_compress_nothing(home: Path, words: tuple[str, ...]) -> None:
    slow = {"yaml", "shutil", "tempfile"} | ({"platformdirs"} if sys.platform == "linux" else set())
    assert not imported(home, *words) & slow


def test_a_valid_playbook_is_checked_without_jsonschema(tmp_path: Path) -> None:
    playbook = tmp_path / "lost-badge.yaml"
    step = """  - {id: wipe, task: Wipe it, role: commander, after: [used], when: "not data.encrypted"}\n"""
    playbook.write_text(PLAYBOOK.replace("{{ incident.summary }}", "look") + step, encoding="utf-8")
    found = imported(tmp_path / "none", "playbook", "validate", str(playbook))
    assert not found & (HEAVY - {"jinja2"} | {UNSEALING, "sqlite3", "typer"})


def test_the_help_imports_nothing_heavy(tmp_path: Path) -> None:
    assert not imported(tmp_path, "--help") & (HEAVY | {UNSEALING})


def test_only_commands_that_compute_times_import_apscheduler(home: Path) -> None:
    for words in (("drill", "list"), ("drill", "schedules"), ("task", "list")):
        assert "apscheduler" not in imported(home, *words)
