"""Package of a Word file: written with the same bytes each time, read with limits against unsafe files.

An external ``.docx`` is a zip archive of XML and may contain a zip bomb, a macro, a program, a picture that is
fetched when it is opened. The whole file is checked before any use, and refused for any of these.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from runner.errors import Refused
from runner.yamlfile.limited_archive import UnsafeArchive, read_archive

DEPTH: Final = 200
"""How deep elements may be nested."""
W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
RELATION: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_PROGRAMS = re.compile(r"vba|activex|embeddings/|\.bin$|\.exe$|\.ole$|customui", re.IGNORECASE)
_LINKED: Final = frozenset(
    {"attachedTemplate", "aFChunk", "oleObject", "package", "control", "frame", "subDocument"}
)
_FIELDS: Final = frozenset(
    [
        "PAGE",
        "NUMPAGES",
        "SECTION",
        "SECTIONPAGES",
        "HYPERLINK",
        "REF",
        "PAGEREF",
        "TOC",
        "SEQ",
        "STYLEREF",
        "TITLE",
    ]
)
"""Fields that only count or repeat what the document says; all others are refused, DDE and INCLUDE* among them."""
_ADDRESS = re.compile(r"(https?|mailto|tel):", re.IGNORECASE)


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the archive: parts are stored, not compressed, with the dates of 1980, in the order given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 0
            archive.writestr(entry, content)
    return out.getvalue()


def unpack(content: bytes) -> dict[str, bytes]:
    """Return the parts of an external Word file; raises Refused for unsafe contents."""
    parts = _entries(content)
    if "word/document.xml" not in parts:
        raise _refused("the file is not a Word document (no word/document.xml)")
    for name, body in parts.items():
        if _PROGRAMS.search(name):
            raise _refused(f"the file contains a program or an embedded file: {name}")
        if name.endswith((".xml", ".rels")):
            _look_through(name, parse(body, name))
    if b"macroEnabled" in parts.get("[Content_Types].xml", b""):
        raise _refused("the file can contain macros")
    return parts


def parse(body: bytes, name: str = "a part") -> Element:
    """Return an XML part as a tree; a document type, an entity or too deep a nesting is refused."""
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH:
            raise _refused(f"{name} is nested deeper than {DEPTH} elements")
        builder.start(_named(tag), {_named(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(tag))

    def doctype(*_: object) -> None:
        raise _refused(f"{name} has a document type")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    try:
        parser.Parse(body, True)
        return builder.close()
    except (expat.ExpatError, AssertionError):
        raise _refused(f"{name} is not well-formed XML") from None


def _named(tag: str) -> str:
    return f"{{{tag}" if "}" in tag else tag


def _entries(content: bytes) -> dict[str, bytes]:
    try:
        return read_archive(content)
    except UnsafeArchive as error:
        raise _refused(str(error)) from None


def _look_through(name: str, root: Element) -> None:
    if name.endswith(".rels"):
        for relation in root.iter(RELATION):
            _relation(relation)
        return
    if next(root.iter(f"{W}altChunk"), None) is not None:
        raise _refused("the file includes another file (altChunk)")
    for code in _codes(root):
        word = code.split()[0].upper() if code.split() else ""
        if word not in _FIELDS:
            raise _refused(f"the file has a field that loads or computes: {word[:40] or 'without a name'}")


def _relation(relation: Element) -> None:
    kind = relation.get("Type", "").rpartition("/")[2]
    if kind in _LINKED:
        raise _refused(f"the file is linked with another file ({kind})")
    if relation.get("TargetMode", "").lower() != "external":
        if ".." in relation.get("Target", "").replace("../", "", 1) or "://" in relation.get("Target", ""):
            raise _refused("a link leads to a part outside the file")
        return
    if kind != "hyperlink":
        raise _refused(f"the file loads a part from outside ({kind})")
    if not _ADDRESS.match(relation.get("Target", "")):
        raise _refused("a link is not a web, email or phone address")


def _codes(root: Element) -> Iterator[str]:
    """Yield what each field does. A code may be spread over runs, and a field may stand inside another's code."""
    for simple in root.iter(f"{W}fldSimple"):
        yield simple.get(f"{W}instr", "")
    open_: list[str] = []
    for element in root.iter():
        kind = element.get(f"{W}fldCharType", "") if element.tag == f"{W}fldChar" else ""
        if kind == "begin":
            open_.append("")
        elif kind in ("separate", "end") and open_:
            code = open_.pop()
            if code:
                yield code
            if kind == "separate":
                open_.append("")
        elif element.tag in (f"{W}instrText", f"{W}delInstrText"):
            if open_:
                open_[-1] += element.text or ""
            else:
                yield element.text or ""
    yield from filter(None, open_)


def _refused(why: str) -> Refused:
    return Refused(
        f"The Word file cannot be imported: {why}.",
        hint="Save the text again as a plain .docx.",
        code="word_file",
    )
