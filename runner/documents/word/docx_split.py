"""Split of a Word file's main part before and after its text, by bytes."""

from __future__ import annotations

import re
from typing import Final, Literal
from xml.etree.ElementTree import Element
from xml.parsers import expat

import msgspec

from runner.documents.word.docx_package import W, parse
from runner.errors import Refused

BODY: Final = "body"
"""The tag of the content control that takes our text."""
HeaderKind = Literal["default", "first", "even"]
_PREFIXES: Final = {
    b"w": b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    b"r": b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}


class Cut(msgspec.Struct, frozen=True):
    """A main part without its text."""

    head: bytes
    tail: bytes
    text_width: int
    """Between the margins, in twentieths of a point; 0 where the page does not say."""
    without_header: tuple[HeaderKind, ...]
    """Kinds of pages that have no header of their own."""

    def with_headers(self, references: bytes) -> bytes:
        """Return the tail with references to headers in its last section."""
        sections = list(re.finditer(rb"<w:sectPr\b[^>]*?(/?)>", self.tail))
        if not sections:
            at = self.tail.rindex(b"</w:body>")
            return self.tail[:at] + b"<w:sectPr>" + references + b"</w:sectPr>" + self.tail[at:]
        last = sections[-1]
        if last[1]:
            opened = last[0][:-2] + b">" + references + b"</w:sectPr>"
            return self.tail[: last.start()] + opened + self.tail[last.end() :]
        return self.tail[: last.end()] + references + self.tail[last.end() :]


def cut(xml: bytes) -> Cut:
    """Return a main part cut where our text goes; raises Refused where it is not written as Word writes it."""
    head = xml[:2048]
    if xml.startswith((b"\xff\xfe", b"\xfe\xff")) or re.search(rb'encoding="(?!utf-8")', head, re.IGNORECASE):
        raise unfit("the file is not UTF-8")
    for prefix, space in _PREFIXES.items():
        if re.search(rb"xmlns:" + prefix + rb"=[\"']" + re.escape(space) + rb"[\"']", xml) is None:
            raise unfit("the XML prefixes are not those of Word")
    before, after, placeholder = _places(xml)
    root = parse(xml, "word/document.xml")
    first = xml[:before]
    if placeholder:
        first = first[: placeholder[0]] + first[placeholder[1] :]
    section = root.find(f"{W}body/{W}sectPr")
    return Cut(first, xml[after:], _width(section), _without(section))


class _Reading:
    """One reading of a main part, which notes where in its bytes things begin and end."""

    def __init__(self, xml: bytes) -> None:
        self.found: dict[str, int] = {}
        self._xml = xml
        self._path: list[str] = []
        self._tagged = False
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.Parse(xml, True)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag.rpartition("}")[2])
        match self._path[1:]:
            case ["body"]:
                self.found["body"] = self._after_tag()
            case ["body", "sectPr"]:
                self.found["body_end"] = self._parser.CurrentByteIndex
            case ["body", "sdt"]:
                self._tagged = False
            case ["body", "sdt", "sdtPr", "tag"]:
                self._tagged = self._tagged or attributes.get(f"{W[1:]}val") == BODY
            case ["body", "sdt", "sdtPr", "showingPlcHdr"] if "control" not in self.found:
                self.found["shown"] = self._parser.CurrentByteIndex
            case ["body", "sdt", "sdtContent"] if self._tagged and "control" not in self.found:
                self.found["control"] = self._after_tag()
            case _:
                pass

    def _end(self, tag: str) -> None:
        match self._path[1:]:
            case ["body", "sdt", "sdtContent"] if self._tagged:
                self.found.setdefault("control_end", self._parser.CurrentByteIndex)
                self._tagged = False
            case ["body"]:
                self.found.setdefault("body_end", self._parser.CurrentByteIndex)
            case _:
                pass
        self._path.pop()

    def _after_tag(self) -> int:
        end = self._xml.index(b">", self._parser.CurrentByteIndex) + 1
        if self._xml[end - 2 : end] == b"/>":
            raise unfit("the file has no place for the text")
        return end


def _places(xml: bytes) -> tuple[int, int, tuple[int, int] | None]:
    """Return where the text begins and where the rest follows, and the mark of a placeholder to omit."""
    places = _Reading(xml).found
    if "control" not in places:
        return places["body"], places["body_end"], None
    placeholder = places.get("shown", -1)
    mark = (placeholder, xml.index(b">", placeholder) + 1) if 0 <= placeholder < places["control"] else None
    return places["control"], places["control_end"], mark


def _width(section: Element | None) -> int:
    size = section.find(f"{W}pgSz") if section is not None else None
    margins = section.find(f"{W}pgMar") if section is not None else None
    if size is None or margins is None:
        return 0
    numbers = [size.get(f"{W}w", ""), margins.get(f"{W}left", ""), margins.get(f"{W}right", "")]
    if not all(number.isdigit() for number in numbers):
        return 0
    whole, left, right = (int(number) for number in numbers)
    return max(whole - left - right, 0)


def _without(section: Element | None) -> tuple[HeaderKind, ...]:
    """Return the kinds of pages without a header; pages that the section does not tell apart have the default one."""
    own = (
        {reference.get(f"{W}type") for reference in section.findall(f"{W}headerReference")}
        if section is not None
        else set()
    )
    kinds: list[HeaderKind] = ["default"]
    if section is not None and section.find(f"{W}titlePg") is not None:
        kinds.append("first")
    return tuple(kind for kind in kinds if kind not in own)


def unfit(why: str) -> Refused:
    """Return the refusal of a letterhead."""
    return Refused(
        f"The Word file cannot be a letterhead: {why}.",
        hint="Save the file again in Word as a plain .docx.",
        code="letterhead",
    )
