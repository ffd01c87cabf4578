"""The law from the command line: a lawyer reads a regime, corrects it in the home folder and sees the difference."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare

SHIPPED = files("playbooks") / "regimes"
CALIFORNIA = "us-ca-breach"


@pytest.fixture
def own(tocsin: AtDesk) -> Path:
    """The home's own copy of a shipped law."""
    folder = tocsin.home / "regimes"
    folder.mkdir(exist_ok=True)
    shutil.copy(str(SHIPPED / f"{CALIFORNIA}.yaml"), folder)
    return folder / f"{CALIFORNIA}.yaml"


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_place_lists_its_own_law_and_that_of_the_country_around_it(nowhere: AtDesk) -> None:
    found = {
        regime["id"]: regime
        for regime in nowhere("regime", "list", "--in", "US-CA", "--format", "json").json["regimes"]
    }
    assert found[CALIFORNIA]["standing"] == "in_force"
    assert found[CALIFORNIA]["origin"] == "built-in"
    assert "us-hipaa-164-400" in found
    assert not any(name.startswith(("eu-", "us-ny")) for name in found)
    assert set(found) <= set(nowhere.done("regime", "list", "--in", "US-CA").split())


def test_a_law_is_shown_with_its_articles_its_clock_in_words_and_a_worked_example(nowhere: AtDesk) -> None:
    compare("regimes-show", nowhere.done("regime", "show", CALIFORNIA), nowhere.home)
    shown = nowhere("regime", "show", CALIFORNIA, "--format", "json").json
    assert [duty["id"] for duty in shown["duties"]] == [
        f"{CALIFORNIA}/{slug}" for slug in ("individuals", "attorney_general", "data_owner")
    ]
    letters, copy, _ = shown["duties"]
    assert (letters["example"]["start"], letters["example"]["due_date"]) == (
        "2026-11-24T10:00:00Z",
        "2026-12-24",
    )
    assert {"30", "incident.discovered_at"} <= set(letters["clock"].split())
    assert [("500" in threshold, "US-CA" in threshold) for threshold in copy["thresholds"]] == [(True, True)]
    assert "(d)(2)(G)" in [letter.split()[0] for letter in letters["content"]]


def test_a_law_is_shown_with_the_penalty_for_lateness(nowhere: AtDesk) -> None:
    shown = nowhere("regime", "show", "ca-ab-pipa-34-1", "--format", "json").json
    assert {duty["penalty"] for duty in shown["duties"]} == {"up to CAD 100,000"}


def test_a_law_is_shown_as_it_was_on_a_day(nowhere: AtDesk) -> None:
    shown = nowhere("regime", "show", CALIFORNIA, "--at", "2025-06-01", "--format", "json").json
    assert shown["version"] == "2020-01-01"
    assert shown["duties"][0]["example"] is None
    early = nowhere("regime", "show", CALIFORNIA, "--at", "1999-01-01")
    assert (early.code, early.error) == (1, "not_in_force")
    told = {"1999-01-01", "2026-01-01", "2020-01-01", "2025-12-31"}
    assert set(re.findall(r"\d{4}-\d\d-\d\d", early.err)) == told
    said = nowhere("regime", "show", CALIFORNIA, "--at", "June")
    assert (said.code, said.error) == (2, "bad_date")
    said = nowhere("regime", "show", "us-ca-breech")
    assert (said.code, said.error, CALIFORNIA in said.err) == (1, "unknown_regime", True)


def test_all_shipped_law_is_valid_and_the_executable_share_is_shown(nowhere: AtDesk) -> None:
    said = nowhere("regime", "check", "--format", "json")
    assert (said.code, said.json["problems"]) == (0, [])
    assert said.json["duties"] == said.json["executable"] + len(said.json["in_words"])
    assert said.json["share"] == 1.0
    assert sum(said.json["confidence"].values()) == said.json["duties"]
    assert {str(said.json["regimes"]), str(said.json["executable"])} <= set(
        nowhere.done("regime", "check").split()
    )


def test_a_law_with_a_mistake_is_refused_with_its_place_and_the_nearest_word(
    tocsin: AtDesk, own: Path
) -> None:
    rewrite(own, "recipient: data_owner", "recipent: data_owner")
    line = own.read_text(encoding="utf-8").partition("recipent")[0].count("\n") + 1
    said = tocsin("regime", "check", str(own), "--format", "json")
    assert (said.code, said.json["share"]) == (1, 0.0)
    missing, unknown = said.json["problems"]
    assert (missing["code"], "recipient" in missing["message"]) == ("regime-missing", True)
    assert (unknown["file"], unknown["line"], unknown["code"]) == (str(own), line, "regime-key")
    assert ("recipent" in unknown["message"], "recipient" in unknown["hint"]) == (True, True)
    assert f"{own}:{line}:" in "".join(tocsin("regime", "check", str(own)).out.split())
    listed = {regime["id"]: regime for regime in tocsin("regime", "list", "--format", "json").json["regimes"]}
    assert str(own) in listed[CALIFORNIA]["problem"]


