"""Document tree: the one source of every writer, so that all formats have the same content.

Block and inline nodes are closed unions. A text node may hold newlines (an address typed on three lines):
every writer breaks the line there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, Union

import msgspec

from runner.decoding import from_json
from runner.documents.notice import Gap, Notice, Treatment, Used


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Characters, from the template or from a fact."""

    text: str


class GapText(msgspec.Struct, frozen=True, tag="gap"):
    """Text in the place of a missing fact."""

    path: str
    treatment: Treatment
    text: str
    highlight: bool
    """False only for what may follow or is waived, in a final document."""


class Strong(msgspec.Struct, frozen=True, tag="strong"):
    """Bold."""

    inlines: tuple[Inline, ...]


class Emphasis(msgspec.Struct, frozen=True, tag="emphasis"):
    """Italic."""

    inlines: tuple[Inline, ...]


class Link(msgspec.Struct, frozen=True, tag="link"):
    """An address of the template's own (https, mailto, tel); its text always shows where it leads."""

    href: str
    inlines: tuple[Inline, ...]


class Break(msgspec.Struct, frozen=True, tag="break"):
    """A new line inside a paragraph."""


class Heading(msgspec.Struct, frozen=True, tag="heading"):
    """A heading; level 1 is the document's title."""

    level: int
    inlines: tuple[Inline, ...]


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph", omit_defaults=True):
    """A paragraph. An ``address`` is the reader's: it is placed for the window of an envelope."""

    inlines: tuple[Inline, ...]
    address: bool = False


class Listing(msgspec.Struct, frozen=True, tag="list"):
    """A list; ``style`` tells how its items are counted."""

    style: Literal["bullet", "decimal", "alpha", "roman"]
    start: int
    items: tuple[tuple[Block, ...], ...]


class Table(msgspec.Struct, frozen=True, tag="table", omit_defaults=True):
    """A table with one header row; ``aligns`` has one of ``left center right`` for each column."""

    aligns: tuple[str, ...]
    head: tuple[tuple[Inline, ...], ...]
    rows: tuple[tuple[tuple[Inline, ...], ...], ...]
    widths: tuple[int, ...] = ()
    """How wide its columns are beside one another, over the whole line; without them each writer shares the line out."""


class Field(msgspec.Struct, frozen=True):
    """A label and its value."""

    label: tuple[Inline, ...]
    value: tuple[Inline, ...]


class Fields(msgspec.Struct, frozen=True, tag="fields"):
    """A form: labels on the left, values on the right."""

    rows: tuple[Field, ...]


class Signature(msgspec.Struct, frozen=True, tag="signature"):
    """The signature block, never broken over two pages."""

    blocks: tuple[Block, ...]


class Quote(msgspec.Struct, frozen=True, tag="quote"):
    """An indented passage."""

    blocks: tuple[Block, ...]


class Rule(msgspec.Struct, frozen=True, tag="rule"):
    """A line across the page."""


class Picture(msgspec.Struct, frozen=True, tag="picture"):
    """A drawing of the program, with alternative text."""

    svg: str
    """Shapes and text alone, without styles, scripts or references: it is put into pages as it stands."""
    alt: str
    width: float
    """In points, as is ``height``; it is made smaller where the text is narrower."""
    height: float


Inline = Union[Text, GapText, Strong, Emphasis, Link, Break]  # noqa: UP007  msgspec resolves the name at run time
Block = Union[Heading, Paragraph, Listing, Table, Fields, Signature, Quote, Rule, Picture]  # noqa: UP007


class Logo(msgspec.Struct, frozen=True, kw_only=True):
    """The firm's picture: pixels alone, looked through; ``sha256`` is that of the file it was made from."""

    png: bytes
    width: int
    height: int
    sha256: str


class Stationery(msgspec.Struct, frozen=True, kw_only=True):
    """Whose paper it is: the letterhead's lines, the type size, and folders of fonts for the PDF."""

    name: str = ""
    lines: tuple[str, ...] = ()
    points: float = 11.0
    paper: Literal["a4", "us-letter"] = "a4"
    font_paths: tuple[str, ...] = ()
    letterhead: str = ""
    """SHA-256 of the firm's own Word file, where a ``.docx`` is written on one."""
    logo: Logo | None = None


class RenderContext(msgspec.Struct, frozen=True, kw_only=True):
    """All that a document depends on besides the template and the facts."""

    status: Literal["draft", "final"] = "draft"
    kind: Literal["real", "exercise", "test"] = "real"
    incident: str = ""
    """The codename: internal documents alone print it."""
    reference: str = ""
    """The organisation's own file number."""
    enclosures: tuple[str, ...] = ()
    """The titles of the enclosures, in their order."""
    timestamp: datetime
    """Time with zone; written to the metadata instead of the clock's time."""
    language: str = ""
    """Empty: the notice's own."""
    zone: str = "UTC"
    """IANA zone in which instants are written."""
    stationery: Stationery = Stationery()
    journal_head: str = ""
    privileged: bool = False
    """Marks drafts only; nothing of it reaches a final document."""
    variant: str = ""
    """Of a letter: ``minor`` and ``deceased`` go to other readers; empty for an adult."""
    codes: bool = False
    """Each reader has an own code for credit monitoring."""
    waived: bool = False
    """Counsel lets it go as it is: a missing fact reads "not known at this time"."""


