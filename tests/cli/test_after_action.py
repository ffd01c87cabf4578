"""The after-action report: in HSEEP's order, marked, a draft until people have rated, and of real incidents as well."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from runner.model import commands as c
from tests.cli import reported
from tests.cli.at_desk import AtDesk, compare
from tests.cli.test_drills import begun, exercise  # noqa: F401  # a fixture
from tests.cli.test_report_numbers import compared


def report(tocsin: AtDesk, out: Path, *to: str) -> dict[str, str]:
    """Write a report; return what those made of text say, by name."""
    tocsin.done("drill", "report", "--out", str(out), "--to", ",".join(to))
    return {
        path.name: path.read_text(encoding="utf-8").replace("\\", "")
        for path in out.iterdir()
        if path.suffix in (".md", ".txt")
    }


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
    (signed,) = (tmp_path / "signed").iterdir()
    file = hashlib.sha256(signed.read_bytes()).hexdigest()
    digest = hashlib.sha256(f"md {file}".encode()).hexdigest()
    entries = tocsin("timeline", "--format", "json").json["entries"]
    (entry,) = (one for one in entries if one["type"] == "ReportSigned")
    assert (entry["claimed"], f"sha256:{digest}" in entry["text"]) == ("olga", True)
    ((name, text),) = report(tocsin, tmp_path / "final", "md").items()
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
    (text,) = (path.read_text(encoding="utf-8") for path in out.glob("*.txt"))
    assert {"EXERCISE", "DRAFT"} <= set(text.splitlines()[0].split())
    assert said.json["head"] in "".join(text.split())


def test_a_real_incident_s_report_has_no_exercise_parts_and_no_exercise_s_mark(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    tocsin.done("open", str(exercise.parent / "lost-badge.yaml"), "--yes")
    ((name, text),) = report(tocsin, tmp_path / "real", "md").items()
    assert name.startswith("DRAFT_after-action-amber-falcon_")
    assert "EXERCISE" not in text
    where = ("--to", "md", "--out", str(tmp_path / "real"))
    found = tocsin("drill", "report", *where, "--format", "json").json
    assert (found["status"], found["signed"], found["scenario"]) == ("draft", [], None)
    said = tocsin("drill", "report", "--sign", "--as", "maria", *where)
    assert (said.code, said.error) == (1, "report_draft"), "it is not closed"


def findings(said: Any) -> dict[str, bool]:
    """Return what was checked of a report, and whether it holds."""
    assert said.json["ok"] is all(one["holds"] for one in said.json["findings"])
    return {one["about"]: one["holds"] for one in said.json["findings"]}


def told(said: Any, about: str) -> set[str]:
    """Return the names and numbers in what is said of one thing that was checked."""
    (text,) = (one["said"] for one in said.json["findings"] if one["about"] == about)
    return set(re.findall(r"\w+", text))


def rated(tocsin: AtDesk, exercise: Path, out: Path) -> list[Path]:  # noqa: F811
    """Play, rate and sign; return the signed files."""
    begun(tocsin, exercise).step()
    tocsin.done("drill", "end")
    tocsin.done("drill", "rate", "T1", "U", "--as", "olga")
    tocsin.done("drill", "report", "--sign", "--as", "olga", "--out", str(out), "--to", "md,pdf")
    return sorted(out.iterdir())


def test_a_signed_report_is_held_against_the_journal_and_a_changed_one_does_not_hold(
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
    (entry,) = (one["event"] for one in entries if one["type"] == "ReportSigned")
    files[0].write_bytes(files[0].read_bytes().replace(b"U", b"P", 1))
    said = tocsin("drill", "report", "--check", str(files[0]), "--format", "json")
    assert said.code == 1
    assert findings(said) == {"bytes": False, "journal": True}
    assert {"olga", str(entry)} <= told(said, "bytes"), "what is signed is named"
    missing = tocsin("drill", "report", "--check", str(tmp_path / "nothing.pdf"))
    assert (missing.code, missing.error) == (1, "file_unreadable")


def test_a_signature_by_another_hand_or_over_other_heads_does_not_hold(
    tocsin: AtDesk,
    exercise: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    (file, _) = rated(tocsin, exercise, tmp_path / "signed")
    desk = tocsin.office("jonas")
    (name,) = (one.id for one in desk.store.rows())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    forged = c.SignReport(
        by="olga", digest="sha256:0", files={"md": digest}, heads={"StartEx": f"1:sha256:{'0' * 64}"}
    )
    desk.submit(name, forged)
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


def test_a_report_is_a_draft_again_once_the_journal_goes_on_after_its_signature(
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


def test_a_real_incident_s_report_is_a_draft_until_somebody_who_holds_a_role_signs_it(
    tocsin: AtDesk, tmp_path: Path
) -> None:
    reported.worked(reported.staffed(tocsin), tmp_path)
    where = ("-i", "amber-falcon", "--to", "md", "--out", str(tmp_path / "out"))
    draft = tocsin("drill", "report", *where, "--format", "json").json
    assert (draft["status"], draft["signed"], bool(draft["draft_because"])) == ("draft", [], True)
    refused = tocsin("drill", "report", "--sign", "--as", "olga", *where, "--format", "json")
    assert (refused.code, refused.error, "olga" in refused.json["message"]) == (1, "role", True)
    signed = tocsin("drill", "report", "--sign", "--as", "maria", *where, "--format", "json").json
    assert signed["status"] == "final"
    (file,) = (one["path"] for one in signed["files"])
    assert Path(file).name.startswith("after-action-amber-falcon_")
    said = tocsin("drill", "report", "-i", "amber-falcon", "--check", file, "--format", "json")
    assert (said.code, set(findings(said).values())) == (0, {True})
    assert {"opened", "closed", "report"} <= told(said, "heads")
