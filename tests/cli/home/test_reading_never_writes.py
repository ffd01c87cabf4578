"""A command that reads leaves every file of the home as it is, also what a killed writer left in SQLite's log."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import chdir, closing
from pathlib import Path

import pytest

from runner.cli.framework.options import Commands, Declared, Scope, declared
from tests.cli.at_desk import AtDesk

READING = (
    "next",
    "status",
    "status --as-known-at 2026-11-24T10:00:00+00:00",
    "watch --format json",
    "list",
    "use amber-falcon",
    "timeline --all",
    "task list",
    "task show block",
    "fact show",
    "fact missing",
    "fact history incident.summary",
    "fact export veris:VERIS.json",
    "evidence list",
    "account list",
    "step-link list",
    "alert list",
    "alert show a-1",
    "evidence save e-1 SAVED",
    "evidence form e-1 CUSTODY.pdf",
    "duties",
    "duties register",
    "duties calendar",
    "duty show eu-gdpr-33-controller-sa/initial",
    "authority list",
    "authority show de-hh",
    "law show",
    "notice consistency",
    "notice list",
    "notice show gdpr-33-initial",
    "notice check gdpr-33-initial",
    "notice diff gdpr-33-initial",
    "notice pull --out PULLED",
    "regime list",
    "regime show eu-gdpr-33-controller-sa",
    "regime check",
    "regime diff",
    "person list",
    "person export",
    "role list",
    "role why maria incident.lead",
    "message plan lost-badge",
    "message rules",
    "message call-sheet",
    "message list",
    "message show d-1",
    "message prove",
    "domain list",
    "channel list",
    "bulk status gdpr-34-notice --people people.csv",
    "playbook list",
    "playbook show lost-device",
    "playbook validate lost-device",
    "playbook diff lost-device lost-device",
    "playbook test lost-device",
    "playbook fixture",
    "playbook graph lost-device",
    "playbook card lost-device --out CARD.txt",
    "schema playbook",
    "drill list",
    "drill handbook tabletop --for players",
    "drill show",
    "drill schedules",
    "drill readiness",
    "improvement list",
    "improvement show I-1",
    "routine list",
    "version",
    "audit verify",
    "audit exports",
    "verify BUNDLE.zip",
    "brief",
    "doctor",
    "worker status",
)
"""Every command that reads, some with what they refuse in this home: that writes nothing either."""
WRITING = {
    "worker ",
    "worker start",
    "worker stop",
    "scheduler",
    "serve-callbacks",
    "playbook copy",
    "service install",
}
"""Commands without ``--as`` that write all the same: for the machine, or a file for its user."""


def commands(inside: Commands, path: str = "") -> Iterator[tuple[str, Scope]]:
    for name, one in inside.inside.items():
        if isinstance(one, Declared):
            yield f"{path}{name}", one.scope
        else:
            yield from commands(one, f"{path}{name} ")


def test_every_command_that_reads_is_tried_here() -> None:
    reads = {name for name, scope in commands(declared("")) if scope in (Scope.READS, Scope.ANYWHERE)}
    tried = {
        name for name in reads if any(words == name or words.startswith(f"{name} ") for words in READING)
    }
    assert reads - tried == WRITING


def files(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return every file of a folder with its time, and the store with its content; SQLite's index of its log is memory."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size, _content(path))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if ".db" in path.name else ""


def killed(home: AtDesk, folder: Path) -> AtDesk:
    """Return a copy of a home whose last writer was killed: its last event is in the log of SQLite alone."""
    with closing(sqlite3.connect(home.home / "tocsin.db")) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("SELECT count(*) FROM events").fetchone()  # keeps the log from being folded in
        home.done("note", "the last word", "--no-work")
        shutil.copytree(home.home, folder / "home", ignore=shutil.ignore_patterns("*-shm"))
    assert (folder / "home" / "tocsin.db-wal").stat().st_size
    return AtDesk(folder / "home", clock=home.clock, environ=home.environ)


@pytest.fixture
def left(incident: AtDesk, tmp_path: Path) -> AtDesk:
    (tmp_path / "copy").mkdir()
    return killed(incident, tmp_path / "copy")


@pytest.fixture(autouse=True)
def apart(tmp_path: Path) -> Iterator[None]:
    """Stand in a folder of our own: what is written for the user comes to where they are."""
    with chdir(tmp_path):
        yield


def test_a_command_that_reads_leaves_every_file_as_it_is(incident: AtDesk, tmp_path: Path) -> None:
    incident.done(
        "note", "Somebody looked."
    )  # keeps the settings as read: a home that was copied has read none
    changed(incident, tmp_path)


def test_reading_does_not_merge_the_log_of_a_killed_writer(left: AtDesk, tmp_path: Path) -> None:
    changed(left, tmp_path)


def changed(desk: AtDesk, folder: Path) -> None:
    before = files(desk.home)
    for words in READING:
        said = desk(
            *words.replace("PULLED", str(folder / "pulled")).replace("CARD", str(folder / "card")).split()
        )
        assert said.code != 3, (words, said.err)
        assert files(desk.home) == before, words
