"""The PDF writer: the tree as JSON into one fixed stationery, set by typst as PDF/A-3a and PDF/UA-1.

typst reads the facts as JSON strings and never as markup. Fonts are the built-in one and those of the
stationery's folders, never the system's, so that the same document gives the same bytes on every machine.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from collections.abc import Sequence
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
_MAX_SCRIPTS = 24
_GENERATIONS = 12
"""Compilations after which typst has forgotten what it kept of one that went before."""


class Printed(NamedTuple):
    """A PDF of one or several documents, and how many pages each of them has."""

    content: bytes
    pages: tuple[int, ...]


def write_pdf(document: Document) -> bytes:
    """Return a tagged PDF.

    A character that no font has is spelt out as ``[U+6F22]`` in a draft; a final document is ``Refused``
    then, because its text must be the same in every format.
    """
    return _set((document,), tagged=True)[1]


def print_pdf(documents: Sequence[Document], *, tagged: bool) -> Printed:
    """Return documents of one kind in one PDF, each with pages of its own: for paper alone where it is not tagged."""
    compiler, content = _set(documents, tagged=tagged)
    pages = tuple(n for n in json.loads(compiler.query("metadata", field="value")) if n)
    if len(documents) > 1:
        _forget(documents[0])
    return Printed(content, pages)


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
            font_paths=_fonts(folders),
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


def _set(documents: Sequence[Document], *, tagged: bool) -> tuple[typst.Compiler, bytes]:
    """Lay documents out, and spell out what no font shows where they are drafts."""
    import typst

    first = documents[0]
    data = msgspec.json.encode([_data(document) for document in documents]).decode()
    for _attempt in range(_MAX_SCRIPTS):
        try:
            return _compiled(first, data, tagged=tagged)
        except typst.TypstError as error:
            match = _NO_GLYPH.search(str(error))
            if match is None:
                raise Bug(
                    f"the PDF of {first.id} could not be set", hint=re.sub(r"`.*?`", "…", error.message)
                ) from None
            if first.context.status == "final":
                raise _no_font(match[1]) from None
            data = _spelt(data, match[1])
    raise _no_font("many scripts")


def _compiled(first: Document, data: str, *, tagged: bool) -> tuple[typst.Compiler, bytes]:
    import typst

    with resources.as_file(resources.files("runner.documents").joinpath("stationery.typ")) as file:
        compiler = typst.Compiler(
            file,
            root=file.parent,
            font_paths=_fonts(first.context.stationery.font_paths),
            ignore_system_fonts=True,
            sys_inputs={"docs": data},
        )
        made = compiler.compile(
            format="pdf",
            pdf_standards=["a-3a", "ua-1"] if tagged else ["a-2b"],
            pdf_tags=tagged,
            timestamp=int(first.context.timestamp.timestamp()),
        )
    if not isinstance(made, bytes):
        raise Bug("typst returned no PDF")
    return compiler, made


def _forget(document: Document) -> None:
    """Have typst let a batch go: it keeps parts of its last ten compilations, which for batches are gigabytes."""
    import typst

    fonts = _fonts(document.context.stationery.font_paths)
    for _ in range(_GENERATIONS):
        typst.compile(b" ", format="pdf", font_paths=fonts, ignore_system_fonts=True)


@functools.lru_cache(maxsize=8)
def _fonts(folders: tuple[str, ...]) -> typst.Fonts:
    """Read the fonts of some folders once; the built-in ones are always there."""
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[Path(folder) for folder in folders])


def _data(document: Document) -> dict[str, Any]:
    """Return what the stationery reads."""
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
        "blocks": document.blocks,
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
