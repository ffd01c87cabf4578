"""A decision not to notify from the command line: who may sign it, what it watches, and where it is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk
from tests.cli.test_register import INITIAL, KNOWN

WHY = ("--reason", "all badges are void")


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
    return made


@pytest.mark.parametrize(
    ("person", "error", "named"),
    [
        ("jons", "unknown_person", "jonas"),
        ("maria", "author", "maria"),
        ("zoe", "unknown_person", "zoe"),
    ],
)
def test_only_people_who_are_known_and_did_not_decide_it_themselves_sign(
    person: str, error: str, named: str, desk: AtDesk
) -> None:
    said = desk("duty", "decide", INITIAL, "--not-to-notify", *WHY, "--signed-by", person)
    assert (said.code, said.error, named in said.err) == (1, error, True), said.err


def test_only_people_with_a_role_that_signs_in_this_incident_sign(desk: AtDesk) -> None:
    words = ("duty", "decide", INITIAL, "--not-to-notify", *WHY, "--as", "ada", "--signed-by")
    said = desk(*words, "maria", "--format", "json")
    assert (said.code, said.error) == (1, "role")
    assert ("maria" in said.json["message"], "counsel" in said.json["message"]) == (True, True)
    desk.done("role", "assign", "counsel", "jonas", "ada", "maria")
    assert desk(*words, "maria").code == 0


def test_signatures_stand_wherever_the_decision_is_shown(desk: AtDesk) -> None:
    signed = ("--signed-by", "jonas", "--signed-by", "ada")
    pages = (("duties",), ("duties", "register"), ("status",))

    def named(page: tuple[str, ...]) -> set[str]:
        return {"jonas", "ada"} & set(re.findall(r"\w+", desk.done(*page)))

    assert [named(page) for page in pages] == [set()] * len(pages)
    desk.done("duty", "decide", INITIAL, "--not-to-notify", *WHY, *signed, "--watch", "people.total > 500")
    for words in ("duties", "status"):
        found = desk(words, "--format", "json").json["duties"]
        [duty] = [one for one in found if one["id"] == INITIAL]
        assert duty["record"]["signed"] == ["jonas", "ada"], words
        assert (duty["record"]["by"], duty["record"]["watch"]) == ("maria", "people.total > 500")
    [one] = desk("duties", "register", "--format", "json").json["breaches"]
    [decision] = [one_ for one_ in one["decisions"] if one_["duty"] == INITIAL]
    assert decision["signed"] == ["jonas", "ada"]
    assert [named(page) for page in pages] == [{"jonas", "ada"}] * len(pages)
    entries = desk("timeline", "--format", "json").json["entries"]
    [told] = [entry["text"] for entry in entries if entry["type"] == "DutyRecorded"]
    assert {"jonas", "ada"} <= set(re.findall(r"\w+", told))


def test_a_watch_that_holds_already_is_refused_with_the_facts_that_make_it_hold(desk: AtDesk) -> None:
    words = ("duty", "decide", INITIAL, "--not-to-notify", *WHY, "--watch", "people.total > 2")
    said = desk(*words, "--format", "json")
    assert (said.code, said.error) == (1, "watch")
    told = re.findall(r"[\w.]+", said.json["message"])
    assert (told.count("people.total"), "2" in told, "3" in told) == (2, True, True)
    assert desk("duty", "decide", INITIAL, "--not-to-notify", *WHY, "--watch", "people.total > 3").code == 0
