"""The notices of the Union and of the United Kingdom: each whole, as its duty makes it, and the translations of a pair."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest

from runner.documents.contents.coverage import check, complete
from runner.documents.notice import Coverage
from runner.documents.template.syntax import facts_read
from runner.documents.tree import Document, Heading, walk
from runner.documents.wording.phrases import phrases
from runner.documents.write import write
from tests.documents.at_law import catalog, without
from tests.documents.europe import europe_facts, written
from tests.documents.formats import FILES, files_of
from tests.documents.test_notices_shipped import (
    GOLDEN,
    docx_words,
    html_words,
    missing_in_order,
    pdf_characters,
    text_words,
    tree_words,
)
from tests.golden_files import same

SA, DATA_SUBJECTS = "eu-gdpr-33-controller-sa", "eu-gdpr-34-data-subjects"
LANGUAGES = ("de", "fr", "es", "nl", "it", "pl")
VULNERABILITY, SEVERE = "eu-cra-14-vulnerability", "eu-cra-14-incident"


class Case(NamedTuple):
    """A notice with a duty that it fulfils, and what was filed before it."""

    id: str
    notice: str
    duty: str
    filed: dict[str, str]


def case(notice: str, duty: str, suffix: str = "", **filed: str) -> Case:
    regime = duty.partition("/")[0]
    earlier = {f"{regime}/{slug}": reference for slug, reference in filed.items()}
    return Case(f"{notice}{suffix}", notice, duty, earlier)


CASES = (
    case("gdpr-33-supplementary", f"{SA}/phases", initial="DE-2026-4711"),
    case("gdpr-33-final", f"{SA}/phases", initial="DE-2026-4711"),
    case("gdpr-33-processor-to-controller", "eu-gdpr-33-processor/initial"),
    case("uk-ico-notification", "uk-gdpr-33-34/initial"),
    case("nis2-early-warning", "eu-nis2-23/early_warning"),
    case("nis2-notification", "eu-nis2-23/incident_notification", early_warning="EW-17"),
    case("nis2-intermediate", "eu-nis2-23/intermediate", early_warning="EW-17", incident_notification=""),
    case("uk-pecr-notification", "uk-pecr-5a/initial"),
    case("eu-dora-clients", "eu-dora-19/clients"),
    case("controller-notice", "ch-fadp-24/processor"),
    case("nis2-final", "eu-nis2-23/final", early_warning="EW-17", incident_notification=""),
    case("cra-early-warning", f"{VULNERABILITY}/early_warning", "-vulnerability"),
    case("cra-early-warning", f"{SEVERE}/early_warning", "-incident"),
    case("cra-notification", f"{VULNERABILITY}/notification", "-vulnerability", early_warning="SRP-1"),
    case("cra-notification", f"{SEVERE}/notification", "-incident", early_warning="SRP-1"),
    case(
        "cra-final", f"{VULNERABILITY}/final", "-vulnerability", early_warning="SRP-1", notification="SRP-2"
    ),
    case("cra-final", f"{SEVERE}/final", "-incident", early_warning="SRP-1", notification="SRP-2"),
    case("eu-dora-initial", "eu-dora-19/initial"),
    case("eu-dora-intermediate", "eu-dora-19/intermediate", initial="BaFin-99"),
    case("eu-dora-final", "eu-dora-19/final", initial="BaFin-99", intermediate=""),
    case("eprivacy-611-initial", "eu-eprivacy-611/initial"),
    case("individual-letter", "ca-pipeda-10-1/individuals"),
    case("eprivacy-611-second", "eu-eprivacy-611/second", initial="TK-8"),
    *(case(f"gdpr-33-initial-{language}", f"{SA}/initial") for language in LANGUAGES),
    *(case(f"gdpr-34-letter-{language}", f"{DATA_SUBJECTS}/individuals") for language in LANGUAGES),
)
EACH = pytest.mark.parametrize("one", CASES, ids=[case.id for case in CASES])
TRANSLATIONS = [name for name, (notice, _body) in catalog().notices().items() if notice.translates]


def whole(one: Case) -> Document:
    return written(one.notice, one.duty, europe_facts(), filed=one.filed)[1]


@EACH
def test_with_every_fact_it_is_final_covers_all_and_reads_as_its_golden_file(one: Case) -> None:
    notice, document = written(one.notice, one.duty, europe_facts(), filed=one.filed)
    assert (document.context.status, document.gaps) == ("final", ())
    open_lines = [line for line in check(notice, document) if line.state not in ("covered", "not_required")]
    open_lines = [line for line in open_lines if line.ref != "language"]
    assert [line for line in open_lines if line.state != "to_check" or notice.form is None] == []
    same(GOLDEN / f"{one.id}.final.txt", write(document, "txt").decode())


@EACH
def test_with_no_fact_it_is_a_draft_that_shows_its_gaps_and_reads_as_its_golden_file(one: Case) -> None:
    notice, document = written(one.notice, one.duty, {})
    assert document.context.status == "draft"
    assert not complete(check(notice, document))
    text = write(document, "txt").decode()
    assert f"[{phrases(notice.language).missing}: organisation.name]" in text.replace("\n    ", " ")
    same(GOLDEN / f"{one.id}.draft.txt", text)


@EACH
def test_every_format_says_the_same_words(one: Case) -> None:
    document = whole(one)
    words = tree_words(document)
    word, page, pdf = (write(document, form) for form in FILES)
    assert docx_words(word) == words
    assert html_words(page) == words
    assert Counter(each.strip(":") for each in words) <= Counter(text_words(write(document, "txt")))
    # a reader of PDFs takes a hyphen at the end of a line away
    bare = [each.replace("-", "") for each in words]
    assert missing_in_order(bare, pdf_characters(pdf).replace("-", "")) == []
    same(GOLDEN / f"{one.id}.formats.txt", files_of(word, page, pdf))


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_translation_uses_the_facts_items_and_headings_of_its_original(name: str) -> None:
    notice, body = catalog().notice(name)
    original, text = catalog().notice(notice.translates)
    assert {path for path, _line in facts_read(body)} == {path for path, _line in facts_read(text)}
    for key in ("version", "audience", "phased", "at_once", "facts", "slots", "form"):
        assert getattr(notice, key) == getattr(original, key), key
    assert set(notice.duties) <= set(original.duties)
    items = [
        [(require.ref, require.facts, require.known, require.when) for require in n.requires]
        for n in (notice, original)
    ]
    assert items[0] == items[1]
    assert headings(name) == headings(notice.translates)


def headings(name: str) -> list[int]:
    duty = catalog().notice(name)[0].duties[0]
    _notice, document = written(name, duty, europe_facts(), draft=True)
    return [block.level for block in walk(document.blocks) if isinstance(block, Heading)]


def test_every_translation_ends_in_its_language() -> None:
    assert len(TRANSLATIONS) >= 2 * len(LANGUAGES)
    for name in TRANSLATIONS:
        notice = catalog().notice(name)[0]
        assert name == f"{notice.translates}-{notice.language.partition('-')[0]}"


def line_of(one: Case, ref: str, facts: dict[str, object]) -> Coverage:
    notice, document = written(one.notice, one.duty, facts, filed=one.filed)
    return next(line for line in check(notice, document) if line.ref == ref)


def test_a_supplement_without_a_first_filing_lists_the_missing_information() -> None:
    _notice, document = written("gdpr-33-supplementary", f"{SA}/phases", europe_facts())
    gaps = {gap.path: gap.treatment for gap in document.gaps}
    assert gaps == {"duty.first.filed_at": "missing", "duty.first.reference": "to_follow"}


def test_a_report_names_only_filings_with_the_same_recipient() -> None:
    duties = {"uk-gdpr-33-34/individuals": "post"}
    _notice, document = written("uk-ico-notification", "uk-gdpr-33-34/initial", europe_facts(), filed=duties)
    assert "post" not in write(document, "txt").decode()


def test_a_cross_border_impact_is_described_where_there_is_one_and_denied_where_there_is_none() -> None:
    (final,) = (case for case in CASES if case.id == "nis2-final")
    facts = without(europe_facts(), "incident.cross_border_impact")
    assert line_of(final, "23(4)(d)(iv)", facts).state == "covered"
    notice, document = written(final.notice, final.duty, facts)
    states = [line.state for line in check(notice, document) if line.ref == "23(4)(d)(iv)"]
    assert states == ["covered", "gap"]
    facts["incident"]["cross_border"] = False
    text = write(written(final.notice, final.duty, facts)[1], "txt").decode()
    assert "There was no cross-border impact." in text
    facts = without(europe_facts(), "incident.cross_border")
    text = write(written(final.notice, final.duty, facts)[1], "txt").decode()
    assert "[UNDECIDED: incident.cross_border]" in text
    assert "6,000 customers in France" in text


def test_the_law_of_dora_and_the_form_ask_for_the_same_fields_and_facts() -> None:
    regime = catalog().regime("eu-dora-19")
    law = {
        content.ref: content.facts
        for rule in regime.versions[0].duties
        for content in rule.content
        if "." in content.ref
    }
    form = {
        field.id: field.facts
        for section in catalog().notice("eu-dora-final")[0].sections
        for field in section.fields
    }
    assert list(law) == list(form)
    assert [ref for ref, facts in law.items() if not set(facts) <= set(form[ref])] == []


@EACH
def test_the_law_names_the_notice_that_fulfils_its_duty(one: Case) -> None:
    notice = catalog().notice(one.notice)[0]
    regime, _, slug = one.duty.partition("/")
    (rule,) = (rule for rule in catalog().regime(regime).versions[0].duties if rule.slug == slug)
    if notice.fits is not None:
        assert rule.notice == ""
        return
    assert one.duty in notice.duties
    chosen = "gdpr-33-supplementary" if one.notice == "gdpr-33-final" else notice.translates or one.notice
    assert rule.notice == chosen


LETTERS = [
    f"{regime.id}/{rule.slug}"
    for regime in catalog().regimes()
    for rule in regime.versions[0].duties
    if rule.recipient in ("individuals", "data_subjects") and not rule.notice
    if not regime.id.startswith("us-")
]
"""Duties to tell people for which no law and no template of its own is named."""


@pytest.mark.parametrize("duty", LETTERS)
def test_one_individual_letter_covers_the_content_of_each_law(duty: str) -> None:
    notice, document = written("individual-letter", duty, europe_facts())
    assert document.context.status == "final"
    open_lines = [line for line in check(notice, document) if line.state not in ("covered", "not_required")]
    assert {line.state for line in open_lines} <= {"to_check"}


def test_reasons_for_a_delay_are_required_only_for_late_notices() -> None:
    notice, _document = written("individual-letter", "br-lgpd-48/individuals", europe_facts())
    assert "reasons for a delay" not in [item.item for item in notice.requires]
    notice, document = written("individual-letter", "br-lgpd-48/individuals", europe_facts(), late=True)
    (line,) = [line for line in check(notice, document) if line.item == "reasons for a delay"]
    assert (line.state, line.facts) == ("gap", ("incident.delay_reasons",))
