"""A filled form for machines: the same answers as in the document, in the form's codes, as a sheet and as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from runner.documents.render import render
from runner.documents.tree import Document, RenderContext
from runner.documents.write import write
from runner.errors import Refused
from runner.playbook.catalogue import Catalog
from tests.refusals import refused

AT = datetime(2026, 12, 8, 9, tzinfo=UTC)
FACTS = {
    "organisation": {
        "name": "=1+1 Bank",
        "lei": "5299000J2N45DDNE4Y28",
        "contact": {"name": "Ada", "email": "ada@example.org"},
    },
    "incident": {
        "classified_at": "2026-12-07T08:00:00+01:00",
        "dora": {"entity_types": ["crypto_asset_service_provider"]},
    },
}


def made(name: str) -> Document:
    notice, source = Catalog().notice(name)
    return render(notice, source, FACTS, context=RenderContext(status="draft", timestamp=AT))


def test_the_report_has_the_form_s_codes_under_the_names_of_the_electronic_shape() -> None:
    found = json.loads(write(made("eu-dora-initial"), "json"))
    assert found["report"]["submittingEntity"] == {"name": "=1+1 Bank", "code": "5299000J2N45DDNE4Y28"}
    assert found["report"]["affectedEntity"]["affectedEntityType"] == ["crypto-asset_service_provider"]
    answers = {field["id"]: field["answer"] for field in found["fields"]}
    assert answers["1.1"] == "initial notification"
    assert answers["1.9"] is None
    assert "phone" not in found["report"]["primaryContact"]
    assert found["status"] == "draft"


def test_a_later_stage_asks_for_more() -> None:
    counts = [
        len(json.loads(write(made(f"eu-dora-{stage}"), "json"))["fields"])
        for stage in ("initial", "intermediate", "final")
    ]
    assert counts == sorted(set(counts))


def test_the_sheet_matches_the_document_and_contains_no_formula() -> None:
    content = write(made("eu-dora-initial"), "xlsx")
    assert content == write(made("eu-dora-initial"), "xlsx")
    book = zipfile.ZipFile(io.BytesIO(content))
    texts = book.read("xl/sharedStrings.xml").decode()
    assert "=1+1 Bank" in texts
    assert "2026-12-07T07:00:00Z" in texts
    assert "DRAFT" in texts
    assert "<f>" not in book.read("xl/worksheets/sheet1.xml").decode()


@pytest.mark.parametrize("form", ["xlsx", "json"])
def test_a_notice_that_fills_no_form_has_neither(form: str) -> None:
    with refused("no_form", Refused):
        write(made("gdpr-33-initial"), form)
