"""Outline and full assessment give the same verdict, for all shipped law and any facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.facts.vocabulary.register import Fact
from runner.incident.law.duties import assessment
from runner.incident.state.incident import DutyView, Incident
from runner.incident.state.library import Library
from runner.law.assessment import assess
from runner.law.duty import DutyRecord
from runner.law.regime import Regime
from runner.law.screening import screen
from runner.law.screening_index import Outline, outline
from tests.law.test_reach import GERMAN, SHOP, others
from tests.law.typical import Facts, changed, every

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAWS = every()
OUTLINE = outline(LAWS)
FULL = Library({}, LAWS)
BRIEF = Library({}, LAWS, outline=OUTLINE)

TWO: Facts = {
    "populations": [
        {"id": "staff", "data": {"elements": ["ssn"]}, "people": {"by_jurisdiction": {"US-NY": 600}}},
        {"id": "users", "entity": "sub", "people": {"minimum": 400, "maximum": 1200}, "overlaps": ["staff"]},
    ],
    "organisation": {"entities": [{"id": "sub", "country": "FR", "role": "controller"}]},
}
OTHER: Mapping[str, tuple[Any, ...]] = {
    "incident.discovered_at": ("2019-03-02T09:00:00-08:00", "2027-03-02T09:00:00-08:00"),
    "incident.impact": (["availability"], []),
    "incident.malicious": (True, False),
    "organisation.regulated_as": (
        ["hipaa_covered_entity"],
        ["insurance_licensee", "..."],
        ["essential_entity"],
    ),
    "organisation.role": (["processor"], ["data_holder", "controller"]),
    "organisation.public_body": (True,),
    "organisation.country": ("SG", "BR"),
    "organisation.established_in": (["FR", "US"], ["AU"], ["..."]),
    "data.elements": (["contact"], ["medical", "..."]),
    "data.involved": (False,),
    "data.encrypted": (True,),
    "people.by_jurisdiction": ({"US-NY": 499, "US-WA": 501}, {"US": 5}, {"DE": 3, "US-MA": 0}),
    "risk.harm": ("none", "unlikely"),
    "risk.to_people": ("unlikely", "risk"),
}


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Draw an entity and a breach of which some is left out and some is otherwise."""
    law = draw(st.sampled_from(LAWS))
    base = draw(st.sampled_from([{}, SHOP, GERMAN, TWO, *others(law)[:4]]))
    known = [f"{group}.{name}" for group, of in base.items() if isinstance(of, dict) for name in of]
    out = draw(st.sets(st.sampled_from(known))) if known else set()
    new = {path: draw(st.sampled_from(values)) for path, values in OTHER.items() if draw(st.booleans())}
    return changed(base, {**dict.fromkeys(out), **new})


@given(facts())
def test_verdict_sight_and_questions_are_those_of_the_full_judgement(found: Facts) -> None:
    short = [gist for law in screen(OUTLINE, found, NOW, UTC) for gist in law]
    full = assess(LAWS, found, NOW)
    assert [(one.duty, one.verdict, one.in_sight) for one in short] == [
        (status.id, status.verdict, status.in_sight) for status in full
    ]
    open_ = [(a, b) for a, b in zip(short, full, strict=True) if a.verdict == "unknown" or not a.in_sight]
    assert all(set(one.missing) == set(other.missing_facts) for one, other in open_)


def incident(tree: Mapping[str, Any], duties: Mapping[str, DutyView] | None = None) -> Incident:
    """Return an incident of which these nested facts are recorded, on two days."""
    keyed = {key: Fact(key=key, value=value, at=NOW) for key, value in _leaves("", tree)}
    return Incident(
        id="i",
        codename="grey-gull",
        title="T",
        kind="real",
        opened_at=NOW - timedelta(days=40),
        facts=keyed,
        fact_events=dict.fromkeys(keyed, 2),
        duties=duties or {},
    )


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = {one["id"]: {key: part for key, part in one.items() if key != "id"} for one in value}
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for key, part in value.items() for leaf in _leaves(f"{path}.{key}".lstrip("."), part)]


