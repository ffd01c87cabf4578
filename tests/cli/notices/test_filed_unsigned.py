"""The record names the filed text; an unsigned filing needs a reason and is shown as unsigned."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.cli.at_desk import AtDesk
from tests.cli.notices.noticed import BODY, DUTY, PLAYBOOK, noticed, rendered, verified

SIGNATURE = "noticed:sign#1"
FILED = ("duty", "record-filed", DUTY, "--reference", "4711")


def waits(desk: AtDesk) -> list[dict[str, Any]]:
    found = desk("status", "--format", "json").json["needs_attention"]
    return [one for one in found if one["kind"] == "filed_unsigned"]


def record(desk: AtDesk) -> Any:
    """Return what is on record about the duty."""
    duties = desk("duties", "--all", "--format", "json").json["duties"]
    return next(duty.get("record") for duty in duties if duty["id"] == DUTY)


def entry(desk: AtDesk) -> str:
    """Return what the timeline says about the filing."""
    entries = desk("timeline", "--format", "json").json["entries"]
    (found,) = (entry["text"] for entry in entries if entry["type"] == "DutyRecorded")
    return str(found)


def test_a_filing_before_the_signature_is_recorded_and_said_until_it_is_given(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    newest = rendered(desk)["digest"]
    assert desk(*FILED, "--digest", newest).error == "not_approved"
    said = desk(*FILED, "--digest", newest, "--reason", "the portal closed")
    assert (said.code, said.warnings, SIGNATURE in said.err) == (0, ["unsigned"], True)
    assert (record(desk)["digest"], record(desk)["reason"]) == (newest, "the portal closed")
    assert (record(desk)["kind"], record(desk)["reference"]) == ("filed", "4711")
    [attention] = waits(desk)
    assert (attention["severity"], attention["command"]) == ("high", "tocsin approve sign")
    assert attention["ref"] == DUTY
    assert record(desk)["unsigned"] == [SIGNATURE]
    assert SIGNATURE in entry(desk)
    assert SIGNATURE in desk.done("duties", "--all")
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert waits(desk) == []
    assert SIGNATURE in entry(desk)


def test_without_a_digest_nothing_is_recorded_while_no_text_is_signed(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    said = desk(*FILED, "--format", "json")
    assert (said.code, said.error) == (1, "which_text")
    made = desk("notice", "list", "--format", "json").json["notices"]
    assert [(problem["file"], problem["code"]) for problem in said.json["problems"]] == [
        (made[0]["digest"], "stale"),
        (made[1]["digest"], "unsigned"),
    ]
    assert record(desk) is None
    assert "4711" not in desk.done("timeline")


def test_the_only_signed_and_current_text_is_the_filed_one(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    signed = rendered(desk)["digest"]
    desk.done("approve", "sign", "--as", "ada", "--digest", signed)
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    said = desk(*FILED, "--format", "json")
    assert (said.error, [problem["code"] for problem in said.json["problems"]]) == (
        "which_text",
        ["stale", "stale"],
    )
    desk.done("notice", "render", "draft")
    assert desk(*FILED).error == "which_text", "the newest text is not signed"
    newest = rendered(desk)["digest"]
    desk.done("approve", "sign", "--as", "ada", "--digest", newest)
    said = desk(*FILED)
    assert (said.code, said.warnings) == (0, [])
    assert (record(desk)["digest"], record(desk)["unsigned"], waits(desk)) == (newest, [], [])
    assert newest[7:19] in entry(desk)
    desk.done("fact", "set", "incident.summary=Somebody read nine mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    later = desk("notice", "diff", "draft", "--since-filed", "--format", "json").json
    assert (later["before"]["digest"], later["before"]["filed"]) == (newest, True)


def test_the_file_step_ends_with_the_text_that_was_named(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    signed = rendered(desk)["digest"]
    desk.done("approve", "sign", "--as", "ada", "--digest", signed)
    desk.done("notice", "render", "draft")
    assert desk("task", "done", "hand-in").error == "proof_missing"
    desk.done(*FILED, "--digest", signed[7:15], "--step", "hand-in")
    found = desk("task", "show", "noticed:hand-in#1", "--format", "json").json
    assert (found["task"]["state"], found["digest"]) == ("done", signed)


def test_a_duty_without_a_text_is_recorded_without_one(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    found = [duty["id"] for duty in desk("duties", "--all", "--format", "json").json["duties"]]
    other = next(one for one in found if one.startswith("eu-gdpr-34"))
    said = desk("duty", "record-filed", other, "--reference", "1")
    assert (said.code, said.warnings) == (0, [])


def test_a_text_made_after_the_filing_was_never_filed(tocsin: AtDesk, tmp_path: Path) -> None:
    desk = noticed(tocsin, tmp_path)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    signed = rendered(desk)["digest"]
    desk.done("approve", "sign", "--as", "ada", "--digest", signed)
    filed_at = (desk.clock.now() + timedelta(minutes=30)).isoformat()
    desk.clock.advance(timedelta(hours=1))
    desk.done("fact", "set", "incident.summary=Somebody read two mailboxes.", "--source", "log")
    desk.done("notice", "render", "draft")
    why = ("--reason", "the portal closed")
    refused = desk(*FILED, *why, "--format", "json")
    assert refused.error == "which_text", "a signed text and a newer one without a signature"
    before = (desk.clock.now() - timedelta(days=1)).isoformat()
    said = desk(*FILED, "--at", before, "--format", "json")
    assert said.error == "which_text"
    assert {problem["code"] for problem in said.json["problems"]} == {"made_later"}
    assert desk(*FILED, "--at", filed_at, "--digest", rendered(desk)["digest"]).error == "unknown_digest"
    desk.done(*FILED, *why, "--at", filed_at)
    assert record(desk)["digest"] == signed


def test_a_notice_without_gaps_does_not_prove_that_people_were_notified(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    people = "eu-gdpr-34-data-subjects/individuals"
    desk = noticed(tocsin, tmp_path, playbook=PLAYBOOK.replace(DUTY, people))
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    sent = "incident.individual_notice_sent_at.*=2026-11-24T08:30:00Z"
    desk.done("fact", "set", sent, "--source", "mailroom")
    assert (rendered(desk)["status"], state(desk, people)) == ("final", "claimed")
    verified(desk)
    desk.done("approve", "sign", "--as", "ada", "--digest", rendered(desk)["digest"])
    assert state(desk, people) == "filed"


def state(desk: AtDesk, duty: str) -> str:
    found = desk("duties", "--all", "--format", "json").json["duties"]
    return next(str(one["state"]) for one in found if one["id"] == duty)


def test_a_decision_not_to_notify_is_warned_of_a_filed_text_that_said_high_risk(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    body = BODY + "\nThe risk is {{ risk.to_people|label }}.\n"
    desk = noticed(tocsin, tmp_path, body=body)
    desk.done("fact", "set", "incident.vector=phishing", "--source", "log")
    desk.done("notice", "render", "draft")
    why = ("--reason", "no harm")
    people = ("eu-gdpr-34-data-subjects/individuals", "--not-to-notify", "--ground", "none")
    digest = rendered(desk)["digest"]
    desk.done(*FILED, "--digest", digest, *why)
    desk.done("fact", "set", "risk.to_people=risk", "--source", "dpo", "--grounds", "few data")
    (asked,) = desk("status", "--format", "json").json["second_person"]
    desk.done("confirm", str(asked["entry"]), "--as", "ada")
    said = desk("duty", "decide", *people, *why, "--as", "ada")
    assert said.warnings == ["decision_contradicted"]
    assert {DUTY, "risk.to_people"} <= set(re.findall(r"[\w./-]*\w", said.err))
