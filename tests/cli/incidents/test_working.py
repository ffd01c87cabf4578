"""Steps, answers and approvals from the command line."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from runner.reports.core.formatting import short_digest
from tests.cli.at_desk import AtDesk, compare


def states(tocsin: AtDesk) -> dict[str, str]:
    return {task["step"]: task["state"] for task in tocsin("task", "list", "--format", "json").json["tasks"]}


def signing(tocsin: AtDesk) -> str:
    """Work until the report can be signed and return its digest."""
    tocsin.done("task", "done", "block", "--all")
    tocsin.done("answer", "used", "no")
    tocsin.done("task", "done", "report", "--comment", "written")
    return str(tocsin("task", "show", "sign", "--format", "json").json["subject_digest"])


def test_a_step_is_found_by_its_id_its_invocation_and_its_row_number(incident: AtDesk) -> None:
    row = next(
        task["row"]
        for task in incident("task", "list", "--format", "json").json["tasks"]
        if task["step"] == "block"
    )
    for name in ("block", "block#1", "lost-badge:block#1", str(row)):
        assert incident("task", "show", name, "--format", "json").json["task"]["step"] == "block"


def test_a_step_that_is_not_there_is_refused_with_the_nearest(incident: AtDesk) -> None:
    said = incident("task", "done", "blok")
    assert (said.code, said.error, "block" in said.err) == (1, "unknown_step", True)


def test_a_task_with_open_rows_is_not_done_until_they_are_ticked(incident: AtDesk) -> None:
    def refused() -> tuple[str, list[str]]:
        said = incident("task", "done", "block", "--format", "json")
        return said.error, re.findall(r"\d+", said.json["message"])

    assert refused() == ("open_rows", ["2", "2"])
    incident.done("task", "check", "block", "1")
    assert refused() == ("open_rows", ["1", "2"])
    incident.done("task", "check", "block", "--all")
    incident.done("task", "done", "block")
    assert states(incident)["block"] == "done"


def test_tasks_that_become_ready_are_listed_with_their_number(incident: AtDesk) -> None:
    incident.done("task", "done", "block", "--all")
    out = incident.done("answer", "used", "yes", "--source", "door log")
    compare("working-became-ready", out, incident.home)


@pytest.mark.parametrize("deed", ["skip", "fail", "cancel"])
def test_skip_fail_and_cancel_need_a_reason(incident: AtDesk, deed: str) -> None:
    said = incident("task", deed, "block")
    assert (said.code, said.error) == (1, "reason_missing")
    incident.done("task", deed, "block", "--reason", "no badge system here")
    assert states(incident)["block"] == {"skip": "skipped", "fail": "failed", "cancel": "cancelled"}[deed]


def test_a_step_is_begun_assigned_commented_and_reopened(incident: AtDesk) -> None:
    incident.done("task", "start", "block")
    incident.done("task", "assign", "block", "ada", "--reason", "has the key")
    incident.done("task", "comment", "block", "two doors left")
    incident.done("task", "done", "block", "--all")
    incident.done("task", "reopen", "block", "--reason", "a third door")
    assert states(incident)["block"] == "ready"
    entries = incident("timeline", "--format", "json").json["entries"]
    for said in ("two doors left", "a third door"):
        assert any(said in entry["text"] for entry in entries)


def test_a_task_cannot_be_assigned_to_an_unknown_person(incident: AtDesk) -> None:
    said = incident("task", "assign", "block", "jonass", "--reason", "x", "--format", "json")
    assert (said.code, said.error) == (1, "unknown_person")
    assert "jonas" in re.findall(r"\w+", said.json["hint"])


def test_an_answer_must_fit_its_type(incident: AtDesk) -> None:
    said = incident("answer", "used", "perhaps", "--format", "json")
    assert (said.code, said.json["schema"], said.error) == (1, "tocsin/error/v1", "fact")
    assert "data.encrypted" in said.json["message"]


def test_an_unknown_answer_is_asked_again_later(incident: AtDesk) -> None:
    incident.done("answer", "used", "--unknown", "--ask-again", "2h")
    assert states(incident)["used"] in ("ready", "active")
    said = incident("answer", "used")
    assert (said.code, said.error) == (2, "argument_missing")
    said = incident("answer", "used", "yes", "--unknown")
    assert (said.code, said.error) == (2, "options_conflict")


def test_an_approval_shows_the_digest_and_asks(incident: AtDesk) -> None:
    digest = signing(incident)
    said = incident("approve", "sign", "--as", "jonas", types="y\n")
    assert said.code == 0
    question = said.err.splitlines()[-1]
    assert ("jonas" in question, digest in question) == (True, True)
    assert states(incident)["sign"] in ("ready", "active")
    incident.done("approve", "sign", "--as", "ada", "--digest", digest)
    assert states(incident)["sign"] == "done"


def test_without_a_terminal_an_approval_needs_the_digest(incident: AtDesk) -> None:
    digest = signing(incident)
    said = incident("approve", "sign", "--as", "jonas", "--format", "json")
    assert (said.code, said.error, digest in said.json["hint"]) == (1, "no_terminal", True)


def test_an_approval_of_other_bytes_is_refused(incident: AtDesk) -> None:
    signing(incident)
    said = incident("approve", "sign", "--as", "jonas", "--digest", "0" * 64, "--format", "json")
    assert (said.code, said.json["code"]) == (1, "digest_changed")


def test_the_beginning_of_the_digest_that_screens_show_names_the_current_document(incident: AtDesk) -> None:
    digest = signing(incident)
    approve = ("approve", "sign", "--as", "jonas", "--digest")
    refused = incident(*approve, digest[:18])
    assert (refused.error, digest in refused.err) == ("digest_changed", True)
    incident.done(*approve, short_digest(digest))


def test_one_system_user_for_two_approvers_is_warned_and_recorded(
    incident: AtDesk,
) -> None:
    digest = signing(incident)
    assert incident("approve", "sign", "--as", "jonas", "--digest", digest).warnings == []
    said = incident("approve", "sign", "--as", "ada", "--digest", digest)
    assert said.warnings == ["one_user"]
    assert all(name in said.err for name in ("maria", "jonas", "ada"))
    approvals = incident("task", "show", "sign", "--format", "json").json["approvals"]
    assert all(approval["shared_os_user"] for approval in approvals)


def test_a_rejection_needs_its_reason_and_stops_the_step(incident: AtDesk) -> None:
    digest = signing(incident)
    said = incident("reject", "sign", "--as", "jonas", "--digest", digest)
    assert (said.code, said.error) == (1, "reason_missing")
    incident.done("reject", "sign", "--as", "jonas", "--digest", digest, "--reason", "too short")
    attention = incident("status", "--format", "json").json["needs_attention"]
    assert [one["kind"] for one in attention if one["kind"] == "rejected"]


def test_only_an_approval_can_be_approved(incident: AtDesk) -> None:
    said = incident("approve", "block")
    assert (said.code, said.error, "block" in said.err) == (1, "not_an_approval", True)


def test_an_act_on_behalf_of_a_person_is_recorded_with_its_channel(incident: AtDesk) -> None:
    incident.done("task", "start", "block", "--on-behalf-of", "jonas", "--via", "phone")
    entries = incident("timeline", "--format", "json").json["entries"]
    assert entries[-1]["on_behalf_of"] == "jonas via phone"
    said = incident("task", "start", "block", "--on-behalf-of", "jonas")
    assert (said.code, said.error) == (2, "option_missing")


def test_a_late_step_is_shown_as_late_and_done_late(incident: AtDesk) -> None:
    incident.clock.advance(timedelta(minutes=20))
    assert incident("status", "--check").code == 4
    incident.done("task", "done", "block", "--all")
    assert states(incident)["block"] == "done_late"


def test_a_fact_and_an_opening_take_instants_as_options_do(incident: AtDesk, playbook: Path) -> None:
    incident.done("fact", "set", "incident.aware_at=2h ago", "--source", "telephone")
    found = incident("fact", "show", "incident.aware_at", "--format", "json").json["facts"]
    assert found[0]["value"] == "2026-11-24T07:00:00Z"
    words = ("--yes", "--fact", "incident.summary=x", "--fact", "incident.discovered_at=now")
    incident.done("open", str(playbook), *words)
    shown = incident("fact", "show", "incident.discovered_at", "-i", "calm-heron", "--format", "json")
    assert shown.json["facts"][0]["value"] == "2026-11-24T09:00:00Z"


def test_anybody_may_do_a_task_and_it_is_shown_when_they_do_not_hold_its_role(incident: AtDesk) -> None:
    incident.done("task", "done", "block", "--all", "--as", "ada")
    assert incident("task", "show", "block", "--format", "json").json["outside_role"] == "ada"
    compare("working-outside-role", incident.done("task", "show", "block"), incident.home)
    incident.done("answer", "used", "no", "--as", "maria")
    assert incident("task", "show", "used", "--format", "json").json["outside_role"] == ""
