"""A decision not to notify from the command line: who confirmed it, what it watches, and where it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.law.test_register import INITIAL, KNOWN

WHY = ("--reason", "all badges are void", "--ground", "none")


@pytest.fixture
def desk(tmp_path: Path) -> AtDesk:
    """An incident of three people whose badges were lost; counsel (jonas, ada) signs in it."""
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    made = AtDesk(tmp_path / "home")
    made.done("init")
    made.settings()
    facts = [word for fact in KNOWN for word in ("--fact", fact)]
    made.done("open", str(playbook), "--yes", "--fact", "incident.summary=lost", *facts)
    made.done("role", "assign", "executive", "maria")
    return made


def test_signatures_are_shown_with_the_decision(desk: AtDesk) -> None:
    pages = (("duties",), ("duties", "register"), ("status",))

    def named(page: tuple[str, ...]) -> set[str]:
        return {"jonas", "maria"} & set(re.findall(r"\w+", desk.done(*page)))

    words = ("duty", "decide", INITIAL, "--not-to-notify", *WHY, "--watch", "people.total > 500")
    entry = desk(*words, "--as", "jonas", "--format", "json").json["second_person"][0]
    assert "jonas" not in named(("duties", "register"))
    desk.done("confirm", str(entry), "--as", "maria")
    for page in ("duties", "status"):
        found = desk(page, "--format", "json").json["duties"]
        [duty] = [duty for duty in found if duty["id"] == INITIAL]
        assert duty["record"]["signed"] == ["maria"], page
        assert (duty["record"]["by"], duty["record"]["watch"]) == ("jonas", "people.total > 500")
    [one] = desk("duties", "register", "--format", "json").json["breaches"]
    [decision] = [one_ for one_ in one["decisions"] if one_["duty"] == INITIAL]
    assert decision["signed"] == ["maria"]
    assert [named(page) for page in pages] == [{"jonas", "maria"}] * len(pages)
    entries = desk("timeline", "--format", "json").json["entries"]
    [told] = [entry["text"] for entry in entries if entry["type"] == "DutyRecorded"]
    assert {"maria"} <= set(re.findall(r"\w+", told))


def test_a_watch_that_holds_already_is_refused_with_the_facts_that_make_it_hold(desk: AtDesk) -> None:
    words = ("duty", "decide", INITIAL, "--not-to-notify", *WHY, "--watch", "people.total > 2")
    said = desk(*words, "--as", "jonas", "--format", "json")
    assert (said.code, said.error) == (1, "watch")
    told = re.findall(r"[\w.]+", said.json["message"])
    assert (told.count("people.total"), "2" in told, "3" in told) == (2, True, True)
    assert desk(*words[:-1], "people.total > 3", "--as", "jonas").code == 0


def test_to_correct_a_confirmed_proposal_withdraws_its_decision(desk: AtDesk) -> None:
    words = ("duty", "decide", INITIAL, "--not-to-notify", *WHY)
    entry = desk(*words, "--as", "jonas", "--format", "json").json["second_person"][0]
    said = desk.done("confirm", str(entry), "--as", "maria")
    entries = desk("timeline", "--format", "json").json["entries"]
    [decision] = [str(one["event"]) for one in entries if one["type"] == "DutyRecorded"]
    assert decision in re.findall(r"\d+", said)
    told = desk("correct", str(entry), "--reason", "the key was stolen")
    assert (decision in re.findall(r"\d+", told.out), INITIAL in told.out) == (True, True)
    [duty] = [one for one in desk("duties", "--format", "json").json["duties"] if one["id"] == INITIAL]
    assert duty.get("record") is None
    desk.done("duty", "record-filed", INITIAL, "--reference", "4711")
    desk.done("correct", str(entry), "--reason", "once more")
    [duty] = [one for one in desk("duties", "--format", "json").json["duties"] if one["id"] == INITIAL]
    assert duty["record"]["reference"] == "4711", "a later filing is no part of the proposal"
