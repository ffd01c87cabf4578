"""Typst compiler for one stationery: common parts of letters are laid out once, then only the differences.

Typst caches layouts for ten compilations, by content and context. So the page and the
text of one document, the pattern, go in by ``sys.inputs``, which stay the same from letter to letter; of the next
letters only the blocks that differ from the pattern's go in, by the source, as one string literal of JSON. The bytes that
of the PDF do not depend on the choice of the pattern.
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

from runner.documents.pictures import fonts, size
from runner.documents.tree import Document
from runner.documents.watermark import footer, mark, named, small_print, watermark
from runner.errors import Bug, Refused

if TYPE_CHECKING:
    import typst

_NO_GLYPH = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_PAGES = re.compile(rb"/Type/Pages/Count (\d+)")
_MAX_SCRIPTS = 24
_GENERATIONS = 12
"""Number of compilations after which Typst drops the cache of an earlier one."""


class Printed(NamedTuple):
    """A PDF of one or several documents, and how many pages each of them has."""

    content: bytes
    pages: tuple[int, ...]


class Made(NamedTuple):
    """A PDF, and its inputs after characters of a draft were replaced by their codes."""

    content: bytes
    inputs: str
    said: str


class Machine:
    """typst with the stationery in it, ready for the next document."""

    def __init__(self, *, tagged: bool) -> None:
        """``tagged`` makes PDF/A-3a and PDF/UA-1; what is not is for paper alone."""
        self._standards = ["a-3a", "ua-1"] if tagged else ["a-2b"]
        self._tagged = tagged
        self._running: tuple[str, typst.Compiler] | None = None

    def make(self, first: Document, inputs: str, call: str, said: str) -> Made:
        """Set the text by one of the stationery's functions.

        A character that no font has is spelt out as ``[U+6F22]`` in a draft; a final document is ``Refused``
        then, because its text must be the same in every format.
        """
        for _attempt in range(_MAX_SCRIPTS):
            printed = self._set(first, inputs, _source(call, said))
            if isinstance(printed, bytes):
                return Made(printed, inputs, said)
            inputs, said = _spelt(inputs, printed), _spelt(said, printed)
        raise _no_font("many scripts")

    def ask(self, first: Document, inputs: str, call: str, said: str, label: str) -> list[Any]:
        """Return the values of the stationery under a label."""
        import typst

        answer = typst.query(_source(call, said), label, field="value", **_world(first, inputs))
        return list(json.loads(answer))

    def _set(self, first: Document, inputs: str, source: bytes) -> bytes | str:
        """Return a PDF, or the text with characters that a draft's fonts lack."""
        import typst

        try:
            content = self._compiler(first, inputs).compile(
                input=source,
                format="pdf",
                pdf_standards=self._standards,  # type: ignore[arg-type]
                pdf_tags=self._tagged,
                timestamp=int(first.context.timestamp.timestamp()),
            )
        except typst.TypstError as error:
            match = _NO_GLYPH.search(str(error))
            if match is None:
                raise Bug(
                    f'The PDF of notice "{first.id}" could not be generated.',
                    hint=re.sub(r"`.*?`", "…", error.message),
                ) from None
            if first.context.status == "final":
                raise _no_font(match[1]) from None
            return match[1]
        if not isinstance(content, bytes):
            raise Bug("Typst returned no PDF.")
        return content

    def _compiler(self, first: Document, inputs: str) -> typst.Compiler:
        import typst

        if self._running is None or self._running[0] != inputs:
            self._running = inputs, typst.Compiler(_stationery(), **_world(first, inputs))
        return self._running[1]


def _world(first: Document, inputs: str) -> dict[str, Any]:
    """Return all inputs of Typst besides a source."""
    return {
        "root": _stationery().parent,
        "font_paths": fonts(first.context.stationery.font_paths),
        "ignore_system_fonts": True,
        "sys_inputs": {"patterns": inputs},
    }


