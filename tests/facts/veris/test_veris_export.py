"""A VERIS record from facts keeps the schema and the rules of VERIS, contradicts no fact, and lists each fact that it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import Refused
from runner.facts.veris.veris_export import Exported, record_of
from runner.facts.veris.veris_record import import_veris
from runner.facts.vocabulary.lookup import fact_type
from runner.facts.vocabulary.register import OPEN, Confidence, Fact
from tests.law.test_veris import RECORDS

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HAPPENED = {"incident.occurred_at": "2026-11-20T23:30:00Z"}
IMPLIED = {"incident.malicious": False, "organisation.public_body": True, "data.involved": True}
"""What a record says beside the facts, if they do not deny it: an error has no intent, the public sector is public."""


def register(facts: Mapping[str, Any], confidence: Confidence = "confirmed") -> dict[str, Fact]:
    return {key: Fact(key=key, value=value, at=NOW, confidence=confidence) for key, value in facts.items()}


def exported(facts: Mapping[str, Any], *chosen: str, filed: tuple[datetime, ...] = ()) -> Exported:
    return record_of(register({**HAPPENED, **facts}), "i-1", filed, chosen)


@cache
def schema() -> jsonschema.Draft4Validator:
    file = Path(__file__).parent / "schema" / "verisc-merged.json"
    return jsonschema.Draft4Validator(json.loads(file.read_bytes()))


def broken_rules(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rules beside the schema that a record breaks: those of VERIS about what an export can write."""

    def words(*path: str) -> list[str]:
        found: Any = record
        for key in path:
            found = found.get(key, {})
        return found or []

    attribute, action = record["attribute"], record["action"]
    chain = record.get("value_chain", {})
    varieties = [one["variety"] for one in words("attribute", "confidentiality", "data")]
    states = words("attribute", "confidentiality", "state")
    assets = [one["variety"] for one in record["asset"]["assets"]]
    needed = {
        "malware installs software": "malware" not in action
        or "Software installation" in words("attribute", "integrity", "variety"),
        "social action alters behavior": "social" not in action
        or "Alter behavior" in words("attribute", "integrity", "variety"),
        "a confirmed incident has an attribute": bool(attribute),
        "theft and loss": not {"Theft", "Loss"}
        & {*words("action", "physical", "variety"), *words("action", "error", "variety")}
        or "Loss" in words("attribute", "availability", "variety"),
        "misuse": "misuse" not in action or "internal" in record["actor"],
        "phishing": "Phishing" not in words("action", "social", "variety")
        or ("development" in chain and "targeting" in chain),
        "malware has a chain": "malware" not in action or "development" in chain,
        "ransomware": "malware" not in action or "cash-out" in chain,
        "personal": not {"Medical", "Bank", "Payment"} & {*varieties} or "Personal" in varieties,
        "stored": "Stored unencrypted" not in states or "Stored" in states,
        "laptop": "U - Laptop" not in assets or "U - Desktop or laptop" in assets,
    }
    yield from (name for name, kept in needed.items() if not kept)


def check(facts: Mapping[str, Any], found: Exported) -> None:
    """Check a record against VERIS and against the facts that it comes from."""
    assert [*schema().iter_errors(found.record), *broken_rules(found.record)] == []
    back = {fact.key: fact.value for fact in import_veris(found.record).facts}
    for key, value in back.items():
        known = facts.get(key)
        if isinstance(value, list):
            denied = {*value} - {*known, OPEN} if known and OPEN not in known else set()
        else:
            denied = {value} - {known} if known is not None else set()
        assert not denied, key
        assert known is not None or key in IMPLIED or isinstance(value, list), key
        assert key in found.facts or known is None or any(line.startswith(key) for line in found.unmapped)
    listed = {line.split(" (")[0].split(": ")[0] for line in found.unmapped}
    assert listed | {*found.facts} == {key for key, value in facts.items() if value is not None}
    assert not listed & {*found.facts}


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_a_record_of_the_community_comes_back_with_nothing_changed(number: int) -> None:
    facts = {fact.key: fact.value for fact in import_veris(json.loads(RECORDS[number])).facts} | HAPPENED
    found = exported(facts, "name", "summary")
    check(facts, found)
    lost = {*facts} - {*found.facts} - {*HAPPENED}
    assert lost <= {
        "organisation.sectors", "organisation.public_body", "organisation.turnover.amount",
        "organisation.turnover.currency", "data.elements", "data.encrypted", "incident.impact", "incident.malicious",
        "incident.exfiltration", "data.involved", "incident.vector",
    }  # fmt: skip


SOME = (
    "incident.vector", "incident.malicious", "incident.impact", "incident.exfiltration", "incident.aware_at",
    "incident.discovered_at", "incident.contained_at", "incident.started_at", "organisation.name", "organisation.country",
    "organisation.sectors", "organisation.public_body", "organisation.turnover.amount", "organisation.turnover.currency",
    "organisation.zone", "data.involved", "data.elements", "data.account_kinds", "data.payment_cards", "data.records",
    "data.encrypted", "data.key_compromised", "data.form", "data.locations", "people.kinds", "people.total",
    "organisation.contact.name", "incident.summary", "incident.accounts",
)  # fmt: skip
WORDS = {
    "text": st.sampled_from(["EUR", "BTC", "Ben"]),
    "prose": st.just("Somebody read a mailbox."),
    "jurisdiction": st.sampled_from(["DE", "US-CA", "XK"]),
    "zone": st.just("Europe/Berlin"),
    "instant": st.integers(0, 20_000).map(lambda hours: f"{NOW - timedelta(hours=hours):%Y-%m-%dT%H:%M}:00Z"),
    "number": st.sampled_from([5, 5.5, 7_000_000.0]),
    "int": st.integers(0, 10**9),
    "bool": st.booleans(),
}  # fmt: skip


