"""Word letterhead of the organisation: its styles, headers, footers and page stay unchanged, byte for byte.

The body is replaced, or only what stands in the content control whose tag is ``body``. The file is cut where its XML
says and never rewritten: Word's own marks for other versions of Word refer to prefixes that a rewriting would lose.
Styles are found by their names, which Word does not translate; one that is missing is added under a name of Tocsin.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element

from runner.documents.tree import Document
from runner.documents.watermark import mark, named, small_print, watermark
from runner.documents.word import docx_parts as parts
from runner.documents.word.docx_package import W, pack, parse, unpack
from runner.documents.word.docx_split import Cut, cut, unfit
from runner.documents.word.docx_writer import PNG, Body, created

MAIN: Final = "word/document.xml"
RELATIONS: Final = "word/_rels/document.xml.rels"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STYLED: Final = re.compile(r'(<w:(?:p|r|tbl)Style w:val=)"([^"]*)"/>')
_EMPTY: Final = {
    "docProps/app.xml": b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>',
    "docProps/custom.xml": b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>',
}
"""Properties of the letterhead's own history: who made it, with what, for how long."""


class Letterhead:
    """A firm's Word file, looked through and cut once, to be written on as often as needed."""

    def __init__(self, content: bytes) -> None:
        """Raises Refused where the file is not safe, or has comments, or is not Word's own kind of XML."""
        self._parts = unpack(content)
        comments = self._parts.get("word/comments.xml")
        if comments and parse(comments).find(f"{W}comment") is not None:
            raise unfit("the file has comments, which every notice would contain")
        if "word/styles.xml" not in self._parts:
            raise unfit("the file has no styles")
        self._cut = cut(self._parts[MAIN])
        self._styles = parse(self._parts["word/styles.xml"])

    def write(self, document: Document) -> bytes:
        """Return the document on this paper; the same document gives the same bytes."""
        made = dict(self._parts)
        body = Body(document, self._cut.text_width)
        xml = self._styled(made, document, body.blocks(document.blocks))
        xml = _numbered(made, body.lists, xml)
        xml = _linked(made, body.addresses, xml)
        xml = _pictured(made, body.pictures, xml)
        head, tail = self._cut.head, self._cut.tail
        if watermark(document):
            tail = _marked(made, self._cut, document, tail)
        made[MAIN] = head + xml.encode() + tail
        _properties(made, document)
        return pack(made)

    def _styled(self, made: dict[str, bytes], document: Document, xml: str) -> str:
        """Name the firm's styles instead of Tocsin's, and add those that it lacks."""
        texts = parts.style_texts(document.context.stationery.points, small_print(document))
        theirs = {_name(style): style.get(f"{W}styleId", "") for style in self._styles.iter(f"{W}style")}
        normal = theirs.get("normal", "")
        based_on = f'<w:basedOn w:val="{normal}"/>' if normal else ""
        names: dict[str, str] = {}
        added = []
        for own, text in texts.items():
            if f'w:val="{own}"/>' not in xml:
                continue
            name = text.partition('<w:name w:val="')[2].partition('"')[0].lower()
            names[own] = theirs.get(name) or f"Tocsin{own}"
            if name not in theirs:
                renamed = text.replace(f'w:styleId="{own}"', f'w:styleId="{names[own]}"')
                added.append(renamed.replace('<w:basedOn w:val="Normal"/>', based_on))
        if added:
            made["word/styles.xml"] = _before_end(made["word/styles.xml"], "styles", "".join(added))
        return _STYLED.sub(lambda m: f'{m[1]}"{names.get(m[2], m[2])}"/>', xml)


def _name(style: Element) -> str:
    element = style.find(f"{W}name")
    return element.get(f"{W}val", "").lower() if element is not None else ""


def _numbered(made: dict[str, bytes], lists: list[tuple[str, int]], xml: str) -> str:
    """Put our lists behind the firm's own, under numbers that are free."""
    if not lists:
        return xml
    part = "word/numbering.xml"
    if part not in made:
        made[part] = parts.numbering([]).encode()
        made[part] = re.sub(rb"<w:abstractNum .*</w:abstractNum>", b"", made[part], flags=re.DOTALL)
        _declare(made, part, "numbering", f"{parts.WORD}.numbering+xml")
    root = parse(made[part], part)
    abstract, number = (
        max((int(one.get(f"{W}{kind}Id", "0")) for one in root.iter(f"{W}{kind}")), default=0)
        for kind in ("abstractNum", "num")
    )
    kinds, instances = parts.numbering_texts(lists, first_kind=abstract + 1, first_number=number + 1)
    text = made[part]
    at = re.search(rb"<w:num [^>]*>|<w:numIdMacAtCleanup|</w:numbering>", text)
    if at is None:
        raise unfit("the numbering does not have Word's form")
    text = text[: at.start()] + kinds.encode() + text[at.start() :]
    at = re.search(rb"<w:numIdMacAtCleanup|</w:numbering>", text)
    end = at.start() if at is not None else len(text)
    made[part] = text[:end] + instances.encode() + text[end:]
    return re.sub(r'<w:numId w:val="(\d+)"/>', lambda m: f'<w:numId w:val="{int(m[1]) + number}"/>', xml)


