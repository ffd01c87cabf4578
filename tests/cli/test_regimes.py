"""The law from the command line: a lawyer reads a regime, corrects it in the home folder and sees the difference."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

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
        one["id"]: one
        for one in nowhere("regime", "list", "--in", "US-CA", "--format", "json").json["regimes"]
    }
    assert found[CALIFORNIA]["standing"] == "in_force"
    assert found[CALIFORNIA]["origin"] == "built-in"
    assert "us-hipaa-164-400" in found
    assert not any(name.startswith(("eu-", "us-ny")) for name in found)
    said = " ".join(nowhere("regime", "list", "--in", "US-CA").out.split())
    assert "California breach" in said


def test_a_law_is_shown_with_its_articles_its_clock_in_words_and_a_worked_example(nowhere: AtDesk) -> None:
    said = " ".join(nowhere("regime", "show", CALIFORNIA).out.split())
    assert "more than 500 residents of US-CA who are owed notice" in said
    assert (
        "30 calendar days, the day of the event not counted, from the earlier of incident.discovered_at"
        in said
    )
    assert "beginning on Tue 24 Nov 2026 10:00 UTC: due the end of Thu 24 Dec 2026" in said
    assert "(d)(2)(G) the offer of identity theft prevention" in said
    shown = nowhere("regime", "show", CALIFORNIA, "--format", "json").json
    assert [duty["id"] for duty in shown["duties"]] == [
        f"{CALIFORNIA}/{slug}" for slug in ("individuals", "attorney_general", "data_owner")
    ]


def test_a_law_is_shown_as_it_was_on_a_day(nowhere: AtDesk) -> None:
    shown = nowhere("regime", "show", CALIFORNIA, "--at", "2025-06-01", "--format", "json").json
    assert shown["version"] == "2020-01-01"
    assert shown["duties"][0]["example"] is None
    early = nowhere("regime", "show", CALIFORNIA, "--at", "1999-01-01")
    assert early.code == 1
    assert "versions: 2026-01-01 to …; 2020-01-01 to 2025-12-31" in early.err
    assert nowhere("regime", "show", CALIFORNIA, "--at", "June").code == 2
    assert "did you mean 'us-ca-breach'?" in nowhere("regime", "show", "us-ca-breech").err


def test_all_shipped_law_holds_and_the_share_that_can_be_executed_is_told(nowhere: AtDesk) -> None:
    said = nowhere("regime", "check", "--format", "json")
    assert (said.code, said.json["problems"]) == (0, [])
    assert said.json["duties"] == said.json["executable"] + len(said.json["in_words"])
    assert said.json["share"] == 1.0
    assert sum(said.json["confidence"].values()) == said.json["duties"]
    assert "can be executed" in nowhere("regime", "check").out


def test_a_law_with_a_mistake_is_refused_with_its_place_and_the_nearest_word(
    tocsin: AtDesk, own: Path
) -> None:
    rewrite(own, "recipient: data_owner", "recipent: data_owner")
    said = tocsin("regime", "check", str(own))
    assert said.code == 1
    assert f"{own}:" in said.out
    assert "did you mean 'recipient'?" in said.out
    listed = {one["id"]: one for one in tocsin("regime", "list", "--format", "json").json["regimes"]}
    assert "is no regime" in listed[CALIFORNIA]["problem"]


def test_a_file_under_another_name_than_its_id_is_an_error(tocsin: AtDesk, own: Path) -> None:
    own.rename(own.with_name("mine.yaml"))
    said = tocsin("regime", "check", str(own.with_name("mine.yaml")))
    assert (said.code, "name it us-ca-breach.yaml" in said.out) == (1, True)


def test_a_notice_that_there_is_not_is_an_error(tocsin: AtDesk, own: Path) -> None:
    rewrite(own, "notice: us-ca-individual", "notice: us-ca-individuals")
    said = tocsin("regime", "check", CALIFORNIA)
    assert (said.code, "names the notice 'us-ca-individuals', which is not there" in said.out) == (1, True)


def test_a_duty_held_in_words_alone_is_counted_and_unknown_until_counsel_takes_a_position(
    tocsin: AtDesk, own: Path, tmp_path: Path
) -> None:
    rewrite(own, "scope:\n", "scope:\n  - {code: conduct, text: conducts business there, in_words: true}\n")
    said = tocsin("regime", "check", CALIFORNIA, "--format", "json").json
    assert (said["executable"], said["share"], len(said["in_words"])) == (0, 0.0, 3)
    assert said["in_words"][0]["why"] == ["conducts business there"]
    assert "conducts business there" in tocsin("regime", "check", CALIFORNIA).out
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
        verdicts[claim] = next(one for one in found if one["id"] == f"{CALIFORNIA}/individuals")
    assert [one["verdict"] for one in verdicts.values()] == ["unknown", "applies", "not_applicable"]
    assert verdicts[""]["missing_facts"] == ["claims.conduct.position"]
    assert any("held in words only" in one["text"] for one in verdicts[""]["because"])
    assert any("position taken by counsel" in one["text"] for one in verdicts["conduct"]["because"])


def test_what_the_home_changed_in_a_law_is_said_in_words(tocsin: AtDesk, own: Path) -> None:
    assert tocsin("regime", "diff", CALIFORNIA).out.count("no difference") == 1
    rewrite(own, "more_than: 500", "at_least: 500")
    rewrite(own, "      amount: 30\n", "      amount: 45\n")
    said = " ".join(tocsin("regime", "diff", CALIFORNIA).out.split())
    assert "clock: 30 calendar days" in said
    assert "→ 45 calendar days" in said
    assert "threshold: more than 500 residents" in said
    files_ = tocsin("regime", "diff", str(SHIPPED / f"{CALIFORNIA}.yaml"), str(own), "--format", "json").json
    assert [one["what"] for one in files_["changes"]] == [
        f"{CALIFORNIA}/{slug}" for slug in ("individuals", "attorney_general")
    ]


def test_what_changed_in_the_law_between_two_days_is_told_duty_by_duty(nowhere: AtDesk) -> None:
    said = nowhere(
        "regime", "diff", CALIFORNIA, "--from", "2025-06-01", "--to", "2026-06-01", "--format", "json"
    ).json
    changes = {one["what"]: one for one in said["changes"]}
    assert changes[f"{CALIFORNIA}/individuals"]["change"] == "changed"
    assert any("30 calendar days" in field for field in changes[f"{CALIFORNIA}/individuals"]["fields"])
    begun = nowhere(
        "regime", "diff", CALIFORNIA, "--from", "2019-01-01", "--to", "2021-01-01", "--format", "json"
    ).json
    assert begun["changes"] == [{"what": CALIFORNIA, "change": "begins", "fields": []}]


@pytest.mark.parametrize(
    ("words", "code"),
    [((), 2), (("--to", "2026-01-01"), 2), (("us-ca-breach",), 1), (("none.yaml", "other.yaml"), 1)],
)
def test_a_comparison_needs_two_sides(nowhere: AtDesk, words: tuple[str, ...], code: int) -> None:
    assert nowhere("regime", "diff", *words).code == code


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
    assert [(one["id"], one["duties"]) for one in made] == [("dpa-example", 2), ("cyber-insurance", 1)]
    assert tocsin("regime", "check", "dpa-example", "cyber-insurance").code == 0
    facts = tmp_path / "facts.yaml"
    facts.write_text(
        "schema: tocsin/facts/v1\nsource: test\norganisation: {role: [processor]}\nincident: {discovered_at: 2026-11-24T09:00:00Z}\n",
        encoding="utf-8",
    )
    found = {
        one["id"]: one for one in tocsin("duties", "--facts", str(facts), "--format", "json").json["duties"]
    }
    assert (found["dpa-example/notice"]["verdict"], found["dpa-example/notice"]["due"]) == (
        "applies",
        "2026-11-25T09:00:00Z",
    )
    assert found["cyber-insurance/claim"]["due"] == "2026-11-27T09:00:00Z"
    again = tocsin("regime", "import", str(sheet))
    assert (again.code, "--replace" in again.err) == (1, True)
    assert tocsin("regime", "import", str(sheet), "--replace").code == 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("recipient,", "recipent,", "contracts.csv:1:1: error: there is no column 'recipent'"),
        (
            "incident.discovered_at,24",
            "incident.discoverd_at,24",
            "contracts.csv:2:1: error: dpa-example: there is no fact",
        ),
        (",24,hours", ",24,ours", "contracts.csv:2:1: error: dpa-example: 'ours' is not possible here"),
        ("cyber-insurance,", ",", "contracts.csv:4:1: error: 'regime' is empty"),
        (",72,hours,,", ",72,hours,,,,,", "contracts.csv:4:1: error: more values than columns"),
        ("cyber-insurance,", "../tocsin,", "contracts.csv:4:1: error: the regime is no id"),
        ("cyber-insurance,", "/etc/x,", "contracts.csv:4:1: error: the regime is no id"),
        (
            ",72,hours,,",
            ",9999,years,,",
            "contracts.csv:4:1: error: cyber-insurance: no period is longer than 100 years",
        ),
        (",72,hours,,", ",\u00b2,hours,,", "contracts.csv:4:1: error: cyber-insurance:"),
        ("cyber-insurance,", "us-ca-breach,", "us-ca-breach is a law that ships"),
    ],
)
def test_a_wrong_line_of_a_spreadsheet_is_named_and_nothing_is_written(
    tocsin: AtDesk, tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in CONTRACTS
    sheet = tmp_path / "contracts.csv"
    sheet.write_text(CONTRACTS.replace(old, new), encoding="utf-8")
    said = tocsin("regime", "import", str(sheet))
    assert said.code == 1
    assert words in said.out + said.err
    assert not (tocsin.home / "regimes" / "dpa-example.yaml").exists()
