"""The after-action report: in HSEEP's order, marked, a draft until people have rated, and of real incidents as well."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from runner.app.core.incident_service import IncidentService
from runner.app.core.repository import Append
from runner.app.core.transaction import entry, row_of
from runner.incident.state.exercise import ReportSigned
from runner.incident.state.incident import Incident
from runner.incident.turn.fold import fold
from runner.incident.turn.settle import number
from tests.cli.at_desk import AtDesk, compare
from tests.cli.exercises import reported
from tests.cli.exercises.test_drills import begun, exercise  # noqa: F401  # a fixture
from tests.cli.law.test_report_numbers import compared


def report(tocsin: AtDesk, out: Path, *verb: str) -> tuple[str, str]:
    """Write a report as text; return its file's name and what it says, without the annex."""
    said = tocsin(*verb, "--out", str(out), "--to", "md", "--format", "json")
    assert said.code == 0, said.err
    (path,) = own(Path(file["path"]) for file in said.json["files"])
    return path.name, path.read_text(encoding="utf-8").replace("\\", "")


def own(paths: Iterable[Path]) -> list[Path]:
    """Return the files of the report itself, in order, without those of the annex."""
    return sorted(path for path in paths if "-journal" not in path.name)


def test_the_report_has_every_section_and_is_a_draft_until_each_target_is_rated_by_a_person(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    begun(tocsin, exercise).step()
    tocsin.clock.advance(timedelta(seconds=20))
    tocsin.done("task", "check", "block", "--all")
    tocsin.done("task", "done", "block")
    tocsin.done("drill", "observe", "The caller was asked well", "--objective", "O1", "--kind", "strength")
    tocsin.done(
        "drill",
        "observe",
        "The list was old",
        "--objective",
        "O1",
        "--kind",
        "improvement",
        "--about",
        "call list",
    )
    tocsin.done("drill", "observe", "Unassigned", "--kind", "improvement")
    tocsin.done("drill", "end")
    where = ("--to", "md", "--out", str(tmp_path / "draft"))
    draft = tocsin("drill", "report", *where, "--format", "json").json
    assert Path(draft["files"][0]["path"]).name.startswith("EXERCISE_DRAFT_after-action-amber-falcon_")
    assert (draft["status"], "T1" in draft["draft_because"]) == ("draft", True)
    assert draft["scenario"]["ratings"]["unconfirmed"] == ["T1"]
    (target,) = draft["scenario"]["ratings"]["objectives"][0]["targets"]
    assert (target["rating"], target["proposal"]) == ("", "S")
    out = str(tmp_path / "signed")
    said = tocsin("drill", "report", "--sign", "--as", "olga", "--out", out, "--format", "json")
    assert (said.code, said.error, "T1" in said.json["message"]) == (1, "report_draft", True)
    tocsin.done("drill", "rate", "T1", "S", "--as", "olga")
    said = tocsin("drill", "report", "--sign", "--out", out, "--format", "json")
    assert (said.code, said.error, "olga" in said.json["hint"]) == (1, "role", True)
    assert not (tmp_path / "signed").exists()
    tocsin.done("drill", "report", "--sign", "--as", "olga", "--out", out, "--to", "md")
    names = {"journal.md" if "-journal" in one.name else "md": one for one in (tmp_path / "signed").iterdir()}
    lines = [
        f"{name} {hashlib.sha256(names[name].read_bytes()).hexdigest()}" for name in ("journal.md", "md")
    ]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    entries = tocsin("timeline", "--format", "json").json["entries"]
    (entry,) = (entry for entry in entries if entry["type"] == "ReportSigned")
    assert (entry["claimed"], f"sha256:{digest}" in entry["text"]) == ("olga", True)
    name, text = report(tocsin, tmp_path / "final", "drill", "report")
    assert name.startswith("EXERCISE_after-action-amber-falcon_")
    assert "DRAFT" not in text
    assert f"sha256:{digest}" in text
    compared("rated.md", text, tmp_path)


def test_every_format_is_written_and_the_journal_s_head_in_it_is_an_anchor(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end")
    out = tmp_path / "all"
    said = tocsin("drill", "report", "--out", str(out), "--to", "docx,pdf,html,txt", "--format", "json")
    assert {path.suffix for path in out.iterdir()} == {".docx", ".pdf", ".html", ".txt"}
    (text,) = (path.read_text(encoding="utf-8") for path in own(out.glob("*.txt")))
    assert {"EXERCISE", "DRAFT"} <= set(text.splitlines()[0].split())
    assert said.json["head"] in "".join(text.split())
    checkpoint = tocsin.office().checkpoints.footer().split()[-1]
    assert checkpoint in text


def test_a_real_incident_s_report_has_no_exercise_parts_and_no_exercise_s_mark(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    name, text = report(tocsin, tmp_path / "real", "report")
    assert name.startswith("DRAFT_after-action-amber-falcon_")
    assert "EXERCISE" not in text
    where = ("--to", "md", "--out", str(tmp_path / "real"))
    found = tocsin("report", *where, "--format", "json").json
    assert (found["status"], found["signed"], found["scenario"]) == ("draft", [], None)
    said = tocsin("report", "--sign", "--as", "maria", *where)
    assert (said.code, said.error) == (1, "report_draft"), "it is not closed"


def findings(said: Any) -> dict[str, bool]:
    """Return what was checked of a report, and whether it holds."""
    assert said.json["ok"] is all(finding["holds"] for finding in said.json["findings"])
    return {finding["about"]: finding["holds"] for finding in said.json["findings"]}


def told(said: Any, about: str) -> set[str]:
    """Return the names and numbers in what is said of one thing that was checked."""
    (text,) = (finding["said"] for finding in said.json["findings"] if finding["about"] == about)
    return set(re.findall(r"\w+", text))


def rated(tocsin: AtDesk, exercise: Path, out: Path) -> list[Path]:  # noqa: F811
    """Play, rate and sign; return the signed files."""
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end")
    tocsin.done("drill", "rate", "T1", "N/O", "--as", "olga")
    tocsin.done("drill", "report", "--sign", "--as", "olga", "--out", str(out), "--to", "md,pdf")
    return own(out.iterdir())


def test_a_signed_report_verifies_and_a_changed_report_does_not(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    files = rated(tocsin, exercise, tmp_path / "signed")
    for file in files:
        said = tocsin("drill", "report", "--check", str(file), "--format", "json")
        assert said.code == 0, said.out
        assert findings(said) == dict.fromkeys(
            ("bytes", "digest", "copies", "signer", "heads", "journal"), True
        )
        assert "olga" in told(said, "bytes")
        assert {"StartEx", "EndEx", "report"} <= told(said, "heads")
    entries = tocsin("timeline", "--format", "json").json["entries"]
    (entry,) = (entry["event"] for entry in entries if entry["type"] == "ReportSigned")
    files[0].write_bytes(files[0].read_bytes().replace(b"U", b"P", 1))
    said = tocsin("drill", "report", "--check", str(files[0]), "--format", "json")
    assert said.code == 1
    assert findings(said) == {"bytes": False, "journal": True}
    assert {"olga", str(entry)} <= told(said, "bytes"), "what is signed is named"
    missing = tocsin("drill", "report", "--check", str(tmp_path / "nothing.pdf"))
    assert (missing.code, missing.error) == (1, "file_unreadable")


def _append(desk: IncidentService, incident: Incident, event: ReportSigned) -> None:
    """Put an event into the journal past all decisions."""
    now, library = desk.clock.now(), desk.library(incident)
    added = entry(event, now, desk.principal.actor, desk.now_in(incident))
    after = fold(incident, number(incident, desk.now_in(incident), [event]), library)
    row = row_of(after, now, library)
    append = Append(incident=incident.id, expected_version=incident.version, events=[added], row=row)
    desk.store.append([append], recorded=now)


def test_a_signature_by_another_hand_or_over_other_heads_does_not_hold(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    (file, _) = rated(tocsin, exercise, tmp_path / "signed")
    desk = tocsin.office("jonas")
    (name,) = (row.id for row in desk.store.rows())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    forged = ReportSigned(
        by="olga", digest="sha256:0", files={"md": digest}, heads={"StartEx": f"1:sha256:{'0' * 64}"}
    )
    _append(desk, desk.load(name), forged)
    said = tocsin("drill", "report", "--check", str(file), "--format", "json")
    assert said.code == 1
    assert findings(said) == {
        "bytes": True,
        "digest": False,
        "copies": True,
        "signer": False,
        "heads": False,
        "journal": True,
    }
    assert "olga" in told(said, "signer")
    assert "StartEx" in told(said, "heads")
    compare("drill.report.check", tocsin("drill", "report", "--check", str(file)).out, tocsin.home)


def test_a_report_is_a_draft_again_after_later_entries(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    rated(tocsin, exercise, tmp_path / "signed")
    again = tocsin("drill", "report", "--to", "md", "--out", str(tmp_path / "again"), "--format", "json").json
    (signed,) = again["signed"]
    assert (again["status"], again["draft_because"], signed["by"]) == ("final", "", "olga")
    tocsin.done("drill", "rate", "T1", "M", "--note", "they did, on paper", "--as", "olga")
    later = tocsin("drill", "report", "--to", "md", "--out", str(tmp_path / "later"), "--format", "json").json
    assert later["status"] == "draft"
    assert re.findall(r"\d+", later["draft_because"]) == [str(signed["event"])]


def test_a_report_is_a_draft_until_a_role_holder_signs_it(tocsin: AtDesk, tmp_path: Path) -> None:
    reported.worked(reported.staffed(tocsin), tmp_path)
    where = ("-i", "amber-falcon", "--to", "md", "--out", str(tmp_path / "out"))
    draft = tocsin("report", *where, "--format", "json").json
    assert (draft["status"], draft["signed"], bool(draft["draft_because"])) == ("draft", [], True)
    refused = tocsin("report", "--sign", "--as", "olga", *where, "--format", "json")
    assert (refused.code, refused.error, "olga" in refused.json["message"]) == (1, "role", True)
    signed = tocsin("report", "--sign", "--as", "maria", *where, "--format", "json").json
    assert signed["status"] == "final"
    assert len(signed["files"]) == 2
    for file in (file["path"] for file in signed["files"]):
        assert Path(file).name.startswith("after-action-amber-falcon")
        said = tocsin("report", "-i", "amber-falcon", "--check", file, "--format", "json")
        assert (said.code, set(findings(said).values())) == (0, {True})
        assert {"opened", "closed", "report"} <= told(said, "heads")


def test_lateness_counts_to_the_closing_and_not_to_the_last_target(incident: AtDesk, tmp_path: Path) -> None:
    where = ("-i", "amber-falcon", "--to", "md", "--out", str(tmp_path), "--format", "json")
    incident.clock.advance(timedelta(minutes=6))
    incident.closed("--reason", "found again")
    incident.clock.advance(timedelta(days=2))
    assert {task["late_seconds"] for task in incident("report", *where).json["tasks"]} == {0}
    incident.done("reopen", "-i", "amber-falcon", "--reason", "too early")
    late = incident("report", *where).json["tasks"]
    assert {task["step"]: task["late_seconds"] for task in late}["lost-badge:block#1"] == 172_260
    incident.clock.advance(timedelta(minutes=1))
    incident.closed("--reason", "now")
    incident.clock.advance(timedelta(days=1))
    again = incident("report", *where).json["tasks"]
    assert {task["step"]: task["late_seconds"] for task in again}["lost-badge:block#1"] == 172_320


def test_open_duties_and_causes_are_in_the_numbers_with_why_they_were_left(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    reported.worked(reported.staffed(tocsin), tmp_path)
    where = ("-i", "amber-falcon", "--to", "md", "--out", str(tmp_path / "out"), "--format", "json")
    found = tocsin("report", *where).json
    owed = {duty["id"] for duty in found["open_duties"]}
    assert (found["left_open"][reported.LETTERS], reported.LETTERS in owed) == ("the parent does it", True)
    assert reported.GDPR not in owed, "it was filed"
    unknown = {
        duty["id"]
        for duty in tocsin("duties", "-i", "amber-falcon", "--format", "json").json["duties"]
        if duty["verdict"] == "unknown"
    }
    assert set(found["undetermined"]) == unknown, "what nobody can tell is never left out"
    assert found["causes"] == []
    said = ("-i", "amber-falcon", "--source", "forensics")
    tocsin.done("fact", "set", "incident.root_cause=A role with too many rights", *said)
    (cause,) = tocsin("report", *where).json["causes"]
    assert (cause["key"], cause["value"], cause["source"], cause["confidence"]) == (
        "incident.root_cause",
        "A role with too many rights",
        "forensics",
        "confirmed",
    )


LETTERED = re.compile(r"^## Appendix ([A-Z])", re.MULTILINE)


def test_appendices_are_lettered_without_a_gap_and_the_journal_is_a_file_of_its_own(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end", "--close")
    _, played = report(tocsin, tmp_path / "played", "drill", "report", "-i", "amber-falcon")
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    _, real = report(tocsin, tmp_path / "real", "report")
    assert ("".join(LETTERED.findall(played)), "".join(LETTERED.findall(real))) == ("ABCDEF", "ABCDE")
    (annex,) = (tmp_path / "real").glob("*-journal_*.md")
    assert annex.name.startswith("DRAFT_")
    entries = tocsin("timeline", "--format", "json").json["entries"]
    numbers = re.findall(r"^\| (\d+) \|", annex.read_text(encoding="utf-8"), re.MULTILINE)
    assert numbers
    assert {int(number) for number in numbers} <= {entry["event"] for entry in entries}
    assert not re.search(r"^\| \d+ \| 2026", real, re.MULTILINE)


def test_each_kind_of_incident_has_its_own_command(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    begun(tocsin, exercise).step()
    said = tocsin("report", "--out", str(tmp_path / "none"), "--format", "json")
    assert (said.code, said.error, said.json["hint"]) == (
        1,
        "is_exercise",
        "tocsin drill report -i amber-falcon",
    )
    tocsin.done("drill", "end", "--close")
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    said = tocsin("drill", "report", "--out", str(tmp_path / "none"), "--format", "json")
    assert (said.code, said.error) == (1, "not_exercise")
    assert said.json["hint"].startswith("tocsin report -i ")
    assert not (tmp_path / "none").exists()


def test_a_report_goes_into_the_file_that_is_named_and_its_annex_beside_it(
    incident: AtDesk, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "board.txt"
    incident.done("report", "--out", str(out))
    assert {path.name for path in out.parent.iterdir()} == {"board.txt", "board-journal.txt"}
    assert "DRAFT" in out.read_text(encoding="utf-8")
    said = incident("report", "--out", str(out), "--to", "pdf")
    assert (said.code, said.error) == (2, "options_conflict")


def test_an_unattended_exercise_writes_its_report_on_request(nowhere: AtDesk, tmp_path: Path) -> None:
    out = tmp_path / "reports"
    nowhere.done("drill", "run", "lost-laptop", "--unattended", "--report", str(out))
    assert {(path.suffix, "-journal" in path.name) for path in out.iterdir()} == {
        (".docx", False),
        (".docx", True),
        (".pdf", False),
        (".pdf", True),
    }
    said = nowhere("drill", "run", "lost-laptop", "--report", str(out))
    assert (said.code, said.error) == (2, "option_missing")
