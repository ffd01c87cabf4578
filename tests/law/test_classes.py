"""Classes of fault, each checked over all laws: a single repaired file is no repair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.facts.vocabulary.fact_types import FactType
from runner.facts.vocabulary.lookup import fact_type
from runner.law.assessment import assess
from runner.law.duty import DutyStatus
from runner.law.grounds import Condition, Exemption, Threshold
from runner.law.regime import Regime, Version
from tests.holds_for import holds_for
from tests.law.test_reach import others
from tests.law.test_unless import SILENT
from tests.law.typical import AT, Facts, changed, every, one, typical

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BY_LAW = holds_for("regime", every(), lambda regime: regime.id)
ASSESSED = {"by": "Ana Adler", "at": AT, "grounds": "came back unread"}
LOST_KEY = {"data.encrypted": True, "data.key_compromised": True, "incident.impact": ["confidentiality"]}


def judged(regime: Regime, facts: Facts, now: datetime = NOW) -> dict[str, DutyStatus]:
    """Judge one law; duties by slug."""
    return {status.id.partition("/")[2]: status for status in assess([regime], facts, now)}


def verdicts(found: Mapping[str, DutyStatus]) -> dict[str, str]:
    """Return the verdict of each duty."""
    return {slug: status.verdict for slug, status in found.items()}


# ------------------------------------------------------------------------------------- encryption, K1 and K3

WITH_ENCRYPTION = [
    regime for regime in every() if any(each.by_encryption for each in regime.versions[0].exemptions)
]


@holds_for("regime", WITH_ENCRYPTION, lambda regime: regime.id)
def test_encrypted_with_the_key_taken_is_as_if_it_were_in_clear(regime: Regime) -> None:
    base = typical(regime)
    clear = judged(
        regime, changed(base, {**LOST_KEY, "data.encrypted": False, "data.key_compromised": False})
    )
    taken = judged(regime, changed(base, LOST_KEY))
    assert verdicts(taken) == verdicts(clear)
    codes = {each.code for each in regime.versions[0].exemptions if each.by_encryption}
    assert not [slug for slug, status in taken.items() if codes & {each.ground for each in status.unless}]


LETTERS_ALONE = {
    "ae-adgm-32", "eu-eprivacy-611", "eu-eudpr-34", "eu-led-30", "ke-dpa-43", "uk-gdpr-33-34", "uk-pecr-5a",
    "us-fcc-64-2011-2024",
}  # fmt: skip
"""Laws whose encryption frees from telling people, and the authority hears all the same (GDPR Art. 34(3)(a))."""
NO_LETTERS_HERE = {"eu-gdpr-34-data-subjects", "jp-appi-26"}
"""Laws that are about letters alone, and Japan, where Enforcement Rule 7(1) takes encrypted data out altogether."""


@holds_for("regime", WITH_ENCRYPTION, lambda regime: regime.id)
def test_encryption_reaches_only_what_the_law_says(regime: Regime) -> None:
    reached = [each.removes for each in regime.versions[0].exemptions if each.by_encryption]
    if regime.id in LETTERS_ALONE:
        assert reached == [("individuals",)]
    else:
        assert reached == [()]
        assert regime.id in NO_LETTERS_HERE or regime.jurisdictions[0].startswith("US")


# --------------------------------------------------------------- each exemption holds in a case and is open in one, K4


def claimed(regime: Regime, exemption: Exemption) -> Facts:
    """Return a position of counsel on an exemption."""
    claim = {
        "id": "c",
        "regime": regime.id,
        "position": exemption.code,
        "by": "counsel",
        "grounds": "the key never left the vault",
    }
    return {"claims": [claim]}


def removed(version: Version, exemption: Exemption) -> set[str]:
    """Return the duties that an exemption ends."""
    return set(exemption.removes) or {rule.slug for rule in version.duties}


@BY_LAW
def test_each_exemption_ends_its_duties_once_claimed_and_no_other(regime: Regime) -> None:
    version = regime.versions[0]
    base = typical(regime)
    before = judged(regime, base)
    for exemption in version.exemptions:
        after = judged(regime, {**base, **claimed(regime, exemption)})
        ended = removed(version, exemption)
        assert {after[slug].verdict for slug in ended} == {"not_applicable"}, exemption.code
        assert not [s for s in before if s not in ended and after[s].verdict != before[s].verdict], (
            exemption.code
        )


@BY_LAW
def test_each_exemption_that_nobody_grounded_is_open_beside_its_duties(regime: Regime) -> None:
    version = regime.versions[0]
    told = {f"{regime.id}/{rule.slug}": None for rule in version.duties}
    silent = changed(typical(regime), {**SILENT, "risk.harm_assessment": None, "incident.exfiltration": None,
                                       "incident.impact": ["confidentiality"], "law_enforcement.engaged": None,
                                       "incident.stage_submitted_at": told or None})  # fmt: skip
    found = judged(regime, silent)
    for exemption in version.exemptions:
        if exemption.about_us or (exemption.condition and exemption.condition.when_silent == "fails"):
            continue
        for slug in removed(version, exemption):
            if found[slug].verdict != "applies":
                continue
            listed = {each.ground: each for each in found[slug].unless}
            assert exemption.code in listed or _ruled_out(regime, exemption, silent), exemption.code
            assert not (exemption.code in listed and listed[exemption.code].met), exemption.code


def _ruled_out(regime: Regime, exemption: Exemption, facts: Facts) -> bool:
    """Whether facts that are recorded, such as how it happened, deny an exemption."""
    known = {"incident.vector", "organisation.regulated_as", "people.kinds", "data.elements"}
    return exemption.condition is not None and bool(exemption.condition.facts & known)


# ---------------------------------------------------------------------------------------------- presumptions, K5

ON_THE_NOTIFIER = {
    "us-hipaa-164-400": "low_probability_of_compromise",
    "us-42cfr2-16": "low_probability_of_compromise",
}
"""Laws that presume a breach, with the exemption that the notifier must demonstrate (45 CFR 164.402(2))."""


@pytest.mark.parametrize(("name", "code"), ON_THE_NOTIFIER.items())
def test_a_presumed_breach_is_due_until_the_notifier_demonstrates_otherwise(name: str, code: str) -> None:
    silent = changed(typical(one(name)), {**SILENT, "incident.impact": ["confidentiality"]})
    for status in judged(one(name), changed(silent, {"people.total": 600})).values():
        if status.verdict == "applies":
            missing = {fact for each in status.unless if each.ground == code for fact in each.missing}
            assert "risk.low_probability_of_compromise" in missing


@pytest.mark.parametrize("name", ["eu-gdpr-33-controller-sa", "uk-gdpr-33-34"])
def test_the_authority_hears_unless_the_controller_finds_a_risk_unlikely(name: str) -> None:
    found = judged(one(name), changed(typical(one(name)), SILENT))["initial"]
    assert (found.verdict, "risk.to_people" in found.missing_facts) == ("applies", True)


# --------------------------------------------------------------------------------- only what decides is asked, K6


def conditions(version: Version) -> Iterable[Condition]:
    """Return the conditions of a law and its duties."""
    yield from version.scope
    yield from (each.condition for each in version.exemptions if each.condition is not None)
    for rule in version.duties:
        yield from (*rule.only_if, *rule.unless)


def answers(kind: FactType | None) -> tuple[Any, ...]:
    """Return answers to a question, the ones that are most likely to decide first; none for an instant or a text."""
    if kind is None:
        return ()
    if kind.choices:
        return ([], list(kind.choices)) if kind.many else kind.choices
    return {"bool": (False, True), "count": (0, 10**9), "number": (0, 10**9)}.get(kind.kind, ())


@BY_LAW
def test_a_fact_is_asked_only_where_some_answer_changes_something(regime: Regime) -> None:
    base = changed(
        typical(regime), {"incident.impact": ["confidentiality"], "risk.harm_assessment": ASSESSED}
    )
    read = {path for condition in conditions(regime.versions[0]) for path in condition.facts}
    idle = []
    for path in sorted(path for path in read if path.count(".") == 1 and answers(fact_type(path))):
        group, _, name = path.partition(".")
        if name not in base.get(group, {}):
            continue
        now = base[group][name]
        alone = [[each] for each in now] if isinstance(now, list) else []
        silent = judged(regime, changed(base, {path: None}))
        asking = [slug for slug, status in silent.items() if path in status.missing_facts]
        seen: dict[str, set[object]] = {slug: set() for slug in asking}
        for answer in (now, *answers(fact_type(path)), *alone) if asking else ():
            found = judged(regime, changed(base, {path: answer}))
            for slug in asking:
                unless = tuple((each.ground, each.met) for each in found[slug].unless)
                seen[slug].add((found[slug].verdict, found[slug].due, unless, found[slug].notes))
            if all(len(outcomes) > 1 for outcomes in seen.values()):
                break
        idle += [(path, slug) for slug, outcomes in seen.items() if len(outcomes) < 2]
    assert not idle


# ------------------------------------------------------------------------------------------- recorded numbers, K10

REACHED = {
    ">": (False, False, True),
    ">=": (False, True, True),
    "<": (True, False, False),
    "<=": (True, True, False),
}
THRESHOLDS = [
    (regime, rule.slug, threshold)
    for regime in every()
    for rule in regime.versions[0].duties
    for threshold in rule.thresholds
]


@holds_for(
    "regime,slug,threshold", THRESHOLDS, lambda law, slug, number: f"{law.id}/{slug}{number.op}{number.n}"
)
def test_a_recorded_number_decides_at_below_and_above_each_threshold(
    regime: Regime, slug: str, threshold: Threshold
) -> None:
    """In one of the cases in which the duty can apply, and there exactly from its number on."""
    seen = set()
    for base in others(regime):
        (place,) = base["people"]["by_jurisdiction"]
        reached = []
        for number in (threshold.n - 1, threshold.n, threshold.n + 1):
            facts = changed(base, {"people.total": number, "people.by_jurisdiction": {place: number}})
            status = judged(regime, facts)[slug]
            assert status.verdict != "unknown"
            assert not {path for path in status.missing_facts if path.startswith("people.")}
            reached.append(status.verdict in ("applies", "advisory"))
        seen.add(tuple(reached))
        if any(reached):
            break
    assert REACHED[threshold.op] in seen


# ---------------------------------------------------------------------------------------- not binding, never late


@BY_LAW
def test_a_law_that_does_not_bind_is_never_late(regime: Regime) -> None:
    found = judged(regime, typical(regime), NOW + timedelta(days=4000)).values()
    late = [
        status.id for status in found if status.verdict == "advisory" and status.state in ("overdue", "held")
    ]
    assert not late


def test_every_class_looks_at_many_laws() -> None:
    assert len(WITH_ENCRYPTION) > 70
    assert len(THRESHOLDS) > 100
