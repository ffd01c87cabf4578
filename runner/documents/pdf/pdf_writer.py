"""PDF writer: the tree as JSON on one fixed stationery, set by Typst as PDF/A-3a and PDF/UA-1.

typst reads the facts as JSON strings and never as markup. Fonts are the built-in one and those of the
stationery's folders, never the system's, so that the same document gives the same bytes on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from runner.documents.pdf.typst_compiler import Press
from runner.documents.pictures import fonts
from runner.documents.tree import Document


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
