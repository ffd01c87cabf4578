"""Words of the law behind duties: each is a short quotation with an address, and says who saw it."""

from __future__ import annotations

import importlib.resources
import json
from datetime import date
from pathlib import Path

import msgspec
import pytest

from runner.law.files.regime_file import QUOTE_LIMIT, encode, load_regime
from runner.law.regime import DutyRule, Regime, Words, seen_on
from runner.playbook.catalogue import Catalog
from tests.law.files.test_regime_file import SMALL, problems

INVENTED = ("ansvar", "us-law-mcp")
"""A public collection of which a part does not exist in the law."""
WORDS = """    words:
      - {ref: Test Act 2, quote: within 30 days, url: "https://example.org/act", kind: official, seen_in: a copy, seen: "2026-10-09"}
"""


@pytest.fixture(scope="module")
def shipped() -> list[Regime]:
    return list(Catalog().regimes())


def every(shipped: list[Regime]) -> list[tuple[str, DutyRule]]:
    return [(f"{law.id}/{rule.slug}", rule) for law in shipped for rule in law.versions[0].duties]


def said(shipped: list[Regime]) -> list[Words]:
    return [one for law in shipped for one in law.words] + [
        one for _, rule in every(shipped) for one in rule.words
    ]


def test_no_source_points_to_the_collection_that_invents_law() -> None:
    root = Path(str(importlib.resources.files("playbooks")))
    texts = [path for kind in ("yaml", "md", "csv") for path in root.rglob(f"*.{kind}")]
    assert [
        path for path in texts for bad in INVENTED if bad in path.read_text(encoding="utf-8").lower()
    ] == []
    assert len(texts) > 200


def test_each_duty_of_confidence_text_has_a_quotation_that_somebody_saw_at_an_address(
    shipped: list[Regime],
) -> None:
    text = [(name, rule) for name, rule in every(shipped) if rule.confidence == "text"]
    assert len(text) >= 120
    bare = [
        name for name, rule in text if not any(one.quote and one.url and one.seen_in for one in rule.words)
    ]
    assert (bare, [name for name, rule in text if rule.level not in ("text", "verified")]) == ([], [])


def test_each_quotation_is_short_and_dated_or_without_a_date(shipped: list[Regime]) -> None:
    quotes = said(shipped)
    assert [one.ref for one in quotes if not one.quote or len(one.quote.split()) > QUOTE_LIMIT] == []
    assert [
        one.ref for one in quotes if one.seen and (seen_on(one.seen) or date.max) > date(2026, 11, 28)
    ] == []
    assert [one.ref for one in quotes if one.seen and not one.seen_in] == []


def test_a_duty_whose_words_differ_from_its_rule_is_not_text(shipped: list[Regime]) -> None:
    assert [
        name
        for name, rule in every(shipped)
        for one in rule.words
        if one.note.startswith("differs") and rule.confidence == "text"
    ] == []


def small(words: str = WORDS, confidence: str = "text") -> str:
    return SMALL.replace("  - slug: final", f"    confidence: {confidence}\n{words}  - slug: final")


def letters(text: str) -> DutyRule:
    return load_regime(text.encode(), "test.yaml").versions[0].duties[0]


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("", "", "text"),
        ('seen: "2026-10-09"', "by: Jane Roe, checked: 2026-10-09", "verified"),
        ('seen_in: a copy, seen: "2026-10-09"', "by: Jane Roe, checked: 2026-10-09", "verified"),
        (', seen_in: a copy, seen: "2026-10-09"', "", "secondary"),
    ],
)
def test_text_is_what_a_copy_shows_and_verified_what_a_person_opened(old: str, new: str, level: str) -> None:
    assert letters(small(WORDS.replace(old, new) if old else WORDS)).level == level
    assert letters(small(WORDS.replace(old, new) if old else WORDS, "unverified")).level == "unverified"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("https://example.org/act", "ftp://example.org/act", "regime-words"),
        ("https://example.org/act", "https://jane:secret@example.org/act", "regime-words"),
        ("within 30 days", "day " * 41, "regime-words"),
        ("2026-10-09", "last week", "regime-date"),
        ("seen_in: a copy", "by: Jane Roe", "regime-words"),
        ("kind: official", "kind: rumour", "regime-choice"),
        ("quote: within 30 days, ", "", "regime-missing"),
    ],
)
def test_a_wrong_quotation_is_a_problem_with_its_line(old: str, new: str, code: str) -> None:
    [(line, found, _)] = problems(
        small(WORDS.replace(f'"{old}"' if "://" in old else old, f'"{new}"' if "://" in old else new))
    )
    assert (found, line > 1) == (code, True)


def test_words_of_a_law_name_a_condition_or_an_exemption_that_it_has() -> None:
    words = WORDS.replace("    words:", "words:").replace("kind:", "about: far_awry, kind:")
    [(_, code, hint)] = problems(SMALL + words)
    assert (code, "far_away" in hint) == ("regime-words", True)
    regime = load_regime((SMALL + words.replace("awry", "away")).encode(), "test.yaml")
    assert [one.about for one in regime.words] == ["far_away"]


def test_an_earlier_version_that_changes_a_duty_has_none_of_its_words() -> None:
    earlier = (
        "prior_versions:\n  - in_force: {until: 2025-12-31}\n"
        "    duties: [{slug: letters, clock: {from: incident.discovered_at, standard: at once}}]\n"
    )
    now, before = load_regime((small() + earlier).encode(), "test.yaml").versions
    assert (now.duties[0].level, len(now.duties[0].words)) == ("text", 1)
    assert (before.duties[0].confidence, before.duties[0].words) == ("secondary", ())
    bare = small().replace("    confidence: text\n", "")
    _, before = load_regime((bare + earlier).encode(), "test.yaml").versions
    assert (before.duties[0].confidence, before.duties[0].words) == ("unverified", ())


def test_law_that_was_pinned_before_there_were_words_still_decodes(shipped: list[Regime]) -> None:
    old = json.loads(encode(tuple(shipped[:40])))
    for law in old:
        law.pop("words", None)
        for rule in (rule for version in law["versions"] for rule in version["duties"]):
            rule.pop("words", None)
    found = msgspec.json.decode(json.dumps(old).encode(), type=tuple[Regime, ...])
    assert {rule.level for law in found for rule in law.versions[0].duties} <= {"secondary", "unverified"}
