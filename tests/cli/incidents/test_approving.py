"""An approver sees the document, its changes and the missing approvers; gaps are marked, quorums stay reachable."""

from __future__ import annotations

import shlex
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.at_desk import AtDesk, compare
from tests.cli.framework.test_pager import WRITER
from tests.cli.notices.noticed import noticed, rendered


@pytest.fixture
def desk(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A final notice that nobody has signed yet."""
    made = noticed(tocsin, tmp_path)
    made.done("fact", "set", "incident.vector=phishing", "--source", "log")
    made.done("notice", "render", "draft")
    return made


def test_the_document_and_its_changes_are_shown_before_the_question(desk: AtDesk) -> None:
    desk.environ["NO_COLOR"] = "1"
    said = desk("approve", "sign", "--as", "ada", types="y\n")
    assert said.code == 0, said.err
    compare("approve.document", said.err, desk.home)


def test_at_a_terminal_the_document_is_shown_in_the_pager_of_the_person(desk: AtDesk, tmp_path: Path) -> None:
    words, paged = ("approve", "sign", "--as", "ada"), tmp_path / "paged"
    desk.environ["TOCSIN_PAGER"] = shlex.join((*WRITER, str(paged)))
    said = desk(*words, types="n\n")
    assert ("GmbH" in said.err, paged.exists()) == (True, False)
    said = desk(*words, types="n\n", terminal=True)
    assert ("GmbH" in said.err, "GmbH" in paged.read_text(encoding="utf-8")) == (False, True)


def test_the_exact_bytes_are_written_for_their_owner_alone(desk: AtDesk, tmp_path: Path) -> None:
    digest = rendered(desk)["digest"]
    desk.done(
        "approve", "sign", "--as", "ada", "--digest", digest, "--out", str(tmp_path / "to" / "sign.pdf")
    )
    assert (tmp_path / "to" / "sign.pdf").read_bytes()[:5] == b"%PDF-"
    assert stat.S_IMODE((tmp_path / "to" / "sign.pdf").stat().st_mode) == 0o600
    said = desk("approve", "sign", "--as", "ada", "--out", str(tmp_path / "all"))
    assert said.error == "already_ended", "the files are written although it has ended"
    files = sorted((tmp_path / "all").iterdir())
    assert [path.suffix for path in files] == [".docx", ".html", ".pdf", ".txt"]
    assert all(str(path) in said.err for path in files)
    (tmp_path / "plain").write_text("", encoding="utf-8")
    said = desk("approve", "sign", "--as", "ada", "--out", str(tmp_path / "plain" / "below"))
    assert said.error == "file_unwritable"


def test_who_cannot_approve_is_refused_before_the_text_is_shown(desk: AtDesk) -> None:
    said = desk("approve", "sign", "--as", "maria", types="y\n")
    assert (said.error, "GmbH" in said.err, "[y/N]" in said.err) == ("role", False, False)
    assert ("jonas" in said.err, "ada" in said.err) == (True, True), "who can approve it"
    assert desk("reject", "sign", "--reason", "no", "--as", "maria", types="y\n").error == "role"
    desk.done("fact", "set", "incident.vector=ransomware", "--source", "log")
    desk.done("notice", "render", "draft", "--as", "ada")
    said = desk("approve", "sign", "--as", "ada", types="y\n")
    assert (said.error, "[y/N]" in said.err, "ada" in said.err.rpartition("→")[2]) == ("author", False, False)
    assert desk("approve", "sign", "--as", "jonas", types="y\n").code == 0


def test_who_would_generate_and_approve_a_text_is_told_before_who_can_approve_it(desk: AtDesk) -> None:
    desk.done("fact", "set", "incident.vector=ransomware", "--source", "log")
    said = desk("notice", "render", "draft", "--as", "ada")
    assert (said.code, said.warnings) == (0, ["author_cannot_approve"])
    told = said.err.splitlines()[0]
    assert ("Jansen" in told, "Adler" in told) == (True, False)
    assert desk("notice", "render", "draft", "--as", "maria").warnings == [], "she approves nothing there"
    desk.done("role", "assign", "counsel", "ada", "--yes")
    said = desk("notice", "render", "draft", "--as", "ada")
    assert (said.warnings, "executive" in said.err) == (["author_cannot_approve"], True)
    desk.done("role", "assign", "executive", "jonas")
    said = desk("notice", "render", "draft", "--as", "ada")
    assert "Jansen" in said.err


def test_an_approval_is_not_among_the_own_tasks_of_whoever_wrote_the_text_or_approved_it(
    desk: AtDesk,
) -> None:
    def mine(person: str) -> bool:
        return row["invocation"] in desk("status", "--me", person, "--format", "json").json["mine"]

    desk.done("fact", "set", "incident.vector=ransomware", "--source", "log")
    desk.done("notice", "render", "draft", "--as", "ada")
    [row] = [one for one in desk("task", "list", "--format", "json").json["tasks"] if one["step"] == "sign"]
    assert "ada" not in row["approvers"]
    assert [mine(person) for person in ("jonas", "ada", "maria")] == [True, False, False]


QUORUM = """\
schema: tocsin/playbook/v1
name: two
version: 1.0.0
title: Two
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}, dpo: {title: DPO}}
steps:
  - {id: one, task: One, role: commander}
  - {id: each, approve: one, by: {roles: [counsel, dpo], distinct: 2, every_role: true}, after: [one]}
  - {id: any, approve: one, by: {roles: [counsel, dpo], distinct: 2}, after: [one]}
