"""The console shows a message on this machine and can say afterwards what it showed."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from integrations import console
from integrations.port import Absent, Accepted, CannotTell, Found, NotSent, Unknown
from integrations.testing.conformance import outbound
from tests.golden_files import FOLDER, same

MESSAGE = outbound("alice")


def test_standard_error_shows_the_message_between_rules(capsys):
    assert console.send(MESSAGE, console.Settings(), {}) == Accepted()
    shown = capsys.readouterr()
    assert shown.out == ""
    same(FOLDER / "integrations" / "console.txt", shown.err)


def test_a_message_cannot_steer_the_terminal_that_shows_it(capsys):
    console.send(msgspec.structs.replace(MESSAGE, text="\x1b[2Jgone\u202e"), console.Settings(), {})
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_no_break_space_is_shown_as_a_space(capsys):
    text = "10\u00a0a.m., 1\u202f000 people"
    console.send(msgspec.structs.replace(MESSAGE, text=text), console.Settings(), {})
    assert " ".join(text.split()) in capsys.readouterr().err


def test_a_file_is_appended_to_and_can_be_asked(tmp_path):
    settings = console.Settings(path=tmp_path / "messages.txt")
    assert console.reconcile(MESSAGE, settings, {}) == Absent()
    assert console.send(MESSAGE, settings, {}) == Accepted()
    other = msgspec.structs.replace(MESSAGE, idempotency_key="L" * 32)
    assert console.reconcile(other, settings, {}) == Absent()
    assert console.self_test(other, settings, {}) == Accepted()
    assert console.reconcile(MESSAGE, settings, {}) == Found("")
    assert (tmp_path / "messages.txt").read_text().count("----- message ") == 2


def test_a_screen_cannot_be_asked():
    assert isinstance(console.reconcile(MESSAGE, console.Settings(), {}), CannotTell)
    assert console.capabilities(console.Settings()).reconcile == "none"


def test_a_file_that_cannot_be_opened_took_nothing(tmp_path):
    settings = console.Settings(path=tmp_path / "missing" / "messages.txt")
    assert isinstance(console.send(MESSAGE, settings, {}), NotSent)
    assert [one.severity for one in console.lint(settings, {})] == ["error"]
    assert isinstance(console.reconcile(MESSAGE, console.Settings(path=tmp_path), {}), CannotTell)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the full device of Linux")
def test_a_full_disk_leaves_an_unknown():
    assert isinstance(console.send(MESSAGE, console.Settings(path=Path("/dev/full")), {}), Unknown)


def test_it_never_leaves_the_machine_and_needs_no_address():
    able = console.capabilities(console.Settings())
    assert able.stays_here
    assert able.address_kind == "none"
    assert console.address_problem("") == ""
    assert console.lint(console.Settings(), {}) == ()


def test_a_device_is_never_read_to_find_a_message_again():
    """Reading ``/dev/full`` never ends."""
    found = console.reconcile(MESSAGE, console.Settings(path=Path("/dev/full")), {})
    assert isinstance(found, CannotTell)
