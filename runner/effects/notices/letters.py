"""Letters in bulk: a shard of the list becomes a folder of files, in a process of its own or in this one.

A shard is the unit of work. It is written into a folder ``….part`` that gets its name when all of it is there, and
the same people, papers and settings give the same bytes: a shard that was begun twice does no harm, and one that is
there is done.

Print batches of a shard: letters of one form are stamped onto the same pages, the others are set whole.

A file holds letters of one form, so that all of them have as many pages. Which letters are in doubt, and why they are not
stamped, is told in ``runner.documents.pdf.print_overlay``.

A shard of letters in bulk: some people of the list, what their letters are made from, and what is said of each file.

Files are named by their place in the list and a reference of a checked form, never by a person's name.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from runner.documents.notice import Format
from runner.documents.pdf.print_overlay import Form, Overprint
from runner.documents.pdf.print_overlay import Paper as PrintPaper
from runner.documents.pdf.typst_compiler import Press
from runner.documents.tree import Block, Document
from runner.documents.watermark import watermark
from runner.documents.word.letterhead import Letterhead
from runner.documents.write import write
from runner.effects.notices.render import Paper
from runner.incident.notices.letters import MAX_WHOLE, Line, Person


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


_T = TypeVar("_T")
_WORTH = 4
"""Letters from which a form is worth its own layout."""
_MADE_UP = (
    Person(reference="A", name="A", address="A\nA"),
    Person(reference="B", name="B", address="B\nB"),
)
"""Two readers who have nothing in common: where their letters differ is what is a reader's own."""


class _Own(NamedTuple):
    """What is one reader's own, and nothing of what all share: a shard of these is small."""

    n: int
    person: Person
    text: str
    blocks: tuple[Block, ...]


def batches(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write the batches of a shard and yield a line for each letter, file by file."""
    numbers, overprint = count(1), Overprint()
    forms, whole = _sorted(shard)
    for form, members in forms.items():
        for chunk in _chunks(members, shard.batch):
            left: Sequence[_Own] = chunk
            while len(left) >= _WORTH:
                # those that do not fit the first one's pages may have the same pages among themselves
                stamped = overprint.print(form, [member.blocks for member in left])
                fitting = [one for one, fits in zip(left, stamped.fits, strict=True) if fits]
                if not fitting:
                    break
                left = [one for one, fits in zip(left, stamped.fits, strict=True) if not fits]
                name = f"{marks(form.paper.document)}{shard.name}-{next(numbers):03d}.pdf"
                file, pages = kept(shard, part, name, stamped.content), stamped.pages
                for k, one in enumerate(fitting):
                    where = (k * pages + 1, pages)
                    yield line_of(one.n, one.person, one.text, file, where), one.person
            whole += [(member.n, member.person) for member in left]
    yield from _whole(shard, part, sorted(whole), numbers)


def _sorted(shard: Shard) -> tuple[Mapping[Form, list[_Own]], list[tuple[int, Person]]]:
    """Sort the letters of a shard by their form; those without are set whole."""
    papers: dict[tuple[str, str], PrintPaper] = {}
    forms: dict[Form, list[_Own]] = {}
    whole: list[tuple[int, Person]] = []
    for n, person in enumerate(shard.people, shard.first):
        source = shard.papers[person.group]
        if person.group not in papers:
            papers[person.group] = PrintPaper(*(letter(source, one) for one in _MADE_UP))
        document = letter(source, person)
        form = papers[person.group].form(document)
        if form is None:
            whole.append((n, person))
        else:
            forms.setdefault(form, []).append(_Own(n, person, document.digest, form.own(document)))
    return forms, whole


def _whole(
    shard: Shard, part: Path, letters: Sequence[tuple[int, Person]], numbers: Iterator[int]
) -> Iterator[tuple[Line, Person]]:
    """Set letters together as they are; what is set at once is held in memory at once."""
    press = Press(tagged=False)
    for chunk in _chunks(letters, min(shard.batch, MAX_WHOLE)):
        documents = [letter(shard.papers[person.group], person) for _, person in chunk]
        printed = press.print(documents)
        name = f"{marks(documents[0])}{shard.name}-{next(numbers):03d}.pdf"
        file = kept(shard, part, name, printed.content)
        page = 1
        for (n, person), document, pages in zip(chunk, documents, printed.pages, strict=True):
            yield line_of(n, person, document.digest, file, (page, pages)), person
            page += pages


def _chunks(members: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (members[start : start + size] for start in range(0, len(members), size))


MANIFEST, MAIL_HOUSE = "manifest.jsonl", "letters.csv"
HEAD = ("file", "first_page", "pages", "reference", "name", "address")
"""Columns of the mail house's table; a cell that a spreadsheet would calculate has an apostrophe in front."""
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def make_shard(shard: Shard) -> int:
    """Write the folder of a shard, whole or not at all, and return its number."""
    done = Path(shard.folder) / shard.name
    part = done.with_name(f"{done.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    made = batches(shard, part) if shard.batch else _apart(shard, part)
    lines = sorted(made, key=lambda pair: pair[0].n)
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


def _apart(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write files of their own, paper by paper: each letter begins with what was laid out for the one before."""
    press = Press(tagged=True)
    head = Letterhead(shard.letterhead) if shard.letterhead else None
    for n, person in sorted(enumerate(shard.people, shard.first), key=lambda pair: pair[1].group):
        document = letter(shard.papers[person.group], person)
        for form in shard.formats:
            pages = 0  # a format without pages
            if form == "pdf":
                printed = press.print((document,))
                content, pages = printed.content, printed.pages[0]
            elif form == "docx" and head is not None:
                content = head.write(document)
            else:
                content = write(document, form)
            file = kept(shard, part, f"{marks(document)}{n:07d}_{person.reference}.{form}", content)
            yield line_of(n, person, document.digest, file, (1 if pages else 0, pages)), person
