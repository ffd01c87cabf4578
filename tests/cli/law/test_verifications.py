"""Checks of the law by people: recorded in the home, counted apart from copies, and outdated by a changed rule."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runner.incident.law.verifications import LawChecked, fold_checks
from runner.law.regime import Level
from tests.cli.at_desk import AtDesk
from tests.cli.home.test_damaged import meddle
from tests.cli.law.test_regimes import SHIPPED

LAW = "us-az-breach"
DUTY = f"{LAW}/individuals"
PAGE = "https://www.azleg.gov/ars/18/00552.htm"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DONE = (DUTY, "--by", "jonas", "--source", PAGE)


def levels(desk: AtDesk, name: str = LAW) -> dict[Level, int]:
    found: dict[Level, int] = desk("regime", "check", name, "--format", "json").json["confidence"]
    return found


def duty(desk: AtDesk, name: str = DUTY) -> dict[str, Any]:
    shown = desk("regime", "show", LAW, "--format", "json").json["duties"]
    return next(one for one in shown if one["id"] == name)


def changed(desk: AtDesk) -> None:
    """Change the clock of a duty in the home's copy of the law."""
    folder = desk.home / "regimes"
    folder.mkdir(exist_ok=True)
    shutil.copy(str(SHIPPED / f"{LAW}.yaml"), folder)
    text = (folder / f"{LAW}.yaml").read_text(encoding="utf-8")
    (folder / f"{LAW}.yaml").write_text(text.replace("amount: 45", "amount: 46"), encoding="utf-8")


def test_words_of_a_copy_and_checks_of_persons_are_counted_apart(nowhere: AtDesk, tocsin: AtDesk) -> None:
    found = nowhere("regime", "check", "--format", "json").json
    assert set(found["confidence"]) == {"verified", "text", "secondary", "unverified"}
    assert (found["confidence"]["verified"], found["confidence"]["text"] >= 120) == (0, True)
    assert sum(found["shares"].values()) == pytest.approx(1, abs=0.001)
    before = levels(tocsin)
    tocsin.done("regime", "verify", *DONE)
    after = levels(tocsin)
    assert (after["verified"], after["text"]) == (1, before["text"] - 1)
    [row] = [
        row
        for row in tocsin("regime", "list", "--in", "US-AZ", "--format", "json").json["regimes"]
        if row["id"] == LAW
    ]
    assert row["levels"] == after


def test_a_law_is_shown_with_its_words_and_who_opened_the_page(tocsin: AtDesk) -> None:
    words = duty(tocsin)["words"]
    assert [(one["ref"], one["url"], "by" in one) for one in words] == [("A.R.S. § 18-552(B)", PAGE, False)]
    tocsin.done("regime", "verify", *DONE)
    found = duty(tocsin)
    assert (found["confidence"], found["verification"]["by"], found["verification"]["on"]) == (
        "verified",
        "jonas",
        "2026-11-24",
    )
    page = tocsin.done("regime", "show", LAW).split()
    assert {"Jansen", f"{PAGE}"} <= set(page)


def test_a_check_of_a_whole_law_is_one_of_each_duty(tocsin: AtDesk) -> None:
    said = tocsin("regime", "verify", LAW, "--by", "Jane Roe", "--source", PAGE, "--format", "json").json
    assert (said["by"], said["recorded_by"], set(said["rules"]) > {LAW, DUTY}) == ("Jane Roe", "maria", True)
    assert levels(tocsin) == {"verified": 5, "text": 0, "secondary": 0, "unverified": 0}


def test_a_rule_that_changes_outdates_its_check_and_no_other(tocsin: AtDesk) -> None:
    owner = f"{LAW}/data_owner"
    tocsin.done("regime", "verify", *DONE)
    tocsin.done("regime", "verify", owner, "--by", "jonas", "--source", PAGE)
    changed(tocsin)
    found = tocsin("regime", "check", LAW, "--format", "json").json
    assert (found["outdated"], found["confidence"]["verified"]) == ([DUTY], 1)
    assert (duty(tocsin)["confidence"], duty(tocsin)["verification"]["outdated"]) == ("text", True)
    assert duty(tocsin, owner)["confidence"] == "verified"
    assert DUTY in tocsin.done("regime", "check", LAW)
    tocsin.done("regime", "verify", *DONE)
    assert tocsin("regime", "check", LAW, "--format", "json").json["outdated"] == []


def test_an_incident_shows_the_check_of_the_rule_that_it_has(tocsin: AtDesk) -> None:
    facts = ("organisation.does_business_in=US-AZ", "people.by_jurisdiction.US-AZ=600", "data.elements=ssn")
    tocsin.done("open", "lost-device", "--yes", *(word for fact in facts for word in ("--fact", fact)))
    tocsin.done("regime", "verify", *DONE)
    changed(tocsin)
    rows = {row["id"]: row for row in tocsin("duties", "--format", "json").json["duties"]}
    assert rows[DUTY]["confidence"] == "verified"
    assert rows[DUTY]["verification"] == {"by": "jonas", "on": "2026-11-24", "url": PAGE}
    assert rows[f"{LAW}/attorney_general"]["confidence"] == "text"
    assert PAGE in "".join(tocsin.done("duties", "--why", "--all").split())


def test_a_page_of_another_site_needs_a_reason_that_is_shown(tocsin: AtDesk) -> None:
    mirror = PAGE.replace("www.azleg.gov", "example.org")
    tocsin.done("regime", "verify", DUTY, "--by", "jonas", "--source", mirror, "--reason", "offline")
    assert (duty(tocsin)["verification"]["url"], duty(tocsin)["verification"]["reason"]) == (
        mirror,
        "offline",
    )
    assert "offline" in tocsin.done("regime", "show", LAW)


