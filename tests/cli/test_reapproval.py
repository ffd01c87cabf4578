"""Only other bytes make an approval void; all void ones are given again at once, with what changed in sight."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.noticed import DUTY, noticed, rendered


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A final notice that ada has approved."""
    made = noticed(tocsin, tmp_path)
    made.done("fact", "set", "incident.vector=phishing", "--source", "log")
    made.done("notice", "render", "draft")
    made.done("approve", "sign", "--as", "ada", "--digest", rendered(made)["digest"])
    return made


def changed(desk: AtDesk, summary: str = "Somebody read two mailboxes.") -> None:
    desk.done("fact", "set", f"incident.summary={summary}", "--source", "log")
    desk.done("notice", "render", "draft")


def test_a_fact_that_the_notice_does_not_say_changes_no_byte_and_voids_nothing(desk: AtDesk) -> None:
    desk.clock.advance(timedelta(hours=3))
    desk.done("fact", "set", "data.encrypted=false", "--source", "log")
    said = desk.done("notice", "render", "draft")
    assert "nothing to change" in said
    assert "no approval of yours is void" in desk("approve", "--void", "--as", "ada").err


def test_a_rendering_names_the_entry_of_the_journal_behind_each_fact(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "{{ incident.summary }} {{ incident.vector|label }} {% for one in populations %}{{ one.people.total|number }}{% endfor %}"
    desk = noticed(tocsin, tmp_path, body=body)
    desk.done("fact", "set", "populations.staff.people.total=7", "--source", "log")
    desk.done("notice", "render", "draft")
    desk.done("notice", "pull", "--out", str(tmp_path / "out"))
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    facts = manifest["documents"][-1]["facts"]
    assert facts["incident.summary"] > 0
    assert facts["populations[staff].people.total"] > facts["incident.summary"]


def test_a_void_approval_is_given_again_with_the_redline_in_sight(desk: AtDesk) -> None:
    changed(desk)
    desk.environ["NO_COLOR"] = "1"
    said = desk("approve", "--void", "--as", "ada", types="y\n")
    assert said.code == 0, said.err
    assert "CHANGED since it was approved" in said.err
    assert "Somebody read [-a mailbox-]{+two mailboxes+}." in said.err
    assert "incident.summary  Somebody read a mailbox.  →  Somebody read two mailboxes." in said.err
    assert "sign#2 is approved by ada" in said.out


def test_only_who_may_approve_is_asked_again(desk: AtDesk) -> None:
    changed(desk)
    assert "no approval of yours is void" in desk("approve", "--void", "--as", "maria").err
    assert desk("approve", "--as", "ada").code == 2
    assert desk("approve", "sign", "--digest", "a", "--digest", "b", "--as", "ada").code == 2


def test_several_steps_are_approved_together_or_not_at_all(tocsin: AtDesk, tmp_path: Path) -> None:
    playbook = tmp_path / "two.yaml"
    playbook.write_text(TWO, encoding="utf-8")
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"]})
    tocsin.done("open", str(playbook), "--yes")
    for step in ("one", "two"):
        tocsin.done("task", "done", step)
    tasks = {one["step"]: one for one in tocsin("task", "list", "--format", "json").json["tasks"]}
    digests = [tocsin("task", "show", step, "--format", "json").json["subject_digest"] for step in ("a", "b")]
    assert tasks["a"]["state"] == "ready"
    bad = tocsin("approve", "a", "b", "--as", "ada", "--digest", digests[0], "--digest", "sha256:no")
    assert (bad.code, "these are not the bytes" in bad.err) == (1, True)
    said = tocsin("approve", "a", "b", "--as", "ada", types="y\n")
    assert "ada: approve these 2?" in said.err
    assert "are approved by ada" in said.out


def test_what_was_approved_is_filed_and_the_newer_text_follows_as_a_supplement(desk: AtDesk) -> None:
    approved = rendered(desk)["digest"]
    changed(desk)
    newer = rendered(desk)["digest"]
    assert (
        "was never approved" in desk("duty", "record-filed", DUTY, "--reference", "1", "--digest", newer).err
    )
    assert "no final notice" in desk("duty", "record-filed", DUTY, "--reference", "1", "--digest", "00").err
    desk.done("duty", "record-filed", DUTY, "--reference", "4711", "--digest", approved)
    found = desk("notice", "diff", "draft", "--since-filed", "--format", "json").json
    assert (found["before"]["digest"], found["before"]["filed"], found["after"]["digest"]) == (
        approved,
        True,
        newer,
    )
    desk.done("approve", "--void", "--as", "ada", types="y\n")


def test_without_a_digest_the_approved_text_is_what_was_filed(desk: AtDesk) -> None:
    approved = rendered(desk)["digest"]
    changed(desk)
    desk.done("duty", "record-filed", DUTY, "--reference", "4711")
    found = desk("notice", "diff", "draft", "--since-filed", "--format", "json").json
    assert found["before"]["digest"] == approved


TWO = """\
schema: tocsin/playbook/v1
name: two
version: 1.0.0
title: Two
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: one, task: One, role: commander}
  - {id: two, task: Two, role: commander}
  - {id: a, approve: one, by: {roles: [counsel]}, after: [one]}
  - {id: b, approve: two, by: {roles: [counsel]}, after: [two]}
"""
