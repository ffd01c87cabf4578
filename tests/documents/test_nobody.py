"""A missing parent company and a missing data protection officer are answers, not gaps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from runner.documents.contents.coverage import check, complete
from runner.documents.render import render
from runner.documents.tree import Document, RenderContext
from runner.documents.write import write
from runner.facts.vocabulary.fact_values import FactProblem, checked_value, parse_value
from runner.playbook.catalogue import Catalog
from tests.documents.at_law import made as letter
from tests.documents.at_law import us_facts
from tests.documents.contents.test_form_export import FACTS
from tests.documents.europe import europe_facts
from tests.law.typical import changed

AT = datetime(2026, 12, 8, 9, tzinfo=UTC)


def made(name: str, facts: dict[str, Any]) -> Document:
    notice, source = Catalog().notice(name)
    return render(notice, source, facts, context=RenderContext(status="draft", timestamp=AT))


@pytest.mark.parametrize("written", ["none", " None ", "NONE"])
def test_none_states_that_there_is_no_such_party(written: str) -> None:
    assert parse_value("organisation.parent", written) == "none"
    assert checked_value("organisation.dpo.name", written.strip()) == "none"


def test_a_required_name_may_be_the_word_none_but_not_empty() -> None:
    assert parse_value("organisation.name", "None") == "None"
    with pytest.raises(FactProblem):
        parse_value("organisation.parent", "")


def test_a_form_does_not_ask_for_a_parent_that_there_is_not() -> None:
    facts = changed(FACTS, {"organisation.parent": "none"})
    found = {field["id"] for field in json.loads(write(made("eu-dora-initial", facts), "json"))["fields"]}
    assert not found & {"1.13", "1.14"}
    named = changed(FACTS, {"organisation.parent": "Example Holding"})
    found = {field["id"] for field in json.loads(write(made("eu-dora-initial", named), "json"))["fields"]}
    assert "1.13" in found


def test_without_a_data_protection_officer_the_other_contact_is_named() -> None:
    facts = changed(europe_facts(), {"organisation.dpo": {"name": "none"}})
    text = write(made("gdpr-33-initial", facts), "md").decode()
    assert "Jonas Weber" in text
    assert "Data protection officer: none" not in text


def test_a_massachusetts_letter_names_a_parent_only_if_there_is_one() -> None:
    facts = changed(us_facts("MA"), {"organisation.parent": "none"})
    notice, document = letter("us-letter", "us-ma-breach/individuals", facts)
    assert "Parent or affiliated corporation" not in write(document, "md").decode()
    assert complete(check(notice, document))
    named = changed(us_facts("MA"), {"organisation.parent": "Example Holding"})
    assert (
        "Example Holding" in write(letter("us-letter", "us-ma-breach/individuals", named)[1], "md").decode()
    )
    unknown = changed(us_facts("MA"), {"organisation.parent": None})
    _, document = letter("us-letter", "us-ma-breach/individuals", unknown)
    assert [gap for gap in document.gaps if gap.path == "organisation.parent"]


def test_a_notice_to_massachusetts_states_that_there_is_no_parent() -> None:
    facts = changed(us_facts("MA"), {"organisation.parent": "none"})
    _, document = letter("us-attorney-general", "us-ma-breach/attorney_general", facts)
    text = write(document, "txt").decode()
    assert "Parent or affiliated corporation" in text
    assert "corporation: none" not in text
