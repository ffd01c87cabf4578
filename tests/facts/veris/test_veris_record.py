"""A VERIS record gives only the facts that it is certain of, loses no leaf, and never breaks the import."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Invalid
from runner.facts.veris.veris_record import Imported, import_veris, parse_veris
from tests.facts.checked_values import check_value

EXAMPLES = files("playbooks") / "examples" / "veris"


def imported(name: str) -> Imported:
    content = (EXAMPLES / f"{name}.json").read_bytes()
    return import_veris(parse_veris(content, f"{name}.json"))


def values(record: dict[str, Any]) -> dict[str, Any]:
    return {fact.key: fact.value for fact in import_veris(record).facts}


def test_a_stolen_laptop_of_a_hospital() -> None:
    found = {fact.key: fact.value for fact in imported("janesville-laptop-2013").facts}
    assert found.pop("incident.summary").startswith("A Janesville Hospital warns patients")
    assert found == {
        "organisation.name": "St. Mary's Janesville Hospital",
        "organisation.country": "US",
        "organisation.sectors": ["health", "?"],
        "organisation.turnover.amount": 5000000,
        "organisation.turnover.currency": "USD",
        "data.involved": True,
        "data.elements": ["medical", "?"],
        "data.records": 631,
        "people.kinds": ["patients", "?"],
        "incident.impact": ["availability", "?"],
        "incident.vector": "theft",
    }


def test_every_fact_says_where_in_the_record_it_comes_from() -> None:
    fact = next(fact for fact in imported("kpn-2012").facts if fact.key == "data.records")
    assert fact.source.endswith("286CEBFF-BF96-4234-846A-2C6715C7C5C2: attribute.confidentiality.data_total")
    assert fact.confidence == "estimated"


def test_the_location_of_the_organisation_never_becomes_residence() -> None:
    result = imported("snapchat-2013")
    assert not [fact for fact in result.facts if fact.key.startswith("people.by_jurisdiction")]
    assert any(entry.startswith("victim.state: CA (") for entry in result.unmapped)


def test_dates_and_lags_start_no_clock() -> None:
    result = imported("snapchat-2013")
    assert not [fact for fact in result.facts if fact.key.endswith("_at")]
    assert any(entry.startswith("timeline.incident.year: 2013 (") for entry in result.unmapped)
    assert any("set incident.occurred_at" in note for note in result.notes)


def test_records_are_not_people() -> None:
    result = imported("kpn-2012")
    assert not [fact for fact in result.facts if fact.key.startswith("people.total")]
    assert any("counts records, not people" in note for note in result.notes)


@pytest.mark.parametrize("name", ["janesville-laptop-2013", "kpn-2012", "snapchat-2013"])
def test_every_leaf_is_mapped_or_listed_and_none_is_both(name: str) -> None:
    record = parse_veris((EXAMPLES / f"{name}.json").read_bytes(), name)
    result = import_veris(record)
    listed = [line.split(": ")[0] for line in result.unmapped]
    assert sorted([*result.mapped, *listed]) == sorted(_leaf_paths("", record))


def _leaf_paths(path: str, value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [
            leaf for key, below in value.items() for leaf in _leaf_paths(f"{path}.{key}".strip("."), below)
        ]
    if isinstance(value, list) and value:
        return [leaf for at, below in enumerate(value) for leaf in _leaf_paths(f"{path}[{at}]", below)]
    return [path]


def confidentiality(**parts: Any) -> dict[str, Any]:
    return {"attribute": {"confidentiality": parts}}


@pytest.mark.parametrize(
    ("record", "key", "value"),
    [
        (confidentiality(state=["Stored unencrypted"]), "data.encrypted", False),
        (confidentiality(state=["Stored encrypted"]), "data.encrypted", None),
        (confidentiality(state=["Stored unencrypted", "Stored encrypted"]), "data.encrypted", None),
        (confidentiality(state=["Stored"]), "data.encrypted", None),
        (confidentiality(state=["Printed"]), "data.form", ["paper", "?"]),
        (confidentiality(data_total=-1), "data.records", None),
        (confidentiality(data_total="Unknown"), "data.records", None),
        (confidentiality(data=[{"variety": "Credentials"}], data_disclosure="Yes"), "data.involved", None),
        (confidentiality(data=[{"variety": "Personal"}], data_disclosure="Yes"), "data.involved", True),
        (confidentiality(data=[{"variety": "Personal"}], data_disclosure="Unknown"), "data.involved", None),
        (
            confidentiality(data=[{"variety": "Bank"}, {"variety": "Payment"}]),
            "data.elements",
            ["financial", "?"],
        ),
        (confidentiality(data_victim=["Customer", "Partner"]), "people.kinds", ["customers", "?"]),
        (confidentiality(data_disclosure="Potentially"), "incident.impact", None),
        ({"attribute": {"integrity": {"variety": ["Modify data"]}}}, "incident.impact", ["integrity", "?"]),
        ({"attribute": {"integrity": {"variety": ["Software installation"]}}}, "incident.impact", None),
        ({"attribute": {"availability": {"variety": ["Interruption"]}}}, "incident.impact", None),
        ({"action": {"hacking": {"variety": ["Unknown"]}}}, "incident.vector", "hacking"),
        ({"action": {"error": {"variety": ["Loss", "Misdelivery"]}}}, "incident.vector", None),
        ({"action": {"error": {"variety": ["Gaffe"]}}}, "incident.vector", None),
        ({"action": {"error": {"variety": ["Gaffe"]}}}, "incident.malicious", False),
        ({"action": {"error": {"notes": "x"}}}, "incident.malicious", None),
        ({"action": {"hacking": {"variety": ["X"]}, "malware": {"variety": ["Y"]}}}, "incident.vector", None),
        (
            {"action": {"misuse": {"variety": ["X"]}}, "actor": {"internal": {"motive": ["Fun"]}}},
            "incident.vector",
            "insider",
        ),
        (
            {"action": {"misuse": {"variety": ["X"]}}, "actor": {"partner": {"motive": ["Fun"]}}},
            "incident.vector",
            None,
        ),
        (
            {"action": {"hacking": {"variety": ["X"]}}, "actor": {"external": {"motive": ["Grudge"]}}},
            "incident.malicious",
            True,
        ),
        (
            {"action": {"hacking": {"variety": ["X"]}}, "actor": {"external": {"motive": ["Fun"]}}},
            "incident.malicious",
            None,
        ),
        (
            {"action": {"hacking": {"result": ["Exfiltrate"]}}, **confidentiality(data_disclosure="Yes")},
            "incident.exfiltration",
            "confirmed",
        ),
        ({"action": {"hacking": {"result": ["Exfiltrate"]}}}, "incident.exfiltration", None),
        ({"victim": {"victim_id": "Unknown"}}, "organisation.name", None),
        ({"victim": {"victim_id": "A\u202eB"}}, "organisation.name", None),
        ({"victim": {"country": ["DE"]}}, "organisation.country", "DE"),
        ({"victim": {"country": ["DE", "FR"]}}, "organisation.country", None),
        ({"victim": {"country": ["Unknown"]}}, "organisation.country", None),
        ({"victim": {"country": ["QQ"]}}, "organisation.country", None),
        ({"victim": {"industry": "541511"}}, "organisation.sectors", None),
        ({"victim": {"industry": True}}, "organisation.sectors", None),
        ({"victim": {"industry": "92"}}, "organisation.public_body", True),
        ({"victim": {"revenue": {"amount": 5}}}, "organisation.turnover.amount", None),
        ({"summary": 5}, "incident.summary", None),
        ({"summary": "x" * 30_000}, "incident.summary", None),
    ],
)
def test_only_certain_values_are_mapped(record: dict[str, Any], key: str, value: Any) -> None:
    assert values(record).get(key) == value


def test_an_unconfirmed_incident_is_noted() -> None:
    suspected, confirmed = (import_veris({"security_incident": word}) for word in ("Suspected", "Confirmed"))
    assert [("security_incident" in note) for note in suspected.notes].count(True) == 1
    assert not any("security_incident" in note for note in confirmed.notes)


def test_a_long_list_of_sources_is_shortened_to_the_record() -> None:
    record = confidentiality(data=[{"variety": "Medical"}] * 20)
    record["incident_id"] = "ID-1"
    fact = next(fact for fact in import_veris(record).facts if fact.key == "data.elements")
    assert fact.source == "VERIS record ID-1"


def test_text_that_hides_is_not_printed() -> None:
    result = import_veris({"notes": "a\u202eb", "x\u0007": 1, "long": "y" * 100})
    assert result.unmapped[0] == "notes: (text that cannot be shown)"
    assert result.unmapped[1] == "(a key that cannot be shown): 1"
    assert result.unmapped[2].endswith("...")


def test_a_record_beyond_reason_is_cut_and_says_so() -> None:
    deep: Any = {"a": 1}
    for _ in range(50):
        deep = {"a": deep}
    assert import_veris(deep).unmapped[0].endswith(": dict of 1")
    result = import_veris({"many": list(range(6_000))})
    assert result.unmapped[-1].startswith("many[5000] and ")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "not a VERIS record in JSON"),
        (b"[]", "is not a VERIS record"),
        (b'{"a": 1}', "is not a VERIS record"),
        (b'{"victim": 1}\n{"victim": 2}', "not a VERIS record in JSON"),
        (b'"\xff"', "not a VERIS record in JSON"),
        (b'{"victim":' * 100_000, "not a VERIS record in JSON"),
        (b" " * 1_000_001, "larger than 1,000,000 bytes"),
    ],
)
def test_an_invalid_record_is_refused_with_advice(content: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        parse_veris(content, "x.json")
    assert caught.value.hint


WORDS = st.sampled_from(
    [
        "Unknown",
        "Yes",
        "Medical",
        "Personal",
        "Bank",
        "Customer",
        "Stored unencrypted",
        "Printed",
        "Theft",
        "US",
        "92",
        "Loss",
        "\u202e",
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(), WORDS, st.text(max_size=8))
SHAPES = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["variety", "data", "state", "amount", "country", "motive", "result", "industry", "victim_id"]
            ),
            below,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "action": st.dictionaries(
            st.sampled_from(["hacking", "error", "misuse", "physical"]), SHAPES, max_size=2
        ),
        "actor": st.dictionaries(st.sampled_from(["internal", "external"]), SHAPES, max_size=2),
        "attribute": st.dictionaries(
            st.sampled_from(["confidentiality", "integrity", "availability"]), SHAPES, max_size=3
        ),
        "victim": SHAPES,
        "timeline": SHAPES,
        "summary": LEAVES,
        "incident_id": LEAVES,
    },
)


@given(record=RECORDS)
def test_any_record_is_imported_without_error_and_every_fact_holds(record: dict[str, Any]) -> None:
    result = import_veris(record)
    for fact in result.facts:
        assert check_value(fact.key, fact.value) == ()
        msgspec.json.encode(fact)
    assert len(result.mapped) + len(result.unmapped) == (len(_leaf_paths("", record)) if record else 0)
