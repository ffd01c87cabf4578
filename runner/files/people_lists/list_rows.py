"""Rows of lists of people as CSV, one at a time.

This module only finds rows and does not check their contents; a list of any length needs the same memory.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TextIO

from runner.errors import Invalid, no_file, unreadable
from runner.yamlfile.limited_files import TooLarge, lines_of, open_file


class Row(NamedTuple):
    """One row: its position (a line of a text file, else a count from 1), its cells, or its problem."""

    line: int
    cells: Mapping[str, str]
    problem: str = ""


class People(NamedTuple):
    """A list: its columns, in lower case, and a reader of its rows that can be used repeatedly."""

    path: Path
    columns: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Read the rows once, from the first."""
        with _text(self.path) as lines:
            yield from _rows(self.path, lines)


def open_people(path: Path) -> People:
    """Read a list's columns; raises NotFound, or Invalid if the file is not a table as CSV."""
    if not path.is_file():
        raise no_file(path)
    try:
        with _text(path) as lines:
            columns = _small(next(csv.reader(_lines(path, lines), _dialect(path)), ()))
    except csv.Error as error:
        raise Invalid(
            f"{path}:1: The first line is not valid CSV: {error}.",
            hint="Correct the quotes of the first line.",
            code="people",
        ) from None
    if any("\0" in name for name in columns):
        raise Invalid(f"{path} is not a CSV file", hint="export the list as CSV in UTF-8", code="people")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise Invalid(
            f'File "{path}" has a column twice: {", ".join(twice)}.',
            hint="Rename one of the columns.",
            code="people",
        )
    return People(path, columns)


def _small(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in names)


def _text(path: Path) -> TextIO:
    """Open a list; bytes that are not UTF-8 become lone surrogates, which the check of a cell reports."""
    try:
        return TextIOWrapper(open_file(path), encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise unreadable(path, error, "Check the type and the permissions of the file.") from None


def separator(head: str) -> str:
    """Return the most frequent separator of the first line: comma, semicolon or tab."""
    return max(",;\t", key=head.count)


def _dialect(path: Path) -> type[csv.Dialect]:
    with _text(path) as lines:
        head = lines.readline(64_000)

    class Found(csv.excel):
        delimiter = separator(head)
        strict = True

    return Found


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    try:
        yield from lines_of(file)
    except TooLarge as error:
        raise Invalid(
            f'File "{path}" cannot be read: {error.strerror}.',
            hint="Check the type and the permissions of the file.",
            code="people",
        ) from None


def _rows(path: Path, lines: TextIO) -> Iterator[Row]:
    reader = csv.reader(_lines(path, lines), _dialect(path))
    columns = _small(next(reader, ()))
    line = reader.line_num
    while True:
        start = line + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid(
                f"{path}:{start}: This row is not valid CSV: {error}.",
                hint="Correct the quotes of this row.",
                code="people",
            ) from None
        line = reader.line_num
        if cells:
            wrong = f"the row has {len(cells)} cells, the first line {len(columns)}"
            same = len(cells) == len(columns)
            yield Row(start, dict(zip(columns, cells, strict=False)), "" if same else wrong)
