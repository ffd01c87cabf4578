"""R16 and R28: what every notice to affected people says, and where its links lead."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from runner.documents.contents.coverage import check
from runner.documents.notice import Coverage, Notice
from runner.documents.tree import Document, Link, Paragraph, Text
from tests.documents.at_law import catalog, made, us_facts

LETTER = ("us-letter", "us-tx-breach/individuals")


def lines(notice: Notice, document: Document, ref: str) -> list[Coverage]:
    return [coverage for coverage in check(notice, document) if coverage.ref == ref]


def with_words(*inlines: Any, **more: Any) -> list[Coverage]:
    """Return what is said of the links of a letter with one paragraph more."""
    notice, document = made(*LETTER, us_facts())
    longer = msgspec.structs.replace(document, blocks=(*document.blocks, Paragraph(inlines)))
    return lines(msgspec.structs.replace(notice, **more), longer, "R28")


def test_every_shipped_notice_to_affected_people_asks_for_no_password() -> None:
    letters = [name for name in catalog().notice_files if catalog().notice(name)[0].audience == "individuals"]
    assert len(letters) > 8
    for name in letters:
        notice, document = made(name, "", us_facts())
        (said,) = [line for line in lines(notice, document, "R16") if "password" in line.item]
        assert said.state == "covered", name


def test_a_notice_that_does_not_say_it_is_for_a_person_to_look_at_in_every_language() -> None:
    notice, document = made(*LETTER, us_facts())
    bare = msgspec.structs.replace(document, blocks=(), facts_used=())
    for language in ("en-US", "de", "fr-CH", "es", "it"):
        coverages = lines(notice, msgspec.structs.replace(bare, language=language), "R16")
        assert [coverage.state for coverage in coverages] == ["to_check", "to_check"]
        assert all(coverage.note for coverage in coverages)


def test_a_sentence_with_the_words_but_another_sense_does_not_count() -> None:
    notice, document = made(*LETTER, us_facts())
    words = (Text("Change your password. Do not reuse it. Ask your bank."),)
    other = msgspec.structs.replace(document, blocks=(Paragraph(words),))
    assert lines(notice, other, "R16")[1].state == "to_check"


def test_an_authority_s_notice_has_no_such_lines() -> None:
    notice, document = made("us-attorney-general", "us-ma-breach/attorney_general", us_facts("MA"))
    assert lines(notice, document, "R16") == lines(notice, document, "R28") == []


@pytest.mark.parametrize(
    "words",
    [
        Text("See https://click.example-mail.test/abc"),
        Text("See www.mail-counter.test today"),
        Link("https://short.test/x", (Text("our page"),)),
    ],
)
def test_an_unnamed_foreign_link_keeps_a_notice_a_draft(words: Any) -> None:
    (found,) = with_words(words)
    assert found.state == "forbidden"
    assert found.note.startswith("leads to ")
    host = found.note.removeprefix("leads to ")
    (named,) = with_words(words, links=(host,))
    assert named.state == "covered"


def test_a_click_counter_is_found_even_on_a_page_of_our_own() -> None:
    (found,) = with_words(Text("https://www.identitytheft.gov/?utm_source=breach"))
    assert (found.state, bool(found.note)) == ("forbidden", True)


def test_the_authorities_and_our_own_pages_need_no_name() -> None:
    notice, document = made(*LETTER, us_facts())
    assert [line.state for line in lines(notice, document, "R28")] == ["covered"]
