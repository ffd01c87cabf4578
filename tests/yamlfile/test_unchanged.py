"""A file is read again unless its state is unchanged and old enough."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from runner.yamlfile.compile_cache import COARSE, fingerprint_of

OLD = 1_000_000_000_000_000_000


class Shelf:
    """A file, a cache, and how often the file was read."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.file = folder / "one.yaml"
        self.file.write_text("a law", encoding="utf-8")
        self.reads = 0

    def read(self) -> str:
        self.reads += 1
        return self.file.read_text(encoding="utf-8")

    def ask(self, code: bytes = b"1") -> tuple[str, int]:
        """Return the fingerprint, and how often the file was read for it."""
        before = self.reads
        found = fingerprint_of(self.cache, "law", {"one": self.file}, code, self.read)
        return found, self.reads - before

    def settled(self) -> None:
        """Have it kept, and let a while go by."""
        self.ask()
        later = self.file.stat().st_ctime_ns + COARSE + 1
        os.utime(self.cache / "law.state", ns=(later, later))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_file_that_did_not_change_is_not_read_again(shelf: Shelf) -> None:
    shelf.settled()
    assert shelf.ask() == ("a law", 0)


def test_a_file_that_changed_hardly_before_it_was_read_is_read_again(shelf: Shelf) -> None:
    assert shelf.ask() == ("a law", 1)
    assert shelf.ask() == ("a law", 1)


def rewritten(shelf: Shelf) -> None:
    """The same size, and the time of before."""
    state = shelf.file.stat()
    shelf.file.write_text("a low", encoding="utf-8")
    os.utime(shelf.file, ns=(state.st_atime_ns, state.st_mtime_ns))


def replaced(shelf: Shelf) -> None:
    other = shelf.file.with_suffix(".new")
    other.write_text("a low", encoding="utf-8")
    os.utime(other, ns=(OLD, OLD))
    other.replace(shelf.file)


def longer(shelf: Shelf) -> None:
    shelf.file.write_text("another law", encoding="utf-8")


@pytest.mark.parametrize("change", [rewritten, replaced, longer])
def test_a_file_that_changed_is_read_whatever_its_date(shelf: Shelf, change: Callable[[Shelf], None]) -> None:
    shelf.settled()
    change(shelf)
    assert shelf.ask() == (shelf.file.read_text(encoding="utf-8"), 1)


def test_under_other_code_everything_is_read_again(shelf: Shelf) -> None:
    shelf.settled()
    assert shelf.ask(b"2") == ("a law", 1)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"state": 1}'])
def test_a_damaged_stored_result_is_computed_again(shelf: Shelf, damage: bytes) -> None:
    shelf.settled()
    (shelf.cache / "law.state").write_bytes(damage)
    assert shelf.ask() == ("a law", 1)


def test_a_file_that_is_gone_is_for_the_reader_to_report(shelf: Shelf) -> None:
    shelf.settled()
    shelf.file.unlink()
    with pytest.raises(FileNotFoundError):
        shelf.ask()


def test_an_unwritable_cache_is_not_an_error(shelf: Shelf) -> None:
    shelf.cache.write_text("a file", encoding="utf-8")
    assert shelf.ask() == ("a law", 1)


def test_a_file_in_an_archive_has_no_state_and_is_read(shelf: Shelf) -> None:
    class Zipped:
        """No path of the file system."""

    found = fingerprint_of(shelf.cache, "law", {"one": cast("Path", Zipped())}, b"1", shelf.read)
    assert (found, shelf.cache.exists()) == ("a law", False)


def test_a_file_that_changes_while_it_is_read_is_not_kept(shelf: Shelf) -> None:
    def read() -> str:
        found = shelf.read()
        longer(shelf)
        return found

    assert fingerprint_of(shelf.cache, "law", {"one": shelf.file}, b"1", read) == "a law"
    assert not shelf.cache.exists()
