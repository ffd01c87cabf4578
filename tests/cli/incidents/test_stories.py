"""Whole incidents with shipped playbooks, by the commands that the screens give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk

UK = "uk-gdpr-33-34/initial"
PEOPLE = {one: {"name": one.title(), "contacts": []} for one in ("maria", "zoe", "eve")}
SENT = (
    "incident.contained_at=now", "incident.started_at=2026-11-23T15:00:00Z", "incident.detected_at=2026-11-23T16:00:00Z",
    "incident.discovered_at=2026-11-23T16:05:00Z", "data.involved=yes", "data.form=electronic", "data.encrypted=no",
    "incident.summary=A letter reached the wrong patient.",
)  # fmt: skip
ASSESSED = (
    "people.total=1", "data.elements=name,contact", "data.with_name=yes", "data.deletion_confirmed=yes", "data.retrieved=yes",
    "incident.aware_at=2026-11-23T16:05:00Z", "incident.determined_at=2026-11-23T17:00:00Z", "data.categories_text=name",
    "risk.consequences=none", "risk.mitigation=deleted", "risk.advice=nothing", "risk.harm_assessment.by=Maria",
    "risk.harm_assessment.at=now", "risk.harm_assessment.grounds=deleted unread", "risk.to_people=unlikely",
)  # fmt: skip


@pytest.fixture
def letter(tocsin: AtDesk) -> AtDesk:
    """A British organisation with a letter that reached the wrong person."""
    british = {"country": "GB", "established_in": ["GB"], "role": ["controller"], "zone": "Europe/London"}
    nowhere: dict[str, list[str]] = {"offers_to": [], "does_business_in": [], "regulated_as": []}
    tocsin.settings(
        people=PEOPLE,
        roles={"commander": ["maria"], "dpo": ["maria"], "executive": ["zoe"], "counsel": ["eve", "zoe"]},
        organisation={"name": "Clinic", **british, **nowhere},
        profile="small",
    )
    tocsin.done("open", "misdirected-message", "--yes")
    return tocsin


def test_a_decision_not_to_notify_goes_from_open_to_close(letter: AtDesk, tmp_path: Path) -> None:
    asked = letter("answer", "report", "--format", "json").json["action"]
    assert asked["verb"] == "task.show", "it names the fields"
    letter.done("answer", "report", *SENT)
    assert "special_category" in letter.done("task", "show", "risk"), "each choice"
    assert "--all" in letter("answer", "risk", "data.elements=bones").err.split()
    letter.done("answer", "risk", *ASSESSED)
    (asked,) = letter("status", "--format", "json").json["second_person"]
    letter.done("confirm", str(asked["entry"]), "--as", "zoe")
    digest = letter("task", "show", "sign_not_notifying", "--format", "json").json["subject_digest"]
    letter.done("approve", "sign_not_notifying", "--digest", digest, "--as", "zoe")
    letter.done("notice", "pull", "register", "--to", "txt", "--out", str(tmp_path))
    (entry,) = (one.read_text(encoding="utf-8") for one in tmp_path.rglob("*register*.txt"))
    assert [word in entry for word in ("UK", "2016/679", "decided")] == [True, False, True]
    (one,) = letter("duties", "register", "--format", "json").json["breaches"]
    assert one["missing"] == []
    digest = letter("task", "show", "sign_register", "--format", "json").json["subject_digest"]
    letter.done("approve", "sign_register", "--digest", digest)
    found = letter("next", "--format", "json").json
    assert [item["action"]["verb"] for item in found["next"]] == ["incident.close"]
    assert "close" in letter.done("status").split()
    assert "report" in letter.done("close").split()
    said = letter("report", "--to", "md", "--out", str(tmp_path), "--format", "json").json
    report = Path(said["files"][0]["path"]).read_text(encoding="utf-8")
    decided = next(one for one in report.splitlines() if "decided not to notify" in one)
    assert [word in decided for word in ("maria", "zoe")] == [True, True]


def test_a_draft_with_gaps_leads_to_its_gaps_and_not_to_its_approval(letter: AtDesk) -> None:
    letter.done("answer", "report", *SENT)
    letter.done("answer", "risk", *ASSESSED[:-1], "risk.to_people=risk")
    for one in letter("status", "--format", "json").json["second_person"]:
        letter.done("confirm", str(one["entry"]), "--as", "zoe")
    rows = letter("task", "list", "--format", "json").json["tasks"]
    complete, final = (
        next(str(row["row"]) for row in rows if row["step"] == step and row["item"] == UK and not row["over"])
        for step in ("complete", "final")
    )
    said = letter("task", "done", complete, "--all")
    assert (said.code, "draft_made" in said.warnings) == (0, True)
    last = letter.done("notice", "show", final).rpartition("→")[2].split()
    assert last[1:3] == ["fact", "set"]
