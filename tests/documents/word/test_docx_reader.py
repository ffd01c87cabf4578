"""A Word file comes back as the tree that it was written from, whatever Word did to its runs, and edits come with it."""

from __future__ import annotations

import msgspec
import pytest

from runner.documents.redline.redline import redline
from runner.documents.render import render
from runner.documents.tree import Document, Listing, Signature, Table, plain
from runner.documents.word.docx_package import pack, unpack
from runner.documents.word.docx_reader import read_docx
from runner.documents.word.docx_writer import write_docx
from runner.errors import Refused
from tests.documents.examples import DUTY, context, known_facts, shipped, small, whole_facts

RICH = """\
# A heading

Text with **bold**, *italic* and [example.com/x](https://example.com/x).

3. third
4. fourth
   - deeper

::: alpha
1. first
2. second
:::

| A | B |
|---|--:|
| x | 1 |
| y | 2 |

::: fields
Label: value
:::

> quoted

---

::: signature
Ada Adler

Counsel
:::
"""


def back(document: Document) -> Document:
    return msgspec.structs.replace(document, blocks=read_docx(write_docx(document)).blocks)


def test_every_kind_of_block_comes_back_as_it_was() -> None:
    written = small(RICH)
    assert back(written).blocks == written.blocks


@pytest.mark.parametrize("name", ["gdpr-33-initial", "gdpr-34-letter", "us-ca-individual"])
def test_an_untouched_notice_comes_back_without_a_difference(name: str) -> None:
    notice, body = shipped(name)
    for facts in (known_facts(), whole_facts()):
        written = render(notice, body, facts, context=context(), extra=DUTY)
        found = redline(written, back(written))
        assert [line for line in found.lines if line.changed] == []


def edited(source: str, *changes: tuple[str, str]) -> bytes:
    parts = unpack(write_docx(small(source)))
    xml = parts["word/document.xml"].decode()
    for old, new in changes:
        assert old in xml
        xml = xml.replace(old, new, 1)
    return pack({**parts, "word/document.xml": xml.encode()})


def text_of(content: bytes) -> list[str]:
    return [plain(block.inlines) for block in read_docx(content).blocks if hasattr(block, "inlines")]


RUN = '<w:r><w:t xml:space="preserve">One two.</w:t></w:r>'
INS = '<w:ins w:id="1" w:author="c"><w:r><w:t>{}</w:t></w:r></w:ins>'
DEL = '<w:del w:id="2" w:author="c"><w:r><w:delText>{}</w:delText></w:r></w:del>'


def test_tracked_changes_are_taken_as_final_text_and_counted() -> None:
    content = edited("One two.", (RUN, f"<w:r><w:t>One </w:t></w:r>{DEL.format('two')}{INS.format('three')}"))
    assert text_of(content) == ["One three"]
    assert read_docx(content).tracked == 2


def test_a_paragraph_without_its_end_continues_in_the_next() -> None:
    gone = '<w:pPr><w:rPr><w:del w:id="3" w:author="c"/></w:rPr></w:pPr>'
    content = edited("One two.\n\nThree.", ("<w:p>" + RUN, f"<w:p>{gone}{RUN}"))
    assert text_of(content) == ["One two.Three."]


def test_runs_that_word_broke_up_are_one_text() -> None:
    runs = "".join(
        f'<w:r w:rsidR="00A{n}"><w:t xml:space="preserve">{t}</w:t></w:r>'
        for n, t in enumerate(("One ", "tw", "o."))
    )
    returned = read_docx(edited("One two.", (RUN, f"{runs}<w:proofErr w:type='spellEnd'/>")))
    assert returned.blocks == small("One two.").blocks


def test_wrappers_are_read_through() -> None:
    content = edited("One two.", (RUN, f"<w:sdt><w:sdtPr/><w:sdtContent>{RUN}</w:sdtContent></w:sdt>"))
    assert text_of(content) == ["One two."]


@pytest.mark.parametrize(
    ("put", "what"),
    [
        ("<w:r><w:drawing/></w:r>", "a picture or a text box"),
        ('<w:r><w:footnoteReference w:id="1"/></w:r>', "a footnote"),
        ("<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>", "hidden text"),
        ('<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>', "a symbol font"),
    ],
)
def test_unsupported_word_content_is_refused_and_never_dropped(put: str, what: str) -> None:
    with pytest.raises(Refused, match=what):
        read_docx(edited("One two.", (RUN, RUN + put)))


def test_a_row_that_was_taken_out_is_gone_and_a_missing_cell_is_empty() -> None:
    source = "| A | B | C |\n|---|---|---|\n| x | 1 | 2 |\n| y | 3 | 4 |"
    row = "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
    content = edited(
        source, (row, row.replace("<w:cantSplit/>", '<w:cantSplit/><w:del w:id="1" w:author="c"/>'))
    )
    (table,) = read_docx(content).blocks
    assert isinstance(table, Table)
    assert [plain(cell) for cell in table.rows[0]] == ["y", "3", "4"]


def test_lists_and_signatures_keep_their_type() -> None:
    kinds = [type(block) for block in read_docx(write_docx(small(RICH))).blocks]
    assert (kinds.count(Listing), kinds.count(Signature)) == (2, 1)
