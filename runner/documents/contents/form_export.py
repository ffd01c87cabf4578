"""Filled form for machines: a sheet with one field a line, and JSON in the shape of the electronic report."""

from __future__ import annotations

import json
from typing import Any

from runner.base.states import MARKS
from runner.documents.tree import Document
from runner.documents.writers.sheet import Sheet, xlsx
from runner.errors import Refused


def write_sheet(document: Document) -> bytes:
    """Return the form's fields as a spreadsheet; raises Refused where the document fills no form."""
    rows = [(field.section, field.id, field.name, field.shown) for field in _fields(document)]
    heads = ("Section", "Field", "Name", "Answer")
    name = f"{document.id} {document.version}"[:31]
    kind = MARKS[document.context.kind]
    status = "DRAFT" if document.context.status == "draft" else ""
    return xlsx(
        [Sheet(name=name, heads=heads, rows=rows, notes=tuple(mark for mark in (kind, status) if mark))],
        document.context.timestamp,
    )


def write_json(document: Document) -> bytes:
    """Return the form's fields as JSON: a list, and the same answers under the names of the electronic report.

    ``report`` has the fields with a place in the form's list; unknown answers are null in the list and absent there.
    """
    fields = _fields(document)
    report: dict[str, Any] = {}
    for field in fields:
        if field.path and field.value is not None:
            *way, last = field.path.split(".")
            place = report
            for part in way:
                place = place.setdefault(part, {})
            place[last] = field.value
    content = {
        "schema": "tocsin/form/v1",
        "notice": document.id,
        "version": document.version,
        "status": document.context.status,
        "kind": document.context.kind,
        "fields": [
            {"id": field.id, "name": field.name, "section": field.section, "answer": field.value}
            for field in fields
        ],
        "report": report,
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _fields(document: Document) -> tuple[Any, ...]:
    if not document.form:
        hint = "Choose other formats: --to docx,pdf,html,txt"
        raise Refused(f'Notice "{document.id}" fills no form.', hint=hint, code="no_form")
    return document.form
