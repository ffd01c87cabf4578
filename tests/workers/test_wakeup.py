"""Wake-up signals between processes: living workers wake, and files of dead ones are removed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.workers.wakeup import LOOPBACK, WakeupSocket, ring
from tests.patience import PATIENCE


def everybody(worker: str) -> bool:
    return True


def nobody(worker: str) -> bool:
    return False


@contextmanager
def an_ear() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((LOOPBACK, 0))
        ear.settimeout(10)
        yield ear


def left(folder: Path, worker: str, text: str) -> Path:
    file = folder / f"{worker}.port"
    file.write_text(text, encoding="ascii")
    return file


def test_a_bell_is_heard_until_it_is_closed_and_leaves_nothing(tmp_path: Path) -> None:
    bell, heard = WakeupSocket(tmp_path, "w1", everybody), threading.Event()
    listening = threading.Thread(target=bell.listen, args=(heard.set,))
    listening.start()
    ring(tmp_path, everybody)
    assert heard.wait(PATIENCE)
    bell.close()
    listening.join(PATIENCE)
    assert not listening.is_alive()
    assert list(tmp_path.iterdir()) == []


def test_a_wake_up_removes_files_of_a_killed_worker_and_wakes_others(tmp_path: Path) -> None:
    with an_ear() as dead, an_ear() as living:
        gone = left(tmp_path, "dead", str(dead.getsockname()[1]))
        kept = left(tmp_path, "living", str(living.getsockname()[1]))
        ring(tmp_path, lambda worker: worker == "living")
        assert living.recv(16) == b"look"
        dead.setblocking(False)
        with pytest.raises(BlockingIOError):
            dead.recv(16)
    assert (gone.exists(), kept.exists()) == (False, True)


@pytest.mark.parametrize("text", ["", "a port", "99999", "-1"])
def test_a_file_that_holds_no_port_is_removed_and_stops_no_command(tmp_path: Path, text: str) -> None:
    file = left(tmp_path, "w1", text)
    ring(tmp_path, everybody)
    assert not file.exists()


def test_a_starting_worker_removes_the_files_of_dead_workers(tmp_path: Path) -> None:
    dead, living = left(tmp_path, "dead", "1"), left(tmp_path, "living", "2")
    bell = WakeupSocket(tmp_path, "w1", lambda worker: worker == "living")
    bell.close()
    assert (dead.exists(), living.exists()) == (False, True)


def test_without_a_worker_no_wake_up_is_sent(tmp_path: Path) -> None:
    ring(tmp_path / "nowhere", nobody)
