"""The lock by which a worker of the embedded store proves that it lives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from runner.errors import StoreError
from runner.store.worker_lock import FileLock, Left, in_hand, worker_lock_held
from tests.patience import PATIENCE
from tests.refusals import refused


def test_a_worker_that_never_was_does_not_live(tmp_path):
    assert not worker_lock_held(tmp_path, "w1")
    assert not worker_lock_held(tmp_path / "nowhere", "w1")


def test_a_file_without_a_lock_is_a_dead_worker(tmp_path):
    (tmp_path / "w1.lock").touch()
    assert not worker_lock_held(tmp_path, "w1")


def test_a_repeated_lock_check_does_not_create_a_worker(tmp_path):
    lock = FileLock(tmp_path, "w1")
    assert worker_lock_held(tmp_path, "w1")
    assert worker_lock_held(tmp_path, "w1")
    lock.release()
    assert not worker_lock_held(tmp_path, "w1")


def test_letting_go_removes_the_file(tmp_path):
    FileLock(tmp_path, "w1").release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no open file")
def test_a_lock_with_a_missing_or_replaced_file_is_not_held(tmp_path):
    lock = FileLock(tmp_path, "w1")
    assert lock.held()
    lock.path.unlink()
    assert not lock.held()
    lock.path.touch()
    assert not lock.held()
    lock.release()
    assert lock.path.exists(), "what bears the name now is somebody else's"


def test_a_released_lock_is_not_held(tmp_path):
    lock = FileLock(tmp_path, "w1")
    lock.release()
    assert not lock.held()


def test_the_next_worker_removes_the_files_of_the_dead_and_leaves_the_living(tmp_path):
    (tmp_path / "dead.lock").touch()
    one = FileLock(tmp_path, "one")
    two = FileLock(tmp_path, "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.lock", "two.lock"]
    assert worker_lock_held(tmp_path, "one")
    one.release()
    two.release()


def test_a_dead_workers_name_can_be_taken_again(tmp_path):
    (tmp_path / "w1.lock").touch()
    lock = FileLock(tmp_path, "w1")
    assert worker_lock_held(tmp_path, "w1")
    lock.release()


def test_the_lock_ends_with_its_process_however_it_ends(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from runner.store.worker_lock import FileLock;"
        "lock = FileLock(Path(sys.argv[1]), 'w1'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert worker_lock_held(tmp_path, "w1")
        process.kill()
        process.wait(timeout=PATIENCE)
    assert (tmp_path / "w1.lock").exists()
    assert not worker_lock_held(tmp_path, "w1")


def test_a_program_started_by_a_worker_does_not_inherit_its_life(tmp_path):
    lock = FileLock(tmp_path, "w1")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True) as child:
        lock.release()
        assert not worker_lock_held(tmp_path, "w1")
        child.communicate("\n", timeout=PATIENCE)


def test_a_place_that_takes_no_lock_is_said(tmp_path):
    (tmp_path / "workers").write_text("a file")
    with refused("worker_lock", StoreError):
        FileLock(tmp_path / "workers", "w1")


def test_the_lock_is_not_kept_on_the_process_id(tmp_path):
    lock = FileLock(tmp_path, "w1")
    assert str(os.getpid()) not in (tmp_path / "w1.lock").read_text()
    lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of a file")
def test_a_mark_that_the_disk_cuts_short_is_an_error(tmp_path):
    program = (
        "import resource, signal, sys; from pathlib import Path; from runner.store.worker_lock import FileLock;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); lock = FileLock(Path(sys.argv[1]), 'w1');"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4)); lock.hold(b'longer than four')"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, tmp_path], check=False, timeout=PATIENCE, capture_output=True
    )
    assert said.stderr.splitlines()[-1].startswith(b"OSError")


def test_work_of_a_dead_worker_stays_until_another_takes_it(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from runner.store.worker_lock import FileLock;"
        "lock = FileLock(Path(sys.argv[1]), 'w1'); lock.hold(b'a longer one'); lock.hold(b'i-1'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False, timeout=PATIENCE)
    living = FileLock(tmp_path, "w2")
    living.hold(b"i-2")
    assert in_hand(tmp_path) == {"w1": b"i-1", "w2": b"i-2"}
    first, second = Left(tmp_path, "w1"), Left(tmp_path, "w1")
    assert (first.body, second.body, Left(tmp_path, "w2").body) == (b"i-1", b"", b"")
    first.close(drop=True)
    second.close(drop=True)
    living.hold(b"")
    assert in_hand(tmp_path) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["w2.lock"]
    living.release()
