"""Parser of one YAML file to plain values with their positions.

The values are built from libyaml's *events* in one loop without recursion, because the usual
loaders misread valid input: ``country: NO`` becomes false, ``12:30`` a number, a
repeated key silently wins, nine lines of aliases fill the memory, deep nesting ends the process. Here
scalars follow the YAML 1.2 core schema, so dates and ``no`` stay text until a field asks for something else.

`scan` never raises: the problems are in ``Source.problems`` with line and column, counted from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from runner.errors import Invalid, Problem, unreadable
from runner.yamlfile.limited_files import NotRegular, TooLarge, read_file
from runner.yamlfile.positions import Source, Spot, Where, problem_at
from runner.yamlfile.yaml_builder import TOO_DEEP, Builder, hidden

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["MAX_BYTES", "Source", "Where", "checked", "load", "parse", "portability", "scan", "scan_file"]

MAX_BYTES = 2_000_000
"""A playbook of 200 steps has about 30,000."""


def load(path: Path, *, name: str = "", code: str = "bad_file", data: bool = False) -> Source:
    """Read a file, or raise Invalid with every problem; ``code`` names the expected kind of file.

    With ``data`` (data of other people), the user of a value checks escaped characters that hide or turn text.
    """
    return checked(scan_file(path, name=name, data=data), code=code)


def parse(content: bytes | str, file: str) -> Source:
    """Read a text, or raise Invalid with every problem."""
    return checked(scan(content, file))


def checked(source: Source, *, code: str = "bad_file") -> Source:
    """Return the source, or raise Invalid if it has problems."""
    if source.problems:
        count = len(source.problems)
        raise Invalid(
            f'File "{source.file}" cannot be read: {count} problem{"s" if count > 1 else ""}.',
            problems=source.problems,
            code="file_missing" if source.missing else code,
        )
    return source


def file_bytes(file: Path | Traversable) -> bytes:
    """Return the content of a file of the home or of the program; raises Invalid."""
    try:
        return read_file(file, MAX_BYTES) if isinstance(file, Path) else file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None


def same_content(
    files: Mapping[str, Path | Traversable], others: Mapping[str, Path | Traversable]
) -> frozenset[str]:
    """Return the names with the same content in both."""
    both = files.keys() & others.keys()
    return frozenset(name for name in both if file_bytes(files[name]) == file_bytes(others[name]))


def scan_file(path: Path, *, name: str = "", data: bool = False) -> Source:
    """Read a file; ``name`` is its name in problems, by default the path as given."""
    file = name or str(path)
    try:
        content = read_file(path, MAX_BYTES)
    except TooLarge:
        return _refused(file, "yaml-too-large", *_TOO_LARGE)
    except FileNotFoundError:
        return _refused(file, "file-missing", "The file does not exist.", "Check the path.")
    except IsADirectoryError:
        return _refused(
            file, "file-unreadable", "The path is a folder, not a file.", "Name a .yaml file in the folder."
        )
    except NotRegular:
        what = "The path is a device, a pipe or a socket, not a file."
        return _refused(file, "file-not-regular", what, "Name a regular file.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "The path is not valid."
        return _refused(
            file,
            "file-unreadable",
            f"The file cannot be read: {reason}.",
            "Check the permissions of the file.",
        )
    return scan(content, file, data=data)


def scan(content: bytes | str, file: str, *, loader: Any = None, data: bool = False) -> Source:
    """Read YAML text; ``loader`` is a PyYAML loader class, by default libyaml's if it is installed."""
    if len(content) > MAX_BYTES:
        return _refused(file, "yaml-too-large", *_TOO_LARGE)
    text, problem = _decoded(content, file)
    if problem:
        return Source(file, text, None, Spot(problem.line, problem.column), (problem,))
    builder = Builder(file, data=data)
    event: Any = None
    try:
        for event in yaml.parse(text, Loader=loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        opened = _open_quote(error, event, text)
        mark = opened or error.problem_mark or error.context_mark
        builder.report(mark, *(_OPEN_QUOTE if opened else _worded(error)))
    return builder.source(text)


def portability(source: Source) -> Iterator[Problem]:
    """Yield a warning for each text that other YAML tools cannot read: an unquoted ``?`` inside of braces or brackets."""
    inside: list[bool] = []
    for event in yaml.parse(source.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            inside.append(bool(event.flow_style))
        elif isinstance(event, yaml.CollectionEndEvent):
            inside.pop()
        elif (
            isinstance(event, yaml.ScalarEvent)
            and inside[-1:] == [True]
            and not event.style
            and "?" in event.value
        ):
            mark: Any = event.start_mark
            line, column = mark.line + 1, mark.column + 1
            text = "Some YAML tools cannot read an unquoted text with ? inside { } or [ ]."
            hint = "Quote the text."
            yield problem_at(
                source.file, line, "yaml-portability", text, hint, column=column, severity="warning"
            )


_OPEN_QUOTE = (
    "yaml-syntax",
    "This is not YAML: the quote that opens here is not closed.",
    "Close the quote.",
)


def _open_quote(error: yaml.MarkedYAMLError, last: Any, text: str) -> Any:
    """Return the position of a quote that is not closed, None for any other problem.

    Without its closing quote a text continues to the next quote of the file, or to its end. The syntax error is then
    directly after a quoted text of several lines.
    """
    to_the_end = "quoted scalar" in (error.context or "") and "unexpected" in (error.problem or "")
    breaks = error.context_mark if to_the_end else error.problem_mark
    if breaks and isinstance(last, yaml.ScalarEvent) and last.style in ("'", '"'):
        start: Any = last.start_mark
        end: Any = last.end_mark
        if start.line < end.line == breaks.line and not text[end.index : breaks.index].strip():
            return start
    return breaks if to_the_end else None


_TOO_LARGE = (
    f"The file is too large. The limit is {MAX_BYTES:,} bytes.",
    "Split the file: a playbook can run other playbooks.",
)


def _refused(file: str, code: str, message: str, hint: str) -> Source:
    problem = problem_at(file, 0, code, message, hint, column=0)
    return Source(file, "", None, Spot(0, 0), (problem,))


_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff"
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Characters that YAML 1.2 does not count as printable, a byte order mark inside the text, and characters that turn its direction."""


def _decoded(content: bytes | str, file: str) -> tuple[str, Problem | None]:
    """Return the text without its byte order mark, or the decoding problem."""

    def problem(good: str, offset: int, code: str, message: str, hint: str) -> tuple[str, Problem]:
        before = good[:offset]
        line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
        return good, problem_at(file, line, code, message, hint, column=column)

    if isinstance(content, str):
        text = content
    elif content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return problem("", 0, "yaml-encoding", "The file is UTF-16.", "Save the file as UTF-8.")
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            good = content[: error.start].decode("utf-8")
            what = f"The byte 0x{content[error.start]:02x} is not UTF-8."
            return problem(good, len(good), "yaml-encoding", what, "Save the file as UTF-8.")
    text = text.removeprefix("\ufeff")
    odd = _FORBIDDEN.search(text)
    return (text, None) if odd is None else problem(text, odd.start(), *hidden(odd[0]))


_WORDED = (
    (
        "mapping values are not allowed",
        "a colon and a space start a value here",
        "Quote a text that contains ': '.",
    ),
    (
        "cannot start any token",
        "no value can start with this character",
        "Quote the text, and indent with spaces.",
    ),
    ("undefined alias", "this alias names no anchor above it", "Define the anchor first with &name."),
    ("duplicate anchor", "this anchor is defined twice", "Choose another name for one anchor."),
    ("unknown escape", "this escape is not known", "Use single quotes for a text with a backslash."),
    (
        "expected <document start>",
        "there is text after the end of the document",
        "Write one document in one file.",
    ),
    ("expected ',' or", "a list or mapping in brackets is not closed here", "Check the brackets and commas."),
    (
        "did not find expected",
        "the structure is broken here",
        "Check the indentation, and quote a text with ': '.",
    ),
    (
        "expected <block end>",
        "the structure is broken here",
        "Check the indentation, and quote a text with ': '.",
    ),
    (
        "could not find expected ':'",
        "a key without a colon",
        "Write `key: value`, with a space after the colon.",
    ),
)


def _worded(error: yaml.MarkedYAMLError) -> tuple[str, str, str]:
    """Return the parser's error for a person who does not know YAML's grammar."""
    complaint = f"{error.context or ''} {error.problem or ''}".strip()
    if "maximum nesting depth" in complaint:
        return TOO_DEEP
    for needle, message, hint in _WORDED:
        if needle in complaint:
            return "yaml-syntax", f"This is not YAML: {message}.", hint
    return "yaml-syntax", f"This is not YAML: {complaint}.", "Quote unusual text."
