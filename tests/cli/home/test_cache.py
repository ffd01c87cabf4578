"""A command without a home caches only in the named cache folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from platformdirs import user_cache_path, user_state_path

from runner.settings import cache_folder, state_folder
from tests.cli.at_desk import AtDesk

FACTS = "schema: tocsin/facts/v1\nincident: {summary: Laptop lost}\n"


def test_duties_of_a_facts_file_are_the_same_from_the_cache(tmp_path: Path) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text(FACTS, encoding="utf-8")
    cache = tmp_path / "cache"
    words = ("duties", "--facts", str(facts), "--format", "json")
    without = AtDesk(tmp_path / "none")(*words)
    assert not cache.exists()
    first, second = (AtDesk(tmp_path / "none", environ={"TOCSIN_CACHE": str(cache)})(*words) for _ in "12")
    assert without.code == 0
    assert without.out == first.out == second.out
    assert [*cache.glob("shipped-regimes.*")]


def test_the_cache_folder_is_named_or_the_users_own_or_none() -> None:
    assert cache_folder({"TOCSIN_CACHE": "/x/y"}) == Path("/x/y")
    assert cache_folder({"TOCSIN_CACHE": ""}) is None
    found = cache_folder({})
    assert found == user_cache_path("tocsin", appauthor=False)


def test_the_state_folder_is_named_or_that_of_the_system() -> None:
    assert state_folder({"TOCSIN_STATE": "/x/y"}) == Path("/x/y")
    assert state_folder({"TOCSIN_STATE": ""}) is None
    assert state_folder({}) == user_state_path("tocsin", appauthor=False)


def test_a_command_leaves_typing_extensions_as_it_was() -> None:
    program = (
        "import sys; from runner.__main__ import main; main(['list', '--help']);"
        " sys.exit(sys.modules.get('typing_extensions', sys) is None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
