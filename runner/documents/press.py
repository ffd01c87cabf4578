"""typst at work on the one stationery: what letters share is laid out once, and only what differs anew.

typst remembers what it has laid out for ten compilations, by content and by all that surrounds it. So the page and the
text of one document, the pattern, go in by ``sys.inputs``, which stay the same from letter to letter; of the next
letters only the blocks that differ from the pattern's go in, by the source, as one string literal of JSON. The bytes that
come of it do not depend on which document was the pattern.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from runner.documents.marking import footer, small_print, watermark
from runner.documents.tree import Document
from runner.errors import Bug, Refused

if TYPE_CHECKING:
    import typst

_NO_GLYPH = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_PAGES = re.compile(rb"/Type/Pages/Count (\d+)")
_MAX_SCRIPTS = 24
_GENERATIONS = 12
"""Compilations after which typst has forgotten what it kept of one that went before."""


class Printed(NamedTuple):
    """A PDF of one or several documents, and how many pages each of them has."""

    content: bytes
    pages: tuple[int, ...]


class Press:
    """Sets documents one after another, quickest where they are alike."""

    def __init__(self, *, tagged: bool) -> None:
        """``tagged`` makes PDF/A-3a and PDF/UA-1; what is not is for paper alone."""
        self._standards = ["a-3a", "ua-1"] if tagged else ["a-2b"]
        self._tagged = tagged
        self._patterns: dict[Hashable, tuple[int, Document]] = {}
        self._inputs = ""
        self._running: tuple[str, typst.Compiler] | None = None

    def print(self, documents: Sequence[Document]) -> Printed:
        """Return documents in one PDF, each with pages of its own.

        A character that no font has is spelt out as ``[U+6F22]`` in a draft; a final document is ``Refused``
        then, because its text must be the same in every format.
        """
        said = self._said(documents)
        inputs, content = self._inputs, b""
        for _attempt in range(_MAX_SCRIPTS):
            made = self._set(documents[0], inputs, said)
            if isinstance(made, bytes):
                content = made
                break
            inputs, said = _spelt(inputs, made), _spelt(said, made)
        else:
            raise _no_font("many scripts")
        if len(documents) == 1:
            return Printed(content, (max(int(found) for found in _PAGES.findall(content)),))
        pages = self._ask(documents[0], inputs, said)
        forget(documents[0])
        return Printed(content, pages)

    def _said(self, documents: Sequence[Document]) -> str:
        """Say documents as JSON: a number is the pattern's block of that place."""
        if any(_frame(document) not in self._patterns for document in documents):
            firsts: dict[Hashable, Document] = {}
            for document in documents:
                firsts.setdefault(_frame(document), document)
            self._patterns = {key: (n, one) for n, (key, one) in enumerate(firsts.items())}
            patterns = [{"doc": _data(one), "blocks": one.blocks} for one in firsts.values()]
            self._inputs = msgspec.json.encode(patterns).decode()
        return msgspec.json.encode([self._differing(document) for document in documents]).decode()

    def _differing(self, document: Document) -> Mapping[str, Any]:
        number, pattern = self._patterns[_frame(document)]
        known = dict(enumerate(pattern.blocks))
        blocks = [n if known.get(n) == block else block for n, block in enumerate(document.blocks)]
        return {"pattern": number, "blocks": blocks}

    def _set(self, first: Document, inputs: str, said: str) -> bytes | str:
        """Return a PDF, or the text of which a draft's fonts lack something."""
        import typst

        try:
            made = self._compiler(first, inputs).compile(
                input=_source(said),
                format="pdf",
                pdf_standards=self._standards,  # type: ignore[arg-type]
                pdf_tags=self._tagged,
                timestamp=int(first.context.timestamp.timestamp()),
            )
        except typst.TypstError as error:
            match = _NO_GLYPH.search(str(error))
            if match is None:
                raise Bug(
                    f"the PDF of {first.id} could not be set", hint=re.sub(r"`.*?`", "…", error.message)
                ) from None
            if first.context.status == "final":
                raise _no_font(match[1]) from None
            return match[1]
        if not isinstance(made, bytes):
            raise Bug("typst returned no PDF")
        return made

    def _compiler(self, first: Document, inputs: str) -> typst.Compiler:
        import typst

        if self._running is None or self._running[0] != inputs:
            compiler = typst.Compiler(
                _stationery(),
                root=_stationery().parent,
                font_paths=fonts(first.context.stationery.font_paths),
                ignore_system_fonts=True,
                sys_inputs={"patterns": inputs},
            )
            self._running = inputs, compiler
        return self._running[1]

    def _ask(self, first: Document, inputs: str, said: str) -> tuple[int, ...]:
        """Return the pages of each document, as the stationery counted them."""
        import typst

        found = typst.query(  # type: ignore[type-var]  # a source and a root are each what they are
            _source(said),
            "metadata",
            field="value",
            root=_stationery().parent,
            font_paths=fonts(first.context.stationery.font_paths),
            ignore_system_fonts=True,
            sys_inputs={"patterns": inputs},
        )
        return tuple(n for n in json.loads(found) if n)


