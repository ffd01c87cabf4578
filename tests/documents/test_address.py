"""The reader's address stands where the window of an envelope is, in every format that is printed."""

from __future__ import annotations

import io
import zipfile

import msgspec
import pypdfium2  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from runner.documents.replace_body import with_text
from runner.documents.tree import Document, Paragraph
from runner.documents.word.docx_reader import read_docx
from runner.documents.write import write
from tests.documents.examples import small

TEXT = "::: address\nBehörde\n20459 Hamburg\n:::\n\n# Title\n\nWords.\n"
MILLIMETRE = 72 / 25.4


def on(paper: str) -> Document:
    document = small(TEXT)
    stationery = replace(document.context.stationery, paper=paper, lines=("A", "B", "C"))
    return replace(document, context=replace(document.context, stationery=stationery))


@pytest.mark.parametrize(("paper", "window"), [("a4", (62.7, 90.0)), ("us-letter", (54.0, 82.0))])
def test_the_address_is_inside_the_window(paper: str, window: tuple[float, float]) -> None:
    page = pypdfium2.PdfDocument(write(on(paper), "pdf"))[0]
    text = page.get_textpage()
    read = text.get_text_range()
    top, bottom = (
        (page.get_height() - edge) / MILLIMETRE
        for edge in (
            text.get_charbox(read.index("Behörde"))[3],
            text.get_charbox(read.index("Hamburg"))[1],
        )
    )
    assert window[0] < top < bottom < window[1]
    title = (page.get_height() - text.get_charbox(read.index("Title"))[3]) / MILLIMETRE
    assert title > window[1]


@pytest.mark.parametrize(("paper", "x"), [("a4", 1361), ("us-letter", 1440)])
def test_word_holds_the_address_in_a_frame_on_the_page(paper: str, x: int) -> None:
    with zipfile.ZipFile(io.BytesIO(write(on(paper), "docx"))) as archive:
        body = archive.read("word/document.xml").decode()
    assert body.count(f'w:x="{x}"') == 2
    assert body.index("w:framePr") < body.index("Hamburg")


def test_an_edited_text_keeps_its_address_in_the_window() -> None:
    document = on("a4")
    back = with_text(document, read_docx(write(document, "docx")).blocks, {})
    first = back.blocks[0]
    assert isinstance(first, Paragraph)
    assert first.address


def test_a_paragraph_without_an_address_is_encoded_as_before() -> None:
    assert b"address" not in msgspec.json.encode(Paragraph(()))
