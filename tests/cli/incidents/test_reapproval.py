"""Only changed bytes void an approval; all void approvals can be renewed at once with the changes shown."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.notices.noticed import DUTY, PLAYBOOK, noticed, rendered, verified


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
    before = rendered(desk)
    version = desk("status", "--format", "json").json["version"]
    said = desk("notice", "render", "draft", "--format", "json")
    assert (said.code, said.json["version"], rendered(desk)) == (0, version, before)
    assert desk("approve", "--void", "--as", "ada").error == "nothing_void"


def test_a_rendering_names_the_entry_of_the_journal_behind_each_fact(tocsin: AtDesk, tmp_path: Path) -> None:
    body = "{{ incident.summary }} {{ incident.vector|label }} {% for one in populations %}{{ one.people.total|number }}{% endfor %}"
    desk = noticed(tocsin, tmp_path, body=body)
    desk.done("fact", "set", "populations.staff.people.total=7", "--source", "log")
    desk.done("notice", "render", "draft")
    desk.done("notice", "pull", "--out", str(tmp_path / "out"))
    manifest = json.loads((tmp_path / "out" / "privileged" / "manifest.json").read_text(encoding="utf-8"))
    facts = manifest["documents"][-1]["facts"]
    assert facts["incident.summary"] > 0
    assert facts["populations[staff].people.total"] > facts["incident.summary"]


def test_a_void_approval_is_given_again_with_the_redline_in_sight(desk: AtDesk) -> None:
    changed(desk)
    desk.environ["NO_COLOR"] = "1"
    said = desk("approve", "--void", "--as", "ada", types="y\n")
    assert said.code == 0, said.err
    compare("approve.void", said.err, desk.home)
    assert "noticed:sign#2" in said.out
    found = desk("task", "show", "noticed:sign#2", "--format", "json").json
    assert (found["task"]["state"], [approval["by"] for approval in found["approvals"]]) == ("done", ["ada"])


def test_only_an_approver_is_asked_again(desk: AtDesk) -> None:
    changed(desk)
    assert desk("approve", "--void", "--as", "maria").error == "nothing_void"
    none = desk("approve", "--as", "ada")
    assert (none.code, none.error) == (2, "argument_missing")
    two = desk("approve", "sign", "--digest", "a", "--digest", "b", "--as", "ada")
    assert (two.code, two.error) == (2, "digest_count")


def states(desk: AtDesk) -> dict[str, str]:
    """Return the states of the steps that approve."""
    tasks = desk("task", "list", "--format", "json").json["tasks"]
    return {task["step"]: task["state"] for task in tasks if task["kind"] == "approve"}


def test_several_steps_are_approved_together_or_not_at_all(tocsin: AtDesk, tmp_path: Path) -> None:
    playbook = tmp_path / "two.yaml"
    playbook.write_text(TWO, encoding="utf-8")
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"]})
    tocsin.done("open", str(playbook), "--yes")
    for step in ("one", "two"):
        tocsin.done("task", "done", step)
    digests = [tocsin("task", "show", step, "--format", "json").json["subject_digest"] for step in ("a", "b")]
    assert states(tocsin) == {"a": "ready", "b": "ready"}
    bad = tocsin("approve", "a", "b", "--as", "ada", "--digest", digests[0], "--digest", "sha256:no")
    assert (bad.code, bad.error, digests[1] in bad.err) == (1, "digest_changed", True)
    assert states(tocsin) == {"a": "ready", "b": "ready"}
    said = tocsin("approve", "a", "b", "--as", "ada", types="y\n")
    assert [digest in said.err for digest in digests] == [True, True]
    assert said.err.count("[y/N]") == 1, "one question for both"
    assert states(tocsin) == {"a": "done", "b": "done"}


def test_one_text_for_two_duties_is_read_and_approved_once(tocsin: AtDesk, tmp_path: Path) -> None:
    other = """\
  - {id: again, notice: short-notice, duty: eu-gdpr-34-data-subjects/individuals, after: [law]}
  - {id: sign-too, approve: again, by: {roles: [counsel]}, after: [again]}
  - {id: hand-in"""
    desk = noticed(tocsin, tmp_path, playbook=PLAYBOOK.replace("  - {id: hand-in", other))
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    for step in ("draft", "again"):
        desk.done("notice", "render", step)
        verified(desk, step)
    said = desk("approve", "sign", "--same", "--as", "ada", types="y\n")
    assert said.code == 0, said.err
    assert said.err.count("[y/N]") == 1
    assert said.err.count("DOCUMENT to approve") == 1
    assert states(desk) == {"sign": "done", "sign-too": "done"}


def test_an_approved_notice_is_filed_and_newer_text_becomes_a_supplement(desk: AtDesk) -> None:
    approved = rendered(desk)["digest"]
    changed(desk)
    newer = rendered(desk)["digest"]
    for digest, code in ((newer, "not_approved"), ("00", "unknown_digest"), (approved, "notice_stale")):
        said = desk("duty", "record-filed", DUTY, "--reference", "1", "--digest", digest)
        assert (said.code, said.error) == (1, code)
    word = ("--as", "jonas", "--as-it-was", "the portal closed before we knew")
    desk.done("duty", "record-filed", DUTY, "--reference", "4711", "--digest", approved, *word)
    found = desk("notice", "diff", "draft", "--since-filed", "--format", "json").json
    assert (found["before"]["digest"], found["before"]["filed"], found["after"]["digest"]) == (
        approved,
        True,
        newer,
    )
    desk.done("approve", "--void", "--as", "ada", types="y\n")


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
