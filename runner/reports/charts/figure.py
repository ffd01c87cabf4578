"""A figure of a report as values: rows with bars and marks over one axis. How it is drawn stands in ``figure_svg``.

A place on the axis is a share of its length, from 0 to 1. Nothing is told by colour alone: each look and each shape differs
in grey as well, and what matters stands in words at the end of its row.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Look = Literal["good", "late", "open", "pale"]
"""``open`` is what has no end or never came: a bar of its own look, never one of no length."""
Shape = Literal["planned", "released", "answered", "answered_late", "missed", "limit"]


class Bar(msgspec.Struct, frozen=True):
    """A bar from one place to another."""

    begin: float
    end: float
    look: Look


class Mark(msgspec.Struct, frozen=True):
    """A mark at a place."""

    at: float
    shape: Shape


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row: whose it is, what is drawn, and in words what came of it."""

    label: str
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    words: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line down through all rows, with its words above them; a quiet one is thin and has none."""

    at: float
    words: str = ""
    dashed: bool = False


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A place with its value, and that of a second scale under it."""

    at: float
    words: str
    under: str = ""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured; ``under`` names the second scale."""

    ticks: tuple[Tick, ...]
    name: str
    under: str = ""


class Key(msgspec.Struct, frozen=True):
    """What a look, a shape or a line means."""

    sign: Look | Shape | Literal["line", "dashed"]
    words: str


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A whole figure. ``mark`` is EXERCISE or SELF-TEST, empty for what is real; ``about`` says it to who cannot see it."""

    title: str
    about: str
    mark: str
    rows: tuple[Row, ...]
    axis: Axis
    lines: tuple[Line, ...] = ()
    key: tuple[Key, ...] = ()
