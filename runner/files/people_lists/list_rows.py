"""Rows of lists of people, one at a time: CSV, Parquet, or a query on an SQLite file.

Nothing is judged here but whether there is a row at all; a list of any length is read in the same memory.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from runner.errors import Invalid, NotFound, Usage
from runner.yamlfile.limited_files import TooLarge, lines_of, open_file

DATABASES = (".db", ".sqlite", ".sqlite3")
QUERY = "SELECT * FROM people"
"""What is asked of a database where nothing else is said."""
_AT_ONCE = 1_000
_READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


class Row(NamedTuple):
    """One row: its position (a line of a text file, else a count from 1), its cells, or its problem."""

    line: int
    cells: Mapping[str, str]
    problem: str = ""


class People(NamedTuple):
    """A list that was found: its columns, in small letters, and a way to read its rows as often as wanted."""

    path: Path
    columns: tuple[str, ...]
    query: str

    def rows(self) -> Iterator[Row]:
        """Read the rows once, from the first."""
        return _reader(self.path)(self.path, self.query)


def open_people(path: Path, query: str = "") -> People:
    """Read a list's columns; raises NotFound, Usage, or Invalid if the file does not have the form of its name."""
    if not path.is_file():
        raise NotFound(f'File "{path}" does not exist.', hint="Check the path.", code="file_missing")
    if query and path.suffix.lower() not in DATABASES:
        raise Usage(
            f'File "{path}" is not a database. --query needs a database.',
            hint=f"Choose a file that ends in {', '.join(DATABASES)}.",
            code="not_a_database",
        )
    columns = _columns(path, query)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise Invalid(
            f'File "{path}" has a column twice: {", ".join(twice)}.',
            hint="Rename one of the columns.",
            code="people",
        )
    return People(path, columns, query or QUERY)


def _columns(path: Path, query: str) -> tuple[str, ...]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _small(_parquet(path).schema_arrow.names)
    if suffix in DATABASES:
        with closing(_database(path)) as database:
            return _small(_asked(database, path, query or QUERY)[0])
    with _text(path) as lines:
        return _small(next(csv.reader(_lines(path, lines), _dialect(path)), ()))


def _small(names: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(name).strip().lower() for name in names)


def _reader(path: Path) -> Callable[[Path, str], Iterator[Row]]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet_rows
    return _database_rows if suffix in DATABASES else _csv_rows


# --- CSV: bytes that are no UTF-8 become lone surrogates, which the check of a cell finds and names ---------------


def _text(path: Path) -> TextIO:
    try:
        return TextIOWrapper(open_file(path), encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise Invalid(
            f'File "{path}" cannot be read: {error.strerror}.',
            hint="Check the type and the permissions of the file.",
            code="file_unreadable",
        ) from None


def separator(head: str) -> str:
    """Return what the first line has most of: commas, semicolons or tabs."""
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


def _csv_rows(path: Path, query: str) -> Iterator[Row]:
    del query
    with _text(path) as lines:
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


# --- Parquet ------------------------------------------------------------------------------------------------------


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise Usage(
            "Parquet files need the extra `bulk`, which is not installed.",
            hint="Install tocsin[bulk], or save the list as CSV.",
            code="not_installed",
        ) from None
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError) as error:
        raise Invalid(
            f'File "{path}" cannot be read as Parquet ({type(error).__name__}).',
            hint="Export the file again.",
            code="people",
        ) from None


def _parquet_rows(path: Path, query: str) -> Iterator[Row]:
    del query
    number = 0
    file = _parquet(path)
    columns = _small(file.schema_arrow.names)
    for batch in file.iter_batches(batch_size=_AT_ONCE):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            yield Row(number, _cells(columns, values))


def _cells(columns: Sequence[str], values: Sequence[Any]) -> Mapping[str, str]:
    return {name: "" if value is None else str(value) for name, value in zip(columns, values, strict=True)}


# --- SQLite: opened for reading, and asked for nothing but rows ---------------------------------------------------


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    database.set_authorizer(_may)
    return database


def _may(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    function = second if action == sqlite3.SQLITE_FUNCTION else ""
    del first
    allowed = action in _READS and function != "load_extension"
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _asked(database: sqlite3.Connection, path: Path, query: str) -> tuple[tuple[str, ...], sqlite3.Cursor]:
    try:
        cursor = database.execute(query)
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise Invalid(
            f'The query of database "{path}" failed: {error}.',
            hint="Write one SELECT statement.",
            code="bad_query",
        ) from None
    return tuple(column[0] for column in cursor.description or ()), cursor


def _database_rows(path: Path, query: str) -> Iterator[Row]:
    with closing(_database(path)) as database:
        names, cursor = _asked(database, path, query)
        columns = _small(names)
        for number, values in enumerate(cursor, 1):
            yield Row(number, _cells(columns, values))
