"""Builder of plain values and positions from libyaml's events, in one loop without recursion, within bounds."""

from __future__ import annotations

import math
import re
from pathlib import PurePath
from typing import Any

import msgspec
import yaml

from runner.errors import Problem
from runner.settings import CONFIG
from runner.yamlfile.positions import Source, Spot, problem_at

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
    """A plain scalar that is a number in YAML and has no exact representation."""


def scalar(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by the YAML 1.2 core schema; raises UnusableNumber."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    if _INT.match(text):
        if len(text) > _MAX_DIGITS:
            raise UnusableNumber("too many digits")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.match(text):
        if "n" in text.lower():
            raise UnusableNumber("infinity and not-a-number are not allowed")
        value = float(text)
        if math.isinf(value):
            raise UnusableNumber("too large")
        return value
    return text


MAX_DEPTH = 64
"""Lists and mappings inside one another; a playbook with nested groups needs about ten."""
MAX_ALIASED = 50_000
"""Values that aliases may repeat in one file."""
MAX_PROBLEMS = 100
TOO_DEEP = (
    "yaml-too-deep",
    f"The file is nested deeper than {MAX_DEPTH} levels.",
    "Move the inner steps into another playbook.",
)
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters except tab and newline, and characters that turn the direction of a text."""
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_OURS: dict[type, str] = {dict: "tag:yaml.org,2002:map", list: "tag:yaml.org,2002:seq"}


def hidden(character: str) -> tuple[str, str, str]:
    """Return the code, message and hint of a finding: a character that hides or turns text."""
    return (
        "yaml-control-character",
        f"The character U+{ord(character):04X} is not allowed here.",
        "Remove the character.",
    )


class _Frame(msgspec.Struct):
    """A list or mapping that is being filled."""

    data: Any
    spot: Spot
    inside: Any
    """The spots of its entries: the same object as ``spot.inside``."""
    anchor: str | None
    size: int
    key: str | None = None
    """The key without its value yet; None if a key is next."""
    skip: bool = False
    """The next value belongs to a key that was refused."""


class Builder:
    """Builds data and spots from parser events."""

    def __init__(self, file: str, *, data: bool = False) -> None:
        self.file = file
        self.data = data
        """Whether other people wrote the data: the user of a value checks its characters."""
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, Spot, int]] = {}
        self.aliased = 0
        self.root: tuple[Any, Spot] | None = None

    def source(self, text: str) -> Source:
        """Return the values built so far."""
        if self.root is None and not self.problems:
            kind = "home" if PurePath(self.file).name == CONFIG else "playbook"
            self.report(None, "yaml-empty", "The file is empty.", f"Begin with `schema: tocsin/{kind}/v1`.")
        data, spot = self.root or (None, Spot(1, 1))
        return Source(self.file, text, data, spot, tuple(self.problems))

    def report(self, mark: Any, code: str, message: str, hint: str) -> None:
        """Add a finding at a parser mark, or at the start of the file."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        self.problems.append(problem_at(self.file, line, code, message, hint, column=column))

    def take(self, event: Any) -> bool:
        """Process one event; False if the rest cannot be read."""
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
                message = "A second document starts here. Only one document is allowed."
                self.report(
                    event.start_mark,
                    "yaml-documents",
                    message,
                    "Write the second document into another file.",
                )
                return False
            case _:
                pass
        return len(self.problems) < MAX_PROBLEMS

    def _open(self, event: Any, data: Any, inside: Any) -> bool:
        mark = event.start_mark
        if len(self.stack) >= MAX_DEPTH:
            self.report(mark, *TOO_DEEP)
            return False
        self._tag(event, _OURS[type(data)])
        parent = self.stack[-1] if self.stack else None
        if parent and isinstance(parent.data, dict) and parent.key is None and not parent.skip:
            self.report(mark, "yaml-key", "A list or mapping cannot be a key.", "Write a single word as key.")
            return False
        spot = Spot(mark.line + 1, mark.column + 1, {}, inside)
        self.stack.append(_Frame(data, spot, inside, event.anchor, 1))
        return True

    def _alias(self, event: Any) -> bool:
        anchor = self.anchors.get(event.anchor)
        mark = event.start_mark
        if anchor is None:
            message = f'The alias "*{event.anchor}" has no complete anchor above it.'
            self.report(mark, "yaml-alias", message, "Write the anchor above the alias.")
            return False
        data, spot, size = anchor
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            message = f"The aliases repeat more than {MAX_ALIASED:,} values."
            self.report(mark, "yaml-alias-bomb", message, "Write the values out.")
            return False
        here = Spot(mark.line + 1, mark.column + 1, spot.keys, spot.inside)
        self._value_or_key(data if isinstance(data, str) else None, data, here, size, None, mark)
        return True

    def _scalar(self, event: Any) -> None:
        mark, text = event.start_mark, event.value
        plain = event.implicit[0] and event.tag is None
        if not plain and event.tag is not None:
            self._tag(event, *_TEXT_TAGS)
        spot = Spot(mark.line + 1, mark.column + 1)
        if not self.data and not text.isprintable() and (odd := HIDDEN.search(text)):
            self.report(mark, *hidden(odd[0]))
        if plain and text == "<<" and self._wants_key():
            self.report(mark, "yaml-merge-key", "Merge keys (<<) are not allowed.", "Write the keys out.")
            self.stack[-1].skip = True
            return
        value: Any = text
        if plain and not self._wants_key():
            try:
                value = scalar(text)
            except UnusableNumber as error:
                self.report(
                    mark,
                    "yaml-number",
                    f"The number is not valid: {error}.",
                    "Quote the value to make it text.",
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
        """Add a scalar or an alias as the next key or as a value."""
        if not self._wants_key():
            self._add(value, spot, size, anchor)
            return
        top = self.stack[-1]
        if key is None:
            self.report(mark, "yaml-key", "A list or mapping cannot be a key.", "Write a single word as key.")
            top.skip = True
            return
        if anchor:
            self.anchors[anchor] = (key, spot, size)
        if key in top.data:
            first = top.spot.keys[key][0]
            hint = f"Remove the key here or in line {first}."
            self.report(mark, "yaml-duplicate-key", f'The key "{key}" is used twice.', hint)
            top.skip = True
            return
        top.key = key
        top.spot.keys[key] = (spot.line, spot.column)

    def _add(self, value: Any, spot: Spot, size: int, anchor: str | None) -> None:
        """Append a finished value to the open container, or make it the document."""
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
            self.report(event.start_mark, "yaml-tag", f'The tag "{name}" is not allowed.', "Remove the tag.")
