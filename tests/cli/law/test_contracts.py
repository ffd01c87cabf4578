"""Contract clocks from the command line: a template is copied, filled, and judged with the law."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from icalendar import Calendar

from runner.law.files.contract_file import load_contract, read_contract, unfilled
from tests.cli.at_desk import AtDesk, compare

TEMPLATES = sorted(Path(str(file)) for file in (files("playbooks") / "contracts").iterdir())
FACTS = (
    "organisation.role=controller",
    "organisation.country=DE",
    "organisation.established_in=DE",
    "organisation.zone=Europe/Berlin",
    "data.involved=true",
    "data.elements=account_number_with_code",
    "risk.to_people=risk",
    "incident.impact=confidentiality",
    "incident.suspicion_at=2026-11-24T07:00:00Z",
    "incident.aware_at=2026-11-24T08:00:00Z",
)
ACQUIRER = "contract-acquirer/acquirer"


def filled(text: str, hours: int = 24) -> str:
    text = text.replace("amount: FILL", f"amount: {hours}").replace("party: FILL", "party: Example Bank")
    return re.sub(r"\bFILL\b", "filled", text)


def fill(desk: AtDesk, name: str, hours: int = 24) -> Path:
    desk.done("regime", "import", name)
    file = desk.home / "contracts" / f"{name}.yaml"
    file.write_text(filled(file.read_text(encoding="utf-8"), hours), encoding="utf-8")
    return file


def opened(desk: AtDesk, *facts: str) -> AtDesk:
    words = [word for fact in (*FACTS, *facts) for word in ("--fact", fact)]
    desk.done("open", "payment-cards", "--yes", *words)
    return desk


def shown(desk: AtDesk) -> list[dict[str, object]]:
    found: list[dict[str, object]] = desk("duties", "--format", "json").json["duties"]
    return found


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.stem)
def test_each_template_makes_no_duty_until_it_is_filled(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    open_ = unfilled(text.encode(), str(file))
    assert open_
    assert read_contract(text.encode(), str(file)) == (None, open_)
    regime = load_contract(filled(text).encode(), str(file))
    assert regime.jurisdictions == ("contract",)
    assert [rule.level for rule in regime.versions[0].duties if rule.level == "text"] == []
    assert all(len(rule.remarks) > 1 for rule in regime.versions[0].duties)


def test_there_are_two_dozen_templates() -> None:
    assert len(TEMPLATES) >= 24


def test_the_filled_contract_with_the_acquirer_is_the_first_deadline_of_a_card_breach(tocsin: AtDesk) -> None:
    fill(tocsin, "acquirer")
    opened(tocsin, "data.payment_cards=true")
    first = shown(tocsin)[0]
    assert (first["id"], first["verdict"], first["state"]) == (ACQUIRER, "applies", "open")
    assert (first["due"], first.get("distance", 0)) == ("2026-11-25T07:00:00Z", 0)
    assert (first["jurisdiction"], first["confidence"]) == ("contract", "unverified")
    compare("contracts-duty", tocsin.done("duty", "show", ACQUIRER), tocsin.home)


def test_the_notice_to_the_cyber_insurer_is_the_form_of_its_contract(tocsin: AtDesk, tmp_path: Path) -> None:
    fill(tocsin, "cyber-insurer", 48)
    opened(tocsin, "organisation.insurance.policy=CY-2026-1", "incident.summary=Files were copied.")
    tocsin.done(
        *("notice", "render", "insurer-notice", "--duty", "contract-cyber-insurer/first-notice"),
        *("--to", "txt", "--out", str(tmp_path / "out")),
    )
    [file] = (tmp_path / "out").iterdir()
    compare("contracts-insurer-notice", file.read_text(encoding="utf-8"), tocsin.home)


def test_a_contract_is_in_the_calendar_and_the_status_and_not_in_the_register(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    fill(tocsin, "acquirer")
    opened(tocsin, "data.payment_cards=true")
    out = tmp_path / "deadlines.ics"
    tocsin.done("duties", "calendar", "--out", str(out))
    assert any(ACQUIRER in str(event["uid"]) for event in Calendar.from_ical(out.read_bytes()).walk("VEVENT"))
    assert ACQUIRER in str(tocsin("status", "--format", "json").json)
    [breach] = tocsin("duties", "register", "--format", "json").json["breaches"]
    assert [row for row in breach["decisions"] if row["duty"].startswith("contract-")] == []


def test_a_contract_whose_trigger_is_unknown_is_undetermined_and_asks_for_it(tocsin: AtDesk) -> None:
    fill(tocsin, "acquirer")
    opened(tocsin)
    [duty] = [one for one in shown(tocsin) if one["id"] == ACQUIRER]
    assert (duty["verdict"], duty["in_sight"], duty["missing_facts"]) == (
        "unknown",
        True,
        ["data.payment_cards"],
    )


def test_a_contract_is_filed_like_a_duty_of_law(tocsin: AtDesk) -> None:
    fill(tocsin, "acquirer")
    opened(tocsin, "data.payment_cards=true")
    tocsin.done("duty", "record-filed", ACQUIRER, "--reference", "call 4711")
    [duty] = [one for one in shown(tocsin) if one["id"] == ACQUIRER]
    assert duty["state"] == "filed"


def test_a_contract_that_is_not_filled_makes_no_duty_and_the_doctor_says_so(tocsin: AtDesk) -> None:
    made = tocsin("regime", "import", "acquirer", "--format", "json").json["regimes"]
    assert [(one["id"], one["duties"], one["to_fill"] > 0) for one in made] == [
        ("contract-acquirer", 0, True)
    ]
    opened(tocsin, "data.payment_cards=true")
    assert [one for one in shown(tocsin) if str(one["id"]).startswith("contract-")] == []
    checked = tocsin("regime", "check", "--format", "json")
    assert (checked.code, {one["code"] for one in checked.json["problems"]}) == (0, {"contract-not-filled"})
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert [one["severity"] for one in found if one["code"] == "contract_open"] == ["warning"]
    file = tocsin.home / "contracts" / "acquirer.yaml"
    # Where lines break hangs on the length of the folder's path: the answer is compared without its spaces.
    whole = "".join(tocsin("regime", "check", str(file)).out.split())
    compare("contracts-open", whole.replace(str(file), "\n"), tocsin.home)


def test_a_wrong_contract_is_reported_and_blocks_no_incident(tocsin: AtDesk) -> None:
    file = fill(tocsin, "acquirer")
    file.write_text(file.read_text(encoding="utf-8").replace("unit: hours", "unit: hors"), encoding="utf-8")
    checked = tocsin("regime", "check", str(file), "--format", "json")
    assert (checked.code, [one["code"] for one in checked.json["problems"]]) == (1, ["regime-choice"])
    assert tocsin("playbook", "validate", str(file)).code == 1
    opened(tocsin, "data.payment_cards=true")
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert any(one["area"] == "laws" and str(file) in str(one) for one in found)


def test_an_unknown_template_and_an_existing_copy_are_refused(tocsin: AtDesk) -> None:
    unknown = tocsin("regime", "import", "acquirers")
    assert (unknown.code, unknown.error) == (1, "unknown_template")
    file = fill(tocsin, "acquirer")
    again = tocsin("regime", "import", "acquirer")
    assert (again.code, again.error, "filled" in file.read_text(encoding="utf-8")) == (
        1,
        "regime_exists",
        True,
    )


def test_two_contracts_of_one_kind_each_have_their_clock(tocsin: AtDesk) -> None:
    file = fill(tocsin, "acquirer")
    second = file.with_name("acquirer-north.yaml")
    second.write_text(file.read_text(encoding="utf-8").replace("amount: 24", "amount: 12"), encoding="utf-8")
    opened(tocsin, "data.payment_cards=true")
    assert [one["id"] for one in shown(tocsin)[:2]] == ["contract-acquirer-north/acquirer", ACQUIRER]


def test_a_contract_that_ends_in_yml_is_read(tocsin: AtDesk) -> None:
    file = fill(tocsin, "acquirer")
    file.rename(file.with_suffix(".yml"))
    opened(tocsin, "data.payment_cards=true")
    assert shown(tocsin)[0]["id"] == ACQUIRER


@pytest.mark.parametrize(
    "name",
    [
        "contracts/bank.txt",
        "regimes/own.yaml.bak",
        "notices/own.yaml",
        "authorities/own.json",
        "playbooks/own.YAML",
    ],
)
def test_a_file_of_the_home_that_is_not_read_is_reported(tocsin: AtDesk, name: str) -> None:
    file = tocsin.home / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("schema: tocsin/contract/v1\n", encoding="utf-8")
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert [str(file) in one["what"] for one in found if one["code"] == "file_ignored"] == [True]


def test_of_two_files_with_one_name_the_second_is_reported(tocsin: AtDesk) -> None:
    file = fill(tocsin, "acquirer")
    other = file.with_suffix(".yml")
    other.write_bytes(file.read_bytes())
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert [str(other) in one["what"] for one in found if one["code"] == "file_ignored"] == [True]


def test_one_notice_serves_the_duties_of_a_contract_to_one_party(tocsin: AtDesk) -> None:
    fill(tocsin, "cyber-insurer", 48)
    opened(tocsin, "organisation.insurance.policy=CY-2026-1")
    first, consent = (f"contract-cyber-insurer/{slug}" for slug in ("first-notice", "consent"))
    refused = tocsin("duty", "record-filed", first, "--reference", "1", "--serves", ACQUIRER)
    assert refused.error == "filed_apart"
    tocsin.done("duty", "record-filed", first, "--reference", "call 4711", "--serves", consent)
    found = {one["id"]: one["state"] for one in tocsin("duties", "--all", "--format", "json").json["duties"]}
    assert (found[first], found[consent]) == ("filed", "filed")
