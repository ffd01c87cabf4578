"""Where a master key may live, and what is said when it is not there or lies open."""

from __future__ import annotations

import os
import sys
from errno import ENOENT

import pytest

from runner.errors import Invalid, Refused, Sealed
from runner.vault.master_key import PREFIX, create_master, open_vault, read_master
from tests.refusals import refused


def test_a_created_key_is_private_and_comes_back(tmp_path):
    create_master("file:keys/master.key", base=tmp_path, chance=lambda size: b"r" * size)
    path = tmp_path / "keys" / "master.key"
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith(PREFIX)
    assert read_master("file:keys/master.key", base=tmp_path) == b"r" * 32


def test_an_existing_key_is_never_replaced(tmp_path):
    create_master("file:master.key", base=tmp_path)
    before = read_master("file:master.key", base=tmp_path)
    with refused("master_exists", Refused):
        create_master("file:master.key", base=tmp_path)
    assert read_master("file:master.key", base=tmp_path) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps access in lists that a mode does not show")
def test_a_key_that_others_can_read_is_refused(tmp_path):
    create_master("file:master.key", base=tmp_path)
    (tmp_path / "master.key").chmod(0o640)
    with refused("master_exposed", Sealed) as found:
        read_master("file:master.key", base=tmp_path)
    assert found.value.hint.split() == ["chmod", "600", f"'{tmp_path}/master.key'"]


def test_a_key_that_is_not_there_is_said_when_it_is_needed(tmp_path):
    vault = open_vault("file:master.key", base=tmp_path)
    with refused("no_master", Sealed) as found:
        vault.create_key("i")
    assert "file:master.key" in found.value.message


@pytest.mark.parametrize("text", ["hunter2hunter2", PREFIX + "AAAA", PREFIX + "!" * 44, ""])
def test_an_invalid_master_key_is_reported_and_not_repeated(tmp_path, text):
    path = tmp_path / "master.key"
    path.write_text(text)
    path.chmod(0o600)
    with refused("master_invalid", Sealed) as found:
        read_master("file:master.key", base=tmp_path)
    said = found.value.message + found.value.hint.replace(PREFIX, "")
    assert "file:master.key" in said
    assert not text or text not in said


def test_a_command_may_bring_the_key(tmp_path):
    create_master("file:master.key", base=tmp_path)
    command = f"command:cat {tmp_path}/master.key"
    assert read_master(command, base=tmp_path) == read_master("file:master.key", base=tmp_path)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("false", ["false", "1"]),
        ("/nowhere/at-all --key", ["/nowhere/at-all", os.strerror(ENOENT)]),
    ],
)
def test_a_command_that_fails_is_said_without_its_arguments(tmp_path, command, named):
    with refused("no_master", Sealed) as found:
        read_master(f"command:{command}", base=tmp_path)
    assert all(word in found.value.message for word in named)
    assert "--key" not in found.value.message


def test_a_command_is_never_read_by_a_shell(tmp_path):
    with refused("master_invalid", Sealed):
        read_master(f"command:echo x; touch {tmp_path}/made", base=tmp_path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("reference", ["command:", "command:''  "])
def test_a_command_that_names_nothing_is_refused(tmp_path, reference):
    with pytest.raises((Invalid, Sealed)):
        read_master(reference, base=tmp_path)


@pytest.mark.parametrize("reference", ["env:KEY", "command:cat key", "hunter2hunter2"])
def test_a_key_is_not_made_where_we_cannot_keep_it(tmp_path, reference):
    with refused("master_reference", Invalid):
        create_master(reference, base=tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").mkdir()
    with refused("master_exists", Refused):
        create_master("file:file", base=tmp_path)
