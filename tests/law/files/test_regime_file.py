"""Regime files: the shipped ones compile and survive packing, and a wrong one shows every problem where it stands."""

from __future__ import annotations

import importlib.resources
import subprocess
import sys
from datetime import date

import msgspec
import pytest

from runner.errors import Invalid
from runner.law.files.regime_file import encode, load_regime, read_regime
from runner.law.regime import Regime
from tests.golden_files import FOLDER as GOLDEN
from tests.golden_files import same
from tests.holds_for import holds_for
from tests.refusals import refused

FOLDER = importlib.resources.files("playbooks") / "regimes"
FILES = sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".yaml"))

SMALL = """\
schema: tocsin/regime/v1
id: xx-test
name: Test Act
jurisdictions: [US-CA]
citation: Test Act 1
source: {url: "https://example.org/act"}
in_force: {from: 2026-01-01}
residents_of: US-CA
lists: {far: [JP, KR]}
conditions:
  owner: {text: owns the data, any_of: {organisation.role: [data_owner]}}
scope:
  - owner
  - {code: far_away, text: is far away, any_of: {organisation.country: far}, when_silent: holds}
duties:
  - slug: letters
    recipient: individuals
    thresholds: [{count: residents_notified, at_least: 1}]
    clock: {from: incident.discovered_at, amount: 30, unit: calendar_days}
  - slug: final
    recipient: authority
    clock: {after: {duty: letters}, amount: 1, unit: months, counting: EU-M}
    ordering: [{not_later_than: letters}]
"""


def problems(text: str) -> list[tuple[int, str, str]]:
    regime, found = read_regime(text.encode(), "test.yaml")
    assert regime is None
    return [(problem.line, problem.code, problem.hint) for problem in found]


def small(old: str, new: str) -> str:
    assert old in SMALL
    return SMALL.replace(old, new)


@holds_for("name", FILES)
def test_every_shipped_regime_compiles_under_its_own_name(name: str) -> None:
    regime = load_regime((FOLDER / name).read_bytes(), name)
    assert f"{regime.id}.yaml" == name
    assert regime.source.url.startswith("https://")
    assert all(rule.recipient for version in regime.versions for rule in version.duties)


@holds_for("name", FILES)
def test_a_compiled_regime_survives_packing(name: str) -> None:
    regime = load_regime((FOLDER / name).read_bytes(), name)
    assert msgspec.json.decode(encode((regime,)), type=tuple[Regime, ...]) == (regime,)


