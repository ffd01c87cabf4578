"""Letters in bulk: a shard of the list becomes a folder of files.

A shard is the unit of work. It is written into a folder ``….part``, which is renamed when complete.
The same people, papers and settings give the same bytes: a repeated shard is harmless, and an existing shard
is complete.

Print batches of a shard: letters of one form are stamped onto the same pages, others have a separate layout.

A file has letters of one form, so that all have the same number of pages. ``runner.documents.pdf.print_overlay`` explains
which letters cannot be stamped, and why.

A shard of letters in bulk: some people of the list, the sources of their letters, and the manifest line of each file.

File names have the position in the list and a checked reference, never a person's name.
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
from typing import Any, NamedTuple, TextIO, TypeVar

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
from runner.incident.notices.letters import MAX_WHOLE, GroupKey, Line, Person


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """Some people of the list, with the sources of their letters."""

    number: int
    """The number of the shard and its folder, from 1."""
    first: int
    """The position of its first person in the list, from 1."""
    people: tuple[Person, ...]
    papers: Mapping[GroupKey, Paper]
    formats: tuple[Format, ...]
    batch: int
    """Letters in one PDF for the printer; 0 for separate files."""
    folder: str
    """The folder of the run."""
    letterhead: bytes = b""
    """The organisation's Word file, the base of a ``.docx``."""

    @property
    def name(self) -> str:
        """The folder's name within the run's folder."""
        return shard_name(self.number)


def shard_name(number: int) -> str:
    """Return the folder name of a shard."""
    return f"{number:05d}"


def letter(paper: Paper, person: Person) -> Document:
    """Return one person's letter. The person's values are plain text, never markup."""
    # what the law requires was checked once, for the pattern
    notice = msgspec.structs.replace(paper.notice, requires=())
    return msgspec.structs.replace(paper, notice=notice).document(recipient=person.words)


def write_file(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Write a new file that only its owner may read; ``sync`` waits for the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def marks(document: Document) -> str:
    """Return the warning mark for the start of a file name."""
    words = watermark(document).replace(" – ", "_")
    return f"{words}_" if words else ""


class File(NamedTuple):
    """The manifest entry of a written file."""

    name: str
    sha256: str
    size: int


def kept(shard: Shard, part: Path, name: str, content: bytes) -> File:
    """Write a file of a shard, and return its manifest entry."""
    write_file(part / name, content)
    return File(f"{shard.name}/{name}", hashlib.sha256(content).hexdigest(), len(content))


def line_of(n: int, person: Person, text: str, file: File, where: tuple[int, int]) -> Line:
    """Return a letter's manifest line; ``where`` is its first page in the file and its number of pages."""
    return Line(
        n=n,
        reference=person.reference,
        jurisdiction=person.jurisdiction,
        population=person.population,
        variant=person.variant,
        language=person.language,
        text=text,
        file=file.name,
        sha256=file.sha256,
        size=file.size,
        first_page=where[0],
        pages=where[1],
    )


_T = TypeVar("_T")
_WORTH = 4
"""The number of letters that justifies a layout for a form."""
_MADE_UP = (
    Person(reference="A", name="A", address="A\nA", code="A"),
    Person(reference="B", name="B", address="B\nB", code="B"),
)
"""Two readers without common values: the differences of their letters are the personal parts."""


class _Own(NamedTuple):
    """The personal parts of one reader's letter, without the shared parts: a shard of these is small."""

    n: int
    person: Person
    text: str
    blocks: tuple[Block, ...]


def batches(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write the batches of a shard and yield a manifest line for each letter, file by file."""
    numbers, overprint = count(1), Overprint()
    forms, whole = _sorted(shard)
    for form, members in forms.items():
        for chunk in _chunks(members, shard.batch):
            left: Sequence[_Own] = chunk
            while len(left) >= _WORTH:
                # letters that do not fit the first letter's pages may share other pages
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
    """Group the letters of a shard by form; letters without a form have a separate layout."""
    papers: dict[GroupKey, PrintPaper] = {}
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
    """Lay out letters together; all of them are in memory at once."""
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
"""Columns of the mail house's table; a cell that looks like a formula starts with an apostrophe."""
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def make_shard(shard: Shard) -> int:
    """Write the folder of a shard atomically, and return its number."""
    done = Path(shard.folder) / shard.name
    part = done.with_name(f"{done.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    made = batches(shard, part) if shard.batch else _apart(shard, part)
    lines = sorted(made, key=lambda pair: pair[0].n)
    encoder = msgspec.json.Encoder(order="sorted")
    write_file(part / MANIFEST, b"".join(encoder.encode(line) + b"\n" for line, _ in lines), sync=True)
    rows = (
        (line.file, line.first_page, line.pages, line.reference, person.name, person.address)
        for line, person in lines
    )
    write_file(part / MAIL_HOUSE, as_table((HEAD, *rows)).encode(), sync=True)
    part.rename(done)
    return shard.number


def for_a_spreadsheet(cells: Iterable[Any]) -> list[str]:
    """Return cells as text: an apostrophe in front of cells that look like formulas."""
    return [f"'{text}" if text.startswith(_FORMULA) else text for text in map(str, cells)]


def write_table(file: TextIO, rows: Iterable[Sequence[Any]]) -> int:
    """Write rows as CSV, without formulas in cells; return their number."""
    table, number = csv.writer(file), 0
    for number, cells in enumerate(rows, 1):  # noqa: B007  # the last one counts
        table.writerow(for_a_spreadsheet(cells))
    return number


def as_table(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV, without formulas in cells."""
    made = io.StringIO(newline="")
    write_table(made, rows)
    return made.getvalue()


def _apart(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write separate files, paper by paper: each letter reuses the layout of the previous letter."""
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