def test_a_file_under_another_name_than_its_id_is_an_error(tocsin: AtDesk, own: Path) -> None:
    own.rename(own.with_name("mine.yaml"))
    said = tocsin("regime", "check", str(own.with_name("mine.yaml")), "--format", "json")
    [problem] = said.json["problems"]
    assert (said.code, problem["code"], "us-ca-breach.yaml" in problem["hint"]) == (1, "regime-name", True)


def test_a_notice_that_there_is_not_is_an_error(tocsin: AtDesk, own: Path) -> None:
    rewrite(own, "notice: us-ca-individual", "notice: us-ca-individuals")
    said = tocsin("regime", "check", CALIFORNIA, "--format", "json")
    assert (said.code, {problem["code"] for problem in said.json["problems"]}) == (1, {"regime-notice"})
    assert all("'us-ca-individuals'" in problem["message"] for problem in said.json["problems"])


def test_a_condition_in_words_is_counted_and_unknown_until_counsel_decides(
    tocsin: AtDesk, own: Path, tmp_path: Path
) -> None:
    rewrite(own, "scope:\n", "scope:\n  - {code: conduct, text: conducts business there, in_words: true}\n")
    said = tocsin("regime", "check", CALIFORNIA, "--format", "json").json
    assert (said["executable"], said["share"], len(said["in_words"])) == (0, 0.0, 3)
    assert said["in_words"][0]["why"] == ["conducts business there"]
    page = tocsin("regime", "check", CALIFORNIA).out
    assert [word["duty"] for word in said["in_words"] if word["why"][0] not in page] == []
    facts = tmp_path / "facts.yaml"
    known = (
        "schema: tocsin/facts/v1\nsource: test\norganisation: {role: [data_owner]}\npeople: {by_jurisdiction: {US-CA: 600}}\n"
        "data: {elements: [ssn], with_name: true, encrypted: false}\nincident: {discovered_at: 2026-11-24T09:00:00Z}\n"
    )
    facts.write_text(known, encoding="utf-8")
    verdicts = {}
    for claim in ("", "conduct", "not conduct"):
        if claim:
            position = (
                f"claims: {{c1: {{regime: {CALIFORNIA}, position: {claim}, by: counsel, grounds: known}}}}\n"
            )
            facts.write_text(known + position, encoding="utf-8")
        found = tocsin("duties", "--facts", str(facts), "--format", "json").json["duties"]
        verdicts[claim] = next(duty for duty in found if duty["id"] == f"{CALIFORNIA}/individuals")
    assert [verdict["verdict"] for verdict in verdicts.values()] == ["unknown", "applies", "not_applicable"]
    assert verdicts[""]["missing_facts"] == ["claims.conduct.position"]
    codes = {claim: [why["code"] for why in one["because"]] for claim, one in verdicts.items()}
    assert ("conduct" in codes[""], "claim" in codes[""]) == (True, False)
    assert ("conduct" in codes["conduct"], "claim" in codes["conduct"]) == (False, True)
    assert "counsel" in next(why["text"] for why in verdicts["conduct"]["because"] if why["code"] == "claim")


def test_a_law_changed_by_the_home_is_compared_in_words(tocsin: AtDesk, own: Path) -> None:
    assert tocsin("regime", "diff", CALIFORNIA, "--format", "json").json["changes"] == []
    pages = tocsin.done("regime", "diff", CALIFORNIA)
    rewrite(own, "more_than: 500", "at_least: 500")
    rewrite(own, "      amount: 30\n", "      amount: 45\n")
    compare("regimes-diff", pages + tocsin.done("regime", "diff", CALIFORNIA), tocsin.home)
    files_ = tocsin("regime", "diff", str(SHIPPED / f"{CALIFORNIA}.yaml"), str(own), "--format", "json").json
    assert [file["what"] for file in files_["changes"]] == [
        *(f"{CALIFORNIA}/{slug}" for slug in ("individuals", "attorney_general")),
        CALIFORNIA,
    ]


def test_changes_of_a_law_between_two_days_are_listed_by_duty(nowhere: AtDesk) -> None:
    said = nowhere(
        "regime", "diff", CALIFORNIA, "--from", "2025-06-01", "--to", "2026-06-01", "--format", "json"
    ).json
    changes = {change["what"]: change for change in said["changes"]}
    assert changes[f"{CALIFORNIA}/individuals"]["change"] == "changed"
    assert any("30" in field.split() for field in changes[f"{CALIFORNIA}/individuals"]["fields"])
    begun = nowhere(
        "regime", "diff", CALIFORNIA, "--from", "2019-01-01", "--to", "2021-01-01", "--format", "json"
    ).json
    assert begun["changes"] == [{"what": CALIFORNIA, "change": "begins", "fields": []}]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        ((), 2, "argument_missing"),
        (("--to", "2026-01-01"), 2, "option_missing"),
        (("us-ca-breach",), 1, "copy_missing"),
        (("none.yaml", "other.yaml"), 1, "file_unreadable"),
    ],
)
def test_a_comparison_needs_two_sides(nowhere: AtDesk, words: tuple[str, ...], code: int, error: str) -> None:
    said = nowhere("regime", "diff", *words)
    assert (said.code, said.error) == (code, error)