"""


@pytest.fixture
def two(tocsin: AtDesk, tmp_path: Path) -> AtDesk:
    """A task that two people approve; ada holds both roles."""
    (tmp_path / "two.yaml").write_text(QUORUM, encoding="utf-8")
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas", "ada"], "dpo": ["ada"]})
    tocsin.done("open", str(tmp_path / "two.yaml"), "--yes")
    tocsin.done("task", "done", "one")
    return tocsin


def approved(desk: AtDesk, step: str, by: str, *more: str) -> Any:
    digest = desk("task", "show", step, "--format", "json").json["subject_digest"]
    [one] = desk("approve", step, "--as", by, "--digest", digest, "--format", "json", *more).json["approvals"]
    return one["have"], one["wanted"], one["still_needs"], one["each"]


def test_who_has_both_roles_leaves_each_of_them_to_the_second_person(two: AtDesk) -> None:
    assert approved(two, "each", "ada") == (1, 2, ["counsel", "dpo"], False)
    row = two("task", "show", "each", "--format", "json").json["task"]
    assert row["approvers"] == ["jonas"]
    assert approved(two, "each", "jonas") == (2, 2, [], True)


def test_an_approval_names_the_people_still_needed(two: AtDesk) -> None:
    assert approved(two, "each", "jonas") == (1, 2, ["dpo"], True)
    assert approved(two, "each", "jonas") == (1, 2, ["dpo"], True)
    assert approved(two, "any", "ada") == (1, 2, ["counsel", "dpo"], False)
    assert approved(two, "each", "ada") == (2, 2, [], True)


def test_a_person_more_than_needed_is_not_counted(two: AtDesk) -> None:
    two.done("person", "add", "cleo", "--name", "Cleo Marsh")
    two.done("role", "assign", "counsel", "jonas", "cleo")
    assert approved(two, "each", "jonas") == (1, 2, ["dpo"], True)
    assert approved(two, "each", "cleo") == (1, 2, ["dpo"], True)
    assert approved(two, "each", "ada") == (2, 2, [], True)


def test_an_approval_on_behalf_of_a_person_awaits_confirmation(two: AtDesk) -> None:
    said = approved(two, "each", "maria", "--on-behalf-of", "jonas", "--via", "phone")
    assert said == (0, 2, ["counsel", "dpo"], True)


def test_an_approval_that_nobody_left_can_give_leads_to_the_role_that_is_missing(two: AtDesk) -> None:
    two.done("role", "assign", "dpo", "maria", "--yes")
    assert approved(two, "each", "jonas") == (1, 2, ["dpo"], True)
    rows = two("task", "list", "--format", "json").json["tasks"]
    [row] = [one for one in rows if one["step"] == "each"]
    assert (row["approvers"], row["lacking"]) == ([], ["dpo"])
    found = two("next", "--all", "--format", "json").json["next"]
    [action] = [one["action"] for one in found if one["ref"] == row["invocation"]]
    assert (action["verb"], action["ref"]) == ("role.assign", "dpo")
    digest = two("task", "show", "each", "--format", "json").json["subject_digest"]
    said = two("approve", "each", "--as", "maria", "--digest", digest, "--format", "json")
    assert (said.error, said.json["action"]["verb"], said.json["action"]["ref"]) == (
        "author",
        "role.assign",
        "dpo",
    )
    assert action["args"]["also"] is True
    said = two("role", "assign", "dpo", "ada", "--also")
    assert (said.code, said.warnings) == (0, [])
    held = {one["role"]: one for one in two("role", "list", "--format", "json").json["roles"]}
    assert held["dpo"]["incident_persons"] == ["maria", "ada"]
    assert approved(two, "each", "ada") == (2, 2, [], True)


def test_a_role_change_names_the_replaced_people_and_warns_about_the_quorum(two: AtDesk) -> None:
    said = two("role", "assign", "counsel", "ada")
    assert (said.code, said.error, said.warnings) == (1, "no_terminal", ["role_replaced"])
    held = {role["role"]: role for role in two("role", "list", "--format", "json").json["roles"]}
    assert held["counsel"]["incident_persons"] == ["jonas", "ada"]
    assert two("role", "assign", "counsel", "ada", types="n\n").error == "not_confirmed"
    assert two("role", "assign", "counsel", "jonas").code == 0, "jonas and ada are two"
    assert two("role", "assign", "counsel", "jonas").warnings == []
    two.done("role", "assign", "counsel", "ada", "--yes")
    assert two("role", "assign", "dpo", "ada").code == 0, "nothing is lost that was not lost before"


def test_a_quorum_that_is_reached_already_is_not_asked_about(two: AtDesk) -> None:
    for step in ("each", "any"):
        approved(two, step, "jonas")
        approved(two, step, "ada")
    said = two("role", "assign", "counsel", "ada")
    assert (said.code, said.warnings) == (0, ["role_replaced"])


def test_information_that_may_follow_never_blocks_and_other_gaps_need_overrides(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    body = "{{ incident.summary }} {{ incident.vector|label }} {{ people.total }} {{ risk.consequences }}\n"
    desk = noticed(tocsin, tmp_path, body=body, more="phased: true\nat_once: [incident.vector, people.total]")
    digest = rendered(desk)["digest"]
    assert max(rendered(desk)["gaps"]) == "to_follow: risk.consequences"
    assert desk("approve", "sign", "--as", "ada", "--digest", digest).error == "draft"
    vector, people = "incident.vector=the log is lost", "people.total=still counted"
    render = ("notice", "render", "draft")
    for more, by, code in (
        (("--gap", vector), "jonas", "gap_unmarked"),
        (("--gap", vector, "--gap", people, "--gap", "risk.consequences=later"), "jonas", "unknown_gap"),
        (("--gap", "incident.vector="), "jonas", "reason_missing"),
        (("--gap", vector, "--gap", people), "maria", "role"),
    ):
        assert desk(*render, *more, "--as", by).error == code
    desk.done(*render, "--gap", vector, "--gap", people, "--as", "jonas")
    one = rendered(desk)
    assert one["status"] == "final"
    assert sorted(one["override"]["items"]) == [
        "incident.vector is missing: the log is lost",
        "people.total is missing: still counted",
    ]
    said = desk("approve", "sign", "--as", "ada", "--digest", one["digest"])
    assert said.code == 0, said.err
    desk.done("notice", "pull", "--to", "txt", "--out", str(tmp_path / "out"))
    [paper] = (tmp_path / "out" / "to-file").glob("*.txt")
    assert paper.read_text(encoding="utf-8").count("not known at this time") == 2
    entries = desk("timeline", "--format", "json").json["entries"]
    [kept] = [entry["text"] for entry in entries if entry["type"] == "NoticeOverridden"]
    assert all(reason in kept for reason in ("the log is lost", "still counted"))


LATE = """\
schema: tocsin/playbook/v1
name: late
version: 1.0.0
title: Late
roles: {commander: {title: Incident commander}, counsel: {title: Legal counsel}}
steps:
  - {id: one, task: One, role: commander}
  - {id: sign, approve: one, by: {roles: [counsel]}, after: [one], due: 1h, on_overdue: {remind: 1h, escalate: deputies}}
