"""Every notice that we ship: what it says, whole, and that all formats say the same."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from runner.documents.contents.coverage import check, complete, with_sentences
from runner.documents.render import narrowed, render
from runner.documents.replace_body import with_text
from runner.documents.tree import Document, Fields, Heading, Paragraph, Table, plain, walk
from runner.documents.watermark import footer, watermark
from runner.documents.write import write
from tests.documents.examples import DUTY, context, known_facts, shipped, whole_facts
from tests.golden_files import FOLDER, same

GOLDEN = FOLDER / "notices"
NAMES = ("gdpr-33-initial", "gdpr-34-letter", "us-ca-individual", "gdpr-33-register-entry")


def document(name: str, *, whole: bool = False, **changes: object) -> Document:
    notice, body = shipped(name)
    facts = whole_facts() if whole else known_facts()
    return render(notice, body, facts, context=context(**changes), extra=DUTY)


@pytest.mark.parametrize("name", NAMES)
def test_the_draft_reads_as_its_golden_file(name: str) -> None:
    same(GOLDEN / f"{name}.draft.txt", write(document(name), "txt").decode())


@pytest.mark.parametrize("name", NAMES)
def test_the_final_reads_as_its_golden_file(name: str) -> None:
    same(GOLDEN / f"{name}.final.txt", write(document(name, whole=True, status="final"), "txt").decode())


@pytest.mark.parametrize("format", ["html", "md"])
def test_the_marked_up_text_formats_are_compared_whole(format: str) -> None:
    made = write(document("gdpr-33-initial"), format).decode()
    same(GOLDEN / f"gdpr-33-initial.draft.{format}", made)


@pytest.mark.parametrize("name", NAMES)
def test_with_all_facts_every_required_item_is_covered(name: str) -> None:
    notice, _body = shipped(name)
    coverage = check(notice, document(name, whole=True, status="final"))
    assert complete(coverage)
    assert {line.state for line in coverage} <= {"covered", "not_required"}


@pytest.mark.parametrize("name", NAMES)
def test_with_no_fact_at_all_the_draft_shows_its_gaps(name: str) -> None:
    notice, body = shipped(name)
    document = render(notice, body, {}, context=context())
    assert not complete(check(notice, document))
    assert "[MISSING: organisation.name]" in write(document, "txt").decode()


@pytest.mark.parametrize("name", NAMES)
def test_word_html_and_text_say_the_same_words(name: str) -> None:
    made = document(name)
    words = tree_words(made)
    assert docx_words(write(made, "docx")) == words
    assert html_words(write(made, "html")) == words
    # a table of plain text repeats its heads, so only the words count there, not their order
    assert Counter(word.strip(":") for word in words) <= Counter(text_words(write(made, "txt")))


@pytest.mark.parametrize("name", NAMES)
def test_the_pdf_says_every_word_in_order(name: str) -> None:
    made = document(name)
    assert missing_in_order(tree_words(made), pdf_characters(write(made, "pdf"))) == []


def test_a_late_notice_gives_its_reasons() -> None:
    notice, body = shipped("gdpr-33-initial")
    late = {"duty": {**DUTY["duty"], "overdue": True}}
    document = render(notice, body, whole_facts(), context=context(), extra=late)
    (line,) = [line for line in check(notice, document) if line.ref == "33(1)"]
    assert (line.state, line.facts) == ("gap", ("incident.delay_reasons",))
    facts = whole_facts()
    facts["incident"]["delay_reasons"] = "The mailbox provider was down."
    document = render(notice, body, facts, context=context(status="final"), extra=late)
    assert complete(check(notice, document))
    assert "The mailbox provider was down." in write(document, "txt").decode()


def test_a_letter_speaks_only_of_its_readers_own_data() -> None:
    notice, body = shipped("us-ca-individual")
    facts = narrowed(whole_facts(), "customers")
    text = write(render(notice, body, facts, context=context(status="final")), "txt").decode()
    assert "Change your password" in text
    assert "Social Security" not in text
    assert "Equifax" not in text


def test_the_californian_notice_in_nine_point_type_is_not_in_form() -> None:
    notice, body = shipped("us-ca-individual")
    paper = context().stationery
    small = type(paper)(name=paper.name, points=9.0)
    document = render(notice, body, whole_facts(), context=context(stationery=small), extra=DUTY)
    assert [line.state for line in check(notice, document) if line.ref == "form"] == ["covered", "gap"]


def tree_words(made: Document) -> list[str]:
    words: list[str] = []
    for block in walk(made.blocks):
        match block:
            case Heading(inlines=inlines) | Paragraph(inlines=inlines):
                words += plain(inlines).split()
            case Table(head=head, rows=rows):
                words += [word for row in (head, *rows) for cell in row for word in plain(cell).split()]
            case Fields(rows=fields):
                words += [w for f in fields for w in (*plain(f.label).split(), *plain(f.value).split())]
            case _:
                pass
    return words


def docx_words(content: bytes) -> list[str]:
    w = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("word/document.xml"))  # noqa: S314
    paragraphs = []
    for paragraph in root.iter(f"{w}p"):
        parts = [
            (node.text or "") if node.tag == f"{w}t" else "\n"
            for node in paragraph.iter()
            if node.tag in (f"{w}t", f"{w}br")
        ]
        paragraphs.append("".join(parts))
    return " ".join(paragraphs).split()


class Reader(HTMLParser):
    """Collect the words of <main>."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or tag == "main"
        if tag not in ("strong", "em", "mark", "a"):
            self.text += " "

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "main"
        if tag not in ("strong", "em", "mark", "a"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text += data


def html_words(content: bytes) -> list[str]:
    reader = Reader()
    reader.feed(content.decode())
    return reader.text.split()


def text_words(content: bytes) -> list[str]:
    return [word.strip(":") for word in content.decode().split()]


def pdf_characters(content: bytes) -> str:
    """Read a PDF without its spaces: a reader of PDFs guesses them from distances."""
    pdfium = pytest.importorskip("pypdfium2")
    pdf = pdfium.PdfDocument(content)
    text = "".join(page.get_textpage().get_text_range() for page in pdf)
    return re.sub(r"[\s\ufffe]", "", text)


def missing_in_order(words: list[str], found: str) -> list[str]:
    """Return the words that do not come one after another in what was read (others may stand between)."""
    missing, position = [], 0
    for word in words:
        there = found.find(word, position)
        if there < 0:
            missing.append(word)
        else:
            position = there + len(word)
    return missing


def test_the_marking_follows_from_status_and_kind() -> None:
    assert watermark(document("gdpr-34-letter")) == "DRAFT"
    assert watermark(document("gdpr-34-letter", privileged=True)) == "DRAFT – PRIVILEGED"
    assert watermark(document("gdpr-34-letter", kind="exercise")) == "EXERCISE – DRAFT"
    final = document("gdpr-34-letter", whole=True, status="final", privileged=True)
    assert watermark(final) == ""
    assert footer(final) == ""
    filed = document("gdpr-34-letter", whole=True, status="final", reference="BH-2026-014")
    assert footer(filed) == "BH-2026-014"


@pytest.mark.parametrize("format", ["docx", "html", "txt", "md", "pdf"])
def test_a_final_document_contains_no_privilege_mark_and_no_cover(format: str) -> None:
    final = document("gdpr-33-initial", whole=True, status="final", privileged=True)
    content = write(final, format).lower()
    assert b"privileged" not in content
    assert b"draft" not in content
    plain_final = document("gdpr-33-initial", whole=True, status="final")
    assert content == write(plain_final, format).lower()


@pytest.mark.parametrize("format", ["html", "txt", "md"])
def test_an_exercise_says_so_even_when_it_is_final(format: str) -> None:
    final = document("gdpr-33-initial", whole=True, status="final", kind="exercise")
    assert b"EXERCISE" in write(final, format)


def test_an_item_names_the_sentences_in_which_the_template_printed_its_facts() -> None:
    notice, body = shipped("gdpr-33-initial")
    facts = whole_facts()
    facts["populations"][0]["people"]["total"] = 3
    made = render(notice, body, facts, context=context(), extra=DUTY)
    found = {line.item: line.sentence for line in with_sentences(check(notice, made), notice, made)}
    people = next(said for item, said in found.items() if "data_subjects" in item.replace(" ", "_"))
    assert "3" in people.split()
    assert "2016/679" not in people


def test_an_edited_text_with_a_short_value_elsewhere_awaits_a_check() -> None:
    notice, body = shipped("gdpr-33-initial")
    facts = whole_facts()
    facts["populations"][0]["people"]["total"] = 3
    made = render(notice, body, facts, context=context(), extra=DUTY)
    edited = with_text(made, made.blocks, {})
    states = {line.item.replace(" ", "_"): line.state for line in check(notice, edited)}
    assert next(state for item, state in states.items() if "number_of_data_subjects" in item) == "to_check"
