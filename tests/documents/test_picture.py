"""A drawing of the program's own stands in every format: as shapes, as pixels where a format knows no shapes, or as words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pypdfium2  # type: ignore[import-untyped]

from runner.documents.notice import Format
from runner.documents.tree import Document, Heading, Picture, RenderContext, Text
from runner.documents.word.docx_package import RELATION, parse, unpack
from runner.documents.word.letterhead import on_letterhead
from runner.documents.write import write
from tests.documents.word.letterheads import letterhead

ALT = "Two bars: <first> 3, & second 4"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="450" height="40" viewBox="0 0 450 40"><rect width="450" height="40"'
    ' fill="#ffffff"/><text x="4" y="20" font-size="9">{}</text></svg>\n'
)


def pictured(text: str = "bars", **changes: Any) -> Document:
    context = RenderContext(status="draft", timestamp=datetime(2026, 11, 24, tzinfo=UTC), language="en")
    document = Document(
        id="pictured",
        version="1",
        template_sha256="",
        title="Pictured",
        language="en",
        context=context,
        blocks=(Heading(1, (Text("Pictured"),)), Picture(SVG.format(text), ALT, 450, 40)),
    )
    return msgspec.structs.replace(document, **changes)


def test_a_page_has_the_drawing_in_it_and_fetches_nothing() -> None:
    page = write(pictured(), "html").decode()
    assert f"<figure>\n{SVG.format('bars')}</figure>" in page
    assert "img-src" not in page


def test_a_page_without_a_drawing_says_nothing_of_drawings() -> None:
    assert b"figure" not in write(pictured(blocks=(Heading(1, (Text("Plain"),)),)), "html")


def test_formats_without_pictures_say_it_in_words() -> None:
    assert f"[Picture: {ALT}]" in write(pictured(), "txt").decode()
    assert "Picture\\: Two bars\\: \\<first\\> 3, \\& second 4" in write(pictured(), "md").decode()


def test_a_pdf_has_the_drawing_s_own_letters_and_a_screen_reader_the_words() -> None:
    content = write(pictured(), "pdf")
    read = pypdfium2.PdfDocument(content)
    assert "bars" in read[0].get_textpage().get_text_range()
    assert b"/Alt" in content


def test_a_letter_that_no_font_has_is_spelt_out_in_a_drawing_as_in_the_text() -> None:
    read = pypdfium2.PdfDocument(write(pictured("漢"), "pdf"))
    assert "[U+6F22]" in read[0].get_textpage().get_text_range()


def test_word_gets_pixels_with_words_beside_them_on_our_paper_and_on_the_firm_s() -> None:
    ours, theirs = write(pictured(), "docx"), on_letterhead(pictured(), letterhead())
    for content in (ours, theirs):
        parts = unpack(content)
        main = parts["word/document.xml"].decode()
        assert 'descr="Two bars: &lt;first&gt; 3, &amp; second 4"' in main
        assert 'cx="5715000" cy="508000"' in main
        relations = {
            one.get("Id", ""): one.get("Target", "")
            for one in parse(parts["word/_rels/document.xml.rels"]).iter(RELATION)
        }
        name = main.partition('r:embed="')[2].partition('"')[0]
        assert parts[f"word/{relations[name]}"].startswith(b"\x89PNG")
        assert parts["[Content_Types].xml"].count(b'Extension="png"') == 1


def test_the_same_drawing_gives_the_same_bytes() -> None:
    formats: tuple[Format, ...] = ("docx", "html", "pdf", "txt", "md")
    for form in formats:
        assert write(pictured(), form) == write(pictured(), form)
