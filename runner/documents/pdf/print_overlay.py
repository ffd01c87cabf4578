"""Letters for the printer: a common layout, with the text of each reader laid over it.

Typst sets both. It lays out the pages of one letter with the reader's own paragraphs hidden, and for each reader pages
with only those paragraphs, at the same place and of the same width; the first are then drawn below the others. So
shaping, fonts, directions and line breaks are Typst's, whatever the script. Only the height of a paragraph could
differ, and it is measured: a letter whose paragraphs do not have the heights of the form is not stamped, and
is set whole, which is slower. The pages are not tagged: they are for paper only.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import msgspec

from runner.decoding import convert
from runner.documents.pdf.pdf_objects import Objects
from runner.documents.pdf.typst_compiler import Machine, forget, frame, patterns
from runner.documents.tree import Block, Document, Paragraph, plain

_CLOSE: float = 0.01
"""Tolerance of two heights in points: rounding, not layout."""


class Form(NamedTuple):
    """Letters with these blocks but for the open ones, each of so many lines, have the same pages."""

    paper: Paper
    lines: tuple[int, ...]

    def own(self, letter: Document) -> tuple[Block, ...]:
        """Return the text of the reader of a letter of this form."""
        return tuple(letter.blocks[n] for n in self.paper.open)


class Paper:
    """What all letters of a group share, found by comparing two of them."""

    def __init__(self, one: Document, other: Document) -> None:
        """Both are whole letters, to made-up readers without common data."""
        self.document = one
        same = len(one.blocks) == len(other.blocks)
        pairs = zip(one.blocks, other.blocks, strict=True) if same else ()
        self.open = tuple(n for n, (mine, its) in enumerate(pairs) if mine != its)

    def form(self, letter: Document) -> Form | None:
        """Return the form that a letter may be stamped on; None where it differs in more than open paragraphs."""
        if not self.open or len(letter.blocks) != len(self.document.blocks) or self._frame != frame(letter):
            return None
        lines = []
        for n, (mine, its) in enumerate(zip(self.document.blocks, letter.blocks, strict=True)):
            if n not in self.open:
                if mine != its:
                    return None
            elif isinstance(its, Paragraph):
                lines.append(plain(its.inlines).count("\n"))
            else:
                return None
        return Form(self, tuple(lines))

    @property
    def _frame(self) -> Hashable:
        return frame(self.document)


class Stamped(NamedTuple):
    """A PDF of those letters that fit, in their order, each of as many pages."""

    content: bytes
    pages: int
    fits: tuple[bool, ...]


class _Found(msgspec.Struct, frozen=True):
    """Positions: the paragraph (hidden or of a reader), its page, and its distance from the left and the top."""

    begin: list[tuple[int, bool, int, float, float]] = msgspec.field(name="from")
    end: list[tuple[int, bool, int, float, float]] = msgspec.field(name="to")
    below: list[tuple[int, int, int, float, float]]


class Overprint:
    """Stamps letters, one form after another."""

    def __init__(self) -> None:
        self._machine = Machine(tagged=False)
        self._inputs: tuple[Paper, str] | None = None

    def print(self, form: Form, own: Sequence[tuple[Block, ...]]) -> Stamped:
        """Return letters of one form in one PDF, and which of them fit: the others must be set whole."""
        paper = form.paper
        first, inputs = paper.document, self._patterns(paper)
        flat = tuple((n, 0.0) for n in range(len(paper.open)))
        trial = self._said(paper, own[:1], [flat])
        places = _places(self._ask(first, inputs, trial))
        if places is None:
            return Stamped(b"", 0, (False,) * len(own))
        compiled = self._machine.make(
            first, inputs, "overprint", self._said(paper, own, [page for _, page in places])
        )
        positions = self._ask(first, compiled.inputs, compiled.said)
        forget(first)
        fits = _fits(positions, len(own))
        objects = Objects(compiled.content)
        return _bound(objects, [number for number, _ in places], fits)

    def _patterns(self, paper: Paper) -> str:
        if self._inputs is None or self._inputs[0] is not paper:
            self._inputs = paper, patterns((paper.document,))
        return self._inputs[1]

    def _ask(self, first: Document, inputs: str, said: str) -> _Found:
        (found,) = self._machine.ask(first, inputs, "overprint", said, "<found>")
        return convert(found, _Found)

    def _said(self, paper: Paper, own: Sequence[Any], places: Sequence[Any]) -> str:
        opened = dict(zip(paper.open, own[0], strict=True))
        blocks = [
            {"type": "open", "which": paper.open.index(n), "paragraph": opened[n]} if n in opened else n
            for n in range(len(paper.document.blocks))
        ]
        form = {"pattern": 0, "blocks": blocks}
        return msgspec.json.encode({"form": form, "letters": own, "places": places}).decode()


def _places(found: _Found) -> list[tuple[int, tuple[tuple[int, float], ...]]] | None:
    """Return for each page with something open its number, and how far down its paragraphs begin.

    None where a paragraph runs over two pages: its layout there depends on its length. None as well where the same
    words begin elsewhere by themselves.
    """
    ends = {which: page for which, hidden, page, *_ in found.end if hidden}
    laid = {which: (right, down) for which, hidden, _, right, down in found.begin if not hidden}
    pages: dict[int, list[tuple[int, float]]] = {}
    for which, hidden, page, right, down in found.begin:
        if hidden:
            if ends[which] != page or abs(right - laid[which][0]) > _CLOSE:
                return None
            pages.setdefault(page, []).append((which, down - laid[which][1]))
    return [(page, tuple(places)) for page, places in sorted(pages.items())]


def _fits(found: _Found, letters: int) -> tuple[bool, ...]:
    """Return for each letter whether its paragraphs end at the same place as those of the first letter."""
    wanted = {which: down for number, which, _, _, down in found.below if number == 0}
    fits = [True] * letters
    for number, which, _, _, down in found.below:
        fits[number] &= abs(down - wanted[which]) < _CLOSE
    return tuple(fits)


def _bound(objects: Objects, stamped: Sequence[int], fits: Sequence[bool]) -> Stamped:
    """Put the pages of the form below those of each letter that fits."""
    own = len(fits) * len(stamped)
    form, overlays = objects.pages[:-own], objects.pages[-own:]
    below = {number: objects.as_form(form[number - 1]) for number in stamped}
    draw = objects.add_stream(b"q /form Do Q\n")
    resources: dict[tuple[int, bytes], int] = {}
    pages: list[tuple[Sequence[int], int, bytes]] = []
    for letter, fit in enumerate(fits):
        if not fit:
            continue
        for number, page in enumerate(form, start=1):
            if number not in below:
                pages.append(((page.contents,), page.resources, page.box))
                continue
            over = overlays[letter * len(stamped) + stamped.index(number)]
            needed = objects.body(over.resources)
            key = below[number], needed
            if key not in resources:
                resources[key] = objects.add(
                    needed.removesuffix(b">>") + b"/XObject<</form %d 0 R>>>>" % below[number]
                )
            pages.append(((draw, over.contents), resources[key], over.box))
    return Stamped(objects.write(pages), len(form), tuple(fits))
