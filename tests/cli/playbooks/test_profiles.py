"""Profiles as a person meets them: settings, ``open``, ``migrate``, playbook tests, and old incidents."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

TWO = """\
schema: tocsin/playbook/v1
name: two
version: 1.0.0
title: Two profiles
roles: {commander: {title: Commander}, technical: {title: Technical lead}, hr: {title: Personnel}}
steps:
  - {id: find, task: Find the systems, role: technical, due: 1h}
  - {id: list, task: List the systems, role: hr, due: 1h, profile: large, after: [find]}
  - {id: isolate, task: Isolate the systems, role: technical, due: 2h, after: [list]}
  - {id: call, playbook: inner, after: [find]}
"""
INNER = """\
schema: tocsin/playbook/v1
name: inner
version: 1.0.0
title: Inner
roles: {commander: {title: Commander}}
steps:
  - {id: one, task: One, role: commander, due: 1h}
  - {id: more, task: More, role: commander, due: 1h, profile: large}
"""
TESTS = """\
schema: tocsin/playbook-test/v1
playbook: two
laws: []
notices: []
usual: {profile: small}
cases:
  - {name: small, expect: {path: {}, times: {list: 0, call.more: 0}}}
  - {name: large, profile: large, expect: {path: {}, times: {list: 1, call.more: 1}}}
"""


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A playbook with both profiles, and its tests."""
    folder = tmp_path / "books"
    (folder / "tests").mkdir(parents=True)
    (folder / "two.yaml").write_text(TWO, encoding="utf-8")
    (folder / "inner.yaml").write_text(INNER, encoding="utf-8")
    (folder / "tests" / "two.yaml").write_text(TESTS, encoding="utf-8")
    return folder / "two.yaml"


def steps(tocsin: AtDesk) -> dict[str, str]:
    """Return the newest state of each step."""
    tasks = tocsin("task", "list", "--format", "json").json["tasks"]
    return {task["invocation"].partition(":")[2]: task["state"] for task in tasks}


def profiles(tocsin: AtDesk) -> list[str]:
    return [one.get("profile", "large") for one in tocsin("status", "--format", "json").json["playbooks"]]


def test_an_incident_has_the_profile_of_the_option_else_of_the_settings_else_large(
    tocsin: AtDesk, two: Path
) -> None:
    tocsin.done("open", str(two), "--yes")
    assert profiles(tocsin) == ["large"]
    tocsin.done("open", str(two), "--yes", "--profile", "small")
    assert profiles(tocsin) == ["small"]
    assert "(small" in tocsin.done("status")
    tocsin.settings(profile="small")
    tocsin.done("open", str(two), "--yes")
    assert profiles(tocsin) == ["small"]
    tocsin.done("graft", str(two), "--reason", "again")
    assert profiles(tocsin) == ["small", "small"]
    assert tocsin("open", str(two), "--yes", "--profile", "tiny").error == "unknown_profile"


def test_both_profiles_pin_the_same_digest(tocsin: AtDesk, two: Path) -> None:
    digests = set()
    for profile in ("small", "large"):
        tocsin.done("open", str(two), "--yes", "--profile", profile)
        digests.add(tocsin("status", "--format", "json").json["playbooks"][0]["digest"])
    assert len(digests) == 1


