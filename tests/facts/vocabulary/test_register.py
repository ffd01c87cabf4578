"""Reading the register: single facts, maps, lists, several populations, and what nobody has said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from runner.facts.expression import Unknown, Value
from runner.facts.expressions.evaluate import truth
from runner.facts.expressions.parser import parse
from runner.facts.vocabulary.fact_values import FactProblem, checked_value, parse_value
from runner.facts.vocabulary.lookup import all_patterns, fact_type, find, path_hint
from runner.facts.vocabulary.nested_facts import Origin, flatten
from runner.facts.vocabulary.populations import population_ids
from runner.facts.vocabulary.register import Fact, Register, lookup, nested
from tests.facts.checked_values import check_value
from tests.facts.vocabulary.reference_page import reference_page
from tests.golden_files import same

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AWARE = "2026-11-24T13:00:00+01:00"


def register(**values: Any) -> Register:
    """Build a register; ``__`` in a name stands for a dot, ``_US_CA`` at its end for a place."""
    keys = {name.replace("__", ".").replace(".US_CA", ".US-CA"): value for name, value in values.items()}
    return {key: Fact(key=key, value=value, at=NOON) for key, value in keys.items()}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.encrypted", False),
        ("data.elements", ("ssn", Unknown(("data.elements",)))),
        ("incident.aware_at", NOON),
        ("people.total", Unknown(("people.total",))),
        ("risk.harm", Unknown(("risk.harm",))),
        ("people.by_jurisdiction", {"DE": 3, "US-CA": 4}),
        ("people.by_jurisdiction.DE", 3),
        ("people.by_jurisdiction.FR", Unknown(("people.by_jurisdiction.FR",))),
        ("people.unreachable", Unknown(("people.unreachable",))),
        ("incident.individual_notice_sent_at.DE", NOON),
        ("claims", ({"id": "late", "position": "late", "regime": "x"},)),
        ("claims.late", {"position": "late", "regime": "x"}),
        ("organisation.entities", Unknown(("organisation.entities",))),
        ("organisation", Unknown(("organisation",))),
        ("law_enforcement", {"hold": {"agency": "FBI", "form": "oral"}}),
        ("no.such.path", Unknown(("no.such.path",))),
        ("people.by_jurisdiction.a.b", Unknown(("people.by_jurisdiction.a.b",))),
        ("", Unknown(("",))),
    ],
)
def test_a_path_is_read_or_unknown_and_names_itself(path: str, value: Value) -> None:
    facts = register(
        data__encrypted=False,
        data__elements=["ssn", "?"],
        incident__aware_at=AWARE,
        people__total=None,
        people__by_jurisdiction__DE=3,
        people__by_jurisdiction__US_CA=4,
        claims__late__regime="x",
        claims__late__position="late",
        law_enforcement__hold__agency="FBI",
        law_enforcement__hold__form="oral",
        risk__harm=None,
    )
    everyone = Fact(key="incident.individual_notice_sent_at.*", value=AWARE, at=NOON)
    assert lookup({**facts, everyone.key: everyone}, path) == value


def test_an_open_set_answers_yes_or_unknown_and_a_closed_one_no() -> None:
    medical = parse("'medical' in data.elements")
    assert truth(medical, _view(register(data__elements=["medical", "?"]))) is True
    assert truth(medical, _view(register(data__elements=["ssn", "?"]))) == Unknown(("data.elements",))
    assert truth(medical, _view(register(data__elements=["ssn"]))) is False


class _view(msgspec.Struct):
    register: Register

    def fact(self, path: str) -> Value:
        return lookup(self.register, path)

    def step(self, step: str) -> Unknown:
        return Unknown((step,))

    def duty(self, duty: str) -> Unknown:
        return Unknown((duty,))

    def duties(self, verdict: str, recipient: str = "") -> Unknown:
        return Unknown((verdict,))

    def name(self, name: str) -> Unknown:
        return Unknown((name,))


def test_a_value_that_should_never_have_been_recorded_is_unknown_with_a_problem() -> None:
    facts = register(incident__aware_at="yesterday", data__elements="ssn")
    answer = lookup(facts, "incident.aware_at")
    assert isinstance(answer, Unknown)
    assert answer.problems
    assert lookup(facts, "data.elements") == (Unknown(("data.elements",)),)


TWO = {
    "populations__customers__data__encrypted": False,
    "populations__customers__data__elements": ["online_credentials"],
    "populations__customers__people__total": 40,
    "populations__staff__data__elements": ["ssn"],
    "populations__staff__people__total": 40,
}


@pytest.mark.parametrize(
    ("more", "path", "value"),
    [
        ({}, "data.encrypted", Unknown(("populations.staff.data.encrypted",))),
        ({"populations__staff__data__encrypted": False}, "data.encrypted", False),
        (
            {"populations__staff__data__encrypted": True},
            "data.encrypted",
            Unknown(problems=("data.encrypted differs between the affected groups customers, staff",)),
        ),
        ({"data__encrypted": False}, "data.encrypted", False),
        ({}, "data.elements", ("online_credentials", "ssn")),
        (
            {"populations__staff__data__elements": None},
            "data.elements",
            ("online_credentials", Unknown(("populations.staff.data.elements",))),
        ),
        ({}, "data.form", Unknown(("populations.customers.data.form", "populations.staff.data.form"))),
        ({"data__form": ["paper"]}, "data.form", ("paper",)),
        ({"data__elements": ["name"]}, "data.elements", ("online_credentials", "ssn")),
        ({}, "people.total", Unknown(("people.total",))),
        ({"people__total": 75}, "people.total", 75),
        (
            {},
            "people.good_faith_only",
            Unknown(
                ("populations.customers.people.good_faith_only", "populations.staff.people.good_faith_only")
            ),
        ),
        (
            {
                "populations__customers__people__by_jurisdiction__DE": 1,
                "populations__staff__people__by_jurisdiction__DE": 1,
            },
            "people.by_jurisdiction",
            Unknown(("people.by_jurisdiction",)),
        ),
    ],
)
def test_incident_values_exist_only_if_they_hold_for_every_population(
    more: dict[str, Any], path: str, value: Value
) -> None:
    assert lookup(register(**{**TWO, **more}), path) == value


def test_a_single_population_also_answers_for_the_incident() -> None:
    facts = register(populations__all__people__total=3, populations__all__people__by_jurisdiction__DE=3)
    assert population_ids(facts) == ("all",)
    assert lookup(facts, "people.total") == 3
    assert lookup(facts, "people.by_jurisdiction.DE") == 3
    assert lookup(facts, "populations") == (
        {"id": "all", "people": {"total": 3, "by_jurisdiction": {"DE": 3}}},
    )


def test_the_register_reads_as_nested_plain_data() -> None:
    facts = register(
        data__encrypted=False,
        data__records=None,
        people__by_jurisdiction__US_CA=4,
        populations__staff__data__elements=["ssn"],
        populations__staff__entity="gmbh",
        organisation__entities__gmbh__country="DE",
        incident__aware_at=AWARE,
    )
    assert nested(facts) == {
        "data": {"encrypted": False},
        "incident": {"aware_at": AWARE},
        "organisation": {"entities": [{"id": "gmbh", "country": "DE"}]},
        "people": {"by_jurisdiction": {"US-CA": 4}},
        "populations": [{"id": "staff", "data": {"elements": ["ssn"]}, "entity": "gmbh"}],
    }
    assert nested({}) == {}


def test_values_given_as_data_are_checked_like_a_file() -> None:
    assert check_value("people.by_jurisdiction", {"DE": 3}) == ()
    assert check_value("data.encrypted", None) == ()
    assert [problem.path for problem in check_value("people", {"total": -1, "kinds": ["x"], "y": 1})] == [
        "people.total",
        "people.kinds",
        "people.y",
    ]
    assert ["no.such" in problem.message for problem in check_value("no.such", 1)] == [True]
    (leaf,) = flatten("data.encrypted", True, pytest.fail, Origin(source="form"))
    assert leaf.stated.source == "form"


@pytest.mark.parametrize(
    ("path", "value", "hint"),
    [
        ("organisation.name", 5, "in quotes"),
        ("organisation.name", {}, ""),
        ("data.elements", {}, "[a, b]"),
        ("data.elements", ["ssn"] * 1_001, ""),
        ("data.encrypted", "yes", "true"),
        ("organisation.turnover.amount", float("nan"), "1200.5"),
        ("organisation.turnover.amount", 1e300, ""),
        ("people.total", True, "1200"),
        ("people", {}, ""),
        ("organisation.country", "Germany " * 9, ""),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(path: str, value: Any, hint: str) -> None:
    with pytest.raises(FactProblem) as caught:
        checked_value(path, value)
    assert bool(caught.value.hint) == bool(hint)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("incident.titel", "incident.title"),
        ("people.by_juris.US-CA", "people.by_jurisdiction.US-CA"),
        ("organisaton.name", "organisation.name"),
        ("incident.aware", "incident.aware_at"),
        ("incident.badge_used", "tocsin fact show incident --all"),
        ("populations.customers.people.count", "tocsin fact show populations --all"),
        ("incidents.badge_used", "incident"),
    ],
)
def test_a_hint_names_only_close_matches(written: str, hint: str) -> None:
    assert hint in path_hint(written)


def test_every_fact_of_the_vocabulary_has_a_title_and_is_found_by_its_path() -> None:
    keys = ("DE", "*", "x", "owner", "r/s", "de")
    for pattern, declared in all_patterns().items():
        assert declared.title
        tries = [pattern.replace("*", key, 1).replace("*", other) for key in keys for other in keys]
        assert declared in [fact_type(path) for path in tries], pattern
        assert bool(declared.choices) == (declared.kind == "choice")
    assert find("data.encrypted.x") is None
    assert fact_type("data") is None


def test_the_reference_page_is_the_vocabulary() -> None:
    same(Path(__file__).parents[3] / "docs" / "reference" / "facts.md", reference_page())


@pytest.mark.parametrize("text", ["", "none", " none "])
def test_none_is_an_answer_where_several_can_be_given(text: str) -> None:
    assert parse_value("organisation.regulated_as", text) == []


def test_none_is_refused_where_a_value_is_required() -> None:
    with pytest.raises(FactProblem):
        parse_value("organisation.country", "none")
