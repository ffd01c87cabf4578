"""Shard of letters in bulk: some people of the list, the sources of their letters, and a line for each file.

Files are named by their place in the list and a reference of a checked form, never by a person's name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from runner.documents.notice import Format
from runner.documents.tree import Document
from runner.documents.watermark import watermark
from runner.effects.notices.render import Paper
from runner.incident.notices.letters import Line, Person


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """Some people of the list, and all that their letters are made from; it can be handed to another process."""

    number: int
    """From 1; it names the folder."""
    first: int
    """The place of its first person in the list, from 1."""
    people: tuple[Person, ...]
    papers: Mapping[tuple[str, str], Paper]
    formats: tuple[Format, ...]
    batch: int
    """Letters in one PDF for the printer; 0 for files of their own."""
    folder: str
    """The folder of the run."""
    letterhead: bytes = b""
    """The firm's own Word file, on which a ``.docx`` is written."""

    @property
    def name(self) -> str:
        """The folder's name within the run's."""
        return shard_name(self.number)


def shard_name(number: int) -> str:
    """Return what the folder of a shard is called."""
    return f"{number:05d}"


def letter(paper: Paper, person: Person) -> Document:
    """Return one person's letter. What it says of the person is text, whatever stands in it."""
    recipient = {"name": person.name, "address": person.address, "reference": person.reference}
    return paper.document(recipient=recipient)


def write_file(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Write a new file that only its owner may read; ``sync`` waits until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def marks(document: Document) -> str:
    """Return what must never be overlooked, in front of a file's name."""
    words = watermark(document).replace(" – ", "_")
    return f"{words}_" if words else ""


class File(NamedTuple):
    """A file that was written, as the manifest names it."""

    name: str
    sha256: str
    size: int


def kept(shard: Shard, part: Path, name: str, content: bytes) -> File:
    """Write a file of a shard, and say what the manifest says of it."""
    write_file(part / name, content)
    return File(f"{shard.name}/{name}", hashlib.sha256(content).hexdigest(), len(content))


def line_of(n: int, person: Person, text: str, file: File, where: tuple[int, int]) -> Line:
    """Return a letter's line of the manifest; ``where`` is its first page in the file and how many it has."""
    return Line(
        n=n,
        reference=person.reference,
        jurisdiction=person.jurisdiction,
        population=person.population,
        text=text,
        file=file.name,
        sha256=file.sha256,
        size=file.size,
        first_page=where[0],
        pages=where[1],
    )