def test_migrate_changes_the_profile_of_an_open_incident_and_back(tocsin: AtDesk, two: Path) -> None:
    tocsin.done("open", str(two), "--yes", "--profile", "small")
    assert {"list#1", "call.more#1"}.isdisjoint(steps(tocsin))
    tocsin.done("task", "done", "find")
    refused = tocsin("migrate", "--profile", "large")
    assert refused.error == "reason_missing"
    plan = tocsin("migrate", "--profile", "large", "--plan", "--format", "json").json["plan"]
    assert (plan["old"], plan["new"], plan["profile"]) == ("1.0.0", "1.0.0", "large")
    assert set(plan["added"]) == {"two:list#1", "two:call.more#1"}
    tocsin.done("migrate", "--profile", "large", "--reason", "more people came")
    assert profiles(tocsin) == ["large"]
    assert steps(tocsin)["list#1"] == steps(tocsin)["call.more#1"] == "ready"
    assert steps(tocsin)["isolate#1"] == "ready"  # its due time runs already
    tocsin.done("task", "start", "list")
    tocsin.done("migrate", "--profile", "small", "--reason", "they left")
    assert steps(tocsin)["list#1"] == steps(tocsin)["call.more#1"] == "cancelled"
    assert steps(tocsin)["isolate#1"] == "ready"
    shown = tocsin("task", "show", "list", "--format", "json").json
    assert shown["task"]["reason"] == "they left"
    assert tocsin("migrate", "--profile", "small", "--reason", "again").error == "not_newer"
    assert tocsin("migrate", "--reason", "nothing").error == "option_missing"
    report = tocsin.home / "report.md"
    tocsin.done("report", "--out", str(report))
    assert "two 1.0.0 (small profile)" in report.read_text(encoding="utf-8")


def test_a_role_that_nobody_has_merges_in_the_small_profile(tocsin: AtDesk, two: Path) -> None:
    merges = {"technical": "commander", "hr": "commander"}
    tocsin.settings(roles={"commander": ["ana"]}, small=merges)
    for profile, held in (("large", []), ("small", ["ana"])):
        tocsin.done("open", str(two), "--yes", "--profile", profile)
        service = tocsin.office()
        incident = service.load(service.incidents()[-1].id)
        assert list(incident.roles.get("technical", ())) == held


def test_a_small_home_checks_the_persons_of_its_profile_only(tocsin: AtDesk, two: Path) -> None:
    people = {"roles": {"commander": ["ana"]}, "small": {"technical": "commander"}}
    tocsin.settings(**people)
    problems = tocsin("playbook", "validate", str(two), "--format", "json").json["problems"]
    assert [one["code"] for one in problems] == ["role-not-held", "role-not-held"]
    tocsin.settings(profile="small", **people)
    assert tocsin("playbook", "validate", str(two), "--format", "json").json["problems"] == []


def test_init_writes_the_profile_and_the_merges_of_a_small_organisation(nowhere: AtDesk) -> None:
    from runner.files.settings_file import load_home

    nowhere.done("init", "--profile", "small")
    home = load_home(nowhere.home / "tocsin.yaml")
    assert home.profile == "small"
    assert home.small == {"technical": "commander", "communications": "commander", "dpo": "counsel"}


def test_show_and_graph_leave_out_the_steps_of_the_other_profile(nowhere: AtDesk, two: Path) -> None:
    for profile, count in (("large", 4), ("small", 3)):
        shown = nowhere("playbook", "show", str(two), "--profile", profile, "--format", "json").json
        assert len(shown["steps"]) == count
        chart = nowhere.done("playbook", "graph", str(two), "--profile", profile)
        assert ("<br/>List" in chart) == (profile == "large")


def test_playbook_tests_run_both_profiles(nowhere: AtDesk, two: Path) -> None:
    report = nowhere("playbook", "test", str(two), "--format", "json")
    assert report.code == 0, report.out
    assert [case["passed"] for case in report.json["files"][0]["cases"]] == [True, True]


def test_the_facts_of_a_playbook_are_recorded_as_assumed_at_its_start(tocsin: AtDesk, two: Path) -> None:
    text = two.read_text(encoding="utf-8").replace(
        "roles:", "facts: {incident.vector: ransomware}\nroles:", 1
    )
    two.write_text(text, encoding="utf-8")
    tocsin.done("open", str(two), "--yes")
    (found,) = [
        fact
        for fact in tocsin("fact", "show", "--format", "json").json["facts"]
        if fact["confidence"] == "assumed"
    ]
    assert (found["key"], found["source"]) == ("incident.vector", "playbook two")
    tocsin.done("open", str(two), "--yes", "--fact", "incident.vector=unknown")
    assert "assumed" not in tocsin.done("fact", "show")
    assert "incident.vector" in tocsin.done("timeline")


