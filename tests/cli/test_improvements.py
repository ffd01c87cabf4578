"""Improvement items from the command line: proposed, taken over by a person, done, and proved by a later exercise."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.at_desk import AtDesk
from tests.cli.test_drills import begun, exercise
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
        one["codename"]
        for one in tocsin("list", "--format", "json").json["incidents"]
        if one["state"] in ("open", "paused")
    ]
    tocsin.done("close", "--reason", "the exercise is over")
    return str(codename)


def items(tocsin: AtDesk) -> dict[str, str]:
    found = tocsin("improvement", "list", "--format", "json").json
    return {one["id"]: one["status"] for one in found["items"]}


def test_what_went_wrong_is_proposed_and_nothing_is_added_before_a_person_takes_it(
    tocsin: AtDesk, exercise: Path
) -> None:
    name = played(tocsin, exercise, "U", blocks=False)
    said = tocsin("improvement", "add", "--from", name, "--format", "json")
    assert said.code == 0, said.err
    found = {one["ref"]: one for one in said.json["proposals"]}
    assert set(found) == {"rating:T1", "inject:1"}
    assert found["rating:T1"]["text"] == "Blocked within 15 minutes: rated U, as seen"
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
    assert (again.code, "rating:T1 is I-1 already" in again.err) == (1, True)
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


def test_who_did_it_says_how_one_can_see_it_and_only_a_later_exercise_proves_it(
    learning: AtDesk, exercise: Path
) -> None:
    refused = learning("improvement", "done", "I-1")
    assert (refused.code, "a note of what was done" in refused.err) == (1, True)
    assert "it cannot be retested" in learning("improvement", "retest", "I-1").err
    learning.done("improvement", "done", "I-1", "--note", "the desk has the telephone number")
    assert items(learning) == {"I-1": "done"}
    assert "not proved yet" in learning.done("improvement", "list")
    said = learning("improvement", "retest", "I-1")
    assert (said.code, "no exercise that was begun since" in said.err) == (1, True)
    learning.clock.advance(DAY)
    name = played(learning, exercise, "S")
    learning.done("improvement", "retest", "i-1", "--as", "ada")
    (found,) = learning("improvement", "show", "I-1", "--format", "json").json["items"]
    assert (found["status"], found["proof"]["codename"], found["proof"]["ratings"]) == (
        "retested",
        name,
        {"T1": "S"},
    )
    assert found["proof"]["exercise"] == "badge-evening"
    assert found["proof"]["rated_by"] == ["olga"]
    assert "sha256:" in found["proof"]["digest"]
    assert [(one["what"], one["by"]) for one in found["history"]] == [
        ("added", "maria"),
        ("done", "maria"),
        ("retested", "ada"),
    ]
    assert "1 item is over (--all)" in learning.done("improvement", "list")
    assert learning("audit", "verify").code == 0


@pytest.mark.parametrize(
    ("rating", "by", "why"),
    [
        ("M", "olga", "T1 was rated M"),
        ("S", "maria", "maria rated it, who does not evaluate that exercise"),
        ("", "olga", "nobody has rated T1 yet"),
    ],
)
def test_no_proof_is_a_bad_rating_a_player_s_or_none(
    tocsin: AtDesk, exercise: Path, rating: str, by: str, why: str
) -> None:
    tocsin.done("improvement", "add", "slow", "--closes-with", "exercise:badge-evening:T1")
    tocsin.done("improvement", "done", "I-1", "--note", "trained")
    tocsin.clock.advance(DAY)
    if by == "maria":  # where no evaluator is named anybody may rate, and it proves nothing
        text = exercise.read_text(encoding="utf-8")
        exercise.write_text(
            text.replace("  - {person: olga, role: evaluator, covers: [O1]}\n", ""), encoding="utf-8"
        )
    played(tocsin, exercise, rating, by=by)
    said = tocsin("improvement", "retest", "I-1")
    assert (said.code, why in said.err) == (1, True), said.err


def test_an_exercise_that_was_begun_before_it_was_done_proves_nothing(tocsin: AtDesk, exercise: Path) -> None:
    tocsin.done("improvement", "add", "slow", "--closes-with", "exercise:badge-evening:O1")
    name = played(tocsin, exercise, "S")
    tocsin.done("improvement", "done", "I-1", "--note", "trained")
    assert "no exercise that was begun since" in tocsin("improvement", "retest", "I-1", "--by", name).err
    tocsin.clock.advance(DAY)
    tocsin.chance.codename()
    played(tocsin, exercise, "P")
    assert "no exercise that was begun since" in tocsin("improvement", "retest", "I-1", "--by", name).err
    tocsin.done("improvement", "retest", "I-1")


def test_an_exercise_without_people_proposes_nothing_and_proves_nothing(
    tocsin: AtDesk, exercise: Path
) -> None:
    tocsin.done("improvement", "add", "slow", "--closes-with", "exercise:badge-evening:T1")
    tocsin.done("improvement", "done", "I-1", "--note", "trained")
    tocsin.clock.advance(DAY)
    tocsin.done("drill", "run", str(exercise), "--unattended")
    assert tocsin("improvement", "retest", "I-1").code == 1
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--kind", "test", "--yes")
    said = tocsin("improvement", "add", "--from", "amber-falcon")
    assert (said.code, "is a test" in said.err) == (1, True), said.err


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
    said = tocsin("improvement", "done", "I-2", "--note", "the step says who blocks")
    assert (said.code, "the test 'it is not blocked' does not pass" in said.err) == (1, True), said.err
    assert "have no case 'it is green'" in tocsin("improvement", "done", "I-3", "--note", "so").err
    assert items(tocsin) == {"I-1": "done", "I-2": "open", "I-3": "open"}
    (found,) = tocsin("improvement", "show", "I-1", "--format", "json").json["items"]
    assert (found["tested"]["case"], found["tested"]["playbook"]) == ("it is blocked", "lost-badge 1.0.0")
    assert found["tested"]["digest"].startswith("sha256:")


def test_a_real_incident_proposes_as_well_and_its_items_outlive_it(tocsin: AtDesk, playbook: Path) -> None:
    tocsin.settings(channels={}, people={"maria": {}, "jonas": {}, "ada": {}})
    tocsin.done("open", str(playbook), "--yes")
    said = tocsin("improvement", "add", "--from", "amber-falcon", "--format", "json")
    assert [one["ref"] for one in said.json["proposals"]] == ["person:jonas", "person:ada"], said.json
    tocsin.done("improvement", "add", "--from", "amber-falcon", "--take", "all", "--due", "2026-12-01")
    tocsin.done("improvement", "add", "Nobody knew who blocks", "--from", "amber-falcon", "--step", "block")
    tocsin.done("close", "--reason", "found again")
    (_, ada, block) = tocsin("improvement", "list", "--format", "json").json["items"]
    assert (ada["source"]["kind"], ada["element"], ada["due"]) == ("real", "organization", "2026-12-01")
    assert (block["source"]["playbook"], block["source"]["step"]) == ("lost-badge", "block")


def test_an_item_changes_is_dropped_and_opened_again_with_reasons(tocsin: AtDesk) -> None:
    tocsin.done("improvement", "add", "The list is old", "--element", "planning", "--start", "2026-11-25")
    tocsin.done("improvement", "change", "I-1", "--owner", "jonas", "--due", "2026-12-01")
    assert (
        "needs" in tocsin("improvement", "drop", "I-1").err or tocsin("improvement", "drop", "I-1").code == 1
    )
    tocsin.done("improvement", "drop", "I-1", "--reason", "the list is gone")
    assert items(tocsin) == {"I-1": "dropped"}
    tocsin.done("improvement", "reopen", "I-1", "--reason", "there is a new list")
    page = tocsin.done("improvement", "show", "I-1")
    for words in ("jonas", "Tue 1 Dec 2026", "dropped: the list is gone", "reopened: there is a new list"):
        assert words in page
    tocsin.clock.advance(8 * DAY)
    assert "late, Tue 1 Dec 2026" in tocsin.done("improvement", "list")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "say what is to be better"),
        (("x", "--take", "rating:T1"), 2, "say what is to be better"),
        (("--take", "rating:T1"), 2, "--take goes with --from"),
        (("x", "--element", "luck"), 2, "one of: planning"),
        (("x", "--due", "soon"), 2, "no day"),
        (("x", "--step", "block"), 2, "add --from INCIDENT"),
        (("x", "--owner", "jonass"), 1, "did you mean jonas?"),
        (("x", "--owner", "role:counsell"), 1, "did you mean role:counsel?"),
        (("x", "--closes-with", "hope"), 1, "proves nothing"),
        (("x", "--start", "2026-12-02", "--due", "2026-12-01"), 1, "before its start"),
        ((" ",), 1, "what is to be better"),
    ],
)
def test_an_item_that_says_nothing_is_refused(
    tocsin: AtDesk, words: tuple[str, ...], code: int, told: str
) -> None:
    said = tocsin("improvement", "add", *words)
    assert (said.code, told in said.err) == (code, True), said.err
    assert items(tocsin) == {}


def test_what_is_not_there_is_named_with_the_nearest(tocsin: AtDesk, exercise: Path) -> None:
    name = played(tocsin, exercise, "U", blocks=False)
    tocsin.done("improvement", "add", "x", "--from", name, "--objective", "T1")
    assert "did you mean I-1?" in tocsin("improvement", "show", "I-11").err
    assert (
        "does not propose 'rating:T2'"
        in tocsin("improvement", "add", "--from", name, "--take", "rating:T2").err
    )
    assert "no target 'T2'" in tocsin("improvement", "add", "x", "--from", name, "--objective", "T2").err
    assert "no step 'blok'" in tocsin("improvement", "add", "x", "--from", name, "--step", "blok").err
    assert tocsin("improvement", "change", "I-1").code == 2


def test_what_is_late_is_said_quietly_and_pages_nobody(incident: AtDesk) -> None:
    incident.done("improvement", "add", "The list is old", "--owner", "jonas", "--due", "2026-11-24")
    assert "is late" not in incident("status").out
    assert "is late" not in incident("doctor").out
    codes = incident("status", "--check").code, incident("doctor").code
    incident.clock.advance(DAY)
    found = incident("status", "--format", "json").json
    assert [one["text"] for one in found["organisation"]] == ["1 improvement item is late: I-1"]
    assert "improvement_late" not in [one["kind"] for one in found["needs_attention"]]
    assert "1 improvement item is late: I-1  → tocsin improvement list" in incident("status").out
    assert "1 improvement item is late: I-1" in incident("doctor").out
    assert (incident("status", "--check").code, incident("doctor").code) == codes
    incident.done("improvement", "done", "I-1", "--note", "there is a new one")
    assert "is late" not in incident("doctor").out


def test_the_improvement_plan_of_the_report_has_a_row_for_each_item(
    learning: AtDesk, exercise: Path, tmp_path: Path
) -> None:
    learning.done("improvement", "change", "I-1", "--action", "Train the desk", "--start", "2026-11-26")
    learning.done("improvement", "change", "I-1", "--due", "2026-12-01")
    learning.done("improvement", "done", "I-1", "--note", "trained")
    learning.clock.advance(DAY)
    played(learning, exercise, "P")
    learning.done("improvement", "retest", "I-1")
    said = learning("drill", "report", "--incident", "amber-falcon", "--out", str(tmp_path), "--to", "md")
    assert "1 proposal is not in its improvement plan: tocsin improvement add --from amber-falcon" in said.err
    (file,) = tmp_path.glob("*after-action*.md")
    text = file.read_text(encoding="utf-8").replace("\\", "")
    row = next(line for line in text.splitlines() if "I-1: Blocked" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "Operational Coordination",
        "I-1: Blocked within 15 minutes: rated U, as seen",
        "Train the desk",
        "training",
        "counsel",
        "Jonas Jansen, Ada Adler",
        "2026-11-26",
        "done 2026-11-25, retested",
    ]
    assert "Proved by a later exercise: I-1: badge-evening (calm-heron): T1 P by olga" in text


@pytest.mark.parametrize(
    ("zone", "late"), [("Pacific/Kiritimati", True), ("Europe/Nowhere", False), ("", False)]
)
def test_a_day_is_over_when_it_is_over_where_the_organisation_is(
    tocsin: AtDesk, zone: str, late: bool
) -> None:
    tocsin.settings(organisation={"zone": zone})
    tocsin.clock.advance(timedelta(hours=4))
    tocsin.done("improvement", "add", "The list is old", "--due", "2026-11-24")
    (one,) = tocsin("improvement", "list", "--format", "json").json["items"]
    assert one["overdue"] is late