def values(key: str) -> st.SearchStrategy[Any]:
    kind = fact_type(key)
    assert kind is not None
    one = st.sampled_from(kind.choices) if kind.choices else WORDS[kind.kind]
    some = st.lists(one, unique=True, min_size=1).flatmap(lambda it: st.sampled_from([it, [*it, OPEN]]))
    return st.none() | (some if kind.many else one)


@given(facts=st.fixed_dictionaries({}, optional={key: values(key) for key in SOME}), with_text=st.booleans())
def test_any_facts_make_a_valid_record_that_contradicts_none_of_them(
    facts: dict[str, Any], with_text: bool
) -> None:
    found = exported(facts, *(("name", "summary") if with_text else ()), filed=(NOW,))
    check({**HAPPENED, **facts}, found)
    assert "Ben" not in json.dumps(found.record) or with_text


def test_no_facts_give_only_unknown_values() -> None:
    found = exported({})
    record = {
        key: found.record[key] for key in ("action", "actor", "attribute", "asset", "security_incident")
    }
    assert record == {
        "action": {"unknown": {}},
        "actor": {"unknown": {}},
        "attribute": {"unknown": {}},
        "asset": {"assets": [{"variety": "Unknown"}], "cloud": ["Unknown"]},
        "security_incident": "Suspected",
    }
    assert found.record["victim"] == {
        "country": ["Unknown"],
        "employee_count": "Unknown",
        "industry": "000",
        "government": ["Unknown"],
    }


def test_an_incident_without_a_date_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        record_of({}, "i-1")
    assert caught.value.code == "veris_without_year"


def test_an_exact_turnover_names_the_organisation_and_is_left_out_without_its_name() -> None:
    facts = {"organisation.turnover.amount": 7_412_998, "organisation.turnover.currency": "EUR"}
    assert "revenue" not in exported(facts).record["victim"]
    assert exported(facts, "name").record["victim"]["revenue"]["amount"] == 7_412_998


def test_what_a_playbook_assumes_is_not_in_the_record() -> None:
    facts = register(HAPPENED) | register({"incident.vector": "ransomware"}, "assumed")
    found = record_of(facts, "i-1")
    assert (found.record["action"], found.facts) == ({"unknown": {}}, ())
    assert any(line.startswith("incident.vector") for line in found.unmapped)


def test_the_times_are_dates_of_the_organisation_and_whole_intervals() -> None:
    facts = {
        "organisation.zone": "Europe/Berlin",
        "incident.discovered_at": "2026-11-23T09:00:00Z",
        "incident.contained_at": "2026-11-23T11:30:00Z",
    }
    record = exported(facts, filed=(NOW, datetime(2026, 11, 23, 15, tzinfo=UTC))).record
    assert record["timeline"] == {
        "incident": {"year": 2026, "month": 11, "day": 21},
        "discovery": {"unit": "Days", "value": 2},
        "containment": {"unit": "Hours", "value": 2},
    }
    assert record["plus"] == {"timeline": {"notification": {"year": 2026, "month": 11, "day": 23}}}
    before = {"incident.discovered_at": "2026-11-01T09:00:00Z"}
    assert exported(before).record["timeline"]["discovery"] == {"unit": "Unknown"}


@pytest.mark.parametrize(
    ("facts", "unmapped"),
    [
        ({"incident.vector": "theft", "incident.impact": ["confidentiality"]}, "incident.vector"),
        ({"incident.vector": "credential_stuffing"}, "incident.vector"),
        ({"incident.vector": "misdelivery", "incident.malicious": True}, "incident.vector"),
        ({"data.elements": ["financial"]}, "data.elements: financial"),
        ({"data.encrypted": False}, "data.encrypted"),
        ({"data.encrypted": False, "data.key_compromised": True, "data.locations": ["laptop"]}, "data.encrypted"),
        ({"organisation.sectors": ["retail", "finance"]}, "organisation.sectors: finance, retail"),
        ({"organisation.country": "US-CA"}, "organisation.country"),
        ({"incident.accounts": ["ben.cole"]}, "incident.accounts"),
        ({"organisation.name": "Example GmbH"}, "organisation.name"),
    ],
)  # fmt: skip
def test_a_fact_that_does_not_fit_is_listed_and_not_guessed(facts: dict[str, Any], unmapped: str) -> None:
    found = exported(facts)
    key = unmapped.partition(":")[0]
    assert key not in {fact.key for fact in import_veris(found.record).facts}
    (line,) = (line for line in found.unmapped if line.startswith(key))
    words = {word.strip(",") for word in line.split(" (")[0].split()[1:]}
    assert words == {word.strip(",") for word in unmapped.split()[1:]}
