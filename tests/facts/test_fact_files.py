"""Facts files and assignments: accepted forms, and the position and correction of each error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Invalid, Problem
from runner.facts.fact_files import parse_assignment, read_facts
from runner.facts.vocabulary.register import Fact, Register, Stated
from runner.yamlfile.source import parse
from tests.golden_files import FOLDER, same
from tests.refusals import refused

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEAD = "schema: tocsin/facts/v1\n"


def read(text: str) -> dict[str, Any]:
    return {fact.key: fact.value for fact in read_facts(parse(HEAD + text, "facts.yaml"))}


def findings(text: str) -> list[Problem]:
    with pytest.raises(Invalid) as caught:
        read_facts(parse(text, "facts.yaml"))
    return list(caught.value.problems)


def spots(text: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.code) for problem in findings(text)]


def known(**values: Any) -> Register:
    return {
        key: Fact(key=key, value=value, at=NOON)
        for key, value in {name.replace("__", "."): value for name, value in values.items()}.items()
    }


def test_a_nested_file_gives_single_facts() -> None:
    assert read(
        """\
organisation: {country: NO, role: [controller], sectors: [health, '?']}
incident:
  aware_at: 2026-11-24T09:30:00+01:00
  summary: |
    A device is missing.
    Nobody knows where.
people:
  by_jurisdiction: {DE: 1200, US-CA: 30}
risk.to_people: high
data: {encrypted: false, records: null}
"""
    ) == {
        "organisation.country": "NO",
        "organisation.role": ["controller"],
        "organisation.sectors": ["health", "?"],
        "incident.aware_at": "2026-11-24T09:30:00+01:00",
        "incident.summary": "A device is missing.\nNobody knows where.",
        "people.by_jurisdiction.DE": 1200,
        "people.by_jurisdiction.US-CA": 30,
        "risk.to_people": "high",
        "data.encrypted": False,
        "data.records": None,
    }


def test_populations_are_a_list_with_ids_or_a_mapping() -> None:
    as_list = "populations: [{id: staff, data: {elements: [ssn]}, people.by_jurisdiction: {US-CA: 3}, overlaps: [customers]}]"
    as_mapping = "populations: {staff: {data.elements: [ssn], people: {by_jurisdiction.US-CA: 3}, overlaps: [customers]}}"
    assert read(as_list) == read(as_mapping)
    assert read(as_list)["populations.staff.people.by_jurisdiction.US-CA"] == 3


def test_a_claim_is_called_after_its_regime_unless_it_has_an_id() -> None:
    text = "claims: [{regime: eu-gdpr-34, position: exempt}, {id: other, regime: eu-gdpr-34, position: late}]"
    assert read(text) == {
        "claims.eu-gdpr-34.regime": "eu-gdpr-34",
        "claims.eu-gdpr-34.position": "exempt",
        "claims.other.regime": "eu-gdpr-34",
        "claims.other.position": "late",
    }


def test_a_value_a_map_or_a_list_may_say_where_it_comes_from() -> None:
    text = """\
source: demo
people:
  total: {value: 40, source: help desk, confidence: estimated, at: 2026-11-24T12:00:00Z}
  by_jurisdiction:
    value:
      DE: 30
      FR: {value: 10, source: letters}
    confidence: estimated
data: {encrypted: true}
"""
    assert read_facts(parse(HEAD + text, "facts.yaml")) == (
        Stated(key="people.total", value=40, source="help desk", confidence="estimated", at=NOON),
        Stated(key="people.by_jurisdiction.DE", value=30, source="demo", confidence="estimated"),
        Stated(key="people.by_jurisdiction.FR", value=10, source="letters", confidence="estimated"),
        Stated(key="data.encrypted", value=True, source="demo"),
    )


def test_without_a_source_the_file_is_the_source() -> None:
    (fact,) = read_facts(parse(HEAD + "data: {encrypted: true}", "facts.yaml"))
    assert fact.source == "facts.yaml"


def test_every_problem_of_a_facts_file_is_reported_with_its_position() -> None:
    text = """\
schema: tocsin/facts/v1
data:
  encryptd: true
  encrypted: maybe
  elements: ssn
  form: [paper, vellum]
