"""What is done on behalf of somebody is provisional until that person confirms it, and is seen to be."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import PLAYBOOK, AtDesk, compare

FOR_ADA = ("--on-behalf-of", "ada", "--via", "phone")


@pytest.fixture
def tocsin(tmp_path: Path) -> AtDesk:
    """A machine with an incident in which jonas and ada must both sign a report."""
    playbook = tmp_path / "badge.yaml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    desk = AtDesk(tmp_path / "home")
    desk.done("init")
    desk.settings()
    desk.done("open", str(playbook), "--yes", "--fact", "incident.summary=Badge 4711")
    return desk


def _to_sign(tocsin: AtDesk) -> str:
    tocsin.done("task", "done", "block", "--all")
    tocsin.done("answer", "used", "no")
    tocsin.done("task", "done", "report")
    return str(tocsin("task", "show", "sign", "--format", "json").json["subject_digest"])


def _unconfirmed(tocsin: AtDesk) -> list[str]:
    rows = tocsin("status", "--format", "json").json["needs_attention"]
    return [row["command"] for row in rows if row["kind"] == "unconfirmed"]


def _state(tocsin: AtDesk, step: str) -> str:
    return str(tocsin("task", "show", step, "--format", "json").json["task"]["state"])


def test_a_command_on_behalf_of_an_unknown_person_is_refused(tocsin: AtDesk) -> None:
    said = tocsin("task", "start", "block", "--on-behalf-of", "jonsa", "--via", "phone")
    assert (said.code, said.error, "jonas" in said.err) == (1, "unknown_person", True)
    assert _state(tocsin, "block") == "ready"


def test_a_person_cannot_act_on_behalf_of_themselves(tocsin: AtDesk) -> None:
    said = tocsin("task", "start", "block", "--as", "ada", *FOR_ADA)
    assert (said.code, said.error) == (2, "acts_for_self")


def test_an_act_on_behalf_waits_only_for_the_named_person(tocsin: AtDesk) -> None:
    tocsin.done("task", "done", "block", "--all", *FOR_ADA)
    [command] = _unconfirmed(tocsin)
    entry = command.split()[2]
    assert command == f"tocsin confirm {entry} --as ada"
    refused = tocsin("confirm", entry, "--as", "jonas")
    assert (refused.code, refused.error, "ada" in refused.err) == (1, "person", True)
    refused = tocsin("confirm", entry, *FOR_ADA)
    assert (refused.code, refused.error) == (1, "on_behalf")
    tocsin.done(*command.split()[1:])
    assert _unconfirmed(tocsin) == []
    refused = tocsin("confirm", entry, "--as", "ada")
    assert (refused.code, refused.error) == (1, "nothing_to_confirm")


def test_it_is_shown_in_status_next_and_timeline(tocsin: AtDesk) -> None:
    tocsin.done("task", "done", "block", "--all", *FOR_ADA)
    tocsin.done("answer", "used", "no")
    tocsin.done("task", "done", "report")
    tocsin.done("fact", "set", "people.total=3", "--source", "list", "--as", "jonas", *FOR_ADA)
    last = _unconfirmed(tocsin)[-1].split()[2]
    tocsin.done("confirm", last, "--as", "ada")
    for page, things in (("status", "needs_attention"), ("next", "next")):
        found = tocsin(page, "--format", "json").json[things]
        (row,) = (one for one in found if one["kind"] == "unconfirmed")
        assert {"badge", "Ada", "Maria", "phone"} <= set(re.findall(r"\w+", f"{row['text']} {row['who']}"))
        assert row["command"].split()[-3:] in [line.split()[-3:] for line in tocsin.done(page).splitlines()]
    told = tocsin("timeline", "--format", "json").json["entries"]
    behalf = {entry["type"]: entry["confirmed_in"] for entry in told if entry["on_behalf_of"]}
    assert behalf["StepEnded"] is None
    assert behalf["FactsRecorded"] == told[-1]["event"]
    entries = re.split(r"\n(?=\d\d:\d\d:\d\d )", tocsin.done("timeline", "--utc"))[1:]
    rows = [
        entry for entry in entries if int(entry.split()[1]) in {e["event"] for e in told if e["on_behalf_of"]}
    ]
    compare("timeline.on-behalf", "\n".join(rows) + "\n", tocsin.home)
    assert tocsin("status", "--check").code == 4


def test_an_entry_marked_as_wrong_is_not_asked_again(tocsin: AtDesk) -> None:
    tocsin.done("task", "done", "block", "--all", *FOR_ADA)
    entry = _unconfirmed(tocsin)[0].split()[2]
    tocsin.done("correct", entry, "--reason", "I said the canteen only", "--as", "ada")
    assert _unconfirmed(tocsin) == []


def test_an_approval_on_behalf_counts_only_after_confirmation(tocsin: AtDesk) -> None:
    digest = _to_sign(tocsin)
    tocsin.done("approve", "sign", "--as", "jonas", "--digest", digest)
    said = tocsin("approve", "sign", "--as", "maria", "--digest", digest, *FOR_ADA)
    compare("approve.on-behalf", said.out, tocsin.home)
    assert _state(tocsin, "sign") == "ready"
    given = tocsin("task", "show", "sign", "--format", "json").json["approvals"]
    assert [
        (approval["by"], approval["recorded_by"], approval["provisional"], approval["binds"])
        for approval in given
    ] == [
        ("jonas", "", False, True),
        ("ada", "maria", True, False),
    ]
    compare("task.show-provisional", tocsin.done("task", "show", "sign"), tocsin.home)
    tocsin.done(*_unconfirmed(tocsin)[0].split()[1:])
    assert _state(tocsin, "sign") == "done"


def test_a_confirmation_after_other_bytes_came_approves_nothing(tocsin: AtDesk) -> None:
    digest = _to_sign(tocsin)
    tocsin.done("approve", "sign", "--as", "jonas", "--digest", digest)
    tocsin.done("approve", "sign", "--digest", digest, *FOR_ADA)
    tocsin.done("task", "reopen", "report", "--reason", "too short")
    tocsin.clock.advance(timedelta(minutes=1))
    tocsin.done("task", "done", "report", "--comment", "longer")
    tocsin.done(*_unconfirmed(tocsin)[0].split()[1:])
    assert _state(tocsin, "sign") == "ready"


def test_an_approval_in_person_cannot_be_recorded_again_on_behalf(tocsin: AtDesk) -> None:
    digest = _to_sign(tocsin)
    tocsin.done("approve", "sign", "--as", "ada", "--digest", digest)
    said = tocsin("approve", "sign", "--digest", digest, *FOR_ADA)
    assert (said.code, said.error) == (1, "already_decided")
    said = tocsin("reject", "sign", *FOR_ADA, "--reason", "no")
    assert (said.code, said.error) == (1, "on_behalf")


def test_an_incident_opened_on_behalf_also_awaits_confirmation(tmp_path: Path, tocsin: AtDesk) -> None:
    tocsin.done("open", str(tmp_path / "badge.yaml"), "--yes", *FOR_ADA)
    found = tocsin("status", "calm-heron", "--format", "json").json
    assert [one["ref"] for one in found["needs_attention"] if one["kind"] == "unconfirmed"] == ["1"]
    tocsin.done("confirm", "1", "--as", "ada", "-i", "calm-heron")
