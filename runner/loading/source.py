"""From the bytes of one YAML file to plain values that remember where each of them stands.

We take libyaml's *events* and build values ourselves, in one loop without recursion, because the usual
loaders betray a person who writes down a breach: ``country: NO`` becomes false, ``12:30`` a number, a
repeated key silently wins, nine lines of aliases fill the memory, deep nesting ends the process. Here
scalars follow the YAML 1.2 core schema, so dates and ``no`` stay text until a field asks for something else.

`scan` never raises: what is wrong stands in ``Source.problems`` with line and column, counted from 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from runner.errors import Invalid, Problem

MAX_BYTES = 2_000_000
"""A playbook of 200 steps has about 30,000."""
MAX_DEPTH = 64
"""Lists and mappings inside one another; a playbook with nested groups needs about ten."""
MAX_ALIASED = 50_000
"""Values that aliases may repeat in one file."""
MAX_PROBLEMS = 100

Where = tuple[str | int, ...]
"""A path into the data: keys and list positions, outermost first."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one value stands, and the spots of what it holds (by key with the key's own spot, or by index)."""

    line: int
    column: int
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    inside: dict[str, Spot] | list[Spot] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One file as read. ``data`` is dict, list or scalar, None when nothing could be read at all."""

    file: str
    text: str
    data: Any
    spot: Spot
    problems: tuple[Problem, ...] = ()

    def position(self, where: Sequence[str | int] = (), *, key: bool = False) -> tuple[int, int]:
        """Return (line, column) of the value at ``where``, or of its key; of the nearest parent if absent."""
        spot, at_key = self.spot, None
        for part in where:
            inside = spot.inside
            at_key = None
            if isinstance(inside, dict) and isinstance(part, str) and part in inside:
                at_key, spot = spot.keys[part], inside[part]
            elif isinstance(inside, list) and isinstance(part, int) and part < len(inside):
                spot = inside[part]
            else:
                break
        return at_key if key and at_key else (spot.line, spot.column)

    def problem(
        self,
        where: Sequence[str | int],
        code: str,
        message: str,
        *,
        hint: str = "",
        severity: str = "error",
        key: bool = False,
        offset: int = 0,
    ) -> Problem:
        """Make a finding about the value at ``where``; ``offset`` counts characters into its text."""
        line, column = self.position(where, key=key)
        if offset and not key:
            column += self._shift(line, column, offset)
        return Problem(
            file=self.file, line=line, column=column, severity=severity, code=code, message=message, hint=hint
        )

    def _shift(self, line: int, column: int, offset: int) -> int:
        """Count the columns to a character inside a scalar; 0 for block text, whose lines are folded."""
        rows = self.text.split("\n")
        rest = rows[line - 1][column - 1 :] if line <= len(rows) else ""
        if rest[:1] in ("|", ">"):
            return 0
        shift = offset + (rest[:1] in ("'", '"'))
        return shift if shift < len(rest) else 0


def load(path: Path, *, name: str = "") -> Source:
    """Read a file or raise Invalid with everything that keeps it from being read."""
    return checked(scan_file(path, name=name))


def parse(content: bytes | str, file: str) -> Source:
    """Read a text or raise Invalid with everything that keeps it from being read."""
    return checked(scan(content, file))


def checked(source: Source) -> Source:
    """Give the source back, or raise Invalid when it has problems."""
    if source.problems:
        count = len(source.problems)
        raise Invalid(
            f"{source.file} cannot be read: {count} problem{'s' if count > 1 else ''}",
            problems=source.problems,
        )
    return source


def scan_file(path: Path, *, name: str = "") -> Source:
    """Read a file; ``name`` is how problems call it, by default the path as given."""
    file = name or str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            return _refused(file, "yaml-too-large", *_too_large(path.stat().st_size))
        content = path.read_bytes()
    except FileNotFoundError:
        return _refused(file, "file-missing", "there is no such file", "check the path")
    except IsADirectoryError:
        return _refused(file, "file-unreadable", "this is a folder, not a file", "name a .yaml file in it")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        return _refused(
            file, "file-unreadable", f"the file cannot be read: {reason}", "check its permissions"
        )
    return scan(content, file)


def scan(content: bytes | str, file: str, *, loader: Any = None) -> Source:
    """Read YAML text; ``loader`` is a PyYAML loader class, by default libyaml's where it is there."""
    size = len(content)
    if size > MAX_BYTES:
        return _refused(file, "yaml-too-large", *_too_large(size))
    text, problem = _decoded(content, file)
    if problem:
        return Source(file, text, None, Spot(problem.line, problem.column), (problem,))
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=loader or _fastest()):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        builder.report(error.problem_mark or error.context_mark, *_worded(error))
    except (yaml.YAMLError, ValueError) as error:
        builder.report(None, "yaml-syntax", f"this is not YAML: {error}", "look for unusual characters")
    return builder.source(text)


