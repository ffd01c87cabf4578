"""Letters in bulk: a shard of the list becomes a folder of files, in a process of its own or in this one.

A shard is the unit of work. It is written into a folder ``….part`` that gets its name when all of it is there, and
the same people, papers and settings give the same bytes: a shard that was begun twice does no harm, and one that is
there is done. Files are named by their place in the list and a reference of a checked form, never by a person's name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runner.documents.marking import watermark
from runner.documents.press import Press
from runner.documents.tree import Document
from runner.documents.write import write
from runner.effects.render import Paper
from runner.model.letters import Line, Person
from runner.model.notice import Format

MANIFEST, MAIL_HOUSE = "manifest.jsonl", "letters.csv"
HEAD = ("file", "first_page", "pages", "reference", "name", "address")
"""Columns of the mail house's table; a cell that a spreadsheet would calculate has an apostrophe in front."""
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


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


def make_shard(shard: Shard) -> int:
    """Write the folder of a shard, whole or not at all, and return its number."""
    done = Path(shard.folder) / shard.name
    part = done.with_name(f"{done.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    lines = list(_letters(shard, part))
    encoder = msgspec.json.Encoder(order="sorted")
    write_file(part / MANIFEST, b"".join(encoder.encode(line) + b"\n" for line, _ in lines), sync=True)
    table = io.StringIO(newline="")
    rows = csv.writer(table)
    rows.writerow(HEAD)
    for line, person in lines:
        cells = (line.file, line.first_page, line.pages, line.reference, person.name, person.address)
        rows.writerow(for_a_spreadsheet(cells))
    write_file(part / MAIL_HOUSE, table.getvalue().encode(), sync=True)
    part.rename(done)
    return shard.number


def for_a_spreadsheet(cells: Iterable[Any]) -> list[str]:
    """Return cells of which none is calculated: an apostrophe makes text of what begins like a formula."""
    return [f"'{text}" if text.startswith(_FORMULA) else text for text in map(str, cells)]


def write_file(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Write a new file that only its owner may read; ``sync`` waits until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def _letters(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write the files of a shard and yield a line for each of them."""
    if shard.batch:
        yield from _batches(shard, part)
        return
    press = Press(tagged=True)
    found: list[tuple[Line, Person]] = []
    # letters of one paper one after another: each begins with what was laid out for the one before
    for n, person in sorted(enumerate(shard.people, shard.first), key=lambda pair: pair[1].group):
        document = letter(shard.papers[person.group], person)
        for form in shard.formats:
            content, pages = _written(document, form, press)
            name = f"{_marks(document)}{n:07d}_{person.reference}.{form}"
            write_file(part / name, content)
            file = _File(f"{shard.name}/{name}", hashlib.sha256(content).hexdigest(), len(content))
            found.append((_line(n, person, document, file, (1 if pages else 0, pages)), person))
    yield from sorted(found, key=lambda pair: pair[0].n)


def _written(document: Document, form: Format, press: Press) -> tuple[bytes, int]:
    if form != "pdf":
        return write(document, form), 0
    printed = press.print((document,))
    return printed.content, printed.pages[0]


def _batches(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    press = Press(tagged=False)
    numbered = list(enumerate(shard.people, shard.first))
    for k, batch in groupby(numbered, key=lambda pair: (pair[0] - shard.first) // shard.batch):
        members = list(batch)
        documents = [letter(shard.papers[person.group], person) for _, person in members]
        printed = press.print(documents)
        name = f"{_marks(documents[0])}{shard.name}-{k + 1:03d}.pdf"
        write_file(part / name, printed.content)
        digest = hashlib.sha256(printed.content).hexdigest()
        file = _File(f"{shard.name}/{name}", digest, len(printed.content))
        page = 1
        for (n, person), document, pages in zip(members, documents, printed.pages, strict=True):
            yield _line(n, person, document, file, (page, pages)), person
            page += pages


def _marks(document: Document) -> str:
    """Return what must never be overlooked, in front of a file's name."""
    words = watermark(document).replace(" – ", "_")
    return f"{words}_" if words else ""


class _File(NamedTuple):
    """A file that was written, as the manifest names it."""

    name: str
    sha256: str
    size: int


def _line(n: int, person: Person, document: Document, file: _File, where: tuple[int, int]) -> Line:
    return Line(
        n=n,
        reference=person.reference,
        jurisdiction=person.jurisdiction,
        population=person.population,
        text=document.digest,
        file=file.name,
        sha256=file.sha256,
        size=file.size,
        first_page=where[0],
        pages=where[1],
    )
