"""Objects of a PDF that Typst wrote, and their combination with other pages.

No more than that: typst writes one plain table of objects, each page with one stream of drawing and one dictionary of
fonts and colours. Whatever looks otherwise is a ``Bug``, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from runner.errors import Bug

_START = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*\Z")
_TABLE = re.compile(rb"xref\s+0 (\d+)\s+")
_ROOT, _INFO, _ID = (
    re.compile(pattern) for pattern in (rb"/Root (\d+) 0 R", rb"/Info (\d+) 0 R", rb"/ID\[.*\]")
)
_OBJECT = re.compile(rb"\d+ 0 obj\s+(.*?)\s+endobj\s*\Z", re.DOTALL)
_CONTENTS, _RESOURCES, _BOX, _KIDS, _TREE = (
    re.compile(pattern)
    for pattern in (
        rb"/Contents (\d+) 0 R",
        rb"/Resources (\d+) 0 R",
        rb"/MediaBox(\[[^\]]*\])",
        rb"/Kids\[([^\]]*)\]",
        rb"/Pages (\d+) 0 R",
    )
)
_REFERENCE = re.compile(rb"(\d+) 0 R")
_ENTRY = 20


class Page(NamedTuple):
    """One page: the numbers of its objects, and its box as it stands there."""

    contents: int
    resources: int
    box: bytes


class Objects:
    """The numbered objects of a PDF."""

    def __init__(self, content: bytes) -> None:
        start = _found(_START, content[-200:])
        table = _TABLE.match(content, int(start[1]))
        if table is None:
            raise _strange()
        first, count = table.end(), int(table[1])
        places = [int(content[first + n * _ENTRY :][:10]) for n in range(1, count)]
        ends = dict(zip(sorted(places), [*sorted(places)[1:], int(start[1])], strict=True))
        self._bodies = {n: _found(_OBJECT, content[at : ends[at]])[1] for n, at in enumerate(places, start=1)}
        self._last = count - 1
        trailer = content[first + (count - 1) * _ENTRY :]
        self._root, self._info = int(_found(_ROOT, trailer)[1]), int(_found(_INFO, trailer)[1])
        self._id = _found(_ID, trailer)[0]
        self._tree = int(_found(_TREE, self._bodies[self._root])[1])
        self.pages = tuple(self._pages(self._tree))

    def _pages(self, number: int) -> Iterator[Page]:
        body = self._bodies[number]
        if body.startswith(b"<</Type/Pages"):
            for kid in _REFERENCE.findall(_found(_KIDS, body)[1]):
                yield from self._pages(int(kid))
            return
        yield Page(
            contents=int(_found(_CONTENTS, body)[1]),
            resources=int(_found(_RESOURCES, body)[1]),
            box=_found(_BOX, body)[1],
        )

    def body(self, number: int) -> bytes:
        """Return an object as it is written."""
        return self._bodies[number]

    def add(self, body: bytes) -> int:
        """Take one more object, and return its number."""
        self._last += 1
        self._bodies[self._last] = body
        return self._last

    def add_stream(self, content: bytes) -> int:
        """Take a stream of drawing as it is, uncompressed."""
        return self.add(b"<</Length %d>>\nstream\n%b\nendstream" % (len(content), content))

    def as_form(self, page: Page) -> int:
        """Take what a page draws as a thing that other pages draw, with the fonts and colours that it needs."""
        head, _, rest = self.body(page.contents).partition(b">>")
        form = b"/Type/XObject/Subtype/Form/BBox%b/Resources %d 0 R>>" % (page.box, page.resources)
        return self.add(head + form + rest)

    def write(self, pages: Sequence[tuple[Sequence[int], int, bytes]]) -> bytes:
        """Return a PDF with these pages (streams, resources, box) instead of its own, without bookmarks and links."""
        kids = [
            self.add(
                b"<</Type/Page/Resources %d 0 R/MediaBox%b/Parent %d 0 R/Contents[%b]>>"
                % (resources, box, self._tree, b" ".join(b"%d 0 R" % stream for stream in streams))
            )
            for streams, resources, box in pages
        ]
        listed = b" ".join(b"%d 0 R" % kid for kid in kids)
        self._bodies[self._tree] = b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), listed)
        self._bodies[self._root] = re.sub(rb"/Outlines \d+ 0 R", b"", self._bodies[self._root])
        return self._written(self._reached())

    def _reached(self) -> set[int]:
        """Return the numbers of the objects that are still needed."""
        seen: set[int] = set()
        waiting = [self._root, self._info]
        while waiting:
            number = waiting.pop()
            if number not in seen and number in self._bodies:
                seen.add(number)
                waiting += map(int, _REFERENCE.findall(self._bodies[number].partition(b"stream\n")[0]))
        return seen

    def _written(self, needed: set[int]) -> bytes:
        """Write the needed objects under their numbers; the table marks the others as free."""
        made, places = bytearray(b"%PDF-1.7\n%\x80\x80\x80\x80\n\n"), {}
        for number in sorted(needed):
            places[number] = len(made)
            made += b"%d 0 obj\n%b\nendobj\n" % (number, self._bodies[number])
        size, start = self._last + 1, len(made)
        free = [n for n in range(1, size) if n not in places]
        after = dict(zip([0, *free], [*free, 0], strict=True))
        made += b"xref\n0 %d\n%010d 65535 f\r\n" % (size, after[0])
        for n in range(1, size):
            made += b"%010d 00000 n\r\n" % places[n] if n in places else b"%010d 00001 f\r\n" % after[n]
        trailer = (size, self._root, self._info, self._id, start)
        made += b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % trailer
        return bytes(made)


def _found(pattern: re.Pattern[bytes], content: bytes) -> re.Match[bytes]:
    found = pattern.search(content)
    if found is None:
        raise _strange()
    return found


def _strange() -> Bug:
    return Bug("Typst wrote a PDF with an unknown structure.", hint="Remove --batch.")
