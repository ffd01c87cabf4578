"""A notice on the firm's own Word letterhead keeps the firm's header, footer, styles and page, and is still our text."""

from __future__ import annotations

from typing import Any

import pytest

from runner.documents.tree import Document, plain
from runner.documents.word.docx_package import W, parse, unpack
from runner.documents.word.docx_reader import read_docx
from runner.documents.word.letterhead import on_letterhead
from runner.documents.write import write
from runner.errors import Refused
from tests.documents.examples import small
from tests.documents.word.letterheads import CONTROL, FOOTER, HEADER, SECTION, letterhead
from tests.golden_files import FOLDER, same
from tests.refusals import refused

TEXT = "# Notice\n\nText with [example.com/x](https://example.com/x).\n\n3. third\n4. fourth\n\n| A | B | C |\n|---|---|---|\n| x | 1 | 2 |\n"


def made(paper: bytes, **changes: Any) -> dict[str, bytes]:
    return unpack(on_letterhead(small(TEXT, **changes), paper))


def test_header_footer_page_and_the_marks_of_newer_words_stay_byte_for_byte() -> None:
    parts = made(letterhead(), status="final")
    assert (parts["word/header1.xml"], parts["word/footer1.xml"]) == (HEADER, FOOTER)
    main = parts["word/document.xml"].decode()
    assert main.endswith(f"{SECTION}</w:body></w:document>")
    assert 'mc:Ignorable="w14"' in main
    assert "Text hier" not in main


def test_the_letter_reads_as_its_golden_file() -> None:
    parts = made(letterhead(), status="final")
    shown = "\n".join(f"=== {name}\n{body.decode()}" for name, body in parts.items()).replace(
        "<w:p>", "\n<w:p>"
    )
    same(FOLDER / "letterhead" / "final.parts.txt", shown)


def test_styles_of_the_firm_are_found_by_name_and_missing_ones_added() -> None:
    parts = made(letterhead(), status="final")
    main, styles = parts["word/document.xml"].decode(), parts["word/styles.xml"].decode()
    assert '<w:pStyle w:val="berschrift1"/>' in main
    assert '<w:tblStyle w:val="TocsinTableGrid"/>' in main
    assert 'w:styleId="TocsinListParagraph"' in styles
    assert '<w:basedOn w:val="Standard"/>' in styles
    assert '"Heading1"' not in main + styles


def test_lists_count_under_numbers_that_are_free_and_links_lead_where_they_did() -> None:
    parts = made(letterhead(), status="final")
    main = parts["word/document.xml"].decode()
    assert '<w:numId w:val="8"/>' in main
    numbering = parse(parts["word/numbering.xml"])
    kinds = [child.tag.removeprefix(W) for child in numbering]
    assert kinds == sorted(kinds, key=("abstractNum", "num").index)
    assert b'Id="rIdTocsin1"' in parts["word/_rels/document.xml.rels"]


def test_the_text_comes_back_as_the_tree_that_it_was() -> None:
    document: Document = small(TEXT, status="final")
    for text in ("<w:p/>", CONTROL):
        assert read_docx(on_letterhead(document, letterhead(text))).blocks == document.blocks


def test_a_content_control_takes_the_text_and_the_rest_of_the_page_stays() -> None:
    main = made(letterhead(CONTROL), status="final")["word/document.xml"].decode()
    assert main.index("Ihr Zeichen") < main.index("Notice") < main.index("Anlage")
    assert "showingPlcHdr" not in main
    assert "Text hier" not in main


def test_a_draft_is_marked_on_every_kind_of_page() -> None:
    parts = made(letterhead())
    assert b"DRAFT" in parts["word/header1.xml"]
    assert parts["word/header1.xml"].startswith(HEADER[: -len(b"</w:hdr>")])
    text = SECTION.replace('<w:headerReference w:type="default" r:id="rId4"/>', "<w:titlePg/>")
    main = unpack(letterhead())["word/document.xml"].decode().replace(SECTION, text).encode()
    parts = made(letterhead(**{"word/document.xml": main}))
    for kind in ("default", "first"):
        assert (
            f'<w:headerReference w:type="{kind}" r:id="rIdTocsinHeader"/>'.encode()
            in parts["word/document.xml"]
        )
    assert b"DRAFT" in parts["word/headerTocsin.xml"]
    assert (
        b"DRAFT" not in made(letterhead(**{"word/document.xml": main}), status="final")["word/document.xml"]
    )


def test_the_letterheads_own_history_does_not_leave_the_house() -> None:
    content = on_letterhead(small(TEXT, status="final"), letterhead())
    assert b"PLANTED" not in content
    core = unpack(content)["docProps/core.xml"].decode()
    assert "<dc:creator>Beispiel Handel GmbH</dc:creator>" in core


def test_the_same_document_on_the_same_paper_has_the_same_bytes() -> None:
    document = small(TEXT)
    assert write(document, "docx", letterhead()) == write(document, "docx", letterhead())
    assert write(document, "txt", letterhead()) == write(document, "txt")


def _main(xml: str) -> bytes:
    return letterhead(**{"word/document.xml": xml.encode()})


COMMENTS = f'<w:comments xmlns:w="{W[1:-1]}"><w:comment w:id="1"/></w:comments>'.encode()


@pytest.mark.parametrize(
    ("paper", "code"),
    [
        (letterhead(**{"word/vbaProject.bin": b"x"}), "word_file"),
        (letterhead(**{"word/comments.xml": COMMENTS}), "letterhead"),
        (_main(f'<x:document xmlns:x="{W[1:-1]}"><x:body/></x:document>'), "letterhead"),
        (
            _main(f'<?xml version="1.0" encoding="ISO-8859-1"?><w:document xmlns:w="{W[1:-1]}"/>'),
            "letterhead",
        ),
    ],
)
def test_an_invalid_letterhead_file_is_refused(paper: bytes, code: str) -> None:
    with refused(code, Refused):
        on_letterhead(small(TEXT), paper)


def test_text_in_a_paragraph_is_still_text() -> None:
    found = read_docx(on_letterhead(small("<w:p> & </w:p>"), letterhead())).blocks
    assert [plain(block.inlines) for block in found if hasattr(block, "inlines")] == ["<w:p> & </w:p>"]
