"""Backups while others write, restored and verified, again and again; ``make soak`` does 50 rounds on each store."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from runner.errors import Stale
from runner.incident.state.commands import AddNote
from tests.cli.at_desk import AtDesk
from tests.cli.home.test_backup import at, backup_of, restored

ROUNDS = int(os.environ.get("TOCSIN_SOAK_ROUNDS", "50"))


@contextmanager
def others_write(desk: AtDesk) -> Iterator[list[int]]:
    """Write notes from two threads meanwhile; yields the number that each wrote."""
    stop, wrote, failed = threading.Event(), [0, 0], list[BaseException]()

    def write(number: int) -> None:
        try:
            with closing(desk.office()) as office:
                (row,) = office.incidents()
                while not stop.is_set():
                    with suppress(Stale):
                        office.act(office.principal, row.id, [AddNote(text=f"note {wrote[number]}")])
                        wrote[number] += 1
        except BaseException as error:  # noqa: BLE001  # raised below
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield wrote
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("kept_in", ["", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_each_backup_under_load_restores_and_verifies(incident: AtDesk, tmp_path: Path) -> None:
    before = 0
    with others_write(incident) as wrote:
        for n in range(ROUNDS):
            incident.clock.advance(timedelta(seconds=1))
            made = backup_of(incident, tmp_path / "to")
            assert made["events"] > before
            before = made["events"]
            new = at(incident, tmp_path / f"new-{n}")
            restored(incident, made["path"], new.home)
            verified = new("audit", "verify", "--format", "json")
            assert (verified.code, verified.json["keyed"]) == (0, True)
            assert verified.json["events"] >= made["events"]
            shutil.rmtree(new.home)
            shutil.rmtree(made["path"])
    assert incident("audit", "verify").code == 0
    sys.stdout.write(f"{ROUNDS} rounds, {before} entries in the last backup, {sum(wrote)} notes meanwhile\n")
