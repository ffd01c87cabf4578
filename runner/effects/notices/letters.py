"""Letters in bulk: a shard of the list becomes a folder of files, in a process of its own or in this one.

A shard is the unit of work. It is written into a folder ``….part`` that gets its name when all of it is there, and
the same people, papers and settings give the same bytes: a shard that was begun twice does no harm, and one that is
there is done.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from runner.documents.notice import Format
from runner.documents.pdf.typst_compiler import Press
from runner.documents.tree import Document
from runner.documents.word.letterhead import Letterhead
from runner.documents.write import write
from runner.effects.notices.letter_printing import batches
from runner.effects.notices.letter_shards import Shard, kept, letter, line_of, marks, write_file
from runner.incident.notices.letters import Line, Person

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


def _letters(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write the files of a shard and return a line for each of them, in the order of the list."""
    made = batches(shard, part) if shard.batch else _apart(shard, part)
    return iter(sorted(made, key=lambda pair: pair[0].n))


def _apart(shard: Shard, part: Path) -> Iterator[tuple[Line, Person]]:
    """Write files of their own, paper by paper: each letter begins with what was laid out for the one before."""
    writer = _Writer(shard.letterhead)
    for n, person in sorted(enumerate(shard.people, shard.first), key=lambda pair: pair[1].group):
        document = letter(shard.papers[person.group], person)
        for form in shard.formats:
            content, pages = writer.write(document, form)
            file = kept(shard, part, f"{marks(document)}{n:07d}_{person.reference}.{form}", content)
            yield line_of(n, person, document.digest, file, (1 if pages else 0, pages)), person


class _Writer:
    """Writes one letter after another, in any format."""

    def __init__(self, letterhead: bytes) -> None:
        self._press = Press(tagged=True)
        self._letterhead = Letterhead(letterhead) if letterhead else None

    def write(self, document: Document, form: Format) -> tuple[bytes, int]:
        """Return a letter's bytes and its pages; 0 where the format has none."""
        if form == "pdf":
            printed = self._press.print((document,))
            return printed.content, printed.pages[0]
        if form == "docx" and self._letterhead is not None:
            return self._letterhead.write(document), 0
        return write(document, form), 0
