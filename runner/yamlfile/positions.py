"""Values of one file, and the position of each in the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from runner.errors import Problem

Where = tuple[str | int, ...]
"""A path into the data: keys and list positions, outermost first."""

_PLACE = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


def place_of(message: str) -> tuple[Where, str]:
    """Split msgspec's error message into position and text."""
    match = _PLACE.search(message)
    if match is None:
        return (), message
    steps = tuple(int(index) if index else name for name, index in _STEP.findall(match[1]))
    return steps, message[: match.start()]


def problem_at(
    file: str,
    line: int,
    code: str,
    message: str,
    hint: str = "",
    *,
    column: int = 1,
    severity: str = "error",
) -> Problem:
    """Make a finding at a line and column of a file."""
    return Problem(
        file=file, line=line, column=column, severity=severity, code=code, message=message, hint=hint
    )


class Spot(msgspec.Struct, frozen=True):
    """Position of one value, and the spots of its entries (by key with the key's own spot, or by index)."""

    line: int
    column: int
    keys: dict[str, tuple[int, int]] = {}
    inside: dict[str, Spot] | list[Spot] | None = None


class Source(msgspec.Struct, frozen=True):
    """One file as read. ``data`` is dict, list or scalar, None when nothing could be read at all."""

    file: str
    text: str
    data: Any
    spot: Spot
    problems: tuple[Problem, ...] = ()

    @property
    def missing(self) -> bool:
        """Whether the file does not exist."""
        return any(problem.code == "file-missing" for problem in self.problems)

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
