"""``store move``: the same heads in the other database, one truth after every kill, and an old database that refuses writing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.app.core.repository import Store
from runner.app.home.home_journal import StoreMoved, kept
from runner.errors import StoreError
from runner.store.moving import MOVED, sums
from tests.cli.at_desk import AtDesk
from tests.refusals import refused
from tests.store.journals import event, write

CHILD = """
import os, sys
from pathlib import Path
from runner.app.core.identifiers import RandomIds, SystemClock
from runner.app.home.open_home import this_principal
from runner.app.home.store_move import move_store

home, url, stage = sys.argv[1:]

def watched(words, total):
    if words == stage:
        os._exit(9)
    return lambda count: None

move_store(Path(home), this_principal("maria"), SystemClock(), RandomIds(), url, watched)
"""
BEFORE = (
    "copying",
    "verifying the new database",
    "comparing all rows",
    "closing the old database",
)
AFTER = ("finishing", "changing the settings")


@pytest.fixture
def working(incident: AtDesk, tmp_path: Path) -> AtDesk:
    """An open incident with evidence and a table of campaigns."""
    evidence = tmp_path / "log.txt"
    evidence.write_text("seen at the door")
    incident.done("attach", str(evidence))
    office = incident.office()
    office.campaign_tables(office.principal).suppress([b"a" * 16], "bounced", incident.clock.now())
    return incident


def heads(desk: AtDesk) -> dict[str, tuple[int, str]]:
    """Return the end of each journal."""
    with opened(desk) as store:
        return {row.id: (row.version, store.head(row.id).hash) for row in store.rows()}


def opened(desk: AtDesk) -> closing[Store]:
    return closing(desk.office().store)


def moved(desk: AtDesk) -> list[StoreMoved]:
    return [one for _, one in kept(desk.office()).made if isinstance(one, StoreMoved)]


def store_line(desk: AtDesk) -> str:
    lines = (desk.home / "tocsin.yaml").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("store:")), "sqlite:tocsin.db")


def killed(desk: AtDesk, url: str, stage: str) -> None:
    """Move in another process, which dies at a stage."""
    child = [sys.executable, "-c", CHILD, str(desk.home), url, stage]
    assert subprocess.run(child, check=False).returncode == 9


@pytest.mark.postgres
def test_a_home_moves_to_a_server_and_back_with_the_same_heads(
    working: AtDesk, tmp_path: Path, postgres_url: str
) -> None:
    before, first = heads(working), working.office().store
    with first.frozen() as frozen:
        rows = sums(frozen.tables())
    assert {"bulk_suppressed", "blobs", "head_log"} <= rows.keys()
    there = working("store", "move", postgres_url, "--format", "json").json["moved"]
    assert (there["new"], there["rows"]) == (postgres_url, sum(count for count, _ in rows.values()))
    on_server = heads(working)
    assert {name: on_server[name] for name in before} == before
    working.done("note", "written on the server", "-i", "amber-falcon")
    later = heads(working)
    back = working("store", "move", "sqlite:back/second.db", "--format", "json").json["moved"]
    assert (back["old"], (working.home / "back" / "second.db").stat().st_mode & 0o77) == (postgres_url, 0)
    here = heads(working)
    assert {name: here[name] for name in later if name != "home"} == {
        name: head for name, head in later.items() if name != "home"
    }
    assert working("audit", "verify").code == 0
    assert [(one.old, one.new) for one in moved(working)] == [
        ("sqlite:tocsin.db", postgres_url),
        (postgres_url, "sqlite:back/second.db"),
    ]
    codes = [one["code"] for one in working("doctor", "--offline", "--format", "json").json["findings"]]
    assert codes.count("moved_here") == 2
    working.settings(store=postgres_url)
    assert working("status").error == "store_moved"


@pytest.mark.parametrize(
    "kept_in", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_the_old_database_refuses_writing_also_to_a_program_that_had_it_open(working: AtDesk) -> None:
    store, old = working.office().store, store_line(working)
    working.done("store", "move", "sqlite:second.db")
    for act in (
        lambda: write(store, "i", event()),
        lambda: store.set_setting("x", "y"),
        lambda: store.change_marks(("x",), lambda _: {"x": b"y"}),
        lambda: store.put_blob(None, b"late"),
    ):
        with refused("store_moved", StoreError) as found:
            act()
        assert "sqlite:second.db" in f"{found.value.message}{found.value.hint}"
    working.settings(store=old)
    assert working("note", "too late", "-i", "amber-falcon").error == "store_moved"
    (told,) = [
        one
        for one in working("doctor", "--offline", "--format", "json").json["findings"]
        if one["area"] == "store"
    ]
    assert (told["severity"], told["code"]) == ("error", "store_moved")
    assert working("store", "move", "sqlite:third.db").error == "store_moved"


@pytest.fixture
def unmoved(working: AtDesk) -> Iterator[AtDesk]:
    """A home that a refused move leaves as it was."""
    before, line = heads(working), store_line(working)
    yield working
    assert (heads(working), store_line(working)) == (before, line)
    assert working("audit", "verify").code == 0


def test_a_place_with_another_file_is_refused(unmoved: AtDesk) -> None:
    (unmoved.home / "there.db").write_bytes(b"something else")
    assert unmoved("store", "move", "sqlite:there.db").error == "store_exists"
    assert unmoved("store", "move", "sqlite:tocsin.db").error == "store_exists"
    assert unmoved("store", "move", "postgresql://t:geheim@db.example.org/t").error == "store_url"
    assert unmoved("store", "move", "mysql://db.example.org/t").error == "store_url"
    assert (unmoved.home / "there.db").read_bytes() == b"something else"


@pytest.mark.parametrize(
    "kept_in", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_a_running_worker_refuses_the_move(unmoved: AtDesk) -> None:
    alive = unmoved.office().register_worker("w-1")
    assert unmoved("store", "move", "sqlite:second.db").error == "store_in_use"
    assert unmoved("key", "rotate", "--to", "file:second.key").error == "store_in_use"
    alive.release()
    assert not (unmoved.home / "second.db").exists()


def test_a_kill_before_the_old_database_is_closed_leaves_it_in_use(working: AtDesk) -> None:
    for stage in BEFORE:
        killed(working, "sqlite:second.db", stage)
        assert store_line(working) == "sqlite:tocsin.db"
        working.done("note", stage, "-i", "amber-falcon", "--as", "maria")
    working.settings(store="sqlite:second.db")
    assert working("status").error == "store_unfinished"
    working.settings()
    last = heads(working)
    working.done("store", "move", "sqlite:second.db")
    after = heads(working)
    assert {name: after[name] for name in last} == last
    assert len(moved(working)) == 1


@pytest.mark.parametrize("stage", AFTER)
def test_a_kill_after_that_is_completed_by_the_same_command(working: AtDesk, stage: str) -> None:
    before = heads(working)
    killed(working, "sqlite:second.db", stage)
    assert working("note", "neither", "-i", "amber-falcon").error == "store_moved"
    working.done("store", "move", "sqlite:second.db")
    after = heads(working)
    assert {name: after[name] for name in before} == before
    assert (len(moved(working)), store_line(working)) == (1, "sqlite:second.db")
    assert working.office().store.setting(MOVED) is None


@pytest.mark.postgres
def test_a_kill_in_the_middle_leaves_nothing_on_a_server_that_a_repetition_stumbles_over(
    working: AtDesk, postgres_url: str
) -> None:
    before = heads(working)
    for stage in BEFORE[1:3]:
        killed(working, postgres_url, stage)
        assert heads(working) == before
    working.done("store", "move", postgres_url)
    after = heads(working)
    assert {name: after[name] for name in before} == before
    assert working("audit", "verify").code == 0


def test_a_damaged_database_is_not_moved(working: AtDesk) -> None:
    from tests.cli.home.test_integrity import CHANGED, tamper

    tamper(working, CHANGED)
    assert working("store", "move", "sqlite:second.db").error == "move_unverified"
    assert store_line(working) == "sqlite:tocsin.db"