class Condition(msgspec.Struct, frozen=True):
    """Whether a required item's ``when`` is true; ``missing`` names the facts without which it is undetermined."""

    when: str
    holds: bool
    missing: tuple[str, ...] = ()


class FormField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of an authority's form with its answer, as sheets and electronic reports take it."""

    id: str
    name: str
    section: str
    shown: str
    """The answer as the document prints it; empty while it is unknown."""
    value: str | int | float | bool | tuple[str, ...] | None
    """The answer in the form's own codes; None while it is unknown."""
    path: str
    """Where the electronic shape has it; empty where that is not known."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A filled tree with the data to write it and its origin."""

    id: str
    version: str
    template_sha256: str
    title: str
    language: str
    context: RenderContext
    blocks: tuple[Block, ...]
    gaps: tuple[Gap, ...] = ()
    facts_used: tuple[Used, ...] = ()
    asked: tuple[str, ...] = ()
    """What it asked for besides: facts that are unknown, and lists and maps (``path[]``) that it went through."""
    replaced: tuple[str, ...] = ()
    """Refused characters that were spelt out, by code point."""
    min_points: float = 0.0
    """The smallest type size that the law permits: it holds for page furniture and tables as well."""
    conditions: tuple[Condition, ...] = ()
    """The answers to the required items' ``when``."""
    form: tuple[FormField, ...] = ()
    """The fields of the form that it fills, where it fills one."""
    edited: bool = False
    """Its text was imported from a Word file."""

    @property
    def digest(self) -> str:
        """SHA-256 of title, language and blocks: it survives a change of format."""
        shape = (self.title, self.language, self.blocks)
        return hashlib.sha256(msgspec.json.encode(shape, order="deterministic")).hexdigest()

    @property
    def right_to_left(self) -> bool:
        """Whether the language is written from right to left."""
        return self.language.split("-")[0].lower() in {"ar", "fa", "he", "ps", "ur", "yi"}


def plain(inlines: tuple[Inline, ...]) -> str:
    """Return the characters of inline nodes, lines broken where they break."""
    nodes = walk_inlines(inlines)
    return "".join(
        node.text if isinstance(node, Text | GapText) else "\n" * isinstance(node, Break) for node in nodes
    )


def walk_inlines(inlines: tuple[Inline, ...]) -> Iterator[Inline]:
    """Give every inline node, outer before inner, in reading order."""
    for node in inlines:
        yield node
        if isinstance(node, Strong | Emphasis | Link):
            yield from walk_inlines(node.inlines)


def runs(blocks: tuple[Block, ...]) -> Iterator[tuple[Inline, ...]]:
    """Give every run of text in reading order: a paragraph's, a heading's, a cell's."""
    for block in walk(blocks):
        for _, group in grouped(block):
            yield from group


def grouped(block: Block) -> Iterator[tuple[str, tuple[tuple[Inline, ...], ...]]]:
    """Give the runs of text of one block that are read together, after what stands between them."""
    match block:
        case Fields(rows=pairs):
            yield from ((": ", (pair.label, pair.value)) for pair in pairs)
        case Table(head=head, rows=rows):
            yield from ((" · ", row) for row in (head, *rows))
        case Heading(inlines=inlines) | Paragraph(inlines=inlines):
            yield "", (inlines,)
        case _:
            pass  # its blocks are walked by themselves


def walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Give every block, outer before inner, in reading order."""
    for block in blocks:
        yield block
        match block:
            case Listing(items=items):
                for item in items:
                    yield from walk(item)
            case Signature(blocks=inner) | Quote(blocks=inner):
                yield from walk(inner)
            case Heading() | Paragraph() | Table() | Fields() | Rule() | Picture():
                pass


_ROMAN: Final = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


def number(style: str, count: int) -> str:
    """Return ``1.``, ``(a)`` or ``(iv)``; counts from 1."""
    match style:
        case "alpha":
            letters = ""
            while count > 0:
                count, rest = divmod(count - 1, 26)
                letters = chr(ord("a") + rest) + letters
            return f"({letters})"
        case "roman":
            return f"({_roman(count)})"
        case _:
            return f"{count}."


def _roman(count: int) -> str:
    digits = ""
    for value, sign in _ROMAN:
        times, count = divmod(count, value)
        digits += sign * times
    return digits


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to compare, to check and to write a document again."""

    notice: Notice
    document: Document


def encode(notice: Notice, document: Document) -> bytes:
    """Return the bytes to keep: the same document gives the same bytes."""
    return msgspec.json.encode(Kept(notice=notice, document=document), order="deterministic")


def decode(content: bytes) -> Kept:
    """Return the stored document."""
    return from_json(content, Kept)
