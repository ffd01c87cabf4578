"""Long output goes through a pager at a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.cli.framework.pager import LESS, pager_command, show_paged

WRITER = (
    sys.executable,
    "-c",
    "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())",
)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"TOCSIN_PAGER": "cat"}, ()),
        ({"TOCSIN_PAGER": ""}, ()),
        ({"TOCSIN_PAGER": "more -s", "PAGER": "less"}, ("more", "-s")),
        ({"PAGER": "most"}, ("most",)),
        ({"PAGER": "cat"}, ()),
        ({"PAGER": "un'closed"}, ()),
        ({"PATH": ""}, ()),
    ],
)
def test_the_pager_is_the_person_s_own(environ: Mapping[str, str], words: tuple[str, ...]) -> None:
    assert pager_command(environ) == words


def test_without_a_choice_it_is_less_where_less_is_installed(tmp_path: Path) -> None:
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    assert pager_command({"PATH": str(tmp_path)}) == LESS


def test_the_pager_gets_the_whole_text(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert show_paged("ä\n" * 999, (*WRITER, str(out)), {})
    assert out.read_text(encoding="utf-8") == "ä\n" * 999


def test_a_pager_that_ends_early_or_is_missing_is_not_an_error(tmp_path: Path) -> None:
    assert show_paged("x\n" * 99_999, (sys.executable, "-c", "pass"), {})
    assert not show_paged("x\n", (str(tmp_path / "none"),), {})
