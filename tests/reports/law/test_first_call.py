"""A first call of ``tocsin duties`` fits one screen and asks at most five questions, all about the user's own places."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from runner.actions import Action
from runner.app.law.duties import assess_files
from runner.facts.vocabulary.lookup import fact_type
from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from runner.law.relevance import ELSEWHERE, questions
from runner.playbook.catalogue import Catalog
from runner.reports.core.action_text import typed
from runner.reports.core.page import Page, Paragraph, plain
from runner.reports.law.duties import FAR, duties, duties_page
from tests.golden_files import same

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
HERE = Path(__file__).parent / "first_call"
GOLDEN = Path(__file__).parents[2] / "golden" / "views"
CASES = ("eu", "us", "health")
WIDTH, LINES, QUESTIONS = 100, 40, 5


@cache
def found(case: str) -> tuple[DutyStatus, ...]:
    return assess_files([str(HERE / f"{case}.yaml")], NOW, None)[0]


def page(case: str) -> Page:
    return duties_page(duties(found(case), NOW))


def asked(case: str) -> Iterator[str]:
    """Yield the facts that the page asks for, of relevant duties and of other near laws."""
    for block in page(case).blocks:
        for cell in block.cells if isinstance(block, Paragraph) else ():
            if isinstance(cell.action, Action) and cell.action.verb == "fact.set":
                yield str(cell.action.ref)
            elif fact_type(cell.text.strip().replace("PLACE", "DE")) is not None:
                yield cell.text.strip()


@pytest.mark.parametrize("case", CASES)
def test_a_first_call_fits_one_screen_with_at_most_five_questions(case: str) -> None:
    text = plain(typed(page(case)), WIDTH)
    same(GOLDEN / f"duties.first-call-{case}.txt", text)
    assert len(text.splitlines()) <= LINES
    assert 1 <= len(list(asked(case))) <= QUESTIONS


@pytest.mark.parametrize("case", CASES)
def test_every_question_is_about_the_organisations_own_places(case: str) -> None:
    far = [duty for duty in found(case) if duty.verdict == "unknown" and not duty.in_sight]
    ranked = ((duty, duty.missing_facts, (duty.distance, duty.due or FAR)) for duty in far)
    for path, held in questions(ranked).items():
        assert "by_jurisdiction" in path or any(duty.distance < ELSEWHERE for duty in held)


def outcome(facts: dict[str, Any]) -> set[tuple[Any, ...]]:
    laws = Catalog(None).regimes()
    return {
        (duty.id, duty.verdict, duty.due, duty.provisional, duty.unless, duty.authority)
        for duty in assess(laws, facts, NOW, first_known=NOW)
        if duty.distance < ELSEWHERE
    }


def with_fact(facts: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    under = facts.get(head) or {}
    return {**facts, head: with_fact(under, rest, value) if rest else value}


@pytest.mark.parametrize("case", CASES)
def test_for_each_asked_fact_some_answer_changes_a_verdict_or_a_date_near_the_organisation(case: str) -> None:
    from runner.facts.fact_files import read_facts
    from runner.facts.vocabulary.register import Fact, nested
    from runner.yamlfile.source import load

    stated = read_facts(load(HERE / f"{case}.yaml"))
    facts = nested({f.key: Fact(key=f.key, value=f.value, source=f.source, at=NOW) for f in stated})
    before = outcome(facts)
    for path in asked(case):
        path = path.replace("PLACE", "US-CA")
        kind = fact_type(path)
        assert kind is not None
        plain_answers: dict[str, list[Any]] = {
            "bool": [True, False],
            "instant": ["2026-11-27T12:00:00Z"],
            "jurisdiction": ["DE-HE"],
            "int": [500],
        }
        answers = plain_answers.get(kind.kind, list(kind.choices))
        if kind.many:
            answers = [[one] for one in answers]
        assert any(outcome(with_fact(facts, path, answer)) != before for answer in answers), path
