"""The run card: a playbook on paper, with numbers in clear where there is a home and with roles alone where there is none."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from runner.playbook.catalogue import Catalog
from tests.cli.at_desk import AtDesk, compare


def test_the_card_lists_people_tasks_due_times_and_numbers(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.done("person", "add", "maria", "--contact", "phone=+15005550006")
    card = tocsin.done("playbook", "card", str(playbook))
    compare("playbook.card", card, tocsin.home)
    assert "+15005550006" in card


def test_without_a_home_it_names_roles_alone_and_makes_none(nowhere: AtDesk, playbook: Path) -> None:
    compare("playbook.card.roles", nowhere.done("playbook", "card", str(playbook)), nowhere.home)
    assert "dpo" in nowhere.done("playbook", "card", "lost-device").split()
    assert not nowhere.home.exists()


def test_it_is_written_for_its_owner_alone(tocsin: AtDesk, playbook: Path) -> None:
    for name, begin in (("card.pdf", b"%PDF"), ("card.txt", b"")):
        path = playbook.with_name(name)
        said = tocsin("playbook", "card", str(playbook), "--out", str(path))
        assert said.code == 0
        compare("playbook.card.written", said.err.replace(str(path), "CARD"), tocsin.home)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes().startswith(begin)
        assert path.stat().st_size > 500


def test_a_pdf_is_not_printed_on_a_terminal_and_nothing_else_is_made(tocsin: AtDesk) -> None:
    for words, code in (
        (("--to", "pdf"), "option_missing"),
        (("--to", "docx"), "unknown_format"),
        (("--format", "json"), "unknown_format"),
    ):
        said = tocsin("playbook", "card", "lost-device", *words)
        assert (said.code, said.error) == (2, code)


FIRST = """\
schema: tocsin/playbook/v1
name: first
version: 1.0.0
title: First
roles: {commander: {title: Incident commander}, technical: {title: Technical lead}}
steps:
  - {id: late, task: Write the report, role: commander, due: 3d}
  - {id: find, task: Find the systems, role: technical, due: 30m}
  - {id: both, task: Decide, role: commander, due: 15m, after: [find, pause]}
  - {id: either, task: Tell the staff, role: commander, due: 5m, after: {any: [find, pause]}}
  - {id: pause, wait: 1h}
  - {id: never, task: Only if encrypted, role: technical, due: 1m, when: data.encrypted}
  - {id: list, task: List the systems, role: technical, due: 10m, profile: large}
  - {id: inner, group: Inner, after: [find], steps: [{id: one, task: Copy the logs, role: technical, due: 20m}]}
"""


def test_the_first_hour_card_has_the_first_tasks_by_time_and_the_people_to_call(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    path = tmp_path / "first.yaml"
    path.write_text(FIRST, encoding="utf-8")
    tocsin.settings(
        profile="small",
        roles={"commander": ["maria"], "counsel": ["jonas"]},
        small={"technical": "commander"},
        insurance={"hotline": "+49 30 5550100", "policy": "CY-1", "notice_hours": 24},
        war_rooms={"bridge": {"address": "+49 30 5550199"}},
    )
    tocsin.done("person", "add", "maria", "--contact", "phone=+15005550006")
    compare(
        "playbook.card.first-hour", tocsin.done("playbook", "card", str(path), "--first-hour"), tocsin.home
    )
    large = tocsin.done("playbook", "card", str(path), "--first-hour", "--profile", "large")
    assert "systems" in large.split()


@pytest.mark.parametrize("profile", ["small", "large"])
def test_every_first_hour_card_fits_on_one_page(tocsin: AtDesk, profile: str) -> None:
    roles = ("commander", "counsel", "technical", "dpo", "communications", "executive", "finance", "hr")
    people = {f"{role}{n}": {"name": f"{role} {n} with a long name"} for role in roles for n in range(3)}
    for person in people.values():
        person["contacts"] = [{"channel": "phone", "address": "+15005550006"}]  # type: ignore[assignment]
    tocsin.settings(people=people, roles={role: [f"{role}{n}" for n in range(3)] for role in roles})
    for name in Catalog().playbook_names():
        card = tocsin.done("playbook", "card", name, "--first-hour", "--profile", profile).splitlines()
        assert len(card) <= 60, name
        assert max(map(len, card)) <= 80, name