def test_a_packed_regime_is_read_without_jinja2_and_without_yaml() -> None:
    packed = encode((load_regime(SMALL.encode(), "small"),))
    program = (
        "import sys, msgspec\n"
        "from runner.law.regime import Regime\n"
        "import runner.law.assessment\n"
        "regimes = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[Regime, ...])\n"
        "assert not {'jinja2', 'yaml', 'holidays'} & set(sys.modules), sorted(sys.modules)\n"
        "print(regimes[0].id)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=packed, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "xx-test"


def test_a_small_law_file_is_loaded_completely() -> None:
    regime = load_regime(SMALL.encode(), "small.yaml")
    version = regime.versions[0]
    letters, final = version.duties
    assert (version.label, version.from_date, version.until) == ("2026-01-01", date(2026, 1, 1), None)
    assert [condition.code for condition in version.scope] == ["owner", "far_away"]
    assert version.scope[1].any_of[0].values == ("JP", "KR")
    assert (letters.thresholds[0].op, letters.thresholds[0].n, letters.thresholds[0].place) == (
        ">=",
        1,
        "US-CA",
    )
    assert (final.clock.limbs[0].start.event, final.clock.limbs[0].start.duty) == (True, "letters")
    assert final.ordering[0].relation == "not_later_than"
    assert len(regime.sha256) == 64


def test_an_earlier_version_states_only_its_differences() -> None:
    text = SMALL + (
        "prior_versions:\n"
        "  - in_force: {from: 2020-01-01, until: 2025-12-31}\n"
        "    note: no number\n"
        "    without: [final]\n"
        "    duties:\n"
        "      - {slug: letters, clock: {from: incident.discovered_at, standard: soon}}\n"
        "      - {slug: press, recipient: media, clock: {from: incident.discovered_at, standard: soon}}\n"
    )
    now, then = load_regime(text.encode(), "two.yaml").versions
    assert [rule.slug for rule in now.duties] == ["letters", "final"]
    assert [rule.slug for rule in then.duties] == ["letters", "press"]
    assert (then.duties[0].clock.limbs[0].period, then.duties[0].clock.standard) == (None, "soon")
    assert then.duties[0].thresholds == now.duties[0].thresholds
    assert (then.citation, then.note) == ("Test Act 1", "no number")


def test_an_error_in_a_duty_is_reported_once_for_all_versions() -> None:
    prior = "prior_versions:\n  - in_force: {from: 2020-01-01, until: 2025-12-31}\n    duties: [{slug: letters, stage: old}]\n"
    text = (SMALL + prior).replace("recipient: individuals", "recipent: individuals")
    assert [(line, code) for line, code, _ in problems(text)] == [(16, "regime-missing"), (17, "regime-key")]


def test_versions_that_overlap_are_refused() -> None:
    text = SMALL + "prior_versions:\n  - in_force: {from: 2020-01-01, until: 2026-06-01}\n"
    assert [code for _, code, _ in problems(text)] == ["regime-versions"]


MISTAKES = [
    # what is written otherwise, how, line, code, what the hint names
    ("recipient: individuals", "recipent: individuals", 17, "regime-key", "recipient"),
    ("schema: tocsin/regime/v1", "schema: tocsin/regime/v2", 1, "regime-schema", "tocsin/regime/v1"),
    ("  - owner\n", "  - ownr\n", 13, "regime-condition", "owner"),
    ("organisation.country: far", "organisation.country: fra", 14, "regime-list", "far"),
    ("organisation.country: far", "organisation.county: far", 14, "regime-fact", ""),
    ("[data_owner]", "[data_owners]", 11, "regime-choice", "data_owner"),
    ("from: incident.discovered_at", "from: incident.discoverd_at", 19, "regime-fact", ""),
    ("unit: calendar_days", "unit: calendar_day", 19, "regime-choice", "calendar_days"),
    ("amount: 30", "amount: soon", 19, "regime-number", ""),
    ("at_least: 1", "least: 1", 18, "regime-key", "at_least"),
    ("from: 2026-01-01", "from: January", 7, "regime-date", "2026-01-01"),
    ("after: {duty: letters}", "after: {duty: leters}", 16, "regime-duty", "letters"),
    ("slug: final", "slug: letters", 20, "regime-duplicate", ""),
    ("when_silent: holds", "when_silent: maybe", 14, "regime-choice", "holds"),
    ("any_of: {organisation.country: far}", "when: organisation.country = 'JP'", 14, "regime-expression", "=="),
    ("[{not_later_than: letters}]", "[{text: x}]", 23, "regime-ordering", ""),
    ("name: Test Act", "name: 7", 3, "regime-text", ""),
    ("[US-CA]", "{a: b}", 4, "regime-shape", "`-"),
    ("{url: \"https://example.org/act\"}", "none", 6, "regime-shape", "`key:"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "code", "named"), MISTAKES)
def test_an_error_is_reported_at_its_position(old: str, new: str, line: int, code: str, named: str) -> None:
    found = problems(small(old, new))
    hints = [hint for at, what, hint in found if (at, what) == (line, code)]
    assert hints
    assert any(named in hint for hint in hints)


def test_error_messages_match_their_golden_file() -> None:
    said = []
    for old, new, *_ in MISTAKES:
        _, found = read_regime(small(old, new).encode(), "test.yaml")
        said += [f"{problem}\n" for problem in found]
    same(GOLDEN / "loading" / "regimes-mistakes.txt", "".join(said))


def test_every_problem_is_reported_at_once_in_line_order() -> None:
    text = (
        small("amount: 30", "amount: soon")
        .replace("  - owner\n", "  - ownr\n")
        .replace("name: Test Act\n", "")
    )
    found = problems(text)
    assert [code for _, code, _ in found] == ["regime-missing", "regime-condition", "regime-number"]
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)


@pytest.mark.parametrize(
    ("clock", "code"),
    [
        ("{from: incident.aware_at, after: {duty: letters}, amount: 1, unit: hours}", "regime-start"),
        ("{amount: 1, unit: hours}", "regime-start"),
        ("{from: incident.aware_at, amount: 1}", "regime-missing"),
        ("{from: incident.aware_at, zone: Mars/Olympus}", "regime-zone"),
        ("{from: incident.aware_at, cut_off: {time: half past, zone: UTC}}", "regime-time"),
        ("{from: incident.aware_at, lapsed_limbs_fall_away: 3}", "regime-flag"),
        ("{from: incident.aware_at, extensions: [{if: owner}]}", "regime-missing"),
    ],
)
def test_a_clock_that_cannot_be_counted_is_refused(clock: str, code: str) -> None:
    text = small("{from: incident.discovered_at, amount: 30, unit: calendar_days}", clock)
    assert code in [what for _, what, _ in problems(text)]


def test_a_condition_must_ask_something_and_say_it() -> None:
    found = problems(small("any_of: {organisation.role: [data_owner]}", "when_silent: ask"))
    assert [(line, code) for line, code, _ in found] == [(11, "regime-missing")]
    nameless = small("{code: far_away, text", "{text")
    assert (14, "regime-missing") in [(line, code) for line, code, _ in problems(nameless)]
    assert [code for _, code, _ in problems(small("text: owns the data, ", ""))] == ["regime-missing"]
    assert "regime-shape" in [
        code for _, code, _ in problems(small("any_of: {organisation.role: [data_owner]}", "any_of: role"))
    ]


