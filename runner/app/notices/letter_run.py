"""Run of letters in its folder: resume, and the final manifest.

The folder has the whole state of the run. ``run.json`` describes the run; a folder ``00001`` is a finished shard; a folder
``….part`` was interrupted and is made again. Nothing else must survive a kill.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from runner.app.core.repository import FileLock
from runner.decoding import from_json
from runner.effects.notices.letters import (
    MAIL_HOUSE,
    MANIFEST,
    for_a_spreadsheet,
    shard_name,
    write_file,
)
from runner.errors import Refused, StoreLocked
from runner.files.people_lists.people_list import Checked
from runner.incident.notices.letters import GroupKey, Line, MerkleTree

PLAN, REJECTS = "run.json", "rejects.csv"


@contextmanager
def locked(folder: Path, plan: dict[str, Any]) -> Iterator[None]:
    """Lock a run's folder; raises Refused for the folder of another run, or with other files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    begun = folder / PLAN
    if not begun.exists() and any(entry.suffix != ".lock" for entry in folder.iterdir()):
        raise Refused(
            f'Folder "{folder}" is not empty.', hint="Use a new folder: --out DIR", code="folder_not_empty"
        )
    try:
        lock = FileLock(folder, "letters")
    except StoreLocked:
        raise Refused(
            f'Another run writes into folder "{folder}".',
            hint="Wait for the end of that run.",
            code="folder_in_use",
        ) from None
    try:
        _same_run(begun, plan)
        yield
    finally:
        lock.release()


def _same_run(begun: Path, plan: dict[str, Any]) -> None:
    content = msgspec.json.format(msgspec.json.encode(plan, order="sorted"), indent=1)
    if not begun.exists():
        replace_file(begun, content)
        return
    known = from_json(begun.read_bytes(), dict[str, Any])
    now = from_json(content, dict[str, Any])
    changed = sorted(key for key in {*known, *now} if known.get(key) != now.get(key))
    if changed:
        raise Refused(
            f'Folder "{begun.parent}" contains letters of another run. Changed: {", ".join(changed)}.',
            hint="Use another folder: --out DIR",
            code="other_run",
        )


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, for its owner alone."""
    fresh = path.with_name(f"{path.name}.part")
    fresh.unlink(missing_ok=True)
    write_file(fresh, content, sync=True)
    fresh.replace(path)


def is_done(folder: Path, number: int) -> bool:
    """Tell whether a shard is complete, with all files in full length. An incomplete shard is removed."""
    shard = folder / shard_name(number)
    if not shard.is_dir():
        return False
    with suppress(OSError, msgspec.DecodeError):
        lines = [from_json(line, Line) for line in _lines(shard)]
        if (shard / MAIL_HOUSE).is_file() and all(
            (folder / line.file).stat().st_size == line.size for line in lines
        ):
            return True
    shutil.rmtree(shard)
    return False


def _lines(shard: Path) -> list[bytes]:
    with (shard / MANIFEST).open("rb") as file:
        return file.readlines()


# --- the end ------------------------------------------------------------------------------------------------------


class Joined:
    """The totals of a manifest, in constant memory.

    A letter in two formats is one letter in two files; a batch is one file of many letters.
    """

    def __init__(self) -> None:
        self.tree, self.digest = MerkleTree(), hashlib.sha256()
        self.by_group = Counter[GroupKey]()
        self.letters = self.files = self.pages = 0
        self._letter, self._file = 0, ""

    def add(self, line: bytes) -> None:
        """Count a line; lines of the same letter, and of the same file, are adjacent."""
        found = from_json(line, Line)
        if found.n != self._letter:
            self.letters, self._letter = self.letters + 1, found.n
            self.by_group[found.group] += 1
        if found.file != self._file:
            self.files, self._file = self.files + 1, found.file
        self.pages += found.pages
        self.tree.add(line.rstrip(b"\n"))
        self.digest.update(line)


def join(folder: Path, shards: int) -> Joined:
    """Write the manifest and the mail house's table of all shards, and return the totals."""
    count = Joined()
    parts = [folder / f"{name}.part" for name in (MANIFEST, MAIL_HOUSE)]
    for part in parts:
        part.unlink(missing_ok=True)
        write_file(part, b"")
    with parts[0].open("ab") as manifest, parts[1].open("ab") as table:
        for number in range(1, shards + 1):
            shard = folder / shard_name(number)
            for line in _lines(shard):
                count.add(line)
                manifest.write(line)
            rows = (shard / MAIL_HOUSE).read_bytes()
            table.write(rows if number == 1 else rows.partition(b"\r\n")[2])
    for part in parts:
        part.replace(part.with_suffix(""))
    return count


@contextmanager
def rejects(path: Path, people: Path, *, wanted: bool) -> Iterator[Callable[[Checked], None]]:
    """Give a function that writes an invalid row, unchanged, for correction; unprintable characters are escaped."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)

    def add(found: Checked) -> None:
        if table is None:
            raise list_changed(people)
        cells = "; ".join(
            f"{name}={ascii(text)[1:-1]}" for name, text in found.row.cells.items() if name != "code"
        )
        table.writerow(for_a_spreadsheet((found.row.line, "; ".join(found.problems), cells)))

    table = None
    if not wanted:
        yield add
        return
    write_file(part, b"")
    with part.open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("line", "why", "row"))
        yield add
    part.replace(path)


def list_changed(people: Path) -> Refused:
    """Return the refusal of a list that is not the surveyed one any more."""
    return Refused(
        f'File "{people}" changed during the run.',
        hint="Start again in another folder: --out DIR",
        code="list_changed",
    )
