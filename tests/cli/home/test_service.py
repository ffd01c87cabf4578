"""``service install``: units of systemd that systemd accepts, that give no privileges, and that say when a process is ready."""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.app.home.services import SERVICES
from runner.cli.framework.environment import progress
from tests.cli.at_desk import AtDesk
from tests.patience import PATIENCE
from tests.servers.needed import absent

CEILING = "30"
"""Of ``systemd-analyze security``, whose scale ends with 100: no protection."""
NAMES = {f"tocsin-{one.name}.service" for one in SERVICES}


def read(unit: Path) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return parser["Service"]


def analyzed(*words: str | Path) -> None:
    if shutil.which("systemd-analyze") is None:
        absent("systemd", "Debian: apt-get install systemd")
    done = subprocess.run(("systemd-analyze", *words), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def units(tocsin: AtDesk, tmp_path: Path) -> Path:
    folder = tmp_path / "units"
    folder.mkdir()
    assert {*tocsin("service", "install", "--to", str(folder), "--format", "json").json["written"]} == NAMES
    return folder


def test_systemd_accepts_the_units_and_rates_them_as_protected(units: Path, tmp_path: Path) -> None:
    files = [units / name for name in sorted(NAMES)]
    for file in files:  # systemd refuses a folder below /dev, where the tests keep theirs in memory
        file.write_text(file.read_text().replace(str(tmp_path), "/srv"))
    analyzed("verify", *files)
    analyzed("security", "--offline=true", f"--threshold={CEILING}", *files)


def test_a_unit_that_somebody_changed_is_replaced_only_when_told_to(tocsin: AtDesk, units: Path) -> None:
    words = ("service", "install", "--to", str(units), "--format", "json")
    assert tocsin(*words).json["written"] == []
    changed, gone = units / "tocsin-serve.service", units / "tocsin-worker.service"
    text = changed.read_text()
    changed.write_text(text + "# mine\n")
    gone.unlink()
    assert tocsin(*words).error == "unit_changed"
    assert (changed.read_text(), gone.exists()) == (text + "# mine\n", False)
    assert {*tocsin(*words, "--force").json["written"]} == {changed.name, gone.name}
    assert changed.read_text() == text


def test_units_are_printed_and_nothing_is_written(tocsin: AtDesk, tmp_path: Path) -> None:
    shown = tocsin("service", "install", "--print", "--to", str(tmp_path / "none"))
    assert shown.code == 0
    assert all(f"# {name}\n" in shown.out for name in NAMES)
    assert tocsin("service", "install", "--to", str(tmp_path / "none")).error == "file_unwritable"


def test_the_folder_for_backups_can_be_written_and_no_other(
    tocsin: AtDesk, units: Path, tmp_path: Path
) -> None:
    assert read(units / "tocsin-scheduler.service")["ReadWritePaths"] == str(tocsin.home)
    tocsin.settings(backup={"to": str(tmp_path / "backup")})
    tocsin.done("service", "install", "--to", str(units), "--force")
    paths = read(units / "tocsin-scheduler.service")["ReadWritePaths"].split()
    assert paths == [str(tocsin.home), f"-{tmp_path}/backup"]


def test_the_folder_of_a_database_outside_the_home_can_be_written_and_hidden_folders_are_reported(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    words = ("service", "install", "--print", "--format", "json")
    tocsin.settings(store=f"sqlite:{tmp_path}/data/tocsin.db")
    shown = tocsin(*words)
    assert f"ReadWritePaths={tocsin.home} -{tmp_path}/data\n" in shown.out
    tocsin.settings(store="sqlite:///home/store/tocsin.db", backup={"to": "/root/backup"})
    assert tocsin(*words).warnings.count("unit_hidden") == shown.warnings.count("unit_hidden") + 2


@pytest.mark.parametrize("user", ["a b", "$USER", "x\nExecStart=/bin/sh", "%u"])
def test_text_that_would_mean_something_else_in_a_unit_is_refused(
    tocsin: AtDesk, tmp_path: Path, user: str
) -> None:
    assert tocsin("service", "install", "--to", str(tmp_path), "--user", user).error == "unit_text"
    assert not [*tmp_path.glob("*.service")]


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[dict[str, socket.socket]]:
    with ExitStack() as ending:
        made = {}
        for one in SERVICES:
            line = made[one.name] = ending.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            line.bind(str(tmp_path / one.name))
            line.settimeout(PATIENCE)
        yield made


@pytest.mark.slow
def test_each_service_tells_systemd_when_it_is_ready_and_ends_when_asked(
    tocsin: AtDesk, units: Path, sockets: dict[str, socket.socket], tmp_path: Path
) -> None:
    """The command lines of the units run as they are, with the master key as a credential."""
    key = tmp_path / "credentials" / "master.key"
    key.parent.mkdir()
    shutil.move(tocsin.home / "master.key", key)
    tocsin.settings(master_key="credential:master.key")
    children = {}
    for one in SERVICES:
        service = read(units / f"tocsin-{one.name}.service")
        assert service["Type"] == "notify"
        told = {"TOCSIN_HOME": str(tocsin.home), "NOTIFY_SOCKET": str(tmp_path / one.name)}
        told["CREDENTIALS_DIRECTORY"] = str(key.parent)
        words = service["ExecStart"].split()
        words += ["--listen", "127.0.0.1:0"] if one.name in ("serve", "callbacks") else []
        children[one.name] = subprocess.Popen(
            words, env={**os.environ, **told}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
    try:
        for one in SERVICES:
            watched = "WatchdogSec=0" not in one.extra
            wanted = {b"READY=1", b"WATCHDOG=1"} if watched else {b"READY=1"}
            heard: set[bytes] = set()
            while not wanted <= heard:
                heard.add(sockets[one.name].recv(100))
        for child in children.values():
            child.send_signal(signal.SIGTERM)
        assert {name: child.wait(PATIENCE) for name, child in children.items()} == dict.fromkeys(children, 0)
    finally:
        for child in children.values():
            child.kill()
            child.communicate()


def test_a_loop_that_hangs_is_not_reported_as_alive() -> None:
    turns = [0]
    turned = progress(lambda: turns[0])
    found = [turned(), turned()]
    turns[0] = 1
    assert [*found, turned(), turned()] == [True, False, True, False]
