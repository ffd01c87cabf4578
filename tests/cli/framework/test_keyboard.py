"""Single keys of a terminal."""

from __future__ import annotations

import io
import os
import sys

import pytest

from runner.cli.framework.keyboard import key_of, keys


@pytest.mark.parametrize(
    ("pressed", "key"),
    [
        ("\x1b[A", "up"),
        ("j", "down"),
        (" ", "page-down"),
        ("b", "page-up"),
        ("G", "end"),
        ("q", "leave"),
        ("x", ""),
    ],
)
def test_each_terminal_sequence_is_read_as_its_key(pressed: str, key: str) -> None:
    assert key_of(pressed) == key


def test_without_a_terminal_there_are_no_keys() -> None:
    with keys(io.StringIO()) as wait:
        assert wait is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_keys_come_without_a_line_break_and_the_terminal_is_put_back() -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    with os.fdopen(theirs, "r", closefd=True) as stream:
        with keys(stream) as wait:
            assert wait is not None
            assert wait(0) == ""
            os.write(ours, b"\x1b[B")
            assert wait(5) == "down"
        assert termios.tcgetattr(theirs) == before
    os.close(ours)