people:
  total: -3
  by_jurisdiction: {UK: 1, DE: many}
incident:
  aware_at: 2026-11-24
  detected_at: 2026-11-24T09:30:00
  discovered_at: 2026-02-30T09:30:00Z
risk: high
organisation.zone: Europe/Berln
organisation: {name: {value: x, sauce: y}, turnover: {amount: lots}}
populations: [{data: {}}, customers]
law_enforcement: {hold: {agency: {value: x, confidence: sure}, officer: {value: x, source: [1]}, form: {value: oral, at: noon}}}
claims: {a.b: {regime: x}}
data.encrypted: true
"""
    same(FOLDER / "loading" / "facts-file.txt", "".join(f"{finding}\n" for finding in findings(text)))


def test_a_fact_given_twice_is_a_problem() -> None:
    assert spots(HEAD + "data: {encrypted: true}\ndata.encrypted: true\n") == [(3, 1, "fact-twice")]


def test_an_invalid_facts_file_is_refused() -> None:
    assert spots("- a\n") == [(1, 1, "facts-shape")]
    assert spots("data: {encrypted: true}\n") == [(1, 1, "schema")]


def test_the_shape_of_lists_is_explained() -> None:
    assert spots(HEAD + "populations: [customers]\n") == [(2, 14, "fact")]
    assert spots(HEAD + "populations: customers\n") == [(2, 14, "fact")]
    assert spots(HEAD + "people: {total: {value: 1, colour: red}}\n") == [(2, 17, "fact")]


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("data.encrypted=no", {"data.encrypted": False}),
        ("data.encrypted = TRUE", {"data.encrypted": True}),
        ("data.encrypted=?", {"data.encrypted": None}),
        ("data.elements=ssn, name,ssn", {"data.elements": ["ssn", "name"]}),
        ("data.elements=ssn,?", {"data.elements": ["ssn", "?"]}),
        ("data.elements=", {"data.elements": []}),
        ("people.total=1200", {"people.total": 1200}),
        ("people.by_jurisdiction.US-CA=30", {"people.by_jurisdiction.US-CA": 30}),
        (
            "people.by_jurisdiction=DE=1200,US-CA=30",
            {"people.by_jurisdiction.DE": 1200, "people.by_jurisdiction.US-CA": 30},
        ),
        (
            "incident.individual_notice_sent_at.*=2026-11-24T12:00:00Z",
            {"incident.individual_notice_sent_at.*": "2026-11-24T12:00:00Z"},
        ),
        ("incident.aware_at=2026-11-24t09:30z", {"incident.aware_at": "2026-11-24T09:30:00Z"}),
        ("incident.summary=a = b", {"incident.summary": "a = b"}),
        ("organisation.turnover.amount=-12.50", {"organisation.turnover.amount": -12.5}),
        ("organisation.turnover.amount=12", {"organisation.turnover.amount": 12}),
        ("populations.staff.data.encrypted=no", {"populations.staff.data.encrypted": False}),
        ("organisation.zone=UTC", {"organisation.zone": "UTC"}),
        ("organisation.name= Cafe\u0301 ", {"organisation.name": "Café"}),
    ],
)
def test_an_assignment_sets_facts(text: str, facts: dict[str, Any]) -> None:
    assert {fact.key: fact.value for fact in parse_assignment(text, {}, NOON)} == facts


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("data.elements+=ssn", None, ["ssn", "?"]),
        ("data.elements+=ssn,?", None, ["ssn", "?"]),
        ("data.elements+=ssn", ["name"], ["name", "ssn"]),
        ("data.elements+=ssn,name", ["name", "?"], ["name", "ssn", "?"]),
        ("data.elements-=name", ["name", "ssn"], ["ssn"]),
        ("data.elements-=?", ["name", "?"], ["name"]),
    ],
)
def test_a_set_is_changed_member_by_member(text: str, before: Any, after: Any) -> None:
    (fact,) = parse_assignment(text, known(data__elements=before), NOON)
    assert fact.value == after


def test_a_map_and_a_member_are_withdrawn_entry_by_entry() -> None:
    register = known(people__by_jurisdiction__DE=3, people__by_jurisdiction__FR=None, people__total=3)
    assert parse_assignment("people.by_jurisdiction=?", register, NOON) == (
        Stated(key="people.by_jurisdiction.DE", value=None),
    )
    assert parse_assignment("people.unreachable=?", register, NOON) == ()
    assert [fact.key for fact in parse_assignment("people=?", register, NOON)] == [
        "people.by_jurisdiction.DE",
        "people.total",
    ]


NOT_FACTS = (
    "data.encrypted",
    "=3",
    "+=3",
    "data.encryptd=1",
    "encrypted=no",
    "data.encrypted.x=1",
    "people.by_jurisdiction.us=1",
    "people.by_jurisdiction.US-QQ=1",
    "people.by_jurisdiction.EU=1",
    "people.by_jurisdiction.QQ=1",
    "people.by_jurisdiction.germany=1",
    "people.by_jurisdiction=1200",
    "people.by_jurisdiction=xx=1",
    "incident.recipient_notified_at.A=?",
    "people=3",
    "risk=?",
    "people.total=1,200",
    "people.total=99999999999999999",
    "organisation.turnover.amount=1e5",
    "data.encrypted=maybe",
    "data.backup=fresh",
    "data.backup=a b c",
    "incident.vector=phising",
    "incident.vector=zzz",
    "organisation.zone=Mars/Base",
    "organisation.zone=../etc/passwd",
    "organisation.country=UK",
    "organisation.name=",
    "organisation.name=a\u202eb",
    "organisation.name=" + "x" * 501,
    "incident.aware_at=2026-11-24T09:30:00[Europe/Berlin]",
    "people.total+=3",
    "people+=3",
    "data.form-=oral",
    "data.elements-=ssn",
)


def test_invalid_facts_are_refused_with_the_correct_form() -> None:
    rows = []
    for text in NOT_FACTS:
        with refused("fact", Invalid) as caught:
            parse_assignment(text, known(data__elements=["name"]), NOON)
        rows.append(f"{text[:60]!r}\n  {caught.value.message}\n  → {caught.value.hint or '-'}\n")
    same(FOLDER / "loading" / "fact-assignments.txt", "".join(rows))


@given(
    text=st.text(max_size=40),
    key=st.sampled_from(
        ["data.elements", "people.total", "incident.aware_at", "organisation.name", "people"]
    ),
)
def test_any_assignment_is_taken_or_refused(text: str, key: str) -> None:
    for assignment in (text, f"{key}={text}", f"{key}+={text}", f"{key}.{text}=1"):
        try:
            facts = parse_assignment(assignment, known(data__elements=["name"]), NOON)
        except Invalid:
            continue
        assert all(parse_again(fact) for fact in facts)


def parse_again(fact: Stated) -> bool:
    from tests.facts.checked_values import check_value

    return check_value(fact.key, fact.value) == ()


def test_offsets_of_every_sign_are_kept() -> None:
    (fact,) = parse_assignment("incident.aware_at=2026-11-24T09:30:15.250-03:30", {}, NOON)
    assert fact.value == "2026-11-24T09:30:15.250000-03:30"
    assert datetime.fromisoformat(fact.value).utcoffset() == -timedelta(hours=3, minutes=30)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("now", "2026-11-24T12:00:00Z"),
        (" 2h ago", "2026-11-24T10:00:00Z"),
        ("1d12h ago", "2026-11-23T00:00:00Z"),
        ("2026-11-24T09:30:00+01:00", "2026-11-24T09:30:00+01:00"),
    ],
)
def test_an_instant_is_said_as_people_say_it_beside_a_clock(said: str, value: str) -> None:
    (fact,) = parse_assignment(f"incident.aware_at={said}", {}, NOON.replace(microsecond=250_000))
    assert fact.value == value


def test_a_time_without_a_zone_or_a_number_is_not_guessed() -> None:
    for said in ("09:30", "2026-11-24 09:30", "a while ago"):
        with pytest.raises(Invalid):
            parse_assignment(f"incident.aware_at={said}", {}, NOON)


def test_a_word_stays_a_word_where_no_instant_is_asked_for() -> None:
    (fact,) = parse_assignment("incident.summary=long ago", {}, NOON)
    assert fact.value == "long ago"