def _fastest() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _too_large(size: int) -> tuple[str, str]:
    return (
        f"the file is too large: {size:,} bytes, at most {MAX_BYTES:,} are read",
        "split it: a playbook may run other playbooks",
    )


def _refused(file: str, code: str, message: str, hint: str) -> Source:
    problem = Problem(file=file, line=0, column=0, severity="error", code=code, message=message, hint=hint)
    return Source(file, "", None, Spot(0, 0), (problem,))


# ---------------------------------------------------------------------------------------------- characters

_FORBIDDEN = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff")


def _decoded(content: bytes | str, file: str) -> tuple[str, Problem | None]:
    """Return the text without its byte order mark, or the problem that keeps it from being text."""
    if not isinstance(content, str):
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return "", _at(file, 1, 1, "yaml-encoding", "the file is UTF-16", "save it as UTF-8")
        try:
            content = content.decode("utf-8")
        except UnicodeDecodeError as error:
            good = content[: error.start].decode("utf-8")
            return good, _at(
                file,
                *_place(good, len(good)),
                "yaml-encoding",
                f"the byte 0x{content[error.start]:02x} is not UTF-8",
                "save the file as UTF-8",
            )
    text = content.removeprefix("\ufeff")
    odd = _FORBIDDEN.search(text)
    if odd is None:
        return text, None
    return text, _at(
        file,
        *_place(text, odd.start()),
        "yaml-control-character",
        f"the character U+{ord(odd.group()):04X} is not allowed here",
        "remove it; it was probably pasted in",
    )


def _at(file: str, line: int, column: int, code: str, message: str, hint: str) -> Problem:
    return Problem(
        file=file, line=line, column=column, severity="error", code=code, message=message, hint=hint
    )


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


_TOO_DEEP = (
    "yaml-too-deep",
    f"nested deeper than {MAX_DEPTH} levels",
    "move the inner steps into a playbook of their own",
)
_WORDED = (
    (
        "mapping values are not allowed",
        "a colon and a space start a value here",
        "quote text that holds ': '",
    ),
    (
        "cannot start any token",
        "no value can start with this character",
        "quote the text, and indent with spaces",
    ),
    ("undefined alias", "this alias names no anchor above it", "define it first with &name"),
    ("duplicate anchor", "this anchor is defined twice", "give each anchor its own name"),
    ("unknown escape", "this escape is not known", "use single quotes to take a backslash as it stands"),
    ("unexpected end of stream", "the file ends inside a quoted text", "close the quote"),
    ("expected <document start>", "there is text after the end of the document", "one document in one file"),
    ("expected ',' or", "a list or mapping in brackets is not closed here", "check brackets and commas"),
    ("did not find expected", "the structure breaks here", "check the indentation, and quote text with ': '"),
    ("expected <block end>", "the structure breaks here", "check the indentation, and quote text with ': '"),
    (
        "could not find expected ':'",
        "a key without a colon",
        "write `key: value`, with a space after the colon",
    ),
)


def _worded(error: yaml.MarkedYAMLError) -> tuple[str, str, str]:
    """Say the parser's complaint in words for a person who does not know YAML's grammar."""
    told = f"{error.context or ''} {error.problem or ''}".strip()
    if "maximum nesting depth" in told:
        return _TOO_DEEP
    for needle, message, hint in _WORDED:
        if needle in told:
            return "yaml-syntax", f"this is not YAML: {message}", hint
    return "yaml-syntax", f"this is not YAML: {told}", "quote what looks unusual"


# ------------------------------------------------------------------------------------------------- values

_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_OURS: dict[type, str] = {dict: "tag:yaml.org,2002:map", list: "tag:yaml.org,2002:seq"}
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z|[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z"
)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("+-.0123456789")
_MAX_DIGITS = 18


class UnusableNumber(ValueError):
    """A plain scalar that YAML calls a number and that no record could hold exactly."""


