"""With groups of people, data are recorded for a group: no law reads what is said of all of them together."""

from __future__ import annotations

from pathlib import Path

from tests.cli.at_desk import AtDesk

PLAY = """\
schema: tocsin/playbook/v1
name: groups
version: 1.0.0
title: Groups
roles: {commander: {title: Commander}}
steps:
  - id: whose
    form: Which data?
    skip_if_known: true
    fields:
      - {fact: data.elements, ask: Which types of data are affected?}
      - {fact: data.with_name, ask: Were names among them?}
      - {fact: data.encrypted, ask: Were the data encrypted?}
"""
SAID = ("--source", "ana")
GROUP = "populations.staff.people.total=900"


def opened(tocsin: AtDesk, folder: Path) -> AtDesk:
    tocsin.settings(roles={"commander": ["maria"]})
    (folder / "groups.yaml").write_text(PLAY, encoding="utf-8")
    tocsin.done("open", str(folder / "groups.yaml"), "--yes")
    return tocsin


def test_kinds_of_data_without_a_group_are_refused_and_nothing_is_recorded(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = opened(tocsin, tmp_path)
    assert desk("fact", "set", GROUP, "data.elements=name", *SAID).error == "group_missing"
    desk.done("fact", "set", GROUP, *SAID)
    assert desk("fact", "set", "data.elements=name", *SAID).error == "group_missing"
    assert desk("answer", "whose", "data.elements=name", "data.encrypted=no").error == "group_missing"
    assert desk("fact", "show", "data", "--format", "json").json["facts"] == []


def test_the_form_is_answered_by_the_facts_of_the_groups(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = opened(tocsin, tmp_path)
    more = ("populations.staff.data.with_name=yes", "populations.customers.data.with_name=no")
    desk.done("fact", "set", GROUP, "populations.staff.data.elements=name", *more, *SAID)
    desk.done("answer", "whose", "data.encrypted=no")
    fields = desk("task", "show", "whose", "--format", "json").json["fields"]
    states = {one["fact"]: one["state"] for one in fields}
    assert states == {"data.elements": "known", "data.with_name": "known", "data.encrypted": "answered"}