SENT = {"incident": {"individual_notice_sent_at": {"US-CA": "2026-11-20T09:00:00+00:00"}}}
STAGE = {"incident": {"stage_submitted_at": {"eu-nis2-23/early_warning": "2026-11-20T09:00:00+00:00"}}}
HELD = {
    "law_enforcement": {"hold": {"from": "2026-10-20T09:00:00+00:00", "agency": "FBI", "form": "written"}}
}
CLAIM = {
    "claims": [{"id": "c", "regime": "us-ca-breach", "position": "not_a_breach", "by": "Ana", "grounds": "x"}]
}
SPECIAL = (SENT, STAGE, HELD, CLAIM)


@given(facts(), st.sets(st.sampled_from(range(len(SPECIAL)))), st.booleans())
def test_stored_duties_are_equal_in_outline_and_in_full(
    found: Facts, special: set[int], decided: bool
) -> None:
    for number in special:
        for group, of in SPECIAL[number].items():
            found = {**found, group: {**found.get(group, {}), **of} if isinstance(of, dict) else of}
    record = DutyRecord(kind="decided_not_to_notify", by="ana", at=NOW)
    name = "us-ny-breach/individuals"
    duties = {name: DutyView(id=name, verdict="not_applicable", record=record)} if decided else {}
    one = incident(found, duties)
    assert assessment(one, NOW, BRIEF) == assessment(one, NOW, FULL)


def test_laws_that_are_not_asked_for_are_not_opened() -> None:
    opened: list[int] = []

    class Watched(tuple[Regime, ...]):
        """Laws that tell which of them were taken."""

        def __getitem__(self, which: Any) -> Any:
            opened.append(which)
            return super().__getitem__(which)

    assessment(incident(SHOP), NOW, Library({}, Watched(LAWS), outline=OUTLINE))
    names = {LAWS[number].id for number in opened}
    assert {"us-ca-breach", "us-ny-breach", "us-tx-breach"} <= names
    assert len(names) < len(LAWS) / 10


def test_an_outline_comes_back_from_its_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(OUTLINE), type=Outline) == OUTLINE


# ------------------------------------------------------------------------------- when nothing needs be judged


def later(key: str, *, watch: str = "") -> Incident:
    """Return an incident that was assessed, and of which one fact was recorded since."""
    seen = {change.duty: DutyView(id=change.duty, verdict=change.verdict, in_sight=change.in_sight,
                                  due=change.due, missing=change.missing, settled=True, provisional=change.provisional)
            for change in assessment(incident(SHOP), NOW, BRIEF).changes}  # fmt: skip
    base = incident(SHOP, seen)
    return msgspec.structs.replace(
        base,
        facts={**base.facts, key: Fact(key=key, value=True, at=NOW)},
        fact_events={**base.fact_events, key: 9},
        assess=True,
        assessed=True,
        looked=3,
    )


@pytest.mark.parametrize("key", ["incident.summary", "incident.contained_at", "measures.taken"])
def test_a_fact_that_no_law_reads_has_nothing_judged(key: str) -> None:
    class Closed(tuple[Regime, ...]):
        """Laws that may not be opened."""

        def __getitem__(self, which: Any) -> Any:
            raise AssertionError("a law was opened")

    found = assessment(later(key), NOW, Library({}, Closed(LAWS), outline=OUTLINE))
    assert (found.changes, found.because) == ((), (key,))


@pytest.mark.parametrize(
    "key",
    ["data.involved", "populations.p.data.elements", "people.by_jurisdiction.US-NV", "incident.aware_at"],
)
def test_a_fact_that_some_law_reads_has_all_of_them_judged(key: str) -> None:
    opened: list[int] = []

    class Watched(tuple[Regime, ...]):
        """Laws that tell which of them were taken."""

        def __getitem__(self, which: Any) -> Any:
            opened.append(which)
            return super().__getitem__(which)

    found = assessment(later(key), NOW, Library({}, Watched(LAWS), outline=OUTLINE))
    assert opened or found.changes