def forget(document: Document) -> None:
    """Have typst let a batch go: it keeps parts of its last ten compilations, which for batches are gigabytes."""
    import typst

    found = fonts(document.context.stationery.font_paths)
    for _ in range(_GENERATIONS):
        typst.compile(b" ", format="pdf", font_paths=found, ignore_system_fonts=True)


@functools.lru_cache(maxsize=8)
def fonts(folders: tuple[str, ...]) -> typst.Fonts:
    """Read the fonts of some folders once; the built-in ones are always there."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[Path(folder) for folder in folders])


@functools.lru_cache(maxsize=1)
def _stationery() -> Path:
    with resources.as_file(resources.files("runner.documents").joinpath("stationery.typ")) as file:
        return file


def _source(said: str) -> bytes:
    """Return the source around the documents: in a literal, only a quotation mark and a backslash are not text."""
    literal = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'#import "/stationery.typ": letters\n#letters("{literal}")\n'.encode()


def _frame(document: Document) -> Hashable:
    """Return all that ``_data`` says of a document: what has the same is set on the same page."""
    return (
        document.id,
        document.version,
        document.title,
        document.language,
        document.min_points,
        document.context,
    )


def _data(document: Document) -> dict[str, Any]:
    """Return what the stationery reads besides the blocks."""
    context = document.context
    moment = context.timestamp.astimezone(UTC)
    language, _, region = document.language.partition("-")
    return {
        "title": document.title,
        "time": [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second],
        "lang": language.lower(),
        "region": region.upper() if len(region) == 2 else None,
        "rtl": document.right_to_left,
        "fonts": ["Libertinus Serif"],
        "paper": context.stationery,
        "small": small_print(document),
        "table": max(0.92 * context.stationery.points, document.min_points),
        "watermark": watermark(document),
        "footer": footer(document),
    }


def _spelt(data: str, text: str) -> str:
    """Spell out every character of the script that the font lacks, so that one round settles a script."""
    scripts = {_script(character) for character in text if ord(character) > 0x7F}
    return "".join(
        f"[U+{ord(c):04X}]" if ord(c) > 0x7F and (c in text or _script(c) in scripts) else c for c in data
    )


def _script(character: str) -> str:
    name = unicodedata.name(character, "")
    return name.split(" ")[0] if unicodedata.category(character)[0] == "L" else f"U+{ord(character) >> 7:X}"


def _no_font(text: str) -> Refused:
    points = ", ".join(sorted({f"U+{ord(c):04X}" for c in text if ord(c) > 0x7F})) or text
    return Refused(
        f"no font of this PDF can show {points}",
        hint="name a folder with a TrueType font for this script in the stationery, or use docx, html or txt",
        code="no_glyph",
    )
