"""A Word file from outside is looked through as a whole, and refused for whatever could do harm when it is opened."""

from __future__ import annotations

import io
import zipfile

import pytest

from runner.documents.word.docx_package import pack, parse, unpack
from runner.documents.word.docx_writer import write_docx
from runner.errors import Refused
from runner.yamlfile.limited_archive import ENTRIES
from tests.documents.examples import small
from tests.golden_files import FOLDER, same
from tests.refusals import refused

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELS = "word/_rels/document.xml.rels"


def good() -> dict[str, bytes]:
    """The parts of a file that holds nothing but text and a link."""
    return unpack(write_docx(small("Text and [example.com](https://example.com).")))


def with_(**changes: bytes) -> bytes:
    return pack({**good(), **changes})


def relation(kind: str, target: str, mode: str = "External") -> bytes:
    extra = f'<Relationship Id="x9" Type="{OFFICE}/{kind}" Target="{target}" TargetMode="{mode}"/>'
    return good()[RELS].replace(b"</Relationships>", f"{extra}</Relationships>".encode())


def body(inner: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?>{head}<w:document {W}><w:body>{inner}</w:body></w:document>'.encode()


def field(*codes: str) -> str:
    texts = "".join(f"<w:r><w:instrText>{code}</w:instrText></w:r>" for code in codes)
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    return f"<w:p>{begin}{texts}{end}</w:p>"


MAIN = "word/document.xml"
NESTED = field(
    "QUOTE", "</w:instrText></w:r><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>X"
)
REFUSED = {
    "macros": ({"word/vbaProject.bin": b"x"}, "word/vbaProject.bin"),
    "macro settings": ({"word/vbaData.xml": b"<x/>"}, "word/vbaData.xml"),
    "active x": ({"word/activeX/activeX1.xml": b"<x/>"}, "word/activeX/activeX1.xml"),
    "an embedded object": ({"word/embeddings/oleObject1.docx": b"x"}, "word/embeddings/oleObject1.docx"),
    "an ole object": ({RELS: relation("oleObject", "x", "Internal")}, "oleObject"),
    "a macro file's type": ({"[Content_Types].xml": b"<Types><x ContentType='a.macroEnabled.main+xml'/></Types>"}, ""),
    "a picture from outside": ({RELS: relation("image", "http://127.0.0.1/x.png")}, "image"),
    "an attached template": ({"word/_rels/settings.xml.rels": relation("attachedTemplate", "http://127.0.0.1/t.dotm")}, "attachedTemplate"),
    "another file taken in": ({RELS: relation("aFChunk", "x.html", "Internal")}, "aFChunk"),
    "an altChunk": ({MAIN: body("<w:altChunk/>")}, "altChunk"),
    "a link to a file": ({RELS: relation("hyperlink", "file:///etc/passwd")}, ""),
    "a link that runs": ({RELS: relation("hyperlink", "javascript:x")}, ""),
    "a relation out of the file": ({RELS: relation("styles", "../../../x", "Internal")}, ""),
    "a document type": ({MAIN: body("", '<!DOCTYPE w:document SYSTEM "http://127.0.0.1/x.dtd">')}, MAIN),
    "an entity": ({MAIN: body("<w:p/>", '<!DOCTYPE x [<!ENTITY a "aaaa">]>')}, MAIN),
    "an entity in UTF-16": ({MAIN: body("", '<!DOCTYPE x [<!ENTITY a "b">]>').decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")}, MAIN),
    "dde": ({MAIN: body(field(' DDEAUTO c:\\\\cmd.exe "/k calc"'))}, "DDEAUTO"),
    "dde in pieces": ({MAIN: body(field("DD", "EAUTO x"))}, "DDEAUTO"),
    "an included text": ({MAIN: body('<w:p><w:fldSimple w:instr="INCLUDETEXT x"/></w:p>')}, "INCLUDETEXT"),
    "an included picture in a header": ({"word/header9.xml": f'<w:hdr {W}><w:p><w:fldSimple w:instr="includepicture x"/></w:p></w:hdr>'.encode()}, "INCLUDEPICTURE"),
    "a field made by fields": ({MAIN: body(NESTED)}, ""),
    "xml that is none": ({MAIN: b"<w:document"}, MAIN),
    "too deep a nesting": ({MAIN: body("<w:p>" * 300 + "</w:p>" * 300)}, MAIN),
    "a name that climbs": ({"../evil.xml": b"<x/>"}, ""),
    "a name from the root": ({"/evil.xml": b"<x/>"}, ""),
    "too many parts": ({f"word/p{n}.xml": b"<x/>" for n in range(ENTRIES)}, str(ENTRIES)),
}  # fmt: skip


def why(content: bytes) -> str:
    """Return the reason for which a file is refused."""
    with refused("word_file", Refused) as found:
        unpack(content)
    return found.value.message


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_could_do_harm_is_refused(name: str) -> None:
    changes, named = REFUSED[name]
    assert named in why(with_(**changes))


def test_each_is_refused_for_its_own_reason() -> None:
    reasons = [f"{name}: {why(with_(**changes))}\n" for name, (changes, _) in REFUSED.items()]
    reasons += [f"{name}: {why(content)}\n" for name, content in (("a bomb", bomb()), ("two parts", twice()))]
    reasons += [f"no archive: {why(b'')}\n", f"no document: {why(pack({'mimetype': b'x'}))}\n"]
    same(FOLDER / "documents" / "word-package.txt", "".join(reasons))


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MAIN, b"0" * (4 * 1024 * 1024))
    return out.getvalue()


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(MAIN, "<x/>")
        with pytest.warns(UserWarning, match=MAIN):
            archive.writestr(MAIN, "<x/>")
    return out.getvalue()


def test_a_bomb_is_seen_by_its_directory_before_it_is_unpacked() -> None:
    with refused("word_file", Refused):
        unpack(bomb())


def test_an_archive_with_a_false_size_is_refused() -> None:
    content = with_()
    size = len(good()[MAIN])
    lying = content.replace(size.to_bytes(4, "little"), (8).to_bytes(4, "little"))
    with refused("word_file", Refused):
        unpack(lying)


def test_duplicate_parts_and_invalid_archives_are_refused() -> None:
    for content in (twice(), b"", b"PK\x03\x04", b"%PDF-1.7", pack({"mimetype": b"x"})):
        with refused("word_file", Refused):
            unpack(content)
    assert why(b"PK\x03\x04") == why(b"%PDF-1.7") == why(b""), "none of them is an archive"


def test_harmless_word_files_are_accepted_and_packed_to_the_same_bytes() -> None:
    content = write_docx(small("Text and [example.com](https://example.com)."))
    assert pack(unpack(content)) == content
    counted = {MAIN: body(field(" PAGE ") + '<w:p><w:fldSimple w:instr="NUMPAGES"/></w:p>')}
    assert unpack(with_(**counted))[MAIN] == counted[MAIN]


def test_entities_of_xml_itself_are_text() -> None:
    assert parse(b"<x>&amp;&lt;&#65;</x>").text == "&<A"
