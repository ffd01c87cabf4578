"""Facts written by strangers never become structure and are never executed, in any format."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.documents.tree import Text
from runner.documents.unsafe_text import MAX_LENGTH, findings, visible
from runner.documents.watermark import filename
from runner.documents.write import FORMATS, write
from runner.errors import Invalid, Refused
from tests.documents.examples import small
from tests.documents.test_notices_shipped import docx_words, html_words, pdf_characters
from tests.refusals import refused

TEMPLATE = """\
# Title {{ f }}

Text **{{ f }}** and {{ f }}.

1. {{ f }}

| Head | {{ f }} |
|---|---|
| {{ f }} | x |

::: fields
Label: {{ f }}
:::

::: signature
{{ f }}
:::
"""

HOSTILE = (
    "{{ 7*7 }}",
    "{% raw %}",
    "# heading",
    "- item",
    "1. item",
    "**bold** _it_ `code`",
    "[a](javascript:alert(1))",
    "![x](http://127.0.0.1/x.png)",
    "a | b | c",
    ":::",
    "::: fields",
    "</w:t></w:r></w:p><w:p>",
    "<script>alert(1)</script>",
    "<!-- & &amp; &#60; ]]>",
    '" onmouseover="x',
    '#read("/etc/passwd")',
    '#import "@preview/x:1.0.0"',
    "$x^2$ @ref <label> \\ // /* */",
    "=SUM(A1:A9)",
    "../../etc/passwd",
    "line one\nline two\n\n# three",
    "    four spaces",
    "Label: other: value",
    "a\u00a0b\u2013c\u2019d",
    "Brown & Sons <b>",
    '\' -- "smart" ... --',
    "~ ^ ~~ +++ ---",
    "x" * 200,
)


def shape(document: Any) -> Any:
    """Return the tree without the words of its texts: a full stop after a fact that ends with one goes."""

    def bare(node: Any) -> Any:
        match node:
            case {"type": "text"}:
                return "text"
            case dict():
                return {key: bare(value) for key, value in node.items()}
            case list() | tuple():
                found = [bare(value) for value in node]
                return [
                    one for at, one in enumerate(found) if not at or (one, found[at - 1]) != ("text", "text")
                ]
            case _:
                return node

    return bare(msgspec.to_builtins(document.blocks))


@pytest.mark.parametrize("fact", HOSTILE)
def test_a_hostile_fact_is_literal_text_and_changes_no_structure(fact: str) -> None:
    calm, document = small(TEMPLATE, {"f": "calm"}), small(TEMPLATE, {"f": fact})
    assert shape(document) == shape(calm)
    words = fact.split()
    assert in_a_row(docx_words(write(document, "docx")), words)
    assert in_a_row(html_words(write(document, "html")), words)
    assert "".join(words) in "".join(write(document, "txt").decode().split())
    assert "".join(words) in pdf_characters(write(document, "pdf"))


def in_a_row(found: list[str], words: list[str]) -> bool:
    return " ".join(words) in " ".join(found)


@pytest.mark.parametrize("fact", HOSTILE)
def test_the_word_file_keeps_its_elements_whatever_the_fact(fact: str) -> None:
    calm, document = small(TEMPLATE, {"f": "calm"}), small(TEMPLATE, {"f": fact})
    breaks = fact.count("\n")
    assert elements(document) == elements(calm) or breaks


def elements(document: Any) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(write(document, "docx"))) as archive:
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))  # noqa: S314
        return [node.tag for node in ElementTree.fromstring(archive.read("word/document.xml")).iter()]  # noqa: S314


@pytest.mark.parametrize("fact", HOSTILE)
def test_markdown_reads_back_to_the_same_words(fact: str) -> None:
    from markdown_it import MarkdownIt

    page = write(small("{{ f }}", {"f": fact}, status="final"), "md").decode().partition("\n\n---\n\n")[0]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
    assert [token.type for token in tokens if token.type.endswith("_open")] == ["paragraph_open"]
    inner = "".join(
        "\n" if t.type == "hardbreak" else t.content for token in tokens for t in token.children or ()
    )
    assert " ".join(inner.split()) == " ".join(fact.split())


REFUSED = {
    "\x00": "U+0000",
    "\x07": "U+0007",
    "\x1b": "U+001B",
    "\x85\x9f": "U+009F",
    "\u202e": "U+202E",
    "\u2066": "U+2066",
    "\u200b": "U+200B",
    "\ufeff": "U+FEFF",
    "\ue000": "U+E000",
    "\uf8ff": "U+F8FF",
    "\U000f0000": "U+F0000",
    "\U000e0041": "U+E0041",
    "\ufffe": "U+FFFE",
    "\ud800": "U+D800",
}


@pytest.mark.parametrize("character", REFUSED)
def test_a_character_that_hides_or_turns_text_is_found_at_intake_and_spelt_out(character: str) -> None:
    point = REFUSED[character]
    assert any(found.startswith(point) for found in findings(f"ab{character}cd"))
    assert f"[{point}]" in visible(f"ab{character}cd")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_survives_every_refused_character(format: Any) -> None:
    fact = "a" + "".join(REFUSED) + "b"
    document = small(TEMPLATE, {"f": fact})
    assert write(document, format)
    assert any("U+202E" in found for found in document.replaced)


def test_a_fact_that_looks_like_our_own_mark_stays_text() -> None:
    document = small("{{ f }}{{ g }}", {"f": "\ue0001\ue001", "g": "secret"})
    assert "[U+E000]1[U+E001]secret" in write(document, "txt").decode()


@given(st.text(max_size=80))
def test_no_text_at_all_changes_the_tree_or_breaks_the_xml(fact: str) -> None:
    document = small(TEMPLATE, {"f": fact})
    assert shape(document) == shape(small(TEMPLATE, {"f": "calm"}))
    elements(document)


def test_a_fact_that_is_too_long_is_cut_where_everybody_sees_it() -> None:
    document = small("{{ f }}", {"f": "x" * (MAX_LENGTH + 5)})
    text = write(document, "txt").decode()
    assert text.count("x") >= MAX_LENGTH
    (cut,) = re.findall(r"x\s*\[([^\]]*)\]", text)
    assert "5" in cut.split()


def test_letters_joined_by_accents_are_composed() -> None:
    (block,) = small("{{ f }}", {"f": "Zoe\u0308"}).blocks
    assert block.inlines == (Text("Zoë"),)


def test_a_script_without_a_font_is_spelt_out_in_a_draft_and_refused_in_a_final_pdf() -> None:
    facts = {"f": "漢字 and 漢 and 😀"}
    assert "[U+6F22][U+5B57]and[U+6F22]and[U+1F600]" in pdf_characters(write(small("{{ f }}", facts), "pdf"))
    with refused("no_glyph", Refused) as found:
        write(small("{{ f }}", facts, status="final"), "pdf")
    assert "U+6F22" in found.value.message
    for format in ("docx", "html", "txt", "md"):
        assert write(small("{{ f }}", facts, status="final"), format)


def test_greek_cyrillic_and_diacritics_have_a_font() -> None:
    facts = {"f": "Łódź Çelik Ελλάδα Привет Ő"}
    assert "ŁódźÇelikΕλλάδαПриветŐ" in pdf_characters(write(small("{{ f }}", facts, status="final"), "pdf"))


def test_file_names_are_made_of_ids_alone() -> None:
    document = small("{{ f }}", {"f": "../../x"}, privileged=True, kind="exercise")
    assert filename(document, "pdf") == "EXERCISE_DRAFT_PRIVILEGED_small_1.0.0_en-GB.pdf"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("![x](https://example.com/x.png)", "image"),
        ("[x](http://example.com)", "http://example.com"),
        ("[x](https://example.com/{{ f }})", "https://example.com/"),
        ("    code", "code_block"),
        ("```\ncode\n```", "fence"),
        ("::: unknown\nx\n:::", ":::unknown"),
        ("::: fields\nLabel: x", ":::fields"),
        ("::: fields\nno_colon\n:::", "no_colon"),
    ],
)
def test_markdown_that_a_notice_may_not_hold_is_refused(text: str, named: str) -> None:
    with refused("template-markdown", Invalid) as found:
        small(text, {"f": "x"})
    assert named in found.value.message


def test_a_link_that_runs_a_script_stays_plain_text() -> None:
    """Markdown itself leaves it so."""
    assert "[x](javascript:alert)" in write(small("[x](javascript:alert)"), "txt").decode()
