"""Documents of exercises and tests are marked, in every format and in the file name."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from typing import get_args

import pypdfium2  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from runner.base.states import MARKS, Kind
from runner.documents.notice import Format
from runner.documents.redline.redline import redline
from runner.documents.redline.redline_docx import write_redline_docx
from runner.documents.redline.redline_html import write_redline_html
from runner.documents.tree import Document, FormField, Heading, Paragraph, RenderContext, Text
from runner.documents.watermark import filename
from runner.documents.write import write

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
FIELD = FormField(id="a", name="A", section="1", shown="b", value="b", path="a")
KINDS: tuple[tuple[Kind, str], ...] = (("exercise", "EXERCISE"), ("test", "SELF-TEST"))


def document(kind: Kind) -> Document:
    return Document(
        id="letter",
        version="1",
        template_sha256="0" * 64,
        title="A letter",
        language="en",
        context=RenderContext(
            status="final", kind=kind, incident="amber-falcon", reference="BH-2026-014", timestamp=AT
        ),
        blocks=(Heading(1, (Text("A letter"),)), Paragraph((Text("Words."),))),
        form=(FIELD,),
    )


def words(form: str, content: bytes) -> str:
    """Return all text of a file, whatever it is packed in."""
    if form == "pdf":
        read = pypdfium2.PdfDocument(content)
        return "".join(page.get_textpage().get_text_range() for page in read)
    if form in ("docx", "xlsx"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    return content.decode()


@pytest.mark.parametrize("form", get_args(Format))
@pytest.mark.parametrize(("kind", "mark"), KINDS)
def test_every_format_of_an_exercise_document_has_its_mark(form: Format, kind: Kind, mark: str) -> None:
    said = words(form, write(document(kind), form))
    assert (mark in said) or (form == "json" and f'"kind": "{kind}"' in said)
    assert filename(document(kind), form).startswith(f"{mark}_letter_1")


@pytest.mark.parametrize("form", get_args(Format))
def test_a_final_document_of_a_real_incident_carries_none(form: Format) -> None:
    said = words(form, write(document("real"), form))
    assert not [mark for mark in MARKS.values() if mark and mark in said]
    assert filename(document("real"), form) == f"letter_1_en.{form}"


@pytest.mark.parametrize(("kind", "mark"), [*KINDS, ("real", "")])
def test_a_comparison_has_the_mark_of_its_documents(kind: Kind, mark: str) -> None:
    old, new = document(kind), replace(document(kind), blocks=(Paragraph((Text("Other words."),)),))
    laid = redline(old, new)
    head = f"{mark} – COMPARISON" if mark else "COMPARISON"
    assert f'<p class="marking">{head}' in write_redline_html(laid, old, new).decode()
    assert f'string="{head}"' in words("docx", write_redline_docx(laid, old, new, author="A"))


@pytest.mark.parametrize(("kind", "mark"), KINDS)
def test_the_mark_is_in_header_footer_and_properties(kind: Kind, mark: str) -> None:
    read = pypdfium2.PdfDocument(write(document(kind), "pdf"))
    lines = [line for page in read for line in page.get_textpage().get_text_range().splitlines()]
    assert read.get_metadata_value("Title") == f"{mark}: A letter"
    read.close()
    assert mark in lines
    assert any(line.startswith(f"{mark} · BH-2026-014") for line in lines)
    assert not [line for line in lines if "amber-falcon" in line or "letter 1" in line]
    with zipfile.ZipFile(io.BytesIO(write(document(kind), "docx"))) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert f"<dc:title>{mark}: A letter</dc:title>" in parts["docProps/core.xml"]
    assert f"<w:t>{mark}</w:t>" in parts["word/header1.xml"]
    assert f"<w:t>{mark}</w:t>" in parts["word/header2.xml"]
    assert f"{mark} · BH-2026-014" in parts["word/footer1.xml"]
    assert not [name for name, part in parts.items() if "amber-falcon" in part]