def test_a_test_made_from_an_incident_has_its_profile_and_no_assumed_fact(tocsin: AtDesk, two: Path) -> None:
    text = two.read_text(encoding="utf-8").replace(
        "roles:", "facts: {incident.vector: ransomware}\nroles:", 1
    )
    two.write_text(text, encoding="utf-8")
    tocsin.done("open", str(two), "--yes", "--profile", "small", "--kind", "test")
    made = tocsin.done("playbook", "fixture", "--from-incident", "amber-falcon")
    assert "small" in made.split()
    assert "incident.vector" not in made


HORIZONS = """\
schema: tocsin/playbook/v1
name: horizons
version: 1.0.0
title: Horizons
roles: {commander: {title: Commander}}
steps:
  - {id: soon, task: Soon, role: commander, due: 1h}
  - {id: marked, task: Marked, role: commander, due: 20h, horizon: now}
  - {id: daily, task: Daily, role: commander, due: 12h}
  - {id: week, task: Week, role: commander, due: 7d}
  - {id: month, task: Month, role: commander, horizon: later}
  - {id: contain, task: Contain, role: commander, due: 3d, phase: containment}
  - {id: pause, wait: 30d, title: Pause}
"""


def test_next_and_status_list_the_present_horizon_and_count_the_others(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    path = tmp_path / "horizons.yaml"
    path.write_text(HORIZONS, encoding="utf-8")
    tocsin.done("open", str(path), "--yes")

    def listed(*words: str) -> tuple[list[str], dict[str, int]]:
        report = tocsin("next", *words, "--format", "json").json
        return [one["text"] for one in report["next"]], report["folded"]

    assert listed() == (["Contain", "Soon", "Marked"], {"today": 1, "later": 2})
    assert set(listed("--all")[0]) >= {"Contain", "Soon", "Marked", "Daily", "Week", "Month"}
    page = tocsin.done("status")
    assert "Daily" not in page
    assert "Daily" in tocsin.done("status", "--all")
    tocsin.clock.advance(timedelta(hours=11, minutes=30))
    assert "Daily" in listed()[0]  # half an hour is left
    for step in ("contain", "soon", "marked"):
        tocsin.done("task", "done", step)
    tocsin.done("task", "done", "daily")
    assert (listed()[0][:2], listed()[1]) == (["Week", "Month"], {})
    assert "Week" in tocsin.done("status")  # a wait of the program hides no task of a person


SMALLER = """\
schema: tocsin/playbook/v1
name: smaller
version: 1.0.0
title: Smaller
roles: {commander: {title: Commander}, executive: {title: Management}, hr: {title: Personnel}}
messages:
  brief: {class: status-update, to: ["role:executive", "role:commander", "role:hr"], subject: Brief, text: Read.}
  short: {class: status-update, to: ["role:commander", "role:hr"], subject: Brief, text: Read.}
steps:
  - {id: find, task: Find the systems, role: commander, due: 1h}
  - {id: insurer, task: Notify the insurer, role: executive, due: 1h, profile: large}
  - {id: tell, message: brief, profile: large}
  - {id: tell, message: short, profile: small}
"""


def test_a_plan_names_who_is_not_asked_and_why(tocsin: AtDesk) -> None:
    book = tocsin.home / "smaller.yaml"
    book.write_text(SMALLER, encoding="utf-8")
    tocsin.settings(roles={"commander": ["ana"], "executive": ["eva"]}, profile="small")
    opened = tocsin("open", str(book), "--yes", "--format", "json").json["plan"]
    left = {"role": "executive", "title": "Management", "people": ["eva"], "why": "small"}
    left |= {"steps": ["Notify the insurer"], "messages": ["brief"]}
    nobody = {"role": "hr", "title": "", "people": [], "why": "nobody", "steps": [], "messages": ["short"]}
    assert opened["not_asked"] == [left]
    assert tocsin("message", "plan", "--format", "json").json["not_asked"] == [left, nobody]
    shown = tocsin("message", "send", "Call", "--to", "everybody")
    assert "(Management)" in shown.err
    tocsin.done("open", str(book), "--yes", "--profile", "large")
    (rest,) = tocsin("message", "plan", "--format", "json").json["not_asked"]
    assert (rest["role"], rest["why"]) == ("hr", "nobody")