def test_a_check_that_an_earlier_version_withdrew_does_not_count() -> None:
    made = LawChecked(rules={DUTY: "a"}, by="jonas", on=NOON.date())
    gone = LawChecked(rules={DUTY: "a"}, by="jonas", on=NOON.date(), withdrawn=True)
    assert fold_checks([(1, NOON, made)]).found == {DUTY: made}
    assert fold_checks([(1, NOON, made), (2, NOON, gone)]).found == {}


def test_damaged_checks_are_reported_and_the_duties_are_still_shown(tocsin: AtDesk) -> None:
    facts = ("organisation.does_business_in=US-AZ", "people.by_jurisdiction.US-AZ=600", "data.elements=ssn")
    tocsin.done("open", "lost-device", "--yes", *(word for fact in facts for word in ("--fact", fact)))
    tocsin.done("regime", "verify", *DONE)
    meddle(tocsin, "UPDATE events SET payload = ? WHERE incident = 'law'", b"\x01" * 60)
    said = tocsin("duties", "--format", "json")
    assert (said.code, said.warnings) == (0, ["checks_unreadable"])
    rows = {row["id"]: row["confidence"] for row in said.json["duties"]}
    assert rows[DUTY] == "text"
    assert [tocsin(*words).code for words in (("status",), ("duty", "show", DUTY), ("law", "show"))] == [
        0
    ] * 3
    found = tocsin("doctor", "--offline", "--format", "json").json["findings"]
    assert [one["severity"] for one in found if one["code"] == "checks_unreadable"] == ["error"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((f"{LAW}/nobody", "--by", "jonas", "--source", PAGE), "unknown_duty"),
        (("us-zz-breach", "--by", "jonas", "--source", PAGE), "unknown_regime"),
        ((DUTY, "--by", "jona", "--source", PAGE), "unknown_person"),
        ((DUTY, "--by", "jonas", "--source", PAGE.replace("https", "http")), "bad_source"),
        ((DUTY, "--by", "jonas", "--source", "https://ada:pw@example.org/law"), "bad_source"),
        ((DUTY, "--by", "jonas", "--source", f"{PAGE}?Token=abc"), "secret_in_source"),
        ((DUTY, "--by", "jonas", "--source", f"{PAGE};jsessionid=abc"), "secret_in_source"),
        ((DUTY, "--by", "jonas", "--source", f"{PAGE}#access_token=abc"), "secret_in_source"),
        ((DUTY, "--by", "jonas", "--source", "https://www.azleg.gov/"), "bad_source"),
        ((DUTY, "--by", "jonas", "--source", "https://www.azleg.gov/", "--reason", "moved"), "bad_source"),
        ((DUTY, "--by", "jonas", "--source", "https://example.org/ars/18/00552.htm"), "other_source"),
        ((DUTY, "--by", "jonas"), "option_missing"),
    ],
)
def test_a_check_that_cannot_be_one_is_refused(tocsin: AtDesk, words: tuple[str, ...], error: str) -> None:
    said = tocsin("regime", "verify", *words)
    assert (said.code > 0, said.error) == (True, error)
    assert levels(tocsin)["verified"] == 0


def test_what_nobody_looked_at_is_listed_by_its_last_day(tocsin: AtDesk) -> None:
    found = tocsin("regime", "check", "--stale", "180d", "--format", "json").json["stale"]
    last = {one["duty"]: one["last"] for one in found}
    assert (last["us-ga-breach/individuals"], DUTY in last) == ("2016-01-01", False)
    never = {one["duty"] for one in found if one["last"] is None}
    assert {one["duty"] for one in found if one["confidence"] == "unverified"} <= never
    assert found == sorted(found, key=lambda one: (one["last"] or "", one["duty"]))
    tocsin.clock.advance(timedelta(days=300))
    aged = tocsin("regime", "check", LAW, "--stale", "180d", "--format", "json").json["stale"]
    assert DUTY in {one["duty"] for one in aged}
    tocsin.done("regime", "verify", *DONE)
    left = tocsin("regime", "check", LAW, "--stale", "180d", "--format", "json").json["stale"]
    assert DUTY not in {one["duty"] for one in left}
    page = tocsin.done("regime", "check", LAW, "--stale", "180d")
    assert all(one["duty"] in page for one in left)
    wrong = tocsin("regime", "check", "--stale", "soon")
    assert (wrong.code, wrong.error) == (2, "bad_duration")


def test_text_without_words_counts_as_secondary_and_is_a_warning(tocsin: AtDesk) -> None:
    changed(tocsin)
    file = tocsin.home / "regimes" / f"{LAW}.yaml"
    unseen = re.sub(r"\n +seen(_in)?: .*", "", file.read_text(encoding="utf-8"))
    file.write_text(unseen, encoding="utf-8")
    said = tocsin("regime", "check", LAW, "--format", "json")
    assert (said.code, said.json["confidence"]["text"]) == (0, 0)
    assert {(one["severity"], one["code"]) for one in said.json["problems"]} == {("warning", "regime-words")}


def test_laws_are_listed_without_a_word_where_the_home_has_no_database(nowhere: AtDesk) -> None:
    nowhere.home.mkdir(exist_ok=True)
    (nowhere.home / "tocsin.yaml").write_text("schema: tocsin/home/v1\n", encoding="utf-8")
    assert nowhere("regime", "check", LAW).warnings == []
    (nowhere.home / "tocsin.db").write_text("no database", encoding="utf-8")
    said = nowhere("regime", "check", LAW)
    assert (said.code, said.warnings) == (0, ["checks_unreadable"])
