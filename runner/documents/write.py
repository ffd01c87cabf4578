"""Writing of a document in one format; the only access to the writers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runner.documents.notice import Format, Rendered
from runner.documents.tree import Document
from runner.documents.watermark import filename

FORMATS: Final[tuple[Format, ...]] = ("docx", "pdf", "html", "txt", "md")
"""What every document can be written as; a form has two more."""

MEDIA_TYPES: Final[Mapping[Format, str]] = MappingProxyType(
    {
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "pdf": "application/pdf",
        "html": "text/html; charset=utf-8",
        "txt": "text/plain; charset=utf-8",
        "md": "text/markdown; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "json": "application/json",
    }
)


def write(document: Document, format: Format, letterhead: bytes = b"") -> bytes:
    """Return the document's bytes; the same document gives the same bytes.

    ``letterhead`` is the firm's own Word file, on which a ``.docx`` is written.
    """
    match format:
        case "docx" if letterhead:
            from runner.documents.word.letterhead import on_letterhead

            return on_letterhead(document, letterhead)
        case "docx":
            from runner.documents.word.docx_writer import write_docx

            return write_docx(document)
        case "pdf":
            from runner.documents.pdf.pdf_writer import write_pdf

            return write_pdf(document)
        case "html":
            from runner.documents.writers.html import write_html

            return write_html(document)
        case "txt":
            from runner.documents.writers.text import write_text

            return write_text(document)
        case "md":
            from runner.documents.writers.plain_markdown import write_markdown

            return write_markdown(document)
        case "xlsx":
            from runner.documents.contents.form_export import write_sheet

            return write_sheet(document)
        case "json":
            from runner.documents.contents.form_export import write_json

            return write_json(document)


def rendered(document: Document, format: Format, content: bytes, duty: str = "") -> Rendered:
    """Describe an output: its name made of ids, and the digest that an approval binds."""
    return Rendered(
        format=format,
        filename=filename(document, format, duty),
        media_type=MEDIA_TYPES[format],
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )
