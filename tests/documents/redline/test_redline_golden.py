"""A redline as counsel reads it, compared whole: HTML and Word between the first and the second rendering of a notice."""

from __future__ import annotations

import io
import zipfile

from runner.documents.redline.redline import redline
from runner.documents.redline.redline_docx import write_redline_docx
from runner.documents.redline.redline_html import write_redline_html
from runner.documents.render import render
from runner.documents.tree import Document
from tests.documents.examples import DUTY, context, known_facts, shipped
from tests.golden_files import FOLDER, same

GOLDEN = FOLDER / "redline"


def between() -> tuple[Document, Document]:
    """Return a notice and the same notice after two facts were corrected."""
    notice, body = shipped("gdpr-33-initial")
    facts = known_facts()
    old = render(notice, body, facts, context=context(), extra=DUTY)
    facts["incident"]["aware_at"] = "2026-11-24T07:00:00Z"
    facts["populations"][0]["people"]["total"] = 18400
    return old, render(notice, body, facts, context=context(), extra=DUTY)


def test_the_redline_reads_as_its_golden_files() -> None:
    old, new = between()
    found = redline(old, new)
    with zipfile.ZipFile(io.BytesIO(write_redline_docx(found, old, new, author="Example"))) as archive:
        word = archive.read("word/document.xml").decode().replace("<w:p>", "\n<w:p>")
    same(GOLDEN / "gdpr-33-initial.html", write_redline_html(found, old, new).decode())
    same(GOLDEN / "gdpr-33-initial.document.xml", word)