def scalar(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by the YAML 1.2 core schema; raises UnusableNumber."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INT.match(text):
        if len(text) > _MAX_DIGITS:
            raise UnusableNumber("it has too many digits")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.match(text):
        if "n" in text.lower():
            raise UnusableNumber("infinity and not-a-number cannot be recorded")
        value = float(text)
        if math.isinf(value):
            raise UnusableNumber("it is too large")
        return value
    return text


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being filled."""

    data: Any
    spot: Spot
    inside: Any
    """The spots of what it holds: the same object as ``spot.inside``."""
    anchor: str | None
    size: int
    key: str | None = None
    """The key that waits for its value; None when a key comes next."""
    skip: bool = False
    """The value that comes next belongs to a key that was refused."""


class _Builder:
    """Takes parser events, one after the other, and grows data and spots side by side."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, Spot, int]] = {}
        self.aliased = 0
        self.root: tuple[Any, Spot] | None = None

    def source(self, text: str) -> Source:
        """Return what was built so far."""
        if self.root is None and not self.problems:
            self.report(
                None, "yaml-empty", "the file holds nothing", "start with `schema: tocsin/playbook/v1`"
            )
        data, spot = self.root or (None, Spot(1, 1))
        return Source(self.file, text, data, spot, tuple(self.problems))

    def report(self, mark: Any, code: str, message: str, hint: str) -> None:
        """Add a finding at a parser mark, or at the start of the file."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.problems.append(_at(self.file, line, column, code, message, hint))

    def take(self, event: Any) -> bool:
        """Use one event; False when reading further makes no sense."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                return self._open(event, {}, {})
            case yaml.SequenceStartEvent():
                return self._open(event, [], [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                frame = self.stack.pop()
                self._add(frame.data, frame.spot, frame.size, frame.anchor)
            case yaml.AliasEvent():
                return self._alias(event)
            case yaml.DocumentStartEvent() if self.root is not None:
                message = "a second document starts here; only one is read"
                self.report(event.start_mark, "yaml-documents", message, "put it into its own file")
                return False
            case _:
                pass
        return len(self.problems) < MAX_PROBLEMS

    def _open(self, event: Any, data: Any, inside: Any) -> bool:
        mark = event.start_mark
        if len(self.stack) >= MAX_DEPTH:
            self.report(mark, *_TOO_DEEP)
            return False
        self._tag(event, _OURS[type(data)])
        parent = self.stack[-1] if self.stack else None
        if parent and isinstance(parent.data, dict) and parent.key is None and not parent.skip:
            self.report(mark, "yaml-key", "a list or mapping cannot be a key", "keys are single words")
            return False
        spot = Spot(mark.line + 1, mark.column + 1, {}, inside)
        self.stack.append(_Frame(data, spot, inside, event.anchor, 1))
        return True

    def _alias(self, event: Any) -> bool:
        known = self.anchors.get(event.anchor)
        mark = event.start_mark
        if known is None:
            message = f"the alias *{event.anchor} names no finished anchor above it"
            self.report(mark, "yaml-alias", message, "an anchor must stand above, and cannot hold itself")
            return False
        data, spot, size = known
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            message = f"aliases repeat more than {MAX_ALIASED:,} values"
            self.report(mark, "yaml-alias-bomb", message, "write the values out")
            return False
        here = Spot(mark.line + 1, mark.column + 1, spot.keys, spot.inside)
        if isinstance(data, str):
            self._value_or_key(data, data, here, size, None, mark)
        else:
            self._value_or_key(None, data, here, size, None, mark)
        return True

    def _scalar(self, event: Any) -> None:
        mark, text = event.start_mark, event.value
        plain = event.implicit[0] and event.tag is None
        if not plain and event.tag is not None:
            self._tag(event, *_TEXT_TAGS)
        spot = Spot(mark.line + 1, mark.column + 1)
        if plain and text == "<<" and self._wants_key():
            self.report(mark, "yaml-merge-key", "merge keys (<<) are not used here", "write the keys out")
            self.stack[-1].skip = True
            return
        value: Any = text
        if plain and not self._wants_key():
            try:
                value = scalar(text)
            except UnusableNumber as error:
                self.report(
                    mark, "yaml-number", f"this number cannot be used: {error}", "quote it to make it text"
                )
        self._value_or_key(text, value, spot, 1, event.anchor, mark)

    def _wants_key(self) -> bool:
        if not self.stack:
            return False
        top = self.stack[-1]
        return isinstance(top.data, dict) and top.key is None and not top.skip

    def _value_or_key(
        self, key: str | None, value: Any, spot: Spot, size: int, anchor: str | None, mark: Any
    ) -> None:
        """Put a scalar or an alias where the parser is: as the next key, or as a value."""
        if not self._wants_key():
            self._add(value, spot, size, anchor)
            return
        top = self.stack[-1]
        if key is None:
            self.report(mark, "yaml-key", "a list or mapping cannot be a key", "keys are single words")
            top.skip = True
            return
        if anchor:
            self.anchors[anchor] = (key, spot, size)
        if key in top.data:
            first = top.spot.keys[key][0]
            hint = f"it stands on line {first} already; keep one"
            self.report(mark, "yaml-duplicate-key", f"the key '{key}' is given twice", hint)
            top.skip = True
            return
        top.key = key
        top.spot.keys[key] = (spot.line, spot.column)

    def _add(self, value: Any, spot: Spot, size: int, anchor: str | None) -> None:
        """Hang a finished value into what is open, or make it the document."""
        if anchor:
            self.anchors[anchor] = (value, spot, size)
        if not self.stack:
            self.root = (value, spot)
            return
        top = self.stack[-1]
        top.size += size
        if top.skip:
            top.skip = False
        elif isinstance(top.data, dict):
            top.data[top.key] = value
            top.inside[top.key] = spot
            top.key = None
        else:
            top.data.append(value)
            top.inside.append(spot)

    def _tag(self, event: Any, *allowed: str) -> None:
        if event.tag is not None and event.tag not in allowed:
            name = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.report(event.start_mark, "yaml-tag", f"the tag {name} is not used here", "remove it")