def _linked(made: dict[str, bytes], addresses: list[str], xml: str) -> str:
    if not addresses:
        return xml
    inner = "".join(
        parts.relation(f"rIdTocsin{n}", "hyperlink", href, external=True)
        for n, href in enumerate(addresses, 1)
    )
    made[RELATIONS] = _before_end(made[RELATIONS], "Relationships", inner)
    return re.sub(r'r:id="rIdA(\d+)"', r'r:id="rIdTocsin\1"', xml)


def _pictured(made: dict[str, bytes], pictures: list[bytes], xml: str) -> str:
    if not pictures:
        return xml
    names = [f"media/tocsin{n}.png" for n in range(1, len(pictures) + 1)]
    made.update({f"word/{name}": png for name, png in zip(names, pictures, strict=True)})
    inner = "".join(parts.relation(f"rIdTocsinP{n}", "image", name) for n, name in enumerate(names, 1))
    made[RELATIONS] = _before_end(made[RELATIONS], "Relationships", inner)
    types = made["[Content_Types].xml"]
    if not re.search(rb'Extension="png"', types, re.IGNORECASE):
        made["[Content_Types].xml"] = _before_end(types, "Types", PNG)
    return xml.replace('r:embed="rIdP', 'r:embed="rIdTocsinP')


def _marked(made: dict[str, bytes], found: Cut, document: Document, tail: bytes) -> bytes:
    """Put the marking into every header there is, and into a new header for pages that have none."""
    marking = watermark(document)
    for name in [part for part in made if re.fullmatch(r"word/header\d*\.xml", part)]:
        made[name] = _before_end(made[name], "hdr", parts.watermark_paragraph(marking, mark(document)))
    if not found.without_header:
        return tail
    made["word/headerTocsin.xml"] = parts.header((), marking, mark(document)).encode()
    _declare(made, "word/headerTocsin.xml", "header", f"{parts.WORD}.header+xml", "rIdTocsinHeader")
    references = "".join(
        f'<w:headerReference w:type="{kind}" r:id="rIdTocsinHeader"/>' for kind in found.without_header
    ).encode()
    return found.with_headers(references)


def _properties(made: dict[str, bytes], document: Document) -> None:
    """Write only the document's own metadata into the file."""
    firm = document.context.stationery.name
    if "docProps/core.xml" not in made:
        kind = "application/vnd.openxmlformats-package.core-properties+xml"
        _override(made, "docProps/core.xml", kind)
        space = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
        text = f'<Relationship Id="rIdTocsinCore" Type="{space}" Target="docProps/core.xml"/>'
        made["_rels/.rels"] = _before_end(made["_rels/.rels"], "Relationships", text)
    core = parts.core(named(document), firm, document.language, created(document))
    made["docProps/core.xml"] = core.encode()
    made.update({name: content for name, content in _EMPTY.items() if name in made})


def _declare(made: dict[str, bytes], part: str, kind: str, content_type: str, identity: str = "") -> None:
    _override(made, part, content_type)
    text = parts.relation(identity or f"rIdTocsin{kind}", kind, part.removeprefix("word/"))
    made[RELATIONS] = _before_end(made[RELATIONS], "Relationships", text)


def _override(made: dict[str, bytes], part: str, content_type: str) -> None:
    text = f'<Override PartName="/{part}" ContentType="{content_type}"/>'
    made["[Content_Types].xml"] = _before_end(made["[Content_Types].xml"], "Types", text)


def _before_end(xml: bytes, tag: str, text: str) -> bytes:
    """Put text before the end of a part's outermost element."""
    ends = list(re.finditer(rb"</(?:\w+:)?" + tag.encode() + rb"\s*>", xml))
    if not ends:
        raise unfit(f"the {tag} do not have Word's form")
    return xml[: ends[-1].start()] + text.encode() + xml[ends[-1].start() :]


def on_letterhead(document: Document, content: bytes) -> bytes:
    """Return a document on a letterhead's paper."""
    return Letterhead(content).write(document)