CONTRACTS = """\
regime,name,duty,recipient,starts,amount,unit,if,content
dpa-example,Data processing agreement with Example AG,notice,data_owner,incident.discovered_at,24,hours,"'processor' in organisation.role",what happened; which data
dpa-example,Data processing agreement with Example AG,report,data_owner,incident.contained_at,5,business_days,,
cyber-insurance,Policy 4711 of Example Insurance,claim,insurer,incident.discovered_at,72,hours,,
"""


def test_duties_of_contracts_come_from_a_spreadsheet_and_run_on_the_same_engine(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    sheet = tmp_path / "contracts.csv"
    sheet.write_text(CONTRACTS, encoding="utf-8")
    made = tocsin("regime", "import", str(sheet), "--format", "json").json["regimes"]
    assert [(regime["id"], regime["duties"]) for regime in made] == [
        ("dpa-example", 2),
        ("cyber-insurance", 1),
    ]
    assert tocsin("regime", "check", "dpa-example", "cyber-insurance").code == 0
    facts = tmp_path / "facts.yaml"
    facts.write_text(
        "schema: tocsin/facts/v1\nsource: test\norganisation: {role: [processor]}\nincident: {discovered_at: 2026-11-24T09:00:00Z}\n",
        encoding="utf-8",
    )
    found = {
        duty["id"]: duty
        for duty in tocsin("duties", "--facts", str(facts), "--format", "json").json["duties"]
    }
    assert (found["dpa-example/notice"]["verdict"], found["dpa-example/notice"]["due"]) == (
        "applies",
        "2026-11-25T09:00:00Z",
    )
    assert found["cyber-insurance/claim"]["due"] == "2026-11-27T09:00:00Z"
    again = tocsin("regime", "import", str(sheet))
    assert (again.code, again.error, "--replace" in again.err) == (1, "regime_exists", True)
    assert tocsin("regime", "import", str(sheet), "--replace").code == 0


WRONG = [
    # what is written otherwise, how, line, code of the problem, what its message names
    ("recipient,", "recipent,", 1, "own-duties", "recipent"),
    ("incident.discovered_at,24", "incident.discoverd_at,24", 2, "regime-fact", "incident.discoverd_at"),
    (",24,hours", ",24,ours", 2, "regime-choice", "ours"),
    ("cyber-insurance,", ",", 4, "own-duties", "regime"),
    (",72,hours,,", ",72,hours,,,,,", 4, "own-duties", ""),
    ("cyber-insurance,", "../tocsin,", 4, "own-duties", ""),
    ("cyber-insurance,", "/etc/x,", 4, "own-duties", ""),
    (",72,hours,,", ",9999,years,,", 4, "regime-amount", "cyber-insurance"),
    (",72,hours,,", ",\u00b2,hours,,", 4, "regime-number", "cyber-insurance"),
]


@pytest.mark.parametrize(("old", "new", "line", "code", "named"), WRONG)
def test_a_wrong_line_of_a_spreadsheet_is_named_and_nothing_is_written(
    tocsin: AtDesk, tmp_path: Path, old: str, new: str, line: int, code: str, named: str
) -> None:
    assert old in CONTRACTS
    sheet = tmp_path / "contracts.csv"
    sheet.write_text(CONTRACTS.replace(old, new), encoding="utf-8")
    said = tocsin("regime", "import", str(sheet), "--format", "json")
    assert (said.code, said.error) == (1, "bad_duties")
    problem = said.json["problems"][0]
    assert (problem["file"], problem["line"], problem["column"]) == (str(sheet), line, 1)
    assert (problem["severity"], problem["code"], named in problem["message"]) == ("error", code, True)
    assert f"{sheet}:{line}:1:" in tocsin("regime", "import", str(sheet)).err
    assert not (tocsin.home / "regimes" / "dpa-example.yaml").exists()


def test_each_error_in_a_contract_spreadsheet_has_a_golden_message(tocsin: AtDesk, tmp_path: Path) -> None:
    sheet = tmp_path / "contracts.csv"
    said = []
    for old, new, *_ in WRONG:
        sheet.write_text(CONTRACTS.replace(old, new), encoding="utf-8")
        said.append(tocsin("regime", "import", str(sheet)).err)
    compare("regimes-import", "\n".join(said), tmp_path)


def test_a_law_that_ships_is_not_written_over_by_a_spreadsheet(tocsin: AtDesk, tmp_path: Path) -> None:
    sheet = tmp_path / "contracts.csv"
    sheet.write_text(CONTRACTS.replace("cyber-insurance,", f"{CALIFORNIA},"), encoding="utf-8")
    said = tocsin("regime", "import", str(sheet))
    assert (said.code, said.error, CALIFORNIA in said.err) == (1, "built_in_regime", True)
    assert not (tocsin.home / "regimes" / "dpa-example.yaml").exists()