"""


def late(tocsin: AtDesk, tmp_path: Path, **settings: Any) -> AtDesk:
    """An approval of counsel that is overdue and that a worker escalated."""
    (tmp_path / "late.yaml").write_text(LATE, encoding="utf-8")
    tocsin.settings(roles={"commander": ["maria"], "counsel": ["jonas"]}, **settings)
    tocsin.done("open", str(tmp_path / "late.yaml"), "--yes")
    tocsin.done("task", "done", "one")
    tocsin.clock.advance(timedelta(minutes=61))
    assert tocsin("worker", "--once").code == 4
    return tocsin


def test_a_deputy_signs_an_overdue_approval_and_the_journal_names_the_role(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = late(tocsin, tmp_path, alternates={"counsel": ["ada"]})
    entries = desk("timeline", "--format", "json").json["entries"]
    [told] = [one["text"] for one in entries if one["type"] == "DeputiesNamed"]
    assert ("ada" in told, "counsel" in told) == (True, True)
    assert desk("task", "show", "sign", "--format", "json").json["task"]["deputies"] == ["ada"]
    assert desk("approve", "sign", "--as", "maria", "--digest", "0" * 64).code != 0
    assert approved(desk, "sign", "ada") == (1, 1, [], False)


def test_an_overdue_approval_without_a_deputy_names_the_role_and_the_next_action(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    desk = late(tocsin, tmp_path)
    wanted = [
        (one["kind"], one["ref"], one["action"]["verb"])
        for one in desk("status", "--format", "json").json["needs_attention"]
        if one["kind"] == "alternate_missing"
    ]
    assert wanted == [("alternate_missing", "counsel", "role.assign")]
    tocsin.done("role", "assign", "counsel", "jonas", "ada")
    left = desk("status", "--format", "json").json["needs_attention"]
    assert "alternate_missing" not in [one["kind"] for one in left]
    found = [
        one
        for one in desk("doctor", "--offline", "--format", "json").json["findings"]
        if one["code"] == "deputy_missing"
    ]
    assert [(one["ref"], one["severity"]) for one in found] == [("commander", "warning")]
