"""Action items from the command line: proposed, adopted by a person, done, reopened and dropped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from runner.app.core import organisation_journal
from runner.app.exercises.improvements import read
from runner.incident.exercises.improvements import JOURNAL, ImprovementRetested, Proof
from tests.cli.at_desk import AtDesk, compare
from tests.cli.exercises.test_drills import begun, exercise
from tests.servers.postgres import postgres_server, postgres_url

__all__ = ["exercise", "postgres_server", "postgres_url"]
DAY = timedelta(days=1)


def played(tocsin: AtDesk, exercise: Path, rating: str, *, blocks: bool = True, by: str = "olga") -> str:
    """Play the exercise to its end, have somebody rate T1, close it, and return its codename."""
    conductor = begun(tocsin, exercise)
    conductor.step()
    if blocks:
        tocsin.done("task", "check", "block", "--all")
        tocsin.done("task", "done", "block")
    tocsin.done("drill", "end")
    if rating:
        tocsin.done("drill", "rate", "T1", rating, "--note", "as seen", "--as", by)
    (codename,) = [
        incident["codename"]
        for incident in tocsin("list", "--format", "json").json["incidents"]
        if incident["state"] in ("open", "paused")
    ]
    tocsin.closed("--reason", "the exercise is over")
    return str(codename)


def items(tocsin: AtDesk) -> dict[str, str]:
    found = tocsin("improvement", "list", "--format", "json").json
    return {item["id"]: item["status"] for item in found["items"]}


def test_weaknesses_are_proposed_and_only_a_person_adds_them(tocsin: AtDesk, exercise: Path) -> None:
    name = played(tocsin, exercise, "U", blocks=False)
    said = tocsin("improvement", "add", "--from", name, "--format", "json")
    assert said.code == 0, said.err
    found = {proposal["ref"]: proposal for proposal in said.json["proposals"]}
    assert set(found) == {"rating:T1", "inject:1"}
    text = found["rating:T1"]["text"]
    assert "Blocked within 15 minutes" in text
    assert {"U", "as", "seen"} <= set(text.replace(",", " ").split())
    assert (found["rating:T1"]["step"], found["rating:T1"]["capability"]) == (
        "block",
        "Operational Coordination",
    )
    assert items(tocsin) == {}
    tocsin.done(
        "improvement", "add", "--from", name, "--take", "rating:T1", "--owner", "jonas", "--due", "2026-12-01"
    )
    assert items(tocsin) == {"I-1": "open"}
    again = tocsin("improvement", "add", "--from", name, "--take", "rating:T1")
    assert (again.code, again.error, "I-1" in again.err) == (1, "already_taken", True)
    tocsin.done("improvement", "add", "--from", name, "--take", "all")
    assert items(tocsin) == {"I-1": "open", "I-2": "open"}
    assert tocsin("audit", "verify").code == 0


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def learning(request: pytest.FixtureRequest, tocsin: AtDesk, exercise: Path) -> AtDesk:
    """A home, on either store, with one item, I-1, from an exercise in which the badge was not blocked."""
    if request.param == "postgres":
        tocsin.settings(store=request.getfixturevalue("postgres_url"))
        tocsin.done("doctor", "--repair")
    name = played(tocsin, exercise, "U", blocks=False)
    tocsin.done("improvement", "add", "--from", name, "--take", "rating:T1", "--owner", "role:counsel")
    tocsin.clock.advance(DAY)
    return tocsin


def test_a_done_item_needs_a_note_and_is_reopened_when_it_did_not_work(learning: AtDesk) -> None:
    refused = learning("improvement", "done", "I-1")
    assert (refused.code, refused.error) == (1, "words_missing")
    learning.done("improvement", "done", "I-1", "--note", "the desk has the telephone number")
    assert items(learning) == {"I-1": "done"}
    assert "I-1" not in learning.done("improvement", "list")
    assert "I-1" in learning.done("improvement", "list", "--all")
    learning.done("improvement", "reopen", "i-1", "--reason", "nobody called", "--as", "ada")
    (found,) = learning("improvement", "show", "I-1", "--format", "json").json["items"]
    assert (found["status"], found["evidence"]) == ("open", "")
    assert [(one["what"], one["by"]) for one in found["history"]] == [
        ("added", "maria"),
        ("done", "maria"),
        ("reopened", "ada"),
    ]
    assert learning("audit", "verify").code == 0


def test_an_item_that_an_earlier_version_verified_in_an_exercise_is_shown(learning: AtDesk) -> None:
    learning.done("improvement", "done", "I-1", "--note", "the desk has the telephone number")
    proof = Proof(
        incident="inc-9",
        codename="calm-heron",
        exercise="badge-evening",
        ratings={"T1": "S"},
        rated_by=("olga",),
        digest="3:sha256:00",
    )
    made = ImprovementRetested(item="I-1", by="ada", proof=proof)
    organisation_journal.change(learning.office(), JOURNAL, read, lambda _: (made,))
    (found,) = learning("improvement", "show", "I-1", "--format", "json").json["items"]
    assert (found["status"], found["proof"]["codename"]) == ("retested", "calm-heron")
    assert "I-1" not in learning.done("improvement", "list")
    assert learning("audit", "verify").code == 0


def test_an_exercise_without_people_proposes_nothing(tocsin: AtDesk, exercise: Path) -> None:
    tocsin.done("drill", "run", str(exercise), "--unattended")
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--kind", "test", "--yes")
    said = tocsin("improvement", "add", "--from", "amber-falcon")
    assert (said.code, said.error) == (1, "a_test"), said.err


TESTS = """\
schema: tocsin/playbook-test/v1
playbook: ../lost-badge.yaml
laws: []
notices: []
cases:
  - name: it is blocked
    answers: {used: no}
    expect: {steps: {block: done}}
  - name: it is not blocked
    answers: {used: no}
    expect: {steps: {block: skipped}}
