"""What proves a document: the same bytes every time, its cover sheet, its coverage."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from typing import Any

import msgspec
import pytest

from runner.documents.contents.cover_sheet import FACTS_SHOWN, PRIVILEGE, FactRow, cover
from runner.documents.contents.coverage import check, complete
from runner.documents.notice import Ban, Item, Notice
from runner.documents.render import narrowed, render
from runner.documents.tree import Stationery, Table
from runner.documents.write import FORMATS, rendered, write
from runner.errors import NotFound
from tests.documents.examples import DUTY, context, known_facts, shipped, small, whole_facts

PRINT_DIGESTS = """
import hashlib
from runner.documents.render import render
from runner.documents.write import FORMATS, write
from tests.documents.examples import DUTY, context, known_facts, shipped
notice, body = shipped("gdpr-33-initial")
made = render(notice, body, known_facts(), context=context(), extra=DUTY)
for format in FORMATS:
    print(hashlib.sha256(write(made, format)).hexdigest())
print(made.digest)
"""


def test_every_process_makes_the_same_bytes() -> None:
    answers = {
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGESTS],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(answers) == 1
    assert len(answers.pop().split()) == len(FORMATS) + 1


def test_only_visible_content_changes_the_digest_of_a_document() -> None:
    facts = whole_facts()
    notice, body = shipped("gdpr-34-letter")
    draft = render(notice, body, facts, context=context())
    final = render(notice, body, facts, context=context(status="final", journal_head="sha256:00"))
    assert draft.digest == final.digest
    facts["risk"]["advice"] += "!"
    assert render(notice, body, facts, context=context()).digest != draft.digest


def test_the_word_file_has_no_clock_no_user_and_no_compression() -> None:
    with zipfile.ZipFile(io.BytesIO(write(small("x"), "docx"))) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        core = archive.read("docProps/core.xml").decode()
    assert "<dc:creator>Beispiel Handel GmbH</dc:creator>" in core
    assert "2026-11-24T10:00:00Z" in core
    assert "lastModifiedBy" not in core


def test_the_pdf_claims_to_be_archivable_and_accessible() -> None:
    content = write(small("# A heading\n\nText."), "pdf")
    assert content.startswith(b"%PDF-1.")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content
    assert b"<pdfaid:part>3</pdfaid:part>" in content
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in content


def test_documents_without_letterhead_reference_or_title_page_can_be_written() -> None:
    bare = small("Text.", stationery=Stationery(paper="us-letter"), incident="", language="ar")
    for format in FORMATS:
        assert write(bare, format)
    assert b'dir="rtl"' in write(bare, "html")


def test_lists_restart_and_count_as_their_author_set_them() -> None:
    source = "3. c\n4. d\n\n::: alpha\n1. first\n   - deeper\n2. second\n:::\n\n::: roman\n4. fourth\n:::\n\n> quoted\n\n---\n"
    text = write(small(source), "txt").decode()
    assert "3. c\n4. d" in text
    assert "(a) first\n\n    - deeper\n\n(b) second" in text
    assert "(iv) fourth" in text
    for format in FORMATS:
        assert write(small(source), format)


def test_a_link_says_where_it_leads() -> None:
    document = small(
        "[our page](https://www.example.com/x) and [example.org](https://example.org/) and <mailto:a@example.com>"
    )
    text = write(document, "txt").decode()
    assert "our page (example.com/x) and example.org and mailto:a@example.com" in text
    assert b'<a href="https://www.example.com/x">our page (example.com/x)</a>' in write(document, "html")
    with zipfile.ZipFile(io.BytesIO(write(document, "docx"))) as archive:
        assert b'Target="https://www.example.com/x" TargetMode="External"' in archive.read(
            "word/_rels/document.xml.rels"
        )


def test_an_output_is_described_by_the_digest_of_its_bytes() -> None:
    document = small("x")
    described = rendered(document, "txt", b"bytes")
    assert described.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert (described.size, described.filename) == (5, "DRAFT_small_1.0.0_en-GB.txt")


def test_the_cover_sheet_lists_gaps_open_items_facts_and_approvals() -> None:
    notice, body = shipped("gdpr-33-initial")
    document = render(notice, body, known_facts(), context=context(privileged=True), extra=DUTY)
    row = FactRow(name="What happened", value="x" * 99, source="mail", confidence="estimated", since="today")
    sheet = cover(
        document,
        check(notice, document),
        {"To": "the authority", "Law": ""},
        {"Approvals": ["A. Counsel, 2026-11-24, claimed"]},
        facts=[row] * (FACTS_SHOWN + 2),
    )
    text = write(sheet, "txt").decode()
    for line in (
        "Status: Draft",
        "To: the authority",
        "State: to follow: risk.consequences",
        "- A. Counsel, 2026-11-24, claimed",
        "Confidence: estimated",
    ):
        assert line in text
    assert PRIVILEGE in " ".join(text.split())
    assert ("x" * 60 in text, "sha256" in text.lower(), "State: covered" in text) == (False, False, False)
    assert text.count("Since: today") == FACTS_SHOWN
    for format in FORMATS:
        assert write(sheet, format)


def test_the_cover_sheet_of_a_whole_document_says_that_nothing_is_missing() -> None:
    sheet = cover(small("x", status="final"), ())
    assert [block for block in sheet.blocks if isinstance(block, Table)] == []


def notice_with(**changes: Any) -> Notice:
    notice = Notice(
        id="small",
        version="1.0.0",
        title="Small",
        requires=(
            Item(ref="a", item="known", facts=("f.known",)),
            Item(ref="b", item="missing", facts=("f.missing",)),
            Item(ref="c", item="one of two", facts=(("f.missing", "f.known"),)),
            Item(ref="d", item="not said", facts=("f.silent",)),
            Item(ref="e", item="worded by a condition", known=("f.read",)),
            Item(ref="f", item="not required", facts=("f.missing",), when="f.known == 'other'"),
            Item(ref="g", item="undecided", facts=("f.known",), when="f.missing == 'x'"),
        ),
    )
    return msgspec.structs.replace(notice, **changes)


TEXT = "{{ f.known }} {{ f.missing }}{% if f.read %} yes{% endif %}"
FACTS = {"f": {"known": "k", "silent": "s", "read": True}}


def test_each_required_item_is_covered_or_names_its_missing_fact() -> None:
    notice = notice_with()
    lines = check(notice, small(TEXT, FACTS, notice=notice))
    assert [(line.ref, line.state, line.facts) for line in lines] == [
        ("a", "covered", ()),
        ("b", "gap", ("f.missing",)),
        ("c", "covered", ()),
        ("d", "gap", ("f.silent",)),
        ("e", "covered", ()),
        ("f", "not_required", ()),
        ("g", "gap", ("f.missing",)),
    ]
    assert lines[3].note == "not in the text: f.silent"
    assert not complete(lines)


def test_a_forbidden_fact_in_the_text_is_found() -> None:
    notice = notice_with(
        requires=(), forbids=(Ban(ref="93H", item="the nature of the breach", facts=("f.known",)),)
    )
    (line,) = check(notice, small(TEXT, FACTS, notice=notice))
    assert (line.state, line.item, line.facts) == (
        "forbidden",
        "must not say: the nature of the breach",
        ("f.known",),
    )
    (line,) = check(notice, small("nothing", FACTS, notice=notice))
    assert line.state == "to_check"


def test_headings_must_be_in_the_order_of_the_law() -> None:
    notice = notice_with(requires=(), headings=("One", "Two"))
    (line,) = check(notice, small("# One\n\n## Extra\n\n## Two", notice=notice))
    assert line.state == "covered"
    (line,) = check(notice, small("# Two\n\n## One", notice=notice))
    assert (line.state, line.note) == ("gap", "absent or out of order: Two")


def test_a_gap_in_one_population_opens_the_item_for_all() -> None:
    notice = notice_with(requires=(Item(ref="n", item="number", facts=("people.total",)),))
    facts = {"populations": [{"id": "a", "people": {"total": 1}}, {"id": "b", "people": {}}]}
    text = "{% for p in populations %}{{ p.people.total }} {% endfor %}"
    (line,) = check(notice, small(text, facts, notice=notice))
    assert (line.state, line.facts) == ("gap", ("people.total",))


def test_the_elements_of_all_populations_are_unknown_as_soon_as_one_is() -> None:
    text = "{{ notice.elements|words }}"
    known = {"populations": [{"data": {"elements": ["ssn"]}}, {"data": {"elements": ["name", "ssn"]}}]}
    assert b"name and ssn" in write(small(text, known), "txt")
    known["populations"].append({"data": {}})
    assert [gap.path for gap in small(text, known).gaps] == ["data.elements"]


def test_a_population_that_is_not_there_is_said() -> None:
    with pytest.raises(NotFound, match="tenants"):
        narrowed(whole_facts(), "tenants")
