"""The set-up interview can be repeated and keeps every setting that the person did not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.files.settings_file import load_home
from tests.cli.at_desk import AtDesk, Said

FACTS = 10
"""Questions about the organisation come first, then the insurer, the roles, mail and the webhook."""


def answers(*facts: str, insurer: str = "", roles: str = "", channels: str = "") -> str:
    """Return what a person types: one line for each question, Enter for those that are left out."""
    lines = [*facts, *([""] * (FACTS - len(facts)))]
    return "\n".join(lines) + "\n" + (insurer or "\n") + (roles or "\n" * 14) + (channels or "\n\n")


FIRST = answers(
    "Example: GmbH",
    "Germany",
    "DE",
    "Europe/Berlin",
    "controller",
    "DE",
    "AT, CH",
    "none",
    "retail",
    "none",
    "no",
    insurer="Cyber Mutual\n+49 30 555 0100\n",
    roles="\n\n\nada\nAda Adler\nada@example.org\n\n" + "\n" * 10,
    channels="mail.example.org\n465\nincident@example.org\nincident\nyes\nhttps://hooks.example.org/tocsin\nno\n",
)


def interview(tocsin: AtDesk, typed: str) -> Said:
    """Type the answers."""
    return tocsin("init", "--interview", "--format", "json", types=typed)


def settings(tocsin: AtDesk) -> Path:
    """Return the file."""
    return tocsin.home / "tocsin.yaml"


def test_a_new_home_is_set_up_by_questions(nowhere: AtDesk) -> None:
    said = interview(nowhere, FIRST)
    assert (said.code, said.json["beside"]) == (0, "")
    home = load_home(settings(nowhere))
    assert home.organisation == {
        "name": "Example: GmbH",
        "country": "DE",
        "zone": "Europe/Berlin",
        "role": ["controller"],
        "established_in": ["DE"],
        "offers_to": ["AT", "CH"],
        "does_business_in": [],
        "sectors": ["retail"],
        "regulated_as": [],
        "public_body": False,
    }
    assert (home.roles["counsel"], home.roles["commander"]) == (("ada",), ("maria",))
    assert home.channels["mail"].settings["host"] == "mail.example.org"
    assert home.channels["mail"].confidentiality == "confidential"
    assert home.channels["mail"].secrets == {"password": "file:mail.password"}
    assert home.channels["pager"].settings == {"url": "https://hooks.example.org/tocsin"}
    people = nowhere("person", "list", "--format", "json").json["people"]
    assert home.insurance.hotline == "+49 30 555 0100"
    assert {"ada", "insurer"} <= {person["person"] for person in people}
    assert "# Facts of the organisation for every incident" in settings(nowhere).read_text()
    assert nowhere("doctor").code in (0, 4)


def test_a_repeated_interview_offers_old_answers_and_changes_only_new_ones(nowhere: AtDesk) -> None:
    interview(nowhere, FIRST)
    before = settings(nowhere).read_text()
    assert interview(nowhere, "\n" * 40).code == 0
    assert settings(nowhere).read_text() == before
    interview(nowhere, answers("", "", "Europe/Paris"))
    after = settings(nowhere).read_text()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert (len(changed), load_home(settings(nowhere)).organisation["zone"]) == (1, "Europe/Paris")


EDITED = """\
schema: tocsin/home/v1
# our own words
organisation:
  country: DE   # since 1990
  zone: Europe/Berlin
  sectors:
    - retail    # shops
    - finance
roles:
  commander: [maria]   # on call
  technical:
    - maria
"""


def test_comments_of_a_file_edited_by_hand_survive(nowhere: AtDesk) -> None:
    nowhere.done("init")
    settings(nowhere).write_text(EDITED, encoding="utf-8")
    said = interview(
        nowhere, answers("Example", "AT", "", "", "", "", "", "", "", "", roles="\n\nmaria\n" + "\n" * 11)
    )
    assert (said.code, said.json["beside"]) == (0, "")
    after = settings(nowhere).read_text()
    assert '  country: "AT"   # since 1990\n' in after
    assert ("# our own words" in after, "- retail    # shops" in after, "# on call" in after) == (True,) * 3
    assert load_home(settings(nowhere)).organisation == {
        "country": "AT",
        "zone": "Europe/Berlin",
        "sectors": ["retail", "finance"],
        "name": "Example",
    }


@pytest.mark.parametrize(
    "text",
    [
        EDITED,
        "schema: tocsin/home/v1\norganisation: {country: DE, sectors: [retail]}  # ours\n",
    ],
)
def test_settings_that_cannot_be_edited_go_to_a_second_file(nowhere: AtDesk, text: str) -> None:
    nowhere.done("init")
    settings(nowhere).write_text(text, encoding="utf-8")
    said = interview(nowhere, answers("", "", "", "", "", "", "", "health"))
    assert (said.code, "[settings_beside]" in said.err) == (0, True)
    assert said.json["beside"] == str(settings(nowhere).with_name("tocsin.yaml.new"))
    assert settings(nowhere).read_text() == text
    beside: Any = load_home(settings(nowhere).with_name("tocsin.yaml.new"))
    assert (beside.organisation["sectors"], beside.organisation["country"]) == (["health"], "DE")


def test_an_answer_of_another_form_is_asked_again(nowhere: AtDesk) -> None:
    typed = answers(channels="mail server\n\nhooks\nhttps://hooks.example.org/x\n\n")
    assert interview(nowhere, typed).code == 0
    channels = load_home(settings(nowhere)).channels
    assert ("mail" in channels, channels["pager"].settings["url"]) == (False, "https://hooks.example.org/x")


def test_a_role_that_was_given_by_a_command_changes_there(nowhere: AtDesk) -> None:
    nowhere.done("init")
    nowhere.done("person", "add", "ada", "--name", "Ada Adler")
    nowhere.done("role", "assign", "counsel", "ada", "--always")
    interview(nowhere, answers(roles="\n\n\nmaria\n" + "\n" * 9))
    rows = nowhere("role", "list", "--format", "json").json["roles"]
    assert {row["role"]: row["persons"] for row in rows}["counsel"] == ["maria"]


def test_it_needs_a_terminal_and_makes_nothing_without_one(nowhere: AtDesk) -> None:
    said = nowhere("init", "--interview")
    assert (said.code, said.error) == (1, "no_terminal")
    assert not settings(nowhere).exists()


def test_an_organisation_without_an_insurer_says_none(nowhere: AtDesk) -> None:
    assert interview(nowhere, answers(insurer="none\n")).code == 0
    assert load_home(settings(nowhere)).insurance.policy == "none"
    people = nowhere("person", "list", "--format", "json").json["people"]
    assert "insurer" not in {person["person"] for person in people}