"""


def test_an_item_that_closes_with_a_test_is_done_once_the_test_passes(tocsin: AtDesk, exercise: Path) -> None:
    folder = tocsin.home / "playbooks"
    (folder / "tests").mkdir(parents=True)
    (folder / "lost-badge.yaml").write_bytes((exercise.parent / "lost-badge.yaml").read_bytes())
    (folder / "tests" / "lost-badge.yaml").write_text(TESTS, encoding="utf-8")
    for case in ("it is blocked", "it is not blocked", "it is green"):
        tocsin.done("improvement", "add", "slow", "--closes-with", f"test:lost-badge:{case}")
    tocsin.done("improvement", "done", "I-1", "--note", "the step says who blocks")
    for item, code, case in (
        ("I-2", "test_failed", "it is not blocked"),
        ("I-3", "unknown_test", "it is green"),
    ):
        said = tocsin("improvement", "done", item, "--note", "so", "--format", "json")
        assert (said.code, said.error, case in said.json["message"]) == (1, code, True), said.out
    assert items(tocsin) == {"I-1": "done", "I-2": "open", "I-3": "open"}
    (found,) = tocsin("improvement", "show", "I-1", "--format", "json").json["items"]
    assert (found["tested"]["case"], found["tested"]["playbook"]) == ("it is blocked", "lost-badge 1.0.0")
    assert found["tested"]["digest"].startswith("sha256:")


def test_a_real_incident_proposes_as_well_and_its_items_outlive_it(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.settings(channels={}, people={"maria": {}, "jonas": {}, "ada": {}})
    tocsin.done("open", str(playbook), "--yes")
    said = tocsin("improvement", "add", "--from", "amber-falcon", "--format", "json")
    assert [proposal["ref"] for proposal in said.json["proposals"]] == ["person:jonas", "person:ada"], (
        said.json
    )
    tocsin.done("improvement", "add", "--from", "amber-falcon", "--take", "all", "--due", "2026-12-01")
    tocsin.done("improvement", "add", "Nobody knew who blocks", "--from", "amber-falcon", "--step", "block")
    tocsin.closed("--reason", "found again")
    (_, ada, block) = tocsin("improvement", "list", "--format", "json").json["items"]
    assert (ada["source"]["kind"], ada["element"], ada["due"]) == ("real", "organization", "2026-12-01")
    assert (block["source"]["playbook"], block["source"]["step"]) == ("lost-badge", "block")


def test_an_item_changes_is_dropped_and_opened_again_with_reasons(tocsin: AtDesk) -> None:
    tocsin.done("improvement", "add", "The list is old", "--element", "planning", "--start", "2026-11-25")
    tocsin.done("improvement", "change", "I-1", "--owner", "jonas", "--due", "2026-12-01")
    said = tocsin("improvement", "drop", "I-1")
    assert (said.code, said.error) == (1, "words_missing")
    tocsin.done("improvement", "drop", "I-1", "--reason", "the list is gone")
    assert items(tocsin) == {"I-1": "dropped"}
    tocsin.done("improvement", "reopen", "I-1", "--reason", "there is a new list")
    (found,) = tocsin("improvement", "show", "I-1", "--format", "json").json["items"]
    assert (found["owner"], found["due"], found["overdue"]) == ("jonas", "2026-12-01", False)
    assert [(one["what"], one["note"]) for one in found["history"][-2:]] == [
        ("dropped", "the list is gone"),
        ("reopened", "there is a new list"),
    ]
    compare("improvement.show", tocsin.done("improvement", "show", "I-1"), tocsin.home)


def test_the_list_shows_open_items_and_folds_the_others(
    tocsin: AtDesk,
) -> None:
    tocsin.done("improvement", "add", "The list is old", "--owner", "jonas", "--due", "2026-12-01")
    for text in ("Nobody knew who blocks", "The badge is green"):
        tocsin.done("improvement", "add", text)
    tocsin.done("improvement", "done", "I-2", "--note", "the step says who blocks")
    tocsin.done("improvement", "drop", "I-3", "--reason", "it is blue")
    tocsin.clock.advance(8 * DAY)
    found = tocsin("improvement", "list", "--format", "json").json["items"]
    assert [(item["status"], item["overdue"]) for item in found] == [
        ("open", True),
        ("done", False),
        ("dropped", False),
    ]
    compare("improvement.list", tocsin.done("improvement", "list"), tocsin.home)


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        ((), 2, "argument_missing", ""),
        (("x", "--take", "rating:T1"), 2, "options_conflict", ""),
        (("--take", "rating:T1"), 2, "option_missing", "--from"),
        (("x", "--element", "luck"), 2, "unknown_element", "planning"),
        (("x", "--due", "soon"), 2, "bad_date", ""),
        (("x", "--step", "block"), 2, "option_missing", "--from"),
        (("x", "--owner", "jonass"), 1, "unknown_person", "jonas"),
        (("x", "--owner", "role:counsell"), 1, "unknown_role", "role:counsel"),
        (("x", "--closes-with", "hope"), 1, "bad_closing", ""),
        (("x", "--start", "2026-12-02", "--due", "2026-12-01"), 1, "due_before_start", ""),
        ((" ",), 1, "words_missing", ""),
    ],
)
def test_an_item_that_says_nothing_is_refused(
    tocsin: AtDesk, words: tuple[str, ...], code: int, error: str, hint: str
) -> None:
    said = tocsin("improvement", "add", *words, "--format", "json")
    assert (said.code, said.error, hint in said.json["hint"]) == (code, error, True), said.out
    assert items(tocsin) == {}


def test_an_unknown_name_is_refused_with_the_nearest_one(tocsin: AtDesk, exercise: Path) -> None:
    name = played(tocsin, exercise, "U", blocks=False)
    tocsin.done("improvement", "add", "x", "--from", name, "--objective", "T1")
    add = ("improvement", "add")
    for words, code, nearest in (
        (("improvement", "show", "I-11"), "unknown_item", "I-1"),
        ((*add, "--from", name, "--take", "rating:T2"), "unknown_proposal", "rating:T1"),
        ((*add, "x", "--from", name, "--objective", "T2"), "unknown_target", "T1"),
        ((*add, "x", "--from", name, "--step", "blok"), "unknown_step", "block"),
    ):
        said = tocsin(*words, "--format", "json")
        assert (said.code, said.error, nearest in said.json["hint"]) == (1, code, True), said.out
    assert tocsin("improvement", "change", "I-1").code == 2


def test_an_overdue_item_is_shown_and_alerts_nobody(incident: AtDesk) -> None:
    incident.done("improvement", "add", "The list is old", "--owner", "jonas", "--due", "2026-11-24")
    assert "I-1" not in incident("status").out
    assert "I-1" not in incident("doctor").out
    codes = incident("status", "--check").code, incident("doctor").code
    incident.clock.advance(DAY)
    found = incident("status", "--format", "json").json
    assert [(one["kind"], one["ref"], one["command"]) for one in found["organisation"]] == [
        ("improvement_late", "I-1", "tocsin improvement list")
    ]
    assert "improvement_late" not in [one["kind"] for one in found["needs_attention"]]
    assert "I-1" in incident("status").out
    assert "I-1" in incident("doctor").out
    assert (incident("status", "--check").code, incident("doctor").code) == codes
    incident.done("improvement", "done", "I-1", "--note", "there is a new one")
    assert "I-1" not in incident("doctor").out


def test_the_improvement_plan_of_the_report_has_a_row_for_each_item(
    learning: AtDesk, exercise: Path, tmp_path: Path
) -> None:
    learning.done("improvement", "change", "I-1", "--action", "Train the desk", "--start", "2026-11-26")
    learning.done("improvement", "change", "I-1", "--due", "2026-12-01")
    learning.done("improvement", "done", "I-1", "--note", "trained")
    said = learning("drill", "report", "--incident", "amber-falcon", "--out", str(tmp_path), "--to", "md")
    assert {"1", "amber-falcon"} <= set(said.err.split()), "one proposal is not in its improvement plan"
    (item,) = learning("improvement", "list", "--format", "json").json["items"]
    (file,) = tmp_path.glob("*after-action-amber-falcon_*.md")
    text = file.read_text(encoding="utf-8").replace("\\", "")
    row = next(line for line in text.splitlines() if f"I-1: {item['text']}" in line)
    *cells, ended = (cell.strip() for cell in row.strip("|").split("|"))
    assert cells == [
        "Operational Coordination",
        f"I-1: {item['text']}",
        "Train the desk",
        "training",
        "counsel",
        "Jonas Jansen, Ada Adler",
        "2026-11-26",
    ]
    assert ended == "done 2026-11-25"


@pytest.mark.parametrize(
    ("zone", "late"), [("Pacific/Kiritimati", True), ("Europe/Nowhere", False), ("", False)]
)
def test_a_due_day_ends_at_midnight_in_the_organisation_zone(tocsin: AtDesk, zone: str, late: bool) -> None:
    tocsin.settings(organisation={"zone": zone})
    tocsin.clock.advance(timedelta(hours=4))
    tocsin.done("improvement", "add", "The list is old", "--due", "2026-11-24")
    (one,) = tocsin("improvement", "list", "--format", "json").json["items"]
    assert one["overdue"] is late