class Press:
    """Sets documents in order, fastest if they are similar."""

    def __init__(self, *, tagged: bool) -> None:
        """``tagged`` makes PDF/A-3a and PDF/UA-1; what is not is for paper alone."""
        self._machine = Machine(tagged=tagged)
        self._patterns: dict[Hashable, tuple[int, Document]] = {}
        self._inputs = ""

    def print(self, documents: Sequence[Document]) -> Printed:
        """Return documents in one PDF, each with pages of its own; see ``Machine.make`` for what no font shows."""
        shared = self._said(documents)
        compiled = self._machine.make(documents[0], self._inputs, "letters", shared)
        if len(documents) == 1:
            return Printed(
                compiled.content, (max(int(metadata) for metadata in _PAGES.findall(compiled.content)),)
            )
        metadata = self._machine.ask(documents[0], compiled.inputs, "letters", compiled.said, "metadata")
        forget(documents[0])
        return Printed(compiled.content, tuple(n for n in metadata if n))

    def _said(self, documents: Sequence[Document]) -> str:
        """Return documents as JSON: a number means the pattern's block at that position."""
        if any(frame(document) not in self._patterns for document in documents):
            firsts: dict[Hashable, Document] = {}
            for document in documents:
                firsts.setdefault(frame(document), document)
            self._patterns = {key: (n, one) for n, (key, one) in enumerate(firsts.items())}
            self._inputs = patterns(tuple(firsts.values()))
        return msgspec.json.encode([self._differing(document) for document in documents]).decode()

    def _differing(self, document: Document) -> Mapping[str, Any]:
        number, pattern = self._patterns[frame(document)]
        known = dict(enumerate(pattern.blocks))
        blocks = [n if known.get(n) == block else block for n, block in enumerate(document.blocks)]
        return {"pattern": number, "blocks": blocks}


def patterns(documents: Sequence[Document]) -> str:
    """Return the inputs of the stationery that all documents share."""
    return msgspec.json.encode(
        [{"doc": _data(document), "blocks": document.blocks} for document in documents]
    ).decode()


def forget(document: Document) -> None:
    """Make Typst release a batch: it keeps parts of its last ten compilations, which for batches are gigabytes."""
    import typst

    available = fonts(document.context.stationery.font_paths)
    for _ in range(_GENERATIONS):
        typst.compile(b" ", format="pdf", font_paths=available, ignore_system_fonts=True)


@functools.lru_cache(maxsize=1)
def _stationery() -> Path:
    with resources.as_file(resources.files("runner.documents.pdf").joinpath("stationery.typ")) as file:
        return file


def _source(call: str, said: str) -> bytes:
    """Return the source around the documents: in a literal, only a quotation mark and a backslash are not text."""
    literal = said.replace("\\", "\\\\").replace('"', '\\"')
    return f'#import "/stationery.typ": {call}\n#{call}("{literal}")\n'.encode()


def frame(document: Document) -> Hashable:
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
    logo = context.stationery.logo
    return {
        "title": named(document),
        "mark": mark(document),
        "time": [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second],
        "lang": language.lower(),
        "region": region.upper() if len(region) == 2 else None,
        "rtl": document.right_to_left,
        "fonts": ["Libertinus Serif"],
        "paper": msgspec.structs.replace(context.stationery, logo=None),
        # bytes as numbers, since typst reads nothing from disk; the width is in points
        "logo": None if logo is None else {"png": list(logo.png), "width": size(logo)[0]},
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
        f"No font of this PDF has the characters {points}.",
        hint="Add a folder with a TrueType font for this script to the stationery, or use docx, html or txt.",
        code="no_glyph",
    )


def write_pdf(document: Document) -> bytes:
    """Return a tagged PDF.

    A character that no font has is spelt out as ``[U+6F22]`` in a draft; a final document is ``Refused``
    then, because its text must be the same in every format.
    """
    return Press(tagged=True).print((document,)).content


def unprintable(pieces: Sequence[str], folders: tuple[str, ...] = ()) -> frozenset[str]:
    """Return which pieces of text (characters with their marks) no font can show."""
    import typst

    if not pieces:
        return frozenset()
    data = json.dumps(list(pieces))
    try:
        typst.compile(
            _PROBE,
            format="pdf",
            font_paths=fonts(folders),
            ignore_system_fonts=True,
            sys_inputs={"pieces": data},
            pdf_standards=["a-2b"],
            timestamp=0,
        )
    except typst.TypstError:
        if len(pieces) == 1:
            return frozenset(pieces)
        half = len(pieces) // 2
        return unprintable(pieces[:half], folders) | unprintable(pieces[half:], folders)
    return frozenset()


_PROBE = (
    b'#set document(title: "probe", date: datetime(year: 2000, month: 1, day: 1))\n'
    b"#set page(height: auto)\n"
    b"#for piece in json(bytes(sys.inputs.pieces)) [#piece#parbreak()]\n"
)