RICH = small("    thresholds: [{count: residents_notified, at_least: 1}]\n", """\
    thresholds: [{count: residents_of_one_state, more_than: 500, place: US}]
    only_if: [owner]
    unless: [{code: bank, text: a bank, none_of: {organisation.regulated_as: [bank_occ]}}]
    phased: true
    content: [{ref: "1(a)", item: what happened, facts: [incident.summary], only_if: owner}]
    forbidden: [{ref: "1(b)", item: the number of residents}]
    delivery: {forms: [letter], never: [compromised_mailbox]}
    substitute: {cost_over: 250000, forms: [website]}
    credit_monitoring: {months: 12, only_if: [owner]}
    hold: {forms: [written], amount: 7, unit: calendar_days}
    lateness: {reasons_required: true, ref: 1(c)}
    remarks: [always, {text: sometimes, only_if: owner}]
    confidence: text
""").replace("clock: {from: incident.discovered_at, amount: 30, unit: calendar_days}", """\
clock:
      earliest_of:
        - {from: incident.classified_at, amount: 4, unit: hours}
        - {from: [incident.aware_at, incident.scope_identified_at], pick: latest, amount: 24, unit: hours,
           variations: [{if: owner, amount: 48}]}
      lapsed_limbs_fall_away: true
      not_before: {after: {fact: incident.recipient_notified_at.fbi}, amount: 7, unit: full_business_days}
      cut_off: {time: "17:30", zone: America/New_York}
      extensions: [{if: owner, amount: 15, unit: calendar_days}]
      holidays: US
      no_relief_when: owner""") + """\
personal_information:
  with_name: [ssn, {element: account_number_alone, only_if: owner}]
  without_name: [online_credentials]
exemptions:
  - {code: no_harm, text: no harm, when: "risk.harm == 'none'", grounds: [risk.harm_assessment.by], removes: [letters]}
  - {code: position, text: a position of counsel, claim_only: true}
records: {ref: "1(d)", text: keep it}
traps: [a trap]
"""  # fmt: skip


def test_every_element_of_a_law_file_is_loaded() -> None:
    regime = load_regime(RICH.encode(), "rich.yaml")
    version = regime.versions[0]
    letters = version.duties[0]
    clock = letters.clock
    assert [limb.start.pick for limb in clock.limbs] == ["earliest", "latest"]
    assert clock.limbs[1].period is not None
    assert clock.limbs[1].period.variations[0].amount == 48
    assert clock.cut_off is not None
    assert clock.cut_off.time == "17:30"
    assert clock.not_before is not None
    assert clock.not_before.start.event
    assert letters.hold is not None
    assert (letters.hold.forms, letters.hold.amount) == (("written",), 7)
    assert letters.forbidden[0].item == "the number of residents"
    assert letters.unless[0].none_of[0].values == ("bank_occ",)
    assert version.personal_information is not None
    assert version.personal_information.with_name[1].condition == version.scope[0]
    assert [exemption.condition is None for exemption in version.exemptions] == [False, True]
    assert regime.records is not None
    assert msgspec.json.decode(encode((regime,)), type=tuple[Regime, ...]) == (regime,)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("[ssn, {element", "[snn, {element", "regime-choice"),
        ("more_than: 500", "more_than: 500, at_least: 500", "regime-threshold"),
        ("with_name: [ssn", "with_name: [7", "regime-text"),
        ("reasons_required: true", "reasons_required: often", "regime-flag"),
        ("traps: [a trap]", "traps: a trap, alone\nregion: x", "regime-key"),
        ("grounds: [risk.harm_assessment.by]", "grounds: [risk.assessor]", "regime-fact"),
    ],
)
def test_mistakes_deep_inside_are_found(old: str, new: str, code: str) -> None:
    assert old in RICH
    assert code in [what for _, what, _ in problems(RICH.replace(old, new))]


def test_invalid_yaml_is_refused_with_its_line() -> None:
    with refused("bad_regime", Invalid) as found:
        load_regime(b"a: [1", "broken.yaml")
    (problem,) = found.value.problems
    assert (problem.file, problem.line, problem.code) == ("broken.yaml", 2, "yaml-syntax")
    with refused("bad_regime", Invalid) as found:
        load_regime(b"- 1", "list.yaml")
    assert (found.value.problems[0].line, found.value.problems[0].code) == (1, "regime-shape")


@holds_for("name", FILES)
def test_every_notice_that_a_shipped_regime_names_is_there(name: str) -> None:
    templates = {entry.name for entry in (importlib.resources.files("playbooks") / "notices").iterdir()}
    regime = load_regime((FOLDER / name).read_bytes(), name)
    named = {rule.notice for version in regime.versions for rule in version.duties if rule.notice}
    assert {f"{notice}.md" for notice in named} <= templates
