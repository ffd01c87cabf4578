"""Typical entities made from what a regime itself asks: whom it is for, with people there, and a breach that it means."""

from __future__ import annotations

import copy
import importlib.resources
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import find
from runner.law.files.regime_file import load_regime
from runner.law.regime import DutyRule, Regime

Facts = dict[str, Any]
AT = "2026-11-20T09:00:00+00:00"


@cache
def every() -> tuple[Regime, ...]:
    """Read every regime that ships, in the order of their names."""
    folder = importlib.resources.files("playbooks") / "regimes"
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return tuple(load_regime((folder / name).read_bytes(), name) for name in files)


def one(name: str) -> Regime:
    """Return a regime by its id."""
    return next(regime for regime in every() if regime.id == name)


def rule(duty: str) -> DutyRule:
    """Return a duty of the newest version by its id."""
    name, _, slug = duty.partition("/")
    return next(rule for rule in one(name).versions[0].duties if rule.slug == slug)


def changed(facts: Facts, changes: Mapping[str, Any]) -> Facts:
    """Return the facts with some of them changed, by ``group.name``; None takes one away."""
    result = copy.deepcopy(facts)
    for path, value in changes.items():
        group, _, name = path.partition(".")
        if value is None:
            result.setdefault(group, {}).pop(name, None)
        else:
            result.setdefault(group, {})[name] = value
    return result


def home_of(regime: Regime) -> tuple[str, str]:
    """Return a country and a place in it that a regime is about: Germany for the Union, Texas for the United States."""
    place = regime.versions[0].residents_of or regime.jurisdictions[0]
    place = {"EU": "DE", "US": "US-TX"}.get(place, place)
    return place.partition("-")[0], place


def typical(regime: Regime) -> Facts:
    """Return an entity that is everything which the regime asks for, after a breach of all kinds of data."""
    country, place = home_of(regime)
    here = [place, country, *regime.jurisdictions]
    return {
        "organisation": {
            "role": ["controller", "data_owner"],
            "source_of_breach": True,
            "public_body": any(condition.code == "public_body" for condition in regime.versions[0].scope),
            "public_kind": next(iter(asked_of(regime, "organisation.public_kind")), "county"),
            "regulated_as": sorted({*asked_of(regime, "organisation.regulated_as")}),
            "sectors": ["retail"],
            "country": country,
            "main_establishment": country,
            "established_in": here,
            "offers_to": here,
            "does_business_in": here,
            "home_state": place,
        },
        "incident": {
            "impact": ["confidentiality", "integrity", "availability"],
            "vector": "ransomware",
            "exfiltration": "confirmed",
            **dict.fromkeys(_of_kind("incident", "instant"), AT),
            **dict.fromkeys(_of_kind("incident", "bool"), True),
            "first_report_complete": False,
            "first_report_form": "oral",
            "ongoing_at_final_report": False,
            "attempt_only": False,
            "outage_minutes": 100_000,
            "outage_user_minutes": 10**9,
            "amount_involved": 10**6,
            "nrc_class": "one_hour",
            "my_health_record": "only",
        },
        "data": {
            **dict.fromkeys(_of_kind("data", "bool"), True),
            "encrypted": False,
            "key_compromised": False,
            "retrieved": False,
            "form": ["electronic"],
            "elements": list(_choices("data.elements")),
            "account_kinds": ["credit_card"],
            "database_level": "high",
        },
        "people": {
            "total": 2_000_000,
            "by_jurisdiction": {place: 2_000_000},
            "kinds": ["customers", "patients", "employees"],
            "good_faith_only": False,
        },
        "risk": {
            "harm": "likely",
            "to_people": "high",
            "people_must_know": True,
            "others_can_reduce": True,
            "low_probability_of_compromise": False,
        },
    }


def asked_of(regime: Regime, path: str) -> Iterable[str]:
    """Return the values of a fact of which a law asks for one, in its order."""
    version = regime.versions[0]
    asked = [*version.scope, *(condition for duty in version.duties for condition in duty.only_if)]
    return [
        value
        for condition in asked
        for meets in condition.any_of
        if meets.fact == path
        for value in meets.values
    ]


def _of_kind(root: str, kind: str) -> list[str]:
    """Return the names of plain facts of a kind directly under a root."""
    tree = find(root)
    assert isinstance(tree, Mapping)
    return [name for name, branch in tree.items() if isinstance(branch, FactType) and branch.kind == kind]


def _choices(path: str) -> tuple[str, ...]:
    kind = find(path)
    assert isinstance(kind, FactType)
    return kind.choices
