"""Marking of a document: watermark, header, footer, properties and file name.

None of it is written by hand. DRAFT follows from the status, EXERCISE and SELF-TEST from the incident's kind;
PRIVILEGED is on drafts only and never on filed documents.
"""

from __future__ import annotations

from runner.base.states import MARKS
from runner.documents.notice import Format
from runner.documents.tree import Document


def watermark(document: Document) -> str:
    """Return the words across the page, or nothing for a final document of a real incident."""
    context = document.context
    words = [MARKS[context.kind]] if context.kind != "real" else []
    if context.status == "draft":
        words.append("DRAFT")
        if context.privileged:
            words.append("PRIVILEGED")
    return " – ".join(words)


def mark(document: Document) -> str:
    """Return EXERCISE or SELF-TEST, nothing for a real incident, for the head of each page."""
    return MARKS[document.context.kind]


def named(document: Document) -> str:
    """Return the title as a file's properties and its running head have it: the mark stays where the text is cut off."""
    return f"{mark(document)}: {document.title}" if mark(document) else document.title


def footer(document: Document) -> str:
    """Return the reference line: the mark and the own file number; incident, template and journal on internal sheets alone."""
    context = document.context
    parts = [mark(document), context.reference]
    if context.journal_head:
        parts += [context.incident, f"{document.id} {document.version}", f"journal {context.journal_head}"]
    return " · ".join(part for part in parts if part)


def small_print(document: Document) -> float:
    """Return the size of page furniture in points: eight, unless the law wants more."""
    return max(8.0, document.min_points)


def filename(document: Document, format: Format, duty: str = "") -> str:
    """Return a name made of ids alone, with what the watermark says in front.

    ``duty`` tells two notices from one template apart, which would overwrite one another otherwise.
    """
    marks = watermark(document).replace(" – ", "_")
    parts = (document.id, duty.replace("/", "_"), document.version, document.language)
    stem = "_".join(part for part in parts if part)
    return f"{marks}_{stem}.{format}" if marks else f"{stem}.{format}"
